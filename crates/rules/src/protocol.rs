//! Which packet may come when on a connection, and whether it is sound.
//!
//! Knows the packets of one connection and what was agreed for it; routing, sessions and access
//! control come after it. The process parses nothing while [`Protocol::may_parse`] says no.
//! emqttd: emqttd_protocol:received/2

mod auth;
mod publish;
mod violation;

use castmq_mqtt::{
    Ack, Connect, Disconnect, DisconnectProperties, Packet, QoS, ReasonCode, Subscribe,
    SubscribeFilter, Text, Unsubscribe, Version,
};
use serde::{Deserialize, Serialize};

use crate::alias::InboundAliases;
use crate::connect::{ConnectPlan, ConnectSettings};
use crate::session::Expiry;

pub use auth::AuthStep;
pub use publish::{Checked, Verdict, verdict_on};
pub use violation::Violation;

/// What is agreed for a connection, as far as packets are concerned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Agreement {
    version: Version,
    /// How long the session outlives the connection, by CONNECT.
    expiry: Expiry,
    expiry_max: Expiry,
    qos_max: QoS,
    topic_alias_max: u16,
    retain_available: bool,
    wildcard_available: bool,
    subscription_ids_available: bool,
    shared_available: bool,
    validates_payload_format: bool,
    authentication_method: Option<Text>,
}

impl Agreement {
    /// What CONNECT and CONNACK say.
    #[must_use]
    pub fn new(plan: &ConnectPlan, settings: &ConnectSettings) -> Self {
        Self {
            version: plan.version,
            expiry: plan.expiry,
            expiry_max: settings.session_expiry_max,
            qos_max: settings.qos_max,
            topic_alias_max: settings.topic_alias_max,
            retain_available: settings.retain_available,
            wildcard_available: settings.wildcard_available,
            subscription_ids_available: settings.subscription_ids_available,
            shared_available: settings.shared_available,
            validates_payload_format: settings.validates_payload_format,
            authentication_method: plan.properties.authentication_method.clone(),
        }
    }
}

/// A packet that may come now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// The client introduces itself; answer with [`Protocol::handle_accepted`] or close.
    Connect(Box<Connect>),
    /// A message, with its topic.
    Publish(Checked),
    /// The client has a QoS 1 message.
    PubAck(Ack),
    /// The client has a QoS 2 message, or does not want it.
    PubRec(Ack),
    /// The client releases its own QoS 2 message.
    PubRel(Ack),
    /// An exchange is complete.
    PubComp(Ack),
    /// The client wants messages; answer with SUBACK and [`Protocol::handle_answered`].
    Subscribe(Subscribe),
    /// The client wants them no longer; answer with UNSUBACK and [`Protocol::handle_answered`].
    Unsubscribe(Unsubscribe),
    /// A step of enhanced authentication; answer with [`Protocol::handle_challenged`], CONNACK, AUTH or the
    /// end.
    Auth(AuthStep),
    /// A sign of life.
    Ping,
    /// The client takes its leave.
    Disconnect {
        /// [`ReasonCode::Success`] in 3.x.
        reason: ReasonCode,
        /// How long the session is to be kept instead.
        expiry: Option<Expiry>,
    },
}

/// The packets of one connection, from the first one on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Protocol {
    stage: Stage,
    /// Whether a packet broke the protocol.
    is_broken: bool,
    aliases: InboundAliases,
}

/// How far the connection is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Nothing came yet.
    New,
    /// CONNECT came and is not answered.
    Connecting {
        /// The method by which the client was asked to prove who it is.
        challenged_by: Option<Text>,
    },
    /// CONNACK has accepted it. Boxed because most of it is needed only then.
    Connected {
        agreement: Box<Agreement>,
        /// Whether SUBSCRIBE or UNSUBSCRIBE is not answered.
        is_answering: bool,
        /// Whether the client was asked to prove again who it is.
        is_challenged: bool,
    },
    /// Nothing is processed any more.
    Closed,
}

