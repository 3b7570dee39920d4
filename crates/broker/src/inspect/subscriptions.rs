//! Subscriptions: who wants what, and how.

use serde::Serialize;

use castmq_mqtt::{Subscription, SubscriptionOptions};
use castmq_rules::ClientId;

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SubscriptionView {
    /// Whose.
    pub client_id: String,
    /// To what, as it was subscribed.
    pub filter: String,
    /// The highest QoS wanted.
    pub qos: u8,
    /// Not the client's own messages.
    pub no_local: bool,
    /// The publisher's retain flag is kept.
    pub retain_as_published: bool,
    /// Which retained messages came: 0 all, 1 those of a new subscription, 2 none.
    pub retain_handling: u8,
    /// The number that the client gave it.
    pub subscription_id: Option<u32>,
    /// The group of a shared one: its name, empty for `$queue`.
    pub group: Option<String>,
}

impl SubscriptionView {
    pub(super) fn new(
        client_id: &ClientId,
        subscription: &Subscription,
        options: SubscriptionOptions,
        id: Option<u32>,
    ) -> Self {
        Self {
            client_id: client_id.to_string(),
            filter: subscription.to_string(),
            qos: options.qos as u8,
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
            retain_handling: options.retain_handling as u8,
            subscription_id: id,
            group: match subscription {
                Subscription::Own(_) => None,
                Subscription::Shared { group, .. } => Some(group.to_string()),
                Subscription::Queue(_) => Some(String::new()),
            },
        }
    }
}
