//! What the committer does with what it is handed, step by step.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::{QoS, Subscription};
use castmq_rules::claim::Epoch;
use castmq_rules::session::{Change, Expiry, Presence, Record, SubscriptionEntry};
use castmq_rules::{ClientId, Delivery, Message, MessageId, Moment, SubscriptionIds};
use castmq_store::{
    Fsync, MemoryStore, Op, QueueRange, RUN_SHIFT, SessionKey, Space, Step, Store, StoreError,
    Submission, Trouble,
};

use crate::faulty::{Fault, FaultyStore};
use crate::node::{Hands, Node};
use crate::scratch::Scratch;
use crate::world::{text, topic};

const INTERVAL: Duration = Duration::from_millis(100);

/// A broker with a few sessions, on a store in memory that may fail.
struct Scene {
    memory: Arc<MemoryStore>,
    store: Arc<FaultyStore>,
    hands: Hands,
    node: Node,
    number: u64,
}

fn scene(fsync: Fsync) -> Scene {
    let memory = Arc::new(MemoryStore::new());
    let store = Arc::new(FaultyStore::new(Arc::clone(&memory) as _, 1));
    let hands = Hands::default();
    let node = Node::with(Arc::clone(&store) as _, fsync, &hands);
    let mut scene = Scene {
        memory,
        store,
        hands,
        node,
        number: 0,
    };
    scene.settle();
    scene
}

impl Scene {
    fn submit(&mut self, ops: Vec<Op>) {
        self.number += 1;
        let number = self.number;
        self.node.link.submit(Submission {
            arbiter: 0,
            number,
            ops,
        });
    }

    fn settle(&mut self) {
        self.node.settle(&self.hands);
    }

    fn store(&mut self, ops: Vec<Op>) {
        self.submit(ops);
        self.settle();
        assert_eq!(self.node.link.committed(0), self.number);
    }

    fn len(&self, space: Space) -> usize {
        self.memory.len(space)
    }
}

fn session(number: u64) -> SessionKey {
    SessionKey((1 << RUN_SHIFT) + number)
}

fn of(of: u64, change: Change) -> Op {
    Op::Session(session(of), change)
}

fn began(of_session: u64) -> Op {
    let client = format!("client {of_session}");
    of(
        of_session,
        Change::Record(Box::new(Record {
            client_id: ClientId::new(text(&client)).unwrap(),
            epoch: Epoch(of_session),
            expiry: Expiry::Never,
            presence: Presence::Connected,
            will: None,
            user_name: None,
            first: 0,
            next: 0,
            weight_sum: 0,
        })),
    )
}

fn message(id: u64) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId((1 << RUN_SHIFT) + id),
        topic: topic("a/b"),
        payload: Bytes::from_static(b"payload"),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: None,
        from: None,
        received: Moment::default(),
        expires: None,
        version: None,
    })
}

fn queued(of_session: u64, number: u64, message: &Arc<Message>) -> Op {
    let delivery = Delivery {
        message: Arc::clone(message),
        qos: QoS::AtLeastOnce,
        retain: false,
        subscription_ids: SubscriptionIds::default(),
        group: None,
    };
    let weight_sum = number * message.weight() as u64;
    of(
        of_session,
        Change::Queued {
            number,
            weight_sum,
            delivery,
        },
    )
}

fn done(of_session: u64, number: u64, message: &Arc<Message>) -> Op {
    let message = message.id;
    of(of_session, Change::Done { number, message })
}

fn retain(version: u64, payload: &'static str) -> Op {
    let kept = Message {
        payload: Bytes::from_static(payload.as_bytes()),
        version: Some(version),
        ..(*message(version)).clone()
    };
    Op::Retain {
        message: Arc::new(kept),
        ends: None,
    }
}

fn unretain(version: u64) -> Op {
    Op::Unretain {
        topic: topic("a/b"),
        version,
    }
}

#[test]
fn nothing_is_acknowledged_before_it_is_committed() {
    let mut scene = scene(Fsync::Always);
    scene.submit(vec![began(1)]);
    assert_eq!(scene.node.link.committed(0), 0);

    scene.settle();
    assert_eq!(scene.node.link.committed(0), 1);
    assert_eq!(scene.memory.unsynced(), 0);
}

#[test]
fn each_arbiter_is_woken_for_its_own_submissions() {
    let mut scene = scene(Fsync::Always);
    let woken = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&woken);
    let hear = move |arbiter| heard.lock().unwrap().push(arbiter);
    scene.node.committer.set_wake(Box::new(hear));

    for (arbiter, number) in [(2, 7), (0, 3), (2, 8)] {
        let ops = vec![began(number)];
        scene.node.link.submit(Submission {
            arbiter,
            number,
            ops,
        });
    }
    scene.settle();

    assert_eq!(*woken.lock().unwrap(), [0, 2]);
    assert_eq!(scene.node.link.committed(0), 3);
    assert_eq!(scene.node.link.committed(1), 0);
    assert_eq!(scene.node.link.committed(2), 8);
}

