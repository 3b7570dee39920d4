//! Why bytes are not a packet, and why a packet cannot be written.

use crate::{FilterError, PacketType, Property, ReasonCode, TextError, TopicError};

macro_rules! decode_errors {
    ($($(#[$attribute:meta])+ $variant:ident $(($($field:ty),+))? $({$($named:ident: $type:ty),+})?
        = $reason:ident, $name:literal;)+) => {
        /// Why the bytes of a peer are not a packet it may send. Ends the connection.
        /// [MQTT3-4.8.0-1] [MQTT5-4.13.1-1]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[expect(missing_docs, reason = "the fields are named in each variant's message")]
        pub enum DecodeError {
            $($(#[$attribute])+ $variant $(($($field),+))? $({$($named: $type),+})?,)+
        }

        impl DecodeError {
            /// Every name that [`Self::name`] returns, in the order of the variants.
            pub const NAMES: &'static [&'static str] = &[$($name,)+];

            /// What to tell the peer in DISCONNECT or CONNACK.
            #[must_use]
            pub const fn reason_code(&self) -> ReasonCode {
                match self {
                    $(Self::$variant { .. } => ReasonCode::$reason,)+
                }
            }

            /// A name for counters; never changes with the values.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)+
                }
            }
        }
    };
}

decode_errors! {
    // The fixed header.
    /// Type 0, or type 15 before 5.0.
    #[error("packet type {0} is reserved")]
    ReservedPacketType(u8) = MalformedPacket, "reserved_packet_type";
    /// A packet that only the other side sends.
    #[error("{0} does not come from this side")]
    WrongDirection(PacketType) = ProtocolError, "wrong_direction";
    /// Anything but CONNECT while the version is not known. [MQTT3-3.1.0-1] [MQTT5-3.1.0-1]
    #[error("{0} came before connect")]
    ConnectExpected(PacketType) = ProtocolError, "connect_expected";
    /// The lower half of the first byte is not what it must be. [MQTT3-2.2.2-2] [MQTT5-2.1.3-1]
    #[error("{packet} has flags {flags:#06b}")]
    ReservedFlags { packet: PacketType, flags: u8 } = MalformedPacket, "reserved_flags";
    /// A PUBLISH of QoS 3. [MQTT3-3.3.1-4] [MQTT5-3.3.1-4]
    #[error("publish has qos 3")]
    QoSInvalid = MalformedPacket, "qos_invalid";
    /// DUP on a PUBLISH of QoS 0. [MQTT3-3.3.1-2] [MQTT5-3.3.1-2]
    #[error("publish of qos 0 has the dup flag")]
    DupAtMostOnce = MalformedPacket, "dup_at_most_once";
    /// The remaining length goes on after its fourth byte.
    #[error("remaining length has more than four bytes")]
    RemainingLengthTooLong = MalformedPacket, "remaining_length_too_long";
    /// The remaining length could be written in fewer bytes; 5.0 only. [MQTT5-1.5.5-1]
    #[error("remaining length is not written in the fewest bytes")]
    RemainingLengthNotMinimal = MalformedPacket, "remaining_length_not_minimal";
    /// Larger than the receiver takes.
    #[error("packet has {bytes} bytes, {max} are allowed")]
    PacketTooLarge { bytes: usize, max: u32 } = PacketTooLarge, "packet_too_large";

    // Any body.
    /// A field needs more bytes than there are.
    #[error("packet ends within a field")]
    TooShort = MalformedPacket, "too_short";
    /// Bytes after the last field.
    #[error("packet has {0} bytes after its last field")]
    TrailingBytes(usize) = MalformedPacket, "trailing_bytes";
    /// A variable byte integer goes on after its fourth byte.
    #[error("variable byte integer has more than four bytes")]
    VariableIntegerTooLong = MalformedPacket, "variable_integer_too_long";
    /// A variable byte integer could be written in fewer bytes. [MQTT5-1.5.5-1]
    #[error("variable byte integer is not written in the fewest bytes")]
    VariableIntegerNotMinimal = MalformedPacket, "variable_integer_not_minimal";
    /// A string is not UTF-8. [MQTT3-1.5.3-1] [MQTT5-1.5.4-1]
    #[error("string is not well-formed UTF-8")]
    TextNotUtf8 = MalformedPacket, "text_not_utf8";
    /// A string holds U+0000. [MQTT3-1.5.3-2] [MQTT5-1.5.4-2]
    #[error("string holds the null character U+0000")]
    TextNull = MalformedPacket, "text_null";
    /// Packet id 0. [MQTT3-2.3.1-1] [MQTT5-2.2.1-3]
    #[error("packet id is 0")]
    PacketIdZero = ProtocolError, "packet_id_zero";
    /// A reason or return code that is not listed for the packet, version and side.
    #[error("{packet} has reason code {number:#04x}")]
    ReasonNotListed { packet: PacketType, number: u8 } = ProtocolError, "reason_not_listed";

    // CONNECT and CONNACK.
    /// Neither `MQTT` nor `MQIsdp`. [MQTT3-3.1.2-1] [MQTT5-3.1.2-1]
    #[error("protocol name is unknown")]
    UnknownProtocolName = UnsupportedProtocolVersion, "unknown_protocol_name";
    /// A level that does not go with the name. [MQTT3-3.1.2-2] [MQTT5-3.1.2-2]
    #[error("protocol level {0} is not supported")]
    UnsupportedProtocolLevel(u8) = UnsupportedProtocolVersion, "unsupported_protocol_level";
    /// Bit 0 of the connect flags. [MQTT3-3.1.2-3] [MQTT5-3.1.2-3]
    #[error("reserved connect flag is set")]
    ConnectReservedFlag = MalformedPacket, "connect_reserved_flag";
    /// A will of QoS 3. [MQTT3-3.1.2-14] [MQTT5-3.1.2-12]
    #[error("will has qos 3")]
    WillQoSInvalid = MalformedPacket, "will_qos_invalid";
    /// Will QoS or will retain without a will. [MQTT3-3.1.2-11] [MQTT5-3.1.2-11] [MQTT5-3.1.2-13]
    #[error("will qos or will retain is set without a will")]
    WillFlagsWithoutWill = MalformedPacket, "will_flags_without_will";
    /// The topic of the will is none.
    #[error("will topic: {0}")]
    WillTopic(TopicError) = TopicNameInvalid, "will_topic";
    /// A password alone; 3.x only. [MQTT3-3.1.2-22]
    #[error("password without a user name")]
    PasswordWithoutUserName = MalformedPacket, "password_without_user_name";
    /// Bits 7 to 1 of the acknowledge flags. [MQTT5-3.2.2-1]
    #[error("connack has flags {0:#010b}")]
    ConnAckReservedFlags(u8) = MalformedPacket, "connack_reserved_flags";
    /// A session although the connection was refused. [MQTT3-3.2.2-4] [MQTT5-3.2.2-6]
    #[error("connack states a session with a refusal")]
    SessionPresentWithRefusal = ProtocolError, "session_present_with_refusal";

    // PUBLISH.
    /// No topic and no alias for one.
    #[error("publish has neither topic nor alias")]
    TopicMissing = ProtocolError, "topic_missing";
    /// The topic of a PUBLISH is none. [MQTT3-3.3.2-2] [MQTT5-3.3.2-2]
    #[error("publish: {0}")]
    Topic(TopicError) = TopicNameInvalid, "topic";
    /// An alias of 0. [MQTT5-3.3.2-8]
    #[error("topic alias is 0")]
    TopicAliasZero = TopicAliasInvalid, "topic_alias_zero";
    /// A response topic that nobody could publish to. [MQTT5-3.3.2-14]
    #[error("response topic: {0}")]
    ResponseTopic(TopicError) = ProtocolError, "response_topic";

    // SUBSCRIBE, UNSUBSCRIBE and their answers.
    /// No entry at all. [MQTT3-3.8.3-3] [MQTT3-3.10.3-2] [MQTT5-3.8.3-2] [MQTT5-3.10.3-2]
    #[error("{0} has no entry")]
    NoEntries(PacketType) = ProtocolError, "no_entries";
    /// A filter that cannot be subscribed to.
    #[error("{0}")]
    Filter(FilterError) = TopicFilterInvalid, "filter";
    /// Reserved bits of the subscription options. [MQTT3-3.8.3-4] [MQTT5-3.8.3-5]
    #[error("subscription options have reserved bits: {0:#010b}")]
    SubscriptionReservedBits(u8) = MalformedPacket, "subscription_reserved_bits";
    /// QoS 3 wanted. [MQTT3-3.8.3-4]
    #[error("subscription wants qos 3")]
    SubscriptionQoSInvalid = ProtocolError, "subscription_qos_invalid";
    /// Retain handling 3.
    #[error("retain handling is 3")]
    RetainHandlingInvalid = ProtocolError, "retain_handling_invalid";
    /// No Local on a shared subscription. [MQTT5-3.8.3-4]
    #[error("no local on a shared subscription")]
    NoLocalOnShared = ProtocolError, "no_local_on_shared";

    // Properties.
    /// A property that does not exist.
    #[error("property {0:#04x} does not exist")]
    PropertyUnknown(u32) = MalformedPacket, "property_unknown";
    /// A property that this packet never carries.
    #[error("property {0} does not belong here")]
    PropertyMisplaced(Property) = MalformedPacket, "property_misplaced";
    /// A property that this packet carries in the other direction only.
    /// [MQTT5-3.3.4-6] [MQTT5-3.14.2-2]
    #[error("property {0} does not come from this side")]
    PropertyWrongDirection(Property) = ProtocolError, "property_wrong_direction";
    /// A property that may occur once.
    #[error("property {0} occurs twice")]
    PropertyTwice(Property) = ProtocolError, "property_twice";
    /// A value that the property may not have.
    #[error("property {0} has a value that is not allowed")]
    PropertyValue(Property) = ProtocolError, "property_value";
    /// Authentication data without a method.
    #[error("authentication data without a method")]
    AuthenticationMethodMissing = ProtocolError, "authentication_method_missing";
}

