//! A storm of connections, and what a steady flow of messages feels of it.

use std::sync::Arc;

use crate::Failure;
use crate::crew::{Board, Crew};
use crate::frame::Session;
use crate::plan::Plan;
use crate::report::Phase;
use crate::run::Run;
use crate::scenario::{connections, steady};
use crate::task::Place;
use crate::task::leaving::Leaving;
use crate::task::opening::{Client, Opening};
use crate::watch::Watch;

/// What the storm is made of.
const UNIT: &str = "connection";

/// Lets messages flow undisturbed, then while many clients connect as fast as the broker takes them.
///
/// # Errors
///
/// When the system refuses threads or polling.
pub(crate) fn run(run: &mut Run<'_>, plan: &Plan) -> Result<(), Failure> {
    let threads = run.threads();
    let opened = run.open(steady::clients(plan, threads, Session::Clean))?;
    if run.is_well() {
        run.subscribe(steady::subscriptions(plan, threads))?;
    }
    if !run.is_well() {
        return Ok(());
    }
    let message = steady::message(run);
    let calm = steady::publish(run, plan, &opened.receive_max, ("calm", &message))?;
    run.push(calm.clone());
    if !run.is_well() {
        return Ok(());
    }
    let mut storm = Storm::new(run)?;
    let mut result = None;
    let warmup = run.arguments.warmup;
    let before = run.watch.memory();
    let names = ("storm", &message);
    let disturbed =
        steady::publish_while(run, plan, &opened.receive_max, names, |watch, board, _| {
            watch.while_steady(board, warmup, "message", || {
                result = Some(storm.rage(watch));
            })
        })?;
    run.push(disturbed.compared_with(&calm));
    if let Some(result) = result {
        let (openings, phase) = result?;
        let opened = run.opened(openings, phase).phase;
        let memory = [before, run.watch.memory()];
        let connections = opened.operations;
        run.push(opened.with_memory(memory, connections));
    }
    storm.calm_down(run)
}

/// The clients that connect; they have threads of their own, so that those of the flow are on time.
struct Storm {
    crew: Crew,
    openings: Vec<Opening>,
    board: Arc<Board>,
}

impl Storm {
    fn new(run: &Run<'_>) -> Result<Self, Failure> {
        let (threads, arguments) = (run.threads(), run.arguments);
        let board = Arc::new(Board::new(threads));
        let opening = |thread: usize| {
            let client = |number: usize| Client {
                id: format!("{}/h{thread}-{number}", run.prefix),
                session: Session::Clean,
            };
            let part = connections::part(arguments.sizes().clients, thread, threads);
            let clients = (0..part).map(client).collect();
            let place = Place {
                board: Arc::clone(&board),
                thread,
                threads,
            };
            Opening::new(place, run.version, clients).at_once(arguments.at_once)
        };
        Ok(Self {
            crew: Crew::new(threads, &run.target, run.version)?.standing_back(),
            openings: (0..threads).map(opening).collect(),
            board,
        })
    }

    /// Connects all.
    fn rage(&mut self, watch: &Watch) -> Result<(Vec<Opening>, Phase), Failure> {
        let board = &self.board;
        let openings = std::mem::take(&mut self.openings);
        let start = watch.sample(board);
        let (openings, end) = self.crew.perform(openings, board, || {
            watch.to_the_end(board, UNIT);
            watch.sample(board)
        })?;
        Ok((openings, start.phase(end, "handshakes", UNIT)))
    }

    /// Disconnects all.
    fn calm_down(&mut self, run: &Run<'_>) -> Result<(), Failure> {
        let threads = run.threads();
        let board = Arc::new(Board::new(threads));
        let leaving = |thread: usize| {
            Leaving::new(Place {
                board: Arc::clone(&board),
                thread,
                threads,
            })
        };
        let tasks = (0..threads).map(leaving).collect();
        self.crew
            .perform(tasks, &board, || run.watch.to_the_end(&board, UNIT))?;
        Ok(())
    }
}
