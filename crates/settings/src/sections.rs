//! Every setting of the broker, section by section, in the order of `config/castmq.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::Kind;
use crate::declare::{choice, section};

mod access;
mod admin;
mod listener;

pub use access::*;
pub use admin::*;
pub use listener::*;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

choice! {
    /// How an arbiter learns which of its sockets are ready.
    PollerChoice {
        /// By an epoll instance of its own. Where there is no epoll, as `tokio`.
        Epoll = "epoll",
        /// By the runtime's reactor: portable.
        Tokio = "tokio",
    }
}

section! {
    /// The node as a whole.
    Node {
        /// The node's name; it stands in `$SYS/brokers/<name>/…`.
        name: String = "castmq@127.0.0.1".to_owned(), Kind::Text { most: 255 };
        /// Arbiters, the threads that run connections and sessions. 0: one per core.
        arbiters: u16 = 0, Kind::whole(0, 1024);
        /// How an arbiter learns which of its sockets are ready.
        poller: PollerChoice = PollerChoice::Epoll, PollerChoice::kind();
        /// How often the `$SYS` topics are published. 0: never.
        sys_interval: Duration = Duration::from_secs(60), Kind::up_to(DAY);
    }
}

choice! {
    /// What happens to a v5 client that sends more unacknowledged messages than it was allowed.
    ReceiveMaximumPolicy {
        /// DISCONNECT with reason 0x93, as the standard says.
        Strict = "strict",
        /// The message is taken all the same, and counted.
        Lenient = "lenient",
    }
}

section! {
    /// The protocol's limits and options, announced in CONNACK where v5 has a property for it.
    Mqtt {
        /// The largest packet taken from a client, header included.
        max_packet_size: u32 = 1024 * 1024, Kind::Bytes { least: 128, most: 268_435_460 };
        /// The longest client identifier.
        max_client_id_bytes: u16 = 65_535, Kind::whole(23, 65_535);
        /// Levels in a topic or filter; a deeper one is refused.
        max_topic_levels: u16 = 256, Kind::whole(1, 65_535);
        /// How long a new connection may take to send its whole CONNECT.
        connect_timeout: Duration = Duration::from_secs(10),
            Kind::Duration { least: Duration::from_millis(1), most: DAY };
        /// The longest keep-alive, in seconds; v5 clients that ask for more (or for none) are told
        /// this one. 65535: the client's value always holds.
        keep_alive_max: u16 = 65_535, Kind::whole(1, 65_535);
        /// Unacknowledged QoS 1 and 2 messages that a v5 client may have under way to the broker.
        receive_maximum: u16 = 1024, Kind::whole(1, 65_535);
        /// What exceeding `receive_maximum` leads to.
        receive_maximum_policy: ReceiveMaximumPolicy = ReceiveMaximumPolicy::Strict,
            ReceiveMaximumPolicy::kind();
        /// Topic aliases that a v5 client may set. 0: none.
        topic_alias_maximum: u16 = 32, Kind::whole(0, 65_535);
        /// Topic aliases that the broker uses towards a v5 client that allows them. 0: none.
        topic_alias_out: u16 = 0, Kind::whole(0, 65_535);
        /// Another server, named to v5 clients that are turned away. Empty: none.
        server_reference: Option<String> = None, Kind::OptionalText { most: 65_535 };
        /// Prefix of the response topics, given to v5 clients that ask for response information;
        /// `%c` is the client identifier. Empty: no response information.
        response_information: Option<String> = None, Kind::OptionalText { most: 65_535 };
        /// Refuse v5 messages declared as text whose payload is not UTF-8.
        check_payload_format: bool = false, Kind::Flag;
        /// Subscriptions that one session may hold. 0: no limit.
        max_subscriptions: u32 = 100_000, Kind::whole(0, u64::from(u32::MAX));
        /// How long a client's socket may take nothing while something is waiting for it; then it
        /// is closed, and its session kept. 0: for ever.
        write_timeout: Duration = Duration::from_secs(30), Kind::up_to(DAY);
        /// Messages per second from one client; above that its socket is read more slowly.
        /// 0: no limit.
        message_rate: u32 = 0, Kind::whole(0, 10_000_000);
        /// Bytes of one client's messages that the broker has read and not yet accepted; above
        /// that its socket is not read.
        unaccepted_bytes: u64 = MIB, Kind::Bytes { least: KIB, most: 16 * GIB };
    }
}

