//! What a session is told, and how it looks to an observer.

use std::rc::Rc;
use std::sync::Arc;

use castmq_mqtt::{PacketId, ReasonCode, Subscription, SubscriptionOptions};
use castmq_otp::{Address, Entry};
use castmq_rules::ack_order::Sequence;
use castmq_rules::claim::Epoch;
use castmq_rules::session::{
    DownReason, DropReason, EndReason, Link, Page, PullRetained, Restored,
};
use castmq_rules::{ClientId, Delivery, Message};

use super::{OnBehalf, Session};
use crate::Shard;
use crate::client::{Client, ClientEntry};
use crate::store::Receipt;

/// A filter of a SUBSCRIBE, as the connection has judged it.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// To be subscribed.
    Subscribe(Subscription, SubscriptionOptions),
    /// Refused with this reason.
    Refused(ReasonCode),
}

/// What a session is told.
#[derive(Debug)]
pub enum SessionEntry {
    /// A connection has won the claim.
    Connected {
        /// Its address.
        client: Address<Client>,
        /// What it is like.
        link: Box<Link>,
        /// Whether CONNACK says that the session was there.
        session_present: bool,
        /// Whether it follows one that was to be kept, which is over on the disk before CONNACK.
        follows: bool,
    },
    /// The connection of that claim is gone.
    Disconnected {
        /// Which claim.
        epoch: Epoch,
        /// Why.
        reason: DownReason,
    },
    /// Somebody else wants the client id: the connection of that claim has to go.
    TakeOver {
        /// Which claim.
        epoch: Epoch,
    },
    /// The session has to end, for another one that follows or for nobody.
    End(EndReason, Option<Box<Successor>>),
    /// A message for the client.
    Deliver {
        /// The message and how the client gets it.
        delivery: Delivery,
        /// Bytes of a shared body that this entry accounts for.
        carries: u32,
        /// Held until the message is taken in, if somebody waits for that.
        receipt: Option<Rc<Receipt>>,
    },
    /// PUBACK from the client.
    Puback(Epoch, PacketId, ReasonCode),
    /// PUBREC from the client.
    Pubrec(Epoch, PacketId, ReasonCode),
    /// PUBCOMP from the client.
    Pubcomp(Epoch, PacketId),
    /// A QoS 2 message from the client.
    Publish {
        /// By which connection.
        epoch: Epoch,
        /// Its id.
        packet_id: PacketId,
        /// The message.
        message: Arc<Message>,
        /// What the connection calls it.
        sequence: Sequence,
    },
    /// A QoS 2 message was refused after all.
    PublishRefused(Epoch, PacketId),
    /// PUBREL from the client.
    Pubrel(Epoch, PacketId, Sequence),
    /// SUBSCRIBE from the client, or from the broker on its behalf.
    Subscribe {
        /// By which connection.
        epoch: Epoch,
        /// `None` when nobody waits for SUBACK.
        packet_id: Option<PacketId>,
        /// The filters in their order.
        filters: Vec<Wanted>,
        /// The identifier for all of them.
        subscription_id: Option<u32>,
    },
    /// UNSUBSCRIBE from the client.
    Unsubscribe {
        /// By which connection.
        epoch: Epoch,
        /// Its id.
        packet_id: PacketId,
        /// The filters in their order.
        filters: Vec<Subscription>,
    },
    /// The server has done the oldest request.
    Registered,
    /// A fence is back.
    Fenced(u64),
    /// Whether the connection takes more.
    Room(Epoch, bool),
    /// A message was too large for the client, or it may not have it.
    Undeliverable(Epoch, PacketId, DropReason),
    /// There is more to send.
    Continue,
    /// The next retained messages are wanted.
    Pull(Box<PullRetained>),
    /// A message that waited for it is stored.
    Stored(u64),
    /// What it had put in is stored: its client may be told.
    Committed,
    /// A will is stored with those who get it.
    WillStored,
    /// The id of a message of the client is stored, or the message was refused.
    ReceivedStored(PacketId, bool),
    /// Messages were read from the store; `None` when they could not be.
    Page(Option<Box<Page>>),
    /// The whole session was read from the store, because its process had failed.
    Loaded(Result<Option<Box<Restored>>, String>),
    /// Somebody else than its client has it subscribe or unsubscribe.
    OnBehalf(Box<OnBehalf>),
    /// The timer fired.
    Timer,
}

/// A session that takes the place of another one.
#[derive(Debug)]
pub struct Successor {
    /// Which.
    pub session: Address<Session>,
    /// Whose connection it gets.
    pub client: Address<Client>,
    /// What that is like.
    pub link: Box<Link>,
    /// Whether the one before it was to be kept.
    pub follows: bool,
}

