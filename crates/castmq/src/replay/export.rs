//! A recording as a Rust test: what has to hold is asserted for each step, and inputs that the finding does
//! not need are left out.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use castmq_broker::rules::recording::{
    Event, Finding, Goal, Line, Recording, Replay, Routed, Step, Story, route, tell_event,
    tell_input, tell_outcome,
};
use castmq_broker::rules::session::{Action, Input, Returned, Rule, Session};
use serde::Serialize;

use super::{Arguments, tell_finding};
use crate::say;

/// What the test is about.
enum Subject {
    /// This build breaks a rule, or fails; the test asserts that it does not.
    Fault(Goal),
    /// This build does not do what the broker did; the test asserts what this build does.
    Difference,
    /// The same of how it routes.
    Routing,
    /// Nothing was found.
    Nothing,
}

/// Writes the test.
pub(super) fn run(
    arguments: &Arguments,
    recording: &Recording,
    until: usize,
) -> anyhow::Result<ExitCode> {
    let (subject, step, why) = subject(recording, until);
    let Some(last) = recording.lines.get(step - 1) else {
        anyhow::bail!("there is nothing to be tested");
    };
    let body = if matches!(last.event, Event::Connection { .. }) {
        connection(recording, step)
    } else {
        session(recording, step, &subject, arguments.whole)?
    };
    let name = name(arguments, recording, &subject);
    let mut test = head(recording, &name, &why);
    test.push_str(&body);
    test.push_str("}\n");
    io::stdout().write_all(test.as_bytes())?;
    say(&format!("castmq replay: {why}"));
    say(&format!(
        "castmq replay: put the test into crates/rules/tests/{name}.rs and run: cargo test -p \
         castmq-rules --test {name}"
    ));
    Ok(ExitCode::SUCCESS)
}

/// The first finding, its step, and what is said of it.
fn subject(recording: &Recording, until: usize) -> (Subject, usize, String) {
    let mut replay = Replay::new(recording);
    let mut other = None;
    let mut last = 0;
    while replay.position() < until {
        let before = replay.session().cloned();
        let Some(step) = replay.step() else { break };
        if matches!(
            step.line.event,
            Event::Session { .. } | Event::Connection { .. }
        ) {
            last = step.number;
        }
        for finding in &step.findings {
            let told = format!("step {}: {}", step.number, tell_finding(finding));
            match finding {
                Finding::Violates(violation) => {
                    let routes = is_routed(violation.rule, before.as_ref(), &step);
                    let rule = violation.rule;
                    let goal = Goal::Breaks { rule, routes };
                    return (Subject::Fault(goal), step.number, told);
                }
                Finding::Panics(_) => {
                    return (Subject::Fault(Goal::Panics), step.number, told);
                }
                Finding::Differs(_) if other.is_none() => {
                    other = Some((Subject::Difference, step.number, told));
                }
                Finding::RoutedOtherwise(_) if other.is_none() => {
                    other = Some((Subject::Routing, step.number, told));
                }
                Finding::Differs(_)
                | Finding::RoutedOtherwise(_)
                | Finding::Violated(_)
                | Finding::Panicked => {}
            }
        }
    }
    let nothing = "this build does what the broker did, and breaks no rule; the test asserts that it stays so";
    other.unwrap_or_else(|| (Subject::Nothing, last.max(1), nothing.to_owned()))
}

/// Whether it is this build's table of subscriptions that breaks the rule.
fn is_routed(rule: Rule, session: Option<&Session>, step: &Step<'_>) -> bool {
    let is_of_routing = matches!(
        rule,
        Rule::Qos | Rule::Retain | Rule::NoLocal | Rule::SubscriptionIds | Rule::Subscription
    );
    let Event::Session { input, .. } = &step.line.event else {
        return false;
    };
    let (Input::Delivery(delivery) | Input::DeliveryOnceStored(delivery)) = &**input else {
        return false;
    };
    let routed = session.map(|session| route(session, delivery));
    is_of_routing && routed == Some(Routed::As(delivery.clone()))
}

fn name(arguments: &Arguments, recording: &Recording, subject: &Subject) -> String {
    let plain = |text: &str| {
        let plain = text.chars().map(|one| {
            if one.is_ascii_alphanumeric() {
                one.to_ascii_lowercase()
            } else {
                '_'
            }
        });
        plain.take(40).collect::<String>()
    };
    if let Some(name) = &arguments.name {
        return format!("recorded_{}", plain(name).trim_start_matches("recorded_"));
    }
    let client = plain(recording.header.client_id.as_str());
    let what = match subject {
        Subject::Fault(Goal::Breaks { rule, .. }) => rule.name(),
        Subject::Fault(_) => "does_not_fail",
        Subject::Difference => "as_it_should",
        Subject::Routing => "routed_as_it_should",
        Subject::Nothing => "as_before",
    };
    format!("recorded_{client}_{what}")
}

