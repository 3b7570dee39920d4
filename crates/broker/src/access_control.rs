//! Access control: who may connect, publish and subscribe.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_access_control` |
//! | Started by | [`sup`](crate::sup), one for the node, on arbiter 0 |
//! | Work runs in | its own turn (register); the connection's turn (check) |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | the table stands outside of it, so that nobody gets in meanwhile who should not |
//! | Watch | events `client.refused`, `client.denied` |
//!
//! The rules are in [`castmq_rules::access`]; this file asks the modules in their order.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use arc_swap::ArcSwap;
use castmq_mqtt::{Text, TopicFilter, TopicName, Version, Will};
use castmq_observe::Kind;
use castmq_otp::{Entry, Lanes, Peer, Process, Restart};
use castmq_rules::ClientId;
use castmq_rules::access::{AccessCache, Action, Answer, Decision, first_answer};
use castmq_rules::connect::Refused;

use crate::{Local, Shard, kinds};

/// Decisions that a connection remembers.
const CACHE_ENTRIES: usize = 32;

/// What a client says of itself.
#[derive(Clone, Copy)]
pub struct Credentials<'c> {
    /// Its client id.
    pub client_id: &'c ClientId,
    /// Its user name.
    pub user_name: Option<&'c str>,
    /// Its password. Never to be logged.
    pub password: Option<&'c [u8]>,
    /// Where it connects from.
    pub peer: Peer,
    /// What it speaks.
    pub version: Version,
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// A module that knows who may connect.
pub trait Authenticator: Send + Sync {
    /// Yes, no, or not its business. A module that panics says no.
    fn authenticate(&self, credentials: &Credentials<'_>) -> Answer<Refused>;
}

/// A module that knows who may publish or subscribe to what.
pub trait Authorizer: Send + Sync {
    /// Yes, no, or not its business. `topic` is a topic to publish to, or the filter to subscribe to. A
    /// module that panics says no.
    fn authorize(
        &self,
        client_id: &ClientId,
        user_name: Option<&str>,
        action: Action,
        topic: &str,
    ) -> Answer<()>;
}

/// The modules in the order in which they are asked.
#[derive(Clone, Default)]
pub struct Modules {
    /// Who may connect. Without any, everybody who reaches a listener.
    pub authenticators: Vec<Arc<dyn Authenticator>>,
    /// Who may do what. What none decides is allowed.
    pub authorizers: Vec<Arc<dyn Authorizer>>,
}

impl fmt::Debug for Modules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Modules")
            .field("authenticators", &self.authenticators.len())
            .field("authorizers", &self.authorizers.len())
            .finish()
    }
}

/// The modules and the number of their change.
#[derive(Debug, Default)]
pub struct Access {
    modules: ArcSwap<Modules>,
    generation: AtomicU64,
}

/// What a connection remembers of its rights.
#[derive(Debug, Default)]
pub struct AclCache(Option<Box<AccessCache>>);

impl AclCache {
    fn cache(&mut self) -> &mut AccessCache {
        self.0
            .get_or_insert_with(|| Box::new(AccessCache::new(CACHE_ENTRIES)))
    }
}

impl Access {
    /// Puts other modules in place; what connections remember is forgotten.
    // differs: emqttd's connections remember rights for as long as they live (P16).
    pub fn replace(&self, modules: Modules) {
        self.modules.store(Arc::new(modules));
        self.generation.fetch_add(1, SeqCst);
    }

