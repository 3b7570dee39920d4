//! The end of a connection: what the client, its session and the logs are told.

use std::time::Duration;

use castmq_mqtt::{DecodeError, Packet, ReasonCode, Text};
use castmq_observe::{Counter, Event};
use castmq_rules::ack_order::ReceiveMaximumExceeded;
use castmq_rules::connect::Refused;
use castmq_rules::protocol::Violation;
use castmq_rules::session::{DownReason, Expiry};

use super::connect::Refusal;
use super::{Client, Ending, Stage};
use crate::session::SessionEntry;
use crate::timeline::{self, Happening};
use crate::{Shard, hook, ledger, now};

/// How long a closing connection may take to write what is left.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Close {
    /// The client closed it, or it broke.
    ByPeer,
    /// The client sent DISCONNECT.
    Disconnect {
        /// Why.
        reason: ReasonCode,
        /// How long the session is kept instead.
        expiry: Option<Expiry>,
    },
    /// Bytes that are no packet.
    Malformed(DecodeError),
    /// A packet that may not come, or not now.
    Violation(Violation),
    /// More messages under way than agreed.
    ReceiveMaximum(ReceiveMaximumExceeded),
    /// It published where it may not, and that is to end it.
    Denied(ReasonCode),
    /// A message was not accepted and a 3.x client cannot be told.
    NotAccepted(ReasonCode),
    /// What it sent below MQTT was wrong.
    Transport(String),
    /// Its token is over.
    Expired,
    /// What let it in is not so any more.
    Revoked,
    /// Nothing came for too long.
    Silent(ReasonCode),
    /// Its socket took nothing for too long.
    Unwritable,
    /// It was not read for too long because the broker is behind.
    PausedTooLong,
    /// Its session did not answer SUBSCRIBE or UNSUBSCRIBE in time.
    Unanswered,
    /// Another connection, an administrator or the node wants it gone.
    Kicked(ReasonCode),
}

impl Close {
    /// What DISCONNECT says; `None` when the client is gone or has said so itself.
    fn reason(&self) -> Option<ReasonCode> {
        match self {
            Self::ByPeer | Self::Disconnect { .. } | Self::Transport(_) => None,
            Self::Expired | Self::Revoked => Some(ReasonCode::NotAuthorized),
            Self::Malformed(error) => Some(error.reason_code()),
            Self::Violation(violation) => Some(violation.reason_code()),
            Self::ReceiveMaximum(exceeded) => Some(exceeded.reason_code()),
            Self::Denied(reason)
            | Self::NotAccepted(reason)
            | Self::Silent(reason)
            | Self::Kicked(reason) => Some(*reason),
            Self::Unwritable | Self::Unanswered => Some(ReasonCode::UnspecifiedError),
            Self::PausedTooLong => Some(ReasonCode::QuotaExceeded),
        }
    }

    /// The name under which it is counted: esockd's and emqttd's where they have one.
    fn name(&self) -> &'static str {
        match self {
            Self::ByPeer => "closed",
            Self::Disconnect { .. } => "normal",
            Self::Malformed(_) => "frame_error",
            Self::Violation(_) | Self::Kicked(ReasonCode::ProtocolError) => "protocol_error",
            Self::ReceiveMaximum(_) => "receive_maximum_exceeded",
            Self::Denied(_) => "denied",
            Self::NotAccepted(_) => "not_accepted",
            Self::Transport(_) => "transport_error",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Silent(_) => "keepalive_timeout",
            Self::Unwritable => "unwritable",
            Self::PausedTooLong => "paused_too_long",
            Self::Unanswered => "unanswered",
            Self::Kicked(ReasonCode::SessionTakenOver) => "conflict",
            Self::Kicked(ReasonCode::ServerShuttingDown) => "shutdown",
            Self::Kicked(_) => "kick",
        }
    }

    /// What the session is told.
    fn down(&self) -> DownReason {
        match self {
            Self::ByPeer | Self::Transport(_) => DownReason::Closed,
            Self::Disconnect { reason, expiry } => DownReason::Disconnect {
                reason: *reason,
                expiry: *expiry,
            },
            Self::Kicked(ReasonCode::SessionTakenOver) => DownReason::TakenOver,
            Self::Kicked(ReasonCode::ServerShuttingDown) => DownReason::Stopped,
            Self::Malformed(_)
            | Self::Violation(_)
            | Self::ReceiveMaximum(_)
            | Self::Denied(_)
            | Self::NotAccepted(_)
            | Self::Expired
            | Self::Revoked
            | Self::Silent(_)
            | Self::Unwritable
            | Self::Unanswered
            | Self::PausedTooLong
            | Self::Kicked(_) => {
                DownReason::Dropped(self.reason().unwrap_or(ReasonCode::UnspecifiedError))
            }
        }
    }

    fn event(&self) -> Event {
        match self {
            Self::ByPeer | Self::Disconnect { .. } => Event::ClientDisconnected,
            Self::Malformed(_)
            | Self::Violation(_)
            | Self::ReceiveMaximum(_)
            | Self::Kicked(ReasonCode::ProtocolError) => Event::ClientBadInput,
            Self::Denied(_) | Self::NotAccepted(_) | Self::Expired | Self::Revoked => {
                Event::ClientDenied
            }
            Self::Transport(_) => Event::ConnectionRefused,
            Self::Silent(_) | Self::Unwritable | Self::Unanswered | Self::PausedTooLong => {
                Event::ClientTimedOut
            }
            Self::Kicked(_) => Event::ClientTakenOver,
        }
    }

    /// The cause for people.
    fn cause(&self) -> String {
        match self {
            Self::ByPeer => "closed by peer".to_owned(),
            Self::Disconnect { reason, .. } => format!("disconnect {reason:?}"),
            Self::Malformed(error) => error.to_string(),
            Self::Violation(violation) => violation.to_string(),
            Self::ReceiveMaximum(exceeded) => exceeded.to_string(),
            Self::Denied(reason) => format!("denied {reason:?}"),
            Self::NotAccepted(reason) => format!("message not accepted {reason:?}"),
            Self::Transport(cause) => cause.clone(),
            Self::Expired => "its token or certificate has expired".to_owned(),
            Self::Revoked => "its user or its rights were taken away".to_owned(),
            Self::Silent(_) => "nothing received in time".to_owned(),
            Self::Unwritable => "socket took nothing in time".to_owned(),
            Self::Unanswered => "subscription not confirmed in time".to_owned(),
            Self::PausedTooLong => "not read for too long".to_owned(),
            Self::Kicked(reason) => format!("{reason:?}"),
        }
    }
}

