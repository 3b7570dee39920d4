//! How this build would have routed a message to the session of a recording: the table of subscriptions is
//! no part of a session, and what it does wrong shows in what comes to one.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::num::NonZeroU32;
use std::sync::Arc;

use castmq_mqtt::Subscription;

use crate::session::{Session, SubscriptionEntry};
use crate::shared::group_name;
use crate::{Delivery, Subscriber, Table};

/// Subscriptions as they were at some moment.
pub(super) type Subscriptions = Vec<(Subscription, SubscriptionEntry)>;

/// What this build does with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routed {
    /// The subscriptions do not concern it.
    Nowhere,
    /// They do, but the client does not get it.
    Withheld,
    /// The client gets it like this.
    As(Delivery),
}

/// The only session in the table.
const SESSION: u8 = 0;

/// How the message of a delivery comes to the session by its subscriptions.
#[must_use]
pub fn route(session: &Session, delivery: &Delivery) -> Routed {
    let subscriptions = session.subscriptions();
    let subscriptions: Subscriptions = subscriptions
        .map(|(own, entry)| (own.clone(), entry))
        .collect();
    route_by(&subscriptions, session.client_id(), delivery)
}

pub(super) fn route_by(
    subscriptions: &Subscriptions,
    client_id: &crate::ClientId,
    delivery: &Delivery,
) -> Routed {
    if let Some(group) = &delivery.group {
        return by_group(subscriptions, group, delivery);
    }
    let mut table = Table::with_hasher(BuildHasherDefault::<DefaultHasher>::default());
    for (subscription, entry) in subscriptions.iter().filter(|(own, _)| !own.is_shared()) {
        table.subscribe(SESSION, subscription, subscriber(entry));
    }
    let message = &delivery.message;
    let mut plan = table.plan(&message.topic);
    if plan.is_empty() {
        return Routed::Nowhere;
    }
    let from = (message.from.as_ref() == Some(client_id)).then_some(SESSION);
    let mut routed = Routed::Withheld;
    table.advance(&mut plan, from, usize::MAX, |found| {
        routed = Routed::As(found.delivery(Arc::clone(message)));
    });
    routed
}

/// Through a group a message comes by the member's own subscription.
fn by_group(subscriptions: &Subscriptions, group: &Arc<str>, delivery: &Delivery) -> Routed {
    let is_it =
        |own: &&(Subscription, SubscriptionEntry)| group_name(&own.0).as_deref() == Some(&**group);
    match subscriptions.iter().find(is_it) {
        Some((_, entry)) => Routed::As(subscriber(entry).delivery(&delivery.message, group)),
        None => Routed::Nowhere,
    }
}

fn subscriber(entry: &SubscriptionEntry) -> Subscriber {
    Subscriber {
        options: entry.options,
        id: entry.id.and_then(NonZeroU32::new),
    }
}
