//! How properties are read and written: each structure states which field is which property, the
//! type of the field says the rest.

use bytes::Bytes;

use crate::decode::Body;
use crate::encode::Sink;
use crate::{
    AckProperties, AuthProperties, ConnAckProperties, ConnectProperties, DecodeError,
    DisconnectProperties, EncodeError, Property, PublishProperties, QoS, SubscribeProperties, Text,
    TopicError, UnsubscribeProperties, UserProperties, WillProperties,
};

/// The properties of one kind of packet.
pub(crate) trait Properties: Default {
    /// Reads one value into its field.
    fn take(&mut self, property: Property, body: &mut Body) -> Result<(), DecodeError>;
    /// Writes all fields that are present, without the length in front.
    fn put<S: Sink>(&self, sink: &mut S);
    /// Whether every value may be written.
    fn check(&self) -> Result<(), EncodeError>;
}

/// A field of such a structure.
trait Slot {
    fn take(&mut self, property: Property, body: &mut Body) -> Result<(), DecodeError>;
    fn put<S: Sink>(&self, property: Property, sink: &mut S);
    fn check(&self, property: Property) -> Result<(), EncodeError>;
}

/// The type of a value that occurs once.
trait Value: Sized {
    fn read(property: Property, body: &mut Body) -> Result<Self, DecodeError>;
    fn write<S: Sink>(&self, property: Property, sink: &mut S);
    fn is_allowed(&self, property: Property) -> bool;
}

impl<T: Value> Slot for Option<T> {
    fn take(&mut self, property: Property, body: &mut Body) -> Result<(), DecodeError> {
        if self.is_some() {
            return Err(DecodeError::PropertyTwice(property));
        }
        *self = Some(T::read(property, body)?);
        Ok(())
    }

    fn put<S: Sink>(&self, property: Property, sink: &mut S) {
        if let Some(value) = self {
            sink.byte(property.number());
            value.write(property, sink);
        }
    }

    fn check(&self, property: Property) -> Result<(), EncodeError> {
        match self {
            Some(value) if !value.is_allowed(property) => Err(EncodeError::PropertyValue(property)),
            _ => Ok(()),
        }
    }
}

impl Slot for UserProperties {
    fn take(&mut self, _: Property, body: &mut Body) -> Result<(), DecodeError> {
        // [MQTT5-1.5.7-1]
        self.push((body.text()?, body.text()?));
        Ok(())
    }

    fn put<S: Sink>(&self, property: Property, sink: &mut S) {
        for (name, value) in self {
            sink.byte(property.number());
            sink.text(name);
            sink.text(value);
        }
    }

    fn check(&self, _: Property) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// Subscription identifiers: the only property of numbers that repeats.
impl Slot for Vec<u32> {
    fn take(&mut self, property: Property, body: &mut Body) -> Result<(), DecodeError> {
        self.push(u32::read(property, body)?);
        Ok(())
    }

    fn put<S: Sink>(&self, property: Property, sink: &mut S) {
        for value in self {
            sink.byte(property.number());
            value.write(property, sink);
        }
    }

    fn check(&self, property: Property) -> Result<(), EncodeError> {
        if self.iter().all(|value| value.is_allowed(property)) {
            Ok(())
        } else {
            Err(EncodeError::PropertyValue(property))
        }
    }
}

impl Value for bool {
    fn read(property: Property, body: &mut Body) -> Result<Self, DecodeError> {
        match body.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::PropertyValue(property)),
        }
    }

    fn write<S: Sink>(&self, _: Property, sink: &mut S) {
        sink.byte(u8::from(*self));
    }

    fn is_allowed(&self, _: Property) -> bool {
        true
    }
}

/// Maximum QoS, which is 0 or 1: a server that takes 2 leaves it out.
impl Value for QoS {
    fn read(property: Property, body: &mut Body) -> Result<Self, DecodeError> {
        Self::from_number(body.byte()?)
            .filter(|qos| qos.is_allowed(property))
            .ok_or(DecodeError::PropertyValue(property))
    }

    fn write<S: Sink>(&self, _: Property, sink: &mut S) {
        sink.byte(self.number());
    }

    fn is_allowed(&self, _: Property) -> bool {
        *self < Self::ExactlyOnce
    }
}

impl Value for u16 {
    fn read(property: Property, body: &mut Body) -> Result<Self, DecodeError> {
        let value = body.number()?;
        if value.is_allowed(property) {
            Ok(value)
        } else if property == Property::TopicAlias {
            Err(DecodeError::TopicAliasZero)
        } else {
            Err(DecodeError::PropertyValue(property))
        }
    }

    fn write<S: Sink>(&self, _: Property, sink: &mut S) {
        sink.number(*self);
    }

    fn is_allowed(&self, property: Property) -> bool {
        property.allows(u32::from(*self))
    }
}

/// Four bytes, but a variable byte integer for subscription identifiers.
impl Value for u32 {
    fn read(property: Property, body: &mut Body) -> Result<Self, DecodeError> {
        let value = if property == Property::SubscriptionIdentifier {
            body.variable()?
        } else {
            body.long_number()?
        };
        if value.is_allowed(property) {
            Ok(value)
        } else {
            Err(DecodeError::PropertyValue(property))
        }
    }

    fn write<S: Sink>(&self, property: Property, sink: &mut S) {
        if property == Property::SubscriptionIdentifier {
            sink.variable(*self);
        } else {
            sink.long_number(*self);
        }
    }

    fn is_allowed(&self, property: Property) -> bool {
        property.allows(*self)
    }
}

