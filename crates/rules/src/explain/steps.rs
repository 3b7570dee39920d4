//! The steps of the way that a message takes, and what is so at each.

use super::{Facts, Outcome, SessionFacts, Step, Time};

fn step(name: &'static str, outcome: impl Into<Outcome>, text: impl Into<String>) -> Step {
    Step {
        name,
        outcome: outcome.into(),
        text: text.into(),
        since: None,
    }
}

/// All of them, in the order of the way.
pub(super) fn all(facts: &Facts, time: Time<'_>) -> Vec<Step> {
    let mut steps = vec![published(facts), session(facts)];
    if let Some(session) = &facts.session {
        steps.push(subscribed(facts, session, time));
        if !session.matching.is_empty() {
            steps.extend(with_match(facts, session));
        }
        steps.push(connected(session));
        steps.push(reads(session));
        steps.push(window(session));
        steps.push(queued(facts, session));
        steps.push(in_flight(session));
        steps.push(arrived(session));
    }
    steps.push(lost(facts));
    steps
}

fn with_match(facts: &Facts, session: &SessionFacts) -> Vec<Step> {
    let mut steps = vec![route(session), no_local(facts, session), may_have(session)];
    steps.push(qos(session));
    steps
}

/// Whether the broker took the message.
fn published(facts: &Facts) -> Step {
    let topic = &facts.topic;
    if facts.is_unknown_message() {
        let text = "nothing is known of this message: it was never seen here, or too long ago";
        return step("published", Outcome::Unknown, text);
    }
    match &facts.inbound {
        Some(inbound) => Step {
            since: Some(inbound.at),
            ..step("published", false, inbound.text.clone())
        },
        None if facts.knows_message => step("published", true, "the broker has taken it"),
        None => step(
            "published",
            Outcome::Unknown,
            format!("nothing is kept of what was published to '{topic}' and arrived"),
        ),
    }
}

fn session(facts: &Facts) -> Step {
    let client = &facts.client;
    match (&facts.session, &facts.ended) {
        (Some(session), _) => {
            let kind = if session.is_persistent {
                "that outlives its connection"
            } else {
                "that ends with its connection"
            };
            Step {
                since: session.created,
                ..step("session", true, format!("'{client}' has a session {kind}"))
            }
        }
        (None, Some(ended)) => Step {
            since: Some(ended.at),
            ..step(
                "session",
                false,
                format!("its session ended: {}", ended.why),
            )
        },
        (None, None) => step("session", false, format!("'{client}' has no session")),
    }
}

fn subscribed(facts: &Facts, session: &SessionFacts, time: Time<'_>) -> Step {
    if session.matching.is_empty() {
        return step("subscribed", false, no_filter(facts, session, time));
    }
    let matching = session.matching.iter().map(|matching| {
        let group = if matching.is_shared {
            ", one of a group gets each"
        } else {
            ""
        };
        format!("'{}' (QoS {}{group})", matching.filter, matching.qos)
    });
    let matching: Vec<String> = matching.collect();
    step("subscribed", true, format!("by {}", matching.join(", ")))
}

fn no_filter(facts: &Facts, session: &SessionFacts, time: Time<'_>) -> String {
    let mut text = match session.subscriptions {
        0 => "it subscribes to nothing".to_owned(),
        count => format!("none of its {count} filters matches '{}'", facts.topic),
    };
    for near in &session.nearest {
        text.push_str(&format!("; near: '{}', {}", near.filter, near.why));
    }
    if let Some(denied) = &session.subscribe_denied {
        let at = time(denied.at);
        text.push_str(&format!("; it was not allowed '{}' at {at}", denied.filter));
    }
    if let Some(gone) = &session.unsubscribed {
        let at = time(gone.at);
        text.push_str(&format!("; it unsubscribed from '{}' at {at}", gone.filter));
    }
    text
}

fn route(session: &SessionFacts) -> Step {
    let text = if session.has_route {
        "publishers find the way to its arbiter"
    } else {
        "the route to its arbiter is not in place: that takes a moment after SUBSCRIBE, no longer"
    };
    step("route", session.has_route, text)
}

