//! Inputs, actions and changes of state in words, a line each, safe for a terminal.

use std::fmt::Write as _;

use castmq_mqtt::QoS;
use serde_json::Value;

use crate::recording::{ConnectionInput, Event};
use crate::session::{Action, Change, DownReason, Input, Outgoing, Presence, Returned};
use crate::{Delivery, Message};

/// Longest value of a changed place in a state that is shown in full.
const VALUE_CHARS: usize = 160;

/// What a line of a recording says.
#[must_use]
pub fn tell_event(event: &Event) -> String {
    match event {
        Event::SessionIs(session) => {
            let id = session.client_id().as_str().escape_debug();
            format!("the session of {id} is like this")
        }
        Event::ConnectionIs(_) => "the connection is like this".to_owned(),
        Event::Session { input, .. } => format!("session: {}", tell_input(input)),
        Event::Connection { input, .. } => format!("connection: {}", tell_connection(input)),
        Event::End(why) => format!("the recording ends: {why}"),
    }
}

/// What happened to a session.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one arm per input")]
pub fn tell_input(input: &Input) -> String {
    match input {
        Input::Connected(link) => format!(
            "connected by claim {} with {:?}, receive maximum {}, expiry {:?}{}",
            link.epoch.0,
            link.version,
            link.receive_maximum,
            link.expiry,
            if link.will.is_some() {
                ", with a will"
            } else {
                ""
            },
        ),
        Input::Disconnected(reason) => match reason {
            DownReason::Disconnect { reason, expiry } => {
                let expiry =
                    expiry.map_or_else(String::new, |expiry| format!(", expiry {expiry:?}"));
                format!("DISCONNECT with reason {:#04x}{expiry}", reason.number())
            }
            DownReason::Closed
            | DownReason::Dropped(_)
            | DownReason::TakenOver
            | DownReason::Panicked
            | DownReason::Stopped => format!("disconnected: {reason:?}"),
        },
        Input::Delivery(delivery) => format!("delivery: {}", tell_delivery(delivery)),
        Input::DeliveryOnceStored(delivery) => {
            format!(
                "delivery to wait for the store: {}",
                tell_delivery(delivery)
            )
        }
        Input::Puback(id) => format!("PUBACK {id}"),
        Input::Pubrec(id, reason) => format!("PUBREC {id} with reason {:#04x}", reason.number()),
        Input::Pubcomp(id) => format!("PUBCOMP {id}"),
        Input::Publish(id) => format!("PUBLISH {id} with QoS 2 from the client"),
        Input::PublishRefused(id) => format!("the client's PUBLISH {id} was refused"),
        Input::Pubrel(id) => format!("PUBREL {id} from the client"),
        Input::Subscribe(subscription, options, id) => {
            let filter = subscription.to_string();
            let id = id.map_or_else(String::new, |id| format!(", identifier {id}"));
            format!(
                "subscribe {} with QoS {}{}{}{id}",
                filter.escape_debug(),
                options.qos.number(),
                if options.no_local { ", no local" } else { "" },
                if options.retain_as_published {
                    ", retain as published"
                } else {
                    ""
                },
            )
        }
        Input::Unsubscribe(subscription) => {
            format!("unsubscribe {}", subscription.to_string().escape_debug())
        }
        Input::StartReplay(subscription, ..) => {
            let filter = subscription.to_string();
            format!("retained messages for {} may follow", filter.escape_debug())
        }
        Input::RetainedChunk(chunk) => {
            let messages: Vec<String> =
                chunk.messages.iter().map(|one| tell_message(one)).collect();
            format!("retained messages: {}", messages.join("; "))
        }
        Input::Room(has_room) => {
            format!(
                "the connection takes {}",
                if *has_room { "more" } else { "nothing more" }
            )
        }
        Input::Continue => "the turn that was asked for".to_owned(),
        Input::Undeliverable(id, reason) => {
            format!("PUBLISH {id} was not written: {}", reason.name())
        }
        Input::Stored(number) => format!("number {number} is stored"),
        Input::Page(page) => format!(
            "{} messages were read, all below number {}",
            page.messages.len(),
            page.next
        ),
        Input::PageFailed => "messages could not be read".to_owned(),
        Input::LeftOver(_) => "another process of the session left this over".to_owned(),
        Input::ReceivedBefore(id) => format!("the client's PUBLISH {id} is being stored"),
        Input::Timer => "timer".to_owned(),
        Input::End(reason) => format!("end: {reason:?}"),
    }
}

