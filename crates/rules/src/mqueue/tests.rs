//! What the queue promises, by example.

use castmq_mqtt::QoS;

use crate::mqueue::{Level, Mqueue};
use crate::session::script::{message, with};
use crate::session::{DropReason, FullPolicy, QueueSettings};
use crate::testing::{text, topic};
use crate::{Delivery, Moment};

/// A queue and its settings; says what came of each push by name.
struct Queue {
    queue: Mqueue,
    settings: QueueSettings,
}

fn queue_of(len_max: usize, when_full: FullPolicy) -> Queue {
    Queue {
        queue: Mqueue::default(),
        settings: QueueSettings {
            len_max,
            when_full,
            ..QueueSettings::default()
        },
    }
}

fn name(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message.payload).into_owned()
}

impl Queue {
    fn prefer(mut self, name: &str, priority: u8) -> Self {
        self.settings.priorities.insert(text(name), priority);
        self
    }

    /// Puts a message in; returns what was given up.
    fn put(&mut self, delivery: Delivery) -> Vec<(DropReason, String)> {
        self.queue
            .push(delivery, &self.settings, Moment::default())
            .into_iter()
            .map(|(reason, _, delivery)| (reason, name(&delivery)))
            .collect()
    }

    fn qos0(&mut self, name: &str) -> Vec<(DropReason, String)> {
        self.put(message(name, QoS::AtMostOnce))
    }

    fn qos1(&mut self, name: &str) -> Vec<(DropReason, String)> {
        self.put(message(name, QoS::AtLeastOnce))
    }

    fn on(&mut self, on: &str, name: &str) -> Vec<(DropReason, String)> {
        self.put(with(message(name, QoS::AtLeastOnce), |message| {
            message.topic = topic(on);
        }))
    }

    fn drained(&mut self) -> Vec<String> {
        self.queue.end().iter().map(name).collect()
    }
}

fn dropped(reason: DropReason, name: &str) -> Vec<(DropReason, String)> {
    vec![(reason, name.to_owned())]
}

#[test]
fn messages_come_out_in_the_order_in_which_they_came() {
    let mut queue = queue_of(10, FullPolicy::DropOldest);
    queue.qos1("first");
    queue.qos0("second");
    queue.qos1("third");
    assert_eq!(queue.drained(), ["first", "second", "third"]);
}

#[test]
fn a_full_queue_gives_up_its_oldest_message() {
    let mut queue = queue_of(2, FullPolicy::DropOldest);
    queue.qos1("first");
    queue.qos1("second");
    assert_eq!(queue.qos1("third"), dropped(DropReason::QueueFull, "first"));
    assert_eq!(queue.drained(), ["second", "third"]);
}

#[test]
fn a_full_queue_may_give_up_the_newest_message_instead() {
    let mut queue = queue_of(2, FullPolicy::DropNewest);
    queue.qos1("first");
    queue.qos1("second");
    assert_eq!(queue.qos1("third"), dropped(DropReason::QueueFull, "third"));
    assert_eq!(queue.drained(), ["first", "second"]);
}

#[test]
fn qos_0_messages_give_way_first() {
    let mut queue = queue_of(3, FullPolicy::DropOldest);
    queue.qos1("first");
    queue.qos0("second");
    queue.qos0("third");
    assert_eq!(
        queue.qos1("fourth"),
        dropped(DropReason::Qos0OverQuota, "second")
    );
    assert_eq!(queue.drained(), ["first", "third", "fourth"]);
}

#[test]
fn qos_0_messages_give_way_first_also_where_the_newest_is_given_up() {
    let mut queue = queue_of(2, FullPolicy::DropNewest);
    queue.qos0("first");
    queue.qos1("second");
    assert_eq!(
        queue.qos1("third"),
        dropped(DropReason::Qos0OverQuota, "first")
    );
    assert_eq!(
        queue.qos1("fourth"),
        dropped(DropReason::QueueFull, "fourth")
    );
}

#[test]
fn a_qos_0_message_does_not_displace_one_with_a_promise() {
    let mut queue = queue_of(2, FullPolicy::DropOldest);
    queue.qos1("first");
    queue.qos1("second");
    assert_eq!(
        queue.qos0("third"),
        dropped(DropReason::Qos0OverQuota, "third")
    );
}

#[test]
fn bytes_are_bounded_as_well() {
    let mut queue = queue_of(100, FullPolicy::DropOldest);
    let weight = message("12345", QoS::AtLeastOnce).message.weight();
    queue.settings.bytes_max = 2 * weight;
    queue.qos1("first");
    queue.qos1("other");
    assert_eq!(queue.qos1("third"), dropped(DropReason::QueueFull, "first"));
    assert_eq!(queue.queue.bytes(), 2 * weight);
}

#[test]
fn a_message_larger_than_the_queue_displaces_nothing() {
    let mut queue = queue_of(100, FullPolicy::DropOldest);
    queue.settings.bytes_max = 300;
    queue.qos1("first");
    let large = "x".repeat(301);
    assert_eq!(queue.qos1(&large), dropped(DropReason::QueueFull, &large));
    assert_eq!(queue.drained(), ["first"]);
}

#[test]
fn a_queue_of_nothing_takes_nothing() {
    let mut queue = queue_of(0, FullPolicy::DropOldest);
    assert_eq!(queue.qos1("first"), dropped(DropReason::QueueFull, "first"));
}

