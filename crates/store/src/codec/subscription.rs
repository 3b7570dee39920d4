//! How a session subscribes. What it subscribes to stands in the key, or in the value where that is too
//! long for a key.

use castmq_mqtt::{RetainHandling, Subscription, SubscriptionOptions, Text};
use castmq_rules::session::SubscriptionEntry;

use super::{Decoder, Encoder, flag, qos, unseal};
use crate::{Damage, SessionKey, Space, StoreError, Timeline, space};

const NO_LOCAL: u8 = 1 << 2;
const RETAIN_AS_PUBLISHED: u8 = 1 << 3;
const HANDLING_SHIFT: u8 = 4;
const ID: u8 = 1 << 6;
const LONG: u8 = 1 << 7;

/// What a subscription takes, about, in bytes.
pub(crate) const CAPACITY: usize = 8;

pub(crate) fn encode(entry: &SubscriptionEntry, filter: &str, to: &mut Encoder) {
    let is_long = space::is_long(filter);
    let options = entry.options;
    to.byte(
        options.qos.number()
            | flag(options.no_local, NO_LOCAL)
            | flag(options.retain_as_published, RETAIN_AS_PUBLISHED)
            | ((options.retain_handling as u8) << HANDLING_SHIFT)
            | flag(entry.id.is_some(), ID)
            | flag(is_long, LONG),
    );
    if let Some(id) = entry.id {
        to.number(u64::from(id));
    }
    if is_long {
        to.bytes(filter.as_bytes());
    }
}

/// The entry, and the filter if it is not in the key.
pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<(SubscriptionEntry, Option<Text>), Damage> {
    let flags = from.byte()?;
    let retain_handling = match (flags >> HANDLING_SHIFT) & 0b11 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return Err(Damage::Field("retain handling")),
    };
    let entry = SubscriptionEntry {
        options: SubscriptionOptions {
            qos: qos(flags)?,
            no_local: flags & NO_LOCAL != 0,
            retain_as_published: flags & RETAIN_AS_PUBLISHED != 0,
            retain_handling,
        },
        id: (flags & ID != 0)
            .then(|| from.small("subscription identifier"))
            .transpose()?,
    };
    let filter = (flags & LONG != 0)
        .then(|| from.text("filter"))
        .transpose()?;
    Ok((entry, filter))
}

/// A row: whose it is, and what it says.
pub(crate) fn read(
    key: &[u8],
    value: &[u8],
    timeline: Timeline,
) -> Result<(SessionKey, Subscription, SubscriptionEntry), StoreError> {
    let (entry, filter) = unseal((Space::Subscriptions, key), value, timeline, decode)?;
    let wrong = || StoreError::damaged(Space::Subscriptions, key, Damage::Field("filter"));
    let (session, rest) = space::split_session(key).ok_or_else(wrong)?;
    let text = match filter {
        Some(filter) => filter,
        None => Text::from_bytes(rest).map_err(|_| wrong())?,
    };
    let subscription = Subscription::parse(text).map_err(|_| wrong())?;
    Ok((session, subscription, entry))
}
