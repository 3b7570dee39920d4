//! What a run is told, and which of it makes sense.

mod checks;

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::Failure;
use crate::frame::Version;
use crate::target::{Target, Written};
use crate::tls::Trust;

/// A flow that no broker notices.
const LOW_RATE: u64 = 1000;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Connections that stay: their rate, and what each costs
    Conn,
    /// Pairs of a publisher and a subscriber, each with a topic of its own
    P2p,
    /// Publishers with one topic, and many subscribers to it
    Fanout,
    /// Publishers with topics of their own, and few subscribers with a wildcard
    Fanin,
    /// Publishers with one topic, and the members of a shared subscription
    Shared,
    /// Many filters, of which each message matches three: an exact one, one with +, one with #
    Wildcard,
    /// Retained messages, stored and fetched
    Retained,
    /// Sessions whose clients are away, their queues, and their return
    Offline,
    /// Clients that connect, subscribe and disconnect, over and over
    Churn,
    /// Many clients that connect at once, and what others feel of that whose messages flow steadily
    Handshakes,
}

impl Scenario {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Conn => "conn",
            Self::P2p => "p2p",
            Self::Fanout => "fanout",
            Self::Fanin => "fanin",
            Self::Shared => "shared",
            Self::Wildcard => "wildcard",
            Self::Retained => "retained",
            Self::Offline => "offline",
            Self::Churn => "churn",
            Self::Handshakes => "handshakes",
        }
    }
}

/// The version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// MQTT 3.1.1
    #[value(name = "3.1.1")]
    V311,
    /// MQTT 5.0
    #[value(name = "5.0")]
    V50,
}

/// Measure a broker from outside: throughput, latency, cost of processor time and memory
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// What to measure
    #[arg(value_enum)]
    pub(crate) scenario: Scenario,
    /// Where the broker listens: HOST:PORT or mqtt://HOST:PORT, mqtts://HOST:PORT,
    /// ws://HOST:PORT/PATH, wss://HOST:PORT/PATH, unix:/PATH
    #[arg(long, value_name = "TARGET", default_value = "127.0.0.1:1883")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// The broker's process on this machine, whose processor time and memory are measured; start it
    /// afresh for memory, as it will use again what it has from before
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,
    /// Connections in conn, churn and handshakes, pairs in p2p, subscribers in wildcard, sessions in offline
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) clients: Option<u32>,
    /// Subscribers in fanout, fanin and retained, members of the group in shared
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) subscribers: Option<u32>,
    /// Publishers in fanout, fanin, shared, wildcard, retained and offline; pairs that have a steady
    /// flow in handshakes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) publishers: Option<u32>,
    /// Filters of all clients together in wildcard
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(3..))]
    pub(crate) filters: Option<u32>,
    /// Quality of service of messages and subscriptions; 1 in retained and offline, otherwise 0
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub(crate) qos: Option<u8>,
    /// Size of each message; the first 16 bytes say who sent it, its number and when it was due
    #[arg(long, value_name = "BYTES", default_value = "256")]
    pub(crate) payload: u32,
    /// Messages that a publisher keeps ahead of its subscribers, where no rate is given
    #[arg(long, value_name = "N", default_value = "64",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) window: u32,
    /// Messages a second by all publishers together, whether the broker follows or not; latency
    /// counts from when each was due; in handshakes 1000. In conn: connections a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) rate: Option<u64>,
    /// How long to measure
    #[arg(long, value_name = "SECS", default_value = "5", value_parser = seconds)]
    pub(crate) duration: Duration,
    /// How long to run before measuring
    #[arg(long, value_name = "SECS", default_value = "0.3", value_parser = seconds)]
    pub(crate) warmup: Duration,
    /// Send so many messages in all, measured from the first to the last, instead of for a time. In
    /// retained: messages that are kept; in offline: messages for each session
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=99_999_999))]
    pub(crate) messages: Option<u32>,
    /// conn and handshakes: connections that may wait to be accepted at a time, otherwise 64; those
    /// that the broker's backlog does not take are tried again by the system after a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) at_once: Option<u32>,
    /// conn: also subscribe once on each connection
    #[arg(long)]
    pub(crate) subscribe: bool,
    /// conn and churn: with sessions that outlive their connections; with subscribers: theirs do
    #[arg(long)]
    pub(crate) persistent: bool,
    /// conn: then stay for so long
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    pub(crate) idle: Option<Duration>,
    /// conn: meanwhile send so many pings a second, by all connections together
    #[arg(long, value_name = "N", requires = "idle",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) ping_rate: Option<u64>,
    /// churn: connect with client ids that are in use
    #[arg(long)]
    pub(crate) takeover: bool,
    /// The version of MQTT
    #[arg(long, value_enum, default_value = "3.1.1")]
    pub(crate) protocol: Protocol,
    /// Threads that the clients are spread over
    #[arg(long, value_name = "N", default_value = "1",
        value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: u16,
    /// Write one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Tell each second on stderr how far it is, also where that is no terminal
    #[arg(long)]
    pub(crate) progress: bool,
}

