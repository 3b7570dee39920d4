//! Which arguments make sense together.

use super::{Arguments, Scenario};
use crate::Failure;
use crate::frame::HEAD_BYTES;
use crate::plan::FILTERS_OF_A_TOPIC;
use crate::process::Process;

/// What a packet may have, less some room for its topic.
const PAYLOAD_BYTES_MAX: u32 = 256 * 1024 * 1024 - 1024;

impl Arguments {
    /// Refuses what makes no sense together.
    ///
    /// # Errors
    ///
    /// [`Failure::Arguments`] says what is wrong and what to do.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.check_applies()?;
        self.check_sizes()
    }

    /// Refuses options that the scenario would not look at.
    fn check_applies(&self) -> Result<(), Failure> {
        use Scenario::{
            Churn, Conn, Fanin, Fanout, Handshakes, Offline, P2p, Retained, Shared, Wildcard,
        };
        let published: &[_] = &[
            Fanout, Fanin, Shared, Wildcard, Retained, Offline, Handshakes,
        ];
        let flowing: &[_] = &[P2p, Fanout, Fanin, Shared, Wildcard, Retained, Offline];
        let paced: &[_] = &[
            Conn, P2p, Fanout, Fanin, Shared, Wildcard, Retained, Offline, Handshakes,
        ];
        let lasting: &[_] = &[Conn, Churn, P2p, Fanout, Fanin, Shared, Wildcard];
        let options: [(&str, bool, &[Scenario]); 11] = [
            (
                "--clients",
                self.clients.is_some(),
                &[Conn, P2p, Wildcard, Offline, Churn, Handshakes],
            ),
            (
                "--subscribers",
                self.subscribers.is_some(),
                &[Fanout, Fanin, Shared, Retained],
            ),
            ("--publishers", self.publishers.is_some(), published),
            ("--filters", self.filters.is_some(), &[Wildcard]),
            ("--messages", self.messages.is_some(), flowing),
            ("--rate", self.rate.is_some(), paced),
            ("--at-once", self.at_once.is_some(), &[Conn, Handshakes]),
            ("--subscribe", self.subscribe, &[Conn]),
            ("--persistent", self.persistent, lasting),
            ("--idle", self.idle.is_some(), &[Conn]),
            ("--takeover", self.takeover, &[Churn]),
        ];
        let stray = |(_, is_given, scenarios): &&(&str, bool, &[Scenario])| {
            *is_given && !scenarios.contains(&self.scenario)
        };
        let Some((option, _, scenarios)) = options.iter().find(stray) else {
            return Ok(());
        };
        let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name()).collect();
        Err(Failure::Arguments(format!(
            "{option} means nothing in {}, only in {}: leave it out",
            self.scenario.name(),
            names.join(", ")
        )))
    }

    fn check_sizes(&self) -> Result<(), Failure> {
        let wrong = |text: String| Err(Failure::Arguments(text));
        if let Some(id) = self.pid.filter(|id| !Process { id: *id }.exists()) {
            return wrong(format!(
                "--pid {id}: there is no such process on this machine; give the broker's, or leave \
                 it out"
            ));
        }
        let (sizes, payload) = (self.sizes(), self.payload);
        if self.payload_bytes() < HEAD_BYTES {
            return wrong(format!(
                "--payload {payload}: a message begins with {HEAD_BYTES} bytes that tell who sent \
                 it and when; use {HEAD_BYTES} or more"
            ));
        }
        if payload > PAYLOAD_BYTES_MAX {
            return wrong(format!(
                "--payload {payload}: a packet of MQTT has at most 256 MiB; use \
                 {PAYLOAD_BYTES_MAX} or less"
            ));
        }
        if self.scenario == Scenario::Fanin && sizes.subscribers > sizes.publishers {
            return wrong(format!(
                "--subscribers {}: each gets a part of the {} publishers; use as many or fewer, \
                 or raise --publishers",
                sizes.subscribers, sizes.publishers
            ));
        }
        if self.scenario == Scenario::Wildcard && sizes.clients < FILTERS_OF_A_TOPIC {
            return wrong(format!(
                "--clients {}: each message goes to {FILTERS_OF_A_TOPIC} clients; use \
                 {FILTERS_OF_A_TOPIC} or more",
                sizes.clients
            ));
        }
        if self.needs_acknowledgement() && self.qos() == 0 {
            return wrong(format!(
                "--qos 0: without an acknowledgement nobody knows when the broker has kept a \
                 message; use --qos 1 or 2 in {}",
                self.scenario.name()
            ));
        }
        Ok(())
    }
}
