//! A flow: one publisher, one subscriber, numbered messages, connections that break at any moment.
//!
//! Both ends keep their session over every break, as the specification wants it of a client: what is
//! not acknowledged is sent again in order, QoS 2 goes on where it stopped.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread::Scope;
use std::time::{Duration, Instant};

use super::Run;
use crate::clock;
use crate::connection::{Connection, Ended, PATIENCE};
use crate::exchange::{Incoming, Outgoing, Progress};
use crate::random::Random;
use crate::wire::{Connect, DISCONNECT, Packet, Publish, Step, Version};

/// Unacknowledged messages of one publisher; well below any broker's Receive Maximum.
const WINDOW: usize = 20;
/// Between two messages of one flow. A subscriber is away for less than a second, so that a few
/// hundred messages wait at most: far below the bound of a session's queue.
const GAP: Duration = Duration::from_millis(4);
/// In the last moments of a connection an end reads but no longer answers, so that there is always
/// something to repeat.
const MUTE_MILLIS: usize = 60;
/// Bytes of a message beside its number.
const PADDING: usize = 48;

const FLOWS: [(u8, Version, &str); 4] = [
    (1, Version::V311, "flow-1-v4"),
    (1, Version::V50, "flow-1-v5"),
    (2, Version::V311, "flow-2-v4"),
    (2, Version::V50, "flow-2-v5"),
];

/// One kind of traffic on one topic.
#[derive(Clone, Copy, Debug)]
struct Flow {
    qos: u8,
    version: Version,
    name: &'static str,
}

/// All client ids of flows.
pub(super) fn client_ids() -> impl Iterator<Item = String> {
    FLOWS
        .into_iter()
        .flat_map(|(_, _, name)| ["publisher", "subscriber"].map(|end| format!("{name}-{end}")))
}

/// The publishers that have to come to an end, and where they then say how much there was.
pub(super) struct Flows {
    ends: Vec<(mpsc::Receiver<u64>, Arc<AtomicU64>)>,
}

/// Starts all flows; the subscribers are subscribed before the publishers begin.
pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>, run: &'scope Run) -> Flows {
    let mut ends = Vec::new();
    for (part, (qos, version, name)) in (0..).zip(FLOWS) {
        let flow = Flow { qos, version, name };
        let total = Arc::new(AtomicU64::new(u64::MAX));
        let (published, end) = mpsc::channel();
        let (ready, subscribed) = mpsc::channel();
        let last = Arc::clone(&total);
        let random = run.random(part * 2);
        scope.spawn(move || Subscriber::new(flow, run, random).go(&last, &ready));
        let random = run.random(part * 2 + 1);
        scope.spawn(move || {
            // A subscriber that failed has noted why.
            if subscribed.recv().is_ok() {
                let count = Publisher::new(flow, run, random).go();
                // Nobody listens when the run has failed.
                let _ = published.send(count);
            }
        });
        ends.push((end, total));
    }
    Flows { ends }
}

/// Waits for the publishers and tells the subscribers how much they have to see.
pub(super) fn finish(flows: Flows, run: &Run) {
    for (end, total) in flows.ends {
        let count = end.recv().unwrap_or(0);
        run.counts.published.fetch_add(count, Relaxed);
        total.store(count, Relaxed);
    }
}

/// Connects that end of the flow, sometimes while its earlier connection still lives.
fn connect(flow: Flow, end: &str, run: &Run, is_first: bool) -> Result<Connection, Ended> {
    let client_id = format!("{}-{end}", flow.name);
    let connect = Connect {
        version: flow.version,
        client_id: &client_id,
        is_clean: is_first,
        expiry_seconds: 3600,
        will: None,
    };
    if is_first && flow.version == Version::V311 {
        // In 3.1.1 a clean session does not last, so it is made by a second connection.
        Connection::connect(run.address, &connect)?.write(DISCONNECT)?;
    }
    let keeps = Connect {
        is_clean: is_first && flow.version == Version::V50,
        ..connect
    };
    let connection = Connection::connect(run.address, &keeps)?;
    run.counts.connections.fetch_add(1, Relaxed);
    run.verdict
        .expect(is_first || connection.session_present(), || {
            format!("{client_id} lost its session")
        });
    Ok(connection)
}

/// How a connection comes to its end: in order, without a word, or still open when the next comes.
fn leave(connection: Connection, random: &mut Random, run: &Run) -> Option<Connection> {
    match random.below(3) {
        0 => {
            let mut connection = connection;
            // It is the end either way.
            let _ = connection.write(DISCONNECT);
            None
        }
        1 => None,
        _ => {
            run.counts.takeovers.fetch_add(1, Relaxed);
            Some(connection)
        }
    }
}

