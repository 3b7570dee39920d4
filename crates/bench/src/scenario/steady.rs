//! Publishers and subscribers in a steady flow: p2p, fanout, fanin, shared and wildcard.

use crate::Failure;
use crate::arguments::Scenario;
use crate::books::{Books, Progress};
use crate::crew::{Board, Stage};
use crate::frame::{Message, Session};
use crate::plan::Plan;
use crate::report::Phase;
use crate::run::Run;
use crate::task::flow::{Drive, Flow, Settings};
use crate::task::opening::Client;
use crate::task::subscribing::Subscription;
use crate::task::{Findings, Place};
use crate::watch::{Sample, Watch};

/// What flows.
const UNIT: &str = "message";

/// Connects, subscribes, publishes, and says what came of it.
///
/// # Errors
///
/// When the system refuses threads or polling.
pub(crate) fn run(run: &mut Run<'_>, plan: &Plan) -> Result<(), Failure> {
    let session = if run.arguments.persistent {
        Session::Kept
    } else {
        Session::Clean
    };
    let opened = run.open(clients(plan, run.threads(), session))?;
    if !run.is_well() {
        return Ok(());
    }
    let before = run.watch.memory();
    let subscribe = run.subscribe(subscriptions(plan, run.threads()))?;
    let filters = subscribe.operations;
    let subscribed = run.watch.memory();
    if run.arguments.scenario == Scenario::Wildcard {
        run.push(subscribe.with_memory([before, subscribed], filters));
    }
    if !run.is_well() {
        return Ok(());
    }
    let message = message(run);
    let phase = publish(run, plan, &opened.receive_max, ("publish", &message))?;
    let after = run.watch.memory();
    run.push(phase.with_memory([subscribed, after], 0));
    if session == Session::Kept && run.is_well() {
        // Sessions end with clean ones that take their place.
        run.leave()?;
        run.open(clients(plan, run.threads(), Session::Clean))?;
    }
    Ok(())
}

/// The clients of each thread: its publishers, then its subscribers, whose sessions are of this kind.
pub(crate) fn clients(plan: &Plan, threads: usize, subscribers: Session) -> Vec<Vec<Client>> {
    let client = |kind: char, number: u32| Client {
        id: format!("{}/{kind}{number}", plan.prefix),
        session: if kind == 's' {
            subscribers
        } else {
            Session::Clean
        },
    };
    let of_thread = |thread: u32| {
        let publishers = (thread..plan.publishers).step_by(threads);
        let subscribers = (thread..plan.subscribers).step_by(threads);
        let publishers = publishers.map(|number| client('p', number));
        let subscribers = subscribers.map(|number| client('s', number));
        publishers.chain(subscribers).collect()
    };
    (0..).take(threads).map(of_thread).collect()
}

/// What the subscribers of each thread subscribe to.
pub(crate) fn subscriptions(plan: &Plan, threads: usize) -> Vec<Vec<Subscription>> {
    let of_thread = |thread: u32| {
        let publishers = (thread..plan.publishers).step_by(threads).count();
        let subscribers = (thread..plan.subscribers).step_by(threads);
        let of_subscriber = |(position, number): (usize, u32)| {
            let wire = publishers + position;
            let filters = plan.filters(number).into_iter();
            filters.map(move |filter| Subscription { wire, filter })
        };
        subscribers.enumerate().flat_map(of_subscriber).collect()
    };
    (0..).take(threads).map(of_thread).collect()
}

/// What messages look like, as the options say.
pub(crate) fn message(run: &Run<'_>) -> Message {
    Message {
        version: run.version,
        qos: run.arguments.qos(),
        is_retained: run.arguments.scenario == Scenario::Retained,
        payload_bytes: run.arguments.payload_bytes(),
    }
}

/// Lets messages flow and counts what is missing in the end. Measured is all of it if the number of
/// messages is given, otherwise the steady part.
///
/// # Errors
///
/// When the system refuses threads or polling.
pub(crate) fn publish(
    run: &mut Run<'_>,
    plan: &Plan,
    receive_max: &[Vec<u16>],
    (name, message): (&str, &Message),
) -> Result<Phase, Failure> {
    let (warmup, duration) = (run.arguments.warmup, run.arguments.duration);
    if run.arguments.messages().is_some() {
        publish_while(
            run,
            plan,
            receive_max,
            (name, message),
            |watch, board, start| {
                board.enter(Stage::Measure);
                watch.to_the_end(board, UNIT);
                (start, watch.sample(board))
            },
        )
    } else {
        publish_while(
            run,
            plan,
            receive_max,
            (name, message),
            |watch, board, _| watch.steadily(board, (warmup, duration), UNIT),
        )
    }
}

/// Lets messages flow until the one that watches has seen enough, and counts what is missing.
///
/// # Errors
///
/// When the system refuses threads or polling.
pub(crate) fn publish_while(
    run: &mut Run<'_>,
    plan: &Plan,
    receive_max: &[Vec<u16>],
    (name, message): (&str, &Message),
    watch: impl FnOnce(&Watch, &Board, Sample) -> (Sample, Sample),
) -> Result<Phase, Failure> {
    let arguments = run.arguments;
    let progress = Progress::new(plan, run.threads());
    let settings = Settings {
        plan,
        progress: &progress,
        message,
        drive: match arguments.rate() {
            Some(rate) => Drive::Rate(rate),
            None => Drive::Window(arguments.window),
        },
        messages: arguments.messages(),
    };
    let flow = |place: Place| {
        let receive_max = receive_max.get(place.thread);
        Flow::new(place, settings, receive_max.map_or(&[], Vec::as_slice))
    };
    let (flows, (start, end)) = run.perform_watched(flow, watch)?;
    let phase = start.phase(end, name, UNIT);
    let mut findings = Vec::new();
    let mut books = Vec::new();
    for flow in flows {
        findings.push(flow.findings);
        books.push(flow.books);
    }
    let mut missing = Findings::new();
    missing.faults = Books::close(books, &progress.sent());
    findings.push(missing);
    Ok(run.keep(phase, findings))
}