#[test]
fn what_gathers_while_the_disk_is_busy_is_one_commit() {
    let mut scene = scene(Fsync::Always);
    let before = scene.node.link.stats().commits;
    (1..=50).for_each(|number| scene.submit(vec![began(number)]));
    scene.settle();
    assert_eq!(scene.node.link.stats().commits, before + 1);
}

#[test]
fn a_group_has_a_limit_and_a_submission_has_none() {
    let mut scene = scene(Fsync::Always);
    let before = scene.node.link.stats().commits;
    scene.submit(vec![began(1)]);
    scene.submit((2..9000).map(began).collect());
    scene.submit(vec![began(9000)]);
    scene.settle();
    assert_eq!(scene.node.link.stats().commits, before + 3);
    assert_eq!(scene.len(Space::Sessions), 9000);
}

#[test]
fn a_message_for_one_session_is_in_its_queue() {
    let mut scene = scene(Fsync::Always);
    scene.store(vec![began(1), queued(1, 1, &message(1))]);
    assert_eq!(scene.len(Space::Queue), 1);
    assert_eq!(scene.len(Space::Bodies), 0);
}

#[test]
fn a_message_for_many_sessions_is_stored_once_and_goes_with_the_last() {
    let mut scene = scene(Fsync::Always);
    let shared = message(1);
    scene.store((1..=100).map(|number| queued(number, 1, &shared)).collect());
    assert_eq!(scene.len(Space::Queue), 100);
    assert_eq!(scene.len(Space::Bodies), 1);

    scene.store((1..=99).map(|number| done(number, 1, &shared)).collect());
    assert_eq!(scene.len(Space::Bodies), 1);
    scene.store(vec![done(100, 1, &shared)]);
    assert_eq!(scene.len(Space::Queue), 0);
    assert_eq!(scene.len(Space::Bodies), 0);
}

#[test]
fn a_message_in_a_queue_of_its_own_does_not_take_the_body_from_others() {
    let mut scene = scene(Fsync::Always);
    let shared = message(1);
    scene.store(vec![queued(1, 1, &shared)]);
    scene.store(vec![queued(2, 1, &shared), queued(3, 1, &shared)]);
    assert_eq!(scene.len(Space::Bodies), 1);

    scene.store(vec![done(1, 1, &shared)]);
    scene.store(vec![done(2, 1, &shared)]);
    assert_eq!(scene.len(Space::Bodies), 1);
    scene.store(vec![done(3, 1, &shared)]);
    assert_eq!(scene.len(Space::Bodies), 0);
}

/// What ends by its time ends in the version that it has.
#[test]
fn a_retained_message_that_ends_is_deleted_in_its_own_version() {
    let mut scene = scene(Fsync::Always);
    scene.store(vec![retain(5, "five")]);
    assert_eq!(scene.len(Space::Retained), 1);

    scene.store(vec![unretain(5)]);
    assert_eq!(scene.len(Space::Retained), 0);
    scene.store(vec![retain(6, "six"), unretain(6)]);
    assert_eq!(scene.len(Space::Retained), 0);
}

/// The end came by another arbiter than the message.
#[test]
fn a_retained_message_that_comes_behind_its_end_is_not_kept() {
    let mut scene = scene(Fsync::Always);
    scene.store(vec![unretain(5)]);
    scene.store(vec![retain(5, "five")]);
    assert_eq!(scene.len(Space::Retained), 0);
}

#[test]
fn the_end_of_an_older_version_does_not_take_a_newer_one() {
    let mut scene = scene(Fsync::Always);
    scene.store(vec![retain(6, "six")]);
    scene.store(vec![unretain(5)]);
    assert_eq!(scene.len(Space::Retained), 1);
}

#[test]
fn a_message_that_is_acknowledged_twice_goes_once() {
    let mut scene = scene(Fsync::Always);
    let shared = message(1);
    scene.store(vec![queued(1, 1, &shared), queued(2, 1, &shared)]);
    scene.store(vec![done(1, 1, &shared), done(1, 1, &shared)]);
    scene.store(vec![done(1, 1, &shared)]);
    assert_eq!(scene.len(Space::Bodies), 1);
}

#[test]
fn a_message_that_is_acknowledged_before_its_commit_is_not_written() {
    let mut scene = scene(Fsync::Always);
    let before = scene.node.link.stats().bytes;
    let quick = message(1);
    scene.submit(vec![queued(1, 1, &quick), queued(2, 1, &quick)]);
    scene.submit(vec![done(1, 1, &quick), done(2, 1, &quick)]);
    scene.settle();
    assert_eq!(scene.len(Space::Queue), 0);
    assert_eq!(scene.len(Space::Bodies), 0);
    assert!(scene.node.link.stats().bytes > before);
}

