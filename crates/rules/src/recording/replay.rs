//! Playing a recording with this build: step by step, with what the recorded broker did beside what this
//! build does, and the witness along.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::Moment;
use crate::recording::connection::value;
use crate::recording::route::{Routed, Subscriptions, route_by};
use crate::recording::{Connection, ConnectionInput, Event, Line, Recording, tell_action};
use crate::session::{Action, Input, Returned, Session, Violation, Witness};

/// Earlier subscriptions by which a message that comes now may have been routed.
const VERSIONS_MAX: usize = 16;

/// Something worth knowing about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// This build breaks a rule.
    Violates(Violation),
    /// The broker that was recorded broke a rule.
    Violated(Violation),
    /// This build does not do what the recorded broker did.
    Differs(String),
    /// This build would not have routed the message like that.
    RoutedOtherwise(String),
    /// This build fails.
    Panics(String),
    /// The recorded broker failed here.
    Panicked,
}

/// What this build made of a step.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What the call returned.
    pub returned: Value,
    /// What the session asks for.
    pub actions: Vec<Action>,
}

/// A step that was made.
#[derive(Clone, Debug)]
pub struct Step<'r> {
    /// Which, from 1 on.
    pub number: usize,
    /// What was recorded.
    pub line: &'r Line,
    /// What this build made of it.
    pub outcome: Outcome,
    /// What is worth knowing.
    pub findings: Vec<Finding>,
}

/// A recording that is being played.
#[derive(Clone, Debug)]
pub struct Replay<'r> {
    recording: &'r Recording,
    next: usize,
    session: Option<Box<Session>>,
    connection: Option<Box<Connection>>,
    /// Sees what this build does.
    witness: Option<Box<Witness>>,
    /// Sees what the recorded broker did.
    other: Option<Box<Witness>>,
    /// What was subscribed to, the latest last.
    versions: Vec<Subscriptions>,
    has_left: bool,
}

impl<'r> Replay<'r> {
    /// Before the first step.
    #[must_use]
    pub fn new(recording: &'r Recording) -> Self {
        Self {
            recording,
            next: 0,
            session: None,
            connection: None,
            witness: None,
            other: None,
            versions: Vec::new(),
            has_left: false,
        }
    }

    /// How many steps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let is_step = |line: &&Line| !matches!(line.event, Event::End(_));
        self.recording.lines.iter().filter(is_step).count()
    }

    /// Whether there is nothing to play.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many steps were made.
    #[must_use]
    pub fn position(&self) -> usize {
        self.next
    }

    /// The session as it is now, if there is one.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_deref()
    }

    /// The state of session and connection as it is written down.
    #[must_use]
    pub fn state(&self) -> Value {
        serde_json::json!({
            "session": self.session.as_deref().map(value),
            "connection": self.connection.as_deref().map(value),
        })
    }

    /// Makes the next step; `None` behind the last one.
    pub fn step(&mut self) -> Option<Step<'r>> {
        let line = self.recording.lines.get(self.next)?;
        let mut findings = Vec::new();
        let outcome = match &line.event {
            Event::End(_) => return None,
            Event::SessionIs(session) => self.begin(session),
            Event::ConnectionIs(connection) => {
                self.connection = Some(connection.clone());
                Outcome::default()
            }
            Event::Session {
                input,
                returned,
                actions,
            } => {
                let answer = (*returned, actions.as_slice());
                self.session_step(line.at, input, answer, &mut findings)
            }
            Event::Connection { input, returned } => {
                self.connection_step(line.at, input, returned, &mut findings)
            }
        };
        self.next += 1;
        Some(Step {
            number: self.next,
            line,
            outcome,
            findings,
        })
    }

    fn begin(&mut self, session: &Session) -> Outcome {
        // A state that no session can have is found out when something is done with it.
        let witness = || catch_unwind(AssertUnwindSafe(|| Witness::of(session))).ok();
        self.witness = witness().map(Box::new);
        self.other.clone_from(&self.witness);
        self.versions = vec![subscriptions_of(session)];
        self.session = Some(Box::new(session.clone()));
        self.has_left = false;
        Outcome::default()
    }

    fn session_step(
        &mut self,
        at: Moment,
        input: &Input,
        (returned, actions): (Option<Returned>, &[Action]),
        findings: &mut Vec<Finding>,
    ) -> Outcome {
        self.look_at_route(input, findings);
        if let Some(returned) = returned {
            let seen = witnessed(&mut self.other, input, (returned, actions), at);
            findings.extend(seen.map(Finding::Violated));
        } else {
            findings.push(Finding::Panicked);
            self.other = None;
        }
        let Some(session) = &mut self.session else {
            return Outcome::default();
        };
        let played = play(session, input, at);
        let (answer, asked) = match played {
            Ok(played) => played,
            Err(cause) => {
                findings.push(Finding::Panics(cause));
                self.session = None;
                self.witness = None;
                return Outcome::default();
            }
        };
        if matches!(input, Input::Subscribe(..) | Input::Unsubscribe(_)) {
            let now = subscriptions_of(session);
            if self.versions.len() >= VERSIONS_MAX {
                self.versions.remove(0);
            }
            self.versions.push(now);
        }
        if let Some(difference) = difference((returned, actions), (answer, &asked))
            && !std::mem::replace(&mut self.has_left, true)
        {
            findings.push(Finding::Differs(difference));
        }
        if findings
            .iter()
            .any(|found| matches!(found, Finding::RoutedOtherwise(_)))
        {
            // That is no fault of this build.
            self.witness = self
                .witness
                .take()
                .map(|witness| Box::new(witness.without_routing()));
        }
        let seen = witnessed(&mut self.witness, input, (answer, &asked), at);
        findings.extend(seen.map(Finding::Violates));
        Outcome {
            returned: value(&answer),
            actions: asked,
        }
    }

    /// Whether a message comes as this build would have it come, by the subscriptions as they are or were.
    fn look_at_route(&self, input: &Input, findings: &mut Vec<Finding>) {
        let (Input::Delivery(delivery) | Input::DeliveryOnceStored(delivery)) = input else {
            return;
        };
        let Some(session) = &self.session else { return };
        let client_id = session.client_id();
        let routed = || {
            let versions = self.versions.iter().rev();
            versions.map(|version| route_by(version, client_id, delivery))
        };
        let as_recorded = Routed::As(delivery.clone());
        let concerned = routed().find(|routed| *routed != Routed::Nowhere);
        let Some(expected) = concerned else { return };
        if !routed().any(|routed| routed == as_recorded) {
            findings.push(Finding::RoutedOtherwise(match expected {
                Routed::As(expected) => {
                    let (one, other) = (tell(&expected), tell(delivery));
                    format!("this build routes {one}, and the broker routed {other}")
                }
                Routed::Withheld | Routed::Nowhere => {
                    format!(
                        "this build does not route {} to this client",
                        tell(delivery)
                    )
                }
            }));
        }
    }

    fn connection_step(
        &mut self,
        at: Moment,
        input: &ConnectionInput,
        returned: &Value,
        findings: &mut Vec<Finding>,
    ) -> Outcome {
        let Some(connection) = &mut self.connection else {
            return Outcome::default();
        };
        let played = quietly(|| connection.apply(input.clone(), at));
        match played {
            Ok(answer) => {
                if answer != *returned {
                    findings.push(Finding::Differs(format!(
                        "this build answers {answer}, and the broker answered {returned}"
                    )));
                }
                Outcome {
                    returned: answer,
                    actions: Vec::new(),
                }
            }
            Err(cause) => {
                findings.push(Finding::Panics(cause));
                self.connection = None;
                Outcome::default()
            }
        }
    }
}

