//! The shortest way to the same finding: inputs that are not needed for it are left out, half of them at a
//! time, then a quarter, then one.

use crate::recording::connection::value;
use crate::recording::replay::play;
use crate::recording::route::{Routed, route};
use crate::recording::{Event, Line};
use crate::session::{Action, Input, Returned, Rule, Session, Witness};

/// Inputs that are played at most to find out which are needed.
const PLAYED_MAX: usize = 2_000_000;

/// What has to be found at the end of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// This build breaks this rule. When messages are routed anew, it does so in its table of
    /// subscriptions.
    Breaks {
        /// Which.
        rule: Rule,
        /// Whether messages come as this build would route them.
        routes: bool,
    },
    /// This build fails.
    Panics,
    /// Another build does not do what this one does.
    Same,
}

/// A session and what happens to it.
#[derive(Clone, Debug)]
pub struct Story<'r> {
    /// What it is like before.
    pub session: &'r Session,
    /// The inputs.
    pub lines: Vec<&'r Line>,
}

impl<'r> Story<'r> {
    /// The part of a recording that ends with this step and belongs to one session; `None` when that step is
    /// none of a session.
    #[must_use]
    pub fn until(lines: &'r [Line], step: usize) -> Option<Self> {
        let lines = lines.get(..step)?;
        let begin = lines
            .iter()
            .rposition(|line| matches!(line.event, Event::SessionIs(_)))?;
        let Event::SessionIs(session) = &lines.get(begin)?.event else {
            return None;
        };
        let is_input = |line: &&Line| matches!(line.event, Event::Session { .. });
        let inputs: Vec<&Line> = lines.iter().skip(begin).filter(is_input).collect();
        (!inputs.is_empty()).then_some(Self {
            session,
            lines: inputs,
        })
    }

    /// What each input leads to, until this build breaks a rule or fails.
    #[must_use]
    pub fn outcomes(&self) -> Vec<(Returned, Vec<Action>)> {
        let mut session = self.session.clone();
        let inputs = self.lines.iter().filter_map(|line| input_of(line));
        let at = self.lines.iter().map(|line| line.at);
        let played = inputs
            .zip(at)
            .map(|(input, at)| play(&mut session, input, at));
        played.map_while(Result::ok).collect()
    }

    /// How the last message comes to the session when this build routes it, and what it does then; in
    /// words, and none where it does not come.
    #[must_use]
    pub fn routed_outcome(&self) -> Vec<String> {
        let mut session = self.session.clone();
        let Some((last, before)) = self.lines.split_last() else {
            return Vec::new();
        };
        for line in before {
            if let Some(input) = input_of(line)
                && play(&mut session, input, line.at).is_err()
            {
                return Vec::new();
            }
        }
        let Some(mut input) = input_of(last).cloned() else {
            return Vec::new();
        };
        if !route_anew(&session, &mut input) {
            return Vec::new();
        }
        let mut told = vec![super::tell_input(&input)];
        if let Ok((returned, actions)) = play(&mut session, &input, last.at) {
            told.extend(super::tell_outcome(returned, &actions));
        }
        told
    }

    /// The same story without the inputs that the finding does not need. Where another build has to fail by
    /// it, which is not at hand, only those are left out that have done nothing at all.
    #[must_use]
    pub fn shortened(&self, goal: Goal) -> Self {
        if goal == Goal::Same {
            return self.without_idle();
        }
        let mut kept: Vec<usize> = (0..self.lines.len()).collect();
        let mut played = 0;
        if !self.leads(&kept, goal) {
            return self.clone();
        }
        let mut size = kept.len().div_ceil(2);
        loop {
            let mut at = 0;
            let mut has_changed = false;
            // The last one is what it is about.
            while at + 1 < kept.len() && played < PLAYED_MAX {
                let end = (at + size).min(kept.len() - 1);
                let mut fewer = kept.clone();
                fewer.drain(at..end);
                played += fewer.len();
                if self.leads(&fewer, goal) {
                    kept = fewer;
                    has_changed = true;
                } else {
                    at = end;
                }
            }
            if played >= PLAYED_MAX || (size == 1 && !has_changed) {
                break;
            }
            size = if size == 1 { 1 } else { size.div_ceil(2) };
        }
        let lines = kept
            .iter()
            .filter_map(|place| self.lines.get(*place).copied());
        Self {
            session: self.session,
            lines: lines.collect(),
        }
    }

    /// Without what has changed nothing and led to nothing, in the recorded broker and in this build.
    fn without_idle(&self) -> Self {
        let mut session = self.session.clone();
        let mut lines = Vec::new();
        let mut before = value(&session);
        for (place, line) in self.lines.iter().enumerate() {
            let Some(input) = input_of(line) else {
                continue;
            };
            let played = play(&mut session, input, line.at);
            let after = value(&session);
            let is_last = place + 1 == self.lines.len();
            let nothing = (Returned::Nothing, Vec::new());
            let is_idle = played == Ok(nothing) && before == after && has_done_nothing(line);
            if is_last || !is_idle {
                lines.push(*line);
            }
            before = after;
        }
        Self {
            session: self.session,
            lines,
        }
    }

    /// Whether these inputs alone lead to the finding, with the last of them and not before.
    fn leads(&self, kept: &[usize], goal: Goal) -> bool {
        let mut session = self.session.clone();
        let mut witness = Witness::of(&session);
        if !matches!(goal, Goal::Breaks { routes: true, .. }) {
            witness = witness.without_routing();
        }
        for (place, line) in kept
            .iter()
            .filter_map(|place| Some((*place, *self.lines.get(*place)?)))
        {
            let is_last = Some(&place) == kept.last();
            let Some(mut input) = input_of(line).cloned() else {
                return false;
            };
            if matches!(goal, Goal::Breaks { routes: true, .. })
                && !route_anew(&session, &mut input)
            {
                continue;
            }
            let Ok((returned, actions)) = play(&mut session, &input, line.at) else {
                return is_last && goal == Goal::Panics;
            };
            match goal {
                Goal::Panics | Goal::Same => {}
                Goal::Breaks { rule, .. } => {
                    match witness.observe(&input, returned, &actions, line.at) {
                        Ok(()) => {}
                        Err(violation) => return is_last && violation.rule == rule,
                    }
                }
            }
        }
        false
    }
}

/// Whether the recorded broker has answered nothing and asked for nothing.
fn has_done_nothing(line: &Line) -> bool {
    matches!(
        &line.event,
        Event::Session { returned: Some(Returned::Nothing), actions, .. } if actions.is_empty()
    )
}

/// A message comes as this build would have it come; `false` when it does not come at all.
pub(super) fn route_anew(session: &Session, input: &mut Input) -> bool {
    let (Input::Delivery(delivery) | Input::DeliveryOnceStored(delivery)) = input else {
        return true;
    };
    match route(session, delivery) {
        Routed::As(routed) => {
            *delivery = routed;
            true
        }
        // By a subscription of the past; that is no matter of this build.
        Routed::Nowhere => true,
        Routed::Withheld => false,
    }
}

fn input_of(line: &Line) -> Option<&Input> {
    match &line.event {
        Event::Session { input, .. } => Some(input),
        Event::SessionIs(_) | Event::ConnectionIs(_) | Event::Connection { .. } | Event::End(_) => {
            None
        }
    }
}
