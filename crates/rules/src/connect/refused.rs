//! Why a CONNECT is refused.

use castmq_mqtt::{ConnAck, ConnAckProperties, ConnectReturn, ReasonCode, Text, Version};

/// Why a CONNECT is refused, by whichever part of the broker.
// differs: emqttd answers every failure of authentication with code 4 and errors of the session with
// nothing (P14), and leaves the socket of a refused client open (P1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The version is not spoken here.
    #[error("protocol version is not supported")]
    UnsupportedVersion,
    /// The client id is empty although the client wants its session kept, or speaks 3.1.
    /// \[MQTT3-3.1.3-8\]
    #[error("client id is empty")]
    EmptyClientId,
    /// The client id is longer than allowed. \[MQTT3-3.1.3-9\] \[MQTT5-3.1.3-8\]
    #[error("client id is longer than {length_max}")]
    ClientIdTooLong {
        /// Characters in 3.1, bytes otherwise.
        length_max: usize,
    },
    /// The client id is not allowed. \[MQTT3-3.1.3-9\] \[MQTT5-3.1.3-8\]
    #[error("client id is not allowed")]
    ClientIdNotAllowed,
    /// No method of enhanced authentication is configured, or not this one. \[MQTT5-4.12.0-1\]
    #[error("authentication method is not supported")]
    BadAuthenticationMethod,
    /// User name or password is wrong.
    #[error("user name or password is wrong")]
    BadUserNameOrPassword,
    /// The client is known but not allowed to connect.
    #[error("not authorized")]
    NotAuthorized,
    /// Banned by an administrator.
    #[error("banned")]
    Banned,
    /// The will's QoS is higher than the broker takes. \[MQTT5-3.2.2-12\]
    #[error("qos of the will is not supported")]
    WillQoSNotSupported,
    /// There are no retained messages here. \[MQTT5-3.2.2-13\]
    #[error("retained will is not supported")]
    WillRetainNotSupported,
    /// The will's topic is the broker's own.
    #[error("topic of the will is not allowed")]
    WillTopicNotAllowed,
    /// The will's response topic is empty or holds a wildcard. \[MQTT5-3.3.2-14\]
    #[error("response topic of the will is invalid")]
    WillResponseTopicInvalid,
    /// The will is not the UTF-8 that it is said to be.
    #[error("payload of the will is not UTF-8")]
    WillPayloadFormatInvalid,
    /// No worker answered in time; the client may come back.
    #[error("server busy")]
    Busy,
    /// Something that the broker needs is not there; the client may come back.
    #[error("server unavailable")]
    Unavailable,
    /// A limit of the node: memory, connections, sessions.
    #[error("quota exceeded")]
    QuotaExceeded,
    /// Too many connections in a short time.
    #[error("connection rate exceeded")]
    RateExceeded,
    /// The node stops.
    #[error("server shutting down")]
    ShuttingDown,
    /// Another server is to be used, for now.
    #[error("use another server")]
    UseAnotherServer(Text),
    /// Another server is to be used, from now on.
    #[error("server moved")]
    ServerMoved(Text),
}

impl Refused {
    /// What CONNACK of 5.0 says.
    // [MQTT5-3.2.2-8]
    #[must_use]
    pub const fn reason_code(&self) -> ReasonCode {
        match self {
            Self::UnsupportedVersion => ReasonCode::UnsupportedProtocolVersion,
            Self::EmptyClientId | Self::ClientIdTooLong { .. } | Self::ClientIdNotAllowed => {
                ReasonCode::ClientIdentifierNotValid
            }
            Self::BadAuthenticationMethod => ReasonCode::BadAuthenticationMethod,
            Self::BadUserNameOrPassword => ReasonCode::BadUserNameOrPassword,
            Self::NotAuthorized => ReasonCode::NotAuthorized,
            Self::Banned => ReasonCode::Banned,
            Self::WillQoSNotSupported => ReasonCode::QoSNotSupported,
            Self::WillRetainNotSupported => ReasonCode::RetainNotSupported,
            Self::WillTopicNotAllowed => ReasonCode::TopicNameInvalid,
            Self::WillResponseTopicInvalid => ReasonCode::ProtocolError,
            Self::WillPayloadFormatInvalid => ReasonCode::PayloadFormatInvalid,
            Self::Busy => ReasonCode::ServerBusy,
            Self::Unavailable | Self::ShuttingDown => ReasonCode::ServerUnavailable,
            Self::QuotaExceeded => ReasonCode::QuotaExceeded,
            Self::RateExceeded => ReasonCode::ConnectionRateExceeded,
            Self::UseAnotherServer(_) => ReasonCode::UseAnotherServer,
            Self::ServerMoved(_) => ReasonCode::ServerMoved,
        }
    }

    /// What CONNACK of 3.x says; `None` when no number fits and the connection is closed without.
    // [MQTT3-3.2.2-6]
    #[must_use]
    pub const fn return_code(&self) -> Option<ConnectReturn> {
        // 5.0 has a reason of its own for it; in 3.x the client is simply not allowed to.
        if matches!(self, Self::WillTopicNotAllowed) {
            return Some(ConnectReturn::NotAuthorized);
        }
        ConnectReturn::from_reason(self.reason_code())
    }

    /// The CONNACK that says so, after which the connection is closed; `None` when it is closed
    /// without.
    // [MQTT3-3.2.2-4] [MQTT3-3.2.2-5] [MQTT5-3.2.2-6] [MQTT5-3.2.2-7]
    #[must_use]
    pub fn connack(&self, version: Version) -> Option<ConnAck> {
        match version {
            Version::V3 | Version::V4 => Some(ConnAck {
                session_present: false,
                reason: self.return_code()?.reason(),
                properties: ConnAckProperties::default(),
            }),
            Version::V5 => Some(ConnAck {
                session_present: false,
                reason: self.reason_code(),
                properties: ConnAckProperties {
                    reason_string: Text::try_from(self.to_string()).ok(),
                    server_reference: self.server().cloned(),
                    ..ConnAckProperties::default()
                },
            }),
        }
    }

    /// The server to use instead.
    fn server(&self) -> Option<&Text> {
        if let Self::UseAnotherServer(server) | Self::ServerMoved(server) = self {
            Some(server)
        } else {
            None
        }
    }
}
