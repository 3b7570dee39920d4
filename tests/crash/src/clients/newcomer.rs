//! Clients that the broker has never seen before: their sessions are made while it is killed.

use std::collections::VecDeque;

use castmq_load::connection::PATIENCE;
use castmq_load::random::Random;
use castmq_load::wire::{DISCONNECT, Version};

use super::line::{Identity, Line, Start};
use crate::history::Greeting;
use crate::stage::{Act, Stage};

/// Sessions that are looked for after the last restart: the youngest ones.
const REMEMBERED: usize = 10;
/// The longest pause between two newcomers.
const PAUSE_MILLIS: usize = 15;

/// One after another.
#[derive(Debug)]
pub(crate) struct Newcomers<'a> {
    stage: &'a Stage,
    random: Random,
    lines: VecDeque<Line<'a>>,
}

impl<'a> Newcomers<'a> {
    pub(crate) fn new(stage: &'a Stage, random: Random) -> Self {
        Self {
            stage,
            random,
            lines: VecDeque::new(),
        }
    }

    /// Lets them come until the load ends, and the last ones come back; returns what the broker said.
    pub(crate) fn go(mut self) -> Vec<Greeting> {
        self.stage.wait_for(Act::Load);
        let mut greetings = Vec::new();
        let mut count = 0;
        while self.stage.act() == Act::Load {
            let version = *self.random.one_of(&[Version::V311, Version::V50]);
            let client_id = format!("newcomer-{count}");
            let mut line = Line::new(self.stage, Identity::lasting(&client_id, version));
            count += 1;
            let Some(mut connection) = line.connect(Start::Keep) else {
                break;
            };
            self.lines.push_back(line);
            if self.lines.len() > REMEMBERED {
                let forgotten = self.lines.pop_front();
                greetings.extend(forgotten.into_iter().flat_map(|line| line.greetings));
            }
            self.stage.rest(self.random.millis(1, PAUSE_MILLIS));
            // It is the end either way.
            let _ = connection.write(DISCONNECT);
        }
        for mut line in self.lines {
            if let Some(mut connection) = line.connect(Start::Keep) {
                let _ = connection.write(DISCONNECT);
                let _ = connection.is_closed_within(PATIENCE);
            }
            greetings.extend(line.greetings);
        }
        greetings
    }
}
