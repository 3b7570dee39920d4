//! The committer and the readers as threads, with arbiters that hand over at the same time.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::QoS;
use castmq_rules::claim::Epoch;
use castmq_rules::session::{Change, Expiry, Presence, Record};
use castmq_rules::{ClientId, Delivery, Message, MessageId, Moment, SubscriptionIds};
use castmq_store::{Fsync, Link, Op, QueueRange, RUN_SHIFT, SessionKey, Submission, open};

use crate::node::{BEGIN, Hands, Node, options};
use crate::scratch::Scratch;
use crate::world::{ARBITERS, text, topic};

const MESSAGES: u64 = 300;

pub(crate) fn session(arbiter: u16) -> SessionKey {
    SessionKey((1 << RUN_SHIFT) + u64::from(arbiter))
}

pub(crate) fn began(arbiter: u16) -> Op {
    let client = format!("client {arbiter}");
    let record = Record {
        client_id: ClientId::new(text(&client)).unwrap(),
        epoch: Epoch(1),
        expiry: Expiry::Never,
        presence: Presence::Connected,
        will: None,
        user_name: None,
        first: 1,
        next: 1,
        weight_sum: 0,
    };
    Op::Session(session(arbiter), Change::Record(Box::new(record)))
}

fn queued(arbiter: u16, number: u64) -> Op {
    queued_with(arbiter, number, Bytes::from(number.to_string()))
}

pub(crate) fn queued_with(arbiter: u16, number: u64, payload: Bytes) -> Op {
    let message = Message {
        id: MessageId((1 << RUN_SHIFT) + number),
        topic: topic("a"),
        payload,
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: None,
        from: None,
        received: Moment::default(),
        expires: None,
        version: None,
    };
    let change = Change::Queued {
        number,
        weight_sum: number * message.weight() as u64,
        delivery: Delivery {
            message: Arc::new(message),
            qos: QoS::AtLeastOnce,
            retain: false,
            subscription_ids: SubscriptionIds::default(),
            group: None,
        },
    };
    Op::Session(session(arbiter), change)
}

/// Hands one message over after the other, and waits for each.
fn arbiter(link: &Link, arbiter: u16) {
    for number in 1..=MESSAGES {
        let mut ops = vec![queued(arbiter, number)];
        if number == 1 {
            ops.insert(0, began(arbiter));
        }
        link.submit(Submission {
            arbiter,
            number,
            ops,
        });
        if number % 10 == 0 {
            while link.committed(arbiter) < number {
                thread::park_timeout(Duration::from_millis(100));
            }
        }
    }
}

/// Bytes of all tables.
fn tables(directory: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let Ok(entry) = entry else { continue };
        // Tables come and go meanwhile.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        bytes += if metadata.is_dir() {
            tables(&entry.path())
        } else {
            metadata.len()
        };
    }
    bytes
}

#[test]
fn what_was_consumed_gives_its_room_back_by_itself() {
    const GROUPS: u64 = 110;
    let scratch = Scratch::new("room-back");
    let mut options = options(scratch.path(), Fsync::Never, &Hands::default());
    options.compact_after = Duration::ZERO;
    let opened = open(&options, BEGIN).unwrap();
    let (link, _) = opened.start(Box::new(|_| {})).unwrap();
    let all = |group: u64| (group * 1000 + 1)..=(group * 1000 + 1000);
    let submit = |number, ops| {
        link.submit(Submission {
            arbiter: 0,
            number,
            ops,
        });
    };
    submit(1, vec![began(0)]);
    for group in 0..GROUPS {
        submit(
            group + 2,
            all(group).map(|number| queued(0, number)).collect(),
        );
    }
    let wait_for = |number| {
        while link.committed(0) < number {
            thread::park_timeout(Duration::from_millis(10));
        }
    };
    wait_for(GROUPS + 1);
    let keyspaces = scratch.path().join("data/keyspaces");
    let before = tables(&keyspaces);
    for group in 0..GROUPS {
        let done = |number| {
            let message = MessageId((1 << RUN_SHIFT) + number);
            Op::Session(session(0), Change::Done { number, message })
        };
        submit(GROUPS + group + 2, all(group).map(done).collect());
    }
    wait_for(2 * GROUPS + 1);
    let mut waits = 0;
    while tables(&keyspaces) > before / 10 {
        waits += 1;
        assert!(waits < 600, "{} of {before} bytes", tables(&keyspaces));
        thread::park_timeout(Duration::from_millis(50));
    }
    link.stop().unwrap();
}

#[test]
fn what_arbiters_hand_over_at_the_same_time_is_there_after_a_stop() {
    let scratch = Scratch::new("threads");
    let hands = Hands::default();
    let opened = open(&options(scratch.path(), Fsync::Always, &hands), BEGIN).unwrap();
    let (sender, receiver) = sync_channel(0);
    let wake = move |arbiter: u16| {
        let _ = sender.try_send(arbiter);
    };
    let (link, _) = opened.start(Box::new(wake)).unwrap();
    thread::scope(|threads| {
        for number in 0..ARBITERS {
            let link = &link;
            threads.spawn(move || arbiter(link, number));
        }
    });
    drop(receiver);
    let page = read(&link, 0);
    assert_eq!(page.unwrap().messages.len(), 100);
    link.stop().unwrap();
    assert!(read(&link, 0).is_err());

    let node = Node::open(scratch.path(), Fsync::Always, &hands).unwrap();
    assert_eq!(node.recovered.sessions.len(), usize::from(ARBITERS));
    for (_, restored) in &node.recovered.sessions {
        assert_eq!(restored.queue.len as u64, MESSAGES);
        assert_eq!(restored.queue.next, MESSAGES + 1);
    }
}

fn read(
    link: &Link,
    arbiter: u16,
) -> Result<castmq_rules::session::Page, castmq_store::StoreError> {
    let range = QueueRange {
        from: 1,
        until: MESSAGES,
        messages_max: 100,
        bytes_max: usize::MAX,
    };
    let (sender, receiver) = sync_channel(1);
    let answer = Box::new(move |page| sender.send(page).unwrap());
    link.read_queue(session(arbiter), range, answer).unwrap();
    receiver.recv().unwrap()
}
