//! Publishers publish, subscribers check what comes: the steady part of most scenarios.

mod publisher;

use std::time::Duration;

use crate::arrivals::Arrival;
use crate::books::{Books, Progress};
use crate::clock::Moment;
use crate::crew::{Next, Stage, Task};
use crate::frame::{Head, Message, Step};
use crate::pace::Pace;
use crate::plan::Plan;
use crate::scan::{Packet, Publish};
use crate::task::{Findings, LOOK_AROUND, PATIENCE, Place};
use crate::wires::{Closed, Handler, Incoming, Wires};

use publisher::Publisher;

/// After so long without a message, QoS 0 takes what is outstanding for lost and goes on.
const STALL: Duration = Duration::from_secs(1);
/// How often a thread looks at what subscribers on other threads have got.
const LOOK_ACROSS: Duration = Duration::from_micros(100);

/// When publishers publish.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Drive {
    /// Each keeps so many messages ahead of its subscribers.
    Window(u32),
    /// So many a second by all of them together, whatever becomes of them.
    Rate(u64),
}

/// What all threads do alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) progress: &'a Progress,
    pub(crate) message: &'a Message,
    pub(crate) drive: Drive,
    /// How many messages there are, as [`Plan::quota`] deals them out, if there is an end.
    pub(crate) messages: Option<u32>,
}

/// One thread's publishers and subscribers. The wires of the publishers come first.
#[derive(Debug)]
pub(crate) struct Flow<'a> {
    place: Place,
    settings: Settings<'a>,
    publishers: Vec<Publisher>,
    /// Publishers that may have something to do, by position.
    ready: Vec<usize>,
    pace: Option<Pace>,
    start: Option<Moment>,
    /// Messages that have become due, at a fixed rate.
    due: u64,
    pub(crate) books: Books,
    /// Publishers whose messages came since the last round.
    touched: Vec<u32>,
    /// The last round's frames; kept for its memory.
    batch: Vec<u8>,
    delivered: u64,
    acknowledged: u64,
    last_event: Moment,
    stage: Stage,
    is_finished: bool,
    pub(crate) findings: Findings,
}

impl<'a> Flow<'a> {
    /// `receive_max` is what the broker takes from each connection, by wire.
    pub(crate) fn new(place: Place, settings: Settings<'a>, receive_max: &[u16]) -> Self {
        let plan = settings.plan;
        let thread = u32::try_from(place.thread).unwrap_or(0);
        let threads = u32::try_from(place.threads).unwrap_or(1);
        let publishers: Vec<_> = (thread..plan.publishers)
            .step_by(place.threads)
            .zip(receive_max)
            .map(|(number, receive_max)| Publisher::new(number, &settings, *receive_max))
            .collect();
        let pace = match settings.drive {
            Drive::Window(_) => None,
            Drive::Rate(rate) => {
                let part = publishers.len() as u64;
                Some(Pace::new(rate, part, plan.publishers.into()))
            }
        };
        Self {
            place,
            settings,
            ready: (0..publishers.len()).collect(),
            publishers,
            pace,
            start: None,
            due: 0,
            books: Books::new(plan, thread, threads),
            touched: Vec::new(),
            batch: Vec::new(),
            delivered: 0,
            acknowledged: 0,
            last_event: 0,
            stage: Stage::WarmUp,
            is_finished: false,
            findings: Findings::new(),
        }
    }

    // --- what subscribers get ---

