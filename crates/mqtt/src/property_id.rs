//! The identifiers of properties.

use std::fmt;

macro_rules! property_ids {
    ($($property:ident = $number:literal, $name:literal;)+) => {
        /// A property of MQTT 5.0, by its identifier.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the names are the specification's")]
        #[repr(u8)]
        pub enum Property {
            $($property = $number,)+
        }

        impl Property {
            /// Every property, in ascending order.
            pub const ALL: &'static [Self] = &[$(Self::$property,)+];

            /// The property for its identifier; `None` for numbers without a meaning.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$property),)+
                    _ => None,
                }
            }

            /// The name in lower case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$property => $name,)+
                }
            }
        }
    };
}

property_ids! {
    PayloadFormatIndicator = 0x01, "payload_format_indicator";
    MessageExpiryInterval = 0x02, "message_expiry_interval";
    ContentType = 0x03, "content_type";
    ResponseTopic = 0x08, "response_topic";
    CorrelationData = 0x09, "correlation_data";
    SubscriptionIdentifier = 0x0B, "subscription_identifier";
    SessionExpiryInterval = 0x11, "session_expiry_interval";
    AssignedClientIdentifier = 0x12, "assigned_client_identifier";
    ServerKeepAlive = 0x13, "server_keep_alive";
    AuthenticationMethod = 0x15, "authentication_method";
    AuthenticationData = 0x16, "authentication_data";
    RequestProblemInformation = 0x17, "request_problem_information";
    WillDelayInterval = 0x18, "will_delay_interval";
    RequestResponseInformation = 0x19, "request_response_information";
    ResponseInformation = 0x1A, "response_information";
    ServerReference = 0x1C, "server_reference";
    ReasonString = 0x1F, "reason_string";
    ReceiveMaximum = 0x21, "receive_maximum";
    TopicAliasMaximum = 0x22, "topic_alias_maximum";
    TopicAlias = 0x23, "topic_alias";
    MaximumQoS = 0x24, "maximum_qos";
    RetainAvailable = 0x25, "retain_available";
    UserProperty = 0x26, "user_property";
    MaximumPacketSize = 0x27, "maximum_packet_size";
    WildcardSubscriptionAvailable = 0x28, "wildcard_subscription_available";
    SubscriptionIdentifierAvailable = 0x29, "subscription_identifier_available";
    SharedSubscriptionAvailable = 0x2A, "shared_subscription_available";
}

impl Property {
    /// The identifier on the wire, where it always takes one byte.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether a number may be the property's value.
    pub(crate) fn allows(self, value: u32) -> bool {
        let zero_is_allowed = !matches!(
            self,
            Self::ReceiveMaximum
                | Self::MaximumPacketSize
                | Self::TopicAlias
                | Self::SubscriptionIdentifier
        );
        let fits = self != Self::SubscriptionIdentifier || value <= crate::encode::VARIABLE_MAX;
        fits && (zero_is_allowed || value != 0)
    }
}

impl fmt::Display for Property {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
