//! App: starts and stops a broker, inside of any program.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_app` |
//! | Started by | the program: the `castmq` binary or whoever embeds the broker |
//! | Work runs in | the program's thread |
//! | Waits for | the arbiters, at start and stop |
//! | Waited for by | the program |
//! | If it dies | the broker goes with its program |
//! | Watch | event `node.life` |
//!
//! Listeners open last, so that whoever connects finds everything in place.

mod accounts;
mod entrances;
mod handle;
mod modules;
mod opening;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use castmq_mqtt::QoS;
use castmq_net::{BindError, TokioPoller, TransportError, UnixBindError};
use castmq_otp::{
    Arbiters, Clock, Dispatcher, LaunchError, MailLimits, Mailroom, ShardParts, SystemClock, launch,
};
use castmq_rules::hook::NameTaken;
use castmq_settings::Settings;
use castmq_store::{Store, StoreError};

use crate::access_control::{Authenticator, Authorizer, Modules};
use crate::hook::Hooks;
use crate::listener::{Entrance, Listener, ListenerEntry};
use crate::local::tell_life;
use crate::mod_rewrite::RewriteError;
use crate::node::{GiveUpListener, Node};
use crate::parcel::Parcel;
use crate::{Local, Shard, mod_presence, mod_rewrite, mod_subscription, sup};

pub use accounts::{AccountError, Accounts, Rank};
pub use handle::{Handle, HandleError, ReloadError};
pub(crate) use handle::{PATIENCE, session_of};
pub use modules::ModuleError;

use handle::Renewed;

/// Parcels from other threads that an arbiter holds.
const OUTSIDE_MAX: usize = 4096;
/// How long clients may take to be told that the node stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Where settings come from, by their paths.
pub type Origins = BTreeMap<String, castmq_settings::Source>;

/// Why a broker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address could not be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A socket in the file system could not be listened on.
    #[error(transparent)]
    BindUnix(#[from] UnixBindError),
    /// What the connections of a listener pass through cannot be had.
    #[error("listener '{name}': {cause}")]
    Transport {
        /// Which listener.
        name: String,
        /// Why.
        cause: TransportError,
    },
    /// A module that knows who may connect, or who may do what, cannot work.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// A listener takes clients without credentials from other machines, and nobody has said that it
    /// may.
    #[error(
        "listener '{name}' on {address} would let anybody in from other machines: set allow_anonymous = true if that is meant, or listen on a loopback address"
    )]
    Anonymous {
        /// Which listener.
        name: String,
        /// Where it would listen.
        address: SocketAddr,
    },
    /// A rewrite rule is wrong.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    /// What is kept on the disk cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two modules have the same name.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
    /// The operating system gave no threads.
    #[error("arbiters do not start: {0}")]
    Launch(LaunchError),
    /// An arbiter did not answer.
    #[error("arbiter 0 did not open its listeners in time")]
    Silent,
}

/// What a broker is to be like.
#[derive(Default)]
pub struct Builder {
    settings: Settings,
    hooks: Hooks,
    modules: Modules,
    on_give_up: Option<GiveUpListener>,
    store: opening::Choice,
    origins: Origins,
}

