//! What was promised is on the disk before it is said, and comes back.

use std::sync::Arc;
use std::time::Duration;

use castmq_broker::Broker;
use castmq_conformance::client::Client;
use castmq_conformance::connect::will;
use castmq_conformance::v5::property;
use castmq_conformance::{v3, v5};
use castmq_store::{Space, Store};

use crate::disk::Disk;
use crate::scene::{built, client, client_v5, eventually, kept, restarts};

/// A broker that keeps what it promises on this disk.
fn on(disk: &Arc<Disk>) -> Broker {
    disk.reopen().unwrap();
    let store: Arc<dyn Store> = Arc::<Disk>::clone(disk);
    built(Broker::builder().store(store), |_| ())
}

/// A client of 5.0 whose session is kept.
fn kept_v5(broker: &Broker, name: &str) -> Client {
    let mut client = Client::open(broker.addresses()[0]);
    client.connect(
        &v5::connect(name)
            .flags(0)
            .property(property::session_expiry(3600)),
    );
    client
}

/// Long enough that something that is sent too early would have come.
fn a_moment() {
    std::thread::sleep(Duration::from_millis(30));
}

#[test]
fn a_message_that_waits_for_its_client_outlives_the_broker() {
    let disk = Disk::new();
    let first = on(&disk);
    let (mut reader, _) = kept(&first, "reader");
    reader.subscribe("a/+", 2);
    reader.disconnect();
    client(&first, "writer").publish(v3::publish("a/b", "kept").qos(2));
    first.stop();

    let second = on(&disk);
    let (mut reader, present) = kept(&second, "reader");

    assert!(present);
    reader.expect_message(&v3::publish("a/b", "kept").qos(2));
}

#[test]
fn a_message_that_is_published_right_after_a_start_finds_every_restored_subscription() {
    let disk = Disk::new();
    let first = on(&disk);
    for number in 0..20 {
        let (mut reader, _) = kept(&first, &format!("reader{number}"));
        reader.subscribe(&format!("a/{number}/#"), 1);
        reader.disconnect();
    }
    first.stop();

    let second = on(&disk);
    let mut writer = client(&second, "writer");
    for number in 0..20 {
        writer.publish(v3::publish(format!("a/{number}/b"), "found").qos(1));
    }

    for number in 0..20 {
        let (mut reader, _) = kept(&second, &format!("reader{number}"));
        reader.expect_message(&v3::publish(format!("a/{number}/b"), "found").qos(1));
    }
}

#[test]
fn a_retained_message_whose_time_is_over_leaves_the_disk_too() {
    let disk = Disk::new();
    let broker = on(&disk);
    let mut writer = client_v5(&broker, "writer");
    let expiry = property::message_expiry(1);
    writer.publish(v5::publish("short", "1").qos(1).retain().property(expiry));
    writer.publish(v5::publish("kept", "2").qos(1).retain());
    assert_eq!(disk.len(Space::Retained), 2);
    eventually("it is over", || disk.len(Space::Retained) == 1);
}

#[test]
fn a_retained_message_outlives_the_broker_and_a_deleted_one_does_not() {
    let disk = Disk::new();
    let first = on(&disk);
    let mut writer = client(&first, "writer");
    writer.publish(v3::publish("kept", "1").qos(1).retain());
    writer.publish(v3::publish("gone", "2").qos(1).retain());
    writer.publish(v3::publish("gone", "").qos(1).retain());
    first.stop();

    let second = on(&disk);
    let mut reader = client(&second, "reader");
    reader.subscribe("#", 1);

    reader.expect_message(&v3::publish("kept", "1").qos(1).retain());
    reader.expect_nothing();
}