impl Client {
    /// Ends the connection: its session hears why at once, the client as far as its version can be
    /// told; what is written still leaves.
    pub(super) fn close(&mut self, shard: &mut Shard, close: &Close) {
        if self.is_closing() {
            return;
        }
        if let Some(refused) = self.unsupported_version(close) {
            let version = self.decoder.version().unwrap_or_default();
            let refusal = Refusal {
                version,
                client_id: None,
                user_name: None,
                refused,
                cause: None,
            };
            return self.refuse(shard, refusal);
        }
        self.tell_close(shard, close);
        let down = close.down();
        self.to_session(shard, |epoch| SessionEntry::Disconnected {
            epoch,
            reason: down,
        });
        if let Stage::Connected(linked) = &self.stage {
            let client_id = linked.client_id.clone();
            hook::client_disconnected(shard, &client_id, &close.cause());
        }
        if let Some(reason) = close.reason() {
            self.say_farewell(shard, close, reason);
        }
        if matches!(close, Close::ByPeer | Close::Transport(_)) {
            // Nobody reads it.
            self.out.clear();
        }
        self.leave_opening(shard);
        self.begin_closing(shard);
    }

    /// The first packet told a version that is not spoken here: that has an answer of its own.
    // [MQTT3-3.1.2-2] [MQTT5-3.1.2-2]
    fn unsupported_version(&self, close: &Close) -> Option<Refused> {
        let Close::Malformed(error) = close else {
            return None;
        };
        (self.is_opening() && error.is_unsupported_version()).then_some(Refused::UnsupportedVersion)
    }

    // [MQTT5-4.13.1-1] [MQTT5-3.1.2-29]
    fn say_farewell(&mut self, shard: &mut Shard, close: &Close, reason: ReasonCode) {
        let wants_text =
            matches!(&self.stage, Stage::Connected(linked) if linked.wants_problem_information);
        let stage_version = self.version();
        if let Some(mut disconnect) = self.machines.farewell(reason) {
            if wants_text {
                disconnect.properties.reason_string = Text::try_from(close.cause()).ok();
            }
            if reason == ReasonCode::ServerShuttingDown {
                disconnect.properties.server_reference = shard.world.server_reference.clone();
            }
            let packet = Packet::Disconnect(Box::new(disconnect));
            debug_assert_eq!(stage_version, castmq_mqtt::Version::V5);
            self.write(shard, &packet);
        }
    }

    fn tell_close(&self, shard: &mut Shard, close: &Close) {
        ledger::count_shutdown(shard, &self.profile.name, close.name());
        if let Some(reason) = close.reason() {
            ledger::count_close(shard, reason);
        }
        if let Close::Malformed(error) = close {
            ledger::count(shard, error.name(), 1);
        }
        if close.event() == Event::ClientBadInput {
            shard.count(Counter::ConnectionsBadInput);
        }
        let cause = close.cause();
        if let Stage::Connected(linked) = &self.stage {
            let what = Happening::Disconnected(cause.as_str().into());
            timeline::note(shard, &linked.client_id, Some(self.address.id()), what);
        }
        let client = self.client_id().map_or("", |client_id| client_id.as_str());
        shard.tell(
            close.event(),
            &[("client", &client), ("peer", &self.peer), ("cause", &cause)],
        );
    }

    /// Nothing is read any more; what is left is written, then the socket closes.
    pub(super) fn begin_closing(&mut self, shard: &mut Shard) {
        self.give_up_asking();
        self.machines.close();
        let client_id = match &self.stage {
            Stage::Connected(linked) => Some(linked.client_id.clone()),
            Stage::Opening
            | Stage::Authenticating(_)
            | Stage::Claiming(_)
            | Stage::Closing { .. } => None,
        };
        let since = now(shard);
        let end = Box::new(Ending { since, client_id });
        self.stage = Stage::Closing { end };
        self.pause = None;
        shard.world.paused.remove(&self.address);
        self.touch_for_end(shard);
        self.arm(shard);
    }

    /// The socket is closed and the process is over.
    pub(super) fn end(&mut self, shard: &mut Shard) {
        self.leave_opening(shard);
        shard.count(Counter::ConnectionsClosed);
        shard.world.paused.remove(&self.address);
        shard.world.orphans.push(self.address.token());
        shard.end(self.address);
    }
}
