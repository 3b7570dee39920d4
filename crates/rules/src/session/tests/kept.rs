//! Sessions that outlive their process.

use std::sync::Arc;

use bytes::Bytes;
use castmq_mqtt::{QoS, Version};

use crate::session::script::{NORMAL, id, kept_session, message, will, with};
use crate::session::{Change, EndReason, QueueSettings, Received, Session, SessionSettings};
use crate::testing::text;

fn memory_of(memory_len_max: usize, len_max: usize) -> SessionSettings {
    SessionSettings {
        queue: QueueSettings {
            memory_len_max,
            len_max,
            ..QueueSettings::default()
        },
        ..SessionSettings::default()
    }
}

/// \[MQTT3-4.4.0-1\] \[MQTT5-4.4.0-1\]
#[test]
fn an_unacknowledged_message_keeps_its_packet_id_over_a_restart() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.qos1("first");
    script.qos1("second");
    assert_eq!(script.written(), ["1 first", "2 second"]);
    script.commit();
    script.ack(1).unwrap();
    script.commit();

    script.crash();
    script.reconnect();
    script.commit();
    script.read();

    assert_eq!(script.written(), ["2 second again"]);
}

#[test]
fn a_message_of_qos_1_does_not_wait_for_the_store() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.qos1("at once");

    assert_eq!(script.written(), ["1 at once"]);
}

/// \[MQTT5-4.3.3-8\]
#[test]
fn a_message_of_qos_2_is_sent_when_it_is_stored() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.qos2("later");
    assert!(script.written().is_empty());

    script.commit();

    assert_eq!(script.written(), ["1 later"]);
}

#[test]
fn what_comes_behind_a_message_that_is_not_stored_waits_with_it() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.qos2("first");
    script.qos1("second");
    assert!(script.written().is_empty());

    script.commit();

    assert_eq!(script.written(), ["1 first", "2 second"]);
}

#[test]
fn a_message_that_its_publisher_may_lose_is_held_back_until_it_is_stored() {
    let mut script = kept_session(SessionSettings::default()).connect();
    let now = script.now();
    let delivery = message("held", QoS::AtLeastOnce);
    script.session.handle_delivery_once_stored(delivery, now);
    script.perform();
    assert!(script.written().is_empty());

    script.commit();

    assert_eq!(script.written(), ["1 held"]);
}

/// \[MQTT3-4.3.3-1\] \[MQTT5-4.3.3-4\]
#[test]
fn a_released_message_is_released_again_after_a_restart_and_not_sent_again() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.qos2("once");
    script.commit();
    script.pubrec(1).unwrap();
    script.commit();
    script.written();

    script.crash();
    script.reconnect();
    script.read();

    assert_eq!(script.written(), ["release 1"]);
    script.pubcomp(1).unwrap();
    script.commit();
    assert!(script.book.released.is_empty());
}

/// \[MQTT3-2.3.1-4\] \[MQTT5-2.2.1-4\]
#[test]
fn an_id_that_waits_for_pubcomp_is_not_given_out_after_a_restart() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.qos2("released");
    script.commit();
    script.pubrec(1).unwrap();
    script.commit();
    script.crash();
    script.reconnect();
    script.written();

    for id in 2..=65_535 {
        script.qos1("another");
        script.commit();
        assert_eq!(script.written(), [format!("{id} another")]);
        script.ack(id).unwrap();
    }
    script.qos1("would be 1");
    assert!(script.written().is_empty());

    script.pubcomp(1).unwrap();

    assert_eq!(script.written(), ["1 would be 1"]);
}

#[test]
fn messages_that_waited_for_the_client_come_after_a_restart_in_their_order() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.disconnect(NORMAL);
    for name in ["a", "b", "c"] {
        script.qos1(name);
    }
    script.commit();

    script.crash();
    assert_eq!(script.session.queued_now(), 3);
    script.reconnect();
    script.commit();
    script.read();

    // They were never sent, so they are no repetitions. [MQTT3-3.3.1-2]
    assert_eq!(script.written(), ["1 a", "2 b", "3 c"]);
}

