//! What a broker does wrong is found, and counts as the quality of service says.

use castmq_bench::{Faults, Report};

use crate::bench;
use crate::mischief::{Mischief, broker};

/// Some messages from one publisher to one subscriber.
fn run(mischief: Mischief, qos: u8) -> Report {
    let line = format!("p2p --clients 1 --messages 20 --window 10 --qos {qos}");
    bench(broker(mischief), &line).unwrap()
}

const NONE: Faults = Faults {
    lost: 0,
    duplicated: 0,
    reordered: 0,
    refused: 0,
    closed: 0,
};

#[test]
fn a_loss_is_a_fault_with_qos_1() {
    let report = run(Mischief::Drop, 1);
    assert_eq!(report.faults, Faults { lost: 1, ..NONE });
    assert!(!report.ok);
}

#[test]
fn a_loss_is_counted_and_allowed_with_qos_0() {
    let report = run(Mischief::Drop, 0);
    assert_eq!(report.faults, Faults { lost: 1, ..NONE });
    assert!(report.ok);
}

#[test]
fn a_loss_that_holds_the_window_up_is_given_up_with_qos_0() {
    let line = "p2p --clients 1 --messages 10 --window 1";
    let report = bench(broker(Mischief::Drop), line).unwrap();
    assert_eq!(report.faults, Faults { lost: 1, ..NONE });
    assert_eq!(report.phases[0].operations, 9);
}

#[test]
fn a_duplicate_is_a_fault() {
    let expected = Faults {
        duplicated: 1,
        ..NONE
    };
    let report = run(Mischief::Double, 0);
    assert_eq!((report.faults, report.ok), (expected, false));
    let report = run(Mischief::Double, 1);
    assert_eq!((report.faults, report.ok), (expected, false));
}

#[test]
fn a_repetition_that_says_so_is_allowed_with_qos_1() {
    let report = run(Mischief::Repeat, 1);
    assert_eq!((report.faults, report.ok), (NONE, true));
}

#[test]
fn a_message_behind_a_later_one_is_a_fault() {
    let expected = Faults {
        reordered: 1,
        ..NONE
    };
    let report = run(Mischief::Swap, 0);
    assert_eq!((report.faults, report.ok), (expected, false));
}

#[test]
fn a_connection_that_ends_is_a_fault() {
    let report = run(Mischief::Close, 0);
    assert_eq!(report.faults.closed, 1);
    assert!(!report.ok);
    assert!(report.note.unwrap().contains("while messages flowed"));
}

#[test]
fn connections_that_are_refused_are_a_fault_and_nothing_is_published() {
    let report = run(Mischief::Refuse, 0);
    assert_eq!(report.faults.refused, 2);
    assert!(!report.ok);
    assert!(report.phases.is_empty());
    assert_eq!(
        report.note.unwrap(),
        "a connection was refused, reason 0x05"
    );
}

#[test]
fn subscriptions_that_are_refused_are_a_fault_and_nothing_is_published() {
    let report = run(Mischief::Forbid, 0);
    assert_eq!(report.faults.refused, 1);
    assert!(report.phases.is_empty());
}

/// \[MQTT3-3.14.4-1\]
#[test]
fn clients_that_leave_close_first_where_the_broker_waits_for_it() {
    let address = broker(Mischief::Linger);
    let churn = bench(address, "churn --clients 2 --duration 0.1").unwrap();
    assert!(churn.ok, "{:?}", churn.note);
    assert!(churn.phases[0].operations > 2);

    let leave = bench(address, "conn --clients 3 --persistent").unwrap();
    assert!(leave.ok, "{:?}", leave.note);
    // Waiting in vain would take five.
    assert!(leave.seconds < 3.0, "{} s", leave.seconds);
}
