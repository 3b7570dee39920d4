//! The types of packets, and which reason codes each may carry.

use std::fmt;

use crate::{Packet, ReasonCode};

macro_rules! packet_types {
    ($($(#[$doc:meta])+ $type:ident = $number:literal, $name:literal;)+) => {
        /// The type of a packet, as its first byte states it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum PacketType {
            $($(#[$doc])+ $type = $number,)+
        }

        impl PacketType {
            /// Every type, in ascending order.
            pub const ALL: &'static [Self] = &[$(Self::$type,)+];

            /// The type for the upper half of a first byte; `None` for 0 and for 16 and above.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$type),)+
                    _ => None,
                }
            }

            /// The name in lower case, for counters and log lines.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$type => $name,)+
                }
            }
        }
    };
}

packet_types! {
    /// CONNECT
    Connect = 1, "connect";
    /// CONNACK
    ConnAck = 2, "connack";
    /// PUBLISH
    Publish = 3, "publish";
    /// PUBACK
    PubAck = 4, "puback";
    /// PUBREC
    PubRec = 5, "pubrec";
    /// PUBREL
    PubRel = 6, "pubrel";
    /// PUBCOMP
    PubComp = 7, "pubcomp";
    /// SUBSCRIBE
    Subscribe = 8, "subscribe";
    /// SUBACK
    SubAck = 9, "suback";
    /// UNSUBSCRIBE
    Unsubscribe = 10, "unsubscribe";
    /// UNSUBACK
    UnsubAck = 11, "unsuback";
    /// PINGREQ
    PingReq = 12, "pingreq";
    /// PINGRESP
    PingResp = 13, "pingresp";
    /// DISCONNECT
    Disconnect = 14, "disconnect";
    /// AUTH
    Auth = 15, "auth";
}

impl PacketType {
    /// The number in the upper half of the first byte.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Packet {
    /// Which type of packet this is.
    #[must_use]
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }
}

/// Who sends a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl ReasonCode {
    /// Whether the specification lists this code for a packet from that sender.
    ///
    /// False for every packet that carries no reason code.
    #[must_use]
    pub const fn is_listed_for(self, packet: PacketType, sender: Sender) -> bool {
        let number = self.number();
        match packet {
            // [MQTT5-3.2.2-8]
            PacketType::ConnAck => {
                matches!(number, 0x00 | 0x80..=0x8A | 0x8C | 0x90 | 0x95 | 0x97 | 0x99..=0x9D | 0x9F)
            }
            // [MQTT5-3.4.2-1] [MQTT5-3.5.2-1]
            PacketType::PubAck | PacketType::PubRec => {
                matches!(
                    number,
                    0x00 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99
                )
            }
            // [MQTT5-3.6.2-1] [MQTT5-3.7.2-1]
            PacketType::PubRel | PacketType::PubComp => matches!(number, 0x00 | 0x92),
            // [MQTT5-3.9.3-2]
            PacketType::SubAck => matches!(
                number,
                0x00..=0x02 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91 | 0x97 | 0x9E | 0xA1 | 0xA2
            ),
            // [MQTT5-3.11.3-2]
            PacketType::UnsubAck => {
                matches!(number, 0x00 | 0x11 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91)
            }
            // [MQTT5-3.14.2-1]; 0x8C is in the specification's general table of codes only.
            PacketType::Disconnect => match sender {
                Sender::Client => matches!(
                    number,
                    0x00 | 0x04 | 0x80..=0x83 | 0x8C | 0x90 | 0x93..=0x99
                ),
                Sender::Server => matches!(
                    number,
                    0x00 | 0x80..=0x83 | 0x87 | 0x89 | 0x8B..=0x90 | 0x93..=0xA2
                ),
            },
            // [MQTT5-3.15.2-1]; a server does not begin a re-authentication.
            PacketType::Auth => match sender {
                Sender::Client => matches!(number, 0x18 | 0x19),
                Sender::Server => matches!(number, 0x00 | 0x18),
            },
            PacketType::Connect
            | PacketType::Publish
            | PacketType::Subscribe
            | PacketType::Unsubscribe
            | PacketType::PingReq
            | PacketType::PingResp => false,
        }
    }
}
