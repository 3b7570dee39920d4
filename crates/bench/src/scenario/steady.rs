//! Publishers and subscribers in a steady flow: p2p and fanout.

use crate::Failure;
use crate::books::{Books, Progress};
use crate::crew::{Board, Crew, Stage};
use crate::frame::{Session, Shape as MessageShape};
use crate::latency::Latencies;
use crate::plan::Plan;
use crate::run::{Run, Sample};
use crate::task::flow::{Drive, Flow, Settings};
use crate::task::opening::Client;
use crate::task::subscribing::Subscription;

/// Connects, subscribes, publishes, and says what came of it.
///
/// # Errors
///
/// When the system refuses threads.
pub(crate) fn run(run: &mut Run<'_>, plan: &Plan) -> Result<(), Failure> {
    let (receive_max, _) = run.open(clients(plan, run.crew.threads()))?;
    let qos = run.arguments.qos();
    if run.faults.are_allowed(qos) {
        run.subscribe(subscriptions(plan, run.crew.threads()), qos)?;
    }
    if run.faults.are_allowed(qos) {
        publish(run, plan, &receive_max)?;
    }
    Ok(())
}

/// The clients of each thread: its publishers, then its subscribers.
pub(crate) fn clients(plan: &Plan, threads: usize) -> Vec<Vec<Client>> {
    let client = |kind: char, number: u32| Client {
        id: format!("{}/{kind}{number}", plan.prefix),
        session: Session::Clean,
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

/// Lets messages flow, measures the steady part, and counts what is missing in the end.
///
/// # Errors
///
/// When the system refuses threads.
pub(crate) fn publish(
    run: &mut Run<'_>,
    plan: &Plan,
    receive_max: &[Vec<u16>],
) -> Result<(), Failure> {
    let arguments = run.arguments;
    let message = MessageShape {
        version: run.version,
        qos: arguments.qos(),
        is_retained: false,
        payload_bytes: arguments.payload_bytes(),
    };
    let progress = Progress::new(plan, run.crew.threads());
    let settings = Settings {
        plan,
        progress: &progress,
        message: &message,
        drive: match arguments.rate {
            Some(rate) => Drive::Rate(rate),
            None => Drive::Window(arguments.window),
        },
        messages: arguments.messages,
    };
    let board = Board::new(run.crew.threads());
    let tasks = run.places(&board).zip(receive_max);
    let tasks = tasks.map(|(place, receive_max)| Flow::new(place, settings, receive_max));
    let tasks = tasks.collect();
    let before = run.memory();
    let mut crew = std::mem::replace(&mut run.crew, Crew::none());
    let done = crew.perform(tasks, &board, || measure(run, &board));
    run.crew = crew;
    let (flows, (start, end)) = done?;

    let mut latencies = Latencies::new();
    let mut books = Vec::new();
    for flowed in flows.into_iter().map(Flow::flowed) {
        latencies.merge(flowed.latencies);
        run.faults.add(flowed.faults);
        run.notes.extend(flowed.notes);
        books.push(flowed.books);
    }
    run.faults.add(Books::close(books, &progress.sent()));
    let mut phase = start
        .phase(end, "publish", "message")
        .with_memory([before, run.memory()], 0);
    phase.latency_us = latencies.quantiles();
    run.phases.push(phase);
    Ok(())
}

/// Lets the flow become steady, then takes what it costs between two moments.
fn measure(run: &Run<'_>, board: &Board) -> (Sample, Sample) {
    let arguments = run.arguments;
    let (start, end);
    if arguments.messages.is_some() {
        board.enter(Stage::Measure);
        start = run.sample(board);
        run.watch_to_the_end(board, "message");
        end = run.sample(board);
    } else {
        run.watch_for(board, arguments.warmup, "message");
        board.enter(Stage::Measure);
        start = run.sample(board);
        run.watch_for(board, arguments.duration, "message");
        end = run.sample(board);
        board.enter(Stage::Stop);
        run.watch_to_the_end(board, "message");
    }
    (start, end)
}