impl Arguments {
    /// Whether the report shall be JSON.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        self.json
    }

    pub(crate) fn version(&self) -> Version {
        match self.protocol {
            Protocol::V311 => Version::V311,
            Protocol::V50 => Version::V50,
        }
    }

    pub(crate) fn qos(&self) -> u8 {
        let usual = u8::from(self.needs_acknowledgement());
        self.qos.unwrap_or(usual)
    }

    /// Whether only an acknowledgement tells that the broker has kept a message.
    fn needs_acknowledgement(&self) -> bool {
        matches!(self.scenario, Scenario::Retained | Scenario::Offline)
    }

    /// How many of each there are, where the scenario knows them.
    pub(crate) fn sizes(&self) -> Sizes {
        let usual = match self.scenario {
            Scenario::Conn => [1000, 0, 0],
            Scenario::P2p => [100, 0, 0],
            Scenario::Fanout => [0, 1, 100],
            Scenario::Fanin => [0, 100, 1],
            Scenario::Shared => [0, 10, 10],
            Scenario::Wildcard => [100, 10, 0],
            Scenario::Retained => [0, 4, 1],
            Scenario::Offline => [1000, 4, 0],
            Scenario::Churn => [50, 0, 0],
            Scenario::Handshakes => [2000, 10, 0],
        };
        let [clients, publishers, subscribers] = usual;
        Sizes {
            clients: self.clients.unwrap_or(clients),
            publishers: self.publishers.unwrap_or(publishers),
            subscribers: self.subscribers.unwrap_or(subscribers),
            filters: self.filters.unwrap_or(3000),
        }
    }

    /// How many messages are sent, if it is not time that ends the run.
    pub(crate) fn messages(&self) -> Option<u32> {
        let usual = match self.scenario {
            Scenario::Retained => Some(10_000),
            Scenario::Offline => Some(100),
            Scenario::Conn
            | Scenario::P2p
            | Scenario::Fanout
            | Scenario::Fanin
            | Scenario::Shared
            | Scenario::Wildcard
            | Scenario::Churn
            | Scenario::Handshakes => None,
        };
        self.messages.or(usual)
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        usize::try_from(self.payload).unwrap_or(usize::MAX)
    }

    /// How many messages or connections a second there shall be, if it is not the broker that says.
    pub(crate) fn rate(&self) -> Option<u64> {
        let usual = (self.scenario == Scenario::Handshakes).then_some(LOW_RATE);
        self.rate.or(usual)
    }

    /// Where the broker listens, and how to speak to it.
    ///
    /// # Errors
    ///
    /// When the target is none, or unknown; when options about TLS are missing or wrong.
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        let target = &self.target;
        let wrong = |why: String| Failure::Arguments(format!("--target {target}: {why}"));
        let written = Written::parse(target).map_err(wrong)?;
        if let (Some(option), false) = (self.trust.given(), written.is_secure()) {
            return Err(wrong(format!(
                "{option} is for mqtts:// and wss:// alone: leave it out"
            )));
        }
        let config = written.is_secure().then(|| self.trust.config());
        let config = config.transpose().map_err(wrong)?;
        written.resolve(config).map_err(wrong)
    }

    /// The options with their defaults, for the report.
    pub(crate) fn options(&self) -> Value {
        let sizes = self.sizes();
        let known = |count: u32| (count > 0).then_some(count);
        json!({
            "target": self.target,
            "pid": self.pid,
            "clients": known(sizes.clients),
            "subscribers": known(sizes.subscribers),
            "publishers": known(sizes.publishers),
            "filters": (self.scenario == Scenario::Wildcard).then_some(sizes.filters),
            "qos": self.qos(),
            "payload": self.payload,
            "window": self.window,
            "rate": self.rate(),
            "duration": self.duration.as_secs_f64(),
            "warmup": self.warmup.as_secs_f64(),
            "messages": self.messages(),
            "at_once": self.at_once,
            "subscribe": self.subscribe,
            "persistent": self.persistent,
            "idle": self.idle.map(|idle| idle.as_secs_f64()),
            "ping_rate": self.ping_rate,
            "takeover": self.takeover,
            "protocol": if self.protocol == Protocol::V50 { "5.0" } else { "3.1.1" },
            "threads": self.threads,
        })
    }
}

/// How many of each there are; 0 where the scenario has none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) clients: u32,
    pub(crate) publishers: u32,
    pub(crate) subscribers: u32,
    pub(crate) filters: u32,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
