//! Sessions whose clients are away: what they cost, alone and with a queue, and how it is drained.

use crate::Failure;
use crate::frame::Session;
use crate::plan::Plan;
use crate::report::Phase;
use crate::run::{Opened, Run};
use crate::scenario::steady;
use crate::task::opening::{Client, Opening};
use crate::task::receiving::{Expected, Receiving};
use crate::task::subscribing::Subscription;

/// Connects, leaves, queues and drains.
///
/// # Errors
///
/// When the system refuses threads or polling.
pub(crate) fn run(run: &mut Run<'_>, plan: &Plan) -> Result<(), Failure> {
    let before = run.watch.memory();
    if !establish(run, plan, before)? {
        return Ok(());
    }
    queue(run, plan)?;
    if run.is_well() {
        drain(run)?;
        run.leave()?;
    }
    // The sessions end with clean ones that take their place.
    run.open(sessions(run, Session::Clean))?;
    Ok(())
}

/// Makes the sessions and lets their clients leave; whether all went well.
fn establish(run: &mut Run<'_>, plan: &Plan, before: Option<u64>) -> Result<bool, Failure> {
    let opened = run.open(sessions(run, Session::Kept))?;
    if !run.is_well() {
        return Ok(false);
    }
    let connected = run.watch.memory();
    let count = opened.phase.operations;
    run.push(opened.phase.with_memory([before, connected], count));
    let threads = run.threads();
    let of_thread = |thread: usize| {
        let sessions = (thread..).step_by(threads).map_while(|session| {
            let session = u32::try_from(session).ok()?;
            (session < run.arguments.sizes().clients).then_some(session)
        });
        let filters = sessions.flat_map(|session| plan.filters(session));
        filters
            .enumerate()
            .map(|(wire, filter)| Subscription { wire, filter })
            .collect()
    };
    let subscriptions = (0..threads).map(of_thread).collect();
    run.subscribe(subscriptions)?;
    let leave = run.leave()?;
    // What a session costs that has one subscription and no connection.
    let away = run.watch.memory();
    run.push(leave.with_memory([before, away], count));
    Ok(run.is_well())
}

/// Publishes for all sessions, with connections that leave afterwards.
fn queue(run: &mut Run<'_>, plan: &Plan) -> Result<(), Failure> {
    let opened = run.open(steady::clients(plan, run.threads(), Session::Clean))?;
    let before = run.watch.memory();
    let message = steady::message(run);
    let queue = steady::publish(run, plan, &opened.receive_max, ("queue", &message))?;
    let queued = run.watch.memory();
    let messages = queue.operations;
    run.push(queue.with_memory([before, queued], messages));
    run.leave()?;
    Ok(())
}

/// Comes back to all sessions and takes what has been queued.
fn drain(run: &mut Run<'_>) -> Result<(), Failure> {
    let mut clients = sessions(run, Session::Kept);
    let before = run.watch.memory();
    let (version, each) = (run.version, run.arguments.messages().unwrap_or(0));
    let (tasks, phase) = run.perform(("drain", "message"), |place| {
        let clients = clients.get_mut(place.thread).map(std::mem::take);
        let clients = clients.unwrap_or_default();
        let expected = Expected::Queued {
            sessions: clients.len(),
            each,
        };
        let opening = Opening::new(place.clone(), version, clients);
        Receiving::new(place, opening, 0, expected)
    })?;
    let (openings, findings): (Vec<_>, Vec<_>) = tasks.into_iter().map(Receiving::found).unzip();
    let phase = run.keep(phase, findings);
    let Opened {
        phase: opened,
        resumed,
        ..
    } = run.opened(openings, phase);
    let sessions = u64::from(run.arguments.sizes().clients);
    if resumed < sessions {
        let forgotten = sessions - resumed;
        run.say(format!("the broker has forgotten {forgotten} sessions"));
    }
    // It is the time until a connection was accepted, which says nothing about messages.
    let phase = Phase {
        latency_us: None,
        ..opened
    };
    let after = run.watch.memory();
    run.push(phase.with_memory([before, after], 0));
    Ok(())
}

/// The clients of the sessions, by thread.
fn sessions(run: &Run<'_>, session: Session) -> Vec<Vec<Client>> {
    let threads = run.threads();
    let of_thread = |thread: u32| {
        let sessions = (thread..run.arguments.sizes().clients).step_by(threads);
        let client = |number: u32| Client {
            id: format!("{}/k{number}", run.prefix),
            session,
        };
        sessions.map(client).collect()
    };
    (0..).take(threads).map(of_thread).collect()
}
