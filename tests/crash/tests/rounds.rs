//! A few kill rounds; `ROUNDS` says how many, `SEED` repeats them, `make crash` runs the long ones.
#![expect(clippy::expect_used, reason = "these are tests")]

use std::env;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

/// Each round loads the whole machine: only one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A CastMQ that keeps nothing beyond its process.
fn forgetful_broker() -> String {
    let castmq = env::var("CASTMQ_BIN")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_castmq-crash").replace("castmq-crash", "castmq"));
    format!(
        "{castmq} start --listen 127.0.0.1:{{port}} --arbiters 2 --set store.backend=memory \
         --set admin.address=127.0.0.1:0"
    )
}

fn crash(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    Command::new(env!("CARGO_BIN_EXE_castmq-crash"))
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .expect("the program starts")
}

fn said(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    format!("{said}{complained}")
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let rounds = env::var("ROUNDS").unwrap_or_else(|_| "10".to_owned());
    let output = crash(&["--rounds", &rounds], &[]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn nothing_is_found_when_connections_are_cut_and_the_broker_lives() {
    let broker = forgetful_broker();
    let output = crash(
        &["--rounds", "1", "--cut"],
        &[("CRASH_BROKER", broker.as_str())],
    );
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_broker_that_keeps_nothing_is_found_out() {
    let broker = forgetful_broker();
    // Its evidence is nobody's to look at.
    let folder = env!("CARGO_TARGET_TMPDIR");
    let output = crash(
        &["--rounds", "1", "--target", folder],
        &[("CRASH_BROKER", broker.as_str())],
    );
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("acknowledged and lost: client"), "{said}");
    assert!(said.contains("session lost: client"), "{said}");
    assert!(said.contains("retained message stale: client"), "{said}");
}
