//! The kinds of processes, in the order in which the supervisor starts them.

use castmq_observe::Kind;

macro_rules! kinds {
    ($($(#[$doc:meta])+ $constant:ident = $index:literal, $name:literal;)+) => {
        $($(#[$doc])+ pub(crate) const $constant: Kind = Kind { index: $index, name: $name };)+

        /// All kinds by index.
        pub(crate) const ALL: &[Kind] = &[$($constant,)+];
    };
}

kinds! {
    /// A connection.
    CLIENT = 0, "client";
    /// A session.
    SESSION = 1, "session";
    /// The session manager of an arbiter.
    SM = 2, "sm";
    /// The client manager of an arbiter.
    CM = 3, "cm";
    /// The server of an arbiter.
    SERVER = 4, "server";
    /// The pubsub of an arbiter.
    PUBSUB = 5, "pubsub";
    /// The router.
    ROUTER = 6, "router";
    /// The retainer.
    RETAINER = 7, "retainer";
    /// The hook process.
    HOOK = 8, "hook";
    /// The access control process.
    ACCESS_CONTROL = 9, "access_control";
    /// The stats process.
    STATS = 10, "stats";
    /// The metrics process.
    METRICS = 11, "metrics";
    /// The broker process.
    BROKER = 12, "broker";
    /// The alarm process.
    ALARM = 13, "alarm";
    /// The system monitor.
    SYSMON = 14, "sysmon";
    /// A listener.
    LISTENER = 15, "listener";
}
