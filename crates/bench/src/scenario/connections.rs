//! Connections themselves: many that stay, or some that come and go.

use crate::Failure;
use crate::crew::Stage;
use crate::frame::Session;
use crate::pace::Pace;
use crate::run::Run;
use crate::task::Place;
use crate::task::churn::{Churn, Cycle};
use crate::task::idle::Idle;
use crate::task::opening::{Client, Opening};
use crate::task::subscribing::Subscription;

/// Connects, perhaps subscribes, and perhaps stays for a while.
///
/// # Errors
///
/// When the system refuses threads or polling.
pub(crate) fn stay(run: &mut Run<'_>) -> Result<(), Failure> {
    let arguments = run.arguments;
    let before = run.watch.memory();
    connect(run, before)?;
    if arguments.subscribe && run.is_well() {
        subscribe(run)?;
    }
    if arguments.idle.is_some() && run.is_well() {
        idle(run)?;
    }
    forget(run)
}

/// Lets clients come and go, or take over each other's connections.
///
/// # Errors
///
/// When the system refuses threads or polling.
pub(crate) fn churn(run: &mut Run<'_>) -> Result<(), Failure> {
    let arguments = run.arguments;
    let (cycle, names) = if arguments.takeover {
        (Cycle::TakeOver, ("takeover", "connection"))
    } else {
        (Cycle::ComeAndGo, ("churn", "connection"))
    };
    let session = session(run);
    let (version, prefix) = (run.version, run.prefix.clone());
    let before = run.watch.memory();
    let (tasks, phase) = run.perform_steadily(names, |place| {
        let clients = part(arguments.sizes().clients, place.thread, place.threads);
        Churn::new(place, version, clients, (cycle, session), prefix.clone())
    })?;
    let phase = run.keep(phase, tasks.into_iter().map(|task| task.findings));
    let after = run.watch.memory();
    run.push(phase.with_memory([before, after], 0));
    forget(run)
}

/// Leaves the broker as it was: sessions end with clean ones that take their place.
fn forget(run: &mut Run<'_>) -> Result<(), Failure> {
    if run.arguments.persistent {
        run.leave()?;
        run.open(clients(run, Session::Clean))?;
    }
    Ok(())
}

fn connect(run: &mut Run<'_>, before: Option<u64>) -> Result<(), Failure> {
    let (version, rate, at_once) = (run.version, run.arguments.rate(), run.arguments.at_once);
    let whole = run.arguments.sizes().clients;
    let mut clients = clients(run, session(run));
    let (tasks, phase) = run.perform(("connect", "connection"), |place| {
        let clients = clients.get_mut(place.thread).map(std::mem::take);
        let clients = clients.unwrap_or_default();
        let pace = rate.map(|rate| Pace::new(rate, clients.len() as u64, whole.into()));
        Opening::new(place, version, clients)
            .paced(pace)
            .at_once(at_once)
    })?;
    let opened = run.opened(tasks, phase);
    let after = run.watch.memory();
    let connections = opened.phase.operations;
    run.push(opened.phase.with_memory([before, after], connections));
    Ok(())
}

fn subscribe(run: &mut Run<'_>) -> Result<(), Failure> {
    let (clients, threads) = (run.arguments.sizes().clients, run.threads());
    let of_thread = |thread: usize| {
        let subscription = |wire: usize| Subscription {
            wire,
            filter: format!("{}/{thread}/{wire}", run.prefix),
        };
        (0..part(clients, thread, threads))
            .map(subscription)
            .collect()
    };
    let subscriptions = (0..threads).map(of_thread).collect();
    let before = run.watch.memory();
    let phase = run.subscribe(subscriptions)?;
    let after = run.watch.memory();
    let filters = phase.operations;
    run.push(phase.with_memory([before, after], filters));
    Ok(())
}

fn idle(run: &mut Run<'_>) -> Result<(), Failure> {
    let arguments = run.arguments;
    let (clients, time) = (
        arguments.sizes().clients,
        arguments.idle.unwrap_or_default(),
    );
    let idle = |place: Place| {
        let own = part(clients, place.thread, place.threads);
        let pace = |rate| Pace::new(rate, own as u64, clients.into());
        Idle::new(place, arguments.ping_rate.map(pace), own)
    };
    let before = run.watch.memory();
    let (tasks, (start, end)) = run.perform_watched(idle, |watch, board, start| {
        watch.for_a_time(board, time, "ping");
        let end = watch.sample(board);
        board.enter(Stage::Stop);
        watch.to_the_end(board, "ping");
        (start, end)
    })?;
    let phase = start.phase(end, "idle", "ping");
    let phase = run.keep(phase, tasks.into_iter().map(|task| task.findings));
    let after = run.watch.memory();
    run.push(phase.with_memory([before, after], 0));
    Ok(())
}

/// The clients of each thread.
fn clients(run: &Run<'_>, session: Session) -> Vec<Vec<Client>> {
    let (clients, threads) = (run.arguments.sizes().clients, run.threads());
    let of_thread = |thread: usize| {
        let client = |number: usize| Client {
            id: format!("{}/c{thread}-{number}", run.prefix),
            session,
        };
        (0..part(clients, thread, threads)).map(client).collect()
    };
    (0..threads).map(of_thread).collect()
}

fn session(run: &Run<'_>) -> Session {
    if run.arguments.persistent {
        Session::Kept
    } else {
        Session::Clean
    }
}

/// How many of the clients are a thread's.
pub(crate) fn part(clients: u32, thread: usize, threads: usize) -> usize {
    let clients = usize::try_from(clients).unwrap_or(usize::MAX);
    (thread..clients).step_by(threads).count()
}
