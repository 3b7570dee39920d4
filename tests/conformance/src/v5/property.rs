//! Properties: how tests add them to packets, and what they find in packets of the broker.

use super::write::{string, variable_byte_integer};

/// The numbers by which properties are told apart.
pub mod property {
    macro_rules! properties {
        ($($(#[$doc:meta])+ $name:ident = $number:literal,)+) => {
            $($(#[$doc])+ pub const $name: u8 = $number;)+
        };
    }

    properties! {
        /// Whether the payload is said to be UTF-8: one byte.
        PAYLOAD_FORMAT = 0x01,
        /// Lifetime of a message in seconds: four bytes.
        MESSAGE_EXPIRY = 0x02,
        /// A description of the payload: a string.
        CONTENT_TYPE = 0x03,
        /// Where an answer is expected: a string.
        RESPONSE_TOPIC = 0x08,
        /// What tells the requester which request is answered: binary data.
        CORRELATION_DATA = 0x09,
        /// Subscription identifier: a variable byte integer.
        SUBSCRIPTION_ID = 0x0B,
        /// Lifetime of the session after the connection in seconds: four bytes.
        SESSION_EXPIRY = 0x11,
        /// The client id that the broker chose: a string.
        ASSIGNED_CLIENT_ID = 0x12,
        /// The keep alive that the broker wants: two bytes.
        SERVER_KEEP_ALIVE = 0x13,
        /// A method of enhanced authentication: a string.
        AUTHENTICATION_METHOD = 0x15,
        /// Data of that method: binary data.
        AUTHENTICATION_DATA = 0x16,
        /// Whether reason strings are wanted: one byte.
        REQUEST_PROBLEM_INFORMATION = 0x17,
        /// Seconds from the end of the connection to the will: four bytes.
        WILL_DELAY = 0x18,
        /// Whether response information is wanted: one byte.
        REQUEST_RESPONSE_INFORMATION = 0x19,
        /// Basis of a response topic: a string.
        RESPONSE_INFORMATION = 0x1A,
        /// Another server to use: a string.
        SERVER_REFERENCE = 0x1C,
        /// A text for people: a string.
        REASON_STRING = 0x1F,
        /// Unacknowledged messages that the sender of the property takes: two bytes.
        RECEIVE_MAXIMUM = 0x21,
        /// Topic aliases that the sender of the property takes: two bytes.
        TOPIC_ALIAS_MAXIMUM = 0x22,
        /// Stands for the topic: two bytes.
        TOPIC_ALIAS = 0x23,
        /// Highest QoS that the broker takes: one byte.
        MAXIMUM_QOS = 0x24,
        /// Whether the broker retains: one byte.
        RETAIN_AVAILABLE = 0x25,
        /// Name and value: a pair of strings.
        USER = 0x26,
        /// Largest packet that the sender of the property takes: four bytes.
        MAXIMUM_PACKET_SIZE = 0x27,
        /// Whether filters may hold wildcards: one byte.
        WILDCARD_AVAILABLE = 0x28,
        /// Whether the broker takes subscription identifiers: one byte.
        SUBSCRIPTION_IDS_AVAILABLE = 0x29,
        /// Whether the broker shares subscriptions: one byte.
        SHARED_AVAILABLE = 0x2A,
    }
}

/// What a property holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One, two, four or a variable number of bytes.
    Number(u32),
    /// A string.
    Text(String),
    /// Binary data.
    Bytes(Vec<u8>),
    /// A pair of strings.
    Pair(String, String),
}

/// The properties found in a packet of the broker, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(pub Vec<(u8, Value)>);

impl Properties {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the property is there.
    #[must_use]
    pub fn has(&self, property: u8) -> bool {
        self.0.iter().any(|(number, _)| *number == property)
    }

    /// All values of a numeric property, in order.
    #[must_use]
    pub fn numbers(&self, property: u8) -> Vec<u32> {
        let of_property = self.0.iter().filter(|(number, _)| *number == property);
        of_property
            .filter_map(|(_, value)| match value {
                Value::Number(number) => Some(*number),
                Value::Text(_) | Value::Bytes(_) | Value::Pair(..) => None,
            })
            .collect()
    }

    /// The value of a numeric property.
    #[must_use]
    pub fn number(&self, property: u8) -> Option<u32> {
        self.numbers(property).first().copied()
    }

    /// The value of a string property.
    #[must_use]
    pub fn text(&self, property: u8) -> Option<&str> {
        self.0.iter().find_map(|(number, value)| match value {
            Value::Text(text) if *number == property => Some(text.as_str()),
            Value::Text(_) | Value::Number(_) | Value::Bytes(_) | Value::Pair(..) => None,
        })
    }

    /// The value of a binary property.
    #[must_use]
    pub fn bytes(&self, property: u8) -> Option<&[u8]> {
        self.0.iter().find_map(|(number, value)| match value {
            Value::Bytes(bytes) if *number == property => Some(bytes.as_slice()),
            Value::Bytes(_) | Value::Number(_) | Value::Text(_) | Value::Pair(..) => None,
        })
    }

    /// The user properties, in order.
    #[must_use]
    pub fn user(&self) -> Vec<(&str, &str)> {
        let pairs = self.0.iter().filter_map(|(_, value)| match value {
            Value::Pair(name, value) => Some((name.as_str(), value.as_str())),
            Value::Number(_) | Value::Text(_) | Value::Bytes(_) => None,
        });
        pairs.collect()
    }
}

/// A packet under construction that can hold properties, allowed ones or not.
pub trait WithProperties: Sized {
    /// The encoded properties, without their length.
    fn encoded(&mut self) -> &mut Vec<u8>;

    /// Adds bytes to the properties just as they are.
    #[must_use]
    fn raw_property(mut self, bytes: &[u8]) -> Self {
        self.encoded().extend_from_slice(bytes);
        self
    }

    /// Adds a property of one byte.
    #[must_use]
    fn property_u8(self, property: u8, value: u8) -> Self {
        self.raw_property(&[property, value])
    }

    /// Adds a property of two bytes.
    #[must_use]
    fn property_u16(self, property: u8, value: u16) -> Self {
        self.raw_property(&[property])
            .raw_property(&value.to_be_bytes())
    }

    /// Adds a property of four bytes.
    #[must_use]
    fn property_u32(self, property: u8, value: u32) -> Self {
        self.raw_property(&[property])
            .raw_property(&value.to_be_bytes())
    }

    /// Adds a property that is a string or binary data.
    #[must_use]
    fn property_text(self, property: u8, value: impl AsRef<[u8]>) -> Self {
        self.raw_property(&[property]).raw_property(&string(value))
    }

    /// Adds a user property.
    #[must_use]
    fn user(self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.property_text(property::USER, name)
            .raw_property(&string(value))
    }

    /// Adds a subscription identifier.
    #[must_use]
    fn subscription_id(self, value: u32) -> Self {
        self.raw_property(&[property::SUBSCRIPTION_ID])
            .raw_property(&variable_byte_integer(value))
    }
}
