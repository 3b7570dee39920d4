//! Why something is in the ledger, by name and in a sentence.

use castmq_mqtt::QoS;
use castmq_rules::ledger::Detail;
use castmq_rules::session::DropReason;
use castmq_settings::{QueuePolicy, Settings};

use super::Loss;
use crate::shown::shown;

/// The names of reasons, beside those of [`DropReason`] and of bytes that are no packet.
pub(crate) struct Reason;

impl Reason {
    /// A client may not publish or subscribe as it wanted to.
    pub(crate) const DENIED: &'static str = "denied";
    /// A publish was not taken, for another reason.
    pub(crate) const PUBLISH_REFUSED: &'static str = "publish_refused";
    /// Nobody subscribes to the topic.
    pub(crate) const NO_SUBSCRIBERS: &'static str = "no_subscribers";
    /// A hook has stopped a publish.
    pub(crate) const STOPPED_BY_HOOK: &'static str = "stopped_by_hook";
    /// The connection was over before a message of QoS 0 was written.
    pub(crate) const CONNECTION_CLOSED: &'static str = "connection_closed";
    /// The process of a session failed with what it held.
    pub(crate) const SESSION_CRASHED: &'static str = "session_crashed";
    /// A process failed on the way of a publish, and its publisher was told.
    pub(crate) const TICKET_LOST: &'static str = "ticket_lost";
    /// A process failed on the way of a publish of QoS 0.
    pub(crate) const DISPATCH_FAILED: &'static str = "dispatch_failed";
    /// The queue of the broker's own messages was full.
    pub(crate) const INTERNAL_QUEUE_FULL: &'static str = "internal_queue_full";
    /// A retained message will not outlive the process.
    pub(crate) const RETAINED_NOT_STORED: &'static str = "retained_not_stored";
    /// A message was not retained.
    pub(crate) const RETAINED_REFUSED: &'static str = "retained_refused";
    /// A row of the store is damaged.
    pub(crate) const DAMAGED: &'static str = "damaged";
}

/// All reasons that can be asked for, whether they occurred or not; beside them there are those of bytes
/// that are no packet.
pub fn reasons() -> impl Iterator<Item = &'static str> {
    let own = [
        Reason::DENIED,
        Reason::PUBLISH_REFUSED,
        Reason::NO_SUBSCRIBERS,
        Reason::STOPPED_BY_HOOK,
        Reason::CONNECTION_CLOSED,
        Reason::SESSION_CRASHED,
        Reason::TICKET_LOST,
        Reason::DISPATCH_FAILED,
        Reason::INTERNAL_QUEUE_FULL,
        Reason::RETAINED_NOT_STORED,
        Reason::RETAINED_REFUSED,
        Reason::DAMAGED,
    ];
    let of_sessions = DropReason::ALL.iter().map(|reason| reason.name());
    own.into_iter().chain(of_sessions)
}

/// What happened, so that an operator can do something about it.
#[must_use]
pub fn sentence(loss: &Loss, settings: &Settings) -> String {
    let client = loss.client.as_ref().map_or("a client", |id| id.as_str());
    let client = shown(client);
    let of_session = DropReason::ALL
        .iter()
        .find(|reason| reason.name() == loss.reason);
    let text = match of_session {
        Some(reason) => of_delivery(*reason, &client, loss, settings),
        None => of_publish(&client, loss),
    };
    if loss.count > 1 {
        format!("{} messages: {text}", loss.count)
    } else {
        text
    }
}

fn of_delivery(reason: DropReason, client: &str, loss: &Loss, settings: &Settings) -> String {
    match reason {
        DropReason::QueueFull => queue_full(client, settings),
        DropReason::Qos0OverQuota => format!(
            "the queue of '{client}' or the memory for all queues (bounds.node_memory) was full, and QoS 0 \
             gives way first"
        ),
        DropReason::Qos0Offline => format!(
            "'{client}' was away, and messages of QoS 0 do not wait for it (session.queue_qos0 = false)"
        ),
        DropReason::Expired => {
            format!("its message expiry was over before '{client}' could get it")
        }
        DropReason::TooLarge => match loss.detail {
            Detail::Bytes(max) => format!(
                "it is larger than the {max} bytes that '{client}' takes (its Maximum Packet Size)"
            ),
            Detail::None | Detail::What(_) | Detail::Answer(_) => {
                format!("it is larger than '{client}' takes (its Maximum Packet Size)")
            }
        },
        DropReason::NotAuthorized => format!(
            "'{client}' may not have it: the access rules deny its delivery (acl.check_delivery)"
        ),
        DropReason::SessionEnded => {
            format!("the session of '{client}' ended before it could be sent")
        }
    }
}

fn queue_full(client: &str, settings: &Settings) -> String {
    let queue = &settings.mqueue;
    let (policy, who) = match queue.policy {
        QueuePolicy::DropOldest => ("drop_oldest", "the oldest message"),
        QueuePolicy::DropNewest => ("drop_newest", "the message that comes"),
    };
    format!(
        "the queue of '{client}' was full (mqueue.max_messages = {}, mqueue.max_bytes = {}); by \
         mqueue.policy = \"{policy}\" {who} gave way",
        queue.max_messages, queue.max_bytes
    )
}

fn of_publish(client: &str, loss: &Loss) -> String {
    match (loss.reason, loss.detail) {
        (Reason::DENIED, Detail::What("subscribe")) => {
            format!("the access rules do not let '{client}' subscribe to this filter")
        }
        (Reason::DENIED, Detail::What("will")) => format!(
            "the access rules do not let '{client}' publish to this topic, so its will was not published"
        ),
        (Reason::DENIED, _) => {
            format!(
                "the access rules do not let '{client}' publish to this topic, so nobody gets it"
            )
        }
        (Reason::PUBLISH_REFUSED, Detail::Answer(reason)) => {
            format!("the publish of '{client}' was refused ({reason:?}), so nobody gets it")
        }
        (Reason::NO_SUBSCRIBERS, _) => {
            format!("nobody subscribed to this topic when '{client}' published to it")
        }
        (Reason::STOPPED_BY_HOOK, _) => {
            format!("a hook stopped what '{client}' published, so nobody gets it")
        }
        (Reason::CONNECTION_CLOSED, _) => format!(
            "the connection of '{client}' closed before this message of QoS 0 was written to it"
        ),
        (Reason::SESSION_CRASHED, _) => {
            format!("the process of the session of '{client}' failed, and what it held is lost")
        }
        (Reason::TICKET_LOST, _) => format!(
            "a process failed on the way of what '{client}' published; the publisher was told that it is \
             not accepted"
        ),
        (Reason::DISPATCH_FAILED, _) => format!(
            "a process failed on the way of this message of {}",
            level(loss.qos)
        ),
        (Reason::INTERNAL_QUEUE_FULL, _) => {
            "the queue of the broker's own messages was full (bounds.internal_queue)".to_owned()
        }
        (Reason::RETAINED_NOT_STORED, _) => {
            "it is retained, but will not be there after a restart: the \
             store takes nothing at the moment"
                .to_owned()
        }
        (Reason::RETAINED_REFUSED, Detail::What(why)) => {
            format!("it went to its subscribers, but is not retained: {why}")
        }
        (Reason::DAMAGED, _) => {
            "a row of the store is damaged and was left out (see `castmq store check`)".to_owned()
        }
        (reason, _) => {
            format!("{reason}: bytes of '{client}' that are no packet, so it was closed")
        }
    }
}

fn level(qos: Option<QoS>) -> String {
    qos.map_or_else(
        || "some QoS".to_owned(),
        |qos| format!("QoS {}", qos.number()),
    )
}