struct Publisher<'a> {
    flow: Flow,
    run: &'a Run,
    random: Random,
    /// Number of the next message.
    next: u64,
    unacknowledged: Outgoing<u64>,
}

impl<'a> Publisher<'a> {
    fn new(flow: Flow, run: &'a Run, random: Random) -> Self {
        Self {
            flow,
            run,
            random,
            next: 0,
            unacknowledged: Outgoing::default(),
        }
    }

    /// Publishes until the run is over and all is acknowledged; returns how many there were.
    fn go(mut self) -> u64 {
        let mut earlier = None;
        let mut is_first = true;
        let mut deadline = None;
        while self.run.goes_on() || !self.unacknowledged.is_empty() {
            if !self.run.goes_on() {
                let end = *deadline.get_or_insert_with(|| clock::now() + PATIENCE * 2);
                if clock::now() > end {
                    let count = self.unacknowledged.len();
                    self.run.verdict.breach(format!(
                        "{}: {count} publishes were never acknowledged",
                        self.flow.name
                    ));
                    break;
                }
            }
            let connected = connect(self.flow, "publisher", self.run, is_first);
            drop(earlier.take());
            let life = self.random.millis(20, 1500);
            match connected.and_then(|connection| self.live(connection, life)) {
                Ok(connection) => earlier = leave(connection, &mut self.random, self.run),
                // A break that the broker made: only a takeover may, and here is none under way.
                Err(ended) => self
                    .run
                    .verdict
                    .breach(format!("{}-publisher: {ended}", self.flow.name)),
            }
            is_first = false;
        }
        self.next
    }

    /// One connection's life.
    fn live(&mut self, mut connection: Connection, life: Duration) -> Result<Connection, Ended> {
        self.repeat(&mut connection)?;
        let end = clock::now() + life;
        let mute = end - self.random.millis(0, MUTE_MILLIS);
        let mut due = clock::now();
        while clock::now() < end {
            let may_publish = self.run.goes_on() && self.unacknowledged.len() < WINDOW;
            if may_publish && clock::now() >= due {
                self.publish(&mut connection)?;
                due += GAP;
            }
            if !self.run.goes_on() && self.unacknowledged.is_empty() {
                break;
            }
            let patience = if may_publish { clock::until(due) } else { GAP };
            if let Some(packet) = connection.receive(patience)?
                && clock::now() < mute
            {
                self.handle(&mut connection, &packet)?;
            }
        }
        Ok(connection)
    }

    fn publish(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        let number = self.next;
        self.next += 1;
        let id = self.unacknowledged.begin(number);
        self.write(connection, id, number, false)
    }

    fn write(
        &self,
        connection: &mut Connection,
        id: u16,
        number: u64,
        dup: bool,
    ) -> Result<(), Ended> {
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(8 + PADDING, b'.');
        connection.publish(&Publish {
            dup,
            qos: self.flow.qos,
            retain: false,
            topic: self.flow.name,
            id,
            payload: &payload,
        })
    }

    /// What the earlier connection left open, in its order.
    fn repeat(&mut self, connection: &mut Connection) -> Result<(), Ended> {
        for open in self.unacknowledged.open() {
            match open.progress {
                Progress::Published => self.write(connection, open.id, open.message, true)?,
                Progress::Released => connection.step(Step::PubRel, open.id)?,
            }
        }
        Ok(())
    }

    fn handle(&mut self, connection: &mut Connection, packet: &Packet) -> Result<(), Ended> {
        match *packet {
            Packet::Step { step, id, reason } => {
                // 0x10: nobody subscribed. 0x92: the broker had completed it, and we do not know yet.
                let is_fine = matches!((step, reason), (_, 0 | 0x10) | (Step::PubComp, 0x92));
                self.run.verdict.expect(is_fine, || {
                    format!("{}: {step:?} {id} with reason {reason:#x}", self.flow.name)
                });
                self.step(connection, step, id)
            }
            Packet::PingResp | Packet::Subscribed(_) => Ok(()),
            Packet::Disconnect(reason) => Err(Ended::Closed(format!("DISCONNECT {reason:#x}"))),
            Packet::ConnAck { .. } | Packet::Publish { .. } | Packet::NotSubscribed(_) => {
                Err(Ended::Garbage(format!("a publisher was sent {packet:?}")))
            }
        }
    }

    fn step(&mut self, connection: &mut Connection, step: Step, id: u16) -> Result<(), Ended> {
        self.unacknowledged.handle(step, id);
        match step {
            Step::PubAck | Step::PubComp => Ok(()),
            Step::PubRec => connection.step(Step::PubRel, id),
            Step::PubRel => Err(Ended::Garbage("a publisher was sent PUBREL".to_owned())),
        }
    }
}

