//! The packets of all three versions, as values.

use std::num::NonZeroU16;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    AckProperties, AuthProperties, ConnAckProperties, ConnectProperties, DisconnectProperties,
    PublishProperties, QoS, ReasonCode, SubscribeProperties, Subscription, Text, TopicName,
    UnsubscribeProperties, WillProperties,
};

/// Identifies one exchange between client and server; never 0. [MQTT3-2.3.1-1] [MQTT5-2.2.1-3]
pub type PacketId = NonZeroU16;

/// The version of the protocol that a connection speaks, fixed by its CONNECT.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// MQTT 3.1: protocol name `MQIsdp`, level 3.
    V3,
    /// MQTT 3.1.1: protocol name `MQTT`, level 4.
    #[default]
    V4,
    /// MQTT 5.0: protocol name `MQTT`, level 5.
    V5,
}

/// Any packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packet {
    /// A client introduces itself.
    Connect(Box<Connect>),
    /// The answer to CONNECT.
    ConnAck(Box<ConnAck>),
    /// A message.
    Publish(Publish),
    /// The answer to a QoS 1 PUBLISH.
    PubAck(Ack),
    /// The first answer to a QoS 2 PUBLISH: received.
    PubRec(Ack),
    /// The answer to PUBREC: release.
    PubRel(Ack),
    /// The answer to PUBREL: complete.
    PubComp(Ack),
    /// A client wants messages.
    Subscribe(Subscribe),
    /// The answer to SUBSCRIBE.
    SubAck(SubAck),
    /// A client no longer wants messages.
    Unsubscribe(Unsubscribe),
    /// The answer to UNSUBSCRIBE.
    UnsubAck(UnsubAck),
    /// A sign of life.
    PingReq,
    /// The answer to PINGREQ.
    PingResp,
    /// The last packet of a connection.
    Disconnect(Box<Disconnect>),
    /// A step of enhanced authentication; 5.0 only.
    Auth(Box<Auth>),
}

/// CONNECT: a client introduces itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// The version that protocol name and level stand for.
    pub version: Version,
    /// The high bit of the level of 3.1 and 3.1.1, by which bridges introduce themselves.
    pub is_bridge: bool,
    /// Clean Session (3.x) or Clean Start (5.0).
    pub clean_start: bool,
    /// Seconds between two packets of the client; 0 is no limit.
    pub keep_alive: u16,
    /// Who the client is; empty when the server shall choose.
    pub client_id: Text,
    /// What to publish when the connection ends without DISCONNECT.
    pub will: Option<Will>,
    /// The user's name.
    pub user_name: Option<Text>,
    /// The user's password; any bytes.
    #[serde(
        with = "crate::serial::payload::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub password: Option<Bytes>,
    /// 5.0 only.
    pub properties: ConnectProperties,
}

/// The message that the server publishes for a client that went away without DISCONNECT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Will {
    /// Where to.
    pub topic: TopicName,
    /// What.
    #[serde(with = "crate::serial::payload")]
    pub payload: Bytes,
    /// With which promise.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
    /// 5.0 only.
    pub properties: WillProperties,
}

/// What CONNACK says in 3.x: the numbers 0 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ConnectReturn {
    /// Connected.
    Accepted = 0,
    /// The server does not speak this version.
    UnacceptableProtocolVersion = 1,
    /// The client id is not allowed.
    IdentifierRejected = 2,
    /// The server is not available.
    ServerUnavailable = 3,
    /// User name or password is wrong.
    BadUserNameOrPassword = 4,
    /// The client is not allowed to connect.
    NotAuthorized = 5,
}

impl ConnectReturn {
    /// The return code for its number on the wire; `None` for 6 and above.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Accepted),
            1 => Some(Self::UnacceptableProtocolVersion),
            2 => Some(Self::IdentifierRejected),
            3 => Some(Self::ServerUnavailable),
            4 => Some(Self::BadUserNameOrPassword),
            5 => Some(Self::NotAuthorized),
            _ => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The return code that says what a reason says; `None` when none does, and then the
    /// connection is closed without an answer. [MQTT3-3.2.2-6]
    #[must_use]
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others have no return code"
    )]
    pub const fn from_reason(reason: ReasonCode) -> Option<Self> {
        match reason {
            ReasonCode::Success => Some(Self::Accepted),
            ReasonCode::UnsupportedProtocolVersion => Some(Self::UnacceptableProtocolVersion),
            ReasonCode::ClientIdentifierNotValid => Some(Self::IdentifierRejected),
            ReasonCode::UnspecifiedError
            | ReasonCode::ImplementationSpecificError
            | ReasonCode::ServerUnavailable
            | ReasonCode::ServerBusy
            | ReasonCode::ServerShuttingDown
            | ReasonCode::QuotaExceeded
            | ReasonCode::UseAnotherServer
            | ReasonCode::ServerMoved
            | ReasonCode::ConnectionRateExceeded => Some(Self::ServerUnavailable),
            ReasonCode::BadUserNameOrPassword | ReasonCode::BadAuthenticationMethod => {
                Some(Self::BadUserNameOrPassword)
            }
            ReasonCode::NotAuthorized | ReasonCode::Banned => Some(Self::NotAuthorized),
            _ => None,
        }
    }

    /// The reason that says what the return code says.
    #[must_use]
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::Accepted => ReasonCode::Success,
            Self::UnacceptableProtocolVersion => ReasonCode::UnsupportedProtocolVersion,
            Self::IdentifierRejected => ReasonCode::ClientIdentifierNotValid,
            Self::ServerUnavailable => ReasonCode::ServerUnavailable,
            Self::BadUserNameOrPassword => ReasonCode::BadUserNameOrPassword,
            Self::NotAuthorized => ReasonCode::NotAuthorized,
        }
    }
}

