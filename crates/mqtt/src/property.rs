//! MQTT 5.0 properties, one structure for each packet that carries them.
//!
//! Earlier versions have none: there each structure is at its default and is not written.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{QoS, Text};

/// Name and value pairs in the order of the packet; a name may occur again. [MQTT5-3.1.3-10]
pub type UserProperties = Vec<(Text, Text)>;

/// Properties of CONNECT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectProperties {
    /// Seconds for which the session outlives the connection; absent is 0, `u32::MAX` is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_expiry: Option<u32>,
    /// QoS 1 and 2 messages the client takes unacknowledged; absent is 65 535, never 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_maximum: Option<u16>,
    /// Largest packet in bytes that the client takes, never 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_packet_size: Option<u32>,
    /// Topic aliases the client takes; absent is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_alias_maximum: Option<u16>,
    /// Whether the client asks for response information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_response_information: Option<bool>,
    /// Whether the client wants reason strings and user properties; absent is yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_problem_information: Option<bool>,
    /// Name of the method of enhanced authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_method: Option<Text>,
    /// What that method defines.
    #[serde(
        with = "crate::serial::payload::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub authentication_data: Option<Bytes>,
    /// User properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: UserProperties,
}

/// Properties of the will inside CONNECT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WillProperties {
    /// Seconds between the end of the connection and the will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<u32>,
    /// The properties the will is published with.
    pub publish: PublishProperties,
}

/// Properties of CONNACK.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnAckProperties {
    /// The session expiry that the server uses instead of the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_expiry: Option<u32>,
    /// QoS 1 and 2 messages the server takes unacknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_maximum: Option<u16>,
    /// Highest QoS that the server takes; absent is 2, never 2 on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_qos: Option<QoS>,
    /// Whether retained messages are available; absent is yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_available: Option<bool>,
    /// Largest packet in bytes that the server takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_packet_size: Option<u32>,
    /// The client id that the server assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_client_id: Option<Text>,
    /// Topic aliases the server takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_alias_maximum: Option<u16>,
    /// A text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_string: Option<Text>,
    /// User properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: UserProperties,
    /// Whether filters may hold wildcards; absent is yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wildcard_available: Option<bool>,
    /// Whether subscription identifiers are available; absent is yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_ids_available: Option<bool>,
    /// Whether shared subscriptions are available; absent is yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_available: Option<bool>,
    /// The keep alive in seconds that the client has to use instead of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_keep_alive: Option<u16>,
    /// Basis for a response topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_information: Option<Text>,
    /// Another server to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_reference: Option<Text>,
    /// Name of the method of enhanced authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_method: Option<Text>,
    /// What that method defines.
    #[serde(
        with = "crate::serial::payload::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub authentication_data: Option<Bytes>,
}

/// Properties of PUBLISH, and those of a will but its delay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishProperties {
    /// Whether the payload is said to be UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_is_utf8: Option<bool>,
    /// Lifetime in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_expiry: Option<u32>,
    /// Number that stands for the topic on this connection, never 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_alias: Option<u16>,
    /// Where an answer is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_topic: Option<Text>,
    /// What tells the requester which request an answer belongs to.
    #[serde(
        with = "crate::serial::payload::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub correlation_data: Option<Bytes>,
    /// User properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: UserProperties,
    /// Identifiers of the subscriptions that matched; only from server to client, each 1 to
    /// 268 435 455.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscription_ids: Vec<u32>,
    /// MIME type or any other description of the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<Text>,
}

/// Properties of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckProperties {
    /// A text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_string: Option<Text>,
    /// User properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: UserProperties,
}

/// Properties of SUBSCRIBE.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribeProperties {
    /// Identifier for all filters of the packet, 1 to 268 435 455.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<u32>,
    /// User properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: UserProperties,
}

/// Properties of UNSUBSCRIBE.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsubscribeProperties {
    /// User properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: UserProperties,
}

/// Properties of DISCONNECT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisconnectProperties {
    /// A new session expiry in seconds; only from client to server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_expiry: Option<u32>,
    /// A text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_string: Option<Text>,
    /// User properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: UserProperties,
    /// Another server to use; only from server to client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_reference: Option<Text>,
}

/// Properties of AUTH.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthProperties {
    /// Name of the method of enhanced authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Text>,
    /// What that method defines.
    #[serde(
        with = "crate::serial::payload::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub data: Option<Bytes>,
    /// A text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_string: Option<Text>,
    /// User properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: UserProperties,
}
