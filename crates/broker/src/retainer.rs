//! Retainer: owns the limits, the expiry and the scans of retained messages.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_retainer` |
//! | Started by | [`sup`](crate::sup), one for the node, on arbiter 0 |
//! | Work runs in | its own turn (expiry); the publisher's turn ([`retain`]); the subscriber's turn ([`dispatch`]) |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | the table stands outside of it; expiry pauses until the restart |
//! | Watch | gauge `retained/count`, counter `messages/dropped`, event `retained.refused` |
//!
//! The rules are in [`castmq_rules::Retained`]; this file locks the table for one message or one chunk.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use castmq_observe::{Event, Kind};
use castmq_otp::{Address, Entry, Lanes, Process, Restart};
use castmq_rules::ledger::Detail;
use castmq_rules::{Message, RetainRefused, Scan, ScanBudget, Stored};
use castmq_store::Op;

use crate::ledger::{Loss, Reason};
use crate::node::Node;
use crate::ticker::Ticker;
use crate::{Local, Shard, kinds, ledger, now, store};

/// How often expired messages are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);
/// Messages forgotten per turn.
const EXPIRE_CHUNK: usize = 1000;
/// Topics that one chunk of a scan looks at, so that the table is never locked for long.
const STEPS: usize = 1024;

/// The retainer.
#[derive(Debug)]
pub struct Retainer {
    address: Address<Self>,
    ticker: Ticker,
}

/// What the retainer hears: its timer.
#[derive(Debug)]
pub struct RetainerTick;

impl Entry for RetainerTick {
    const NAMES: &'static [&'static str] = &["nothing", "Tick"];

    fn weight(&self) -> usize {
        64
    }

    fn kind(&self) -> u8 {
        1
    }
}

impl Retainer {
    /// Starts the retainer and its timer.
    pub fn start(shard: &mut Shard) -> Address<Self> {
        let now = shard.now();
        let ticker = Ticker::first(now, EXPIRE_EVERY, 0);
        let address = shard.spawn("", |address| Self { address, ticker });
        ticker.arm(shard, address);
        address
    }
}

impl Process for Retainer {
    type World = Local;
    type Entry = RetainerTick;
    const KIND: Kind = kinds::RETAINER;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(3600),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.retainer
    }

    // emqttd: emqttd_retainer:handle_info/2 (expire)
    fn take(&mut self, _tick: RetainerTick, shard: &mut Shard) {
        if !self.ticker.is_due(shard) {
            return;
        }
        let now = now(shard);
        let expired = {
            let mut table = shard
                .world
                .node
                .retained
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            table.expire(now, EXPIRE_CHUNK)
        };
        let again = if expired.len() == EXPIRE_CHUNK {
            Duration::ZERO
        } else {
            EXPIRE_EVERY
        };
        for (topic, version) in expired {
            store::put(shard, Op::Unretain { topic, version });
        }
        self.ticker.again(shard, self.address, again);
    }

    fn restart(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        self.ticker.again(shard, self.address, EXPIRE_EVERY);
        Some(Box::new(Self {
            address: self.address,
            ticker: self.ticker,
        }))
    }
}

/// Keeps a message that was published with the retain flag, or deletes what its topic had, and numbers
/// it. Runs in the publisher's turn, before the message is routed, so that no subscriber has a newer
/// version than the table.
// emqttd: emqttd_retainer:retain/1
#[must_use]
pub fn retain(shard: &mut Shard, message: Message) -> Arc<Message> {
    let stored = {
        let mut table = shard
            .world
            .node
            .retained
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        table.store(message)
    };
    match stored {
        Stored::Kept(message) | Stored::Deleted { message, .. } => message,
        Stored::Refused(message, why) => {
            let client = message.from.as_ref().map_or("", |from| from.as_str());
            shard.tell(
                Event::RetainedRefused,
                &[
                    ("client", &client),
                    ("topic", &message.topic),
                    ("cause", &why),
                ],
            );
            let what = match why {
                RetainRefused::Full => "retained.max_messages is reached",
                RetainRefused::PayloadTooLarge => "it is larger than retained.max_payload",
            };
            let loss = Loss::of_message(Reason::RETAINED_REFUSED, &message);
            let loss = loss.detail(Detail::What(what));
            let loss = match &message.from {
                Some(from) => loss.client(from),
                None => loss,
            };
            ledger::enter(shard, loss);
            message
        }
    }
}

/// What has to be stored of a message that was published with the retain flag.
pub(crate) fn operation(shard: &Shard, message: &Arc<Message>) -> Option<Op> {
    // What the broker says of itself it says again after a restart.
    if !store::is_on(shard) || message.is_system() {
        return None;
    }
    // One without a number was refused.
    let version = message.version?;
    if message.payload.is_empty() {
        let topic = message.topic.clone();
        return Some(Op::Unretain { topic, version });
    }
    let ends = shard.world.node.retain_limits.end_of(message);
    let message = Arc::clone(message);
    Some(Op::Retain { message, ends })
}

/// The next retained messages of a scan; none of them when it has looked at enough topics for now.
/// Runs in the subscriber's turn and holds the table for one chunk.
// emqttd: emqttd_retainer:dispatch/2
#[must_use]
pub fn dispatch(shard: &Shard, scan: &mut Scan, messages_max: usize) -> Vec<Arc<Message>> {
    let budget = ScanBudget {
        messages: messages_max,
        steps: STEPS,
    };
    let table = shard
        .world
        .node
        .retained
        .read()
        .unwrap_or_else(PoisonError::into_inner);
    table.next_chunk(scan, budget, now(shard))
}

/// The newest version of any topic.
#[must_use]
pub fn version(node: &Node) -> u64 {
    let table = node.retained.read().unwrap_or_else(PoisonError::into_inner);
    table.version()
}

/// How many messages are retained.
#[must_use]
pub fn retained_now(node: &Node) -> usize {
    node.retained
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .len()
}

impl crate::inspect::State for Retainer {
    fn state(&self, times: crate::inspect::Times) -> serde_json::Value {
        serde_json::json!({ "looks_at": times.text_since_start(self.ticker.due()) })
    }
}
