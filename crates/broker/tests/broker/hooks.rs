//! What modules and embedding programs are called for.

use std::sync::{Arc, Mutex};

use castmq_broker::rules::hook::{HookStep, NameTaken};
use castmq_broker::rules::{ClientId, Delivery, Message};
use castmq_broker::{Broker, ClientRow, HookContext, Hooks};
use castmq_conformance::v3;
use castmq_mqtt::{SubscribeFilter, Subscription, Text};

use crate::scene::{broker, built, client, crash, eventually};

type Calls = Arc<Mutex<Vec<String>>>;

fn note(calls: &Calls, client: &ClientId, call: &str) {
    calls.lock().unwrap().push(format!("{client} {call}"));
}

/// All eight, each of which notes that it was called.
fn noting(hooks: &mut Hooks, calls: &Calls) -> Result<(), NameTaken> {
    let name: Arc<str> = Arc::from("note");
    let to = Arc::clone(calls);
    let call =
        move |_: &mut HookContext<'_>, id: &ClientId, _: &ClientRow| note(&to, id, "connected");
    hooks
        .client_connected
        .add(Arc::clone(&name), 0, Arc::new(call))?;
    let to = Arc::clone(calls);
    let call = move |_: &mut HookContext<'_>,
                     id: &ClientId,
                     _: Option<&Text>,
                     _: &Vec<SubscribeFilter>| {
        note(&to, id, "subscribe");
        HookStep::Continue
    };
    hooks
        .client_subscribe
        .add(Arc::clone(&name), 0, Arc::new(call))?;
    let to = Arc::clone(calls);
    let call = move |_: &mut HookContext<'_>, id: &ClientId, _: &[Subscription]| {
        note(&to, id, "subscribed");
    };
    hooks
        .client_subscribe_after
        .add(Arc::clone(&name), 0, Arc::new(call))?;
    let to = Arc::clone(calls);
    let call = move |_: &mut HookContext<'_>, id: &ClientId, _: &Vec<Subscription>| {
        note(&to, id, "unsubscribe");
        HookStep::Continue
    };
    hooks
        .client_unsubscribe
        .add(Arc::clone(&name), 0, Arc::new(call))?;
    let to = Arc::clone(calls);
    let call = move |_: &mut HookContext<'_>, message: &Message| {
        if let Some(from) = &message.from {
            note(&to, from, "publish");
        }
        HookStep::Continue
    };
    hooks
        .message_publish
        .add(Arc::clone(&name), 0, Arc::new(call))?;
    let to = Arc::clone(calls);
    let call =
        move |_: &mut HookContext<'_>, id: &ClientId, _: &Delivery| note(&to, id, "delivered");
    hooks
        .message_delivered
        .add(Arc::clone(&name), 0, Arc::new(call))?;
    let to = Arc::clone(calls);
    let call = move |_: &mut HookContext<'_>, id: &ClientId, _: &Delivery| note(&to, id, "acked");
    hooks
        .message_acked
        .add(Arc::clone(&name), 0, Arc::new(call))?;
    let to = Arc::clone(calls);
    let call = move |_: &mut HookContext<'_>, id: &ClientId, _: &str| note(&to, id, "disconnected");
    hooks.client_disconnected.add(name, 0, Arc::new(call))
}

#[test]
fn each_of_the_eight_hooks_is_called_in_its_turn() {
    let calls = Calls::default();
    let builder = Broker::builder()
        .hooks(|hooks| noting(hooks, &calls))
        .unwrap();
    let broker = built(builder, |_| ());
    let mut ann = client(&broker, "ann");
    ann.subscribe("t", 1);
    ann.publish(v3::publish("t", "x").qos(0));
    ann.expect_publish(&v3::publish("t", "x"));
    ann.send(v3::publish("t", "y").qos(1).id(9));
    for _ in 0..2 {
        let packet = ann.receive();
        if packet.kind() == 3 {
            ann.send(v3::puback(1));
        }
    }
    eventually("the acknowledgement is told", || {
        calls.lock().unwrap().len() == 8
    });
    ann.unsubscribe("t");
    ann.disconnect();
    eventually("the last hook is called", || {
        calls.lock().unwrap().len() == 10
    });
    let expected = [
        "connected",
        "subscribe",
        "subscribed",
        "publish",
        "delivered",
        "publish",
        "delivered",
        "acked",
        "unsubscribe",
        "disconnected",
    ];
    assert_eq!(
        *calls.lock().unwrap(),
        expected.map(|call| format!("ann {call}"))
    );
}

