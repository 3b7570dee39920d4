//! What the decisions on the path of messages take: who gets one, and what a session and a connection
//! keep of it.

#![allow(clippy::unwrap_used, reason = "what fails is a mistake in here")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use ahash::RandomState;
use bytes::Bytes;
use castmq_mqtt::{PacketId, QoS, Subscription, Text, TopicFilter, TopicName, Version};
use castmq_rules::ack_order::{AckOrder, Answer, Outcome};
use castmq_rules::claim::Epoch;
use castmq_rules::session::{Action, DownReason, Expiry, Link, Session, SessionSettings};
use castmq_rules::{
    ClientId, Delivery, Message, MessageId, Moment, RetainLimits, Retained, Scan, ScanBudget,
    Subscriber, SubscriptionIds, Table, Trie,
};
use criterion::{BatchSize, Criterion, Throughput};

/// Messages under way at a time.
const IN_FLIGHT: u16 = 64;
/// Messages that wait for a client that is away.
const QUEUED: u16 = 1000;
/// Filters of the trie, topics of the retained store.
const MANY: usize = 100_000;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args();
    plan(&mut criterion);
    advance(&mut criterion);
    trie(&mut criterion);
    retained(&mut criterion);
    window(&mut criterion);
    queue(&mut criterion);
    ack_order(&mut criterion);
    criterion.final_summary();
}

fn plan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    for filters in [1000, 10_000, MANY] {
        let mut table = table();
        for (session, filter) in (0..).zip((0..filters).map(mixed_filter)) {
            table.subscribe(session, &subscription(&filter), Subscriber::default());
        }
        let topics: Vec<_> = (0..filters).step_by(10).map(topic_of_four).collect();
        let mut topics = topics.iter().cycle();
        group.bench_function(format!("4 of {filters} mixed filters"), |bencher| {
            bencher.iter(|| table.plan(topics.next().unwrap()));
        });
    }
}

fn advance(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("advance");
    for sessions in [1, 100, 1000] {
        let mut table = table();
        for session in 0..sessions {
            table.subscribe(session, &subscription("news"), Subscriber::default());
        }
        let mut plan = table.plan(&topic("news"));
        group.bench_function(format!("{sessions} subscribers"), |bencher| {
            bencher.iter(|| {
                plan.restart();
                table.advance(&mut plan, None, usize::MAX, |found| {
                    black_box(found);
                })
            });
        });
    }
}

fn trie(criterion: &mut Criterion) {
    let filters: Vec<_> = (0..MANY).map(|n| filter(&mixed_filter(n))).collect();
    let mut trie = Trie::with_hasher(hasher());
    for (value, filter) in filters.iter().enumerate() {
        trie.insert(filter, value);
    }
    let mut group = criterion.benchmark_group("trie");
    let mut filters = filters.iter().enumerate().cycle();
    group.bench_function(format!("remove and insert, {MANY} filters"), |bencher| {
        bencher.iter(|| {
            let (value, filter) = filters.next().unwrap();
            trie.remove(filter);
            trie.insert(filter, value)
        });
    });
    // As the router does: those who read have the version before.
    group.bench_function(format!("change a copy, {MANY} filters"), |bencher| {
        bencher.iter(|| {
            let (value, filter) = filters.next().unwrap();
            let mut next = trie.clone();
            next.insert(filter, value);
            trie = next;
        });
    });
}

fn retained(criterion: &mut Criterion) {
    let mut store = Retained::new(RetainLimits {
        messages_max: usize::MAX,
        payload_bytes_max: usize::MAX,
        expiry: None,
    });
    let messages: Vec<_> = (0..MANY).map(|n| message(&mixed_topic(n))).collect();
    for message in &messages {
        store.store(message.clone());
    }
    let mut group = criterion.benchmark_group("retained");
    let mut messages = messages.iter().cycle();
    group.bench_function(format!("replace one of {MANY}"), |bencher| {
        bencher.iter(|| store.store(messages.next().unwrap().clone()));
    });
    for wildcard in ["#", "site/7/device/+/metric0"] {
        let found = scan(&store, wildcard);
        group.bench_function(
            format!("scan {wildcard}, {found} of {MANY} match"),
            |bencher| bencher.iter(|| scan(&store, wildcard)),
        );
    }
}

/// Goes through all that a filter matches, in chunks; how many that were.
fn scan(store: &Retained, wildcard: &str) -> usize {
    let budget = ScanBudget {
        messages: 64,
        steps: 1024,
    };
    let mut scan = Scan::new(filter(wildcard));
    let mut found = 0;
    while !scan.is_done() {
        found += store.next_chunk(&mut scan, budget, Moment::default()).len();
    }
    found
}

fn window(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("window");
    // From how far behind the oldest the next acknowledged one is taken.
    for (order, step) in [("in order", 0), ("out of order", 37)] {
        let mut session = connected(SessionSettings {
            inflight_max: IN_FLIGHT,
            ..SessionSettings::default()
        });
        let delivery = delivery(QoS::AtLeastOnce);
        let mut ids: VecDeque<_> = iter::repeat_with(|| sent(&mut session, &delivery))
            .take(IN_FLIGHT.into())
            .collect();
        let mut place = 0;
        group.bench_function(
            format!("PUBACK and PUBLISH {order}, {IN_FLIGHT} in flight"),
            |bencher| {
                bencher.iter(|| {
                    place = (place + step) % ids.len();
                    let id = ids.remove(place).unwrap();
                    let acknowledged = session.handle_puback(id, Moment::default());
                    ids.push_back(sent(&mut session, &delivery));
                    acknowledged
                });
            },
        );
    }
}

