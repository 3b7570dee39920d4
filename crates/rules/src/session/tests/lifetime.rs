//! How long a session lives, and what is left of it.

use castmq_mqtt::{QoS, ReasonCode, SubscriptionOptions, Version};

use crate::Moment;
use crate::session::script::{NORMAL, message, session, shared, window_of};
use crate::session::{
    DownReason, EndReason, Expiry, Session, SessionSettings, Subscribed, SubscriptionsFull,
};
use crate::testing::subscription;

/// \[MQTT3-3.1.2-6\]
#[test]
fn a_session_without_expiry_ends_with_its_connection() {
    let mut script = session(SessionSettings::default())
        .expires_after(0)
        .connect();
    script.disconnect(NORMAL);
    assert_eq!(script.done(), ["end Expired"]);
}

/// \[MQTT5-3.1.2-23\] \[MQTT5-4.1.0-2\]
#[test]
fn a_session_ends_when_nobody_came_back_in_time() {
    let mut script = session(SessionSettings::default())
        .expires_after(60)
        .connect();
    script.disconnect(NORMAL);
    script.wait_seconds(59);
    assert_eq!(script.done(), Vec::<String>::new());

    script.wait_seconds(1);
    assert_eq!(script.done(), ["end Expired"]);
}

/// \[MQTT5-4.1.0-1\]
#[test]
fn a_session_does_not_expire_under_its_connection() {
    let mut script = session(SessionSettings::default())
        .expires_after(60)
        .connect();
    script.disconnect(NORMAL);
    script.wait_seconds(59);
    script.reconnect();
    script.wait_seconds(3600);
    assert_eq!(script.done(), Vec::<String>::new());
    assert_eq!(script.session.next_deadline(), None);
}

#[test]
fn a_session_that_never_expires_has_no_deadline() {
    let mut script = window_of(1);
    script.disconnect(NORMAL);
    assert_eq!(script.session.next_deadline(), None);
}

#[test]
fn a_new_connection_brings_its_own_expiry() {
    let mut script = window_of(1);
    script.disconnect(NORMAL);
    let mut script = script.expires_after(0).connect();
    script.disconnect(DownReason::Closed);
    assert_eq!(script.done(), ["end Expired"]);
}

#[test]
fn a_disconnect_may_change_the_expiry() {
    let mut script = window_of(1);
    script.disconnect(DownReason::Disconnect {
        reason: ReasonCode::Success,
        expiry: Some(Expiry::AtOnce),
    });
    assert_eq!(script.done(), ["end Expired"]);
}

#[test]
fn an_ended_session_takes_nothing_any_more() {
    let mut script = window_of(1);
    script.end(EndReason::Removed);
    script.qos1("late");
    script.reconnect();
    assert_eq!(
        script.done(),
        ["end Removed", "dropped late: session_ended"]
    );
    assert_eq!(script.written(), Vec::<String>::new());
    assert!(!script.session.is_connected());
}

#[test]
fn what_waits_is_dropped_when_the_session_ends() {
    let mut script = window_of(1).queue(["first", "second"]);
    script.end(EndReason::Discarded);
    assert_eq!(
        script.done(),
        ["dropped second: session_ended", "end Discarded"]
    );
}

/// \[MQTT5-4.8.2-5\]
#[test]
fn a_group_gets_the_unacknowledged_qos_1_messages_of_a_session_that_ends() {
    let mut script = window_of(2);
    script.deliver(shared(message("sent", QoS::AtLeastOnce)));
    script.deliver(shared(message("twice", QoS::ExactlyOnce)));
    script.deliver(shared(message("waiting", QoS::AtLeastOnce)));
    script.deliver(shared(message("never", QoS::ExactlyOnce)));
    script.end(EndReason::Expired);
    assert_eq!(
        script.done(),
        [
            "redispatch sent",
            "redispatch waiting",
            "dropped never: session_ended",
            "end Expired"
        ]
    );
}

/// \[MQTT5-4.8.2-4\]
#[test]
fn a_qos_2_message_of_a_group_is_finished_with_the_same_client() {
    let mut script = window_of(1);
    script.deliver(shared(message("first", QoS::ExactlyOnce)));
    script.disconnect(DownReason::Closed);
    script.written();

    script.reconnect();
    assert_eq!(script.written(), ["1 first again"]);
    assert_eq!(script.done(), Vec::<String>::new());
}