impl fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Builder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// With these settings instead of the defaults.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Where settings come from that are not the defaults, for those who look at them.
    #[must_use]
    pub fn origins(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
    }

    /// With callbacks for what happens.
    ///
    /// # Errors
    ///
    /// [`StartError::NameTaken`] when `register` fails because a name is taken.
    pub fn hooks(
        mut self,
        register: impl FnOnce(&mut Hooks) -> Result<(), NameTaken>,
    ) -> Result<Self, StartError> {
        register(&mut self.hooks)?;
        Ok(self)
    }

    /// With sessions, their messages and retained messages kept in this store, whatever the settings say.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store.store = Some(store);
        self
    }

    /// Starts although the store has lost what was acknowledged, if it has; what that is is told.
    #[must_use]
    pub fn accept_data_loss(mut self, accepts: bool) -> Self {
        self.store.accepts_data_loss = accepts;
        self
    }

    /// With a module that decides who may connect, behind those that were added before.
    #[must_use]
    pub fn authenticator(mut self, module: Arc<dyn Authenticator>) -> Self {
        self.modules.authenticators.push(module);
        self
    }

    /// With a module that decides who may do what, behind those that were added before.
    #[must_use]
    pub fn authorizer(mut self, module: Arc<dyn Authorizer>) -> Self {
        self.modules.authorizers.push(module);
        self
    }

    /// Has the program hear when a process that the node cannot do without has failed too often. The
    /// program then stops the broker; until it does, new clients are refused.
    #[must_use]
    pub fn on_give_up(mut self, listener: GiveUpListener) -> Self {
        self.on_give_up = Some(listener);
        self
    }

    /// Starts the broker; returns when its listeners accept.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing of the broker runs then.
    pub fn start(self) -> Result<Broker, StartError> {
        let Self {
            settings,
            mut hooks,
            modules: embedded,
            on_give_up,
            store,
            origins,
        } = self;
        check_anonymous(&settings, &embedded)?;
        load_modules(&settings, &mut hooks)?;
        // What is wrong in files is found before anything runs.
        modules::load(&settings, &embedded, &Accounts::default())?;
        let mut open = Vec::new();
        let mut addresses = Vec::new();
        let mut names = Vec::new();
        for listener in &settings.listener {
            let (entrance, address) = entrances::open(listener)?;
            names.push(entrances::describe(listener, address));
            addresses.extend(address);
            open.push(entrance);
        }
        let transports = open
            .iter()
            .map(|entrance| {
                (
                    entrance.settings.name.clone(),
                    Arc::clone(&entrance.transport),
                )
            })
            .collect();
        let arbiters = arbiters_of(&settings);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let limits = mail_limits(&settings);
        let node = Arc::new(Node::new(settings, arbiters, clock.wall(), None));
        node.hooks.store(hooks);
        if let Some(listener) = on_give_up {
            node.on_give_up(listener);
        }
        let mailroom = Mailroom::new(arbiters, limits);
        modules::set_up(&node, &mailroom);
        let sessions = opening::open(&node, &clock, &mailroom, store)?;
        match modules::load(&node.settings, &embedded, &node.accounts) {
            Ok(loaded) => node.access.replace(loaded),
            Err(error) => {
                opening::close(&node);
                return Err(error.into());
            }
        }
        let builders = (0..arbiters)
            .map(|arbiter| {
                let parts = (Arc::clone(&node), Arc::clone(&clock), mailroom.clone());
                move || dispatcher(arbiter, parts)
            })
            .collect();
        let running = launch(builders).map_err(StartError::Launch)?;
        let handle = Handle::new(
            node,
            mailroom,
            clock,
            Renewed::new(transports, embedded, origins),
        );
        let broker = Broker {
            handle,
            addresses,
            entrances: names,
            arbiters: Some(running),
        };
        opening::restore(&broker.handle, sessions)?;
        broker.open(open)?;
        Ok(broker)
    }
}

/// A listener on another address than loopback needs somebody who decides, or an explicit word.
fn check_anonymous(settings: &Settings, modules: &Modules) -> Result<(), StartError> {
    if !modules.authenticators.is_empty() {
        return Ok(());
    }
    let is_open = |listener: &&castmq_settings::Listener| !settings.may_be_anonymous(listener);
    let open = settings.listener.iter().find(is_open);
    match open {
        None => Ok(()),
        Some(listener) => Err(StartError::Anonymous {
            name: listener.name.clone(),
            address: listener.address,
        }),
    }
}

// emqttd: emqttd_app:load_all_mods/0
fn load_modules(settings: &Settings, hooks: &mut Hooks) -> Result<(), StartError> {
    let modules = &settings.modules;
    if modules.presence.enabled {
        let qos = QoS::from_number(modules.presence.qos).unwrap_or_default();
        mod_presence::load(hooks, qos)?;
    }
    if modules.subscription.enabled {
        mod_subscription::load(hooks, modules.subscription.subscriptions.clone())?;
    }
    if modules.rewrite.enabled {
        mod_rewrite::load(hooks, &modules.rewrite.rules)?;
    }
    Ok(())
}

fn arbiters_of(settings: &Settings) -> u16 {
    match settings.node.arbiters {
        0 => std::thread::available_parallelism()
            .ok()
            .and_then(|cores| u16::try_from(cores.get()).ok())
            .unwrap_or(1),
        arbiters => arbiters,
    }
}

fn mail_limits(settings: &Settings) -> MailLimits {
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    MailLimits {
        high: bytes(settings.bounds.arbiter_high),
        low: bytes(settings.bounds.arbiter_low),
        outside_max: OUTSIDE_MAX,
    }
}

