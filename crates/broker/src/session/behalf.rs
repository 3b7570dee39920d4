//! Subscriptions that somebody else than the client has a session make or end.

use std::sync::mpsc::SyncSender;

use castmq_mqtt::{Subscription, SubscriptionOptions};
use castmq_rules::session::SubscriptionsFull;

use super::{Session, Wanted, to_server};
use crate::Shard;
use crate::server::ServerEntry;

/// Why a session did not do what was asked on its client's behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnBehalfError {
    /// It has as many subscriptions as it may have.
    #[error("the session has {0}, the most that mqtt.max_subscriptions allows")]
    Full(SubscriptionsFull),
    /// There is no such subscription.
    #[error("there is no such subscription")]
    NoSubscription,
    /// The session has just ended.
    #[error("the session has ended")]
    Ended,
}

/// What a session is to do on its client's behalf, and whom to tell when it has.
#[derive(Debug)]
pub enum OnBehalf {
    /// Subscribe.
    Subscribe {
        /// To what.
        subscription: Subscription,
        /// How.
        options: SubscriptionOptions,
        /// Whom to tell.
        answer: SyncSender<Result<(), OnBehalfError>>,
    },
    /// Unsubscribe.
    Unsubscribe {
        /// From what.
        subscription: Subscription,
        /// Whom to tell.
        answer: SyncSender<Result<(), OnBehalfError>>,
    },
}

impl Session {
    pub(super) fn on_behalf(&mut self, shard: &mut Shard, asked: OnBehalf) {
        let (done, answer) = match asked {
            OnBehalf::Subscribe {
                subscription,
                options,
                answer,
            } => (self.subscribe_for(shard, &subscription, options), answer),
            OnBehalf::Unsubscribe {
                subscription,
                answer,
            } => (self.unsubscribe_for(shard, subscription), answer),
        };
        // Whoever asked may have given up.
        let _ = answer.try_send(done);
    }

    fn subscribe_for(
        &mut self,
        shard: &mut Shard,
        subscription: &Subscription,
        options: SubscriptionOptions,
    ) -> Result<(), OnBehalfError> {
        if self.state.is_ended() {
            return Err(OnBehalfError::Ended);
        }
        let is_shared = subscription.is_shared();
        let wanted = Wanted::Subscribe(subscription.clone(), options);
        self.subscribe(shard, None, vec![wanted], None);
        if self.state.subscription(subscription).is_none() {
            let most = self.state.subscriptions_now();
            return Err(OnBehalfError::Full(SubscriptionsFull(most)));
        }
        if is_shared && !self.state.is_connected() {
            // Who joins a group counts as there until the server hears otherwise.
            let (session, is_online) = (self.address, false);
            to_server(shard, ServerEntry::Online { session, is_online });
        }
        Ok(())
    }

    fn unsubscribe_for(
        &mut self,
        shard: &mut Shard,
        subscription: Subscription,
    ) -> Result<(), OnBehalfError> {
        if self.state.is_ended() {
            return Err(OnBehalfError::Ended);
        }
        if self.state.subscription(&subscription).is_none() {
            return Err(OnBehalfError::NoSubscription);
        }
        self.unsubscribe(shard, None, vec![subscription]);
        Ok(())
    }
}