#[test]
fn expired_messages_give_way_before_living_ones() {
    let mut queue = queue_of(2, FullPolicy::DropOldest);
    queue.qos1("living");
    let later = Moment::from_start(std::time::Duration::from_secs(1));
    let short = with(message("short", QoS::AtLeastOnce), |message| {
        message.expires = Some(later);
    });
    queue.put(short);
    let victims = queue
        .queue
        .push(message("new", QoS::AtLeastOnce), &queue.settings, later);
    assert_eq!(victims[0].0, DropReason::Expired);
    assert_eq!(queue.drained(), ["living", "new"]);
}

#[test]
fn expired_messages_give_way_each_in_its_time() {
    let at = |seconds| Moment::from_start(std::time::Duration::from_secs(seconds));
    let short = |name, qos, seconds| {
        with(message(name, qos), |message| {
            message.expires = Some(at(seconds));
        })
    };
    let mut queue = queue_of(3, FullPolicy::DropOldest);
    queue.put(short("one", QoS::AtLeastOnce, 1));
    queue.put(short("two", QoS::AtLeastOnce, 2));
    queue.put(short("three", QoS::AtMostOnce, 3));
    let mut push = |name, seconds| {
        let delivery = message(name, QoS::AtLeastOnce);
        let victims = queue.queue.push(delivery, &queue.settings, at(seconds));
        let (reason, _, victim) = &victims[0];
        (*reason, self::name(victim))
    };
    assert_eq!(push("fourth", 1), (DropReason::Expired, "one".to_owned()));
    assert_eq!(push("fifth", 2), (DropReason::Expired, "two".to_owned()));
}

#[test]
fn preferred_topics_come_out_first() {
    let mut queue = queue_of(10, FullPolicy::DropOldest)
        .prefer("high", 9)
        .prefer("middle", 5);
    queue.on("low", "first");
    queue.on("middle", "second");
    queue.on("high", "third");
    queue.on("high", "fourth");
    assert_eq!(queue.drained(), ["third", "fourth", "second", "first"]);
}

#[test]
fn the_least_preferred_topic_gives_way_first() {
    let mut queue = queue_of(2, FullPolicy::DropOldest).prefer("high", 9);
    queue.on("high", "first");
    queue.on("low", "second");
    assert_eq!(
        queue.on("high", "third"),
        dropped(DropReason::QueueFull, "second")
    );
    assert_eq!(
        queue.on("low", "fourth"),
        dropped(DropReason::QueueFull, "fourth")
    );
    assert_eq!(queue.drained(), ["first", "third"]);
}

#[test]
fn the_fill_level_has_two_marks_and_nothing_happens_between_them() {
    let mut queue = queue_of(10, FullPolicy::DropOldest);
    let mut levels = Vec::new();
    let mut look = |queue: &mut Queue| levels.push(queue.queue.poll_level(&queue.settings));
    for _ in 0..6 {
        queue.qos1("waiting");
    }
    look(&mut queue);
    queue.qos1("seventh");
    look(&mut queue);
    for _ in 0..5 {
        queue.queue.pop();
    }
    look(&mut queue);
    queue.queue.pop();
    look(&mut queue);
    assert_eq!(levels, [None, Some(Level::High), None, Some(Level::Low)]);
}

#[test]
fn the_fill_level_looks_at_bytes_as_well() {
    let mut queue = queue_of(1000, FullPolicy::DropOldest);
    queue.settings.bytes_max = message("12345", QoS::AtLeastOnce).message.weight() * 10;
    for _ in 0..7 {
        queue.qos1("12345");
    }
    assert_eq!(queue.queue.poll_level(&queue.settings), Some(Level::High));
}

#[test]
fn what_waits_is_shown_in_the_order_in_which_it_will_come_out() {
    let mut queue = queue_of(10, FullPolicy::DropOldest).prefer("high", 5);
    queue.qos1("first");
    queue.qos0("second");
    queue.on("high", "before all");
    queue.qos1("third");
    queue.qos0("fourth");

    let shown: Vec<String> = queue.queue.iter().map(name).collect();
    assert_eq!(shown, ["before all", "first", "second", "third", "fourth"]);
    assert_eq!(queue.drained(), shown);
}

#[test]
fn a_queue_that_is_looked_at_in_pieces_is_seen_in_whole_and_in_its_order() {
    let mut queue = queue_of(10, FullPolicy::DropOldest).prefer("urgent", 9);
    queue.qos1("third");
    queue.qos0("fourth");
    queue.on("urgent", "first");
    queue.qos1("fifth");
    queue.on("urgent", "second");

    let mut seen = Vec::new();
    let mut after = None;
    while let Some((position, delivery)) = queue.queue.placed_after(after).next() {
        seen.push(name(delivery));
        after = Some(position);
    }
    assert_eq!(seen, ["first", "second", "third", "fourth", "fifth"]);
}

#[test]
fn a_position_is_good_when_the_message_on_it_is_gone() {
    let mut queue = queue_of(10, FullPolicy::DropOldest);
    queue.qos1("first");
    queue.qos0("second");
    queue.qos1("third");
    let (first, _) = queue.queue.placed_after(None).next().unwrap();
    queue.queue.pop().unwrap();

    let next = queue.queue.placed_after(Some(first)).next();
    assert_eq!(
        next.map(|(_, delivery)| name(delivery)),
        Some("second".to_owned())
    );
}