impl Protocol {
    /// A new connection.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            stage: Stage::New,
            is_broken: false,
            aliases: InboundAliases::new(0),
        }
    }

    /// A packet came. After an error nothing more is processed: the connection is closed, in 5.0
    /// after [`Protocol::farewell`].
    ///
    /// # Errors
    ///
    /// [`Violation`] when the packet may not come now or breaks a rule of the protocol.
    // [MQTT5-4.13.1-1]
    pub fn handle_packet(&mut self, packet: Packet) -> Result<Inbound, Violation> {
        let inbound = match &mut self.stage {
            Stage::Closed => Err(Violation::Closed),
            _ if self.is_broken => Err(Violation::Closed),
            Stage::New => first(packet),
            // Packets behind a CONNECT that is not answered are not parsed, see `may_parse`.
            Stage::Connecting { challenged_by } => challenged(packet, challenged_by.take()),
            Stage::Connected {
                agreement,
                is_answering,
                is_challenged,
            } => {
                let inbound = if let Packet::Auth(auth) = packet {
                    let method = agreement.authentication_method.as_ref();
                    auth::check(*auth, method, std::mem::take(is_challenged), true)
                        .map(Inbound::Auth)
                } else {
                    next(packet, agreement, &mut self.aliases)
                };
                *is_answering =
                    matches!(inbound, Ok(Inbound::Subscribe(_) | Inbound::Unsubscribe(_)));
                inbound
            }
        };
        match &inbound {
            Ok(Inbound::Connect(_)) => {
                self.stage = Stage::Connecting {
                    challenged_by: None,
                };
            }
            Ok(Inbound::Disconnect { .. }) => self.close(),
            Ok(_) => {}
            Err(_) => self.is_broken = true,
        }
        inbound
    }

    /// A PUBLISH with a topic and without properties came: [`Self::handle_packet`] for a packet that is
    /// read where it lies. Whether its topic may be published to, [`verdict_on`] says.
    ///
    /// # Errors
    ///
    /// [`Violation`] as there.
    pub fn handle_publish(&mut self, qos: QoS, retain: bool) -> Result<(), Violation> {
        let checked = self
            .agreement()
            .and_then(|agreement| publish::check_flags(qos, retain, agreement));
        self.is_broken |= checked.is_err();
        checked
    }

    /// PUBACK, PUBREC, PUBREL or PUBCOMP came: [`Self::handle_packet`] for a packet that is read where it
    /// lies.
    ///
    /// # Errors
    ///
    /// [`Violation`] as there.
    pub fn handle_acknowledgement(&mut self) -> Result<(), Violation> {
        let checked = self.agreement().map(|_| ());
        self.is_broken |= checked.is_err();
        checked
    }

    /// What is agreed, where packets of a connected client may come.
    fn agreement(&self) -> Result<&Agreement, Violation> {
        match &self.stage {
            Stage::Closed => Err(Violation::Closed),
            _ if self.is_broken => Err(Violation::Closed),
            Stage::New | Stage::Connecting { .. } => Err(Violation::NotConnected),
            Stage::Connected { agreement, .. } => Ok(agreement),
        }
    }

    /// CONNECT was accepted: this is agreed from now on.
    pub fn handle_accepted(&mut self, agreement: Agreement) {
        if matches!(self.stage, Stage::Connecting { .. }) {
            self.aliases = InboundAliases::new(agreement.topic_alias_max);
            self.stage = Stage::Connected {
                agreement: Box::new(agreement),
                is_answering: false,
                is_challenged: false,
            };
        }
    }

    /// AUTH with reason 0x18 was sent: the client is to take the next step by this method.
    // [MQTT5-4.12.0-2]
    pub fn handle_challenged(&mut self, method: &Text) {
        match &mut self.stage {
            Stage::Connecting { challenged_by } => *challenged_by = Some(method.clone()),
            Stage::Connected { is_challenged, .. } => *is_challenged = true,
            Stage::New | Stage::Closed => {}
        }
    }

    /// SUBSCRIBE or UNSUBSCRIBE was answered: what stands behind it may be parsed.
    pub fn handle_answered(&mut self) {
        if let Stage::Connected { is_answering, .. } = &mut self.stage {
            *is_answering = false;
        }
    }

    /// Nothing is processed any more: refused, taken over, closed.
    // [MQTT3-3.1.4-5] [MQTT5-3.1.4-6]
    // differs: emqttd takes packets of a client that it has refused (P1).
    pub fn close(&mut self) {
        self.stage = Stage::Closed;
    }

    /// Whether the next packet may be parsed. Not before CONNECT is answered, so that everything
    /// stands behind CONNACK; not before SUBSCRIBE and UNSUBSCRIBE are answered, so that a message
    /// published behind one meets the subscription.
    #[must_use]
    pub const fn may_parse(&self) -> bool {
        match &self.stage {
            _ if self.is_broken => false,
            Stage::New => true,
            Stage::Connecting { challenged_by } => challenged_by.is_some(),
            Stage::Closed => false,
            Stage::Connected { is_answering, .. } => !*is_answering,
        }
    }

    /// Whether CONNECT was accepted and nothing has ended the connection.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self.stage, Stage::Connected { .. })
    }

    /// The DISCONNECT that tells the client why its connection ends; `None` when it cannot be told:
    /// in 3.x, and before it is connected. Nothing is processed any more.
    // [MQTT5-3.14.0-1] [MQTT5-3.14.2-2] [MQTT5-4.13.2-1]
    pub fn farewell(&mut self, reason: ReasonCode) -> Option<Disconnect> {
        let can_be_told = match &self.stage {
            Stage::Connected { agreement, .. } => agreement.version == Version::V5,
            Stage::New | Stage::Connecting { .. } | Stage::Closed => false,
        };
        self.close();
        can_be_told.then(|| Disconnect {
            reason,
            properties: DisconnectProperties::default(),
        })
    }

    /// Why a filter of a SUBSCRIBE cannot be granted, whoever asks; `None` when it can.
    // [MQTT3-3.8.3-2]
    #[must_use]
    pub fn refusal(&self, filter: &SubscribeFilter) -> Option<ReasonCode> {
        let Stage::Connected { agreement, .. } = &self.stage else {
            return None;
        };
        let reason = if filter.subscription.is_shared() && !agreement.shared_available {
            ReasonCode::SharedSubscriptionsNotSupported
        } else if filter.subscription.filter().has_wildcard() && !agreement.wildcard_available {
            ReasonCode::WildcardSubscriptionsNotSupported
        } else {
            return None;
        };
        Some(reason)
    }
}

