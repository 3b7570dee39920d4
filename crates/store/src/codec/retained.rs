//! A retained message with its version and its end.

use castmq_rules::{Message, Moment};

use super::{Decoder, Encoder, message};
use crate::Damage;

pub(crate) fn encode(value: &Message, ends: Option<Moment>, to: &mut Encoder) {
    to.number(value.version.unwrap_or_default());
    to.byte(u8::from(ends.is_some()));
    ends.into_iter().for_each(|ends| to.moment(ends));
    message::encode(value, to);
}

pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<(Message, Option<Moment>), Damage> {
    let _version = from.number()?;
    let ends = match from.byte()? {
        0 => None,
        1 => Some(from.moment()?),
        _ => return Err(Damage::Field("end")),
    };
    Ok((message::decode(from)?, ends))
}

/// The version alone.
pub(crate) fn decode_version(from: &mut Decoder<'_>) -> Result<u64, Damage> {
    let version = from.number()?;
    from.rest = &[];
    Ok(version)
}
