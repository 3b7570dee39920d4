//! Copies: what one message becomes on an arbiter, and who tells its publisher.

use std::cell::RefCell;
use std::rc::Rc;

use castmq_mqtt::QoS;
use castmq_observe::Counter;
use castmq_otp::Address;
use castmq_rules::Delivery;
use castmq_rules::ack_order::Outcome;

use super::answer;
use crate::parcel::AnswerTo;
use crate::session::{Session, SessionEntry};
use crate::store::Receipt;
use crate::{Shard, store, trace};

/// The duty to say what became of a publish on this arbiter. Dropped without a word it says *refused*.
#[derive(Debug)]
pub struct Ticket {
    to: Option<AnswerTo>,
    lost: Rc<RefCell<Vec<AnswerTo>>>,
}

impl Ticket {
    /// A ticket for a publish; one without anybody to tell is accepted in silence.
    #[must_use]
    pub fn new(shard: &Shard, to: Option<AnswerTo>) -> Self {
        Self {
            to,
            lost: Rc::clone(&shard.world.lost_tickets),
        }
    }

    /// Somebody else says what became of it.
    pub fn hand_on(mut self) {
        self.to = None;
    }

    /// Says what became of it.
    pub fn answer(mut self, shard: &mut Shard, outcome: Outcome) {
        if let Some(to) = self.to.take() {
            answer(shard, to, outcome);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(to) = self.to.take()
            && let Ok(mut lost) = self.lost.try_borrow_mut()
        {
            lost.push(to);
        }
    }
}

/// What one message has become on this arbiter so far.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Whether anybody got it.
    pub(super) delivered: bool,
    /// Whether its body counts already.
    is_counted: bool,
    /// Whom to tell, if sessions that outlive the process have to take it in.
    pub(super) to: Option<AnswerTo>,
    /// What those hold until they have.
    pub(super) receipt: Option<Rc<Receipt>>,
    /// Whether another arbiter tells the publisher.
    pub(super) is_handed_on: bool,
}

impl Copies {
    pub(super) fn for_publisher(to: Option<AnswerTo>) -> Self {
        Self {
            to,
            ..Self::default()
        }
    }

    /// What became of the message; `None` when the receipt will tell.
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        let receipt = self.receipt.take();
        let is_known = receipt.is_none() && !self.is_handed_on;
        is_known.then(|| outcome_of(self.delivered))
    }
}

fn outcome_of(delivered: bool) -> Outcome {
    if delivered {
        Outcome::Accepted
    } else {
        Outcome::NoSubscribers
    }
}

/// Puts a copy into a session's lane. The body counts once per arbiter: `is_counted` says that it has
/// been.
pub(super) fn deliver(
    shard: &mut Shard,
    session: Address<Session>,
    delivery: Delivery,
    copies: &mut Copies,
) -> bool {
    let body = if copies.is_counted {
        0
    } else {
        delivery.message.weight()
    };
    copies.is_counted = true;
    let carries = u32::try_from(body).unwrap_or(u32::MAX);
    let receipt = receipt(shard, session, &delivery, copies);
    let entry = SessionEntry::Deliver {
        delivery,
        carries,
        receipt,
    };
    let is_there = if shard.is_tracing() && trace::may_begin_with(shard, session) {
        send_traced(shard, session, entry)
    } else {
        shard.send(session, entry).is_ok()
    };
    if is_there {
        shard.count(Counter::Deliveries);
    }
    copies.delivered |= is_there;
    is_there
}

/// The same while something is traced: whoever follows the session's client follows the message from here.
#[cold]
fn send_traced(shard: &mut Shard, session: Address<Session>, entry: SessionEntry) -> bool {
    let begins = if let SessionEntry::Deliver { delivery, .. } = &entry {
        trace::delivered(shard, session, delivery)
    } else {
        false
    };
    let is_there = shard.send(session, entry).is_ok();
    if begins {
        shard.end_hop();
    }
    is_there
}

/// What a session holds until it has taken a message in: only one that outlives the process, and only
/// where somebody is to be told.
fn receipt(
    shard: &Shard,
    session: Address<Session>,
    delivery: &Delivery,
    copies: &mut Copies,
) -> Option<Rc<Receipt>> {
    let to = copies.to?;
    if delivery.qos == QoS::AtMostOnce || !store::is_on(shard) {
        return None;
    }
    let lanes = &shard.world.lanes.session;
    // One that has its turn right now is looked for in vain: then it may outlive the process.
    let is_live = lanes.is_live(session.slot, session.generation);
    let is_kept = lanes
        .peek(session.slot, session.generation)
        .is_none_or(Session::is_kept);
    if !(is_live && is_kept) {
        return None;
    }
    let receipt = copies
        .receipt
        .get_or_insert_with(|| Receipt::new(shard, to));
    receipt.expect();
    Some(Rc::clone(receipt))
}
