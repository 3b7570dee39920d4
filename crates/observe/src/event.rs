//! Events: what happened that somebody may want to know, declared once.
//!
//! An event is data with a constant name. The last ones are kept per arbiter, and each is a log line;
//! those that a peer can cause at will are written at most [`LINES_PER_SECOND`] times a second and
//! name, and the rest is counted.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Log lines a second for each name of a rate-limited event.
pub const LINES_PER_SECOND: u32 = 10;

/// Events kept per arbiter.
const KEPT: usize = 512;

/// Who should look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// An operator must act.
    Error,
    /// A limit or a peer's fault; rate-limited.
    Warn,
    /// The life of a process or of the node.
    Info,
    /// Details of one client.
    Debug,
}

macro_rules! events {
    ($($(#[$doc:meta])+ $name:ident = $text:literal, $level:ident;)+) => {
        /// What can happen. Fields are given when it is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $($(#[$doc])+ $name,)+
        }

        impl Event {
            /// Every event in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Constant name for logs and filters.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Who should look at it.
            #[must_use]
            pub const fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)+ }
            }
        }
    };
}

events! {
    /// A client is connected.
    ClientConnected = "client.connected", Debug;
    /// A connection ended in an ordinary way.
    ClientDisconnected = "client.disconnected", Debug;
    /// A connection was closed for what the client sent.
    ClientBadInput = "client.bad_input", Warn;
    /// A CONNECT was refused.
    ClientRefused = "client.refused", Warn;
    /// A connection was refused before CONNECT.
    ConnectionRefused = "connection.refused", Warn;
    /// A connection was closed by a limit: keep alive, first packet, unwritable.
    ClientTimedOut = "client.timed_out", Warn;
    /// A connection was closed because another one took its client id.
    ClientTakenOver = "client.taken_over", Debug;
    /// A client may not do what it wanted.
    ClientDenied = "client.denied", Warn;
    /// A session ended.
    SessionEnded = "session.ended", Debug;
    /// Messages of a session could not be read from the store; it is tried again.
    StoreReadFailed = "store.read_failed", Error;
    /// What is on the disk is read at the start, which takes long.
    StoreReading = "store.reading", Info;
    /// The store has lost what was acknowledged, and the broker started all the same, as it was told.
    StoreLost = "store.lost", Error;
    /// The store takes nothing safely; what needs it is refused until it does.
    StoreTrouble = "store.trouble", Error;
    /// The store works again.
    StoreRecovered = "store.recovered", Info;
    /// A turn panicked; the process ended or was started again.
    ProcessPanicked = "process.panicked", Error;
    /// Something goes wrong with a process on purpose.
    FaultInjected = "fault.injected", Warn;
    /// What must hold whatever clients do does not.
    InvariantBroken = "invariant.broken", Error;
    /// A process failed too often for its supervisor.
    SupervisorGaveUp = "supervisor.gave_up", Error;
    /// A hook callback panicked and was skipped.
    HookFailed = "hook.failed", Error;
    /// A listener accepts connections.
    ListenerStarted = "listener.started", Info;
    /// A listener pauses because there are no descriptors left.
    ListenerPaused = "listener.paused", Error;
    /// A listener goes on after a pause.
    ListenerResumed = "listener.resumed", Info;
    /// An alarm was raised.
    AlarmRaised = "alarm.raised", Warn;
    /// An alarm is over.
    AlarmCleared = "alarm.cleared", Info;
    /// A round or a turn took longer than `sysmon.long_turn`.
    TurnLong = "sysmon.long_turn", Warn;
    /// A lane holds more than `sysmon.deep_lane` entries.
    LaneDeep = "sysmon.deep_lane", Warn;
    /// The retained store refused a message.
    RetainedRefused = "retained.refused", Warn;
    /// The node starts or stops.
    NodeLife = "node.life", Info;
}

/// An event that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When, counted from the start of the node.
    pub at: Duration,
    /// What.
    pub event: Event,
    /// Its fields as `name=value`, parted by blanks.
    pub fields: String,
}

#[derive(Debug, Default)]
struct Kept {
    ring: VecDeque<Recorded>,
    second: u64,
    lines: BTreeMap<Event, u32>,
}

/// The events of one arbiter.
#[derive(Debug, Default)]
pub struct Events {
    kept: Mutex<Kept>,
}

impl Events {
    /// Tells that something happened: keeps it and writes its log line, unless there were too many.
    ///
    /// Values never hold payloads or passwords. Costs an allocation: not for the path of messages.
    pub fn tell(
        &self,
        at: Duration,
        event: Event,
        fields: &[(&'static str, &dyn std::fmt::Display)],
    ) {
        let mut text = String::new();
        for (index, (name, value)) in fields.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{gap}{name}={}", Plain(&value.to_string()));
        }
        let (allowed, suppressed) = self.keep(at, event, &text);
        if suppressed > 0 {
            tracing::warn!(
                event = event.name(),
                suppressed,
                "lines suppressed in the last second"
            );
        }
        if allowed {
            write_line(event, &text);
        }
    }

    /// The last events, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Recorded> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.ring.iter().cloned().collect()
    }

    /// Keeps the event; says whether its line may be written and how many lines were not in the
    /// second that is over.
    fn keep(&self, at: Duration, event: Event, text: &str) -> (bool, u32) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.ring.len() == KEPT {
            kept.ring.pop_front();
        }
        kept.ring.push_back(Recorded {
            at,
            event,
            fields: text.to_owned(),
        });
        if event.level() == Level::Info {
            return (true, 0);
        }
        let mut suppressed = 0;
        if kept.second != at.as_secs() {
            kept.second = at.as_secs();
            let over = kept.lines.remove(&event).unwrap_or(0);
            suppressed = over.saturating_sub(LINES_PER_SECOND);
            kept.lines.clear();
        }
        let lines = kept.lines.entry(event).or_default();
        *lines += 1;
        (*lines <= LINES_PER_SECOND, suppressed)
    }
}

fn write_line(event: Event, fields: &str) {
    let event_name = event.name();
    match event.level() {
        Level::Error => tracing::error!(event = event_name, "{fields}"),
        Level::Warn => tracing::warn!(event = event_name, "{fields}"),
        Level::Info => tracing::info!(event = event_name, "{fields}"),
        Level::Debug => tracing::debug!(event = event_name, "{fields}"),
    }
}

/// A value without control characters, so that no client can forge a log line.
struct Plain<'a>(&'a str);

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for letter in self.0.chars() {
            if letter.is_control() {
                write!(formatter, "{}", letter.escape_default())?;
            } else {
                formatter.write_char(letter)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_events_are_kept_with_their_fields() {
        let events = Events::default();
        events.tell(
            Duration::from_secs(1),
            Event::ClientRefused,
            &[("client", &"a"), ("code", &5)],
        );

        let kept = events.list();
        assert_eq!(kept[0].fields, "client=a code=5");
    }

    #[test]
    fn a_client_cannot_forge_a_line() {
        let events = Events::default();
        events.tell(
            Duration::ZERO,
            Event::ClientBadInput,
            &[("client", &"a\nb")],
        );

        assert_eq!(events.list()[0].fields, "client=a\\nb");
    }

    #[test]
    fn a_flood_of_one_event_writes_ten_lines_a_second() {
        let events = Events::default();
        let allowed = (0..100)
            .filter(|_| {
                events
                    .keep(Duration::from_secs(5), Event::ClientBadInput, "")
                    .0
            })
            .count();

        assert_eq!(allowed, 10);
        assert_eq!(
            events
                .keep(Duration::from_secs(6), Event::ClientBadInput, "")
                .1,
            90
        );
    }
}