/// Whether the option stands in the way.
fn no_local(facts: &Facts, session: &SessionFacts) -> Step {
    if !session.wants_nothing_of_its_own() {
        let text = "a matching filter also takes what the client publishes itself";
        return step("no_local", false, text);
    }
    match &session.own_publish {
        Some(own) if !facts.knows_message || facts.is_own_message() => Step {
            since: Some(own.at),
            ..step(
                "no_local",
                true,
                "the client has published to the topic itself, which it does not get back",
            )
        },
        _ => step(
            "no_local",
            Outcome::Unknown,
            "what the client publishes itself it does not get back; others' messages come",
        ),
    }
}

fn may_have(session: &SessionFacts) -> Step {
    let text = match (session.checks_delivery, session.may_have) {
        (false, _) => "no access rules are asked when messages are delivered",
        (true, true) => "the access rules let it have messages on the topic",
        (true, false) => "the access rules do not let it have messages on the topic",
    };
    step("authorized", session.may_have, text)
}

/// Whether it gets messages with less than they were published with.
fn qos(session: &SessionFacts) -> Step {
    let qos = session.qos_max();
    if qos == 2 {
        return step("qos_downgraded", false, "it gets each QoS as published");
    }
    step(
        "qos_downgraded",
        true,
        format!("what is published with a higher QoS arrives with QoS {qos}, as it subscribed"),
    )
}

fn connected(session: &SessionFacts) -> Step {
    match &session.connection {
        Some(connection) => {
            let from = connection
                .address
                .map_or_else(String::new, |address| format!(" from {address}"));
            Step {
                since: connection.since,
                ..step("connected", true, format!("it is connected{from}"))
            }
        }
        None => Step {
            since: session.away_since,
            ..step("connected", false, "it is away")
        },
    }
}

/// Whether its socket takes what is sent.
fn reads(session: &SessionFacts) -> Step {
    let Some(connection) = &session.connection else {
        return step("reading", Outcome::Unknown, "there is no connection");
    };
    let text = format!("{} bytes wait for its socket", connection.unsent_bytes);
    Step {
        since: connection.blocked,
        ..step("reading", !session.takes_nothing(), text)
    }
}

fn window(session: &SessionFacts) -> Step {
    let (used, max) = (session.window_used, session.window_max);
    let text = format!("{used} messages are in flight of {max} that may be");
    step("window_open", used < max, text)
}

fn queued(facts: &Facts, session: &SessionFacts) -> Step {
    let queue = &session.queue;
    let what = if facts.knows_message {
        "the message".to_owned()
    } else {
        format!("a message on '{}'", facts.topic)
    };
    if let Some((message, before)) = queue.place {
        let text = format!(
            "message {} waits behind {before} of {} ({} at most)",
            message.0, queue.len, queue.len_max
        );
        return step("queued", true, text);
    }
    let seen = queue.len - queue.unseen.min(queue.len);
    let text = format!("{what} is not among the first {seen} that wait");
    if queue.unseen > 0 {
        let text = format!(
            "{text}; {} more are on the disk, or too many to look at",
            queue.unseen
        );
        return step("queued", Outcome::Unknown, text);
    }
    step("queued", false, text)
}

fn in_flight(session: &SessionFacts) -> Step {
    let Some(flight) = &session.flight else {
        return step("in_flight", false, "it is not under way to the client");
    };
    let text = format!(
        "message {} was sent with packet id {} and is not acknowledged",
        flight.message.0, flight.packet_id
    );
    Step {
        since: Some(flight.since),
        ..step("in_flight", true, text)
    }
}

fn arrived(session: &SessionFacts) -> Step {
    let Some(recent) = &session.recent else {
        let text = "none of the last messages that the client got; earlier ones are not remembered";
        return step("delivered", Outcome::Unknown, text);
    };
    let number = recent.message.0;
    let text = match (recent.qos, recent.is_refused) {
        (0, _) => format!("message {number} was sent with QoS 0"),
        (_, false) => format!("message {number} was sent and acknowledged"),
        (_, true) => format!("message {number} was sent, and the client refused it"),
    };
    Step {
        since: Some(recent.done),
        ..step("delivered", true, text)
    }
}

fn lost(facts: &Facts) -> Step {
    match &facts.loss {
        Some(loss) => Step {
            since: Some(loss.at),
            ..step("lost", true, loss.text.clone())
        },
        None => step("lost", false, "the ledger has no loss of it"),
    }
}