#[test]
fn an_ended_session_goes_at_once_and_its_rows_in_time() {
    let mut scene = scene(Fsync::Always);
    let shared = message(1);
    scene.store(vec![began(1), began(2), queued(2, 1, &shared)]);
    for number in 1..=2000 {
        scene.submit(vec![queued(1, number, &shared)]);
    }
    scene.settle();

    scene.submit(vec![of(1, Change::Ended)]);
    scene.node.committer.step();
    assert_eq!(scene.node.link.committed(0), scene.number);
    assert_eq!(scene.len(Space::Sessions), 1);
    assert!(scene.len(Space::Queue) > 1000);

    scene.settle();
    assert_eq!(scene.len(Space::Queue), 1);
    assert_eq!(scene.len(Space::Meta), 2);
}

#[test]
fn an_older_retained_message_that_comes_late_changes_nothing() {
    let mut scene = scene(Fsync::Always);
    scene.store(vec![retain(5, "five")]);
    scene.store(vec![retain(4, "four")]);
    scene.store(vec![unretain(3)]);
    let value = scene.memory.get(Space::Retained, b"a/b").unwrap().unwrap();
    assert!(value.windows(4).any(|part| part == b"five"));
}

#[test]
fn an_older_retained_message_does_not_undo_a_deletion() {
    let mut scene = scene(Fsync::Always);
    scene.store(vec![retain(1, "one")]);
    scene.store(vec![unretain(3)]);
    scene.store(vec![retain(2, "two")]);
    assert_eq!(scene.len(Space::Retained), 0);

    scene.store(vec![retain(9, "nine"), unretain(8), retain(7, "seven")]);
    assert_eq!(scene.len(Space::Retained), 1);
}

#[test]
fn with_an_interval_the_disk_follows_in_time() {
    let mut scene = scene(Fsync::Interval(INTERVAL));
    scene.hands.forward(INTERVAL);
    scene.settle();
    scene.store(vec![began(1)]);
    assert_eq!(scene.memory.unsynced(), 1);
    assert_eq!(scene.node.committer.step(), Step::Idle(INTERVAL));

    scene.hands.forward(INTERVAL);
    scene.settle();
    assert_eq!(scene.memory.unsynced(), 0);
}

#[test]
fn a_commit_that_fails_is_made_again() {
    let mut scene = scene(Fsync::Always);
    scene.store.fail_next(Fault::Refused, 3);
    scene.submit(vec![began(1)]);
    assert!(matches!(scene.node.committer.step(), Step::Failing(_)));
    assert_eq!(scene.node.link.committed(0), 0);
    let Some(Trouble::Failing { message, .. }) = scene.node.link.trouble() else {
        panic!("no trouble");
    };
    assert!(message.contains("No space left on device"));

    scene.settle();
    assert_eq!(scene.node.link.committed(0), 1);
    assert_eq!(scene.node.link.trouble(), None);
    assert_eq!(scene.len(Space::Sessions), 1);
}

#[test]
fn a_commit_that_succeeded_in_secret_is_not_made_again() {
    let mut scene = scene(Fsync::Always);
    let before = scene.store.commits();
    scene.store.fail_next(Fault::Unsure, 0);
    scene.submit(vec![began(1)]);
    scene.settle();
    assert_eq!(scene.node.link.committed(0), 1);
    assert_eq!(scene.store.commits(), before + 1);
}

