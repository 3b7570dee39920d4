//! MQTT 5.0 reason codes.

macro_rules! reason_codes {
    ($($(#[$doc:meta])+ $name:ident = $value:literal,)+) => {
        /// Why an answer is what it is: 0x00 to 0x7F for success, 0x80 and above for failure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum ReasonCode {
            $($(#[$doc])+ $name = $value,)+
        }

        impl ReasonCode {
            /// Every code, in ascending order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code for its number on the wire; `None` for numbers without a meaning.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($value => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

reason_codes! {
    /// Success; normal disconnection; granted QoS 0.
    Success = 0x00,
    /// Granted QoS 1.
    GrantedQoS1 = 0x01,
    /// Granted QoS 2.
    GrantedQoS2 = 0x02,
    /// Disconnect, and publish the will.
    DisconnectWithWill = 0x04,
    /// Accepted, but nobody subscribes.
    NoMatchingSubscribers = 0x10,
    /// There was no such subscription.
    NoSubscriptionExisted = 0x11,
    /// Go on with the authentication.
    ContinueAuthentication = 0x18,
    /// Authenticate again.
    ReAuthenticate = 0x19,
    /// Failure without a better reason.
    UnspecifiedError = 0x80,
    /// Bytes that the specification does not allow.
    MalformedPacket = 0x81,
    /// A packet that is not allowed here and now.
    ProtocolError = 0x82,
    /// Valid, but this server does not take it.
    ImplementationSpecificError = 0x83,
    /// This version of the protocol is not spoken here.
    UnsupportedProtocolVersion = 0x84,
    /// The client id is not allowed.
    ClientIdentifierNotValid = 0x85,
    /// User name or password is wrong.
    BadUserNameOrPassword = 0x86,
    /// Not allowed to do that.
    NotAuthorized = 0x87,
    /// The server is not available.
    ServerUnavailable = 0x88,
    /// The server is busy; try again later.
    ServerBusy = 0x89,
    /// Banned by an administrator.
    Banned = 0x8A,
    /// The server stops.
    ServerShuttingDown = 0x8B,
    /// The method of authentication is not supported or not the one in use.
    BadAuthenticationMethod = 0x8C,
    /// Nothing came within 1.5 times the keep alive.
    KeepAliveTimeout = 0x8D,
    /// Another connection took the client id.
    SessionTakenOver = 0x8E,
    /// The filter is well formed but not allowed.
    TopicFilterInvalid = 0x8F,
    /// The topic is well formed but not allowed.
    TopicNameInvalid = 0x90,
    /// The packet id is in use.
    PacketIdentifierInUse = 0x91,
    /// The packet id is not in use.
    PacketIdentifierNotFound = 0x92,
    /// More unacknowledged messages than the Receive Maximum allows.
    ReceiveMaximumExceeded = 0x93,
    /// A topic alias that is 0, too high or unknown.
    TopicAliasInvalid = 0x94,
    /// Larger than the Maximum Packet Size.
    PacketTooLarge = 0x95,
    /// Too many messages in a short time.
    MessageRateTooHigh = 0x96,
    /// A limit of the implementation or the administrator.
    QuotaExceeded = 0x97,
    /// Closed by an administrator.
    AdministrativeAction = 0x98,
    /// The payload is not what the payload format indicator says.
    PayloadFormatInvalid = 0x99,
    /// Retained messages are not supported.
    RetainNotSupported = 0x9A,
    /// This QoS is not supported.
    QoSNotSupported = 0x9B,
    /// Use another server for now.
    UseAnotherServer = 0x9C,
    /// Use another server from now on.
    ServerMoved = 0x9D,
    /// Shared subscriptions are not supported.
    SharedSubscriptionsNotSupported = 0x9E,
    /// Too many connections in a short time.
    ConnectionRateExceeded = 0x9F,
    /// The time for which the connection was authorised is over.
    MaximumConnectTime = 0xA0,
    /// Subscription identifiers are not supported.
    SubscriptionIdentifiersNotSupported = 0xA1,
    /// Filters with wildcards are not supported.
    WildcardSubscriptionsNotSupported = 0xA2,
}

impl ReasonCode {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether it states a failure: 0x80 and above.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        self.number() >= 0x80
    }
}
