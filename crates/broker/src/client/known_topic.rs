//! The topic that a connection has published to last: checked once, and looked up again only when routes
//! or rights have changed. Most publishers have one topic.

use castmq_mqtt::{DecodeError, ReasonCode, Text, TopicName};
use castmq_rules::protocol::{Verdict, verdict_on};

use super::Linked;
use crate::Shard;
use crate::server::Way;

/// See the module.
#[derive(Debug)]
pub(super) struct KnownTopic {
    topic: TopicName,
    /// Why nobody may publish to it, if so.
    refusal: Option<ReasonCode>,
    /// The generation of rights under which the client was allowed to.
    allowed: Option<u64>,
    /// Where its messages go.
    pub(super) way: Option<Way>,
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
    pub(super) fn know(&mut self, shard: &Shard, topic: &[u8]) -> Result<(), DecodeError> {
        let is_known = self
            .known
            .as_ref()
            .is_some_and(|known| known.topic.as_str().as_bytes() == topic);
        if !is_known {
            let known = KnownTopic::new(shard, topic)?;
            match &mut self.known {
                Some(place) => **place = known,
                None => self.known = Some(Box::new(known)),
            }
        }
        Ok(())
    }

    /// Why the client may not publish to the topic that it knows, if so.
    pub(super) fn refusal(&mut self, shard: &Shard) -> Option<ReasonCode> {
        let known = self.known.as_deref_mut()?;
        if known.refusal.is_some() {
            return known.refusal;
        }
        let access = &shard.world.node.access;
        // Asked before the modules are: a change in between is seen the next time.
        let generation = access.generation();
        if known.allowed == Some(generation) {
            return None;
        }
        let user_name = self.user_name.as_deref();
        let may = access.may_publish(&mut self.acl, &self.client_id, user_name, &known.topic);
        known.allowed = may.then_some(generation);
        (!may).then_some(ReasonCode::NotAuthorized)
    }
}