struct Subscriber<'a> {
    flow: Flow,
    run: &'a Run,
    random: Random,
    /// Number of the next message that was not seen yet.
    next: u64,
    received: Incoming,
}

impl<'a> Subscriber<'a> {
    fn new(flow: Flow, run: &'a Run, random: Random) -> Self {
        Self {
            flow,
            run,
            random,
            next: 0,
            received: Incoming::default(),
        }
    }

    /// Receives until everything that was published is here.
    fn go(mut self, total: &AtomicU64, ready: &mpsc::Sender<()>) {
        let mut earlier = None;
        let mut is_first = true;
        let mut progress = (self.next, clock::now());
        while self.next < total.load(Relaxed) || self.run.goes_on() {
            let connected = connect(self.flow, "subscriber", self.run, is_first);
            drop(earlier.take());
            let lived = connected.and_then(|mut connection| {
                if is_first {
                    connection.subscribe(self.flow.name, self.flow.qos, |_, _| Ok(()))?;
                    // The publisher waits for this, or has given up with the run.
                    let _ = ready.send(());
                }
                self.live(connection, total)
            });
            match lived {
                Ok(connection) => earlier = leave(connection, &mut self.random, self.run),
                Err(ended) => self
                    .run
                    .verdict
                    .breach(format!("{}-subscriber: {ended}", self.flow.name)),
            }
            is_first = false;
            if self.next != progress.0 {
                progress = (self.next, clock::now());
            }
            if is_stuck(progress.1) {
                let (next, total) = (self.next, total.load(Relaxed));
                self.run.verdict.breach(format!(
                    "{}: message {next} of {total} never came",
                    self.flow.name
                ));
                return;
            }
        }
    }

    /// One connection's life.
    fn live(&mut self, mut connection: Connection, total: &AtomicU64) -> Result<Connection, Ended> {
        let end = clock::now() + self.random.millis(20, 1500);
        let mute = end - self.random.millis(0, MUTE_MILLIS);
        while clock::now() < end && self.next < total.load(Relaxed) {
            let patience = clock::until(end).min(Duration::from_millis(100));
            if let Some(packet) = connection.receive(patience)?
                && let Some((step, id)) = self.handle(packet)?
                && clock::now() < mute
            {
                connection.step(step, id)?;
            }
        }
        Ok(connection)
    }

    /// Takes note of a packet; returns what has to be answered.
    fn handle(&mut self, packet: Packet) -> Result<Option<(Step, u16)>, Ended> {
        match packet {
            Packet::Publish {
                dup,
                qos,
                id,
                payload,
                ..
            } => {
                let number = number_of(&payload)?;
                if qos != self.flow.qos {
                    self.run
                        .verdict
                        .breach(format!("{}: delivered with QoS {qos}", self.flow.name));
                }
                if self.received.takes(qos, id) {
                    self.see(number, dup);
                } else {
                    self.run.counts.repeated.fetch_add(1, Relaxed);
                }
                Ok(Incoming::answer(qos).map(|step| (step, id)))
            }
            Packet::Step {
                step: Step::PubRel,
                id,
                ..
            } => {
                self.received.release(id);
                Ok(Some((Step::PubComp, id)))
            }
            Packet::PingResp => Ok(None),
            Packet::Disconnect(reason) => Err(Ended::Closed(format!("DISCONNECT {reason:#x}"))),
            Packet::ConnAck { .. }
            | Packet::Step { .. }
            | Packet::Subscribed(_)
            | Packet::NotSubscribed(_) => {
                Err(Ended::Garbage(format!("a subscriber was sent {packet:?}")))
            }
        }
    }

    /// Every number comes once in order; with QoS 1 it may come again.
    fn see(&mut self, number: u64, dup: bool) {
        if number == self.next {
            self.next += 1;
            self.run.counts.delivered.fetch_add(1, Relaxed);
            return;
        }
        let (name, next) = (self.flow.name, self.next);
        if number > self.next {
            self.run.verdict.breach(format!(
                "{name}: {number} came (dup {dup}) where {next} had to come"
            ));
            self.next = number + 1;
        } else if self.flow.qos == 2 {
            self.run
                .verdict
                .breach(format!("{name}: {number} came twice (dup {dup})"));
        } else {
            self.run.counts.repeated.fetch_add(1, Relaxed);
        }
    }
}

fn is_stuck(since: Instant) -> bool {
    clock::now() > since + PATIENCE
}

fn number_of(payload: &[u8]) -> Result<u64, Ended> {
    payload
        .first_chunk()
        .map(|bytes| u64::from_be_bytes(*bytes))
        .ok_or_else(|| Ended::Garbage("a payload that nobody published".to_owned()))
}
