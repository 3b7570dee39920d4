//! A client's message: sound, and to be routed or refused.

use castmq_mqtt::{Publish, QoS, ReasonCode, TopicName};
use serde::{Deserialize, Serialize};

use crate::alias::InboundAliases;
use crate::connect::is_system_topic;
use crate::protocol::{Agreement, Violation};

/// A message that obeys the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Where to; aliases are resolved.
    pub topic: TopicName,
    /// The packet, without topic and topic alias.
    pub publish: Publish,
    /// Whether it is to be routed.
    pub verdict: Verdict,
}

/// What becomes of a message that obeys the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It goes on: to access control, to the retainer, to the router.
    Route,
    /// It is not routed. A 5.0 client is told so in PUBACK or PUBREC; a 3.x client gets its answer
    /// as if nothing had happened, QoS 0 is dropped. \[MQTT3-3.3.5-2\]
    Refuse(ReasonCode),
}

/// Checks a PUBLISH and resolves its topic.
pub(super) fn check(
    mut publish: Publish,
    agreement: &Agreement,
    aliases: &mut InboundAliases,
) -> Result<Checked, Violation> {
    check_flags(publish.qos, publish.retain, agreement)?;
    let mut alias = None;
    if let Some(properties) = publish.properties.as_deref_mut() {
        // [MQTT5-3.3.4-6]
        if !properties.subscription_ids.is_empty() {
            return Err(Violation::SubscriptionId);
        }
        // [MQTT5-3.3.2-14]
        let response_topic = properties.response_topic.as_deref();
        if response_topic.is_some_and(|topic| topic.is_empty() || topic.contains(['+', '#'])) {
            return Err(Violation::ResponseTopic);
        }
        alias = properties.topic_alias.take();
    }
    let topic = aliases.resolve(publish.topic.take(), alias)?;
    let verdict = verdict(&topic, &publish, agreement);
    Ok(Checked {
        topic,
        publish,
        verdict,
    })
}

/// Checks what the first byte says.
pub(super) fn check_flags(qos: QoS, retain: bool, agreement: &Agreement) -> Result<(), Violation> {
    if qos > agreement.qos_max {
        return Err(Violation::QoSNotSupported(qos));
    }
    if retain && !agreement.retain_available {
        return Err(Violation::RetainNotSupported);
    }
    Ok(())
}

/// Whether clients may publish to a topic at all.
#[must_use]
pub fn verdict_on(topic: &TopicName) -> Verdict {
    if is_system_topic(topic.as_str()) {
        Verdict::Refuse(ReasonCode::TopicNameInvalid)
    } else {
        Verdict::Route
    }
}

fn verdict(topic: &TopicName, publish: &Publish, agreement: &Agreement) -> Verdict {
    let by_topic = verdict_on(topic);
    if by_topic != Verdict::Route {
        return by_topic;
    }
    let properties = publish.properties.as_deref();
    let is_utf8 = properties.is_some_and(|properties| properties.payload_is_utf8 == Some(true));
    if agreement.validates_payload_format
        && is_utf8
        && std::str::from_utf8(&publish.payload).is_err()
    {
        return Verdict::Refuse(ReasonCode::PayloadFormatInvalid);
    }
    Verdict::Route
}
