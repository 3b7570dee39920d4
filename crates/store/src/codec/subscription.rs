//! How a session subscribes. What it subscribes to stands in the key.

use castmq_mqtt::{RetainHandling, Subscription, SubscriptionOptions, Text};
use castmq_rules::session::SubscriptionEntry;

use super::{Decoder, Encoder, flag, qos};
use crate::{Damage, Space, StoreError};

const NO_LOCAL: u8 = 1 << 2;
const RETAIN_AS_PUBLISHED: u8 = 1 << 3;
const HANDLING_SHIFT: u8 = 4;
const ID: u8 = 1 << 6;

/// What an entry takes at most, in bytes.
pub(crate) const CAPACITY: usize = 8;

pub(crate) fn encode(entry: &SubscriptionEntry, to: &mut Encoder) {
    let options = entry.options;
    to.byte(
        options.qos.number()
            | flag(options.no_local, NO_LOCAL)
            | flag(options.retain_as_published, RETAIN_AS_PUBLISHED)
            | ((options.retain_handling as u8) << HANDLING_SHIFT)
            | flag(entry.id.is_some(), ID),
    );
    if let Some(id) = entry.id {
        to.number(u64::from(id));
    }
}

pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<SubscriptionEntry, Damage> {
    let flags = from.byte()?;
    let retain_handling = match (flags >> HANDLING_SHIFT) & 0b11 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return Err(Damage::Field("retain handling")),
    };
    Ok(SubscriptionEntry {
        options: SubscriptionOptions {
            qos: qos(flags)?,
            no_local: flags & NO_LOCAL != 0,
            retain_as_published: flags & RETAIN_AS_PUBLISHED != 0,
            retain_handling,
        },
        id: (flags & ID != 0)
            .then(|| from.small("subscription identifier"))
            .transpose()?,
    })
}

/// The subscription that a key ends in.
pub(crate) fn from_key(key: &[u8], filter: &[u8]) -> Result<Subscription, StoreError> {
    let wrong = || StoreError::damaged(Space::Subscriptions, key, Damage::Field("filter"));
    let text = Text::from_bytes(filter).map_err(|_| wrong())?;
    Subscription::parse(text).map_err(|_| wrong())
}