    fn deliver(&mut self, incoming: &Incoming<'_>, publish: Publish<'_>, reply: &mut Vec<u8>) {
        match publish.qos {
            0 => {}
            1 => reply.extend(Step::Acknowledged.bytes(publish.id)),
            _ => reply.extend(Step::Received.bytes(publish.id)),
        }
        let position = incoming.wire.saturating_sub(self.publishers.len());
        let subscriber = u32::try_from(position * self.place.threads + self.place.thread);
        let arrived = Head::read(publish.payload).zip(subscriber.ok());
        let arrived = arrived.and_then(|(head, subscriber)| {
            let plan = self.settings.plan;
            let arrival = self
                .books
                .handle_arrival(plan, subscriber, position, head)?;
            Some((head, arrival))
        });
        let Some((head, arrival)) = arrived else {
            self.findings.faults.duplicated += 1;
            let note = "a message came that was not sent to this subscriber";
            return self.findings.say(note);
        };
        self.delivered += 1;
        self.last_event = incoming.now;
        match arrival {
            Arrival::Fresh => {}
            Arrival::Late => self.findings.faults.reordered += 1,
            Arrival::Repeated if publish.is_repetition && publish.qos == 1 => {}
            Arrival::Repeated => self.findings.faults.duplicated += 1,
        }
        // Also what comes after the end: it was due before, and late.
        if self.stage != Stage::WarmUp {
            self.findings.latencies.record(head.due, incoming.now);
        }
        if self.touched.last() != Some(&head.publisher) {
            self.touched.push(head.publisher);
        }
    }

    // --- what publishers hear ---

    fn handle_step(&mut self, incoming: &Incoming<'_>, reply: &mut Vec<u8>) {
        let Packet::Step { step, id, reason } = incoming.packet else {
            return;
        };
        let Some(publisher) = self.publishers.get_mut(incoming.wire) else {
            if step == Step::Release {
                reply.extend(Step::Complete.bytes(id));
            }
            return;
        };
        let is_refused = reason >= 0x80;
        if step == Step::Received && !is_refused {
            reply.extend(Step::Release.bytes(id));
            return;
        }
        publisher.acknowledged += 1;
        self.acknowledged += 1;
        self.last_event = incoming.now;
        self.make_ready(incoming.wire);
        if is_refused {
            self.findings.refuse(1, "a message was refused");
        }
    }

    fn make_ready(&mut self, position: usize) {
        if let Some(publisher) = self.publishers.get_mut(position)
            && !publisher.is_ready
        {
            publisher.is_ready = true;
            self.ready.push(position);
        }
    }

    // --- once a round ---

    /// Tells the publishers what has come.
    fn spread_progress(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        for publisher in touched.drain(..) {
            let reached = self.books.progress(publisher);
            self.settings
                .progress
                .reach(publisher, self.place.thread, reached);
            let number = usize::try_from(publisher).unwrap_or(usize::MAX);
            if number % self.place.threads == self.place.thread {
                self.make_ready(number / self.place.threads);
            }
        }
        self.touched = touched;
        if self.place.threads > 1 {
            (0..self.publishers.len()).for_each(|position| self.make_ready(position));
        }
    }

    /// Lets publishers of a fixed rate know what has become due; how long until the next.
    fn spread_due(&mut self, now: Moment) -> Duration {
        let publishers = self.publishers.len() as u64;
        let (Some(pace), true) = (self.pace, publishers > 0) else {
            return LOOK_AROUND;
        };
        let start = *self.start.get_or_insert(now);
        let due = pace.due(Duration::from_nanos(now - start));
        while self.due < due {
            let position = usize::try_from(self.due % publishers).unwrap_or(0);
            if let Some(publisher) = self.publishers.get_mut(position) {
                publisher.due += 1;
            }
            self.make_ready(position);
            self.due += 1;
        }
        Duration::from_nanos(pace.moment(start, self.due).saturating_sub(now))
    }

    fn publish(&mut self, wires: &mut Wires, now: Moment) {
        let due = Due {
            now,
            pace: self.pace.zip(self.start),
            publishers: self.publishers.len() as u64,
        };
        let mut ready = std::mem::take(&mut self.ready);
        for position in ready.drain(..) {
            let Some(publisher) = self.publishers.get_mut(position) else {
                continue;
            };
            publisher.is_ready = false;
            if !wires.is_writable(position) {
                continue;
            }
            self.batch.clear();
            publisher.fill(&mut self.batch, &self.settings, (position, due));
            if !self.batch.is_empty() {
                wires.send(position, &self.batch);
            }
            if publisher.may_send(&self.settings) {
                self.make_ready(position);
            }
        }
        // What is ready again has been put into the list that was taken's place.
        ready.append(&mut self.ready);
        self.ready = ready;
    }