impl Successor {
    /// The one before it is over.
    pub(crate) fn connect(self, shard: &mut Shard) {
        let Self {
            session,
            client,
            link,
            follows,
        } = self;
        let entry = SessionEntry::Connected {
            client,
            link,
            session_present: false,
            follows,
        };
        if shard.send(session, entry).is_err() {
            let _ = shard.send(client, ClientEntry::Busy);
        }
    }
}

impl Entry for SessionEntry {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most hold what may be owned once only"
    )]
    fn duplicate(&self) -> Option<Self> {
        Some(match self {
            Self::Deliver {
                delivery, carries, ..
            } => Self::Deliver {
                delivery: delivery.clone(),
                carries: *carries,
                receipt: None,
            },
            Self::Puback(epoch, id, reason) => Self::Puback(*epoch, *id, *reason),
            Self::Pubrec(epoch, id, reason) => Self::Pubrec(*epoch, *id, *reason),
            Self::Pubcomp(epoch, id) => Self::Pubcomp(*epoch, *id),
            Self::Disconnected { epoch, reason } => Self::Disconnected {
                epoch: *epoch,
                reason: *reason,
            },
            Self::TakeOver { epoch } => Self::TakeOver { epoch: *epoch },
            Self::Room(epoch, has_room) => Self::Room(*epoch, *has_room),
            Self::Continue => Self::Continue,
            Self::Timer => Self::Timer,
            _ => return None,
        })
    }

    const NAMES: &'static [&'static str] = &[
        "nothing",
        "Connected",
        "Disconnected",
        "TakeOver",
        "End",
        "Deliver",
        "Puback",
        "Pubrec",
        "Pubcomp",
        "Publish",
        "PublishRefused",
        "Pubrel",
        "Subscribe",
        "Unsubscribe",
        "Registered",
        "Room",
        "Undeliverable",
        "Continue",
        "Pull",
        "Timer",
        "Fenced",
        "Stored",
        "Committed",
        "ReceivedStored",
        "Page",
        "Loaded",
        "WillStored",
        "OnBehalf",
    ];

    fn weight(&self) -> usize {
        match self {
            Self::Deliver { carries, .. } => 96 + *carries as usize,
            Self::Publish { message, .. } => 96 + message.weight(),
            Self::Subscribe { filters, .. } => 96 + 64 * filters.len(),
            Self::Unsubscribe { filters, .. } => 96 + 32 * filters.len(),
            Self::Connected { .. }
            | Self::OnBehalf(_)
            | Self::Disconnected { .. }
            | Self::TakeOver { .. }
            | Self::End(..)
            | Self::Stored(_)
            | Self::Committed
            | Self::WillStored
            | Self::ReceivedStored(..)
            | Self::Page(_)
            | Self::Loaded(_)
            | Self::Puback(..)
            | Self::Pubrec(..)
            | Self::Pubcomp(..)
            | Self::PublishRefused(..)
            | Self::Pubrel(..)
            | Self::Registered
            | Self::Fenced(_)
            | Self::Room(..)
            | Self::Undeliverable(..)
            | Self::Continue
            | Self::Pull(_)
            | Self::Timer => 96,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Connected { .. } => 1,
            Self::Disconnected { .. } => 2,
            Self::TakeOver { .. } => 3,
            Self::End(..) => 4,
            Self::Deliver { .. } => 5,
            Self::Puback(..) => 6,
            Self::Pubrec(..) => 7,
            Self::Pubcomp(..) => 8,
            Self::Publish { .. } => 9,
            Self::PublishRefused(..) => 10,
            Self::Pubrel(..) => 11,
            Self::Subscribe { .. } => 12,
            Self::Unsubscribe { .. } => 13,
            Self::Registered => 14,
            Self::Room(..) => 15,
            Self::Undeliverable(..) => 16,
            Self::Continue => 17,
            Self::Pull(_) => 18,
            Self::Timer => 19,
            Self::Fenced(_) => 20,
            Self::Stored(_) => 21,
            Self::Committed => 22,
            Self::ReceivedStored(..) => 23,
            Self::Page(_) => 24,
            Self::Loaded(_) => 25,
            Self::WillStored => 26,
            Self::OnBehalf(_) => 27,
        }
    }
}

/// A session as an observer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSnapshot {
    /// Whose.
    pub client_id: ClientId,
    /// Whether its client is there.
    pub is_connected: bool,
    /// Messages in flight to the client.
    pub inflight: usize,
    /// Messages that wait.
    pub queued: usize,
    /// What they count for.
    pub queued_bytes: usize,
    /// QoS 2 messages of the client that it has not released.
    pub awaiting_rel: usize,
    /// Filters as they were subscribed.
    pub subscriptions: Vec<String>,
    /// The last granted claim.
    pub epoch: u64,
}
