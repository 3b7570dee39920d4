//! What other threads can ask of a broker that runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::{QoS, ReasonCode, Text, TopicError, TopicName};
use castmq_net::{Transport, TransportError};
use castmq_observe::ProcessRecord;
use castmq_otp::{Address, Clock, Full, Mailroom};
use castmq_rules::ClientId;
use castmq_rules::session::EndReason;

use super::Origins;
use super::modules::{self, ModuleError};
use crate::access_control::{AccessEntry, Modules};
use crate::client::{Client, ClientEntry};
use crate::hook::{HookEntry, Hooks};
use crate::node::Node;
use crate::parcel::Parcel;
use crate::session::{SessionEntry, SessionSnapshot};
use crate::{Shard, broker, local, stats};

/// How long an arbiter may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// After so many looks all who are still there are told again.
const KICK_EVERY: u128 = 20;
/// How long to wait between two looks at clients that leave.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Why a request to a broker failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// The arbiter has as many requests as it holds.
    #[error("the broker has too many requests")]
    Full,
    /// The arbiter did not answer in time, or is gone.
    #[error("the broker did not answer")]
    Silent,
    /// There is no such client.
    #[error("no such client")]
    NoClient,
    /// There is no such process.
    #[error("no such process")]
    NoProcess,
    /// The topic is none.
    #[error(transparent)]
    Topic(#[from] TopicError),
}

impl From<Full> for HandleError {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// A broker as other threads see it. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    node: Arc<Node>,
    mailroom: Mailroom<Parcel>,
    clock: Arc<dyn Clock>,
    renewed: Arc<Renewed>,
}

/// What a reload begins with.
#[derive(Debug)]
pub(super) struct Renewed {
    transports: Vec<(String, Arc<Transport>)>,
    embedded: Modules,
    origins: Origins,
}

impl Renewed {
    pub(super) fn new(
        transports: Vec<(String, Arc<Transport>)>,
        embedded: Modules,
        origins: Origins,
    ) -> Self {
        Self {
            transports,
            embedded,
            origins,
        }
    }
}

/// What could not be read again; it stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// A module's files.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The certificates of a listener.
    #[error("listener '{name}': {cause}")]
    Transport {
        /// Which listener.
        name: String,
        /// Why.
        cause: TransportError,
    },
    /// The broker does not answer.
    #[error(transparent)]
    Handle(#[from] HandleError),
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handle")
            .field("node", &self.node.settings.node.name)
            .finish_non_exhaustive()
    }
}

impl Handle {
    pub(super) fn new(
        node: Arc<Node>,
        mailroom: Mailroom<Parcel>,
        clock: Arc<dyn Clock>,
        renewed: Renewed,
    ) -> Self {
        Self {
            node,
            mailroom,
            clock,
            renewed: Arc::new(renewed),
        }
    }

    /// What all arbiters share.
    #[must_use]
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The node's clocks.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Where settings come from, as the program has said.
    pub(crate) fn origins(&self) -> &Origins {
        &self.renewed.origins
    }

    /// Has an arbiter do something between two turns.
    ///
    /// # Errors
    ///
    /// [`HandleError::Full`] when it has too many requests.
    pub fn run(
        &self,
        arbiter: u16,
        work: impl FnOnce(&mut Shard) + Send + 'static,
    ) -> Result<(), HandleError> {
        Ok(self.mailroom.post(arbiter, Parcel::Run(Box::new(work)))?)
    }