/// \[MQTT5-4.8.2-6\]
#[test]
fn a_message_that_a_member_of_a_group_refuses_goes_to_nobody_else() {
    let mut script = window_of(1);
    script.deliver(shared(message("first", QoS::ExactlyOnce)));
    script.pubrec_with(1, ReasonCode::NotAuthorized).unwrap();
    script.end(EndReason::Removed);
    assert_eq!(script.done(), ["end Removed"]);
}

/// emqttd's fault F19 is not here.
#[test]
fn an_alarm_ends_with_its_session() {
    let mut settings = SessionSettings::default();
    settings.queue.len_max = 10;
    let mut script = session(settings);
    for _ in 0..7 {
        script.qos1("waiting");
    }
    assert_eq!(script.done(), ["alarm raised"]);

    script.end(EndReason::Removed);
    assert_eq!(
        script.done().into_iter().rev().take(2).collect::<Vec<_>>(),
        ["end Removed", "alarm cleared"]
    );
}

/// \[MQTT3-3.8.4-3\] \[MQTT5-3.8.4-3\]
#[test]
fn a_repeated_subscription_replaces_the_first() {
    let mut script = window_of(1);
    let options = |qos| SubscriptionOptions {
        qos,
        ..SubscriptionOptions::default()
    };
    let filter = subscription("a/+");
    let first = script
        .session
        .subscribe(&filter, options(QoS::AtMostOnce), Some(7));
    let second = script
        .session
        .subscribe(&filter, options(QoS::AtLeastOnce), None);
    assert_eq!(first, Ok(Subscribed::New));
    let Ok(Subscribed::Replaced(before)) = second else {
        panic!("the second subscription replaces the first, but {second:?}");
    };
    assert_eq!(before.id, Some(7));
    assert_eq!(script.session.subscriptions_now(), 1);
}

#[test]
fn a_session_has_a_limit_for_subscriptions() {
    let mut script = session(SessionSettings {
        subscriptions_max: 1,
        ..SessionSettings::default()
    });
    let options = SubscriptionOptions::default();
    let mut subscribe = |filter| {
        script
            .session
            .subscribe(&subscription(filter), options, None)
    };
    assert_eq!(subscribe("a"), Ok(Subscribed::New));
    assert_eq!(subscribe("b"), Err(SubscriptionsFull(1)));
    assert!(matches!(subscribe("a"), Ok(Subscribed::Replaced(_))));
}

#[test]
fn subscriptions_are_listed_in_order_however_many_there_are() {
    let mut script = window_of(1);
    let filters: Vec<String> = (0..100).map(|number| format!("a/{number:03}")).collect();
    for filter in filters.iter().rev() {
        let options = SubscriptionOptions::default();
        let subscribed = script
            .session
            .subscribe(&subscription(filter), options, None);
        assert_eq!(subscribed, Ok(Subscribed::New));
    }
    let listed: Vec<String> = script
        .session
        .subscriptions()
        .map(|(filter, _)| filter.to_string())
        .collect();
    assert_eq!(listed, filters);
    for filter in &filters {
        let removed = script.session.unsubscribe(&subscription(filter));
        assert!(removed.is_some());
    }
    assert_eq!(script.session.subscriptions_now(), 0);
}

#[test]
fn a_subscription_that_was_not_there_cannot_be_removed() {
    let mut script = window_of(1);
    assert_eq!(script.session.unsubscribe(&subscription("a")), None);
}

/// What an older connection says is known as such.
#[test]
fn the_epoch_is_that_of_the_last_connection() {
    let mut script = window_of(1);
    let first = script.session.epoch();
    script.disconnect(NORMAL);
    assert_eq!(script.session.epoch(), first);
    script.reconnect();
    assert!(script.session.epoch() > first);
}

/// The budget for an idle client with one subscription is 3.2 KiB, all of its actors and its socket
/// included.
#[test]
fn an_idle_session_takes_a_few_hundred_bytes() {
    let size = size_of::<Session>();
    assert!(size <= 512, "{size} bytes");
    assert!(size_of::<Option<Moment>>() <= 16);
}

#[test]
fn v5_sessions_follow_the_same_rules() {
    let mut script = session(SessionSettings::default())
        .speaks(Version::V5)
        .expires_after(u32::MAX)
        .connect();
    script.disconnect(DownReason::Closed);
    assert_eq!(script.session.ends(), None);
}