section! {
    /// Sessions and their windows.
    Session {
        /// Unacknowledged messages under way to one client; the smaller of this and a v5 client's
        /// own Receive Maximum holds.
        max_inflight: u16 = 100, Kind::whole(1, 65_535);
        /// How long a 3.1 or 3.1.1 session with CleanSession 0 is kept after its client left.
        expiry_v3: Duration = 7 * DAY, Kind::up_to(36_500 * DAY);
        /// The longest session expiry that a v5 client gets.
        expiry_max: Duration = 30 * DAY, Kind::up_to(36_500 * DAY);
        /// QoS 2 messages of one client that may wait for their PUBREL.
        max_awaiting_rel: u16 = 1024, Kind::whole(1, 65_535);
        /// Send an unacknowledged message again after this time, to 3.1 and 3.1.1 clients only
        /// (v5 forbids it). 0: only when the client reconnects.
        retry_interval: Duration = Duration::ZERO, Kind::up_to(DAY);
        /// Queue QoS 0 messages too for clients that are away.
        queue_qos0: bool = false, Kind::Flag;
    }
}

choice! {
    /// What a full message queue gives up.
    QueuePolicy {
        /// The message that has waited longest.
        DropOldest = "drop_oldest",
        /// The message that comes.
        DropNewest = "drop_newest",
    }
}

section! {
    /// The queue of each session, for what its window has no room for and for clients that are
    /// away.
    Mqueue {
        /// Messages in one queue.
        max_messages: u32 = 10_000, Kind::whole(1, u64::from(u32::MAX));
        /// Bytes in one queue; each message counts whole.
        max_bytes: u64 = 64 * MIB, Kind::Bytes { least: KIB, most: 1024 * GIB };
        /// What is dropped when the queue is full; QoS 0 always goes first.
        policy: QueuePolicy = QueuePolicy::DropOldest, QueuePolicy::kind();
        /// The part of the queue from which on an alarm is raised.
        high_watermark: f64 = 0.6, Kind::Fraction;
        /// The part of the queue below which the alarm is cleared.
        low_watermark: f64 = 0.2, Kind::Fraction;
        /// Messages of one queue that are held in memory where the queue is on the disk as well; the
        /// rest is read when its turn comes. With priorities all that came since the start are held.
        memory_messages: u32 = 256, Kind::whole(1, u64::from(u32::MAX));
        /// Bytes of such messages.
        memory_bytes: u64 = 256 * KIB, Kind::Bytes { least: KIB, most: 64 * GIB };
        /// Topics that overtake others, higher numbers first; topics not listed have 0.
        priorities: BTreeMap<String, u8> = BTreeMap::new(), Kind::Priorities;
    }
}

section! {
    /// Retained messages.
    Retained {
        /// Topics with a retained message; a full store still replaces and deletes. 0: no limit.
        max_messages: u32 = 1_000_000, Kind::whole(0, u64::from(u32::MAX));
        /// The largest payload that is kept.
        max_payload: u32 = 1024 * 1024, Kind::Bytes { least: 1, most: 268_435_455 };
        /// How long a retained message is kept when its publisher set no expiry. 0: for ever.
        expiry: Duration = Duration::ZERO, Kind::up_to(36_500 * DAY);
    }
}

choice! {
    /// Where sessions, their messages and retained messages are kept.
    StoreBackend {
        /// In files: what was acknowledged survives the process and the power.
        Fjall = "fjall",
        /// In memory alone: all is gone with the process.
        Memory = "memory",
    }
}

/// When what is stored is forced to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Before it is acknowledged.
    Always,
    /// So often; acknowledged when the operating system has it.
    Interval(Duration),
    /// When the operating system sees fit; acknowledged when it has it.
    Never,
}

