//! Access control: who may connect, publish and subscribe.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_access_control` |
//! | Started by | [`sup`](crate::sup), one for the node, on arbiter 0 |
//! | Work runs in | its own turn (register); the connection's turn (check) |
//! | Waits for | [`pooler`](crate::pooler), where modules compute or ask others |
//! | Waited for by | `client` on CONNECT, at most a minute |
//! | If it dies | the table stands outside of it, so that nobody gets in meanwhile who should not |
//! | Watch | events `client.refused`, `client.denied` |
//!
//! The rules are in [`castmq_rules::access`]; this file asks the modules in their order.

mod asking;
mod credentials;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use castmq_access::{Scram, ScramError, Secret, random_bytes};
use castmq_mqtt::Text;
use castmq_observe::Kind;
use castmq_otp::{Address, Entry, Lanes, Process, Restart};
use castmq_rules::ClientId;
use castmq_rules::access::{
    AccessCache, Action, Answer, Decision, Question, Subject, first_answer,
};
use castmq_settings::Settings;

use crate::client::{Client, ClientEntry};
use crate::listener::Profile;
use crate::parcel::Parcel;
use crate::{Local, Shard, kinds};

pub use asking::Desks;
use asking::{Asking, Chain};
pub use credentials::{Authenticator, Authorizer, Credentials, Desk, Finding, Grant, UserName};

/// The modules in the order in which they are asked.
#[derive(Clone, Default)]
pub struct Modules {
    /// Who may connect. Without any, everybody who reaches a listener.
    pub authenticators: Vec<Arc<dyn Authenticator>>,
    /// The same for clients of the listeners of these names.
    pub by_listener: BTreeMap<String, Vec<Arc<dyn Authenticator>>>,
    /// Who may do what. What none decides is allowed.
    pub authorizers: Vec<Arc<dyn Authorizer>>,
}

impl fmt::Debug for Modules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Modules")
            .field("authenticators", &self.authenticators.len())
            .field("by_listener", &self.by_listener.len())
            .field("authorizers", &self.authorizers.len())
            .finish()
    }
}

/// The modules as they are used.
#[derive(Default)]
struct InUse {
    modules: Modules,
    chain: Chain,
    by_listener: BTreeMap<String, Chain>,
}

impl fmt::Debug for InUse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.modules.fmt(formatter)
    }
}

/// The modules and the number of their change.
#[derive(Debug, Default)]
pub struct Access {
    in_use: ArcSwap<InUse>,
    generation: AtomicU64,
    checks_delivery: AtomicBool,
    /// Rights of tokens are checked on delivery.
    checks_rights: AtomicBool,
    desks: OnceLock<Arc<Desks>>,
    allows_anonymous: AtomicBool,
    cache_entries: AtomicU64,
    /// Makes the salts of users that are not there.
    fake_salts: OnceLock<Secret>,
}

/// A client is asked to prove that it knows its password.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) scram: Scram,
    /// What it gets for it; none for a user who is not there.
    pub(crate) grant: Option<Grant>,
}

/// What a connection remembers of its rights.
#[derive(Debug, Default)]
pub struct AclCache(Option<Box<AccessCache>>);

/// Who asks, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) subject: Subject<'a>,
    pub(crate) grant: Option<&'a Grant>,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(subject: Subject<'a>, grant: Option<&'a Grant>) -> Self {
        let claims = grant.map_or(subject.claims, |grant| &grant.claims);
        Self {
            subject: Subject { claims, ..subject },
            grant,
        }
    }
}

impl Access {
    /// Where modules work that would hold an arbiter up, and what the settings say. Once, before anybody
    /// connects.
    pub(crate) fn set_up(&self, desks: Desks, settings: &Settings) {
        // A second start of the same node does not happen.
        let _ = self.desks.set(Arc::new(desks));
        (self.allows_anonymous).store(settings.allow_anonymous, Relaxed);
        (self.cache_entries).store(settings.acl.cache.into(), Relaxed);
        (self.checks_rights).store(settings.acl.check_delivery, Relaxed);
    }

