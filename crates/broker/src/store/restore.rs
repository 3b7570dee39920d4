//! Restore: sessions that the store has kept come back before a listener opens, and one whose process
//! failed comes back under its address.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use castmq_mqtt::Subscription;
use castmq_observe::Counter;
use castmq_otp::Address;
use castmq_rules::Subscriber;
use castmq_rules::session::Restored;
use castmq_store::{Link, Recovered, SessionKey, StoreError};

use super::NodeStore;
use crate::node::Node;
use crate::parcel::Parcel;
use crate::pubsub::Pubsub;
use crate::session::{Session, SessionEntry};
use crate::sm::SmEntry;
use crate::{Shard, server, session_sup};

/// How long after an arbiter had no room for an answer it is tried again.
const POST_AGAIN: Duration = Duration::from_millis(5);

/// What the store has kept is the node's: retained messages at once; returned are the sessions that each
/// arbiter has to [`restore`]. Numbers go on behind those of earlier lives.
#[must_use]
pub fn take_over(
    node: &Node,
    recovered: Recovered,
    link: Arc<Link>,
) -> Vec<Vec<(SessionKey, Restored)>> {
    let store = NodeStore::new(link, recovered.run);
    node.epochs_begin_at(recovered.epoch_max);
    node.message_ids_begin_at(store.first_message_id());
    // It is the first one: a node is given its store once, before it has arbiters.
    let _ = node.store.set(store);
    {
        let table = node.retained.write();
        let mut table = table.unwrap_or_else(PoisonError::into_inner);
        for (message, ends) in recovered.retained {
            table.restore(message, ends);
        }
        table.begin_at(recovered.retained_version);
    }
    node.accounts.restore(recovered.accounts);
    let arbiters = usize::from(node.arbiters.max(1));
    let mut shares = Vec::new();
    shares.resize_with(arbiters, Vec::new);
    for (number, (key, restored)) in recovered.sessions.into_iter().enumerate() {
        let arbiter = number % arbiters;
        let client_id = restored.record.client_id.clone();
        let here = u16::try_from(arbiter).unwrap_or(0);
        node.directory.insert(client_id, here);
        if let Some(share) = shares.get_mut(arbiter) {
            share.push((key, restored));
        }
    }
    shares
}

/// All that was stored is in place: sessions do what has come due while nobody ran. A will finds its
/// subscribers.
pub fn begin(shard: &mut Shard) {
    let sessions = shard.world.lanes.session.iter(shard.arbiter);
    let sessions: Vec<Address<Session>> = sessions.map(|(address, _)| address).collect();
    for session in sessions {
        let _ = shard.send(session, SessionEntry::Timer);
    }
}

/// Whether the routes of an arbiter's sessions are in place.
#[must_use]
pub fn are_routes_settled(shard: &Shard) -> bool {
    let Some(pubsub) = shard.world.names.pubsub else {
        return true;
    };
    let lanes = &shard.world.lanes.pubsub;
    let is_idle = shard.world.lanes.server.is_idle()
        && shard.world.lanes.sm.is_idle()
        && shard.world.lanes.session.is_idle()
        && lanes.is_idle();
    let pubsub = lanes.peek(pubsub.slot, pubsub.generation);
    is_idle && pubsub.is_none_or(Pubsub::is_settled)
}

/// Starts sessions on the arbiter to which their client ids were given.
pub fn restore(shard: &mut Shard, sessions: Vec<(SessionKey, Restored)>) {
    for (key, restored) in sessions {
        let subscriptions = subscribers(&restored);
        let client_id = restored.record.client_id.clone();
        let epoch = restored.record.epoch;
        let session = session_sup::restore_session(shard, key, restored);
        shard.count(Counter::SessionsRestored);
        if let Some(sm) = shard.world.names.sm {
            let entry = SmEntry::Restored {
                client_id,
                session,
                epoch,
            };
            let _ = shard.send(sm, entry);
        }
        server::restore(shard, session, &subscriptions);
    }
}

/// What a session subscribes to, as the table takes it.
fn subscribers(restored: &Restored) -> Vec<(Subscription, Subscriber)> {
    let subscriptions = restored.subscriptions.iter();
    subscriptions
        .map(|(subscription, entry)| {
            let id = entry.id.and_then(std::num::NonZeroU32::new);
            let options = entry.options;
            (subscription.clone(), Subscriber { options, id })
        })
        .collect()
}

/// Has a session read whose process failed: everything that it had put in is stored now.
pub(super) fn load(shard: &mut Shard, session: Address<Session>, key: SessionKey) {
    let Some(store) = shard.world.node.store.get() else {
        return;
    };
    let mail = shard.outside();
    let answer = Box::new(move |restored: Result<Option<Restored>, StoreError>| {
        let restored = restored
            .map(|restored| restored.map(Box::new))
            .map_err(|error| error.to_string());
        // This is a reader's thread: it can wait until the arbiter has room, and the session cannot do
        // without.
        let restored = Arc::new(Mutex::new(Some(restored)));
        loop {
            let answer = Arc::clone(&restored);
            let work = move |shard: &mut Shard| {
                let restored = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(restored) = restored {
                    let _ = shard.send(session, SessionEntry::Loaded(restored));
                }
            };
            let parcel = Parcel::Run(Box::new(work));
            if mail.post(session.arbiter, parcel).is_ok() {
                return;
            }
            std::thread::sleep(POST_AGAIN);
        }
    });
    if store.link.load_session(key, answer).is_err() {
        let error = Err("too many reads wait".to_owned());
        let _ = shard.send(session, SessionEntry::Loaded(error));
    }
}