    /// Counts the changes. What was allowed is allowed while it is the same.
    #[must_use]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(SeqCst)
    }

    /// The modules.
    #[must_use]
    pub fn modules(&self) -> Arc<Modules> {
        self.modules.load_full()
    }

    /// Whether a client may connect.
    // emqttd: emqttd_access_control:auth/2
    // differs: with modules and no answer emqttd says code 4; so do we, but each module's own refusal
    // is passed on (P14).
    pub(crate) fn authenticate(&self, credentials: &Credentials<'_>) -> Result<(), Refused> {
        let modules = self.modules.load();
        if modules.authenticators.is_empty() {
            return Ok(());
        }
        let answers = modules.authenticators.iter().map(|module| {
            catch_unwind(AssertUnwindSafe(|| module.authenticate(credentials)))
                .unwrap_or(Answer::Error(Refused::Unavailable))
        });
        match first_answer(answers) {
            Answer::Ok => Ok(()),
            Answer::Ignore => Err(Refused::BadUserNameOrPassword),
            Answer::Error(refused) => Err(refused),
        }
    }

    /// Whether a client may publish to a topic.
    pub(crate) fn may_publish(
        &self,
        cache: &mut AclCache,
        client_id: &ClientId,
        user_name: Option<&str>,
        topic: &TopicName,
    ) -> bool {
        let asker = (client_id, user_name);
        self.may(cache, asker, Action::Publish, topic.text())
    }

    /// Whether a client may subscribe to a filter.
    pub(crate) fn may_subscribe(
        &self,
        cache: &mut AclCache,
        client_id: &ClientId,
        user_name: Option<&str>,
        filter: &TopicFilter,
    ) -> bool {
        self.may(
            cache,
            (client_id, user_name),
            Action::Subscribe,
            filter.text(),
        )
    }

    /// Whether a client's will may be published.
    pub(crate) fn may_publish_will(
        &self,
        client_id: &ClientId,
        user_name: Option<&str>,
        will: &Will,
    ) -> bool {
        self.ask(client_id, user_name, Action::Publish, will.topic.as_str()) == Decision::Allow
    }

    fn may(
        &self,
        cache: &mut AclCache,
        (client_id, user_name): (&ClientId, Option<&str>),
        action: Action,
        topic: &Text,
    ) -> bool {
        if self.modules.load().authorizers.is_empty() {
            return true;
        }
        let generation = self.generation.load(SeqCst);
        if let Some(decision) = cache.cache().get(generation, action, topic) {
            return decision == Decision::Allow;
        }
        let decision = self.ask(client_id, user_name, action, topic);
        cache.cache().put(generation, action, topic, decision);
        decision == Decision::Allow
    }

    fn ask(
        &self,
        client_id: &ClientId,
        user_name: Option<&str>,
        action: Action,
        topic: &str,
    ) -> Decision {
        let modules = self.modules.load();
        let answers = modules.authorizers.iter().map(|module| {
            catch_unwind(AssertUnwindSafe(|| {
                module.authorize(client_id, user_name, action, topic)
            }))
            .unwrap_or(Answer::Error(()))
        });
        match first_answer(answers) {
            Answer::Ok | Answer::Ignore => Decision::Allow,
            Answer::Error(()) => Decision::Deny,
        }
    }
}

/// The access control process.
#[derive(Debug, Default)]
pub struct AccessControl;

/// A change of the modules.
pub struct AccessEntry(pub Box<dyn FnOnce(&mut Modules) + Send>);

impl fmt::Debug for AccessEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AccessEntry")
    }
}

impl Entry for AccessEntry {
    fn weight(&self) -> usize {
        128
    }

    fn kind(&self) -> u8 {
        1
    }
}

impl Process for AccessControl {
    type World = Local;
    type Entry = AccessEntry;
    const KIND: Kind = kinds::ACCESS_CONTROL;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(3600),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.access_control
    }

    // emqttd: emqttd_access_control:register_mod/4
    fn take(&mut self, entry: AccessEntry, shard: &mut Shard) {
        let access = &shard.world.node.access;
        let mut modules = (*access.modules()).clone();
        (entry.0)(&mut modules);
        access.replace(modules);
    }

    fn restart(&mut self, _shard: &mut Shard) -> Option<Box<Self>> {
        Some(Box::new(Self))
    }
}
