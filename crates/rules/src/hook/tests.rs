use std::sync::Arc;

use super::{HookChain, HookOutcome, HookPoint, HookStep, NameTaken};

type Callback = fn(&String) -> Option<HookStep<String>>;

fn chain(callbacks: &[(&str, i32, Callback)]) -> HookChain<Callback> {
    let mut chain = HookChain::default();
    for (name, priority, callback) in callbacks {
        chain.add(Arc::from(*name), *priority, *callback).unwrap();
    }
    chain
}

fn run(chain: &HookChain<Callback>) -> HookOutcome<String> {
    chain.run(String::from("m"), |callback, value| callback(value))
}

fn names(chain: &HookChain<Callback>) -> Vec<&str> {
    chain.iter().map(|(name, _)| &**name).collect()
}

const LEAVE: Callback = |_| Some(HookStep::Continue);
const ADD_A: Callback = |value| Some(HookStep::ContinueWith(format!("{value}a")));
const ADD_B: Callback = |value| Some(HookStep::ContinueWith(format!("{value}b")));
const STOP: Callback = |_| Some(HookStep::Stop);
const STOP_WITH_S: Callback = |value| Some(HookStep::StopWith(format!("{value}s")));
const FAIL: Callback = |_| None;

#[test]
fn callbacks_run_by_priority_and_then_in_the_order_of_registration() {
    let chain = chain(&[
        ("late", 9, LEAVE),
        ("one", 0, LEAVE),
        ("two", 0, LEAVE),
        ("first", -1, LEAVE),
    ]);

    assert_eq!(names(&chain), ["first", "one", "two", "late"]);
}

#[test]
fn each_callback_gets_what_the_one_before_made_of_the_value() {
    assert_eq!(
        run(&chain(&[("a", 0, ADD_A), ("l", 0, LEAVE), ("b", 0, ADD_B)])).value,
        "mab"
    );
}

#[test]
fn a_callback_that_stops_is_the_last_one() {
    let left = run(&chain(&[("a", 0, ADD_A), ("s", 0, STOP), ("b", 0, ADD_B)]));
    let replaced = run(&chain(&[("s", 0, STOP_WITH_S), ("b", 0, ADD_B)]));

    assert_eq!((left.value.as_str(), left.is_stopped), ("ma", true));
    assert_eq!((replaced.value.as_str(), replaced.is_stopped), ("ms", true));
}

/// emqttd's fault F18: there a callback that fails takes the process with it that ran the hook.
#[test]
fn a_callback_that_fails_is_skipped_and_named() {
    let outcome = run(&chain(&[
        ("a", 0, ADD_A),
        ("bad", 0, FAIL),
        ("b", 0, ADD_B),
    ]));

    assert_eq!(outcome.value, "mab");
    assert!(!outcome.is_stopped);
    assert_eq!(outcome.failed, [Arc::from("bad")]);
}

#[test]
fn a_name_is_registered_once_until_it_is_deleted() {
    let mut chain = chain(&[("a", 0, ADD_A)]);

    assert_eq!(
        chain.add(Arc::from("a"), 5, ADD_B),
        Err(NameTaken(Arc::from("a")))
    );
    assert!(chain.delete("a").is_some());
    assert!(chain.delete("a").is_none());
    assert!(chain.is_empty());
    assert_eq!(chain.add(Arc::from("a"), 5, ADD_B), Ok(()));
}

#[test]
fn hooks_have_emqttds_names() {
    let names = HookPoint::ALL.map(HookPoint::name).join(" ");
    assert_eq!(
        names,
        "client.connected client.subscribe client.subscribe.after client.unsubscribe \
         message.publish message.delivered message.acked client.disconnected"
    );
}
