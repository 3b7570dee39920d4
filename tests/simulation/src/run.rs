//! One run: what happens, by chance, and the checks.

use std::time::Duration;

use castmq_mqtt::{Version, encode};
use castmq_settings::{QueuePolicy, Settings, SharedStrategy, StoreBackend};

use crate::cluster::Cluster;
use crate::device::Device;
use crate::drain;
use crate::model::Model;
use crate::packets::connect;
use crate::random::Random;
use crate::trace::Trace;
use crate::wire::{Mode, Stray, WILLS};

const FILTERS: &[&str] = &[
    "t/a",
    "t/b",
    "t/+",
    "t/#",
    "t/a/+",
    "ret/#",
    "ret/x",
    "$share/one/g/#",
    "$share/two/g/a",
    "$share/one/g/+",
];
const TOPICS: &[&str] = &["t/a", "t/b", "t/a/x", "t/c", "g/a", "g/b"];
/// Permanent processes survive fewer failures than this, all kinds together.
const FAILURES_MAX: u32 = 5;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Stands for every step; the same for the same seed.
    pub hash: u64,
    /// Messages that were published.
    pub messages: usize,
}

/// One run.
pub(crate) struct Run {
    pub(crate) random: Random,
    pub(crate) cluster: Cluster,
    pub(crate) devices: Vec<Device>,
    pub(crate) model: Model,
    pub(crate) trace: Trace,
    /// Until which step a shard has no round.
    paused: Vec<u64>,
    failures: u32,
    step: u64,
    with_failures: bool,
    capacity: usize,
}

/// Runs one seed.
///
/// # Panics
///
/// When the broker does what it must not; the message has the seed and the last steps.
#[must_use]
pub fn run(seed: u64) -> Report {
    let mut run = Run::new(seed);
    match run.go() {
        Ok(()) => Report {
            hash: run.trace.hash(),
            messages: run.model.messages.len(),
        },
        Err(fault) => panic!(
            "{fault}\n\nthe last steps:\n{}\n{fault}\n\nSIM_SEED={seed} repeats it\n",
            run.trace.text()
        ),
    }
}