#[test]
fn a_long_queue_is_in_memory_in_part_and_comes_as_a_whole() {
    let mut script = kept_session(memory_of(4, 1000)).connect();
    script.disconnect(NORMAL);
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    for name in &names {
        script.qos1(name);
        script.commit();
    }
    assert_eq!(script.session.queued_now(), 100);

    script.reconnect();
    let mut arrived = Vec::new();
    while arrived.len() < names.len() {
        script.read();
        for line in script.written() {
            let (id, name) = line.split_once(' ').unwrap();
            arrived.push(name.to_owned());
            script.ack(id.parse().unwrap()).unwrap();
        }
        script.commit();
    }

    assert_eq!(arrived, names);
    assert!(script.book.queue.is_empty());
    assert_eq!(script.session.queued_now(), 0);
    assert_eq!(script.session.queued_bytes_now(), 0);
}

#[test]
fn a_page_that_does_not_come_is_asked_for_again() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.disconnect(NORMAL);
    script.qos1("waits");
    script.commit();
    script.crash();
    script.reconnect();
    script.commit();
    script.book.reads.clear();

    script.wait_seconds(11);
    script.read();

    assert_eq!(script.written(), ["1 waits"]);
}

#[test]
fn a_session_ends_in_order_while_its_messages_are_read() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.disconnect(NORMAL);
    script.qos1("lost");
    script.commit();
    script.crash();
    script.reconnect();
    script.end(EndReason::Removed);

    assert_eq!(script.done(), ["dropped 1 unread", "end Removed"]);
    assert!(script.session.next_deadline().is_none());
}

#[test]
fn a_full_queue_gives_up_its_oldest_messages_wherever_they_are() {
    let mut script = kept_session(memory_of(2, 10)).connect();
    script.disconnect(NORMAL);
    for number in 0..15 {
        script.qos1(&number.to_string());
        script.commit();
        script.read();
        script.commit();
    }

    assert_eq!(script.session.queued_now(), 10);
    let dropped = script.done();
    let dropped: Vec<_> = dropped
        .iter()
        .filter(|line| line.contains("queue_full"))
        .collect();
    assert_eq!(dropped.len(), 5);
    assert_eq!(dropped[0], "dropped 0: queue_full");
    assert_eq!(dropped[4], "dropped 4: queue_full");
    assert_eq!(script.book.queue.len(), 10);
}

#[test]
fn a_queue_grows_no_further_while_what_has_to_go_is_not_read() {
    let mut script = kept_session(memory_of(2, 10)).connect();
    script.disconnect(NORMAL);
    for number in 0..100 {
        script.qos1(&number.to_string());
    }

    assert!(script.session.queued_now() <= 20);
    script.commit();
    assert_eq!(script.book.queue.len(), script.session.queued_now());
}

#[test]
fn a_message_that_is_given_up_before_it_is_stored_is_deleted_afterwards() {
    let mut script = kept_session(memory_of(10, 1)).connect();
    script.disconnect(NORMAL);
    script.qos2("given up");
    script.qos2("kept");
    assert_eq!(script.session.queued_now(), 1);

    script.commit();
    script.commit();

    assert_eq!(script.book.queue.len(), 1);
}

/// \[MQTT3-4.3.3-2\] \[MQTT5-4.3.3-10\]
#[test]
fn a_repetition_is_known_after_a_restart() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.book.wait(Change::Received(id(7)));
    script.commit();
    script.crash();
    script.reconnect();

    let received = script.session.handle_publish_exactly_once(id(7));

    assert_eq!(received, Received::Duplicate);
}

/// \[MQTT3-3.1.2-8\] \[MQTT5-3.1.2-8\]
#[test]
fn the_will_of_a_client_that_was_there_is_published_after_a_restart() {
    let mut script = kept_session(SessionSettings::default())
        .has_will(will("gone", 0))
        .connect();
    script.commit();

    script.crash();

    assert_eq!(script.done(), ["will gone"]);
    script.commit();
    script.crash();
    assert!(script.done().is_empty(), "it is published once");
}

/// \[MQTT5-3.1.3-9\]
#[test]
fn a_will_that_was_delayed_is_due_at_its_moment_after_a_restart() {
    let mut script = kept_session(SessionSettings::default())
        .speaks(Version::V5)
        .has_will(will("late", 60))
        .connect();
    script.disconnect(crate::session::DownReason::Closed);
    script.commit();

    script.wait_seconds(30);
    script.crash();
    assert!(script.done().is_empty());
    script.wait_seconds(31);

    assert_eq!(script.done(), ["will late"]);
}

#[test]
fn a_session_that_expired_while_nobody_ran_ends_at_the_start() {
    let mut script = kept_session(SessionSettings::default())
        .speaks(Version::V5)
        .expires_after(60)
        .connect();
    script.disconnect(NORMAL);
    script.commit();

    script.skip_seconds(61);
    script.crash();
    script.commit();

    assert!(script.session.is_ended());
    assert!(script.book.is_ended);
}