fn queue(criterion: &mut Criterion) {
    let settings = SessionSettings {
        keeps_qos0_offline: true,
        ..SessionSettings::default()
    };
    let delivery = delivery(QoS::AtMostOnce);
    let mut group = criterion.benchmark_group("queue");
    group.throughput(Throughput::Elements(QUEUED.into()));
    group.bench_function(format!("{QUEUED} while away, then resume"), |bencher| {
        bencher.iter_batched_ref(
            || session(settings.clone()),
            |session| {
                for _ in 0..QUEUED {
                    session.handle_delivery(delivery.clone(), Moment::default());
                }
                session.handle_connected(link(), Moment::default());
                let published = drain(session);
                session.handle_disconnected(DownReason::Closed, Moment::default());
                assert_eq!(published, usize::from(QUEUED));
            },
            BatchSize::SmallInput,
        );
    });
}

fn ack_order(criterion: &mut Criterion) {
    let mut acks = AckOrder::new(None);
    let mut ids = (1..=u16::MAX).cycle().map(|id| PacketId::new(id).unwrap());
    let mut register = |acks: &mut AckOrder| {
        let answer = Answer::PubAck(ids.next().unwrap());
        acks.register(answer, 256).unwrap()
    };
    let mut sequences: VecDeque<_> = iter::repeat_with(|| register(&mut acks))
        .take(IN_FLIGHT.into())
        .collect();
    let name = format!("ack_order/answer, poll, register, {IN_FLIGHT} owed");
    criterion.bench_function(&name, |bencher| {
        bencher.iter(|| {
            acks.answer(sequences.pop_front().unwrap(), Outcome::Accepted);
            sequences.push_back(register(&mut acks));
            acks.poll_ready().unwrap()
        });
    });
}

/// One of many filters, ten to a device: seven exact ones and three with wildcards.
fn mixed_filter(number: usize) -> String {
    let (device, kind) = (number / 10, number % 10);
    let site = device % 100;
    match kind {
        7 => format!("site/{site}/+/{device}/metric0"),
        8 => format!("site/{site}/device/{device}/+"),
        9 => format!("site/{site}/device/{device}/#"),
        metric => format!("site/{site}/device/{device}/metric{metric}"),
    }
}

/// A topic of the same device as the filter of this number that one exact filter matches, and all three
/// with wildcards.
fn topic_of_four(number: usize) -> TopicName {
    let device = number / 10;
    topic(&format!("site/{}/device/{device}/metric0", device % 100))
}

/// One of many topics, ten to a device.
fn mixed_topic(number: usize) -> String {
    let (device, metric) = (number / 10, number % 10);
    format!("site/{}/device/{device}/metric{metric}", device % 100)
}

/// Hands a message over and returns the id under which it is sent.
fn sent(session: &mut Session, delivery: &Delivery) -> PacketId {
    session.handle_delivery(delivery.clone(), Moment::default());
    let mut id = None;
    while let Some(action) = session.poll_action() {
        if let Action::Publish(outgoing) = action {
            id = outgoing.packet_id;
        }
    }
    id.unwrap()
}

/// Does what a session asks for until it has nothing left to send; how much it sent.
fn drain(session: &mut Session) -> usize {
    let mut published = 0;
    while let Some(action) = session.poll_action() {
        if matches!(action, Action::Publish(_)) {
            published += 1;
        } else if action == Action::Continue {
            session.handle_continue(Moment::default());
        }
    }
    published
}

fn session(settings: SessionSettings) -> Session {
    let client_id = ClientId::new(text("subscriber")).unwrap();
    Session::new(&client_id, Arc::new(settings), Moment::default())
}

fn connected(settings: SessionSettings) -> Session {
    let mut session = session(settings);
    session.handle_connected(link(), Moment::default());
    session
}

fn link() -> Link {
    Link {
        epoch: Epoch(1),
        version: Version::V4,
        receive_maximum: u16::MAX,
        expiry: Expiry::Never,
        will: None,
        user_name: None,
        is_privileged: false,
        address: None,
        claims: Vec::new(),
    }
}

fn delivery(qos: QoS) -> Delivery {
    Delivery {
        message: Arc::new(Message {
            qos,
            ..message("site/7/device/42/temperature")
        }),
        qos,
        retain: false,
        subscription_ids: SubscriptionIds::default(),
        group: None,
    }
}

fn message(name: &str) -> Message {
    Message {
        id: MessageId(0),
        topic: topic(name),
        payload: Bytes::from_static(&[0x55; 16]),
        qos: QoS::AtMostOnce,
        retain: true,
        properties: None,
        from: None,
        received: Moment::default(),
        expires: None,
        version: None,
    }
}

/// The broker's hasher with a seed that is always the same.
fn hasher() -> RandomState {
    RandomState::with_seeds(1, 2, 3, 4)
}

fn table() -> Table<u32, RandomState> {
    Table::with_hasher(hasher())
}

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

fn topic(name: &str) -> TopicName {
    TopicName::new(text(name)).unwrap()
}

fn filter(name: &str) -> TopicFilter {
    TopicFilter::new(text(name)).unwrap()
}

fn subscription(name: &str) -> Subscription {
    Subscription::parse(text(name)).unwrap()
}
