//! The verdict in a sentence: what is so, and what can be done about it.

use super::{Facts, LossFacts, SessionFacts, Time, Verdict};

/// The sentence for a verdict.
pub(super) fn of(verdict: Verdict, facts: &Facts, time: Time<'_>) -> String {
    let (client, topic) = (&facts.client, &facts.topic);
    match verdict {
        Verdict::NoSession => no_session(facts, time),
        Verdict::OfflineClean => offline_clean(facts, time),
        Verdict::NotSubscribed => not_subscribed(facts, time),
        Verdict::NoMatch => no_match(facts, time),
        Verdict::Denied => denied(facts, time),
        Verdict::NoLocal => format!(
            "'{client}' published to '{topic}' itself, and subscribed with the option No Local, so it does \
             not get that back. Others' messages on the topic come."
        ),
        Verdict::Expired | Verdict::QueueFull => lost(facts, facts.loss.as_ref(), time),
        Verdict::Dropped => dropped(facts, time),
        Verdict::OfflineQueued | Verdict::Queued | Verdict::WindowFull => {
            of_session(facts, |session| waiting(verdict, facts, session, time))
        }
        Verdict::ConnectionNotReading => {
            of_session(facts, |session| not_reading(facts, session, time))
        }
        Verdict::InFlight => of_session(facts, |session| in_flight(facts, session, time)),
        Verdict::Delivered | Verdict::Acknowledged => {
            of_session(facts, |session| arrived(facts, session, time))
        }
        Verdict::WouldBeDelivered => would_be(facts, time),
        Verdict::Unknown => of_session(facts, |session| {
            if session.queue.unseen > 0 {
                unseen(facts, session)
            } else {
                would_be(facts, time)
            }
        }),
    }
}

/// These verdicts are given of sessions only.
fn of_session(facts: &Facts, sentence: impl FnOnce(&SessionFacts) -> String) -> String {
    facts.session.as_ref().map_or_else(String::new, sentence)
}

fn no_session(facts: &Facts, time: Time<'_>) -> String {
    let client = &facts.client;
    match (&facts.ended, facts.was_seen) {
        (Some(ended), _) => format!(
            "'{client}' has no session since {}: {}. Nothing is kept for it until it connects and subscribes \
             again.",
            time(ended.at),
            ended.why
        ),
        (None, true) => format!(
            "'{client}' has no session: it was never let in, or what it had is forgotten. Its timeline says \
             what happened."
        ),
        (None, false) => format!(
            "'{client}' has no session, and no client of that id was seen here lately. Is the client id \
             right, in upper and lower case?"
        ),
    }
}

fn offline_clean(facts: &Facts, time: Time<'_>) -> String {
    let client = &facts.client;
    let at = facts
        .ended
        .as_ref()
        .map_or_else(String::new, |ended| format!(" since {}", time(ended.at)));
    format!(
        "'{client}' is not connected{at}, and its session was not to outlive the connection, so nothing \
         waits for it. To have messages wait it connects with Clean Session 0 (3.1.1) or a Session Expiry \
         Interval (5.0)."
    )
}

fn not_subscribed(facts: &Facts, time: Time<'_>) -> String {
    let client = &facts.client;
    let before = unsubscribed(facts, time);
    format!("'{client}' has a session, but it subscribes to nothing.{before}")
}

fn unsubscribed(facts: &Facts, time: Time<'_>) -> String {
    let session = facts.session.as_ref();
    let unsubscribed = session.and_then(|session| session.unsubscribed.as_ref());
    unsubscribed.map_or_else(String::new, |gone| {
        format!(
            " It unsubscribed from '{}', which matches, at {}.",
            gone.filter,
            time(gone.at)
        )
    })
}

