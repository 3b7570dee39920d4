//! One run: its threads, what it measures and what it has found so far.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crate::Failure;
use crate::arguments::Arguments;
use crate::clock::{self, Moment};
use crate::crew::{Board, Crew};
use crate::frame::Version;
use crate::latency::Latencies;
use crate::process::Process;
use crate::report::{Faults, Phase, Report};
use crate::task::opening::{Client, Opened, Opening, Place};
use crate::task::subscribing::{Subscribing, Subscription};

/// How long to wait for another look at what the threads have done.
const TICK: Duration = Duration::from_secs(1);

/// One run.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) arguments: &'a Arguments,
    pub(crate) version: Version,
    pub(crate) crew: Crew,
    /// Begins topics and client ids, so that runs do not meet.
    pub(crate) prefix: String,
    pub(crate) phases: Vec<Phase>,
    pub(crate) faults: Faults,
    pub(crate) notes: Vec<String>,
    broker: Option<Process>,
    start: Moment,
}

/// What was used and done until some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    at: Moment,
    broker: Option<Duration>,
    own: Duration,
    operations: u64,
}

impl<'a> Run<'a> {
    /// Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// When the target is unknown or the system refuses a poller.
    pub(crate) fn new(arguments: &'a Arguments) -> Result<Self, Failure> {
        let version = arguments.version();
        let start = clock::now();
        let threads = usize::from(arguments.threads);
        Ok(Self {
            arguments,
            version,
            crew: Crew::new(threads, arguments.target()?, version)?,
            prefix: format!("castmq-bench/{:x}-{:x}", std::process::id(), start / 1000),
            phases: Vec::new(),
            faults: Faults::default(),
            notes: Vec::new(),
            broker: arguments.pid.map(|id| Process { id }),
            start,
        })
    }

    /// What it has found.
    pub(crate) fn report(self, scenario: &str, qos: u8) -> Report {
        Report {
            scenario: scenario.to_owned(),
            options: self.arguments.options(),
            seconds: seconds(clock::now() - self.start).as_secs_f64(),
            ok: self.faults.are_allowed(qos),
            phases: self.phases,
            faults: self.faults,
            notes: self.notes,
        }
    }

    /// The broker's memory, if it is known.
    pub(crate) fn memory(&self) -> Option<u64> {
        self.broker.and_then(Process::resident_bytes)
    }

    /// What was used and done until now.
    pub(crate) fn sample(&self, board: &Board) -> Sample {
        Sample {
            at: clock::now(),
            broker: self.broker.and_then(Process::processor_time),
            own: clock::own_processor_time(),
            operations: board.operations(),
        }
    }

    /// Waits until all threads have finished, and tells about each second how far they are.
    pub(crate) fn watch_to_the_end(&self, board: &Board, unit: &str) {
        let mut before = board.operations();
        while !board.wait(TICK) {
            before = self.tell(board, before, unit);
        }
    }

    /// Waits so long, or until all threads have finished, and tells how far they are.
    pub(crate) fn watch_for(&self, board: &Board, time: Duration, unit: &str) {
        let end = clock::now() + clock::nanoseconds(time);
        let mut before = board.operations();
        loop {
            let rest = seconds(end.saturating_sub(clock::now()));
            if board.wait(rest.min(TICK)) || rest <= TICK {
                return;
            }
            before = self.tell(board, before, unit);
        }
    }

    /// Connects clients, the lists by thread.
    ///
    /// # Errors
    ///
    /// When the system refuses threads.
    pub(crate) fn open(
        &mut self,
        clients: Vec<Vec<Client>>,
    ) -> Result<(Vec<Vec<u16>>, Latencies), Failure> {
        let (board, version) = (Board::new(self.crew.threads()), self.version);
        let tasks = self.places(&board).zip(clients);
        let tasks = tasks.map(|(place, clients)| Opening::new(place, version, clients));
        let tasks = tasks.collect();
        let mut crew = std::mem::replace(&mut self.crew, Crew::none());
        let done = crew.perform(tasks, &board, || {
            self.watch_to_the_end(&board, "connection")
        });
        self.crew = crew;
        let mut receive_max = Vec::new();
        let mut latencies = Latencies::new();
        for opened in done?.0.into_iter().map(Opening::opened) {
            let Opened { faults, notes, .. } = opened;
            self.faults.add(faults);
            self.notes.extend(notes);
            latencies.merge(opened.latencies);
            receive_max.push(opened.receive_max);
        }
        Ok((receive_max, latencies))
    }

    /// Subscribes connected clients, the lists by thread.
    ///
    /// # Errors
    ///
    /// When the system refuses threads.
    pub(crate) fn subscribe(
        &mut self,
        subscriptions: Vec<Vec<Subscription>>,
        qos: u8,
    ) -> Result<Latencies, Failure> {
        let (board, version) = (Board::new(self.crew.threads()), self.version);
        let tasks = self.places(&board).zip(subscriptions);
        let tasks = tasks.map(|(place, list)| Subscribing::new(place, version, qos, list));
        let tasks = tasks.collect();
        let mut crew = std::mem::replace(&mut self.crew, Crew::none());
        let done = crew.perform(tasks, &board, || self.watch_to_the_end(&board, "filter"));
        self.crew = crew;
        let mut latencies = Latencies::new();
        for subscribed in done?.0.into_iter().map(Subscribing::subscribed) {
            self.faults.add(subscribed.faults);
            self.notes.extend(subscribed.notes);
            latencies.merge(subscribed.latencies);
        }
        Ok(latencies)
    }

    /// A place on the board for each thread.
    pub(crate) fn places<'b>(&self, board: &'b Board) -> impl Iterator<Item = Place<'b>> + use<'b> {
        let threads = self.crew.threads();
        (0..threads).map(move |thread| Place {
            board,
            thread,
            threads,
        })
    }

    fn tell(&self, board: &Board, before: u64, unit: &str) -> u64 {
        let operations = board.operations();
        let mut stderr = std::io::stderr();
        if self.arguments.progress || stderr.is_terminal() {
            let passed = seconds(clock::now() - self.start).as_secs();
            let more = operations.saturating_sub(before);
            // Where nobody listens there is nothing to be done about it.
            let _ = writeln!(
                stderr,
                "{passed:>4} s {operations:>14} {unit}s, {more} more"
            );
        }
        operations
    }
}

impl Sample {
    /// What lies between two moments.
    pub(crate) fn phase(self, end: Self, name: &str, unit: &str) -> Phase {
        let operations = end.operations.saturating_sub(self.operations);
        let broker = self.broker.zip(end.broker);
        let broker = broker.map(|(before, after)| after.saturating_sub(before));
        Phase::new(name, unit, operations, seconds(end.at - self.at))
            .with_processor_time(broker, end.own.saturating_sub(self.own))
    }
}

fn seconds(nanoseconds: u64) -> Duration {
    Duration::from_nanos(nanoseconds)
}
