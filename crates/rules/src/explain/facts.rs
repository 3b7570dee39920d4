//! What is known of a client and of a topic or message.

use std::net::IpAddr;

use super::Near;
use crate::{MessageId, WallTime};

/// What is known. Names are as they are to be shown to people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Who should get the message.
    pub client: String,
    /// Its topic.
    pub topic: String,
    /// Which message, if it is one and not any on the topic.
    pub message: Option<MessageId>,
    /// Whether anything is known of that message; then what is told below is about it, otherwise about the
    /// last one on the topic.
    pub knows_message: bool,
    /// The client's session.
    pub session: Option<SessionFacts>,
    /// How its last session ended, if it has none.
    pub ended: Option<EndFacts>,
    /// Whether the client was ever seen.
    pub was_seen: bool,
    /// That the client lost the message, or the last one on the topic.
    pub loss: Option<LossFacts>,
    /// That the message, or the last one on the topic, got to nobody.
    pub inbound: Option<LossFacts>,
}

/// What is known of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// Whether it outlives its connection.
    pub is_persistent: bool,
    /// When it was made.
    pub created: Option<WallTime>,
    /// Its connection; `None` while the client is away.
    pub connection: Option<ConnectionFacts>,
    /// Since when the client is away.
    pub away_since: Option<WallTime>,
    /// When the session ends if the client does not come.
    pub expires: Option<WallTime>,
    /// How many subscriptions it has.
    pub subscriptions: usize,
    /// Those that match.
    pub matching: Vec<MatchFacts>,
    /// Those that nearly do, if none does.
    pub nearest: Vec<Near>,
    /// That the client was not allowed to subscribe to what would match.
    pub subscribe_denied: Option<AccessFacts>,
    /// That it unsubscribed from what would match.
    pub unsubscribed: Option<AccessFacts>,
    /// Whether publishers find the way to its arbiter.
    pub has_route: bool,
    /// Whether the client may have messages on the topic.
    pub may_have: bool,
    /// Whether that is looked at when messages are delivered.
    pub checks_delivery: bool,
    /// That the client itself published to the topic last.
    pub own_publish: Option<OwnPublish>,
    /// Whether QoS 0 waits for a client that is away.
    pub keeps_qos0: bool,
    /// What waits.
    pub queue: QueueFacts,
    /// Messages in flight, and how many may be.
    pub window_used: usize,
    /// See there.
    pub window_max: usize,
    /// Whether the connection takes more.
    pub has_room: bool,
    /// The message, or the first on the topic, that is in flight.
    pub flight: Option<FlightFacts>,
    /// The message, or the last on the topic, that the client got.
    pub recent: Option<RecentFacts>,
}

/// What is known of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// Since when there is this one.
    pub since: Option<WallTime>,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// Bytes that wait for its socket.
    pub unsent_bytes: usize,
    /// Since when its socket takes nothing.
    pub blocked: Option<WallTime>,
}

/// A subscription that matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchFacts {
    /// As it was subscribed.
    pub filter: String,
    /// The QoS that it has at most.
    pub qos: u8,
    /// Whether it leaves out what the client publishes itself.
    pub no_local: bool,
    /// Whether one member of a group gets each message.
    pub is_shared: bool,
}

/// A filter of the client, and when something was done about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessFacts {
    /// Which.
    pub filter: String,
    /// When.
    pub at: WallTime,
}

/// A message that the client published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnPublish {
    /// Which.
    pub message: MessageId,
    /// When.
    pub at: WallTime,
}

/// What waits for the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueFacts {
    /// Messages.
    pub len: usize,
    /// How many there may be.
    pub len_max: usize,
    /// Those of them that nobody has looked at: they are on the disk only, or too many.
    pub unseen: usize,
    /// The message, or the first on the topic: which, and how many come before it.
    pub place: Option<(MessageId, usize)>,
}

/// A message in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlightFacts {
    /// Which.
    pub message: MessageId,
    /// Its packet id.
    pub packet_id: u16,
    /// Its QoS.
    pub qos: u8,
    /// When it was sent last.
    pub since: WallTime,
    /// Whether that was on an earlier connection.
    pub is_to_be_repeated: bool,
}

/// A message that the client got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecentFacts {
    /// Which.
    pub message: MessageId,
    /// With which QoS.
    pub qos: u8,
    /// When it was sent.
    pub sent: WallTime,
    /// When it was acknowledged; for QoS 0 when it was sent.
    pub done: WallTime,
    /// Whether the client refused it.
    pub is_refused: bool,
}

/// A loss.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LossFacts {
    /// Its name in the ledger.
    pub reason: &'static str,
    /// What happened.
    pub text: String,
    /// When.
    pub at: WallTime,
    /// Which message.
    pub message: Option<MessageId>,
}

/// How a session ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndFacts {
    /// Why, as the timeline tells it.
    pub why: String,
    /// When.
    pub at: WallTime,
    /// Whether it was not to outlive its connection.
    pub was_clean: bool,
}

impl Facts {
    /// Whether a message was asked for of which nothing is known.
    pub(super) fn is_unknown_message(&self) -> bool {
        self.message.is_some() && !self.knows_message
    }

    /// Whether the client published the message itself, and wants nothing of its own.
    pub(super) fn is_own_message(&self) -> bool {
        self.session.as_ref().is_some_and(|session| {
            let own = session.own_publish.as_ref();
            session.wants_nothing_of_its_own()
                && self.message.is_some()
                && own.map(|own| own.message) == self.message
        })
    }
}

impl SessionFacts {
    /// Whether each subscription that matches leaves out what the client publishes itself.
    pub(super) fn wants_nothing_of_its_own(&self) -> bool {
        !self.matching.is_empty() && self.matching.iter().all(|matching| matching.no_local)
    }

    /// The highest QoS of the subscriptions that match.
    pub(super) fn qos_max(&self) -> u8 {
        let levels = self.matching.iter().map(|matching| matching.qos);
        levels.max().unwrap_or(0)
    }

    /// Whether a message would wait for a client that is away.
    pub(super) fn keeps_for_later(&self) -> bool {
        self.qos_max() > 0 || self.keeps_qos0
    }

    /// Whether the connection takes nothing at the moment.
    pub(super) fn takes_nothing(&self) -> bool {
        let connection = self.connection.as_ref();
        let is_blocked = connection.is_some_and(|connection| connection.blocked.is_some());
        is_blocked || !self.has_room
    }

    /// Whether the socket has taken nothing since something was sent.
    pub(super) fn is_blocked_since(&self, sent: WallTime) -> bool {
        let blocked = self.connection.as_ref().and_then(|there| there.blocked);
        blocked.is_some_and(|blocked| blocked <= sent)
    }
}