fn no_match(facts: &Facts, time: Time<'_>) -> String {
    let (client, topic) = (&facts.client, &facts.topic);
    if facts.knows_message {
        let at = facts
            .inbound
            .as_ref()
            .map_or_else(String::new, |inbound| format!(" at {}", time(inbound.at)));
        return format!(
            "Nobody subscribed to '{topic}' when the message was published{at}, '{client}' neither. A \
             subscription brings what is published after it."
        );
    }
    let Some(session) = &facts.session else {
        return String::new();
    };
    let count = session.subscriptions;
    let nearest = session.nearest.first().map_or_else(String::new, |near| {
        format!(" The nearest is '{}': {}.", near.filter, near.why)
    });
    let before = unsubscribed(facts, time);
    format!("None of the {count} filters of '{client}' matches '{topic}'.{nearest}{before}")
}

fn denied(facts: &Facts, time: Time<'_>) -> String {
    let (client, topic) = (&facts.client, &facts.topic);
    if let Some(loss) = facts.loss.as_ref().or(facts.inbound.as_ref())
        && (facts.knows_message || facts.session.as_ref().is_some_and(|s| s.may_have))
    {
        return format!("At {}: {}.", time(loss.at), loss.text);
    }
    let denied = facts
        .session
        .as_ref()
        .and_then(|session| session.subscribe_denied.as_ref());
    match denied {
        Some(denied) => format!(
            "'{client}' wanted to subscribe to '{}' at {}, and the access rules did not let it.",
            denied.filter,
            time(denied.at)
        ),
        None => format!(
            "'{client}' subscribes to '{topic}', but the access rules do not let it have messages on it \
             (acl.check_delivery)."
        ),
    }
}

fn lost(facts: &Facts, loss: Option<&LossFacts>, time: Time<'_>) -> String {
    let (client, topic) = (&facts.client, &facts.topic);
    loss.map_or_else(String::new, |loss| {
        let message = loss.message.map_or_else(
            || format!("a message on '{topic}'"),
            |message| format!("message {} on '{topic}'", message.0),
        );
        format!(
            "'{client}' did not get {message} at {}: {}.",
            time(loss.at),
            loss.text
        )
    })
}

fn dropped(facts: &Facts, time: Time<'_>) -> String {
    let (client, topic) = (&facts.client, &facts.topic);
    if facts.loss.is_some() {
        return lost(facts, facts.loss.as_ref(), time);
    }
    if let Some(inbound) = &facts.inbound {
        return format!("At {}: {}.", time(inbound.at), inbound.text);
    }
    format!(
        "'{client}' is away and subscribes to '{topic}' with QoS 0: such messages do not wait for it \
         (session.queue_qos0 = false). With QoS 1 or 2 they would."
    )
}

fn waiting(verdict: Verdict, facts: &Facts, session: &SessionFacts, time: Time<'_>) -> String {
    let client = &facts.client;
    let waits = place(facts, session);
    if verdict == Verdict::OfflineQueued {
        let since = session
            .away_since
            .map_or_else(String::new, |at| format!(" since {}", time(at)));
        let until = session.expires.map_or_else(String::new, |at| {
            format!(" Its session ends at {} if it does not come.", time(at))
        });
        return format!("{waits}: '{client}' is away{since}. It is sent when it connects.{until}");
    }
    if verdict == Verdict::WindowFull {
        let used = session.window_used;
        return format!(
            "{waits}: '{client}' has as many messages in flight as it takes at once ({used}) and has not \
             acknowledged them. The next is sent when it does."
        );
    }
    format!("{waits} for its turn.")
}

fn unseen(facts: &Facts, session: &SessionFacts) -> String {
    let (client, topic, count) = (&facts.client, &facts.topic, session.queue.unseen);
    let when = if session.connection.is_some() {
        "when their turn comes"
    } else {
        "when it connects"
    };
    format!(
        "{count} messages wait for '{client}' of which only the number is known, because they are on the disk \
         or too many to look at; whether one of them is on '{topic}' is not known. They are sent {when}."
    )
}

fn place(facts: &Facts, session: &SessionFacts) -> String {
    let topic = &facts.topic;
    let QueuePlace {
        number,
        before,
        len,
    } = QueuePlace::of(session);
    format!("Message {number} on '{topic}' waits in the queue behind {before} of {len}")
}