section! {
    /// Where sessions that outlive their connection, their messages and retained messages are kept.
    Store {
        /// Files or memory.
        backend: StoreBackend = StoreBackend::Fjall, StoreBackend::kind();
        /// The directory of the files; made if there is none.
        data_dir: PathBuf = PathBuf::from("data"), Kind::Text { most: 4096 };
        /// When what is acknowledged is forced to the disk.
        fsync: Fsync = Fsync::Always, Kind::Fsync;
        /// Free bytes on the disk below which nothing new is promised, so that what was can be kept.
        /// 0: no limit.
        free_space_min: u64 = 256 * MIB, Kind::Bytes { least: 0, most: 1024 * GIB };
        /// Bytes of memory for what is read again and again.
        cache: u64 = 32 * MIB, Kind::Bytes { least: MIB, most: 1024 * GIB };
        /// Reads of queues that may wait for the disk; further ones come again a second later.
        reads_waiting: u32 = 4096, Kind::whole(1, 10_000_000);
    }
}

choice! {
    /// Which member of a shared subscription gets a message.
    SharedStrategy {
        /// Any, by chance.
        Random = "random",
        /// One after the other.
        RoundRobin = "round_robin",
        /// The same one until it leaves.
        Sticky = "sticky",
        /// The same one for all messages of a publisher.
        HashClientId = "hash_client_id",
    }
}

section! {
    /// Shared subscriptions (`$share/group/filter`, `$queue/filter`).
    Shared {
        /// How the member is chosen.
        strategy: SharedStrategy = SharedStrategy::Random, SharedStrategy::kind();
    }
}

choice! {
    /// What a client hears whose publish is not allowed.
    PublishDenied {
        /// v5: reason 0x87 in PUBACK or PUBREC; 3.x: the acknowledgement as usual.
        ReasonCode = "reason_code",
        /// The connection is closed; v5: with DISCONNECT 0x87.
        Disconnect = "disconnect",
    }
}

section! {
    /// Who may do what.
    Access {
        /// The answer to a publish that is not allowed.
        publish_denied: PublishDenied = PublishDenied::ReasonCode, PublishDenied::kind();
    }
}

section! {
    /// The bounds of everything that waits. Each pair is a high and a low mark: work stops at the
    /// high one and goes on at the low one.
    Bounds {
        /// Bytes in the lanes of one arbiter; above that its publishing connections are not read.
        lanes_high: u64 = 32 * MIB, Kind::Bytes { least: 64 * KIB, most: 64 * GIB };
        /// The low mark of the lanes.
        lanes_low: u64 = 16 * MIB, Kind::Bytes { least: 32 * KIB, most: 64 * GIB };
        /// Bytes on the way from one arbiter to another; above that those who publish there are
        /// not read.
        arbiter_high: u64 = 4 * MIB, Kind::Bytes { least: 64 * KIB, most: 64 * GIB };
        /// The low mark between arbiters.
        arbiter_low: u64 = MIB, Kind::Bytes { least: 32 * KIB, most: 64 * GIB };
        /// Bytes that wait for one client's socket; above that its session dequeues nothing.
        connection_unsent: u64 = 256 * KIB, Kind::Bytes { least: 4 * KIB, most: GIB };
        /// Bytes queued on the whole node. Above that QoS 0 for slow clients goes first, then new
        /// clients are turned away, then publishers wait. 0: no limit.
        node_memory: u64 = GIB, Kind::Bytes { least: 0, most: 65_536 * GIB };
        /// Connections of one arbiter that have not yet sent their CONNECT; further ones are
        /// closed.
        half_open: u32 = 4096, Kind::whole(1, 10_000_000);
        /// Clients of one arbiter that wait for their session; further ones hear *server busy*.
        claims: u32 = 4096, Kind::whole(1, 10_000_000);
        /// Bytes of one arbiter that wait to be stored; above that its publishing connections are not
        /// read.
        store: u64 = 16 * MIB, Kind::Bytes { least: 64 * KIB, most: 64 * GIB };
        /// Messages queued for each publisher that has no socket (`$SYS`, wills, presence).
        internal_queue: u32 = 10_000, Kind::whole(1, 10_000_000);
    }
}

section! {
    /// The module that publishes `$SYS/brokers/<node>/clients/<id>/connected` and `…/disconnected`.
    Presence {
        /// Whether it runs.
        enabled: bool = true, Kind::Flag;
        /// QoS of its messages.
        qos: u8 = 0, Kind::whole(0, 2);
    }
}

section! {
    /// A subscription that clients get without asking.
    AutoSubscription {
        /// The filter; `%c` is the client identifier, `%u` the user name.
        topic: String = "$client/%c".to_owned(), Kind::Text { most: 65_535 };
        /// The QoS granted.
        qos: u8 = 1, Kind::whole(0, 2);
    }
}

