//! What a run is told, and which of it makes sense.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::Failure;
use crate::frame::{HEAD_BYTES, Version};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Pairs of a publisher and a subscriber, each with a topic of its own
    P2p,
    /// Publishers with one topic and many subscribers to it
    Fanout,
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
    /// Where the broker listens
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:1883")]
    pub(crate) target: String,
    /// The broker's process on this machine, whose processor time and memory are measured
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,
    /// Pairs in p2p
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) clients: Option<u32>,
    /// Subscribers in fanout
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) subscribers: Option<u32>,
    /// Publishers in fanout
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) publishers: Option<u32>,
    /// Quality of service of messages and subscriptions
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub(crate) qos: Option<u8>,
    /// Size of each message; the first 16 bytes say who sent it, its number and when it was due
    #[arg(long, value_name = "BYTES", default_value = "256")]
    pub(crate) payload: u32,
    /// Messages that a publisher keeps ahead of its subscribers, where no rate is given
    #[arg(long, value_name = "N", default_value = "64",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) window: u32,
    /// Messages a second by all publishers together, whether the broker follows or not
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) rate: Option<u64>,
    /// How long to measure
    #[arg(long, value_name = "SECS", default_value = "5", value_parser = seconds)]
    pub(crate) duration: Duration,
    /// How long to run before measuring
    #[arg(long, value_name = "SECS", default_value = "0.3", value_parser = seconds)]
    pub(crate) warmup: Duration,
    /// Send so many messages in all, measured from the first to the last, instead of for a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) messages: Option<u64>,
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
        self.qos.unwrap_or(0)
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        usize::try_from(self.payload).unwrap_or(usize::MAX)
    }

    /// Where the broker listens.
    ///
    /// # Errors
    ///
    /// When the name is none, or unknown.
    pub(crate) fn target(&self) -> Result<SocketAddr, Failure> {
        let target = &self.target;
        let unknown =
            |why: String| Failure::Arguments(format!("--target {target}: {why}; write HOST:PORT"));
        let mut addresses = target
            .to_socket_addrs()
            .map_err(|error| unknown(error.to_string()))?;
        addresses
            .next()
            .ok_or_else(|| unknown("the name has no address".to_owned()))
    }

    /// Refuses what makes no sense together.
    ///
    /// # Errors
    ///
    /// [`Failure::Arguments`] says what is wrong and what to do.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let wrong = |text: String| Err(Failure::Arguments(text));
        if self.payload_bytes() < HEAD_BYTES {
            return wrong(format!(
                "--payload {}: a message begins with {HEAD_BYTES} bytes that tell who sent it and \
                 when; use {HEAD_BYTES} or more",
                self.payload
            ));
        }
        if self.payload > 256 * 1024 * 1024 {
            return wrong(format!(
                "--payload {}: MQTT cannot carry more than 268435455 bytes; use less",
                self.payload
            ));
        }
        Ok(())
    }

    /// The options with their defaults, for the report.
    pub(crate) fn options(&self) -> Value {
        json!({
            "target": self.target,
            "pid": self.pid,
            "clients": self.clients,
            "subscribers": self.subscribers,
            "publishers": self.publishers,
            "qos": self.qos(),
            "payload": self.payload,
            "window": self.window,
            "rate": self.rate,
            "duration": self.duration.as_secs_f64(),
            "warmup": self.warmup.as_secs_f64(),
            "messages": self.messages,
            "protocol": if self.protocol == Protocol::V50 { "5.0" } else { "3.1.1" },
            "threads": self.threads,
        })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