/// Where a message stands in a queue.
struct QueuePlace {
    number: u64,
    before: usize,
    len: usize,
}

impl QueuePlace {
    fn of(session: &SessionFacts) -> Self {
        let (message, before) = session.queue.place.unwrap_or_default();
        Self {
            number: message.0,
            before,
            len: session.queue.len,
        }
    }
}

fn not_reading(facts: &Facts, session: &SessionFacts, time: Time<'_>) -> String {
    let client = &facts.client;
    let connection = session.connection.clone().unwrap_or_default();
    let since = connection
        .blocked
        .map_or_else(String::new, |at| format!(" since {}", time(at)));
    let what = if session.queue.place.is_some() {
        place(facts, session)
    } else {
        format!("What was sent on '{}' has not left", facts.topic)
    };
    format!(
        "{what}: the socket of '{client}' takes nothing{since}, and {} bytes wait for it. Its client or the \
         network does not read; it is closed after mqtt.write_timeout.",
        connection.unsent_bytes
    )
}

fn in_flight(facts: &Facts, session: &SessionFacts, time: Time<'_>) -> String {
    let flight = session.flight.clone().unwrap_or_default();
    let answer = if flight.qos == 2 { "PUBREC" } else { "PUBACK" };
    let sent = format!(
        "Message {} on '{}' was sent to '{}' at {} with packet id {}, and {answer} has not come.",
        flight.message.0,
        facts.topic,
        facts.client,
        time(flight.since),
        flight.packet_id
    );
    if flight.is_to_be_repeated {
        format!(
            "{sent} That was on an earlier connection: it is sent again, marked as a duplicate, when the \
             client is there and takes it."
        )
    } else {
        format!("{sent} Whether the client has it, it alone knows.")
    }
}

fn arrived(facts: &Facts, session: &SessionFacts, time: Time<'_>) -> String {
    let recent = session.recent.clone().unwrap_or_default();
    let sent = format!(
        "'{}' was sent message {} on '{}' with QoS {} at {}",
        facts.client,
        recent.message.0,
        facts.topic,
        recent.qos,
        time(recent.sent)
    );
    match (recent.qos, recent.is_refused) {
        (0, _) => format!("{sent}. QoS 0 is not acknowledged, so no more is known here."),
        (_, false) => format!("{sent} and acknowledged it at {}.", time(recent.done)),
        (_, true) => format!(
            "{sent} and refused it at {}, so it is not sent again.",
            time(recent.done)
        ),
    }
}

fn would_be(facts: &Facts, time: Time<'_>) -> String {
    let (client, topic) = (&facts.client, &facts.topic);
    let Some(session) = &facts.session else {
        return String::new();
    };
    let filters: Vec<String> = (session.matching.iter().take(3))
        .map(|matching| format!("'{}'", matching.filter))
        .collect();
    let filters = filters.join(", ");
    let qos = session.qos_max();
    let what = if session.connection.is_some() {
        format!("goes to '{client}' with QoS {qos} at most, by {filters}")
    } else {
        format!("waits for '{client}', which is away, by {filters}")
    };
    let of_group = if session.matching.iter().all(|matching| matching.is_shared) {
        " Of a shared subscription one member gets each message: it may be another one."
    } else {
        ""
    };
    let none_of_its_own = if session.wants_nothing_of_its_own() {
        " What it publishes itself it does not get (No Local)."
    } else {
        ""
    };
    let before = match &facts.inbound {
        Some(inbound) if inbound.reason == "no_subscribers" => format!(
            " The last that is known, at {}, came before anybody had subscribed.",
            time(inbound.at)
        ),
        _ => " None on that topic is known to have been sent to it lately; was any published?"
            .to_owned(),
    };
    format!(
        "Nothing stands in the way: the next message on '{topic}' {what}.{before}{of_group}{none_of_its_own}"
    )
}