/// What a session answers and asks for, a line each.
#[must_use]
pub fn tell_outcome(returned: Returned, actions: &[Action]) -> Vec<String> {
    let answer = (returned != Returned::Nothing).then(|| {
        let answer = super::connection::value(&returned);
        format!("answer {answer}")
    });
    answer
        .into_iter()
        .chain(actions.iter().map(tell_action))
        .collect()
}

/// What a session asks for.
#[must_use]
pub fn tell_action(action: &Action) -> String {
    match action {
        Action::Store(change) => format!("store {}", tell_change(change)),
        Action::ReadQueue(read) => format!("read numbers {} to {}", read.from, read.until),
        Action::Publish(outgoing) => tell_outgoing(outgoing),
        Action::Release { packet_id, reason } => {
            format!("PUBREL {packet_id} with reason {:#04x}", reason.number())
        }
        Action::Continue => "go on in another turn".to_owned(),
        Action::PullRetained(pull) => {
            let filter = pull.scan.filter().as_str().escape_debug();
            format!("pull {} of retained messages for {filter}", pull.pull)
        }
        Action::PublishWill { will, after } => {
            let after = after.as_ref().map_or_else(String::new, |change| {
                format!(", and store {}", tell_change(change))
            });
            format!(
                "publish the will on {} with QoS {}{after}",
                will.topic.as_str().escape_debug(),
                will.qos.number()
            )
        }
        Action::Dropped { reason, delivery } => {
            format!("drop as {}: {}", reason.name(), tell_delivery(delivery))
        }
        Action::DroppedUnread(count) => format!("drop {count} messages unread"),
        Action::Redispatch { delivery, was_sent } => format!(
            "give to another member{}: {}",
            if *was_sent { ", sent before" } else { "" },
            tell_delivery(delivery)
        ),
        Action::AlarmRaised => "raise the alarm of the queue".to_owned(),
        Action::AlarmCleared => "clear the alarm of the queue".to_owned(),
        Action::End(reason) => format!("end: {reason:?}"),
    }
}

fn tell_outgoing(outgoing: &Outgoing) -> String {
    let mut told = "PUBLISH".to_owned();
    if let Some(id) = outgoing.packet_id {
        // Into memory.
        let _ = write!(told, " {id}");
    }
    if outgoing.dup {
        told.push_str(" DUP");
    }
    if outgoing.is_first {
        told.push_str(" for the first time");
    }
    format!("{told}: {}", tell_delivery(&outgoing.delivery))
}

fn tell_delivery(delivery: &Delivery) -> String {
    let mut told = tell_message(&delivery.message);
    let _ = write!(told, " as QoS {}", delivery.qos.number());
    if delivery.retain {
        told.push_str(", retain");
    }
    let ids = delivery.subscription_ids.as_slice();
    if !ids.is_empty() {
        let _ = write!(told, ", identifiers {ids:?}");
    }
    if let Some(group) = &delivery.group {
        let _ = write!(told, ", through {}", group.escape_debug());
    }
    told
}

fn tell_message(message: &Message) -> String {
    let qos: QoS = message.qos;
    format!(
        "message {} on {} ({} bytes, QoS {})",
        message.id.0,
        message.topic.as_str().escape_debug(),
        message.payload.len(),
        qos.number()
    )
}