/// Not as emqttd, whose sessions acknowledge what is in memory.
#[test]
fn no_acknowledgement_leaves_before_what_it_promises_is_on_the_disk() {
    let disk = Disk::new();
    let broker = on(&disk);
    let (mut reader, _) = kept(&broker, "reader");
    reader.subscribe("a", 1);
    let (mut writer, _) = kept(&broker, "writer");

    disk.hold();
    writer.send(v3::publish("a", "1").qos(1).id(1));
    reader.expect_message(&v3::publish("a", "1").qos(1));
    writer.send(v3::publish("b", "2").qos(2).id(2));
    reader.send(v3::subscribe(7, &[("c", 1)]));
    a_moment();
    writer.expect_nothing();
    disk.go_on();

    writer.expect(v3::puback(1));
    writer.expect(v3::pubrec(2));
    reader.expect(v3::suback(7, &[1]));
}

/// \[MQTT5-4.3.3-8\]
#[test]
fn a_message_of_qos_2_is_on_the_disk_before_it_is_sent_and_its_release_as_well() {
    let disk = Disk::new();
    let broker = on(&disk);
    let (mut reader, _) = kept(&broker, "reader");
    reader.subscribe("a", 2);
    let (mut writer, _) = kept(&broker, "writer");

    disk.hold();
    writer.send(v3::publish("a", "1").qos(2).id(1));
    a_moment();
    reader.expect_nothing();
    disk.go_on();
    let publish = reader.receive();
    assert_eq!(publish.header & 0xf0, 0x30);
    writer.expect(v3::pubrec(1));

    disk.hold();
    let id = u16::from_be_bytes([publish.body[3], publish.body[4]]);
    reader.send(v3::pubrec(id));
    a_moment();
    reader.expect_nothing();
    disk.go_on();
    reader.expect(v3::pubrel(id));
}

#[test]
fn what_no_kept_session_receives_and_nobody_retains_needs_no_disk() {
    let disk = Disk::new();
    let broker = on(&disk);
    let mut reader = client(&broker, "reader");
    reader.subscribe("a", 1);
    let mut writer = client(&broker, "writer");

    disk.hold();
    writer.publish(v3::publish("a", "1").qos(1));
    reader.expect_message(&v3::publish("a", "1").qos(1));
    writer.publish(v3::publish("a", "2").qos(2));
    reader.expect_message(&v3::publish("a", "2").qos(1));
    disk.go_on();
}

#[test]
fn a_message_for_many_sessions_has_one_body_and_none_when_all_have_it() {
    let disk = Disk::new();
    let broker = on(&disk);
    for number in 0..10 {
        let (mut reader, _) = kept(&broker, &format!("reader{number}"));
        reader.subscribe("a", 1);
        reader.disconnect();
    }
    client(&broker, "writer").publish(v3::publish("a", "shared").qos(1));
    assert_eq!(disk.len(Space::Queue), 10);
    // One for each arbiter, if they were not committed together.
    assert!((1..=2).contains(&disk.len(Space::Bodies)));

    for number in 0..10 {
        let (mut reader, _) = kept(&broker, &format!("reader{number}"));
        reader.expect_message(&v3::publish("a", "shared").qos(1));
        reader.disconnect();
    }

    eventually("nothing is left", || {
        disk.len(Space::Queue) == 0 && disk.len(Space::Bodies) == 0
    });
}

#[test]
fn a_clean_start_discards_on_the_disk_before_it_is_answered() {
    let disk = Disk::new();
    let first = on(&disk);
    let (mut reader, _) = kept(&first, "reader");
    reader.subscribe("a", 1);
    reader.disconnect();

    disk.hold();
    let mut clean = Client::open(first.addresses()[0]);
    clean.send_connect(&v3::connect("reader"));
    a_moment();
    assert_eq!(disk.len(Space::Sessions), 1);
    disk.go_on();
    clean.expect(v3::connack(0, 0));

    assert_eq!(disk.len(Space::Sessions), 0);
}