fn marking(mark: &'static str) -> castmq_broker::OnPublish {
    Arc::new(move |_: &mut HookContext<'_>, message: &Message| {
        let mut changed = message.clone();
        changed.payload = [&message.payload[..], mark.as_bytes()].concat().into();
        HookStep::ContinueWith(changed)
    })
}

/// Not as emqttd's F18: a callback that fails is skipped, and whoever runs it lives.
#[test]
fn a_callback_that_fails_is_skipped_and_counted() {
    let builder = Broker::builder()
        .hooks(|hooks| {
            let failing = Arc::new(
                |_: &mut HookContext<'_>, _: &Message| -> HookStep<Message> {
                    panic!("a module with a bug")
                },
            );
            hooks
                .message_publish
                .add(Arc::from("failing"), 0, failing)?;
            hooks
                .message_publish
                .add(Arc::from("mark"), 1, marking("!"))
        })
        .unwrap();
    let broker = built(builder, |settings| {
        settings.modules.presence.enabled = false;
    });
    let mut ann = client(&broker, "ann");
    ann.subscribe("t", 0);
    ann.send(v3::publish("t", "x"));
    ann.expect_publish(&v3::publish("t", "x!"));
    assert_eq!(broker.metrics()["hooks/failed"], 1);
}

#[test]
fn a_message_that_a_hook_stops_is_acknowledged_and_reaches_nobody() {
    let builder = Broker::builder()
        .hooks(|hooks| {
            let stop = Arc::new(|_: &mut HookContext<'_>, _: &Message| HookStep::Stop);
            hooks.message_publish.add(Arc::from("stop"), 0, stop)
        })
        .unwrap();
    let broker = built(builder, |_| ());
    let mut ann = client(&broker, "ann");
    ann.subscribe("t", 1);
    ann.publish(v3::publish("t", "x").qos(1));
    ann.publish(v3::publish("t", "x").qos(2));
    ann.expect_nothing();
}

#[test]
fn hooks_can_be_added_and_deleted_while_the_broker_runs() {
    let broker = broker(|_| ());
    let mut ann = client(&broker, "ann");
    ann.subscribe("t", 0);
    broker
        .change_hooks(|hooks| {
            hooks
                .message_publish
                .add(Arc::from("mark"), 0, marking("!"))
                .unwrap();
        })
        .unwrap();
    eventually("the hook is there", || {
        !broker.node().hooks.load().message_publish.is_empty()
    });
    ann.send(v3::publish("t", "x"));
    ann.expect_publish(&v3::publish("t", "x!"));

    broker
        .change_hooks(|hooks| drop(hooks.message_publish.delete("mark")))
        .unwrap();
    eventually("the hook is gone", || {
        broker.node().hooks.load().message_publish.is_empty()
    });
    ann.send(v3::publish("t", "x"));
    ann.expect_publish(&v3::publish("t", "x"));
}

/// Not as emqttd's F10: modules are not lost when the process that registers them fails.
#[test]
fn registered_modules_outlive_the_hook_process() {
    let builder = Broker::builder()
        .hooks(|hooks| {
            hooks
                .message_publish
                .add(Arc::from("mark"), 0, marking("!"))
        })
        .unwrap();
    let broker = built(builder, |_| ());
    let mut ann = client(&broker, "ann");
    ann.subscribe("t", 0);

    crash(&broker, "hook", "");

    ann.send(v3::publish("t", "x"));
    ann.expect_publish(&v3::publish("t", "x!"));
}
