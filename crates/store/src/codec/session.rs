//! A session as such.

use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::{Will, WillProperties};
use castmq_rules::claim::Epoch;
use castmq_rules::session::{Expiry, Presence, Record};

use super::message::{client_id, decode_properties, encode_properties, topic};
use super::{Decoder, Encoder, flag, qos};
use crate::Damage;

const AT_ONCE: u8 = 0;
const AFTER: u8 = 1;
const NEVER: u8 = 2;
const EXPIRY: u8 = 0b11;
const AWAY: u8 = 1 << 2;
const ENDS: u8 = 1 << 3;
const WILL_DUE: u8 = 1 << 4;
const WILL: u8 = 1 << 5;
const USER_NAME: u8 = 1 << 6;

/// What a record takes, about, in bytes.
pub(crate) const CAPACITY: usize = 96;

pub(crate) fn encode(record: &Record, to: &mut Encoder) {
    let (ends, will_due, sent_below) = match record.presence {
        Presence::Connected => (None, None, None),
        Presence::Away {
            ends,
            will_due,
            sent_below,
        } => (ends, will_due, Some(sent_below)),
    };
    let expiry = match record.expiry {
        Expiry::AtOnce => AT_ONCE,
        Expiry::After(_) => AFTER,
        Expiry::Never => NEVER,
    };
    to.byte(
        expiry
            | flag(sent_below.is_some(), AWAY)
            | flag(ends.is_some(), ENDS)
            | flag(will_due.is_some(), WILL_DUE)
            | flag(record.will.is_some(), WILL)
            | flag(record.user_name.is_some(), USER_NAME),
    );
    to.bytes(record.client_id.as_str().as_bytes());
    to.number(record.epoch.0);
    to.number(record.first);
    to.number(record.next);
    to.number(record.weight_sum);
    if let Expiry::After(time) = record.expiry {
        to.number(time.as_secs());
        to.number(u64::from(time.subsec_nanos()));
    }
    ends.into_iter().for_each(|ends| to.moment(ends));
    will_due.into_iter().for_each(|due| to.moment(due));
    sent_below.into_iter().for_each(|below| to.number(below));
    if let Some(will) = &record.will {
        encode_will(will, to);
    }
    if let Some(name) = &record.user_name {
        to.bytes(name.as_bytes());
    }
}

pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Record, Damage> {
    let flags = from.byte()?;
    let has = |bit: u8| flags & bit != 0;
    Ok(Record {
        client_id: client_id(from)?,
        epoch: Epoch(from.number()?),
        first: from.number()?,
        next: from.number()?,
        weight_sum: from.number()?,
        expiry: match flags & EXPIRY {
            AT_ONCE => Expiry::AtOnce,
            AFTER => Expiry::After(duration(from)?),
            NEVER => Expiry::Never,
            _ => return Err(Damage::Field("expiry")),
        },
        presence: {
            let ends = has(ENDS).then(|| from.moment()).transpose()?;
            let will_due = has(WILL_DUE).then(|| from.moment()).transpose()?;
            if has(AWAY) {
                Presence::Away {
                    ends,
                    will_due,
                    sent_below: from.number()?,
                }
            } else {
                Presence::Connected
            }
        },
        will: has(WILL)
            .then(|| decode_will(from).map(Box::new))
            .transpose()?,
        user_name: has(USER_NAME).then(|| from.text("user name")).transpose()?,
    })
}

fn duration(from: &mut Decoder<'_>) -> Result<Duration, Damage> {
    let seconds = from.number()?;
    let nanos: u32 = from.small("expiry")?;
    if nanos >= 1_000_000_000 {
        return Err(Damage::Field("expiry"));
    }
    Ok(Duration::new(seconds, nanos))
}

const RETAIN: u8 = 1 << 2;
const DELAY: u8 = 1 << 3;

fn encode_will(will: &Will, to: &mut Encoder) {
    let delay = will.properties.delay;
    to.byte(will.qos.number() | flag(will.retain, RETAIN) | flag(delay.is_some(), DELAY));
    to.bytes(will.topic.as_str().as_bytes());
    to.bytes(&will.payload);
    delay
        .into_iter()
        .for_each(|delay| to.number(u64::from(delay)));
    encode_properties(&will.properties.publish, to);
}

fn decode_will(from: &mut Decoder<'_>) -> Result<Will, Damage> {
    let flags = from.byte()?;
    Ok(Will {
        qos: qos(flags)?,
        retain: flags & RETAIN != 0,
        topic: topic(from)?,
        payload: Bytes::copy_from_slice(from.bytes()?),
        properties: WillProperties {
            delay: (flags & DELAY != 0)
                .then(|| from.small("will delay"))
                .transpose()?,
            publish: decode_properties(from)?,
        },
    })
}