fn head(recording: &Recording, name: &str, why: &str) -> String {
    let header = &recording.header;
    let why = plain(why);
    format!(
        "//! Client {}, recorded {} by castmq {}.\n\
         //!\n\
         //! Written by `castmq replay --as-test`. Run it in crates/rules/tests/{name}.rs by\n\
         //! `cargo test -p castmq-rules --test {name}`.\n\n\
         use castmq_rules::recording::Player;\n\n\
         /// {why}\n\
         #[test]\n\
         fn {name}() {{\n",
        header.client_id.as_str().escape_debug(),
        header.started_at.escape_debug(),
        header.version.escape_debug(),
    )
}

/// The story of a session.
fn session(
    recording: &Recording,
    step: usize,
    subject: &Subject,
    is_whole: bool,
) -> anyhow::Result<String> {
    let Some(story) = Story::until(&recording.lines, step) else {
        anyhow::bail!("step {step} is no input of a session: there is nothing to be tested");
    };
    let all = story.lines.len();
    let story = match subject {
        _ if is_whole => story,
        Subject::Fault(goal) => story.shortened(*goal),
        Subject::Difference | Subject::Routing => story.shortened(Goal::Same),
        Subject::Nothing => story,
    };
    let mut body = String::new();
    // Into memory.
    let _ = writeln!(body, "    // {} of {all} inputs.", story.lines.len());
    let state = raw(&story.session);
    let is_routed = matches!(subject, Subject::Fault(Goal::Breaks { routes: true, .. }));
    let make = if is_routed {
        "routed_session"
    } else {
        "session"
    };
    let _ = writeln!(body, "    let mut session = Player::{make}({state});");
    let outcomes = story.outcomes();
    let routed = story.routed_outcome();
    for (place, line) in story.lines.iter().enumerate() {
        let is_last = place + 1 == story.lines.len();
        body.push_str(&assertion(
            line,
            subject,
            outcomes.get(place),
            (&routed, is_last),
        ));
    }
    Ok(body)
}

fn assertion(
    line: &Line,
    subject: &Subject,
    outcome: Option<&(Returned, Vec<Action>)>,
    (routed, is_last): (&[String], bool),
) -> String {
    let Event::Session {
        input,
        returned,
        actions,
    } = &line.event
    else {
        return String::new();
    };
    let comment = format!("    // {}\n", plain(&tell_input(input)));
    let (at, text) = (u64::from(line.at), raw(input));
    let call = match (subject, outcome) {
        (Subject::Fault(Goal::Breaks { routes: true, .. }), _) => {
            format!("see_routed({at}, {text})")
        }
        (Subject::Fault(_), _) | (_, None) => format!("see({at}, {text})"),
        (Subject::Routing, Some(_)) if is_last => {
            format!("routed({at}, {text}, {})", list(routed))
        }
        (_, Some((answer, asked))) => {
            let words = tell_outcome(*answer, asked);
            let recorded = returned.map(|returned| (returned, actions.as_slice()));
            let is_other = recorded.is_some_and(|recorded| recorded != (*answer, asked.as_slice()));
            let sounds_alike = recorded
                .is_some_and(|(returned, actions)| tell_outcome(returned, actions) == words);
            if is_other && sounds_alike {
                format!("exactly({at}, {text}, {})", raw(&(answer, asked)))
            } else {
                format!("step({at}, {text}, {})", list(&words))
            }
        }
    };
    format!("{comment}    session.{call};\n")
}

/// The story of a connection.
fn connection(recording: &Recording, step: usize) -> String {
    let mut replay = Replay::new(recording);
    let mut body = String::new();
    while replay.position() < step {
        let Some(made) = replay.step() else { break };
        match &made.line.event {
            Event::ConnectionIs(connection) => {
                let state = raw(connection);
                body = format!("    let mut connection = Player::connection({state});\n");
            }
            Event::Connection { input, .. } => {
                let (at, text) = (u64::from(made.line.at), raw(input));
                let answer = raw(&made.outcome.returned);
                let told = plain(&tell_event(&made.line.event));
                // Into memory.
                let _ = writeln!(
                    body,
                    "    // {told}\n    connection.answers({at}, {text}, {answer});"
                );
            }
            Event::SessionIs(_) | Event::Session { .. } | Event::End(_) => {}
        }
    }
    body
}

/// A list of string literals.
fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| literal(word)).collect();
    format!("&[{}]", words.join(", "))
}

/// A value as JSON in a string literal.
fn raw<T: Serialize>(what: &T) -> String {
    // All keys are strings.
    literal(&serde_json::to_string(what).unwrap_or_default())
}

/// A raw string literal with as many # as it takes.
fn literal(text: &str) -> String {
    let is_plain = !text.contains(['"', '\\', '\r']);
    if is_plain {
        return format!("\"{text}\"");
    }
    let mut longest = 0;
    for rest in text.split('"').skip(1) {
        longest = longest.max(1 + rest.chars().take_while(|one| *one == '#').count());
    }
    let fence = "#".repeat(longest);
    format!("r{fence}\"{text}\"{fence}")
}

/// A line of a comment.
fn plain(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).collect()
}
