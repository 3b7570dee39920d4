//! Messages that wait, and those that found no place to.

use super::*;

/// Three messages for one that is away and may keep two.
fn with_full_queue(policy: QueuePolicy, scene: impl Fn(&Broker)) {
    let alter = |settings: &mut Settings| {
        settings.mqueue.max_messages = 2;
        settings.mqueue.policy = policy;
    };
    on_each(alter, |broker| {
        let (mut away, _) = kept(broker, "away");
        away.subscribe("t", 1);
        away.disconnect();
        await_away(broker, "away");
        let mut publisher = client(broker, "publisher");
        for payload in ["1", "2", "3"] {
            publisher.publish(v3::publish("t", payload).qos(1));
        }
        scene(broker);
    });
}

#[test]
fn a_full_queue_that_drops_the_oldest() {
    with_full_queue(QueuePolicy::DropOldest, |broker| {
        let message = lost_message(broker, "queue_full");
        let explanation = explain_message(broker, "away", "t", message);
        assert_eq!(explanation.verdict, "queue_full");
        assert_says(&explanation, &["drop_oldest", "mqueue.max_messages = 2"]);
        // Those behind it wait.
        assert_eq!(explain(broker, "away", "t").verdict, "offline_queued");
    });
}

#[test]
fn a_full_queue_that_drops_the_newest() {
    with_full_queue(QueuePolicy::DropNewest, |broker| {
        let message = lost_message(broker, "queue_full");
        let explanation = explain_message(broker, "away", "t", message);
        assert_eq!(explanation.verdict, "queue_full");
        assert_says(&explanation, &["drop_newest"]);
    });
}

#[test]
fn qos_0_for_one_that_is_away() {
    on_each(
        |_| (),
        |broker| {
            let (mut away, _) = kept(broker, "away");
            away.subscribe("t", 0);
            away.disconnect();
            await_away(broker, "away");
            // So it would be, and so it is.
            assert_eq!(explain(broker, "away", "t").verdict, "dropped");
            client(broker, "publisher").publish(v3::publish("t", "x").qos(2));
            let message = lost_message(broker, "qos0_offline");
            let explanation = explain_message(broker, "away", "t", message);
            assert_eq!(explanation.verdict, "dropped");
            assert_says(&explanation, &["session.queue_qos0"]);
            assert_eq!(outcome(&explanation, "qos_downgraded"), "yes");
        },
    );
}

#[test]
fn a_message_that_waits_for_one_that_is_away() {
    on_each(
        |_| (),
        |broker| {
            let (mut away, _) = kept(broker, "away");
            away.subscribe("t", 1);
            away.disconnect();
            await_away(broker, "away");
            client(broker, "publisher").publish(v3::publish("t", "x").qos(1));
            let explanation = expect(broker, ("away", "t"), "offline_queued");
            assert_says(
                &explanation,
                &["waits in the queue behind 0 of 1", "away since"],
            );
            assert_eq!(outcome(&explanation, "connected"), "no");
        },
    );
}

#[test]
fn a_message_in_flight_and_one_behind_it() {
    on_each(
        |settings| settings.session.max_inflight = 1,
        |broker| {
            let mut slow = client(broker, "slow");
            slow.subscribe("#", 1);
            let mut publisher = client(broker, "publisher");
            publisher.publish(v3::publish("first", "x").qos(1));
            publisher.publish(v3::publish("second", "x").qos(1));

            let first = expect(broker, ("slow", "first"), "in_flight");
            assert_says(&first, &["PUBACK has not come", "packet id"]);
            let second = expect(broker, ("slow", "second"), "window_full");
            assert_says(&second, &["takes at once (1)"]);
            assert_eq!(outcome(&second, "window_open"), "no");

            slow.expect_message(&v3::publish("first", "x").qos(1));
            let first = expect(broker, ("slow", "first"), "acknowledged");
            assert_says(&first, &["with QoS 1", "acknowledged it at"]);
        },
    );
}

#[test]
fn a_client_whose_socket_takes_nothing() {
    let alter = |settings: &mut Settings| settings.bounds.connection_unsent = 64 * 1024;
    on_each(alter, |broker| {
        let mut slow = client(broker, "slow");
        slow.subscribe("#", 1);
        let mut publisher = client(broker, "publisher");
        let payload = vec![b'x'; 64 * 1024];
        for _ in 0..200 {
            publisher.publish(v3::publish("flood", &payload).qos(1));
        }
        publisher.publish(v3::publish("late", "x").qos(1));

        let late = expect(broker, ("slow", "late"), "connection_not_reading");
        assert_says(&late, &["takes nothing since", "bytes wait for it"]);
        assert_eq!(outcome(&late, "reading"), "no");
    });
}