#[test]
fn while_commits_fail_the_pauses_grow_up_to_a_bound() {
    let mut scene = scene(Fsync::Always);
    scene.store.fail_next(Fault::Refused, 20);
    scene.submit(vec![began(1)]);
    let mut pauses = Vec::new();
    while let Step::Failing(pause) = scene.node.committer.step() {
        pauses.push(pause.as_millis());
        scene.hands.forward(pause);
    }
    assert_eq!(pauses[..8], [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    assert_eq!(pauses.len(), 21);
}

#[test]
fn a_store_that_forgets_what_was_acknowledged_is_not_written_to() {
    let mut scene = scene(Fsync::Interval(INTERVAL));
    scene.store(vec![began(1)]);
    scene.memory.crash(0);
    scene.store.fail_next(Fault::Refused, 0);
    scene.submit(vec![began(2)]);
    for _ in 0..5 {
        assert!(matches!(scene.node.committer.step(), Step::Failing(_)));
        scene.hands.forward(Duration::from_secs(5));
    }
    let Some(Trouble::Failing { message, .. }) = scene.node.link.trouble() else {
        panic!("no trouble");
    };
    assert!(message.contains("acknowledged data is missing"));
}

#[test]
fn a_single_session_is_read_as_it_is_stored() {
    let mut scene = scene(Fsync::Always);
    scene.store(vec![began(1), queued(1, 4, &message(1))]);
    let restored = scene.node.load(session(1)).unwrap();
    assert_eq!(restored.queue.first, 4);
    assert_eq!(restored.queue.next, 5);
    assert_eq!(scene.node.load(session(2)), None);
}

#[test]
fn a_page_ends_where_its_limit_is_and_says_where_the_next_begins() {
    let mut scene = scene(Fsync::Always);
    let all = (1..=10).map(|number| queued(1, number, &message(number)));
    scene.store(all.collect());
    let page = scene.node.page(session(1), 2, 9);
    let numbers: Vec<_> = page.messages.iter().map(|(number, _)| *number).collect();
    assert_eq!((numbers, page.next), (vec![2, 3, 4], 5));
    assert_eq!(scene.node.page(session(1), 11, 99).next, 99);
}

#[test]
fn too_many_reads_are_refused_and_after_the_end_all_are() {
    let scene = scene(Fsync::Always);
    let range = QueueRange {
        from: 0,
        until: 1,
        messages_max: 1,
        bytes_max: 1,
    };
    let ignored = || Box::new(|_| ()) as castmq_store::Answer<_>;
    for _ in 0..4096 {
        let taken = scene.node.link.read_queue(session(1), range, ignored());
        taken.unwrap();
    }
    let refused = scene.node.link.read_queue(session(1), range, ignored());
    assert_eq!(refused.unwrap_err().limit, 4096);

    scene.node.committer.finish();
    let (answer, heard) = std::sync::mpsc::sync_channel(1);
    let tell = Box::new(move |page| answer.send(page).unwrap());
    scene.node.link.read_queue(session(1), range, tell).unwrap();
    assert!(matches!(heard.recv().unwrap(), Err(StoreError::Closed)));
}

#[test]
fn of_two_sessions_of_a_client_the_newer_one_stays() {
    let mut scene = scene(Fsync::Always);
    scene.store(vec![began(1), queued(1, 1, &message(1))]);
    let mut newer = began(1);
    if let Op::Session(key, _) = &mut newer {
        *key = session(2);
    }
    scene.store(vec![newer]);
    scene.node.committer.finish();

    scene.memory.reopen().unwrap();
    let mut node = Node::with(scene.memory, Fsync::Always, &scene.hands);
    let keys: Vec<_> = node
        .recovered
        .sessions
        .iter()
        .map(|(key, _)| *key)
        .collect();
    assert_eq!(keys, [session(2)]);
    node.settle(&scene.hands);
    assert_eq!(node.load(session(1)), None);
}

#[test]
fn the_longest_filters_and_topics_are_stored() {
    let scratch = Scratch::new("long");
    let hands = Hands::default();
    let mut node = Node::open(scratch.path(), Fsync::Always, &hands).unwrap();
    let longest = "x/".repeat(32_767) + "y";
    let subscription = Subscription::parse(text(&longest)).unwrap();
    let entry = SubscriptionEntry::default();
    let subscribed = Change::Subscribed(subscription.clone(), entry);
    let other = Subscription::parse(text(&longest.replace('y', "z"))).unwrap();
    let kept = Message {
        topic: topic(&longest),
        version: Some(1),
        ..(*message(1)).clone()
    };
    let retained = Op::Retain {
        message: Arc::new(kept),
        ends: None,
    };
    let ops = vec![
        began(1),
        of(1, subscribed),
        of(1, Change::Subscribed(other.clone(), entry)),
        of(1, Change::Unsubscribed(other)),
        retained,
    ];
    let (arbiter, number) = (0, 1);
    node.link.submit(Submission {
        arbiter,
        number,
        ops,
    });
    node.settle(&hands);
    node.committer.finish();

    let node = Node::open(scratch.path(), Fsync::Always, &hands).unwrap();
    let restored = &node.recovered.sessions[0].1;
    assert_eq!(restored.subscriptions, [(subscription, entry)]);
    assert_eq!(node.recovered.retained[0].0.topic.as_str(), longest);
}

#[test]
fn where_queues_end_is_written_when_nobody_wants_anything_any_more_and_not_before() {
    let mut scene = scene(Fsync::Always);
    scene.store(vec![began(1)]);
    for number in 1..=30 {
        scene.hands.forward(INTERVAL);
        scene.store(vec![queued(1, number, &message(number))]);
        assert_eq!(scene.len(Space::Ends), 0);
    }

    scene.hands.forward(Duration::from_secs(1));
    scene.settle();

    assert_eq!(scene.len(Space::Ends), 1);
}