/// One input, and all that comes of it.
pub(super) fn play(
    session: &mut Session,
    input: &Input,
    at: Moment,
) -> Result<(Returned, Vec<Action>), String> {
    quietly(|| {
        let returned = session.apply(input.clone(), at);
        let actions = std::iter::from_fn(|| session.poll_action()).collect();
        (returned, actions)
    })
}

/// Has the witness look; one that has found something is not asked again.
fn witnessed(
    witness: &mut Option<Box<Witness>>,
    input: &Input,
    (returned, actions): (Returned, &[Action]),
    at: Moment,
) -> Option<Violation> {
    let present = witness.as_mut()?;
    // A state that no session can have may take it by surprise.
    let verdict = quietly(|| present.observe(input, returned, actions, at));
    match verdict {
        Ok(Ok(())) => None,
        Ok(Err(violation)) => {
            *witness = None;
            Some(violation)
        }
        Err(_) => {
            *witness = None;
            None
        }
    }
}

/// Runs code that may fail by an assertion.
fn quietly<R>(code: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
        text.unwrap_or("without a word").to_owned()
    })
}

/// The first thing that is not the same.
fn difference(
    (recorded_answer, recorded): (Option<Returned>, &[Action]),
    (answer, actions): (Returned, &[Action]),
) -> Option<String> {
    // The broker failed: whatever this build does, it does otherwise.
    let Some(recorded_answer) = recorded_answer else {
        return Some("this build goes on where the broker failed".to_owned());
    };
    if recorded_answer != answer {
        return Some(format!(
            "this build answers {answer:?}, and the broker answered {recorded_answer:?}"
        ));
    }
    let mut places = (0..actions.len().max(recorded.len())).map(|place| {
        let pair = (recorded.get(place), actions.get(place));
        (place + 1, pair)
    });
    let (place, (recorded, played)) = places.find(|(_, (one, other))| one != other)?;
    let say = |action: Option<&Action>| {
        action.map_or_else(
            || "nothing".to_owned(),
            |action| format!("\"{}\"", tell_action(action)),
        )
    };
    let (mut recorded, mut played) = (say(recorded), say(played));
    if recorded == played {
        recorded.push_str(" (in another way)");
        played.push_str(" (in one way)");
    }
    Some(format!(
        "action {place}: this build has {played}, and the broker had {recorded}"
    ))
}

fn tell(delivery: &crate::Delivery) -> String {
    let input = Input::Delivery(delivery.clone());
    super::tell_input(&input)
        .trim_start_matches("delivery: ")
        .to_owned()
}

fn subscriptions_of(session: &Session) -> Subscriptions {
    let subscriptions = session.subscriptions();
    subscriptions
        .map(|(own, entry)| (own.clone(), entry))
        .collect()
}
