//! Listener: accepts connections and hands them to the arbiters in turn.
//!
//! | | |
//! |---|---|
//! | emqttd | `esockd_listener`, `esockd_acceptor`, `esockd_connection_sup` |
//! | Started by | [`app`](crate::app), one per listener, last of all, on arbiter 0 |
//! | Work runs in | the socket stage of arbiter 0 |
//! | Waits for | descriptors, when there are none: 100 ms at a time |
//! | Waited for by | nobody |
//! | If it dies | it is started again with the same socket |
//! | Watch | counters `connections/…`; events `listener.…`; alarm `out_of_descriptors` |

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use castmq_mqtt::Text;
use castmq_net::{Transport, is_out_of_descriptors};
use castmq_observe::{Counter, Event, Kind};
use castmq_otp::{Accepted, Address, Entry, Lanes, Listening, Poller, Process, Restart};
use castmq_rules::alarm::Severity;
use castmq_rules::limits::TokenBucket;
use castmq_settings::{CertificateUserName, Listener as Settings};

use crate::alarm::{self, AlarmEntry};
use crate::inspect::ListenerView;
use crate::parcel::Parcel;
use crate::{Local, Shard, client, kinds, now};

/// Connections accepted before others have their turn.
const ACCEPTED_PER_TURN: usize = 8;
/// How long to wait for descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A place among the connections of a listener; given back when it is dropped.
#[derive(Clone)]
pub struct Permit(Arc<PermitHeld>);

struct PermitHeld(Arc<AtomicU32>);

impl Drop for PermitHeld {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Permit({} held)", self.0.0.load(Relaxed))
    }
}

impl Permit {
    /// Counts one more connection.
    #[must_use]
    pub fn take(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::new(PermitHeld(Arc::clone(count))))
    }
}

/// What all connections of a listener have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The listener's name.
    pub name: String,
    /// The largest packet taken from them, if not that of the node.
    pub packet_bytes_max: Option<u32>,
    /// What stands before each of their topics.
    pub mount_point: Option<Text>,
    /// Who has no user name may come in where no module knows it.
    pub is_anonymous: bool,
    /// What of a client's certificate is its user name.
    pub named_by: CertificateUserName,
}

impl Default for Profile {
    fn default() -> Self {
        Self::of(&Settings::default())
    }
}

impl Profile {
    /// That of a listener with these settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            name: settings.name.clone(),
            packet_bytes_max: Some(settings.max_packet_size).filter(|bytes| *bytes > 0),
            mount_point: settings
                .mount_point
                .as_deref()
                .and_then(|mount_point| Text::try_from(mount_point).ok()),
            is_anonymous: settings.allow_anonymous,
            named_by: settings.tls.user_name,
        }
    }
}

/// A listener's socket, and what its connections pass through.
#[derive(Debug)]
pub struct Entrance {
    /// The settings that it was made by.
    pub settings: Settings,
    /// The socket, which is bound.
    pub listening: Listening,
    /// What its connections pass through.
    pub transport: Arc<Transport>,
}

/// A listener.
#[derive(Debug)]
pub struct Listener {
    address: Address<Self>,
    name: String,
    /// Where it listens.
    local: Arc<str>,
    profile: Arc<Profile>,
    /// What clients speak below MQTT.
    speaks: &'static str,
    transport: Arc<Transport>,
    connections: Arc<AtomicU32>,
    connections_max: u32,
    accepted: u64,
    refused: u64,
    rate: Option<TokenBucket>,
    next_arbiter: u16,
    state: State,
    /// Whether the alarm is set.
    is_out_of_descriptors: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Accepting,
    /// There are no descriptors, or too many connections came in a second.
    Paused,
    Stopped,
}

/// What a listener is told.
#[derive(Debug)]
pub enum ListenerEntry {
    /// Its pause is over.
    Resume,
    /// Take no more connections.
    Stop,
}

