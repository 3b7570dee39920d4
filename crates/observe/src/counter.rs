//! Counters: one cell per arbiter and name, summed when read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::IS_BLIND;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// What is counted. The name is emqttd's where emqttd counts the same thing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Counter {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Counter {
            /// Every counter in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name as it stands in `$SYS/brokers/<node>/metrics/<name>`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What it counts, in words.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim(),)+ }
            }
        }
    };
}

counters! {
    /// Bytes read from clients.
    BytesReceived = "bytes/received",
    /// Bytes written to clients.
    BytesSent = "bytes/sent",
    /// Packets read from clients.
    PacketsReceived = "packets/received",
    /// Packets written to clients.
    PacketsSent = "packets/sent",
    /// CONNECT.
    PacketsConnect = "packets/connect",
    /// CONNACK.
    PacketsConnack = "packets/connack",
    /// PUBLISH from clients.
    PacketsPublishReceived = "packets/publish/received",
    /// PUBLISH to clients.
    PacketsPublishSent = "packets/publish/sent",
    /// PUBACK from clients.
    PacketsPubackReceived = "packets/puback/received",
    /// PUBACK to clients.
    PacketsPubackSent = "packets/puback/sent",
    /// PUBREC from clients.
    PacketsPubrecReceived = "packets/pubrec/received",
    /// PUBREC to clients.
    PacketsPubrecSent = "packets/pubrec/sent",
    /// PUBREL from clients.
    PacketsPubrelReceived = "packets/pubrel/received",
    /// PUBREL to clients.
    PacketsPubrelSent = "packets/pubrel/sent",
    /// PUBCOMP from clients.
    PacketsPubcompReceived = "packets/pubcomp/received",
    /// PUBCOMP to clients.
    PacketsPubcompSent = "packets/pubcomp/sent",
    /// SUBSCRIBE.
    PacketsSubscribe = "packets/subscribe",
    /// SUBACK.
    PacketsSuback = "packets/suback",
    /// UNSUBSCRIBE.
    PacketsUnsubscribe = "packets/unsubscribe",
    /// UNSUBACK.
    PacketsUnsuback = "packets/unsuback",
    /// PINGREQ.
    PacketsPingreq = "packets/pingreq",
    /// PINGRESP.
    PacketsPingresp = "packets/pingresp",
    /// DISCONNECT, both ways.
    PacketsDisconnect = "packets/disconnect",
    /// DISCONNECT from clients.
    PacketsDisconnectReceived = "packets/disconnect/received",
    /// DISCONNECT to clients.
    PacketsDisconnectSent = "packets/disconnect/sent",
    /// AUTH, both ways. Not emqttd's: 5.0 only.
    PacketsAuth = "packets/auth",
    /// AUTH from clients.
    PacketsAuthReceived = "packets/auth/received",
    /// AUTH to clients.
    PacketsAuthSent = "packets/auth/sent",
    /// Messages published by clients.
    MessagesReceived = "messages/received",
    /// Messages sent to clients.
    MessagesSent = "messages/sent",
    /// Messages published with QoS 0.
    MessagesQos0Received = "messages/qos0/received",
    /// Messages sent with QoS 0.
    MessagesQos0Sent = "messages/qos0/sent",
    /// Messages published with QoS 1.
    MessagesQos1Received = "messages/qos1/received",
    /// Messages sent with QoS 1.
    MessagesQos1Sent = "messages/qos1/sent",
    /// Messages published with QoS 2.
    MessagesQos2Received = "messages/qos2/received",
    /// Messages sent with QoS 2.
    MessagesQos2Sent = "messages/qos2/sent",
    /// Messages and deliveries dropped, for whatever reason.
    MessagesDropped = "messages/dropped",
    /// Messages accepted for routing: from clients, wills and the broker's own.
    MessagesRouted = "messages/routed",
    /// Messages for which nobody subscribed.
    MessagesUnmatched = "messages/unmatched",
    /// Copies handed to sessions.
    Deliveries = "deliveries/handed",
    /// Copies put into a session's queue.
    DeliveriesQueued = "deliveries/queued",
    /// Copies written to a client for the first time.
    DeliveriesSent = "deliveries/sent",
    /// Copies that were dropped.
    DeliveriesDropped = "deliveries/dropped",
    /// Connections accepted.
    ConnectionsAccepted = "connections/accepted",
    /// Connections refused before CONNECT: too many, too fast, no descriptors.
    ConnectionsRefused = "connections/refused",
    /// Connections that ended.
    ConnectionsClosed = "connections/closed",
    /// Connections closed for what the peer sent.
    ConnectionsBadInput = "connections/bad_input",
    /// Sessions created.
    SessionsCreated = "sessions/created",
    /// Sessions resumed.
    SessionsResumed = "sessions/resumed",
    /// Sessions taken over from a live connection.
    SessionsTakenOver = "sessions/taken_over",
    /// Sessions discarded by a clean start.
    SessionsDiscarded = "sessions/discarded",
    /// Sessions that expired.
    SessionsExpired = "sessions/expired",
    /// Wills published.
    WillsPublished = "wills/published",
    /// Turns that panicked.
    ProcessesPanicked = "processes/panicked",
    /// Processes that their supervisor started again.
    ProcessesRestarted = "processes/restarted",
    /// Entries for a process that had ended.
    EntriesDead = "entries/dead",
    /// Entries of an earlier claim.
    EntriesStale = "entries/stale",
    /// Entries that were thrown away because somebody wanted to see what becomes of that.
    EntriesLost = "entries/lost",
    /// Hook callbacks that panicked.
    HooksFailed = "hooks/failed",
    /// Lanes that grew deeper than `sysmon.deep_lane`.
    LanesDeep = "lanes/deep",
    /// Rounds that took longer than `sysmon.long_turn`.
    RoundsLong = "rounds/long",
    /// Pauses of publishing connections because an arbiter was behind.
    PausesArbiter = "pauses/arbiter",
    /// Pauses of publishing connections because the lanes were full.
    PausesLanes = "pauses/lanes",
    /// Pauses of publishing connections because their own messages were not accepted yet.
    PausesUnaccepted = "pauses/unaccepted",
    /// Changes handed to the store, those that cancelled out included.
    StoreOps = "store/ops",
    /// Reads of queues or sessions that failed or had to come again.
    StoreReadsFailed = "store/reads_failed",
    /// Sessions that came back from the store.
    SessionsRestored = "sessions/restored",
    /// Pauses of publishing connections because the store was behind.
    PausesStore = "pauses/store",
    /// Acknowledgements for what was not in flight.
    AcksStray = "acks/stray",
}