impl DecodeError {
    /// Whether the peer speaks a version that is not spoken here, rather than nonsense.
    ///
    /// A server answers with return code 1 or reason code 0x84 where it knows how.
    #[must_use]
    pub const fn is_unsupported_version(&self) -> bool {
        matches!(self.reason_code(), ReasonCode::UnsupportedProtocolVersion)
    }
}

impl From<TextError> for DecodeError {
    fn from(error: TextError) -> Self {
        match error {
            TextError::NotUtf8 => Self::TextNotUtf8,
            TextError::Null => Self::TextNull,
            // The two length bytes cannot state more than is allowed.
            TextError::TooLong => Self::TooShort,
        }
    }
}

impl From<FilterError> for DecodeError {
    fn from(error: FilterError) -> Self {
        Self::Filter(error)
    }
}

/// Why a packet cannot be written. Nothing was written then.
///
/// What is written is always what [`Decoder`](crate::Decoder) takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The version has no such packet.
    #[error("this version has no {0}")]
    NotInVersion(PacketType),
    /// A CONNECT of one version was to be written as another.
    #[error("connect is of another version")]
    OtherVersion,
    /// The version cannot express the reason. [MQTT3-3.2.2-6]
    #[error("{0} cannot state {1:?}")]
    ReasonNotListed(PacketType, ReasonCode),
    /// More than the four bytes of the remaining length can state.
    #[error("packet is larger than 256 MiB")]
    TooLarge,
    /// Binary data of more than 65 535 bytes.
    #[error("binary data is longer than 65535 bytes")]
    BinaryTooLong,
    /// QoS 1 and 2 need a packet id, QoS 0 has none. [MQTT3-2.3.1-5] [MQTT5-2.2.1-2]
    #[error("packet id does not go with the qos")]
    PacketId,
    /// DUP on QoS 0. [MQTT3-3.3.1-2] [MQTT5-3.3.1-2]
    #[error("publish of qos 0 has the dup flag")]
    DupAtMostOnce,
    /// Neither a topic nor, in 5.0, an alias.
    #[error("publish has neither topic nor alias")]
    TopicMissing,
    /// No filter, or no reason where one is needed.
    #[error("{0} has no entry")]
    NoEntries(PacketType),
    /// A filter that, with the prefix of a shared subscription, has more than 65 535 bytes.
    #[error("topic filter is longer than 65535 bytes")]
    FilterTooLong,
    /// No Local on a shared subscription. [MQTT5-3.8.3-4]
    #[error("no local on a shared subscription")]
    NoLocalOnShared,
    /// A password alone; 3.x only. [MQTT3-3.1.2-22]
    #[error("password without a user name")]
    PasswordWithoutUserName,
    /// A session although the connection is refused. [MQTT3-3.2.2-4] [MQTT5-3.2.2-6]
    #[error("connack states a session with a refusal")]
    SessionPresentWithRefusal,
    /// A value that the property may not have.
    #[error("property {0} has a value that is not allowed")]
    PropertyValue(Property),
    /// Authentication data without a method.
    #[error("authentication data without a method")]
    AuthenticationMethodMissing,
}
