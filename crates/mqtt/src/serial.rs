//! How values of packets look where they are written down for people and other programs: strings as
//! strings, numbers on the wire as numbers.
//!
//! What is read obeys the same rules as what comes over the wire.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{QoS, ReasonCode, Subscription, Text, TopicFilter, TopicName};

pub mod payload;

/// Reads a string that has to obey a rule.
struct Checked<T, E>(&'static str, fn(&str) -> Result<T, E>);

impl<T, E: fmt::Display> Visitor<'_> for Checked<T, E> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }

    fn visit_str<F: Error>(self, text: &str) -> Result<T, F> {
        (self.1)(text).map_err(|cause| F::custom(format_args!("{cause}: {text:?}")))
    }
}

/// Serializes as a string and reads it back by a rule.
macro_rules! as_string {
    ($type:ty, $what:literal, $read:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Checked($what, $read))
            }
        }
    };
}

/// Serializes as a number and reads it back by a table.
macro_rules! as_number {
    ($type:ty, $what:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u8(self.number())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = u8::deserialize(deserializer)?;
                Self::from_number(number).ok_or_else(|| {
                    D::Error::invalid_value(Unexpected::Unsigned(number.into()), &$what)
                })
            }
        }
    };
}

as_string!(Text, "an MQTT string", |text| Text::from_bytes(
    text.as_bytes()
));
as_string!(TopicName, "a topic", |text| {
    let text = Text::from_bytes(text.as_bytes()).map_err(|cause| cause.to_string())?;
    TopicName::new(text).map_err(|cause| cause.to_string())
});
as_string!(TopicFilter, "a topic filter", |text| {
    let text = Text::from_bytes(text.as_bytes()).map_err(|cause| cause.to_string())?;
    TopicFilter::new(text).map_err(|cause| cause.to_string())
});
as_string!(Subscription, "a subscription", |text| {
    let text = Text::from_bytes(text.as_bytes()).map_err(|cause| cause.to_string())?;
    Subscription::parse(text).map_err(|cause| cause.to_string())
});
as_number!(QoS, "a QoS of 0, 1 or 2");
as_number!(ReasonCode, "a reason code of MQTT 5.0");
