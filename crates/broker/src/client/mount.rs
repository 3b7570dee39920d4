//! Mount points: clients of such a listener live below a topic of their own and do not see it.

use castmq_mqtt::{SubscribeFilter, Subscription, Text, TopicName};

use crate::listener::Profile;

/// A topic of a client as the broker knows it. `None` when it is too long then.
pub(super) fn mounted(mount_point: &Text, topic: &TopicName) -> Option<TopicName> {
    let topic = Text::try_from(format!("{mount_point}{topic}")).ok()?;
    TopicName::new(topic).ok()
}

/// A subscription of a client as the broker knows it: the filter is below the mount point, the group is
/// the client's. `None` when it is too long then.
pub(super) fn subscription(mount_point: &Text, wanted: &Subscription) -> Option<Subscription> {
    let text = wanted.to_string();
    let filter = wanted.filter().as_str();
    let head = text.strip_suffix(filter)?;
    Subscription::parse(Text::try_from(format!("{head}{mount_point}{filter}")).ok()?).ok()
}

/// The same for all filters of a SUBSCRIBE.
pub(super) fn filters(
    profile: &Profile,
    filters: Vec<SubscribeFilter>,
) -> Option<Vec<SubscribeFilter>> {
    let Some(mount_point) = &profile.mount_point else {
        return Some(filters);
    };
    filters
        .into_iter()
        .map(|filter| {
            Some(SubscribeFilter {
                subscription: subscription(mount_point, &filter.subscription)?,
                ..filter
            })
        })
        .collect()
}

/// A topic of the broker as a client knows it. What is not below its mount point, as what waited for a
/// session from another listener, is told as it is.
pub(super) fn unmounted<'t>(profile: &Profile, topic: &'t str) -> &'t str {
    let mount_point = profile.mount_point.as_deref().unwrap_or_default();
    topic
        .strip_prefix(mount_point)
        .filter(|topic| !topic.is_empty())
        .unwrap_or(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text::try_from(text).unwrap()
    }

    #[test]
    fn the_filter_of_a_shared_subscription_is_mounted_and_its_group_is_not() {
        let mount_point = text("plant/");
        let of = |wanted| {
            let wanted = Subscription::parse(text(wanted)).unwrap();
            subscription(&mount_point, &wanted).unwrap().to_string()
        };

        assert_eq!(of("a/#"), "plant/a/#");
        assert_eq!(of("$share/plant/a"), "$share/plant/plant/a");
    }

    #[test]
    fn a_client_does_not_see_where_it_is_mounted() {
        let profile = Profile {
            mount_point: Some(text("plant/")),
            ..Profile::default()
        };

        assert_eq!(unmounted(&profile, "plant/a"), "a");
        assert_eq!(unmounted(&profile, "other/a"), "other/a");
        assert_eq!(unmounted(&profile, "plant/"), "plant/");
    }
}
