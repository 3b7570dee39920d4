//! What is done in which order, one file for each kind of scenario.

pub(crate) mod connections;
pub(crate) mod handshakes;
pub(crate) mod offline;
pub(crate) mod retained;
pub(crate) mod steady;

use crate::Failure;
use crate::arguments::{Arguments, Scenario};
use crate::plan::{Plan, Shape};
use crate::run::Run;

/// Runs the scenario that was asked for.
///
/// # Errors
///
/// When the system refuses threads or polling.
pub(crate) fn run(run: &mut Run<'_>) -> Result<(), Failure> {
    let plan = plan(run.arguments, run.prefix.clone());
    match run.arguments.scenario {
        Scenario::Conn => connections::stay(run)?,
        Scenario::Churn => connections::churn(run)?,
        Scenario::Handshakes => handshakes::run(run, &plan)?,
        Scenario::Retained => retained::run(run, &plan)?,
        Scenario::Offline => offline::run(run, &plan)?,
        Scenario::P2p
        | Scenario::Fanout
        | Scenario::Fanin
        | Scenario::Shared
        | Scenario::Wildcard => steady::run(run, &plan)?,
    }
    run.leave()?;
    Ok(())
}

/// How many connections a run has at a time, at most.
pub(crate) fn connections(arguments: &Arguments) -> u64 {
    let sizes = arguments.sizes();
    let (clients, publishers) = (u64::from(sizes.clients), u64::from(sizes.publishers));
    match arguments.scenario {
        Scenario::Conn | Scenario::Offline => clients + publishers,
        Scenario::Churn => 2 * clients,
        Scenario::P2p => 2 * clients,
        Scenario::Handshakes => clients + 2 * publishers,
        Scenario::Wildcard => clients + publishers,
        Scenario::Fanout | Scenario::Fanin | Scenario::Shared | Scenario::Retained => {
            publishers + u64::from(sizes.subscribers)
        }
    }
}

fn plan(arguments: &Arguments, prefix: String) -> Plan {
    let sizes = arguments.sizes();
    let (publishers, subscribers) = (sizes.publishers, sizes.subscribers);
    let (shape, publishers, subscribers) = match arguments.scenario {
        Scenario::P2p => (Shape::Pairs, sizes.clients, sizes.clients),
        Scenario::Handshakes => (Shape::Pairs, publishers, publishers),
        Scenario::Fanin => (Shape::AllToFew, publishers, subscribers),
        Scenario::Shared => (Shape::Group, publishers, subscribers),
        Scenario::Retained => (Shape::Stored, publishers, subscribers),
        Scenario::Wildcard => {
            let count = sizes.filters;
            (Shape::Filters { count }, publishers, sizes.clients)
        }
        Scenario::Offline => {
            let sessions = sizes.clients;
            (Shape::Queued { sessions }, publishers, 0)
        }
        // The scenarios about connections alone have no plan, and look at none.
        Scenario::Fanout | Scenario::Conn | Scenario::Churn => {
            (Shape::OneToAll, publishers, subscribers)
        }
    };
    Plan {
        shape,
        publishers,
        subscribers,
        prefix,
    }
}
