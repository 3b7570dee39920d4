//! A process that fails harms nobody else.

use castmq_conformance::client::Client;
use castmq_conformance::connect::will;
use castmq_conformance::{v3, v5};
use castmq_settings::SupStrategy;

use crate::scene::{broker, client, client_v5, crash, eventually, kept, processes, restarts};

/// Before: clients on both arbiters, a route of each sort, a retained message. A process of the kind
/// fails. After: all of it still works, and for new clients too.
fn harms_nobody(kind: &str, name: &str) {
    let broker = broker(|_| ());
    let mut old: Vec<Client> = (0..4)
        .map(|number| client(&broker, &format!("old{number}")))
        .collect();
    old[0].subscribe("exact", 1);
    old[1].subscribe("wild/+", 1);
    old[2].publish(v3::publish("retained", "kept").qos(1).retain());

    crash(&broker, kind, name);

    old[2].publish(v3::publish("exact", "1").qos(1));
    old[3].publish(v3::publish("wild/2", "2").qos(2));
    old[0].expect_message(&v3::publish("exact", "1").qos(1));
    old[1].expect_message(&v3::publish("wild/2", "2").qos(1));
    for number in 0..2 {
        let mut new = client(&broker, &format!("new{number}"));
        new.subscribe("#", 1);
        new.expect_message(&v3::publish("retained", "kept").qos(1).retain());
        old[3].publish(v3::publish("other", "3").qos(1));
        new.expect_message(&v3::publish("other", "3").qos(1));
        new.unsubscribe("#");
        old[3].publish(v3::publish("other", "4").qos(1));
        new.expect_nothing();
        new.disconnect();
    }
    for client in &mut old {
        client.expect_nothing();
    }
    assert_eq!(
        restarts(&broker, kind),
        u32::try_from(processes(&broker, kind)).unwrap()
    );
    assert!(!broker.node().has_given_up());
}

/// Not as emqttd's F10 and F11: the claims begin anew, sessions and their rows stay.
#[test]
fn a_session_manager_that_fails_harms_nobody() {
    harms_nobody("sm", "");
}

/// Not as emqttd's F11: the table of clients outlives its process.
#[test]
fn a_client_manager_that_fails_harms_nobody() {
    harms_nobody("cm", "");
}

/// Not as emqttd's F11: the table of subscriptions outlives its process.
#[test]
fn a_server_that_fails_harms_nobody() {
    harms_nobody("server", "");
}

#[test]
fn a_pubsub_that_fails_harms_nobody() {
    harms_nobody("pubsub", "");
}

#[test]
fn a_router_that_fails_harms_nobody() {
    harms_nobody("router", "");
}

#[test]
fn a_retainer_that_fails_harms_nobody() {
    harms_nobody("retainer", "");
}

#[test]
fn a_hook_process_that_fails_harms_nobody() {
    harms_nobody("hook", "");
}

#[test]
fn an_access_control_that_fails_harms_nobody() {
    harms_nobody("access_control", "");
}

/// Not as emqttd's F10: a counter that fails is no reason to restart everything.
#[test]
fn a_stats_process_that_fails_harms_nobody() {
    harms_nobody("stats", "");
}

/// Not as emqttd's F10: a counter that fails is no reason to restart everything.
#[test]
fn a_metrics_process_that_fails_harms_nobody() {
    harms_nobody("metrics", "");
}

#[test]
fn a_broker_process_that_fails_harms_nobody() {
    harms_nobody("broker", "");
}

#[test]
fn an_alarm_process_that_fails_harms_nobody() {
    harms_nobody("alarm", "");
}

#[test]
fn a_system_monitor_that_fails_harms_nobody() {
    harms_nobody("sysmon", "");
}

#[test]
fn a_listener_that_fails_harms_nobody_and_accepts_again() {
    harms_nobody("listener", "mqtt");
}

/// emqttd's strategy, but for its sessions.
#[test]
fn with_one_for_all_a_failure_starts_its_arbiters_processes_again_and_no_client_notices() {
    let broker = broker(|settings| settings.sup.strategy = SupStrategy::OneForAll);
    let mut subscriber = client(&broker, "subscriber");
    let mut publisher = client(&broker, "publisher");
    subscriber.subscribe("t", 1);

    crash(&broker, "stats", "");

    for kind in ["hook", "router", "pubsub", "server", "cm", "sm", "alarm"] {
        eventually("all of arbiter 0 are started again", || {
            restarts(&broker, kind) == 1
        });
    }
    publisher.publish(v3::publish("t", "1").qos(1));
    subscriber.expect_message(&v3::publish("t", "1").qos(1));
    let mut new = client(&broker, "new");
    new.subscribe("u", 1);
    publisher.publish(v3::publish("u", "2").qos(1));
    new.expect_message(&v3::publish("u", "2").qos(1));
}