    /// Puts other modules in place; what connections remember is forgotten.
    // differs: emqttd's connections remember rights for as long as they live (P16).
    pub fn replace(&self, modules: Modules) {
        let checks = modules
            .authorizers
            .iter()
            .any(|module| module.needs_delivery_check());
        let chain = |modules: &Vec<Arc<dyn Authenticator>>| Chain::from(modules.as_slice());
        let in_use = InUse {
            chain: chain(&modules.authenticators),
            by_listener: modules
                .by_listener
                .iter()
                .map(|(listener, modules)| (listener.clone(), chain(modules)))
                .collect(),
            modules,
        };
        self.in_use.store(Arc::new(in_use));
        self.checks_delivery.store(checks, SeqCst);
        self.generation.fetch_add(1, SeqCst);
    }

    /// Counts the changes. What was allowed is allowed while it is the same.
    #[must_use]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(SeqCst)
    }

    /// Whether messages for a client are checked when they are delivered.
    #[must_use]
    pub(crate) fn checks_delivery(&self, grant: Option<&Grant>) -> bool {
        self.checks_delivery.load(Relaxed)
            || grant.is_some_and(|grant| grant.rights.is_some()) && self.checks_rights.load(Relaxed)
    }

    /// Whether anybody is asked who it is, so that a user name means something.
    #[must_use]
    pub(crate) fn asks(&self) -> bool {
        let in_use = self.in_use.load();
        !in_use.chain.is_empty() || in_use.by_listener.values().any(|chain| !chain.is_empty())
    }

    /// The modules.
    #[must_use]
    pub fn modules(&self) -> Modules {
        self.in_use.load().modules.clone()
    }

    fn chain(&self, profile: &Profile) -> Chain {
        let in_use = self.in_use.load();
        let own = in_use.by_listener.get(&profile.name);
        Arc::clone(own.unwrap_or(&in_use.chain))
    }

    /// Asks who a client is. What is found at once is returned; otherwise its connection hears it.
    // emqttd: emqttd_access_control:auth/2
    // differs: with modules and no answer emqttd says code 4; so do we, but each module's own refusal
    // is passed on (P14).
    pub(crate) fn authenticate(
        &self,
        credentials: Arc<Credentials>,
        client: Address<Client>,
    ) -> Option<Finding> {
        let chain = self.chain(&credentials.profile);
        if chain.is_empty() {
            return Some(Finding::known());
        }
        let mut asking = Asking::new(credentials, chain, self.allows_anonymous.load(Relaxed));
        match (asking.ask(Desk::Turn), self.desks.get()) {
            (Ok(finding), _) => Some(finding),
            (Err(_), None) => Some(asking.ask_all()),
            (Err(desk), Some(desks)) => desks.go_on(asking, desk, client),
        }
    }

    /// Begins to have a client prove that it knows its password; the text is what it is told.
    pub(crate) fn begin_scram(
        &self,
        profile: &Profile,
        client_first: &[u8],
    ) -> Result<(Proof, String), ScramError> {
        let random = || random_bytes::<18>().map_err(|_| ScramError::Malformed);
        let nonce: String = (random()?.iter())
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let key = random()?;
        let key = self.fake_salts.get_or_init(|| Secret::new(key));
        let chain = self.chain(profile);
        // What it will have proven is what it is asked now: a change in between is seen afterwards.
        let mut granted = None;
        let (scram, answer) = Scram::first(client_first, &nonce, key, |user| {
            chain.iter().find_map(|module| {
                let (stored, grant) = module.scram(user)?;
                let module = module.name();
                granted = Some(Grant { module, ..grant });
                Some(stored)
            })
        })?;
        let grant = granted;
        Ok((Proof { scram, grant }, answer))
    }

    /// Whether what let a client in that is connected is still so.
    pub(crate) fn still_holds(
        &self,
        profile: &Profile,
        grant: &Grant,
        client_id: &ClientId,
        user_name: Option<&str>,
    ) -> bool {
        let chain = self.chain(profile);
        let module = chain.iter().find(|module| module.name() == grant.module);
        // A module that is gone, or that fails, does not answer for anybody.
        module.is_some_and(|module| {
            let holds = || module.still_holds(grant, client_id, user_name);
            catch_unwind(AssertUnwindSafe(holds)).unwrap_or(false)
        })
    }

    /// Whether somebody may do something; connections remember what was decided.
    pub(crate) fn may(
        &self,
        cache: &mut AclCache,
        asker: Asker<'_>,
        question: Question<'_>,
        topic: &Text,
    ) -> bool {
        if let Some(decision) = by_grant(asker, question) {
            return decision == Decision::Allow;
        }
        if self.in_use.load().modules.authorizers.is_empty() {
            return true;
        }
        let generation = self.generation();
        let entries = usize::try_from(self.cache_entries.load(Relaxed)).unwrap_or(0);
        let cache = cache
            .0
            .get_or_insert_with(|| Box::new(AccessCache::new(entries)));
        let asked = question.asked();
        if let Some(decision) = cache.get(generation, asked, topic) {
            return decision == Decision::Allow;
        }
        let decision = self.ask(asker.subject, question);
        cache.put(generation, asked, topic, decision);
        decision == Decision::Allow
    }

    /// Whether somebody's will may be published.
    pub(crate) fn may_publish_will(&self, asker: Asker<'_>, will: &castmq_mqtt::Will) -> bool {
        let question = Question {
            action: Action::Publish,
            topic: will.topic.as_str(),
            qos: will.qos,
            retain: will.retain,
        };
        let decision = by_grant(asker, question);
        decision.unwrap_or_else(|| self.ask(asker.subject, question)) == Decision::Allow
    }

    /// What is decided, and by whom, for people.
    pub(crate) fn explain(
        &self,
        subject: Subject<'_>,
        question: Question<'_>,
    ) -> (Decision, String) {
        let in_use = self.in_use.load();
        for module in &in_use.modules.authorizers {
            let answer = catch_unwind(AssertUnwindSafe(|| module.authorize(subject, question)));
            let decision = match answer {
                Ok(Answer::Ignore) => continue,
                Ok(Answer::Ok) => Decision::Allow,
                Ok(Answer::Error(())) | Err(_) => Decision::Deny,
            };
            let explain = || module.explain(subject, question);
            let because = catch_unwind(AssertUnwindSafe(explain)).ok().flatten();
            let because = because.unwrap_or_else(|| "it says no more than that".to_owned());
            return (decision, format!("{}: {because}", module.name()));
        }
        let nobody = "no module decides, and what none decides is allowed";
        (Decision::Allow, nobody.to_owned())
    }

    fn ask(&self, subject: Subject<'_>, question: Question<'_>) -> Decision {
        let in_use = self.in_use.load();
        let answers = in_use.modules.authorizers.iter().map(|module| {
            catch_unwind(AssertUnwindSafe(|| module.authorize(subject, question)))
                .unwrap_or(Answer::Error(()))
        });
        match first_answer(answers) {
            Answer::Ok | Answer::Ignore => Decision::Allow,
            Answer::Error(()) => Decision::Deny,
        }
    }
}