fn settings(random: &mut Random, seed: u64) -> Settings {
    let mut settings = Settings::default();
    settings.store.backend = StoreBackend::Memory;
    settings.bounds.lanes_high = 64 * 1024;
    settings.bounds.lanes_low = 32 * 1024;
    settings.bounds.arbiter_high = 64 * 1024;
    settings.bounds.arbiter_low = 32 * 1024;
    settings.bounds.connection_unsent = 4 * 1024;
    settings.session.max_inflight = *random.pick(&[1, 3, 20, 100]);
    // Chance of its own, so that seeds from before this choice mean what they meant.
    let mut queues = Random::new(!seed);
    if queues.permille(250) {
        settings.mqueue.max_messages = 4;
    }
    settings.mqueue.policy = *queues.pick(&[QueuePolicy::DropOldest, QueuePolicy::DropNewest]);
    settings.shared.strategy = *random.pick(&[
        SharedStrategy::Random,
        SharedStrategy::RoundRobin,
        SharedStrategy::Sticky,
        SharedStrategy::HashClientId,
    ]);
    settings
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let arbiters = 2 + u16::try_from(random.below(3)).unwrap();
        // Chance of its own, so that seeds from before this choice mean what they meant.
        let is_kept = Random::new(seed ^ 0x5354_4f52).permille(600);
        let cluster = Cluster::new(settings(&mut random, seed), arbiters, seed, is_kept);
        let count = 3 + random.below(5);
        let devices = (0..count)
            .map(|number| {
                let version = *random.pick(&[Version::V4, Version::V5, Version::V5]);
                Device::new(number, version)
            })
            .collect();
        let capacity = *random.pick(&[7, 64, 512, 64 * 1024]);
        let with_failures = random.permille(600);
        Self {
            paused: vec![0; cluster.arbiters()],
            random,
            cluster,
            devices,
            model: Model::default(),
            trace: Trace::new(),
            failures: 0,
            step: 0,
            with_failures,
            capacity,
        }
    }

    fn go(&mut self) -> Result<(), String> {
        for arbiter in 0..self.cluster.arbiters() {
            self.cluster.round(arbiter);
        }
        let baseline = self.cluster.baseline();
        self.model.has_small_queues = self.cluster.node.settings.mqueue.max_messages < 100;
        self.watch_wills()?;
        let mut store = Random::new(self.step ^ self.trace.hash());
        let steps = 2_000 + self.random.below(4_000) as u64;
        while self.step < steps {
            self.step += 1;
            self.model.step = self.step;
            self.next()?;
            if self.cluster.is_kept() {
                self.store(&mut store)?;
            }
            if self.step.is_multiple_of(16) {
                self.cluster.check()?;
            }
        }
        drain::settle(self)?;
        self.model.check_promises(self.cluster.over_quota())?;
        drain::check_retained(self)?;
        drain::leave(self)?;
        self.cluster.check_empty(&baseline)?;
        drain::check_accounts(&self.cluster)
    }

    /// The first device is there from the beginning, and its session to the end.
    fn watch_wills(&mut self) -> Result<(), String> {
        let ends = self.cluster.connect(0, self.capacity);
        self.devices[0].connect(&mut self.model, Mode::Resume, ends, false);
        drain::quiet(self, "the first device")?;
        self.devices[0].subscribe(&mut self.model, WILLS, 1);
        drain::quiet(self, "the first subscription")
    }

    fn next(&mut self) -> Result<(), String> {
        match self.random.below(1000) {
            0..550 => self.round(),
            550..940 => self.act()?,
            940..985 => {
                let millis = *self.random.pick(&[1, 5, 20, 100]);
                self.cluster.advance(Duration::from_millis(millis));
                self.trace.note(format_args!("{millis} ms pass"));
            }
            985..990 => {
                let shard = self.random.below(self.paused.len());
                self.paused[shard] = self.step + self.random.below(120) as u64;
                self.trace.note(format_args!(
                    "arbiter {shard} pauses until {}",
                    self.paused[shard]
                ));
            }
            990..994 => self.storm(),
            _ => self.fail(),
        }
        Ok(())
    }

    /// What the store does between two steps of the others: nothing, some work, or it is all that is left.
    fn store(&mut self, random: &mut Random) -> Result<(), String> {
        if random.permille(400) {
            let more = self.cluster.store_step();
            self.trace
                .note(format_args!("the store works, more: {more}"));
        } else if random.permille(1) {
            self.crash()?;
        }
        Ok(())
    }

    /// The broker is killed and comes back with what was stored.
    fn crash(&mut self) -> Result<(), String> {
        self.trace.note(format_args!("the broker is killed"));
        self.model.broker_killed();
        for device in &mut self.devices {
            device.broker_killed(&mut self.model);
        }
        self.cluster.crash();
        for device in &mut self.devices {
            if !device.has_no_strays() {
                return Err(format!("{} is held after a crash", device.name()));
            }
        }
        Ok(())
    }

    fn round(&mut self) {
        let shard = self.random.below(self.paused.len());
        if self.paused[shard] <= self.step {
            let more = self.cluster.round(shard);
            self.trace
                .note(format_args!("round of {shard}, more: {more}"));
        }
    }

    fn act(&mut self) -> Result<(), String> {
        let number = self.random.below(self.devices.len());
        let choice = self.random.below(1000);
        if self.devices[number].wire.is_none() {
            if choice < 300 {
                self.open(number, false);
            }
            return Ok(());
        }
        let (device, model) = (&mut self.devices[number], &mut self.model);
        match choice {
            0..500 => return self.read(number),
            500..760 => self.publish(number),
            760..900 => self.subscribe(number),
            900..930 => {
                if let Some(filter) = device.unsubscribe(model) {
                    device.flush(model);
                    self.trace
                        .note(format_args!("device{number} > UNSUBSCRIBE {filter}"));
                }
            }
            930..945 => {
                device.leave(model);
                self.trace.note(format_args!("device{number} > DISCONNECT"));
            }
            945..965 => {
                device.abandon(model);
                self.trace
                    .note(format_args!("device{number} drops its connection"));
            }
            965..985 => self.open(number, true),
            _ => device.flush(model),
        }
        Ok(())
    }

    fn read(&mut self, number: usize) -> Result<(), String> {
        // Every third device reads slowly.
        let is_slow = number % 3 == 2;
        let most = if is_slow {
            1 + self.random.below(40)
        } else {
            4096
        };
        let came = self.devices[number]
            .read(&mut self.model, most)
            .map_err(|fault| format!("device{number}: {fault}"))?;
        for packet in came {
            self.trace.note(format_args!("device{number} < {packet}"));
        }
        Ok(())
    }

    fn publish(&mut self, number: usize) {
        let (topic, qos) = if self.random.permille(120) {
            // One publisher for each retained topic, always with the same QoS.
            let Some(topic) = ["ret/x", "ret/y", "ret/z"].get(number) else {
                return;
            };
            (*topic, 1)
        } else {
            let qos = u8::try_from(self.random.below(3)).unwrap();
            (*self.random.pick(TOPICS), qos)
        };
        let bytes = *self.random.pick(&[0, 10, 100, 2000]);
        let (device, model) = (&mut self.devices[number], &mut self.model);
        if let Some(message) = device.publish(model, topic, qos, bytes) {
            device.flush(model);
            self.trace.note(format_args!(
                "device{number} > m{message} {topic} qos {qos}"
            ));
        }
    }

    fn subscribe(&mut self, number: usize) {
        let filter = *self.random.pick(FILTERS);
        // Any member may be chosen: all of a group ask for more than QoS 0.
        let qos = match filter.as_bytes() {
            [b'r', ..] => 1,
            [b'$', ..] => 1 + u8::try_from(self.random.below(2)).unwrap(),
            _ => u8::try_from(self.random.below(3)).unwrap(),
        };
        let (device, model) = (&mut self.devices[number], &mut self.model);
        device.subscribe(model, filter, qos);
        device.flush(model);
        self.trace
            .note(format_args!("device{number} > SUBSCRIBE {filter} {qos}"));
    }

    /// A new connection of a device; with the old one left behind it is a takeover.
    fn open(&mut self, number: usize, takes_over: bool) {
        let device = &mut self.devices[number];
        if takes_over && device.is_up() {
            device.leave_behind(&mut self.model);
        } else {
            device.abandon(&mut self.model);
        }
        if device.must_wait() || device.must_discard && !device.has_no_strays() {
            return;
        }
        let mode = if device.must_discard {
            Mode::Transient
        } else if number == 0 || !device.has_no_strays() || self.random.permille(700) {
            Mode::Resume
        } else if device.version == Version::V5 && self.random.permille(400) {
            Mode::Fresh
        } else {
            Mode::Transient
        };
        let arbiter = self.random.below(self.paused.len());
        let ends = self.cluster.connect(arbiter, self.capacity);
        let will = self.random.permille(500);
        device.connect(&mut self.model, mode, ends, will);
        let will = device.wire.as_ref().and_then(|wire| wire.will);
        self.trace.note(format_args!(
            "device{number} > CONNECT {mode:?} to {arbiter}, will {will:?}"
        ));
    }

    /// Many connections claim the same client id at once, from everywhere.
    fn storm(&mut self) {
        let number = self.random.below(self.devices.len());
        let device = &mut self.devices[number];
        if !device.is_kept() || !device.is_up() || device.must_wait() {
            return;
        }
        if let Some(wire) = &mut device.wire {
            wire.has_rivals = true;
        }
        let ghosts = 2 + self.random.below(6);
        for _ in 0..ghosts {
            let arbiter = self.random.below(self.paused.len());
            let (stream, held) = self.cluster.connect(arbiter, 4096);
            let packet = connect(&device.name(), device.version, Mode::Resume, None);
            let mut bytes = bytes::BytesMut::new();
            encode(&packet, device.version, &mut bytes).unwrap();
            stream.write(&bytes).unwrap();
            if self.random.permille(300) {
                stream.close();
            }
            device.strays.push(Stray::ghost(stream, held));
        }
        self.trace
            .note(format_args!("{ghosts} others claim device{number}"));
    }

    /// A process fails.
    fn fail(&mut self) {
        if !self.with_failures {
            return;
        }
        let processes = self.cluster.processes();
        let process = self.random.pick(&processes).clone();
        match process.kind {
            "session" => {
                // The first device watches; its session stays.
                let Some(device) = self
                    .devices
                    .iter_mut()
                    .find(|device| device.name() == *process.name)
                else {
                    return;
                };
                if device.number == 0 || !self.cluster.doom(&process) {
                    return;
                }
                // One that the store has kept comes back from there.
                if self.cluster.is_kept() && device.may_have_kept_session() {
                    device.session_restarts(&mut self.model);
                } else {
                    device.session_failed(&mut self.model);
                }
                self.model.session_fails();
            }
            "client" => {
                if !self.cluster.doom(&process) {
                    return;
                }
                self.model.connection_fails();
            }
            _ => {
                if self.failures >= FAILURES_MAX || !self.cluster.doom(&process) {
                    return;
                }
                self.failures += 1;
            }
        }
        self.trace
            .note(format_args!("{} {} fails", process.kind, process.name));
    }
}
