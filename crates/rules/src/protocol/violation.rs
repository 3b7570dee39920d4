//! How a client breaks the protocol with a packet that is well formed.

use castmq_mqtt::{QoS, ReasonCode};
use serde::{Deserialize, Serialize};

use crate::alias::AliasError;

/// Why a connection ends because of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Violation {
    /// The first packet is not CONNECT. \[MQTT3-3.1.0-1\] \[MQTT5-3.1.0-1\]
    #[error("first packet is not CONNECT")]
    NotConnected,
    /// CONNECT came again. \[MQTT3-3.1.0-2\] \[MQTT5-3.1.0-2\]
    #[error("second CONNECT")]
    SecondConnect,
    /// AUTH without a method of authentication in CONNECT. \[MQTT5-4.12.0-7\]
    #[error("AUTH without an authentication method")]
    UnexpectedAuth,
    /// AUTH names another method than CONNECT did. \[MQTT5-4.12.0-5\]
    #[error("AUTH with another method than that of CONNECT")]
    OtherAuthMethod,
    /// A packet that only servers send.
    #[error("packet that only servers send")]
    ServerPacket,
    /// A packet on a connection that is over.
    #[error("packet after the end of the connection")]
    Closed,
    /// The topic of a PUBLISH is not known.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// A subscription identifier in a PUBLISH. \[MQTT5-3.3.4-6\]
    #[error("subscription identifier in a message from a client")]
    SubscriptionId,
    /// A response topic that is empty or holds a wildcard. \[MQTT5-3.3.2-14\]
    #[error("response topic is not a topic name")]
    ResponseTopic,
    /// A higher QoS than was agreed. \[MQTT5-3.2.2-11\]
    #[error("qos {} is not supported", .0.number())]
    QoSNotSupported(QoS),
    /// A retained message where there are none. \[MQTT5-3.2.2-14\]
    #[error("retained messages are not supported")]
    RetainNotSupported,
    /// A subscription identifier in SUBSCRIBE where there are none.
    #[error("subscription identifiers are not supported")]
    SubscriptionIdNotSupported,
    /// A shared subscription that does not want the client's own messages. \[MQTT5-3.8.3-4\]
    #[error("no local on a shared subscription")]
    NoLocalShared,
    /// DISCONNECT with a reason that only servers give. \[MQTT5-3.14.2-1\]
    #[error("a client cannot disconnect with reason {:#04x}", .0.number())]
    DisconnectReason(ReasonCode),
    /// DISCONNECT wants a session kept that was to end with its connection.
    #[error("session expiry raised from 0 on DISCONNECT")]
    ExpiryRaised,
}

impl Violation {
    /// What DISCONNECT says.
    #[must_use]
    pub const fn reason_code(&self) -> ReasonCode {
        match self {
            Self::Alias(alias) => alias.reason_code(),
            Self::QoSNotSupported(_) => ReasonCode::QoSNotSupported,
            Self::RetainNotSupported => ReasonCode::RetainNotSupported,
            Self::SubscriptionIdNotSupported => ReasonCode::SubscriptionIdentifiersNotSupported,
            Self::NotConnected
            | Self::SecondConnect
            | Self::UnexpectedAuth
            | Self::OtherAuthMethod
            | Self::ServerPacket
            | Self::Closed
            | Self::SubscriptionId
            | Self::ResponseTopic
            | Self::NoLocalShared
            | Self::DisconnectReason(_)
            | Self::ExpiryRaised => ReasonCode::ProtocolError,
        }
    }
}