section! {
    /// The module that subscribes each client on connect.
    AutoSubscriptions {
        /// Whether it runs.
        enabled: bool = false, Kind::Flag;
        /// What it subscribes.
        subscriptions: Vec<AutoSubscription> = vec![AutoSubscription::default()],
            Kind::list::<AutoSubscription>();
    }
}

choice! {
    /// Where a rewrite rule applies.
    RewriteAction {
        /// To the topics of messages.
        Publish = "publish",
        /// To the filters of SUBSCRIBE and UNSUBSCRIBE.
        Subscribe = "subscribe",
        /// To both.
        All = "all",
    }
}

section! {
    /// One rule of the rewrite module; the last one that fits is used.
    RewriteRule {
        /// Where it applies.
        action: RewriteAction = RewriteAction::All, RewriteAction::kind();
        /// The filter that a topic must match.
        topic: String = "#".to_owned(), Kind::Text { most: 65_535 };
        /// The regular expression that it must match too.
        pattern: String = "^(.+)$".to_owned(), Kind::Pattern;
        /// The new topic; `$1` to `$9` are the groups of the pattern.
        to: String = "$1".to_owned(), Kind::Text { most: 65_535 };
    }
}

section! {
    /// The module that rewrites topics.
    Rewrite {
        /// Whether it runs.
        enabled: bool = false, Kind::Flag;
        /// Its rules.
        rules: Vec<RewriteRule> = Vec::new(), Kind::list::<RewriteRule>();
    }
}

section! {
    /// The modules: what the broker does for its clients besides passing messages on.
    Modules {
        /// Tells who comes and goes.
        presence: Presence = Presence::default(), Kind::group::<Presence>();
        /// Subscribes clients on connect.
        subscription: AutoSubscriptions = AutoSubscriptions::default(),
            Kind::group::<AutoSubscriptions>();
        /// Rewrites topics.
        rewrite: Rewrite = Rewrite::default(), Kind::group::<Rewrite>();
    }
}

choice! {
    /// How much is logged.
    LogLevel {
        /// What an operator must act on.
        Error = "error",
        /// Limits reached and faults of clients too.
        Warn = "warn",
        /// The life of the node and its processes too.
        Info = "info",
        /// Each packet too.
        Debug = "debug",
        /// Each action too.
        Trace = "trace",
    }
}

choice! {
    /// The shape of a log line.
    LogFormat {
        /// For people.
        Text = "text",
        /// For programs: one object per line.
        Json = "json",
    }
}

choice! {
    /// When a new log file begins.
    LogRotation {
        /// At midnight UTC.
        Daily = "daily",
        /// Each hour.
        Hourly = "hourly",
        /// Never.
        Never = "never",
    }
}

section! {
    /// Logs.
    Log {
        /// The least important level that is logged.
        level: LogLevel = LogLevel::Info, LogLevel::kind();
        /// Text or JSON.
        format: LogFormat = LogFormat::Text, LogFormat::kind();
        /// A file to write to besides stderr; the date is appended. Empty: stderr only.
        file: Option<PathBuf> = None, Kind::OptionalText { most: 4096 };
        /// When a new file begins.
        rotation: LogRotation = LogRotation::Daily, LogRotation::kind();
        /// Files kept; the oldest is deleted.
        keep: u16 = 7, Kind::whole(1, 10_000);
    }
}

choice! {
    /// What the root supervisor restarts when one of its children dies.
    SupStrategy {
        /// That child.
        OneForOne = "one_for_one",
        /// All processes of its arbiter but connections and sessions.
        OneForAll = "one_for_all",
    }
}

section! {
    /// Supervision.
    Sup {
        /// The root supervisor's strategy.
        strategy: SupStrategy = SupStrategy::OneForOne, SupStrategy::kind();
    }
}

section! {
    /// When the system monitor speaks up.
    Sysmon {
        /// A turn of one actor that took longer. 0: never.
        long_turn: Duration = Duration::from_millis(50), Kind::up_to(DAY);
        /// A lane with more entries. 0: never.
        deep_lane: u32 = 10_000, Kind::whole(0, u64::from(u32::MAX));
    }
}