#[test]
fn a_kept_session_whose_process_fails_comes_back_with_its_messages() {
    let disk = Disk::new();
    let broker = on(&disk);
    let (mut reader, _) = kept(&broker, "reader");
    reader.subscribe("a", 1);
    reader.disconnect();
    let mut writer = client(&broker, "writer");
    writer.publish(v3::publish("a", "1").qos(1));

    broker.crash("session", "reader").unwrap();
    eventually("it is back", || restarts(&broker, "session") == 1);
    writer.publish(v3::publish("a", "2").qos(1));

    let (mut reader, present) = kept(&broker, "reader");
    assert!(present);
    reader.expect_message(&v3::publish("a", "1").qos(1));
    reader.expect_message(&v3::publish("a", "2").qos(1));
}

#[test]
fn while_the_disk_fails_what_needs_it_is_refused_and_the_rest_goes_on() {
    let disk = Disk::new();
    let broker = on(&disk);
    let (mut reader, _) = kept(&broker, "reader");
    reader.subscribe("kept", 1);
    let mut transient = client(&broker, "transient");
    transient.subscribe("memory", 1);
    let mut writer = client_v5(&broker, "writer");
    let mut subscriber = kept_v5(&broker, "subscriber");

    disk.fail();
    writer.send(v5::publish("kept", "unsafe").qos(1).id(1));
    let trouble = || is_in_trouble(&broker);
    eventually("the store is in trouble", trouble);

    writer.send(v5::publish("kept", "refused").qos(1).id(2));
    writer.send(v5::publish("retained", "refused").qos(1).id(3).retain());
    let refused = [2, 3].map(|id| vec![0x40, 3, 0, id, 0x97]);
    writer.send(v5::publish("memory", "0"));
    transient.expect(v3::publish("memory", "0"));
    subscriber.send(v5::subscribe(9, &[("more", 1)]));
    assert_eq!(subscriber.receive().body.last(), Some(&0x97));
    let mut late = Client::open(broker.addresses()[0]);
    late.send_connect(
        &v5::connect("late")
            .flags(0)
            .property(property::session_expiry(60)),
    );
    assert_eq!(late.receive().body[1], 0x97);
    let mut clean = client(&broker, "clean");
    clean.publish(v3::publish("memory", "1").qos(1));
    transient.expect_message(&v3::publish("memory", "1").qos(1));

    disk.mend();
    eventually("the store works again", || !trouble());
    // What was handed over before is safe now, and is acknowledged in its order.
    writer.expect(v5::puback(1));
    for refused in refused {
        writer.expect(refused);
    }
    reader.expect_message(&v3::publish("kept", "unsafe").qos(1));
    writer.publish(v5::publish("kept", "again").qos(1));
    reader.expect_message(&v3::publish("kept", "again").qos(1));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_failing_disk_raises_an_alarm_that_its_recovery_clears() {
    let disk = Disk::new();
    let broker = on(&disk);
    let mut operator = client(&broker, "operator");
    operator.subscribe("$SYS/brokers/+/alarms/#", 0);
    let (mut reader, _) = kept(&broker, "reader");
    reader.subscribe("kept", 1);

    disk.fail();
    client_v5(&broker, "writer").send(v5::publish("kept", "unsafe").qos(1).id(1));
    let alert = operator.receive_publish();
    assert!(text(&alert.topic).ends_with("/alarms/store/alert"));
    assert!(text(&alert.payload).contains("no space left on device"));

    disk.mend();
    let clear = operator.receive_publish();
    assert!(text(&clear.topic).ends_with("/alarms/store/clear"));
}

fn is_in_trouble(broker: &Broker) -> bool {
    let store = broker.node().store.get();
    store.is_some_and(|store| store.link.trouble().is_some())
}

/// The packet id of a PUBLISH to a topic of one character.
fn id_of(publish: &castmq_conformance::wire::Raw) -> u16 {
    u16::from_be_bytes([publish.body[3], publish.body[4]])
}

#[test]
fn qos_0_goes_on_while_a_release_waits_for_the_disk() {
    let disk = Disk::new();
    let broker = on(&disk);
    let (mut reader, _) = kept(&broker, "reader");
    reader.subscribe("a", 2);
    reader.subscribe("zero", 0);
    client(&broker, "writer").publish(v3::publish("a", "1").qos(2));
    let id = id_of(&reader.receive());

    disk.hold();
    reader.send(v3::pubrec(id));
    a_moment();
    client(&broker, "other").publish(v3::publish("zero", "goes on"));

    reader.expect(v3::publish("zero", "goes on"));
    disk.go_on();
    reader.expect(v3::pubrel(id));
}

/// \[MQTT3-3.10.4-4\]
#[test]
fn a_client_of_3_1_1_is_not_told_that_it_is_unsubscribed_before_it_is() {
    let disk = Disk::new();
    let broker = on(&disk);
    let (mut reader, _) = kept(&broker, "reader");
    reader.subscribe("a", 0);
    disk.fail();
    reader.send(v3::unsubscribe(7, &["a"]));
    eventually("the store is in trouble", || is_in_trouble(&broker));
    // What stands behind it waits with it.
    reader.send(v3::pingreq());

    disk.mend();

    reader.expect(v3::unsuback(7));
    reader.expect(v3::pingresp());
    client(&broker, "writer").publish(v3::publish("a", "0"));
    reader.expect_nothing();
}

#[test]
fn a_member_of_a_group_whose_process_failed_is_there_again_with_its_client() {
    let disk = Disk::new();
    let broker = on(&disk);
    let (mut here, _) = kept(&broker, "here");
    here.subscribe("$share/g/t", 1);
    let (mut away, _) = kept(&broker, "away");
    away.subscribe("$share/g/t", 1);
    away.disconnect();
    broker.crash("session", "here").unwrap();
    eventually("it is back", || restarts(&broker, "session") == 1);
    let (mut here, _) = kept(&broker, "here");

    let mut writer = client(&broker, "writer");
    for number in 0..10 {
        writer.publish(v3::publish("t", number.to_string()).qos(1));
        here.expect_message(&v3::publish("t", number.to_string()).qos(1));
    }
}

#[test]
fn who_takes_over_from_a_client_that_still_waits_for_its_session_gets_it() {
    let disk = Disk::new();
    let broker = on(&disk);
    // Its process reads its session again, so that who waits for it waits for the disk.
    let (mut reader, _) = kept(&broker, "reader");
    reader.subscribe("will", 1);
    reader.disconnect();
    let mut leaver = Client::open(broker.addresses()[0]);
    let last = will("will", "bye")
        .qos(1)
        .property(property::will_delay(1000));
    let connect = v5::connect("leaver")
        .keep_session()
        .property(property::session_expiry(3600));
    leaver.connect(&connect.will(last));
    leaver.cut();
    a_moment();
    disk.hold();
    client(&broker, "writer").send(v3::publish("will", "x").qos(1).id(1));
    a_moment();
    broker.crash("session", "reader").unwrap();
    a_moment();

    let mut first = Client::open(broker.addresses()[0]);
    first.send_connect(&v3::connect("leaver"));
    a_moment();
    let mut second = Client::open(broker.addresses()[0]);
    second.send_connect(&v3::connect("leaver"));
    a_moment();
    disk.go_on();

    second.expect(v3::connack(0, 0));
    // The first one may have heard that it was connected, for a moment.
    first.receive_or_close();
}

#[test]
fn sessions_that_are_not_kept_and_messages_of_qos_0_do_not_outlive_the_broker() {
    let disk = Disk::new();
    let first = on(&disk);
    let mut passing = client(&first, "passing");
    passing.subscribe("t", 1);
    let (mut reader, _) = kept(&first, "reader");
    reader.subscribe("t", 1);
    reader.disconnect();
    let mut writer = client(&first, "writer");
    writer.publish(v3::publish("t", "0"));
    writer.publish(v3::publish("t", "1").qos(1));
    assert_eq!(disk.len(Space::Sessions), 1);
    assert_eq!(disk.len(Space::Queue), 1);
    first.stop();

    let second = on(&disk);
    let (_, present) = kept(&second, "passing");
    assert!(!present);
    let (mut reader, _) = kept(&second, "reader");
    reader.expect_message(&v3::publish("t", "1").qos(1));
    reader.expect_nothing();
}
