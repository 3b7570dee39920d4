//! The processes of the broker: for each of emqttd's processes a file of the same name, and
//! [`Broker`] to run them inside of any program.

pub mod access_control;
pub mod acl_internal;
pub mod alarm;
pub mod app;
pub mod auth_anonymous;
pub mod auth_certificate;
pub mod auth_clientid;
pub mod auth_http;
pub mod auth_jwt;
pub mod auth_username;
pub mod broker;
pub mod caller;
pub mod client;
pub mod cm;
pub mod fault;
pub mod hook;
pub mod inspect;
pub mod invariants;
mod kinds;
pub mod ledger;
pub mod listener;
pub mod local;
pub mod message;
pub mod metrics;
pub mod mod_presence;
pub mod mod_rewrite;
pub mod mod_subscription;
pub mod node;
pub mod parcel;
pub mod pooler;
pub mod pubsub;
pub mod recorder;
pub mod recordings;
pub mod retainer;
pub mod router;
pub mod server;
pub mod session;
pub mod session_sup;
mod shown;
pub mod sm;
pub mod stats;
pub mod store;
pub mod sup;
pub mod sysmon;
mod ticker;
mod timeline;
pub mod trace;

pub use access_control::{Authenticator, Authorizer, Credentials, Desk, Finding, Grant, UserName};
pub use app::{
    AccountError, Broker, Builder, Handle, HandleError, ModuleError, Origins, Rank, ReloadError,
    StartError,
};
pub use castmq_access as access;
pub use castmq_mqtt as mqtt;
pub use castmq_observe::{ProcessId, ProcessRecord};
pub use castmq_rules as rules;
pub use cm::ClientRow;
pub use hook::{
    HookContext, Hooks, OnConnected, OnDelivery, OnDisconnected, OnPublish, OnSubscribe,
    OnSubscribed, OnUnsubscribe,
};
pub use local::Local;
pub use mod_rewrite::RewriteError;
pub use node::Node;
pub use parcel::Parcel;
pub use session::SessionSnapshot;
pub use sup::start_servers;

/// All that one arbiter owns.
pub type Shard = castmq_otp::Shard<Local>;

/// The moment at which this round began.
pub(crate) fn now(shard: &Shard) -> castmq_rules::Moment {
    castmq_rules::Moment::from_start(shard.now())
}