/// Not as emqttd's F20: a connection that dies of a bug leaves its will, and the table of clients.
#[test]
fn a_connection_that_fails_leaves_its_will_and_its_session() {
    let broker = broker(|_| ());
    let mut watcher = client(&broker, "watcher");
    watcher.subscribe("gone", 1);
    let mut failing = Client::open(broker.addresses()[0]);
    let connect = v3::connect("failing")
        .keep_session()
        .will(will("gone", "by a bug").qos(1));
    failing.connect(&connect);
    failing.subscribe("t", 1);

    broker.crash("client", "failing").unwrap();

    failing.expect_close();
    watcher.expect_message(&v3::publish("gone", "by a bug").qos(1));
    watcher.publish(v3::publish("t", "while away").qos(1));
    let (mut back, present) = kept(&broker, "failing");
    assert!(present);
    back.expect_message(&v3::publish("t", "while away").qos(1));
    eventually("the failed connection is gone", || {
        processes(&broker, "client") == 2
    });
    assert_eq!(broker.clients().unwrap().len(), 2);
}

#[test]
fn a_session_that_fails_takes_its_connection_along_and_nobody_else() {
    let broker = broker(|_| ());
    let mut other = client(&broker, "other");
    other.subscribe("t", 1);
    let (mut failing, _) = kept(&broker, "failing");
    failing.subscribe("t", 1);

    broker.crash("session", "failing").unwrap();

    failing.expect_close();
    other.send(v3::publish("t", "1"));
    other.expect_message(&v3::publish("t", "1"));
    let (mut back, present) = kept(&broker, "failing");
    assert!(!present);
    back.subscribe("t", 1);
    other.send(v3::publish("t", "2"));
    back.expect_message(&v3::publish("t", "2"));
}

#[test]
fn a_client_of_version_5_is_told_that_its_session_failed() {
    let broker = broker(|_| ());
    let mut failing = client_v5(&broker, "failing");
    broker.crash("session", "failing").unwrap();
    failing.expect_disconnect(0x80);
}

/// Not as emqttd's F8: what is lost with a session is at least told.
#[test]
fn what_a_failing_session_held_is_in_the_ledger() {
    let broker = broker(|_| ());
    let (mut away, _) = kept(&broker, "away");
    away.subscribe("t", 1);
    away.cut();
    eventually("the client is gone", || processes(&broker, "client") == 0);
    let mut publisher = client(&broker, "publisher");
    for _ in 0..3 {
        publisher.publish(v3::publish("t", "lost").qos(1));
    }
    eventually("the messages wait", || {
        broker
            .session("away")
            .is_some_and(|session| session.queued == 3)
    });

    broker.crash("session", "away").unwrap();

    eventually("the loss is told", || {
        broker.drops().get("session_crashed") == Some(&3)
    });
    let (_, present) = kept(&broker, "away");
    assert!(!present);
}

/// Not as emqttd's F15: of many that claim one id at once, one is left, with one session.
#[test]
fn of_many_that_claim_one_id_at_once_one_is_left() {
    let broker = broker(|_| ());
    let address = broker.addresses()[0];
    let mut claimants: Vec<Client> = (0..12).map(|_| Client::open(address)).collect();
    for claimant in &mut claimants {
        claimant.send(v5::connect("wanted").keep_session());
    }
    eventually("one connection and one session are left", || {
        processes(&broker, "client") == 1 && processes(&broker, "session") == 1
    });
    assert_eq!(broker.clients().unwrap().len(), 1);
}

/// Not as emqttd's F5: sessions start on the arbiters of their connections, not in one process.
#[test]
fn sessions_start_on_all_arbiters() {
    let broker = broker(|_| ());
    let clients: Vec<Client> = (0..8)
        .map(|number| client(&broker, &format!("c{number}")))
        .collect();
    let mut arbiters: Vec<u16> = broker
        .processes()
        .iter()
        .filter(|record| record.kind == "session")
        .map(|record| record.id.arbiter)
        .collect();
    arbiters.sort_unstable();
    assert_eq!(arbiters, [0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(clients.len(), 8);
}

#[test]
fn a_process_that_fails_too_often_stops_the_node() {
    let broker = broker(|_| ());
    let mut watcher = client_v5(&broker, "watcher");
    for _ in 0..6 {
        // The last one may find nobody.
        let _ = broker.crash("router", "");
        eventually("it has failed", || {
            broker.metrics()["processes/panicked"] > 0
        });
    }
    eventually("the node gives up", || {
        let _ = broker.crash("router", "");
        broker.node().has_given_up()
    });
    // Nobody new gets in.
    let mut late = Client::open(broker.addresses()[0]);
    late.send_connect(&v3::connect("late"));
    late.expect_close();
    broker.stop();
    watcher.expect_disconnect(0x8B);
}
