//! One run: its threads, and what it has found so far.

use std::sync::Arc;

use crate::Failure;
use crate::arguments::Arguments;
use crate::clock;
use crate::crew::{Board, Crew, Task};
use crate::frame::Version;
use crate::report::{Phase, Report};
use crate::target::Target;
use crate::task::leaving::Leaving;
use crate::task::opening::{Client, Opening};
use crate::task::subscribing::{Subscribing, Subscription};
use crate::task::{Findings, Place};
use crate::watch::{Sample, Watch};

/// One run.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) arguments: &'a Arguments,
    pub(crate) version: Version,
    pub(crate) watch: Watch,
    /// Begins topics and client ids, so that runs do not meet.
    pub(crate) prefix: String,
    pub(crate) target: Arc<Target>,
    crew: Crew,
    phases: Vec<Phase>,
    findings: Findings,
}

impl<'a> Run<'a> {
    /// Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// When the system refuses a poller.
    pub(crate) fn new(arguments: &'a Arguments, target: Arc<Target>) -> Result<Self, Failure> {
        let version = arguments.version();
        let threads = usize::from(arguments.threads);
        Ok(Self {
            arguments,
            version,
            watch: Watch::new(arguments),
            prefix: format!(
                "castmq-bench/{:x}-{:x}",
                std::process::id(),
                clock::now() / 1000
            ),
            crew: Crew::new(threads, &target, version)?,
            target,
            phases: Vec::new(),
            findings: Findings::new(),
        })
    }

    pub(crate) fn threads(&self) -> usize {
        self.crew.threads()
    }

    /// Whether the broker has done nothing wrong yet; otherwise going on makes no sense.
    pub(crate) fn is_well(&self) -> bool {
        self.findings.faults.are_allowed(self.arguments.qos())
    }

    /// Keeps what a phase was like.
    pub(crate) fn push(&mut self, phase: Phase) {
        self.phases.push(phase);
    }

    /// Keeps what threads have found; the latencies belong to the phase.
    pub(crate) fn keep(
        &mut self,
        mut phase: Phase,
        findings: impl IntoIterator<Item = Findings>,
    ) -> Phase {
        let mut all = Findings::new();
        findings.into_iter().for_each(|found| all.merge(found));
        self.findings.faults.add(all.faults);
        if let Some(note) = all.note {
            self.findings.say(note);
        }
        phase.latency_us = all.latencies.quantiles();
        phase
    }

    /// Notes what is odd, unless something has been noted before.
    pub(crate) fn say(&mut self, note: String) {
        self.findings.say(note);
    }

    /// What it has found.
    pub(crate) fn report(self) -> Report {
        Report {
            scenario: self.arguments.scenario.name().to_owned(),
            options: self.arguments.options(),
            seconds: self.watch.passed().as_secs_f64(),
            ok: self.is_well(),
            phases: self.phases,
            faults: self.findings.faults,
            note: self.findings.note,
        }
    }

    /// Each thread does a task while this one watches until they are done.
    ///
    /// # Errors
    ///
    /// When the system refuses threads or polling.
    pub(crate) fn perform<T: Task>(
        &mut self,
        (name, unit): (&str, &str),
        task: impl FnMut(Place) -> T,
    ) -> Result<(Vec<T>, Phase), Failure> {
        let (tasks, (start, end)) = self.perform_watched(task, |watch, board, start| {
            watch.to_the_end(board, unit);
            (start, watch.sample(board))
        })?;
        Ok((tasks, start.phase(end, name, unit)))
    }

    /// Each thread does a task for the duration of the run, then is told to stop.
    ///
    /// # Errors
    ///
    /// When the system refuses threads or polling.
    pub(crate) fn perform_steadily<T: Task>(
        &mut self,
        (name, unit): (&str, &str),
        task: impl FnMut(Place) -> T,
    ) -> Result<(Vec<T>, Phase), Failure> {
        let (warmup, duration) = (self.arguments.warmup, self.arguments.duration);
        let (tasks, (start, end)) = self.perform_watched(task, |watch, board, _| {
            watch.steadily(board, (warmup, duration), unit)
        })?;
        Ok((tasks, start.phase(end, name, unit)))
    }

    /// Each thread does a task while this one does as it is told, from a sample on that was taken
    /// before any of them began.
    ///
    /// # Errors
    ///
    /// When the system refuses threads or polling.
    pub(crate) fn perform_watched<T: Task>(
        &mut self,
        mut task: impl FnMut(Place) -> T,
        watch: impl FnOnce(&Watch, &Board, Sample) -> (Sample, Sample),
    ) -> Result<(Vec<T>, (Sample, Sample)), Failure> {
        let threads = self.crew.threads();
        let board = Arc::new(Board::new(threads));
        let place = |thread| Place {
            board: Arc::clone(&board),
            thread,
            threads,
        };
        let tasks = (0..threads).map(|thread| task(place(thread))).collect();
        let start = self.watch.sample(&board);
        self.crew
            .perform(tasks, &board, || watch(&self.watch, &board, start))
    }

    /// Connects clients, the lists by thread.
    ///
    /// # Errors
    ///
    /// When the system refuses threads or polling.
    pub(crate) fn open(&mut self, mut clients: Vec<Vec<Client>>) -> Result<Opened, Failure> {
        let version = self.version;
        let (tasks, phase) = self.perform(("connect", "connection"), |place| {
            let clients = clients.get_mut(place.thread).map(std::mem::take);
            Opening::new(place, version, clients.unwrap_or_default())
        })?;
        Ok(self.opened(tasks, phase))
    }

    /// What became of clients that were to connect.
    pub(crate) fn opened(&mut self, tasks: Vec<Opening>, phase: Phase) -> Opened {
        let (mut receive_max, mut findings, mut resumed) = (Vec::new(), Vec::new(), 0);
        for opening in tasks {
            receive_max.push(opening.receive_max);
            findings.push(opening.findings);
            resumed += opening.resumed;
        }
        Opened {
            phase: self.keep(phase, findings),
            receive_max,
            resumed,
        }
    }

    /// Subscribes connected clients, the lists by thread.
    ///
    /// # Errors
    ///
    /// When the system refuses threads or polling.
    pub(crate) fn subscribe(
        &mut self,
        mut subscriptions: Vec<Vec<Subscription>>,
    ) -> Result<Phase, Failure> {
        let (version, qos) = (self.version, self.arguments.qos());
        let (tasks, phase) = self.perform(("subscribe", "filter"), |place| {
            let list = subscriptions.get_mut(place.thread).map(std::mem::take);
            Subscribing::new(place, version, qos, list.unwrap_or_default())
        })?;
        let findings = tasks.into_iter().map(|task| task.findings);
        Ok(self.keep(phase, findings))
    }

    /// Disconnects all.
    ///
    /// # Errors
    ///
    /// When the system refuses threads or polling.
    pub(crate) fn leave(&mut self) -> Result<Phase, Failure> {
        let (_, phase) = self.perform(("leave", "connection"), Leaving::new)?;
        Ok(phase)
    }
}

/// What became of clients that were to connect.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) phase: Phase,
    /// How many unacknowledged messages the broker takes, by thread and wire.
    pub(crate) receive_max: Vec<Vec<u16>>,
    /// For how many the broker had kept a session.
    pub(crate) resumed: u64,
}
