//! The end of a run: everybody takes what is owed, then everybody leaves.

use std::time::Duration;

use castmq_mqtt::Version;
use castmq_observe::Counter;

use crate::cluster::Cluster;
use crate::device::Device;
use crate::run::Run;
use crate::wire::Mode;

/// Rounds of all shards after which everything must be over.
const ROUNDS_MAX: u32 = 20_000;
/// Rounds in which nothing happens until all is taken for quiet. Less than the broker's own ticks take.
const QUIET: u32 = 8;
/// Longer than any claim or CONNECT waits.
const PATIENCE: Duration = Duration::from_secs(12);

/// One round of all shards, and the clients take what came; whether anything moved.
fn step(run: &mut Run, by: Duration) -> Result<bool, String> {
    let mut moved = false;
    for arbiter in 0..run.cluster.arbiters() {
        moved |= run.cluster.round(arbiter);
    }
    moved |= run.cluster.store_step();
    for device in &mut run.devices {
        let number = device.number;
        let came = device
            .read(&mut run.model, 4096)
            .map_err(|fault| format!("device{number}: {fault}"))?;
        moved |= std::mem::take(&mut device.moved) > 0 || !came.is_empty();
        for packet in came {
            run.trace.note(format_args!("device{number} < {packet}"));
        }
    }
    run.cluster.advance(by);
    Ok(moved)
}

/// Lets everything run until nothing moves any more.
pub(crate) fn quiet(run: &mut Run, what: &str) -> Result<(), String> {
    let mut still = 0;
    for _ in 0..ROUNDS_MAX {
        let moved = step(run, Duration::from_millis(20))?;
        still = if moved { 0 } else { still + 1 };
        if still == QUIET {
            return Ok(());
        }
    }
    Err(format!("not quiet: {what}"))
}

/// As [`quiet`], and lets pass what ends by a deadline.
fn quiet_for_long(run: &mut Run, what: &str) -> Result<(), String> {
    quiet(run, what)?;
    for _ in 0..12 {
        step(run, PATIENCE / 12)?;
    }
    quiet(run, what)
}

/// Strays end, every kept session gets its client, and everything that is owed comes.
pub(crate) fn settle(run: &mut Run) -> Result<(), String> {
    run.trace.note(format_args!("everything comes to rest"));
    for device in &mut run.devices {
        for stray in &device.strays {
            stray.stream.close();
        }
    }
    quiet_for_long(run, "strays")?;
    for number in 0..run.devices.len() {
        // A connection may have lost a race against a stray.
        for _ in 0..10 {
            let device = &mut run.devices[number];
            if !device.has_no_strays() {
                return Err(format!(
                    "the broker holds connections of device{number} that are closed"
                ));
            }
            if device.is_up() || !device.may_be_kept() {
                break;
            }
            let ends = run.cluster.connect(number % run.cluster.arbiters(), 4096);
            let mode = if device.must_discard {
                Mode::Transient
            } else {
                Mode::Resume
            };
            device.connect(&mut run.model, mode, ends, false);
            run.trace.note(format_args!("device{number} comes back"));
            quiet_for_long(run, "devices that come back")?;
        }
    }
    quiet(run, "what is owed")?;
    for device in &run.devices {
        if device.may_be_kept() && !device.is_up() {
            return Err(format!("device{} does not get in", device.number));
        }
        if device.is_up() && !device.is_settled() {
            return Err(format!(
                "device{} waits for answers: {device:?}",
                device.number
            ));
        }
    }
    for session in run.cluster.sessions() {
        if session.inflight + session.queued > 0 && session.is_connected {
            return Err(format!("a session still owes messages: {session:?}"));
        }
    }
    Ok(())
}

/// Who comes now gets the last version of each retained topic, or one that was not acknowledged.
pub(crate) fn check_retained(run: &mut Run) -> Result<(), String> {
    let number = run.devices.len();
    let mut late = Device::new(number, Version::V5);
    let ends = run.cluster.connect(0, 4096);
    late.connect(&mut run.model, Mode::Transient, ends, false);
    run.devices.push(late);
    quiet(run, "a late client")?;
    run.devices[number].subscribe(&mut run.model, "ret/#", 1);
    quiet(run, "retained messages")?;
    let holder = run.devices[number].holder();
    for topic in ["ret/x", "ret/y", "ret/z"] {
        let Some(acked) = run.model.last_acked(topic) else {
            continue;
        };
        let came = run.model.latest_of(holder, topic);
        if came.is_none_or(|came| came < acked) {
            return Err(format!(
                "retained {topic}: {came:?} came, {acked} was acknowledged"
            ));
        }
    }
    Ok(())
}

/// Everybody discards the session and leaves.
pub(crate) fn leave(run: &mut Run) -> Result<(), String> {
    run.trace.note(format_args!("everybody leaves"));
    for number in 0..run.devices.len() {
        let device = &mut run.devices[number];
        if device.may_be_kept() {
            let ends = run.cluster.connect(number % run.cluster.arbiters(), 4096);
            device.connect(&mut run.model, Mode::Transient, ends, false);
        }
    }
    quiet(run, "clean starts")?;
    for device in &mut run.devices {
        device.leave(&mut run.model);
    }
    quiet(run, "goodbyes")?;
    for device in &mut run.devices {
        device.abandon(&mut run.model);
    }
    quiet_for_long(run, "the end")
}

/// Copies handed to sessions were written, or are in the ledger.
pub(crate) fn check_accounts(cluster: &Cluster) -> Result<(), String> {
    // How much a session had in the store that ends before it has read it is known to its process; one
    // that has taken over knows it about.
    if cluster.is_kept() && cluster.doomed > 0 {
        return Ok(());
    }
    let handed = cluster.count(Counter::Deliveries);
    let sent = cluster.count(Counter::DeliveriesSent);
    let dropped = cluster.count(Counter::DeliveriesDropped);
    if handed > sent + dropped {
        return Err(format!(
            "{handed} copies were handed to sessions, {sent} sent, {dropped} dropped: {:?}",
            cluster.node.ledger.counts()
        ));
    }
    Ok(())
}
