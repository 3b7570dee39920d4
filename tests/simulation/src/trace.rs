//! What happened, to compare two runs and to read after a failure.

use std::collections::VecDeque;
use std::fmt;

/// Lines that a failure prints, unless one seed is repeated.
const KEPT: usize = 400;

/// The steps of a run.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    steps: u64,
    lines: VecDeque<String>,
    keeps_all: bool,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            steps: 0,
            lines: VecDeque::new(),
            keeps_all: std::env::var_os("SIM_SEED").is_some(),
        }
    }

    pub(crate) fn note(&mut self, line: fmt::Arguments<'_>) {
        let line = line.to_string();
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.steps += 1;
        if self.lines.len() == KEPT && !self.keeps_all {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:6} {line}", self.steps));
    }

    /// A number that stands for everything noted so far.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The last lines; all of them when one seed is repeated.
    pub(crate) fn text(&self) -> String {
        self.lines
            .iter()
            .fold(String::new(), |text, line| text + line + "\n")
    }
}