#[test]
fn nothing_of_a_session_that_is_over_stays_stored() {
    let mut script = kept_session(SessionSettings::default()).connect();
    script.qos1("lost");
    script.end(EndReason::Discarded);
    script.commit();

    assert!(script.book.is_ended);
}

/// Receives and acknowledges until nothing comes any more; the names in their order.
fn take_all(script: &mut crate::session::script::Script) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..2000 {
        script.commit();
        script.read();
        for line in script.written() {
            let mut words = line.split(' ');
            let id: u16 = words.next().unwrap().parse().unwrap();
            names.push(words.next().unwrap().to_owned());
            script.ack(id).unwrap();
        }
    }
    names
}

/// \[MQTT3-4.6.0-1\] \[MQTT5-4.6.0-1\]
#[test]
fn pages_that_come_while_others_wait_keep_their_order_after_a_restart() {
    let settings = SessionSettings {
        inflight_max: 4,
        ..memory_of(4, 1000)
    };
    let mut script = kept_session(settings).takes_at_once(1).connect();
    let names: Vec<String> = (10..30).map(|number| format!("m{number}")).collect();
    for name in &names {
        script.qos1(name);
    }
    script.commit();
    script.crash();
    script.written();
    script.reconnect();

    assert_eq!(take_all(&mut script), names);
}

#[test]
fn what_is_read_is_bounded_by_bytes_as_well() {
    let mut settings = memory_of(256, 10_000);
    settings.inflight_max = 1;
    settings.queue.memory_bytes_max = 10_000;
    let mut script = kept_session(settings);
    for _ in 0..100 {
        let large = with(message("large", QoS::AtLeastOnce), |message| {
            message.payload = Bytes::from(vec![b'x'; 5_000]);
        });
        script.deliver(large);
    }
    script.commit();
    script.reconnect();
    for _ in 0..100 {
        script.commit();
        script.read();
    }

    assert!(script.session.queued_in_memory_now() < 40_000);
}

fn with_priorities(memory_len_max: usize) -> SessionSettings {
    let mut settings = memory_of(memory_len_max, 1000);
    settings.queue.priorities = [(text("urgent"), 5)].into_iter().collect();
    settings
}

#[test]
fn messages_of_one_priority_keep_their_order_over_a_restart() {
    let mut script = kept_session(with_priorities(100)).connect();
    script.disconnect(NORMAL);
    script.qos1("a");
    script.qos1("b");
    script.commit();
    script.crash();
    script.qos1("c");
    script.commit();
    script.reconnect();

    assert_eq!(take_all(&mut script), ["a", "b", "c"]);
}

#[test]
fn a_queue_with_priorities_goes_on_after_a_restart_however_much_came_meanwhile() {
    let mut script = kept_session(with_priorities(4)).connect();
    script.disconnect(NORMAL);
    script.qos1("before");
    script.commit();
    script.crash();
    for name in ["1", "2", "3", "4", "5"] {
        script.qos1(name);
    }
    script.commit();
    script.reconnect();

    assert_eq!(take_all(&mut script), ["before", "1", "2", "3", "4", "5"]);
}

#[test]
fn fewer_may_be_in_flight_after_a_restart() {
    let mut script = kept_session(SessionSettings::default()).connect();
    for id in 1..=3 {
        script.qos2("released");
        script.commit();
        script.pubrec(id).unwrap();
        script.commit();
    }
    let settings = SessionSettings {
        inflight_max: 2,
        ..SessionSettings::default()
    };
    let restored = script.book.restored();

    let session = Session::restore(restored, Arc::new(settings), script.now());

    assert_eq!(session.inflight_now(), 3);
}

/// \[MQTT5-4.3.3-9\]
#[test]
fn an_id_that_is_refused_in_the_end_is_not_known_after_a_restart() {
    let mut script = kept_session(SessionSettings::default()).connect();
    let first = script.session.handle_publish_exactly_once(id(5));
    assert_eq!(first, Received::New);
    script.book.wait(Change::Received(id(5)));
    script.commit();
    script.session.handle_publish_refused(id(5));
    script.perform();
    script.commit();
    script.crash();

    let again = script.session.handle_publish_exactly_once(id(5));

    assert_eq!(again, Received::New);
}
