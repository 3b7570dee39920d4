//! Steps as people and programs see them.

use std::io::{self, Write};

use castmq_broker::rules::recording::{
    Event, Finding, Recording, Replay, Step, tell_action, tell_change_of_state, tell_event,
};
use castmq_broker::rules::session::Returned;
use serde_json::{Value, json};

use super::tell_finding;

/// Every so many steps the state is kept, so that a step back is no long way.
const KEPT_EVERY: usize = 64;

/// Lines of a changed state that are shown.
const CHANGES_MAX: usize = 40;

/// A recording that was played once, and can be looked at step by step.
pub(super) struct Player<'r> {
    recording: &'r Recording,
    kept: Vec<Replay<'r>>,
    steps: usize,
    findings: Vec<(usize, Finding)>,
}

/// A step with what was before and after it.
struct Shown<'r> {
    step: Step<'r>,
    before: Value,
    after: Value,
}

impl<'r> Player<'r> {
    /// Plays it up to a step.
    pub(super) fn new(recording: &'r Recording, until: usize) -> Self {
        let mut replay = Replay::new(recording);
        let mut player = Self {
            recording,
            kept: vec![replay.clone()],
            steps: until,
            findings: Vec::new(),
        };
        while replay.position() < until
            && let Some(step) = replay.step()
        {
            let number = step.number;
            player
                .findings
                .extend(step.findings.into_iter().map(|finding| (number, finding)));
            if number % KEPT_EVERY == 0 {
                player.kept.push(replay.clone());
            }
        }
        player
    }

    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    pub(super) fn findings(&self) -> &[(usize, Finding)] {
        &self.findings
    }

    /// A step with its surroundings.
    fn at(&self, number: usize) -> Option<Shown<'r>> {
        let mut replay = self.kept.get((number - 1) / KEPT_EVERY)?.clone();
        while replay.position() + 1 < number {
            replay.step()?;
        }
        let before = replay.state();
        let step = replay.step()?;
        let after = replay.state();
        Some(Shown {
            step,
            before,
            after,
        })
    }

    /// Shows a step.
    pub(super) fn show(
        &self,
        out: &mut impl Write,
        number: usize,
        as_json: bool,
    ) -> io::Result<()> {
        let Some(shown) = self.at(number) else {
            return Ok(());
        };
        if as_json {
            writeln!(out, "{}", shown.json())
        } else {
            self.show_text(out, &shown)
        }
    }

    fn show_text(&self, out: &mut impl Write, shown: &Shown<'_>) -> io::Result<()> {
        let line = shown.step.line;
        let begin = self
            .recording
            .lines
            .first()
            .map_or(line.at, |first| first.at);
        let since = line.at.saturating_since(begin);
        let (number, steps) = (shown.step.number, self.steps);
        writeln!(
            out,
            "step {number} of {steps}, line {}, +{:.6} s",
            line.number,
            since.as_secs_f64()
        )?;
        writeln!(out, "  {}", tell_event(&line.event))?;
        for line in shown.outcome() {
            writeln!(out, "    {line}")?;
        }
        let is_state = matches!(line.event, Event::SessionIs(_) | Event::ConnectionIs(_));
        if !is_state {
            let changes = tell_change_of_state(&shown.before, &shown.after);
            for change in changes.iter().take(CHANGES_MAX) {
                writeln!(out, "    | {change}")?;
            }
            if changes.len() > CHANGES_MAX {
                writeln!(
                    out,
                    "    | and {} more changes",
                    changes.len() - CHANGES_MAX
                )?;
            }
        }
        for finding in &shown.step.findings {
            writeln!(out, "  ! {}", tell_finding(finding))?;
        }
        writeln!(out)
    }

    /// What is to be said of all steps together.
    pub(super) fn verdict(&self, out: &mut impl Write) -> io::Result<()> {
        let header = &self.recording.header;
        let client = header.client_id.as_str().escape_debug();
        writeln!(
            out,
            "client {client}, recorded {} by castmq {}: {} steps",
            header.started_at.escape_debug(),
            header.version.escape_debug(),
            self.steps
        )?;
        for (step, finding) in &self.findings {
            writeln!(out, "step {step}: {}", tell_finding(finding))?;
        }
        if self.findings.is_empty() {
            writeln!(out, "as on the broker in all steps, and no rule is broken")?;
        } else {
            writeln!(
                out,
                "look closer with --step N; --as-test writes a test of it"
            )?;
        }
        Ok(())
    }
}

impl Shown<'_> {
    /// What the session or the connection did about it.
    fn outcome(&self) -> Vec<String> {
        let outcome = &self.step.outcome;
        let nothing = serde_json::to_value(Returned::Nothing).unwrap_or_default();
        let mut told = Vec::new();
        if !outcome.returned.is_null() && outcome.returned != nothing {
            told.push(format!("= {}", outcome.returned));
        }
        told.extend(
            outcome
                .actions
                .iter()
                .map(|action| format!("> {}", tell_action(action))),
        );
        told
    }

    fn json(&self) -> Value {
        let findings: Vec<Value> = self.step.findings.iter().map(finding_json).collect();
        let actions: Vec<String> = self.step.outcome.actions.iter().map(tell_action).collect();
        json!({
            "step": self.step.number,
            "line": self.step.line.number,
            "at_nanos": u64::from(self.step.line.at),
            "event": tell_event(&self.step.line.event),
            "returned": self.step.outcome.returned,
            "actions": actions,
            "changes": tell_change_of_state(&self.before, &self.after),
            "findings": findings,
        })
    }
}

fn finding_json(finding: &Finding) -> Value {
    let (kind, rule) = match finding {
        Finding::Violates(violation) => ("violates", Some(violation.rule.name())),
        Finding::Violated(violation) => ("violated", Some(violation.rule.name())),
        Finding::Differs(_) => ("differs", None),
        Finding::RoutedOtherwise(_) => ("routed_otherwise", None),
        Finding::Panics(_) => ("panics", None),
        Finding::Panicked => ("panicked", None),
    };
    json!({ "kind": kind, "rule": rule, "text": tell_finding(finding) })
}