    /// Has an arbiter do something and waits for what comes of it.
    ///
    /// # Errors
    ///
    /// [`HandleError`] when it has too many requests or does not answer in time.
    pub fn ask<R: Send + 'static>(
        &self,
        arbiter: u16,
        work: impl FnOnce(&mut Shard) -> R + Send + 'static,
    ) -> Result<R, HandleError> {
        let (answer, wait) = sync_channel(1);
        self.run(arbiter, move |shard| {
            // Whoever asked may have given up.
            let _ = answer.try_send(work(shard));
        })?;
        wait.recv_timeout(PATIENCE).map_err(|_| HandleError::Silent)
    }

    /// Publishes in the name of the broker. Returns when the message is in the broker's bounded queue.
    ///
    /// # Errors
    ///
    /// [`HandleError`] when the topic is none or the broker is too busy.
    pub fn publish(
        &self,
        topic: &str,
        payload: impl Into<Bytes>,
        qos: QoS,
        retain: bool,
    ) -> Result<(), HandleError> {
        let text = Text::try_from(topic).map_err(|_| TopicError::Empty)?;
        let topic = TopicName::new(text)?;
        let payload = payload.into();
        self.ask(0, move |shard| {
            broker::publish(shard, topic, payload, qos, retain);
        })
    }

    /// All processes that live now.
    #[must_use]
    pub fn processes(&self) -> Vec<ProcessRecord> {
        self.node
            .records
            .iter()
            .flat_map(|records| records.list())
            .collect()
    }

    /// All counters by name.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<&'static str, u64> {
        self.node.counters.list().collect()
    }

    /// emqttd's stats by name.
    #[must_use]
    pub fn stats(&self) -> BTreeMap<&'static str, u64> {
        stats::now(&self.node).into_iter().collect()
    }

    /// Why messages did not arrive: how often each reason occurred.
    #[must_use]
    pub fn drops(&self) -> BTreeMap<&'static str, u64> {
        self.node.ledger.counts()
    }

    /// Why connections were closed by the broker: how often each reason occurred.
    #[must_use]
    pub fn closes(&self) -> BTreeMap<ReasonCode, u64> {
        self.node.ledger.closes()
    }

    /// The session of a client id as it is now.
    #[must_use]
    pub fn session(&self, client_id: &str) -> Option<SessionSnapshot> {
        let arbiter = self.arbiter_of(client_id)?;
        let client_id = client_id.to_owned();
        self.ask(arbiter, move |shard| {
            let session = session_of(shard, &client_id)?;
            let lanes = &shard.world.lanes.session;
            lanes
                .peek(session.slot, session.generation)
                .map(crate::session::Session::snapshot)
        })
        .ok()
        .flatten()
    }

    /// The ids of all clients that are connected now, sorted.
    ///
    /// # Errors
    ///
    /// [`HandleError`] when an arbiter does not answer.
    pub fn clients(&self) -> Result<Vec<ClientId>, HandleError> {
        let mut all = Vec::new();
        for arbiter in 0..self.node.arbiters {
            all.extend(self.ask(arbiter, |shard| {
                shard
                    .world
                    .clients
                    .iter()
                    .map(|(id, _)| id.clone())
                    .collect::<Vec<_>>()
            })?);
        }
        all.sort();
        Ok(all)
    }

    /// Closes the connection of a client; its session stays as its expiry says.
    ///
    /// # Errors
    ///
    /// [`HandleError::NoClient`] when it is not connected.
    pub fn kick(&self, client_id: &str) -> Result<(), HandleError> {
        self.tell_client(client_id, || {
            ClientEntry::Kick(ReasonCode::AdministrativeAction)
        })
    }

    /// Ends the session of a client id, and its connection.
    ///
    /// # Errors
    ///
    /// [`HandleError::NoClient`] when there is no session.
    pub fn discard_session(&self, client_id: &str) -> Result<(), HandleError> {
        self.tell_session(client_id, || SessionEntry::End(EndReason::Removed, None))
    }

    /// Has a process fail as by a bug, to see that nobody else is harmed. `kind` and `name` are those of
    /// its [record](Self::processes); of several that fit, all.
    ///
    /// # Errors
    ///
    /// [`HandleError::NoProcess`] when none fits.
    pub fn crash(&self, kind: &str, name: &str) -> Result<(), HandleError> {
        let mut is_told = false;
        for record in self.processes() {
            if record.kind == kind && &*record.name == name {
                let id = record.id;
                is_told |= self.ask(id.arbiter, move |shard| local::doom(shard, id))?;
            }
        }
        if is_told {
            Ok(())
        } else {
            Err(HandleError::NoProcess)
        }
    }

    /// Changes the hooks in the turn of the hook process.
    ///
    /// # Errors
    ///
    /// [`HandleError::Full`] when the broker has too many requests.
    pub fn change_hooks(
        &self,
        change: impl FnOnce(&mut Hooks) + Send + 'static,
    ) -> Result<(), HandleError> {
        self.ask(0, move |shard| {
            if let Some(hook) = shard.world.names.hook {
                let _ = shard.send(hook, HookEntry(Box::new(change)));
            }
        })
    }

    /// Changes who may do what in the turn of the access control process; connections forget what they
    /// remembered. Returns when the change holds.
    ///
    /// # Errors
    ///
    /// [`HandleError`] when the broker has too many requests or does not answer in time.
    pub fn change_access(
        &self,
        change: impl FnOnce(&mut Modules) + Send + 'static,
    ) -> Result<(), HandleError> {
        let (done, wait) = sync_channel(1);
        let change = move |modules: &mut Modules| {
            change(modules);
            let _ = done.try_send(());
        };
        self.ask(0, move |shard| {
            if let Some(access) = shard.world.names.access_control {
                let _ = shard.send(access, AccessEntry(Box::new(change)));
            }
        })?;
        wait.recv_timeout(PATIENCE)
            .map_err(|_| HandleError::Silent)?;
        // Behind the turn in which that was said, at whose end the change holds.
        self.ask(0, |_| ())
    }

    /// Reads files again: passwords and rules, for all clients at once; certificates, for new connections.
    /// Who would not be let in any more is disconnected. What the program has changed about the modules
    /// since the start is lost.
    ///
    /// # Errors
    ///
    /// What could not be read, and stays as it was; the rest is new.
    pub fn reload(&self) -> Result<(), Vec<ReloadError>> {
        let mut failed = Vec::new();
        for (name, transport) in &self.renewed.transports {
            if let Err(cause) = transport.reload() {
                let name = name.clone();
                failed.push(ReloadError::Transport { name, cause });
            }
        }
        failed.extend(self.reload_modules().err());
        if failed.is_empty() {
            Ok(())
        } else {
            Err(failed)
        }
    }

    /// Makes the modules anew, of files and of what was changed at run time.
    pub(super) fn reload_modules(&self) -> Result<(), ReloadError> {
        let loaded = modules::load(
            &self.node.settings,
            &self.renewed.embedded,
            &self.node.accounts,
        )?;
        self.change_access(move |modules| *modules = loaded)?;
        // Behind the change on each arbiter.
        (0..self.node.arbiters).try_for_each(|arbiter| self.ask(arbiter, |_| ()))?;
        Ok(())
    }

    /// Where a client id is decided about.
    pub(crate) fn arbiter_of(&self, client_id: &str) -> Option<u16> {
        self.node.directory.get(client_id).map(|arbiter| *arbiter)
    }

    fn tell_client(&self, client_id: &str, entry: fn() -> ClientEntry) -> Result<(), HandleError> {
        let arbiter = self.arbiter_of(client_id).ok_or(HandleError::NoClient)?;
        let client_id = client_id.to_owned();
        let is_told = self.ask(arbiter, move |shard| {
            let client: Option<Address<Client>> =
                shard.world.clients.get(&client_id).map(|row| row.client);
            client.is_some_and(|client| shard.send(client, entry()).is_ok())
        })?;
        if is_told {
            Ok(())
        } else {
            Err(HandleError::NoClient)
        }
    }

    fn tell_session(
        &self,
        client_id: &str,
        entry: fn() -> SessionEntry,
    ) -> Result<(), HandleError> {
        let arbiter = self.arbiter_of(client_id).ok_or(HandleError::NoClient)?;
        let client_id = client_id.to_owned();
        let is_told = self.ask(arbiter, move |shard| {
            let session = session_of(shard, &client_id);
            session.is_some_and(|session| shard.send(session, entry()).is_ok())
        })?;
        if is_told {
            Ok(())
        } else {
            Err(HandleError::NoClient)
        }
    }

    fn kick_all(&self) {
        for arbiter in 0..self.node.arbiters {
            // One that is too busy for the message is stopped without it.
            let _ = self.ask(arbiter, |shard| {
                let clients: Vec<Address<Client>> = shard
                    .world
                    .lanes
                    .client
                    .iter(shard.arbiter)
                    .map(|(address, _)| address)
                    .collect();
                for client in clients {
                    let _ = shard.send(client, ClientEntry::Kick(ReasonCode::ServerShuttingDown));
                }
            });
        }
    }

    /// Has all clients leave, in their arbiters' own time, and waits until they have.
    pub(super) fn drain(&self, patience: Duration) {
        let looks = patience.as_millis() / LOOK_EVERY.as_millis();
        for look in 0..looks {
            // Again from time to time: a connection may have been on its way between arbiters.
            if look % KICK_EVERY == 0 {
                self.kick_all();
            }
            let busy = self.node.gauges.sum(|gauge| &gauge.connections)
                + self.node.gauges.sum(|gauge| &gauge.lanes_bytes)
                + self.node.gauges.sum(|gauge| &gauge.unstored);
            if busy == 0 {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// The session of a client id on this arbiter.
pub(crate) fn session_of(
    shard: &Shard,
    client_id: &str,
) -> Option<Address<crate::session::Session>> {
    let sm = shard.world.names.sm?;
    shard
        .world
        .lanes
        .sm
        .peek(sm.slot, sm.generation)?
        .session(client_id)
}
