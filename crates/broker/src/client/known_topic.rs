//! The topic that a connection has published to last: checked once, and looked up again only when routes
//! or rights have changed. Most publishers have one topic.

use std::net::IpAddr;

use castmq_mqtt::{DecodeError, QoS, ReasonCode, Text, TopicName};
use castmq_rules::access::{Action, Question};
use castmq_rules::protocol::{Verdict, verdict_on};
use castmq_rules::{Delivery, MessageId, Moment};

use super::Linked;
use crate::Shard;
use crate::listener::Profile;
use crate::server::Way;

/// See the module.
#[derive(Debug)]
pub(super) struct KnownTopic {
    topic: TopicName,
    /// Why nobody may publish to it, if so.
    refusal: Option<ReasonCode>,
    /// The generation of rights under which the client was allowed to, with this QoS and retain.
    allowed: Option<(u64, QoS, bool)>,
    /// Where its messages go.
    pub(super) way: Option<Way>,
    /// The last message that was taken, and when.
    pub(super) last: Option<(MessageId, Moment)>,
}

impl KnownTopic {
    fn new(shard: &Shard, topic: &[u8]) -> Result<Self, DecodeError> {
        let topic = TopicName::new(Text::from_bytes(topic)?).map_err(DecodeError::Topic)?;
        let refusal = match verdict_on(&topic) {
            Verdict::Refuse(reason) => Some(reason),
            Verdict::Route if shard.world.topic_limits.check(topic.as_str()).is_err() => {
                Some(ReasonCode::TopicNameInvalid)
            }
            Verdict::Route => None,
        };
        Ok(Self {
            topic,
            refusal,
            allowed: None,
            way: None,
            last: None,
        })
    }

    /// The topic.
    pub(super) fn topic(&self) -> &TopicName {
        &self.topic
    }
}

impl Linked {
    /// Knows a topic, from now on if not before; the one before it is forgotten.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are not a topic.
    pub(super) fn know(
        &mut self,
        shard: &Shard,
        profile: &Profile,
        topic: &[u8],
    ) -> Result<(), DecodeError> {
        let mount_point = profile.mount_point.as_deref().unwrap_or_default();
        let is_known = self.known.as_ref().is_some_and(|known| {
            let own = known.topic.as_str().as_bytes();
            own.strip_prefix(mount_point.as_bytes()) == Some(topic)
        });
        if !is_known {
            let known = if mount_point.is_empty() {
                KnownTopic::new(shard, topic)?
            } else {
                // The client's own topic has to be one by itself.
                TopicName::new(Text::from_bytes(topic)?).map_err(DecodeError::Topic)?;
                KnownTopic::new(shard, &[mount_point.as_bytes(), topic].concat())?
            };
            match &mut self.known {
                Some(place) => **place = known,
                None => self.known = Some(Box::new(known)),
            }
        }
        Ok(())
    }

    /// Whether the client may do something; what was decided is remembered.
    pub(super) fn may(
        &mut self,
        shard: &Shard,
        address: Option<IpAddr>,
        question: Question<'_>,
        topic: &Text,
    ) -> bool {
        let mut cache = std::mem::take(&mut self.acl);
        let asker = self.asker(address);
        let may = shard
            .world
            .node
            .access
            .may(&mut cache, asker, question, topic);
        self.acl = cache;
        may
    }

    /// Whether the client may have a message that it subscribed to.
    pub(super) fn may_have(
        &mut self,
        shard: &Shard,
        address: Option<IpAddr>,
        delivery: &Delivery,
    ) -> bool {
        let topic = delivery.message.topic.text();
        let question = Question {
            action: Action::Deliver,
            topic: topic.as_str(),
            qos: delivery.qos,
            retain: delivery.retain,
        };
        self.may(shard, address, question, topic)
    }

    /// Why the client may not publish so to the topic that it knows, if so.
    pub(super) fn refusal(
        &mut self,
        shard: &Shard,
        address: Option<IpAddr>,
        (qos, retain): (QoS, bool),
    ) -> Option<ReasonCode> {
        let known = self.known.as_deref_mut()?;
        if known.refusal.is_some() {
            return known.refusal;
        }
        let access = &shard.world.node.access;
        // Asked before the modules are: a change in between is seen the next time.
        let generation = access.generation();
        if known.allowed == Some((generation, qos, retain)) {
            return None;
        }
        let topic = known.topic.text().clone();
        let question = Question {
            action: Action::Publish,
            topic: topic.as_str(),
            qos,
            retain,
        };
        let may = self.may(shard, address, question, &topic);
        if let Some(known) = &mut self.known {
            known.allowed = may.then_some((generation, qos, retain));
        }
        (!may).then_some(ReasonCode::NotAuthorized)
    }
}
