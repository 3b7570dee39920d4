//! Where a queue begins and ends, written down while nothing happens to it.

use super::{Decoder, Encoder};
use crate::Damage;

/// First and last row of a queue; `None` when it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueEnds(pub(crate) Option<(End, End)>);

/// A row at an end of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) number: u64,
    /// What the message weighs, and all of its session up to it.
    pub(crate) weight: u64,
    pub(crate) weight_sum: u64,
}

/// What a row takes at most, in bytes.
pub(crate) const CAPACITY: usize = 40;

pub(crate) fn encode(ends: QueueEnds, to: &mut Encoder) {
    to.byte(u8::from(ends.0.is_some()));
    if let Some((first, last)) = ends.0 {
        for end in [first, last] {
            to.number(end.number);
            to.number(end.weight);
            to.number(end.weight_sum);
        }
    }
}

pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<QueueEnds, Damage> {
    match from.byte()? {
        0 => Ok(QueueEnds(None)),
        1 => {
            let (first, last) = (decode_end(from)?, decode_end(from)?);
            if first.number > last.number {
                return Err(Damage::Field("number"));
            }
            Ok(QueueEnds(Some((first, last))))
        }
        _ => Err(Damage::Field("ends")),
    }
}

fn decode_end(from: &mut Decoder<'_>) -> Result<End, Damage> {
    Ok(End {
        number: from.number()?,
        weight: from.number()?,
        weight_sum: from.number()?,
    })
}