/// Superusers may do everything, and whose token holds rights has those and no others.
fn by_grant(asker: Asker<'_>, question: Question<'_>) -> Option<Decision> {
    let grant = asker.grant?;
    if grant.is_superuser {
        return Some(Decision::Allow);
    }
    let rights = grant.rights.as_ref()?;
    let mut question = question;
    if question.action == Action::Deliver {
        // May have what it may subscribe to.
        question.action = Action::Subscribe;
    }
    Some(rights.decide(asker.subject, question))
}

/// What let clients in is looked at again: who would not be let in any more, goes.
fn look_again(shard: &mut Shard) {
    let here = shard.arbiter;
    let revoked: Vec<_> = (shard.world.lanes.client.iter(here))
        .filter(|(_, client)| client.is_revoked(shard))
        .map(|(address, _)| address)
        .collect();
    for client in revoked {
        let _ = shard.send(client, ClientEntry::Revoked);
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
    const NAMES: &'static [&'static str] = &["nothing", "Change"];

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
        let mut modules = access.modules();
        (entry.0)(&mut modules);
        access.replace(modules);
        for arbiter in 0..shard.world.node.arbiters {
            if arbiter == shard.arbiter {
                look_again(shard);
            } else {
                shard.post(arbiter, Parcel::Run(Box::new(look_again)));
            }
        }
    }

    fn restart(&mut self, _shard: &mut Shard) -> Option<Box<Self>> {
        Some(Box::new(Self))
    }
}

impl crate::inspect::State for AccessControl {}