impl Counter {
    /// The counters whose sum this one is; none when it is counted itself. What can be added up when it is
    /// read is not counted with each message.
    #[must_use]
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others are counted themselves"
    )]
    pub const fn parts(self) -> &'static [Self] {
        match self {
            Self::PacketsReceived => &[
                Self::PacketsConnect,
                Self::PacketsPublishReceived,
                Self::PacketsPubackReceived,
                Self::PacketsPubrecReceived,
                Self::PacketsPubrelReceived,
                Self::PacketsPubcompReceived,
                Self::PacketsSubscribe,
                Self::PacketsUnsubscribe,
                Self::PacketsPingreq,
                Self::PacketsDisconnectReceived,
                Self::PacketsAuthReceived,
            ],
            Self::PacketsSent => &[
                Self::PacketsConnack,
                Self::PacketsPublishSent,
                Self::PacketsPubackSent,
                Self::PacketsPubrecSent,
                Self::PacketsPubrelSent,
                Self::PacketsPubcompSent,
                Self::PacketsSuback,
                Self::PacketsUnsuback,
                Self::PacketsPingresp,
                Self::PacketsDisconnectSent,
                Self::PacketsAuthSent,
            ],
            Self::PacketsDisconnect => {
                &[Self::PacketsDisconnectReceived, Self::PacketsDisconnectSent]
            }
            Self::PacketsAuth => &[Self::PacketsAuthReceived, Self::PacketsAuthSent],
            Self::MessagesReceived => &[
                Self::MessagesQos0Received,
                Self::MessagesQos1Received,
                Self::MessagesQos2Received,
            ],
            Self::MessagesSent | Self::PacketsPublishSent => &[
                Self::MessagesQos0Sent,
                Self::MessagesQos1Sent,
                Self::MessagesQos2Sent,
            ],
            _ => &[],
        }
    }
}

