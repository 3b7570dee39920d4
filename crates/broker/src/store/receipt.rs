//! Receipts: who of an arbiter's sessions still has to take a message in that outlives the process.
//!
//! Each of those sessions holds the receipt while the message is in its lane. The last one to let go of
//! it settles it; one that lets go of it without having taken the message in, because it failed, has the
//! publisher told that it was not accepted.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use castmq_mqtt::ReasonCode;
use castmq_observe::trace::Token;
use castmq_otp::Address;
use castmq_rules::ack_order::Outcome;
use castmq_rules::session::Change;
use castmq_store::SessionKey;

use super::{Waiter, wait};
use crate::parcel::AnswerTo;
use crate::session::Session;
use crate::{Shard, pubsub};

/// A change of a session that is stored together with what else belongs to the publish.
#[derive(Debug)]
pub struct SessionChange {
    /// Whose.
    pub session: Address<Session>,
    /// The key under which it is stored.
    pub key: SessionKey,
    /// What.
    pub change: Change,
}

/// See the module.
#[derive(Debug)]
pub struct Receipt {
    to: AnswerTo,
    /// The flow that it is traced in.
    token: Option<Token>,
    /// Sessions that have not taken it in.
    missing: Cell<u32>,
    changes: RefCell<Vec<SessionChange>>,
    settled: Receipts,
}

/// Receipts that everybody has let go of.
pub(crate) type Receipts = Rc<RefCell<Vec<Settled>>>;

/// What became of a receipt.
#[derive(Debug)]
pub(crate) struct Settled {
    to: AnswerTo,
    token: Option<Token>,
    is_taken: bool,
    changes: Vec<SessionChange>,
}

impl Receipt {
    /// A receipt for a message whose publisher is to be told.
    pub(crate) fn new(shard: &Shard, to: AnswerTo) -> Rc<Self> {
        Rc::new(Self {
            to,
            token: shard.tracer.token(),
            missing: Cell::new(0),
            changes: RefCell::default(),
            settled: Rc::clone(&shard.world.pending.receipts),
        })
    }

    /// One more session has to take it in.
    pub(crate) fn expect(&self) {
        self.missing.set(self.missing.get() + 1);
    }

    /// A session has taken it in.
    pub(crate) fn taken(&self) {
        self.missing.set(self.missing.get().saturating_sub(1));
    }

    /// Whether what sessions store for it is stored together, at the publisher's.
    pub(crate) fn collects(&self) -> bool {
        matches!(self.to, AnswerTo::Collector { .. })
    }

    /// A change to be stored together with the others.
    pub(crate) fn add(&self, change: SessionChange) {
        // Nobody else borrows it: sessions run one after the other.
        if let Ok(mut changes) = self.changes.try_borrow_mut() {
            changes.push(change);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Ok(mut settled) = self.settled.try_borrow_mut() {
            settled.push(Settled {
                to: self.to,
                token: self.token,
                is_taken: self.missing.get() == 0,
                changes: self.changes.take(),
            });
        }
    }
}

/// Has the publishers of settled receipts told: at once where a collector waits for it, otherwise when
/// what the sessions have put in so far is stored.
pub(super) fn settle(shard: &mut Shard) {
    let receipts = Rc::clone(&shard.world.pending.receipts);
    let settled = receipts.take();
    for settled in settled {
        shard.under(settled.token, |shard| settle_one(shard, settled));
    }
}

fn settle_one(shard: &mut Shard, settled: Settled) {
    let Settled {
        to,
        is_taken,
        changes,
        ..
    } = settled;
    if !is_taken {
        let outcome = Outcome::Refused(ReasonCode::UnspecifiedError);
        pubsub::answer_with(shard, to, outcome, changes);
    } else if matches!(to, AnswerTo::Collector { .. }) {
        pubsub::answer_with(shard, to, Outcome::Accepted, changes);
    } else {
        wait(shard, Waiter::Answer(to, Outcome::Accepted));
    }
}
