//! What the scenarios with rumqttc stand on: a broker to talk to and a client that goes step by step.
//!
//! The same scenarios run with paho (`paho/`) and MQTT.js (`mqttjs/`); `run` starts all of them.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "this is part of tests: what does not happen as it has to ends the test"
)]

mod broker;
mod builder;
mod client;
mod event;
mod scenario;

pub use broker::Broker;
pub use builder::Builder;
pub use client::{Client, Message, Will};
pub use scenario::{Scenario, Version};