/// CONNACK: the answer to CONNECT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnAck {
    /// Whether the server holds a session for the client.
    pub session_present: bool,
    /// Why. For 3.x the encoder maps it by [`ConnectReturn::from_reason`] and the decoder back.
    pub reason: ReasonCode,
    /// 5.0 only.
    pub properties: ConnAckProperties,
}

/// PUBLISH: a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Whether this may be a repetition.
    pub dup: bool,
    /// With which promise.
    pub qos: QoS,
    /// To the server: keep it. To a client: it was kept.
    pub retain: bool,
    /// Where to; `None` when a topic alias stands for it (5.0).
    pub topic: Option<TopicName>,
    /// Present exactly for QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// What.
    #[serde(with = "crate::serial::payload")]
    pub payload: Bytes,
    /// 5.0 only; boxed because most messages carry none.
    pub properties: Option<Box<PublishProperties>>,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Which exchange it belongs to.
    pub packet_id: PacketId,
    /// Always [`ReasonCode::Success`] in 3.x.
    pub reason: ReasonCode,
    /// 5.0 only; boxed because nearly none carries any.
    pub properties: Option<Box<AckProperties>>,
}

/// SUBSCRIBE: a client wants messages. At least one filter. [MQTT3-3.8.3-3] [MQTT5-3.8.3-2]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribe {
    /// Which exchange it belongs to.
    pub packet_id: PacketId,
    /// What it wants, in order.
    pub filters: Vec<SubscribeFilter>,
    /// 5.0 only.
    pub properties: SubscribeProperties,
}

/// One entry of SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribeFilter {
    /// Which topics, alone or shared with others.
    pub subscription: Subscription,
    /// In which way.
    pub options: SubscriptionOptions,
}

/// How a subscription wants its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SubscriptionOptions {
    /// The highest promise wanted.
    pub qos: QoS,
    /// 5.0: not the client's own messages.
    pub no_local: bool,
    /// 5.0: keep the publisher's retain flag.
    pub retain_as_published: bool,
    /// 5.0: which retained messages come on SUBSCRIBE.
    pub retain_handling: RetainHandling,
}

/// Which retained messages a SUBSCRIBE brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum RetainHandling {
    /// All that match. [MQTT5-3.3.1-9]
    #[default]
    Send = 0,
    /// Those of a subscription that did not exist. [MQTT5-3.3.1-10]
    SendIfNew = 1,
    /// None. [MQTT5-3.3.1-11]
    DoNotSend = 2,
}

/// SUBACK: one reason for each filter, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubAck {
    /// Which exchange it belongs to.
    pub packet_id: PacketId,
    /// In 3.x every failure is written as 0x80.
    pub reasons: Vec<ReasonCode>,
    /// 5.0 only; boxed because nearly none carries any.
    pub properties: Option<Box<AckProperties>>,
}

/// UNSUBSCRIBE: a client no longer wants messages. At least one filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribe {
    /// Which exchange it belongs to.
    pub packet_id: PacketId,
    /// What it no longer wants, in order.
    pub subscriptions: Vec<Subscription>,
    /// 5.0 only.
    pub properties: UnsubscribeProperties,
}

/// UNSUBACK: in 5.0 one reason for each filter, in 3.x the packet id alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsubAck {
    /// Which exchange it belongs to.
    pub packet_id: PacketId,
    /// Not written in 3.x.
    pub reasons: Vec<ReasonCode>,
    /// 5.0 only; boxed because nearly none carries any.
    pub properties: Option<Box<AckProperties>>,
}

/// DISCONNECT: the last packet of a connection; from the server in 5.0 only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnect {
    /// Always [`ReasonCode::Success`] in 3.x.
    pub reason: ReasonCode,
    /// 5.0 only.
    pub properties: DisconnectProperties,
}

/// AUTH: a step of enhanced authentication; 5.0 only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// Success, continue or re-authenticate.
    pub reason: ReasonCode,
    /// What the method needs.
    pub properties: AuthProperties,
}
