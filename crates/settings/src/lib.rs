//! Typed settings: from a file, the environment and the command line, every mistake reported at
//! once and with its place.
//!
//! [`Settings`] is a plain struct with public fields. Its `Default` is what `config/castmq.toml`
//! says; [`keys`] lists every setting with its type, default and meaning.

mod declare;
mod effective;
mod kept;
mod kind;
mod load;
mod problem;
mod relations;
mod sections;
mod units;
mod walk;

use declare::section;

pub use declare::Key;
pub use effective::Effective;
pub use kind::{Elements, Kind};
pub use load::{ENVIRONMENT_PREFIX, Loaded, Sources};
pub use problem::{Problem, Problems, Source};
pub use sections::*;

section! {
    /// All settings of a broker.
    Settings {
        /// Without authentication configured the broker accepts clients from this machine only. A
        /// listener on any other address is refused unless this, or the listener's own
        /// `allow_anonymous`, is true.
        allow_anonymous: bool = false, Kind::Flag;
        /// The node as a whole.
        node: Node = Node::default(), Kind::group::<Node>();
        /// The ports that clients connect to.
        listener: Vec<Listener> = vec![Listener::default()], Kind::list::<Listener>();
        /// The protocol's limits and options.
        mqtt: Mqtt = Mqtt::default(), Kind::group::<Mqtt>();
        /// Sessions and their windows.
        session: Session = Session::default(), Kind::group::<Session>();
        /// The queue of each session.
        mqueue: Mqueue = Mqueue::default(), Kind::group::<Mqueue>();
        /// Retained messages.
        retained: Retained = Retained::default(), Kind::group::<Retained>();
        /// Where what outlives the process is kept.
        store: Store = Store::default(), Kind::group::<Store>();
        /// Shared subscriptions.
        shared: Shared = Shared::default(), Kind::group::<Shared>();
        /// Who may connect.
        auth: Auth = Auth::default(), Kind::group::<Auth>();
        /// Who may publish and subscribe what.
        acl: Acl = Acl::default(), Kind::group::<Acl>();
        /// What who may not is told.
        access: Access = Access::default(), Kind::group::<Access>();
        /// The bounds of everything that waits.
        bounds: Bounds = Bounds::default(), Kind::group::<Bounds>();
        /// The modules.
        modules: Modules = Modules::default(), Kind::group::<Modules>();
        /// The admin interface.
        admin: Admin = Admin::default(), Kind::group::<Admin>();
        /// For those who look for faults.
        debug: Debug = Debug::default(), Kind::group::<Debug>();
        /// Logs.
        log: Log = Log::default(), Kind::group::<Log>();
        /// Supervision.
        sup: Sup = Sup::default(), Kind::group::<Sup>();
        /// When the system monitor speaks up.
        sysmon: Sysmon = Sysmon::default(), Kind::group::<Sysmon>();
    }
}

impl Settings {
    /// Whether nobody is asked who it is, on one listener at least.
    #[must_use]
    pub fn lets_anybody_in(&self) -> bool {
        self.auth.chain.is_empty()
            && self
                .listener
                .iter()
                .any(|listener| listener.authentication.is_empty())
    }

    /// Whether a listener is one that nobody but this machine reaches, that asks who comes, or that was
    /// opened by a word in writing.
    #[must_use]
    pub fn may_be_anonymous(&self, listener: &Listener) -> bool {
        relations::may_be_anonymous(self, listener)
    }

    /// Whether only clients on this machine can reach the broker.
    #[must_use]
    pub fn is_loopback_only(&self) -> bool {
        self.listener.iter().all(relations::is_local)
    }
}

/// Every setting there is, in the order of the file.
#[must_use]
pub fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    <Settings as declare::Section>::declare("", &mut keys);
    keys
}