impl Entry for ListenerEntry {
    const NAMES: &'static [&'static str] = &["nothing", "Resume", "Stop"];

    fn weight(&self) -> usize {
        64
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Resume => 1,
            Self::Stop => 2,
        }
    }
}

impl Listener {
    /// Starts a listener on a socket that is bound.
    pub fn start(shard: &mut Shard, poller: &mut dyn Poller, entrance: Entrance) {
        let Entrance {
            settings,
            listening,
            transport,
        } = entrance;
        let local: Arc<str> = match &listening {
            Listening::Tcp(socket) => socket
                .local_addr()
                .map_or_else(|_| settings.address.to_string(), |local| local.to_string())
                .into(),
            Listening::Unix(_) => settings
                .unix
                .path
                .as_deref()
                .map_or_else(String::new, |path| path.display().to_string())
                .into(),
        };
        let profile = Arc::new(Profile::of(&settings));
        let rate = settings.connect_rate;
        let at = now(shard);
        let address = shard.spawn(&settings.name, |address| Self {
            address,
            name: settings.name.clone(),
            local: Arc::clone(&local),
            profile,
            speaks: settings.transport.word(),
            transport,
            connections: Arc::default(),
            connections_max: settings.max_connections,
            accepted: 0,
            refused: 0,
            rate: (rate > 0).then(|| TokenBucket::new(rate, at)),
            next_arbiter: 0,
            state: State::Accepting,
            is_out_of_descriptors: false,
        });
        shard.world.listeners.push(address);
        if let Err(error) = poller.listen(address.token(), listening) {
            shard.tell(
                Event::ListenerPaused,
                &[("listener", &local), ("cause", &error)],
            );
            return shard.end(address);
        }
        shard.tell(
            Event::ListenerStarted,
            &[
                ("listener", &settings.name),
                ("address", &local),
                ("transport", &settings.transport.word()),
            ],
        );
    }

    /// Accepts what is there; whether to come again at once.
    // emqttd: esockd_acceptor:handle_info/2
    pub(crate) fn accept(&mut self, shard: &mut Shard, poller: &mut dyn Poller) -> bool {
        for _ in 0..ACCEPTED_PER_TURN {
            if self.state != State::Accepting {
                return false;
            }
            let at = now(shard);
            if self.rate.as_mut().is_some_and(|rate| !rate.try_take(1, at)) {
                self.pause(shard);
                return false;
            }
            match poller.accept(self.address.token()) {
                Ok(accepted) => {
                    self.has_descriptors(shard);
                    self.hand_over(shard, poller, accepted);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
                Err(error) if is_out_of_descriptors(&error) => {
                    self.out_of_descriptors(shard, &error);
                    return false;
                }
                // A connection that was gone before it was accepted.
                Err(_) => {
                    self.refused += 1;
                    shard.count(Counter::ConnectionsRefused);
                }
            }
        }
        true
    }

    fn hand_over(&mut self, shard: &mut Shard, poller: &mut dyn Poller, accepted: Accepted) {
        let Accepted { stream, peer } = accepted;
        if let Some(cause) = self.refusal(shard) {
            self.refused += 1;
            shard.count(Counter::ConnectionsRefused);
            shard.tell(
                Event::ConnectionRefused,
                &[("listener", &self.name), ("peer", &peer), ("cause", &cause)],
            );
            return;
        }
        self.accepted += 1;
        shard.count(Counter::ConnectionsAccepted);
        let accepted = client::Accepted {
            stream: self.transport.wrap(stream, peer),
            peer,
            permit: Permit::take(&self.connections),
            profile: Arc::clone(&self.profile),
        };
        let arbiter = self.next_arbiter;
        self.next_arbiter = (arbiter + 1) % shard.world.node.arbiters;
        if arbiter == shard.arbiter {
            client::start(shard, poller, accepted);
        } else {
            shard.post(arbiter, Parcel::Connection(Box::new(accepted)));
        }
    }

    /// Why a connection cannot stay.
    fn refusal(&self, shard: &Shard) -> Option<&'static str> {
        if shard.world.node.is_draining() {
            return Some("the node takes no clients for now");
        }
        let is_full =
            self.connections_max > 0 && self.connections.load(Relaxed) >= self.connections_max;
        is_full.then_some("too many connections")
    }

