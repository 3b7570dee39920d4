//! The store at start and stop: what it has kept comes back before a listener opens.

use std::sync::Arc;
use std::time::Duration;

use castmq_observe::{Event, Events};
use castmq_otp::{Clock, Mailroom};
use castmq_rules::session::Restored;
use castmq_rules::{Moment, WallTime};
use castmq_settings::{Fsync, StoreBackend};
use castmq_store::{EngineSettings, Lost, Opened, Options, Progress, SessionKey, Store};

use super::{Handle, HandleError, StartError};
use crate::node::Node;
use crate::parcel::Parcel;
use crate::store;

/// Sessions that an arbiter takes over in one go.
const CHUNK: usize = 512;
/// Threads that read queues.
const READERS: usize = 2;
/// How long routes may take to be in place, and how often it is looked.
const ROUTES_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Where what outlives the process is kept, if not where the settings say.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    pub(super) store: Option<Arc<dyn Store>>,
    pub(super) accepts_data_loss: bool,
}

/// The sessions of each arbiter.
pub(super) type Shares = Vec<Vec<(SessionKey, Restored)>>;

/// Opens the store that the settings name and gives the node what it has kept; `None` when all is in
/// memory.
pub(super) fn open(
    node: &Arc<Node>,
    clock: &Arc<dyn Clock>,
    mailroom: &Mailroom<Parcel>,
    choice: Choice,
) -> Result<Shares, StartError> {
    let settings = &node.settings;
    if choice.store.is_none() && settings.store.backend == StoreBackend::Memory {
        return Ok(Vec::new());
    }
    let options = options(node, clock, choice.accepts_data_loss);
    // The wall clock at the moment from which the node counts.
    let wall = clock.wall().saturating_sub(clock.now());
    let wall = WallTime::from_epoch(wall);
    let opened = match choice.store {
        Some(store) => castmq_store::open_with(store, &options, wall)?,
        None => castmq_store::open(&options, wall)?,
    };
    tell_lost(node, opened.recovered.lost.as_ref());
    start(node, mailroom, opened)
}

fn options(node: &Arc<Node>, clock: &Arc<dyn Clock>, accept_data_loss: bool) -> Options {
    let settings = &node.settings.store;
    let time = Arc::clone(clock);
    let events = node.events.first().cloned().unwrap_or_default();
    let progress_time = Arc::clone(clock);
    let clock = Arc::new(move || Moment::from_start(time.now()));
    Options {
        arbiters: node.arbiters,
        fsync: match settings.fsync {
            Fsync::Always => castmq_store::Fsync::Always,
            Fsync::Interval(interval) => castmq_store::Fsync::Interval(interval),
            Fsync::Never => castmq_store::Fsync::Never,
        },
        free_space_min: settings.free_space_min,
        accept_data_loss,
        readers: READERS,
        reads_max: settings.reads_waiting as usize,
        engine_settings: EngineSettings {
            cache_bytes: settings.cache,
            ..EngineSettings::default()
        },
        on_progress: Some(Box::new(move |progress| {
            tell_progress(&events, progress_time.now(), progress);
        })),
        ..Options::new(settings.data_dir.clone(), clock)
    }
}

fn tell_progress(events: &Events, now: Duration, progress: Progress) {
    let Progress {
        took,
        sessions,
        sessions_all,
    } = progress;
    let fields: &[(&'static str, &dyn std::fmt::Display)] = &[
        ("sessions", &sessions),
        ("of", &sessions_all),
        ("seconds", &took.as_secs()),
    ];
    events.tell(now, Event::StoreReading, fields);
}

fn tell_lost(node: &Node, lost: Option<&Lost>) {
    let (Some(lost), Some(events)) = (lost, node.events.first()) else {
        return;
    };
    let rows = lost.rows.join("; ");
    events.tell(
        Duration::ZERO,
        Event::StoreLost,
        &[
            ("commits", &lost.commits),
            ("rows", &lost.rows_len),
            ("first", &rows),
        ],
    );
}

fn start(
    node: &Arc<Node>,
    mailroom: &Mailroom<Parcel>,
    opened: Opened,
) -> Result<Shares, StartError> {
    let mailroom = mailroom.clone();
    let wake = Box::new(move |arbiter| mailroom.wake(arbiter));
    let (link, recovered) = opened
        .start(wake)
        .map_err(|error| StartError::Launch(castmq_otp::LaunchError::Thread(error)))?;
    Ok(store::take_over(node, recovered, link))
}

/// Has the arbiters take their sessions over and waits until all that these subscribed to is routed.
pub(super) fn restore(handle: &Handle, shares: Shares) -> Result<(), StartError> {
    for (share, arbiter) in shares.into_iter().zip(0_u16..) {
        let mut rest = share.into_iter().peekable();
        while rest.peek().is_some() {
            let chunk: Vec<_> = rest.by_ref().take(CHUNK).collect();
            let taken = handle.ask(arbiter, move |shard| store::restore(shard, chunk));
            taken.map_err(|_| StartError::Silent)?;
        }
    }
    let arbiters = handle.node().arbiters;
    let looks = ROUTES_PATIENCE.as_millis() / LOOK_EVERY.as_millis();
    for _ in 0..looks {
        let settled = (0..arbiters)
            .map(|arbiter| handle.ask(arbiter, |shard| store::are_routes_settled(shard)))
            .collect::<Result<Vec<bool>, HandleError>>();
        if settled
            .map_err(|_| StartError::Silent)?
            .iter()
            .all(|is_settled| *is_settled)
        {
            return begin(handle);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Err(StartError::Silent)
}

fn begin(handle: &Handle) -> Result<(), StartError> {
    for arbiter in 0..handle.node().arbiters {
        let begun = handle.ask(arbiter, store::begin);
        begun.map_err(|_| StartError::Silent)?;
    }
    Ok(())
}

/// Everything that was handed over is stored, then the store is closed.
pub(super) fn close(node: &Node) {
    let Some(store) = node.store.get() else {
        return;
    };
    if let Err(error) = store.link.stop()
        && let Some(events) = node.events.first()
    {
        let cause = format!("the last changes are not stored: {error}");
        events.tell(Duration::ZERO, Event::StoreTrouble, &[("cause", &cause)]);
    }
}
