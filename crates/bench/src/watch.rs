//! Watches the threads at work: takes samples at the right moments, and tells how far they are.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crate::arguments::Arguments;
use crate::clock::{self, Moment};
use crate::crew::{Board, Stage};
use crate::process::Process;
use crate::report::Phase;

/// How often it tells how far the threads are.
const TICK: Duration = Duration::from_secs(1);
/// A broker works on for a moment after its last answer; its memory is looked at afterwards.
const SETTLE: Duration = Duration::from_millis(300);

/// The one that watches.
#[derive(Debug)]
pub(crate) struct Watch {
    broker: Option<Process>,
    start: Moment,
    tells: bool,
}

/// What was used and done until some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    at: Moment,
    broker: Option<Duration>,
    own: Duration,
    operations: u64,
}

impl Watch {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        Self {
            broker: arguments.pid.map(|id| Process { id }),
            start: clock::now(),
            tells: arguments.progress || std::io::stderr().is_terminal(),
        }
    }

    /// The time since the run began.
    pub(crate) fn passed(&self) -> Duration {
        since(self.start)
    }

    /// The broker's memory when it has come to rest, if it is known.
    pub(crate) fn memory(&self) -> Option<u64> {
        let broker = self.broker?;
        std::thread::sleep(SETTLE);
        broker.resident_bytes()
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

    /// Waits until all threads have finished.
    pub(crate) fn to_the_end(&self, board: &Board, unit: &str) {
        let mut before = board.operations();
        while !board.wait(TICK) {
            before = self.tell(board, before, unit);
        }
    }

    /// Waits so long, or until all threads have finished.
    pub(crate) fn for_a_time(&self, board: &Board, time: Duration, unit: &str) {
        let start = clock::now();
        let mut before = board.operations();
        loop {
            let rest = time.saturating_sub(since(start));
            if board.wait(rest.min(TICK)) || rest <= TICK {
                return;
            }
            before = self.tell(board, before, unit);
        }
    }

    /// Lets the threads warm up, measures for a time, and stops them; what was before and after.
    pub(crate) fn steadily(
        &self,
        board: &Board,
        (warmup, duration): (Duration, Duration),
        unit: &str,
    ) -> (Sample, Sample) {
        self.while_steady(board, warmup, unit, || {
            self.for_a_time(board, duration, unit);
        })
    }

    /// The same, for as long as something else takes.
    pub(crate) fn while_steady(
        &self,
        board: &Board,
        warmup: Duration,
        unit: &str,
        measured: impl FnOnce(),
    ) -> (Sample, Sample) {
        self.for_a_time(board, warmup, unit);
        board.enter(Stage::Measure);
        let start = self.sample(board);
        measured();
        let end = self.sample(board);
        board.enter(Stage::Stop);
        self.to_the_end(board, unit);
        (start, end)
    }

    fn tell(&self, board: &Board, before: u64, unit: &str) -> u64 {
        let operations = board.operations();
        if self.tells {
            let seconds = self.passed().as_secs();
            let more = operations.saturating_sub(before);
            // Where nobody listens there is nothing to be done about it.
            let _ = writeln!(
                std::io::stderr(),
                "{seconds:>4} s {operations:>14} {unit}s, {more} in the last second"
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
        let time = Duration::from_nanos(end.at.saturating_sub(self.at));
        Phase::new(name, unit, operations, time)
            .with_processor_time(broker, end.own.saturating_sub(self.own))
    }
}

fn since(moment: Moment) -> Duration {
    Duration::from_nanos(clock::now().saturating_sub(moment))
}