fn tell_change(change: &Change) -> String {
    match change {
        Change::Record(record) => {
            let presence = match record.presence {
                Presence::Connected => "connected".to_owned(),
                Presence::Away { ends, .. } => format!(
                    "away, ends {}",
                    ends.map_or_else(|| "never".to_owned(), |ends| u64::from(ends).to_string())
                ),
            };
            let will = if record.will.is_some() {
                ", with a will"
            } else {
                ""
            };
            format!(
                "the session: {presence}, claim {}, numbers {} to {}{will}",
                record.epoch.0, record.first, record.next
            )
        }
        Change::Subscribed(subscription, entry) => format!(
            "subscription {} with QoS {}",
            subscription.to_string().escape_debug(),
            entry.options.qos.number()
        ),
        Change::Unsubscribed(subscription) => {
            format!(
                "no subscription {}",
                subscription.to_string().escape_debug()
            )
        }
        Change::Queued {
            number, delivery, ..
        } => {
            format!("number {number}: {}", tell_delivery(delivery))
        }
        Change::Done { number, message } => format!("number {number} done: message {}", message.0),
        Change::Released {
            number,
            message,
            packet_id,
            order,
        } => format!(
            "number {number} received: message {}, packet {packet_id}, order {order}",
            message.0
        ),
        Change::Completed(id) => format!("packet {id} complete"),
        Change::Received(id) => format!("the client's packet {id} received"),
        Change::Forgotten(id) => format!("the client's packet {id} forgotten"),
        Change::Ended => "the end".to_owned(),
    }
}

fn tell_connection(input: &ConnectionInput) -> String {
    match input {
        ConnectionInput::Packet(packet) => format!("{:?}", packet.packet_type()),
        ConnectionInput::Challenged(_) => "Challenged".to_owned(),
        ConnectionInput::Heard
        | ConnectionInput::Paused
        | ConnectionInput::Resumed
        | ConnectionInput::Expired
        | ConnectionInput::Publish(..)
        | ConnectionInput::Acknowledgement
        | ConnectionInput::Answered
        | ConnectionInput::Farewell(_)
        | ConnectionInput::Closed
        | ConnectionInput::Register(..)
        | ConnectionInput::Expect(..)
        | ConnectionInput::Answer(..)
        | ConnectionInput::PollReady => format!("{input:?}"),
    }
}

/// What is different between two states, a line for each place: what it was, and what it is.
#[must_use]
pub fn tell_change_of_state(before: &Value, after: &Value) -> Vec<String> {
    let mut told = Vec::new();
    compare("", before, after, &mut told);
    told
}

fn compare(path: &str, before: &Value, after: &Value, told: &mut Vec<String>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(one), Value::Object(other)) => {
            let below = |key: &str| {
                if path.is_empty() {
                    key.to_owned()
                } else {
                    format!("{path}.{key}")
                }
            };
            for (key, value) in one {
                let now = other.get(key).unwrap_or(&Value::Null);
                compare(&below(key), value, now, told);
            }
            for (key, value) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                compare(&below(key), &Value::Null, value, told);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}[{index}]"), one, other, told);
            }
        }
        (Value::Array(one), Value::Array(other)) => compare_lists(path, one, other, told),
        _ => told.push(format!("{path}: {} -> {}", short(before), short(after))),
    }
}

/// Lists of different length: what stands in the middle has gone or come.
fn compare_lists(path: &str, one: &[Value], other: &[Value], told: &mut Vec<String>) {
    let same = |(one, other): &(&Value, &Value)| one == other;
    let head = one.iter().zip(other).take_while(same).count();
    let rest = one.len().min(other.len()) - head;
    let tail = one
        .iter()
        .rev()
        .zip(other.iter().rev())
        .take(rest)
        .take_while(same)
        .count();
    let middle = |list: &[Value]| {
        list.get(head..list.len() - tail)
            .unwrap_or_default()
            .to_vec()
    };
    for (index, gone) in (head..).zip(middle(one)) {
        told.push(format!("{path}[{index}]: gone {}", short(&gone)));
    }
    for (index, come) in (head..).zip(middle(other)) {
        told.push(format!("{path}[{index}]: new {}", short(&come)));
    }
}

fn short(value: &Value) -> String {
    let text: String = value.to_string().chars().flat_map(plain).collect();
    if text.chars().count() <= VALUE_CHARS {
        return text;
    }
    let start: String = text.chars().take(VALUE_CHARS).collect();
    format!("{start}…")
}

/// A character that a terminal takes for nothing else.
fn plain(character: char) -> Vec<char> {
    if character.is_control() {
        character.escape_default().collect()
    } else {
        vec![character]
    }
}
