//! A message in the queue of a session: in whole, or which body it is.

use std::sync::Arc;

use castmq_rules::{Delivery, Message, MessageId, SubscriptionIds};

use super::{Decoder, Encoder, flag, message, qos};
use crate::Damage;

const RETAIN: u8 = 1 << 2;
const SHARED_BODY: u8 = 1 << 3;
const IDS: u8 = 1 << 4;
const GROUP: u8 = 1 << 5;

/// What a row takes beside its message, about, in bytes.
const FIXED_BYTES: usize = 24;

/// A row of a queue.
#[derive(Debug)]
pub(crate) struct Queued {
    /// What it weighs.
    pub(crate) weight: u64,
    /// What all messages of the session up to it weigh.
    pub(crate) weight_sum: u64,
    pub(crate) content: Content,
    envelope: Envelope,
}

/// Where the message of a row is.
#[derive(Debug)]
pub(crate) enum Content {
    /// In the row.
    Inline(Arc<Message>),
    /// It is a body.
    Body(MessageId),
}

/// What differs from receiver to receiver.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) qos: castmq_mqtt::QoS,
    pub(crate) retain: bool,
    pub(crate) subscription_ids: SubscriptionIds,
    pub(crate) group: Option<Box<Arc<str>>>,
}

impl Queued {
    /// What differs from receiver to receiver.
    pub(crate) fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The delivery, of a message that is in the row or was read on its own.
    pub(crate) fn delivery(self, message: Arc<Message>) -> Delivery {
        Delivery {
            message,
            qos: self.envelope.qos,
            retain: self.envelope.retain,
            subscription_ids: self.envelope.subscription_ids,
            group: self.envelope.group,
        }
    }
}

/// Whether the message goes into the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Inline,
    Body,
}

/// About how long the row becomes.
pub(crate) fn capacity(delivery: &Delivery, form: Form) -> usize {
    match form {
        Form::Inline => FIXED_BYTES + message::capacity(&delivery.message),
        Form::Body => FIXED_BYTES,
    }
}

/// Writes a row, of a message that weighs so much, and all of its session up to it so much.
pub(crate) fn encode(
    delivery: &Delivery,
    (weight, weight_sum): (u64, u64),
    form: Form,
    to: &mut Encoder,
) {
    let ids = delivery.subscription_ids.as_slice();
    to.byte(
        delivery.qos.number()
            | flag(delivery.retain, RETAIN)
            | flag(form == Form::Body, SHARED_BODY)
            | flag(!ids.is_empty(), IDS)
            | flag(delivery.group.is_some(), GROUP),
    );
    to.number(weight_sum);
    to.number(weight);
    if !ids.is_empty() {
        to.number(ids.len() as u64);
        ids.iter().for_each(|id| to.number(u64::from(*id)));
    }
    if let Some(group) = &delivery.group {
        to.bytes(group.as_bytes());
    }
    match form {
        Form::Inline => message::encode(&delivery.message, to),
        Form::Body => to.number(delivery.message.id.0),
    }
}

pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Queued, Damage> {
    let flags = from.byte()?;
    let has = |bit: u8| flags & bit != 0;
    let weight_sum = from.number()?;
    let weight = from.number()?;
    let mut subscription_ids = SubscriptionIds::default();
    if has(IDS) {
        for _ in 0..from.count()? {
            subscription_ids.insert(from.small("subscription identifier")?);
        }
    }
    let group = if has(GROUP) {
        let name = from.text("group")?;
        Some(Box::new(Arc::from(name.as_str())))
    } else {
        None
    };
    let content = if has(SHARED_BODY) {
        Content::Body(MessageId(from.number()?))
    } else {
        Content::Inline(Arc::new(message::decode(from)?))
    };
    Ok(Queued {
        weight,
        weight_sum,
        content,
        envelope: Envelope {
            qos: qos(flags)?,
            retain: has(RETAIN),
            subscription_ids,
            group,
        },
    })
}

/// Which body a row refers to, without taking its message apart; `None` when it has none.
pub(crate) fn decode_reference(from: &mut Decoder<'_>) -> Result<Option<MessageId>, Damage> {
    let is_inline = from
        .rest
        .first()
        .is_some_and(|flags| flags & SHARED_BODY == 0);
    if is_inline {
        from.rest = &[];
        return Ok(None);
    }
    match decode(from)?.content {
        Content::Body(message) => Ok(Some(message)),
        Content::Inline(_) => Ok(None),
    }
}

/// What the messages up to this one weigh together, and this one, without taking it apart.
pub(crate) fn decode_weight(from: &mut Decoder<'_>) -> Result<(u64, u64), Damage> {
    let _flags = from.byte()?;
    let weights = (from.number()?, from.number()?);
    from.rest = &[];
    Ok(weights)
}
