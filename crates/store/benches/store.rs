//! What durability costs: processor time and bytes for each message, and what a start takes.
//!
//! `cargo bench -p castmq-store -- append|fanout|start|drain [DIRECTORY]`; to count the instructions of a
//! start alone, `fill DIRECTORY MESSAGES` and `settle DIRECTORY` first and then `open DIRECTORY` under a
//! profiler.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement by hand, which ends where it fails"
)]

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use castmq_mqtt::{QoS, Subscription, Text, TopicName};
use castmq_rules::claim::Epoch;
use castmq_rules::session::{Change, Expiry, Presence, Record, SubscriptionEntry};
use castmq_rules::{ClientId, Delivery, Message, MessageId, Moment, SubscriptionIds, WallTime};
use castmq_store::{Fsync, Op, Opened, Options, RUN_SHIFT, SessionKey, Step, Submission, open};

const SESSIONS: u64 = 10_000;
const BACKLOG: usize = 20_000;

fn main() {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|one| one != "--bench")
        .collect();
    let what = arguments.first().map_or("all", String::as_str);
    let directory = arguments.get(1).map_or_else(
        || std::env::temp_dir().join(format!("castmq-bench-{}", std::process::id())),
        PathBuf::from,
    );
    match what {
        "append" => append(&directory),
        "fanout" => fan_out(&directory),
        "start" => start(&directory),
        "fill" => {
            let messages = arguments.get(2).expect("how many messages");
            return fill(&directory, messages.parse().expect("a number"));
        }
        "settle" => return settle(&directory),
        "open" => return measure_open(&directory, "start"),
        "drain" => drain(&directory),
        _ => {
            append(&directory);
            fan_out(&directory);
            start(&directory);
            drain(&directory);
        }
    }
    let _ = fs::remove_dir_all(directory);
}

fn opened(directory: &Path, fsync: Fsync) -> Opened {
    let begin = Instant::now();
    let clock = Arc::new(move || Moment::from_start(begin.elapsed()));
    let options = Options {
        fsync,
        ..Options::new(directory.to_owned(), clock)
    };
    open(
        &options,
        WallTime::from_epoch(Duration::from_secs(1_700_000_000)),
    )
    .unwrap()
}

/// Processor time of this process.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Bytes that this process has had written to the disk.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.unwrap().parse().unwrap()
}

struct Bench {
    opened: Opened,
    number: u64,
    message: u64,
    next: Vec<u64>,
    random: u64,
}

impl Bench {
    fn new(directory: &Path, fsync: Fsync) -> Self {
        let _ = fs::remove_dir_all(directory);
        Self {
            opened: opened(directory, fsync),
            number: 0,
            message: 1 << RUN_SHIFT,
            next: vec![1; usize::try_from(SESSIONS).unwrap()],
            random: 1,
        }
    }

    fn commit(&mut self, ops: Vec<Op>) {
        self.number += 1;
        self.opened.link.submit(Submission {
            arbiter: 0,
            number: self.number,
            ops,
        });
        while self.opened.link.committed(0) < self.number {
            assert_eq!(self.opened.committer.step(), Step::Worked);
        }
    }

    fn session(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.random >> 33) % SESSIONS
    }

    fn message(&mut self, bytes: usize) -> Arc<Message> {
        self.message += 1;
        message(self.message, bytes)
    }

    /// A message for a session, and what takes it away again.
    fn queue(&mut self, session: u64, message: &Arc<Message>) -> (Op, Op) {
        let next = &mut self.next[usize::try_from(session).unwrap()];
        let number = *next;
        *next += 1;
        (
            queued(session, number, message),
            done(session, number, message),
        )
    }
}

fn message(id: u64, bytes: usize) -> Arc<Message> {
    let mut payload = vec![b'x'; bytes];
    let mut random = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in payload.iter_mut().take(bytes / 2) {
        random ^= random << 13;
        random ^= random >> 7;
        *byte = u8::try_from(random & 255).unwrap();
    }
    Arc::new(Message {
        id: MessageId(id),
        topic: TopicName::new(text("site/hall/machine/state")).unwrap(),
        payload: Bytes::from(payload),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: None,
        from: ClientId::new(text("publisher-17")),
        received: Moment::default(),
        expires: None,
        version: None,
    })
}

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

fn key(session: u64) -> SessionKey {
    SessionKey((1 << RUN_SHIFT) + session)
}

fn queued(session: u64, number: u64, message: &Arc<Message>) -> Op {
    let delivery = Delivery {
        message: Arc::clone(message),
        qos: QoS::AtLeastOnce,
        retain: false,
        subscription_ids: SubscriptionIds::default(),
        group: None,
    };
    let weight_sum = number * message.weight() as u64;
    let change = Change::Queued {
        number,
        weight_sum,
        delivery,
    };
    Op::Session(key(session), change)
}

fn done(session: u64, number: u64, message: &Arc<Message>) -> Op {
    let message = message.id;
    Op::Session(key(session), Change::Done { number, message })
}

fn began(session: u64) -> Vec<Op> {
    let record = Record {
        client_id: ClientId::new(text(&format!("device-{session:08}"))).unwrap(),
        epoch: Epoch(session),
        expiry: Expiry::Never,
        presence: Presence::Away {
            ends: None,
            will_due: None,
            sent_below: 1,
        },
        will: None,
        user_name: None,
        first: 1,
        next: 1,
        weight_sum: 0,
    };
    let filter = Subscription::parse(text(&format!("device/{session:08}/#"))).unwrap();
    let subscribed = Change::Subscribed(filter, SubscriptionEntry::default());
    vec![
        Op::Session(key(session), Change::Record(Box::new(record))),
        Op::Session(key(session), subscribed),
    ]
}

