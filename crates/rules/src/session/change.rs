//! What of a session outlives the process: every change of it, and how it comes back.
//!
//! A session that outlives its connection says what has to be on the disk. The changes of one session are
//! stored in their order; a session is built again from what they left behind ([`Restored`]).
//!
//! A message that waits or is in flight has a *number*, higher than that of all messages before it in
//! its session. The packet id follows from the number, so that it is the same after a restart without
//! being stored.

use castmq_mqtt::{PacketId, Subscription, Text, Will};
use serde::{Deserialize, Serialize};

use crate::claim::Epoch;
use crate::session::{Expiry, SubscriptionEntry};
use crate::{ClientId, Delivery, MessageId, Moment};

/// A change of a session that has to be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The session as such, in whole. The first change of each session.
    Record(Box<Record>),
    /// It subscribes to this in this way, from now on if not before.
    Subscribed(Subscription, SubscriptionEntry),
    /// It does not subscribe to this any more.
    Unsubscribed(Subscription),
    /// A message of QoS 1 or 2 waits for the client or is on its way to it.
    Queued {
        /// Its number.
        number: u64,
        /// What the messages up to this one weigh together, all that the session ever had.
        weight_sum: u64,
        /// The message, and how the client gets it.
        delivery: Delivery,
    },
    /// The message is done with: acknowledged, expired, dropped.
    Done {
        /// Its number.
        number: u64,
        /// Which message it was.
        message: MessageId,
    },
    /// PUBREC: the message is done with, and its packet id waits for PUBCOMP.
    Released {
        /// The number of the message.
        number: u64,
        /// Which message it was.
        message: MessageId,
        /// The id.
        packet_id: PacketId,
        /// Counts the PUBRECs of the session: in this order they are released again.
        order: u64,
    },
    /// PUBCOMP: the packet id is free.
    Completed(PacketId),
    /// A QoS 2 message with this packet id came from the client and is not released.
    Received(PacketId),
    /// The client has released it, or it was refused.
    Forgotten(PacketId),
    /// The session is over, and everything of it goes.
    Ended,
}

/// A session as such.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Whose.
    pub client_id: ClientId,
    /// The last claim.
    pub epoch: Epoch,
    /// How long it outlives its connection.
    pub expiry: Expiry,
    /// Whether its client is there.
    pub presence: Presence,
    /// The will that may still be published.
    pub will: Option<Box<Will>>,
    /// The user in whose name it is.
    pub user_name: Option<Text>,
    /// No message with a lower number waits or is in flight.
    pub first: u64,
    /// The number of the next message.
    pub next: u64,
    /// What all messages so far weigh together; as it is read, not less than the last stored message
    /// says.
    pub weight_sum: u64,
}

/// Whether the client of a session is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It has a connection.
    Connected,
    /// It has none.
    Away {
        /// When the session ends; `None` for never.
        ends: Option<Moment>,
        /// When the will is to be published, if there is one.
        will_due: Option<Moment>,
        /// Messages with a lower number may have been sent to it.
        sent_below: u64,
    },
}

/// A session as it is read from a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The session as such.
    pub record: Record,
    /// What it subscribes to.
    pub subscriptions: Vec<(Subscription, SubscriptionEntry)>,
    /// Ids that wait for PUBCOMP, in the order of their PUBRECs, with the number of that order.
    pub released: Vec<(u64, PacketId)>,
    /// Ids of the client's own QoS 2 messages that it has not released.
    pub received: Vec<PacketId>,
    /// Its messages, which stay where they are until the client comes.
    pub queue: StoredQueue,
}

/// Messages of a session that are in the store and not in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredQueue {
    /// No message has a lower number.
    pub first: u64,
    /// All have a lower number than this.
    pub next: u64,
    /// How many there are, at most: some in between may be gone.
    pub len: usize,
    /// What they weigh, at most.
    pub bytes: usize,
}

/// Some messages of a session, read from the store in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Number and message.
    pub messages: Vec<(u64, Delivery)>,
    /// All messages with a lower number have been read.
    pub next: u64,
}