    /// Nothing has come for a while: what is outstanding is lost, if it may be.
    fn forgive(&mut self) {
        for position in 0..self.publishers.len() {
            if let Some(publisher) = self.publishers.get_mut(position) {
                publisher.forgive(&self.settings);
            }
            self.make_ready(position);
        }
    }

    fn finish(&mut self) {
        if !self.is_finished {
            self.is_finished = true;
            for publisher in &self.publishers {
                self.settings
                    .progress
                    .finish(publisher.number, publisher.sent);
            }
            let unsent = self.publishers.iter().map(Publisher::unsent).sum::<u64>();
            if unsent > 0 {
                self.findings.say(format!(
                    "the broker does not follow the rate: {unsent} messages that were due have not \
                     been sent"
                ));
            }
        }
    }

    fn is_complete(&self) -> bool {
        let is_acknowledged = |publisher: &Publisher| {
            self.settings.message.qos == 0 || publisher.acknowledged >= publisher.sent
        };
        self.settings.progress.is_complete() && self.publishers.iter().all(is_acknowledged)
    }

    /// Says of which publishers nobody here gets anything.
    fn start_books(&mut self) {
        self.touched.extend(0..self.settings.plan.publishers);
        self.spread_progress();
    }

    fn patience(&self) -> Duration {
        // What was on its way to a connection that has ended will not come.
        if self.findings.faults.closed > 0 {
            STALL
        } else {
            PATIENCE
        }
    }

    fn wait(&self, until_due: Duration) -> Duration {
        if !self.ready.is_empty() {
            return Duration::ZERO;
        }
        until_due.min(self.longest_wait())
    }

    fn longest_wait(&self) -> Duration {
        if self.place.threads > 1 {
            LOOK_ACROSS
        } else {
            LOOK_AROUND
        }
    }
}

/// What the moment a message was due depends on.
#[derive(Clone, Copy, Debug)]
struct Due {
    now: Moment,
    pace: Option<(Pace, Moment)>,
    publishers: u64,
}

impl Due {
    /// When a message of the publisher at that position was due.
    fn moment(self, position: usize, sequence: u32) -> Moment {
        self.pace.map_or(self.now, |(pace, start)| {
            pace.moment(
                start,
                u64::from(sequence) * self.publishers + position as u64,
            )
        })
    }
}

impl Handler for Flow<'_> {
    #[inline]
    fn handle_packet(&mut self, incoming: Incoming<'_>, reply: &mut Vec<u8>) {
        match incoming.packet {
            Packet::Publish(publish) => self.deliver(&incoming, publish, reply),
            Packet::Step { .. } => self.handle_step(&incoming, reply),
            Packet::ConnAck(_)
            | Packet::SubAck { .. }
            | Packet::PingResp
            | Packet::Disconnect { .. } => {}
        }
    }

    fn handle_closed(&mut self, _: usize, why: &Closed) {
        self.findings
            .close(format!("a connection ended while messages flowed: {why}"));
    }

    fn handle_writable(&mut self, wire: usize) {
        self.make_ready(wire);
    }
}

impl Task for Flow<'_> {
    fn act(&mut self, wires: &mut Wires, now: Moment) -> Next {
        if self.last_event == 0 {
            self.start_books();
            self.last_event = now;
        }
        self.spread_progress();
        self.place.count(if self.settings.plan.is_for_later() {
            self.acknowledged
        } else {
            self.delivered
        });
        self.stage = self.place.board.stage();
        let has_sent_all =
            self.settings.messages.is_some() && self.publishers.iter().all(Publisher::has_sent_all);
        let quiet = Duration::from_nanos(now.saturating_sub(self.last_event));
        if self.stage == Stage::Stop || has_sent_all {
            self.finish();
            if self.is_complete() || quiet > self.patience() {
                return Next::Done;
            }
            return Next::Wait(self.longest_wait());
        }
        if quiet > STALL && self.settings.message.qos == 0 {
            self.forgive();
            self.last_event = now;
        }
        let until_due = self.spread_due(now);
        self.publish(wires, now);
        Next::Wait(self.wait(until_due))
    }
}
