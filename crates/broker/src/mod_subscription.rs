//! Subscription: subscribes clients on connect to what the settings say.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_mod_subscription` |
//! | Started by | nobody: it is a hook callback |
//! | Work runs in | the connection's turn |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | the callback is skipped and counted |
//! | Watch | gauge `subscriptions/count` |

use std::sync::Arc;

use castmq_mqtt::{QoS, SubscribeFilter, Subscription, SubscriptionOptions, Text};
use castmq_rules::ClientId;
use castmq_rules::hook::NameTaken;
use castmq_settings::AutoSubscription;

use crate::cm::ClientRow;
use crate::hook::{HookContext, Hooks};

/// The callback's name.
const NAME: &str = "subscription";

/// Registers the module. `%c` (emqttd's `$c`) stands for the client id, `%u` (`$u`) for the user name;
/// a filter with a name that the client does not have is left out.
///
/// # Errors
///
/// [`NameTaken`] when it is registered already.
pub fn load(hooks: &mut Hooks, subscriptions: Vec<AutoSubscription>) -> Result<(), NameTaken> {
    let connected = Arc::new(
        move |context: &mut HookContext<'_>, client_id: &ClientId, row: &ClientRow| {
            let filters: Vec<_> = subscriptions
                .iter()
                .filter_map(|template| filter(template, client_id, row.user_name.as_deref()))
                .collect();
            if !filters.is_empty() {
                context.subscribe(row, filters);
            }
        },
    );
    hooks.client_connected.add(Arc::from(NAME), 0, connected)
}

fn filter(
    template: &AutoSubscription,
    client_id: &ClientId,
    user_name: Option<&str>,
) -> Option<SubscribeFilter> {
    if template.topic.contains("%u") && user_name.is_none() {
        return None;
    }
    let inserted = |name: &str| !name.contains(['+', '#', '/']);
    let topic = if template.topic.contains("%c") {
        // A name with wildcards would subscribe to others' topics.
        inserted(client_id.as_str()).then(|| template.topic.replace("%c", client_id.as_str()))?
    } else {
        template.topic.clone()
    };
    let topic = match user_name {
        Some(user) if topic.contains("%u") => inserted(user).then(|| topic.replace("%u", user))?,
        _ => topic,
    };
    let subscription = Subscription::parse(Text::try_from(topic).ok()?).ok()?;
    let qos = QoS::from_number(template.qos)?;
    let options = SubscriptionOptions {
        qos,
        ..SubscriptionOptions::default()
    };
    Some(SubscribeFilter {
        subscription,
        options,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(topic: &str, client: &str, user: Option<&str>) -> Option<String> {
        let template = AutoSubscription {
            topic: topic.to_owned(),
            qos: 1,
        };
        let client = ClientId::new(Text::try_from(client).unwrap()).unwrap();
        filter(&template, &client, user).map(|filter| filter.subscription.to_string())
    }

    #[test]
    fn the_names_of_client_and_user_are_inserted() {
        assert_eq!(
            granted("$client/%c/%u", "c1", Some("ann")).unwrap(),
            "$client/c1/ann"
        );
    }

    #[test]
    fn a_filter_for_users_is_left_out_for_a_client_without_a_name() {
        assert_eq!(granted("users/%u", "c1", None), None);
    }

    #[test]
    fn a_client_id_with_a_wildcard_does_not_widen_the_filter() {
        assert_eq!(granted("$client/%c", "#", None), None);
    }
}