/// Makes the dispatcher of an arbiter, on the arbiter's own thread.
fn dispatcher(
    arbiter: u16,
    (node, clock, mailroom): (Arc<Node>, Arc<dyn Clock>, Mailroom<Parcel>),
) -> Dispatcher<Local> {
    let shard = shard(arbiter, &node, clock, mailroom, None);
    let dispatcher = Dispatcher::new(shard, poller(&node));
    sup::start_servers(&mut dispatcher.shard().borrow_mut());
    dispatcher
}

/// The poller that the settings name; where there is none such, the one that runs everywhere.
fn poller(node: &Node) -> Box<dyn castmq_otp::Poller> {
    #[cfg(target_os = "linux")]
    if node.settings.node.poller == castmq_settings::PollerChoice::Epoll
        && let Ok(poller) = castmq_net::EpollPoller::new()
    {
        return Box::new(poller);
    }
    Box::new(TokioPoller::default())
}

/// A shard of a node, without processes.
#[must_use]
pub fn shard(
    arbiter: u16,
    node: &Arc<Node>,
    clock: Arc<dyn Clock>,
    mailroom: Mailroom<Parcel>,
    seed: Option<u64>,
) -> Shard {
    let at = usize::from(arbiter);
    let lanes_high = usize::try_from(node.settings.bounds.lanes_high).unwrap_or(usize::MAX);
    let parts = ShardParts {
        arbiter,
        clock,
        mailroom,
        cells: node.counters.cells(arbiter),
        events: node.events.get(at).cloned().unwrap_or_default(),
        records: node.records.get(at).cloned().unwrap_or_else(|| {
            Arc::new(castmq_observe::Records::new(
                arbiter,
                <Local as castmq_otp::World>::KINDS,
            ))
        }),
        world: Local::new(Arc::clone(node), arbiter, seed),
    };
    let mut shard = Shard::new(parts, lanes_high);
    let sysmon = &node.settings.sysmon;
    let never = |limit: Duration| {
        if limit.is_zero() {
            Duration::MAX
        } else {
            limit
        }
    };
    let deep_lane = match sysmon.deep_lane {
        0 => usize::MAX,
        depth => depth as usize,
    };
    shard.watch(never(sysmon.long_turn), deep_lane);
    shard
}

/// A broker that runs.
#[derive(Debug)]
pub struct Broker {
    handle: Handle,
    addresses: Vec<SocketAddr>,
    entrances: Vec<String>,
    arbiters: Option<Arbiters>,
}

impl Broker {
    /// A broker with the default settings, to be changed before it starts.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where its listeners listen that have an address, in the order of the settings.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How clients get in, a listener each: what they speak and where, as `mqtt on 127.0.0.1:1883`.
    #[must_use]
    pub fn entrances(&self) -> &[String] {
        &self.entrances
    }

    /// What other threads can ask of it.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether it has failed: a process that it cannot do without failed too often.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        self.handle.node().has_given_up()
    }

    /// How many arbiters it has.
    #[must_use]
    pub fn arbiters(&self) -> u16 {
        self.handle.node().arbiters
    }

    /// Stops gracefully: no new connections, DISCONNECT *server shutting down* to all clients, their
    /// wills, then the arbiters. Blocks until all is done, at most about ten seconds.
    pub fn stop(mut self) {
        self.stop_now();
    }

    fn open(&self, entrances: Vec<Entrance>) -> Result<(), StartError> {
        let (opened, wait) = sync_channel(1);
        let open = move |shard: &mut Shard| {
            shard.world.socket_work.push(Box::new(move |shard, poller| {
                for entrance in entrances {
                    Listener::start(shard, poller, entrance);
                }
                tell_life(shard, "started");
                // Whoever waits may have given up.
                let _ = opened.try_send(());
            }));
        };
        self.handle.run(0, open).map_err(|_| StartError::Silent)?;
        match wait.recv_timeout(DRAIN) {
            Ok(()) => Ok(()),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(StartError::Silent)
            }
        }
    }

    fn stop_now(&mut self) {
        let Some(mut arbiters) = self.arbiters.take() else {
            return;
        };
        self.handle.node().begin_stop();
        for arbiter in 0..self.arbiters() {
            // An arbiter that is too busy for the message is stopped without it.
            let _ = self.handle.run(arbiter, |shard| {
                tell_life(shard, "stopping");
                for listener in std::mem::take(&mut shard.world.listeners) {
                    let _ = shard.send(listener, ListenerEntry::Stop);
                }
            });
        }
        self.handle.drain(DRAIN);
        arbiters.stop();
        opening::close(self.handle.node());
    }
}

/// A broker is asked as its handle is.
impl std::ops::Deref for Broker {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop_now();
    }
}
