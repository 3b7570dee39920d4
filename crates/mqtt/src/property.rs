//! MQTT 5.0 properties, one structure for each packet that carries them.
//!
//! Earlier versions have none: there each structure is at its default and is not written.

use bytes::Bytes;

use crate::{QoS, Text};

/// Name and value pairs in the order of the packet; a name may occur again. [MQTT5-3.1.3-10]
pub type UserProperties = Vec<(Text, Text)>;

/// Properties of CONNECT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectProperties {
    /// Seconds for which the session outlives the connection; absent is 0, `u32::MAX` is for ever.
    pub session_expiry: Option<u32>,
    /// QoS 1 and 2 messages the client takes unacknowledged; absent is 65 535, never 0.
    pub receive_maximum: Option<u16>,
    /// Largest packet in bytes that the client takes, never 0.
    pub maximum_packet_size: Option<u32>,
    /// Topic aliases the client takes; absent is 0.
    pub topic_alias_maximum: Option<u16>,
    /// Whether the client asks for response information.
    pub request_response_information: Option<bool>,
    /// Whether the client wants reason strings and user properties; absent is yes.
    pub request_problem_information: Option<bool>,
    /// Name of the method of enhanced authentication.
    pub authentication_method: Option<Text>,
    /// What that method defines.
    pub authentication_data: Option<Bytes>,
    /// User properties.
    pub user: UserProperties,
}

/// Properties of the will inside CONNECT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WillProperties {
    /// Seconds between the end of the connection and the will.
    pub delay: Option<u32>,
    /// The properties the will is published with.
    pub publish: PublishProperties,
}

/// Properties of CONNACK.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnAckProperties {
    /// The session expiry that the server uses instead of the client's.
    pub session_expiry: Option<u32>,
    /// QoS 1 and 2 messages the server takes unacknowledged.
    pub receive_maximum: Option<u16>,
    /// Highest QoS that the server takes; absent is 2, never 2 on the wire.
    pub maximum_qos: Option<QoS>,
    /// Whether retained messages are available; absent is yes.
    pub retain_available: Option<bool>,
    /// Largest packet in bytes that the server takes.
    pub maximum_packet_size: Option<u32>,
    /// The client id that the server assigned.
    pub assigned_client_id: Option<Text>,
    /// Topic aliases the server takes.
    pub topic_alias_maximum: Option<u16>,
    /// A text for people.
    pub reason_string: Option<Text>,
    /// User properties.
    pub user: UserProperties,
    /// Whether filters may hold wildcards; absent is yes.
    pub wildcard_available: Option<bool>,
    /// Whether subscription identifiers are available; absent is yes.
    pub subscription_ids_available: Option<bool>,
    /// Whether shared subscriptions are available; absent is yes.
    pub shared_available: Option<bool>,
    /// The keep alive in seconds that the client has to use instead of its own.
    pub server_keep_alive: Option<u16>,
    /// Basis for a response topic.
    pub response_information: Option<Text>,
    /// Another server to use.
    pub server_reference: Option<Text>,
    /// Name of the method of enhanced authentication.
    pub authentication_method: Option<Text>,
    /// What that method defines.
    pub authentication_data: Option<Bytes>,
}

/// Properties of PUBLISH, and those of a will but its delay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishProperties {
    /// Whether the payload is said to be UTF-8.
    pub payload_is_utf8: Option<bool>,
    /// Lifetime in seconds.
    pub message_expiry: Option<u32>,
    /// Number that stands for the topic on this connection, never 0.
    pub topic_alias: Option<u16>,
    /// Where an answer is expected.
    pub response_topic: Option<Text>,
    /// What tells the requester which request an answer belongs to.
    pub correlation_data: Option<Bytes>,
    /// User properties.
    pub user: UserProperties,
    /// Identifiers of the subscriptions that matched; only from server to client, each 1 to
    /// 268 435 455.
    pub subscription_ids: Vec<u32>,
    /// MIME type or any other description of the payload.
    pub content_type: Option<Text>,
}

/// Properties of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AckProperties {
    /// A text for people.
    pub reason_string: Option<Text>,
    /// User properties.
    pub user: UserProperties,
}

/// Properties of SUBSCRIBE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscribeProperties {
    /// Identifier for all filters of the packet, 1 to 268 435 455.
    pub subscription_id: Option<u32>,
    /// User properties.
    pub user: UserProperties,
}

/// Properties of UNSUBSCRIBE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnsubscribeProperties {
    /// User properties.
    pub user: UserProperties,
}

/// Properties of DISCONNECT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisconnectProperties {
    /// A new session expiry in seconds; only from client to server.
    pub session_expiry: Option<u32>,
    /// A text for people.
    pub reason_string: Option<Text>,
    /// User properties.
    pub user: UserProperties,
    /// Another server to use; only from server to client.
    pub server_reference: Option<Text>,
}

/// Properties of AUTH.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthProperties {
    /// Name of the method of enhanced authentication.
    pub method: Option<Text>,
    /// What that method defines.
    pub data: Option<Bytes>,
    /// A text for people.
    pub reason_string: Option<Text>,
    /// User properties.
    pub user: UserProperties,
}