    /// How it looks to those who watch, but for how its connections ended.
    pub(crate) fn view(&self) -> ListenerView {
        ListenerView {
            name: self.name.clone(),
            address: self.local.to_string(),
            transport: self.speaks,
            pid: self.address.id().to_string(),
            is_paused: self.state != State::Accepting,
            connections: self.connections.load(Relaxed),
            connections_max: self.connections_max,
            accepted_count: self.accepted,
            refused_count: self.refused,
            shutdown_count: BTreeMap::new(),
        }
    }

    /// Told once, until a connection is accepted again.
    fn out_of_descriptors(&mut self, shard: &mut Shard, error: &std::io::Error) {
        if !std::mem::replace(&mut self.is_out_of_descriptors, true) {
            shard.count(Counter::ConnectionsRefused);
            shard.tell(
                Event::ListenerPaused,
                &[("listener", &self.name), ("cause", error)],
            );
            let entry = AlarmEntry::Set {
                id: self.alarm_id(),
                severity: Severity::Error,
                title: "no file descriptors left".to_owned(),
                summary: format!("{} pauses accepting on {}: {error}", self.name, self.local),
            };
            alarm::tell(shard, entry);
        }
        self.pause(shard);
    }

    fn has_descriptors(&mut self, shard: &mut Shard) {
        if std::mem::take(&mut self.is_out_of_descriptors) {
            shard.tell(Event::ListenerResumed, &[("listener", &self.name)]);
            alarm::tell(shard, AlarmEntry::Clear(self.alarm_id()));
        }
    }

    fn alarm_id(&self) -> String {
        format!("out_of_descriptors.{}", self.name)
    }

    fn pause(&mut self, shard: &mut Shard) {
        self.state = State::Paused;
        let at = shard.now() + PAUSE;
        shard.arm(self.address, at, 0);
    }
}

impl Process for Listener {
    type World = Local;
    type Entry = ListenerEntry;
    const KIND: Kind = kinds::LISTENER;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(100),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.listener
    }

    fn take(&mut self, entry: ListenerEntry, shard: &mut Shard) {
        match entry {
            ListenerEntry::Resume if self.state == State::Paused => {
                self.state = State::Accepting;
                shard.read_again(self.address.token());
            }
            ListenerEntry::Resume => {}
            ListenerEntry::Stop => {
                self.state = State::Stopped;
                shard.world.orphans.push(self.address.token());
            }
        }
    }

    fn restart(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        shard.read_again(self.address.token());
        Some(Box::new(Self {
            address: self.address,
            name: self.name.clone(),
            local: Arc::clone(&self.local),
            profile: Arc::clone(&self.profile),
            speaks: self.speaks,
            transport: Arc::clone(&self.transport),
            connections: Arc::clone(&self.connections),
            connections_max: self.connections_max,
            accepted: self.accepted,
            refused: self.refused,
            rate: self.rate,
            next_arbiter: self.next_arbiter,
            state: State::Accepting,
            is_out_of_descriptors: self.is_out_of_descriptors,
        }))
    }
}

impl crate::inspect::State for Listener {
    fn state(&self, _times: crate::inspect::Times) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "address": &*self.local,
            "transport": self.speaks,
            "state": format!("{:?}", self.state).to_lowercase(),
            "connections": self.connections.load(Relaxed),
            "connections_max": self.connections_max,
            "accepted": self.accepted,
            "refused": self.refused,
            "has_connect_rate": self.rate.is_some(),
            "next_arbiter": self.next_arbiter,
            "is_out_of_descriptors": self.is_out_of_descriptors,
            "mount_point": self.profile.mount_point.as_ref().map(ToString::to_string),
            "is_anonymous": self.profile.is_anonymous,
        })
    }
}