impl Default for Protocol {
    fn default() -> Self {
        Self::new()
    }
}

/// The first packet of a connection.
// [MQTT3-3.1.0-1] [MQTT5-3.1.0-1]
fn first(packet: Packet) -> Result<Inbound, Violation> {
    if let Packet::Connect(connect) = packet {
        Ok(Inbound::Connect(connect))
    } else {
        Err(Violation::NotConnected)
    }
}

/// A packet of a client that was asked to prove who it is.
fn challenged(packet: Packet, method: Option<Text>) -> Result<Inbound, Violation> {
    match (packet, method) {
        (Packet::Auth(auth), Some(method)) => {
            auth::check(*auth, Some(&method), true, false).map(Inbound::Auth)
        }
        _ => Err(Violation::NotConnected),
    }
}

/// A later packet.
fn next(
    packet: Packet,
    agreement: &Agreement,
    aliases: &mut InboundAliases,
) -> Result<Inbound, Violation> {
    match packet {
        Packet::Publish(publish) => {
            publish::check(publish, agreement, aliases).map(Inbound::Publish)
        }
        Packet::PubAck(ack) => Ok(Inbound::PubAck(ack)),
        Packet::PubRec(ack) => Ok(Inbound::PubRec(ack)),
        Packet::PubRel(ack) => Ok(Inbound::PubRel(ack)),
        Packet::PubComp(ack) => Ok(Inbound::PubComp(ack)),
        Packet::Subscribe(subscribe) => checked_subscribe(subscribe, agreement),
        Packet::Unsubscribe(unsubscribe) => Ok(Inbound::Unsubscribe(unsubscribe)),
        Packet::PingReq => Ok(Inbound::Ping),
        Packet::Disconnect(disconnect) => checked_disconnect(&disconnect, agreement),
        // [MQTT3-3.1.0-2] [MQTT5-3.1.0-2]
        Packet::Connect(_) => Err(Violation::SecondConnect),
        // Handled before.
        Packet::Auth(_) => Err(Violation::UnexpectedAuth),
        Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {
            Err(Violation::ServerPacket)
        }
    }
}

fn checked_subscribe(subscribe: Subscribe, agreement: &Agreement) -> Result<Inbound, Violation> {
    if subscribe.properties.subscription_id.is_some() && !agreement.subscription_ids_available {
        return Err(Violation::SubscriptionIdNotSupported);
    }
    // [MQTT5-3.8.3-4]
    let is_contradictory =
        |filter: &SubscribeFilter| filter.options.no_local && filter.subscription.is_shared();
    if subscribe.filters.iter().any(is_contradictory) {
        return Err(Violation::NoLocalShared);
    }
    Ok(Inbound::Subscribe(subscribe))
}

fn checked_disconnect(
    disconnect: &Disconnect,
    agreement: &Agreement,
) -> Result<Inbound, Violation> {
    // [MQTT5-3.14.2-1]
    if !is_from_client(disconnect.reason) {
        return Err(Violation::DisconnectReason(disconnect.reason));
    }
    let expiry = disconnect.properties.session_expiry;
    // MQTT 5.0, 3.14.2.2.2: a session that was to end with its connection stays so.
    if agreement.expiry == Expiry::AtOnce && expiry.is_some_and(|seconds| seconds > 0) {
        return Err(Violation::ExpiryRaised);
    }
    Ok(Inbound::Disconnect {
        reason: disconnect.reason,
        expiry: expiry.map(|seconds| Expiry::from_seconds(seconds).min(agreement.expiry_max)),
    })
}

/// Whether a client may end a connection with this reason.
fn is_from_client(reason: ReasonCode) -> bool {
    matches!(
        reason,
        ReasonCode::Success
            | ReasonCode::DisconnectWithWill
            | ReasonCode::UnspecifiedError
            | ReasonCode::MalformedPacket
            | ReasonCode::ProtocolError
            | ReasonCode::ImplementationSpecificError
            | ReasonCode::TopicNameInvalid
            | ReasonCode::ReceiveMaximumExceeded
            | ReasonCode::TopicAliasInvalid
            | ReasonCode::PacketTooLarge
            | ReasonCode::MessageRateTooHigh
            | ReasonCode::QuotaExceeded
            | ReasonCode::AdministrativeAction
            | ReasonCode::PayloadFormatInvalid
    )
}

#[cfg(test)]
mod tests;
