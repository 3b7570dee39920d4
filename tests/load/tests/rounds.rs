//! Short rounds of the load; `CASTMQ_LOAD_SECS` makes them as long as one likes.
#![expect(clippy::expect_used, reason = "these are tests")]

use std::env;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The rounds measure memory and latency: only one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn round(arguments: &[&str], default_secs: u64) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let secs = env::var("CASTMQ_LOAD_SECS").unwrap_or_else(|_| default_secs.to_string());
    let output = Command::new(env!("CARGO_BIN_EXE_castmq-load"))
        .args(arguments)
        .args(["--secs", &secs])
        .output()
        .expect("the load starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
}

#[test]
fn mixed_load_with_chaos_loses_nothing_doubles_nothing_and_leaves_nothing_behind() {
    let seed = env::var("CASTMQ_LOAD_SEED").unwrap_or_else(|_| "1".to_owned());
    round(&["mixed", "--seed", &seed], 10);
}

#[test]
fn a_subscriber_that_never_reads_costs_others_no_more_than_double_and_memory_stays_bounded() {
    round(&["slow"], 12);
}