/// Messages come and go, so many in a commit.
fn append(directory: &Path) {
    for batch in [16, 128, 256, 1024] {
        let mut bench = Bench::new(directory, Fsync::Always);
        let mut waiting = VecDeque::new();
        while waiting.len() < BACKLOG {
            let ops = (0..1000).map(|_| bench.one(&mut waiting)).collect();
            bench.commit(ops);
        }
        let (processor, bytes, began) = (processor_time(), written(), Instant::now());
        let (mut messages, mut took) = (0, Vec::new());
        while began.elapsed() < Duration::from_secs(5) {
            let mut ops = Vec::with_capacity(2 * batch);
            for _ in 0..batch {
                ops.push(bench.one(&mut waiting));
                ops.push(waiting.pop_front().unwrap());
            }
            let handed = Instant::now();
            bench.commit(ops);
            took.push(handed.elapsed().as_secs_f64() * 1e3);
            messages += batch;
        }
        took.sort_by(f64::total_cmp);
        let rank = |per_mille: usize| took[(took.len() - 1) * per_mille / 1000];
        let processor = processor_time() - processor;
        println!(
            "append+delete, {batch:>4} a commit: {:>5.2} us processor, {:>5.0} bytes written, {:>6.0} messages/s, {:.2} ms, 99 % {:.1}, longest {:.0}",
            processor.as_secs_f64() * 1e6 / messages as f64,
            (written() - bytes) as f64 / messages as f64,
            messages as f64 / began.elapsed().as_secs_f64(),
            rank(500),
            rank(990),
            rank(1000),
        );
    }
}

impl Bench {
    fn one(&mut self, waiting: &mut VecDeque<Op>) -> Op {
        let session = self.session();
        let message = self.message(256);
        let (queued, done) = self.queue(session, &message);
        waiting.push_back(done);
        queued
    }
}

/// A message for a thousand sessions.
fn fan_out(directory: &Path) {
    let mut bench = Bench::new(directory, Fsync::Always);
    let (processor, rounds) = (processor_time(), 200_u32);
    let before = bench.opened.link.stats().bytes;
    let mut all_done = Vec::new();
    for _ in 0..rounds {
        let message = bench.message(256);
        let (queued, done): (Vec<_>, Vec<_>) = (0..1000)
            .map(|session| bench.queue(session, &message))
            .unzip();
        bench.commit(queued);
        all_done.push(done);
    }
    let bytes = bench.opened.link.stats().bytes - before;
    let came = processor_time();
    println!(
        "one for 1000 sessions: {:>6.0} us processor, {} bytes",
        (came - processor).as_secs_f64() * 1e6 / f64::from(rounds),
        bytes / u64::from(rounds),
    );
    all_done.into_iter().for_each(|done| bench.commit(done));
    println!(
        "  and gone again: {:>6.0} us processor",
        (processor_time() - came).as_secs_f64() * 1e6 / f64::from(rounds),
    );
}

/// Starts with 100 000 sessions and more and more messages.
fn start(directory: &Path) {
    for messages in [10_000, 100_000, 1_000_000] {
        fill(directory, messages);
        measure_open(directory, &format!("{messages:>7} messages, at once"));
        settle(directory);
        measure_open(directory, &format!("{messages:>7} messages, after a pause"));
    }
}

fn fill(directory: &Path, messages: u64) {
    const MANY: u64 = 100_000;
    let mut bench = Bench::new(directory, Fsync::Never);
    for first in (0..MANY).step_by(1000) {
        bench.commit((first..first + 1000).flat_map(began).collect());
    }
    for first in (0..messages).step_by(1000) {
        let one = |at| {
            let (session, number) = (at * 7919 % MANY, 1 + at / MANY);
            queued(session, number, &message((1 << RUN_SHIFT) + at, 256))
        };
        bench.commit((first..first + 1000).map(one).collect());
    }
    bench.opened.committer.finish();
}

/// Gives the store the time to write down what it knows.
fn settle(directory: &Path) {
    let (processor, mut opened) = (processor_time(), opened(directory, Fsync::Never));
    std::thread::sleep(Duration::from_millis(1100));
    while opened.committer.step() == Step::Worked {}
    // Tables are written behind the committer.
    std::thread::sleep(Duration::from_millis(500));
    opened.committer.finish();
    let took = processor_time() - processor;
    println!("  pause: {:.2} s processor", took.as_secs_f64());
}

fn measure_open(directory: &Path, what: &str) {
    let (processor, began) = (processor_time(), Instant::now());
    let opened = opened(directory, Fsync::Never);
    println!(
        "{what}: {:>5.2} s, {:>5.2} s processor, {} sessions",
        began.elapsed().as_secs_f64(),
        (processor_time() - processor).as_secs_f64(),
        opened.recovered.sessions.len(),
    );
    opened.committer.finish();
}

/// A million messages come and go; what is left of them on the disk?
fn drain(directory: &Path) {
    let mut bench = Bench::new(directory, Fsync::Never);
    let mut all_done = VecDeque::new();
    for _ in 0..1000 {
        let ops = (0..1000).map(|_| bench.one(&mut all_done)).collect();
        bench.commit(ops);
    }
    println!("a million messages: {} MB", size(directory) >> 20);
    while !all_done.is_empty() {
        let last = all_done.len().min(1000);
        bench.commit(all_done.drain(..last).collect());
    }
    println!("  gone: {} MB", size(directory) >> 20);
    bench.opened.committer.compact();
    println!("  compacted: {} MB", size(directory) >> 20);
}

fn size(directory: &Path) -> u64 {
    let mut bytes = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        bytes += if metadata.is_dir() {
            size(&entry.path())
        } else {
            std::os::unix::fs::MetadataExt::blocks(&metadata) * 512
        };
    }
    bytes
}
