//! MQTT packets and topics: bytes to packets and back, for 3.1, 3.1.1 and 5.0, in both directions.
//!
//! No input or output, no clock, no allocation that the length of a packet does not justify. Strings
//! and payloads are slices of the buffer they came in ([`bytes::Bytes`]).

mod decode;
mod encode;
mod error;
mod packet;
mod packet_type;
mod property;
mod property_codec;
mod property_id;
mod qos;
mod reason;
pub mod serial;
mod text;
mod topic;

pub use decode::{AckKind, Decoder, Glance, Glanced, PublishView};
pub use encode::{PublishHead, SUCCESS_BYTES, encode, encode_success, encoded_bytes};
pub use error::{DecodeError, EncodeError};
pub use packet::{
    Ack, Auth, ConnAck, Connect, ConnectReturn, Disconnect, Packet, PacketId, Publish,
    RetainHandling, SubAck, Subscribe, SubscribeFilter, SubscriptionOptions, UnsubAck, Unsubscribe,
    Version, Will,
};
pub use packet_type::{PacketType, Sender};
pub use property::{
    AckProperties, AuthProperties, ConnAckProperties, ConnectProperties, DisconnectProperties,
    PublishProperties, SubscribeProperties, UnsubscribeProperties, UserProperties, WillProperties,
};
pub use property_id::Property;
pub use qos::QoS;
pub use reason::ReasonCode;
pub use text::{Text, TextError};
pub use topic::{FilterError, Subscription, TopicError, TopicFilter, TopicName};