/// The cells of one arbiter: written by it alone, read by anyone.
#[derive(Debug)]
pub struct Cells([AtomicU64; Counter::ALL.len()]);

impl Default for Cells {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Cells {
    /// Adds to a counter that is [no sum](Counter::parts) of others. One relaxed load and one relaxed
    /// store: there is no other writer.
    pub fn add(&self, counter: Counter, amount: u64) {
        debug_assert!(counter.parts().is_empty(), "{counter:?} is a sum");
        if IS_BLIND {
            return;
        }
        if let Some(cell) = self.0.get(counter as usize) {
            cell.store(cell.load(Relaxed).wrapping_add(amount), Relaxed);
        }
    }

    /// What the counter of this arbiter shows.
    #[must_use]
    pub fn read(&self, counter: Counter) -> u64 {
        let own = self
            .0
            .get(counter as usize)
            .map_or(0, |cell| cell.load(Relaxed));
        let parts = counter.parts().iter().map(|part| self.read(*part));
        parts.fold(own, u64::wrapping_add)
    }
}

/// The counters of a node: the cells of all its arbiters.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<[Arc<Cells>]>);

impl Counters {
    /// Counters for that many arbiters.
    #[must_use]
    pub fn new(arbiters: u16) -> Self {
        Self((0..arbiters).map(|_| Arc::default()).collect())
    }

    /// The cells of one arbiter; empty ones of their own for an arbiter that does not exist.
    #[must_use]
    pub fn cells(&self, arbiter: u16) -> Arc<Cells> {
        self.0
            .get(usize::from(arbiter))
            .map_or_else(Arc::default, Arc::clone)
    }

    /// The sum over all arbiters.
    #[must_use]
    pub fn read(&self, counter: Counter) -> u64 {
        self.0
            .iter()
            .map(|cells| cells.read(counter))
            .fold(0, u64::wrapping_add)
    }

    /// All counters with their names, in the order of declaration.
    pub fn list(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Counter::ALL
            .iter()
            .map(|&counter| (counter.name(), self.read(counter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(feature = "blind", ignore = "nothing is counted")]
    fn a_counter_is_the_sum_of_the_cells_of_all_arbiters() {
        let counters = Counters::new(2);
        counters.cells(0).add(Counter::BytesSent, 3);
        counters.cells(1).add(Counter::BytesSent, 4);

        assert_eq!(counters.read(Counter::BytesSent), 7);
    }

    #[test]
    #[cfg_attr(feature = "blind", ignore = "nothing is counted")]
    fn what_can_be_added_up_is_not_counted_itself() {
        let cells = Cells::default();
        cells.add(Counter::MessagesQos0Sent, 2);
        cells.add(Counter::MessagesQos2Sent, 1);
        cells.add(Counter::PacketsPubackSent, 5);

        assert_eq!(cells.read(Counter::MessagesSent), 3);
        assert_eq!(cells.read(Counter::PacketsSent), 8);
    }

    #[test]
    fn no_two_counters_share_a_name() {
        let names: std::collections::BTreeSet<_> = Counter::ALL.iter().map(|c| c.name()).collect();
        assert_eq!(names.len(), Counter::ALL.len());
    }
}