impl Value for Text {
    fn read(property: Property, body: &mut Body) -> Result<Self, DecodeError> {
        let text = body.text()?;
        match response_topic_error(property, &text) {
            Some(error) => Err(DecodeError::ResponseTopic(error)),
            None => Ok(text),
        }
    }

    fn write<S: Sink>(&self, _: Property, sink: &mut S) {
        sink.text(self);
    }

    fn is_allowed(&self, property: Property) -> bool {
        response_topic_error(property, self).is_none()
    }
}

impl Value for Bytes {
    fn read(_: Property, body: &mut Body) -> Result<Self, DecodeError> {
        body.binary()
    }

    fn write<S: Sink>(&self, _: Property, sink: &mut S) {
        sink.binary(self);
    }

    fn is_allowed(&self, _: Property) -> bool {
        self.len() <= usize::from(u16::MAX)
    }
}

/// What keeps a response topic from being published to. [MQTT5-3.3.2-14] [MQTT5-4.7.3-1]
fn response_topic_error(property: Property, text: &Text) -> Option<TopicError> {
    if property == Property::ResponseTopic {
        crate::TopicName::check(text).err()
    } else {
        None
    }
}

macro_rules! properties {
    ($type:ty { $($field:ident: $property:ident),+ $(,)? }) => {
        impl Properties for $type {
            fn take(&mut self, property: Property, body: &mut Body) -> Result<(), DecodeError> {
                match property {
                    $(Property::$property => Slot::take(&mut self.$field, property, body),)+
                    _ => Err(DecodeError::PropertyMisplaced(property)),
                }
            }

            fn put<S: Sink>(&self, sink: &mut S) {
                $(self.$field.put(Property::$property, sink);)+
            }

            fn check(&self) -> Result<(), EncodeError> {
                $(self.$field.check(Property::$property)?;)+
                Ok(())
            }
        }
    };
}

properties!(ConnectProperties {
    session_expiry: SessionExpiryInterval,
    receive_maximum: ReceiveMaximum,
    maximum_packet_size: MaximumPacketSize,
    topic_alias_maximum: TopicAliasMaximum,
    request_response_information: RequestResponseInformation,
    request_problem_information: RequestProblemInformation,
    authentication_method: AuthenticationMethod,
    authentication_data: AuthenticationData,
    user: UserProperty,
});

properties!(ConnAckProperties {
    session_expiry: SessionExpiryInterval,
    receive_maximum: ReceiveMaximum,
    maximum_qos: MaximumQoS,
    retain_available: RetainAvailable,
    maximum_packet_size: MaximumPacketSize,
    assigned_client_id: AssignedClientIdentifier,
    topic_alias_maximum: TopicAliasMaximum,
    reason_string: ReasonString,
    user: UserProperty,
    wildcard_available: WildcardSubscriptionAvailable,
    subscription_ids_available: SubscriptionIdentifierAvailable,
    shared_available: SharedSubscriptionAvailable,
    server_keep_alive: ServerKeepAlive,
    response_information: ResponseInformation,
    server_reference: ServerReference,
    authentication_method: AuthenticationMethod,
    authentication_data: AuthenticationData,
});

properties!(PublishProperties {
    payload_is_utf8: PayloadFormatIndicator,
    message_expiry: MessageExpiryInterval,
    topic_alias: TopicAlias,
    response_topic: ResponseTopic,
    correlation_data: CorrelationData,
    user: UserProperty,
    subscription_ids: SubscriptionIdentifier,
    content_type: ContentType,
});

properties!(AckProperties {
    reason_string: ReasonString,
    user: UserProperty,
});

properties!(SubscribeProperties {
    subscription_id: SubscriptionIdentifier,
    user: UserProperty,
});

properties!(UnsubscribeProperties { user: UserProperty });

properties!(DisconnectProperties {
    session_expiry: SessionExpiryInterval,
    reason_string: ReasonString,
    user: UserProperty,
    server_reference: ServerReference,
});

properties!(AuthProperties {
    method: AuthenticationMethod,
    data: AuthenticationData,
    reason_string: ReasonString,
    user: UserProperty,
});

/// The will's properties are those of its publication and a delay, but neither alias nor
/// subscription identifiers.
impl Properties for WillProperties {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the publication knows all others"
    )]
    fn take(&mut self, property: Property, body: &mut Body) -> Result<(), DecodeError> {
        match property {
            Property::WillDelayInterval => Slot::take(&mut self.delay, property, body),
            Property::TopicAlias | Property::SubscriptionIdentifier => {
                Err(DecodeError::PropertyMisplaced(property))
            }
            _ => self.publish.take(property, body),
        }
    }

    fn put<S: Sink>(&self, sink: &mut S) {
        self.delay.put(Property::WillDelayInterval, sink);
        self.publish
            .message_expiry
            .put(Property::MessageExpiryInterval, sink);
        put_shared(&self.publish, sink);
    }

    fn check(&self) -> Result<(), EncodeError> {
        self.publish.check()
    }
}

/// Writes what every receiver of a message gets alike: not the expiry, which counts down, and not
/// alias and subscription identifiers, which belong to a connection and a session.
pub(crate) fn put_shared<S: Sink>(properties: &PublishProperties, sink: &mut S) {
    let shared = properties;
    shared
        .payload_is_utf8
        .put(Property::PayloadFormatIndicator, sink);
    shared.response_topic.put(Property::ResponseTopic, sink);
    shared.correlation_data.put(Property::CorrelationData, sink);
    shared.user.put(Property::UserProperty, sink);
    shared.content_type.put(Property::ContentType, sink);
}
