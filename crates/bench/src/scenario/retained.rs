//! Retained messages: stored, fetched by a subscription with a wildcard, and deleted again.

use crate::Failure;
use crate::frame::Message;
use crate::frame::Session;
use crate::plan::Plan;
use crate::run::Run;
use crate::scenario::steady;
use crate::task::receiving::{Expected, Receiving};
use crate::task::subscribing::Subscribing;

/// Stores and fetches.
///
/// # Errors
///
/// When the system refuses threads or polling.
pub(crate) fn run(run: &mut Run<'_>, plan: &Plan) -> Result<(), Failure> {
    let opened = run.open(steady::clients(plan, run.threads(), Session::Clean))?;
    if !run.is_well() {
        return Ok(());
    }
    let before = run.watch.memory();
    let message = steady::message(run);
    let store = steady::publish(run, plan, &opened.receive_max, ("store", &message))?;
    let stored = run.watch.memory();
    let messages = store.operations;
    run.push(store.with_memory([before, stored], messages));
    if run.is_well() {
        fetch(run, plan, stored)?;
    }
    delete(run, plan, message)
}

/// Leaves the broker as it was; those who have fetched must not see it.
fn delete(run: &mut Run<'_>, plan: &Plan, message: Message) -> Result<(), Failure> {
    run.leave()?;
    let plan = Plan {
        subscribers: 0,
        ..plan.clone()
    };
    let opened = run.open(steady::clients(&plan, run.threads(), Session::Clean))?;
    let nothing = Message {
        payload_bytes: 0,
        ..message
    };
    steady::publish(run, &plan, &opened.receive_max, ("delete", &nothing))?;
    Ok(())
}

fn fetch(run: &mut Run<'_>, plan: &Plan, stored: Option<u64>) -> Result<(), Failure> {
    let mut subscriptions = steady::subscriptions(plan, run.threads());
    let (version, qos) = (run.version, run.arguments.qos());
    let messages = run.arguments.messages().unwrap_or(0);
    let publishers = 0..plan.publishers;
    let publishers = publishers.map(|publisher| plan.quota(publisher, messages));
    let publishers: Vec<u32> = publishers.collect();
    let (tasks, phase) = run.perform(("fetch", "message"), |place| {
        let list = subscriptions.get_mut(place.thread).map(std::mem::take);
        let list = list.unwrap_or_default();
        let first = (place.thread..publishers.len())
            .step_by(place.threads)
            .count();
        let expected = Expected::Retained {
            subscribers: list.len(),
            publishers: publishers.clone(),
        };
        let subscribing = Subscribing::new(place.clone(), version, qos, list);
        Receiving::new(place, subscribing, first, expected)
    })?;
    let found = tasks.into_iter().map(Receiving::found);
    let findings = found.flat_map(|(subscribing, found)| [subscribing.findings, found]);
    let mut phase = run.keep(phase, findings);
    // It is the time until a subscription was answered, which says nothing about messages.
    phase.latency_us = None;
    let after = run.watch.memory();
    run.push(phase.with_memory([stored, after], 0));
    Ok(())
}
