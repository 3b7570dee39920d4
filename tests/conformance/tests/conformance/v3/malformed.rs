//! Packets that are no packets: each closes the connection it came on, without a word, and only
//! that one.

use castmq_conformance::wire::{packet, string};
use castmq_conformance::{Client, Packet, Scene, v3, will};

/// What is wrong, and the bytes.
type Row = (&'static str, Vec<u8>);

/// Each row on a connection of its own, beside one that lives through all of them.
#[track_caller]
fn expect_each_closes(scene: &Scene, rows: Vec<Row>) {
    let mut bystander = scene.client("bystander");
    for (what, bytes) in rows {
        let mut client = scene.client("malformed");
        client.send(bytes);
        expect_end(&mut client, what);
        bystander.expect_nothing();
    }
}

/// As [`expect_each_closes`], with nothing sent before.
#[track_caller]
fn expect_each_closes_at_once(scene: &Scene, rows: Vec<Row>) {
    let mut bystander = scene.client("bystander");
    for (what, bytes) in rows {
        let mut client = scene.open();
        client.send(bytes);
        expect_end(&mut client, what);
        bystander.expect_nothing();
    }
}

#[track_caller]
#[expect(
    clippy::print_stdout,
    reason = "shown when the test fails; it says which row it was"
)]
fn expect_end(client: &mut Client, what: &str) {
    println!("{what}");
    let answer = client.receive_or_close();
    assert!(answer.is_none(), "{what}: the broker answered {answer:?}");
}

/// \[MQTT3-2.2.2-2\] \[MQTT3-4.8.0-1\]
#[test]
fn reserved_packet_types_close_the_connection() {
    let rows = vec![
        ("type 0", vec![0x00, 0]),
        ("type 0 with a body", vec![0x00, 2, 0, 1]),
        ("type 15", vec![0xF0, 0]),
        ("type 15 with a body", vec![0xF0, 2, 0, 0]),
    ];
    expect_each_closes(&Scene::new(), rows);
}

/// \[MQTT3-4.8.0-1\]
#[test]
fn packets_that_only_a_server_sends_close_the_connection() {
    let rows = vec![
        ("CONNACK", v3::connack(0, 0)),
        ("SUBACK", v3::suback(1, &[0])),
        ("UNSUBACK", v3::unsuback(1)),
        ("PINGRESP", v3::pingresp()),
    ];
    expect_each_closes(&Scene::new(), rows);
}

/// Not as emqttd's P17: the flags are looked at.
///
/// \[MQTT3-2.2.2-2\] \[MQTT3-3.6.1-1\] \[MQTT3-3.14.1-1\]
#[test]
fn wrong_flags_of_the_acknowledgements_and_the_short_packets_close_the_connection() {
    let rows = vec![
        ("PUBACK 0001", vec![0x41, 2, 0, 1]),
        ("PUBACK 0010", vec![0x42, 2, 0, 1]),
        ("PUBREC 0010", vec![0x52, 2, 0, 1]),
        ("PUBREC 1000", vec![0x58, 2, 0, 1]),
        ("PUBREL 0000", vec![0x60, 2, 0, 1]),
        ("PUBREL 0011", vec![0x63, 2, 0, 1]),
        ("PUBREL 1010", vec![0x6A, 2, 0, 1]),
        ("PUBCOMP 0010", vec![0x72, 2, 0, 1]),
        ("PINGREQ 0001", vec![0xC1, 0]),
        ("PINGREQ 1000", vec![0xC8, 0]),
        ("DISCONNECT 0001", vec![0xE1, 0]),
        ("DISCONNECT 0010", vec![0xE2, 0]),
    ];
    expect_each_closes(&Scene::new(), rows);
}

/// Not as emqttd's P17: the flags are looked at.
///
/// \[MQTT3-2.2.2-2\] \[MQTT3-3.8.1-1\] \[MQTT3-3.10.1-1\]
#[test]
fn wrong_flags_of_subscribe_and_unsubscribe_close_the_connection() {
    let subscribe = |header| packet(header, &[&[0, 1], &string("t"), &[0]]);
    let unsubscribe = |header| packet(header, &[&[0, 1], &string("t")]);
    let rows = vec![
        ("SUBSCRIBE 0000", subscribe(0x80)),
        ("SUBSCRIBE 0011", subscribe(0x83)),
        ("SUBSCRIBE 0110", subscribe(0x86)),
        ("SUBSCRIBE 1010", subscribe(0x8A)),
        ("UNSUBSCRIBE 0000", unsubscribe(0xA0)),
        ("UNSUBSCRIBE 0011", unsubscribe(0xA3)),
        ("UNSUBSCRIBE 1010", unsubscribe(0xAA)),
    ];
    expect_each_closes(&Scene::new(), rows);
}

/// \[MQTT3-2.2.2-2\] \[MQTT3-3.1.4-1\]
#[test]
fn wrong_flags_of_connect_close_the_connection() {
    let scene = Scene::new();
    let connect = |header| {
        let mut bytes = v3::connect(scene.id("a")).to_bytes();
        bytes[0] = header;
        bytes
    };
    let rows = vec![
        ("CONNECT 0001", connect(0x11)),
        ("CONNECT 0010", connect(0x12)),
        ("CONNECT 1000", connect(0x18)),
    ];
    expect_each_closes_at_once(&scene, rows);
}

/// \[MQTT3-4.8.0-1\]
#[test]
fn wrong_remaining_lengths_close_the_connection() {
    let rows = vec![
        ("five bytes", vec![0x30, 0x80, 0x80, 0x80, 0x80, 0x01]),
        ("all ones", vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("PUBACK of 0 bytes", vec![0x40, 0]),
        ("PUBACK of 1 byte", vec![0x40, 1, 0]),
        ("PUBACK of 3 bytes", vec![0x40, 3, 0, 1, 0]),
        ("PUBREC of 3 bytes", vec![0x50, 3, 0, 1, 0]),
        ("PUBREL of 1 byte", vec![0x62, 1, 0]),
        ("PUBREL of 3 bytes", vec![0x62, 3, 0, 1, 0]),
        ("PUBCOMP of 4 bytes", vec![0x70, 4, 0, 1, 0, 0]),
        ("PINGREQ of 1 byte", vec![0xC0, 1, 0]),
        ("DISCONNECT of 1 byte", vec![0xE0, 1, 0]),
        ("DISCONNECT of 2 bytes", vec![0xE0, 2, 0, 0]),
    ];
    expect_each_closes(&Scene::new(), rows);
}

/// \[MQTT3-2.3.1-1\] \[MQTT3-4.8.0-1\]
#[test]
fn packet_id_0_closes_the_connection() {
    let rows = vec![
        (
            "PUBLISH QoS 1",
            v3::publish("t", "x").qos(1).id(0).to_bytes(),
        ),
        (
            "PUBLISH QoS 2",
            v3::publish("t", "x").qos(2).id(0).to_bytes(),
        ),
        ("PUBACK", v3::puback(0)),
        ("PUBREC", v3::pubrec(0)),
        ("PUBREL", v3::pubrel(0)),
        ("PUBCOMP", v3::pubcomp(0)),
        ("SUBSCRIBE", v3::subscribe(0, &[("t", 0)])),
        ("UNSUBSCRIBE", v3::unsubscribe(0, &["t"])),
    ];
    expect_each_closes(&Scene::new(), rows);
}

/// \[MQTT3-3.3.1-2\] \[MQTT3-3.3.1-4\] \[MQTT3-3.3.2-2\]
#[test]
fn malformed_publishes_close_the_connection() {
    let rows = vec![
        ("QoS 3", v3::publish("t", "x").qos(3).id(1).to_bytes()),
        ("QoS 3 with DUP", vec![0x3E, 5, 0, 1, b't', 0, 1]),
        ("QoS 0 with DUP", v3::publish("t", "x").dup().to_bytes()),
        ("no body", vec![0x30, 0]),
        ("half a topic length", vec![0x30, 1, 0]),
        ("a topic beyond the end", vec![0x30, 4, 0, 3, b'a', b'b']),
        ("no packet id", vec![0x32, 3, 0, 1, b't']),
        ("half a packet id", vec![0x32, 4, 0, 1, b't', 0]),
        ("an empty topic", vec![0x30, 2, 0, 0]),
        ("a wildcard", v3::publish("a/+/b", "x").to_bytes()),
    ];
    expect_each_closes(&Scene::new(), rows);
}

/// \[MQTT3-1.5.3-1\] \[MQTT3-1.5.3-2\] \[MQTT3-4.7.3-3\]
#[test]
fn malformed_strings_close_the_connection() {
    let publish = |topic: &[u8]| v3::publish(topic, "x").to_bytes();
    let rows = vec![
        ("a lone continuation", publish(b"a\x80b")),
        ("a sequence that breaks off", publish(b"a\xE2\x82")),
        ("an over-long slash", publish(b"a\xC0\xAFb")),
        ("an over-long null", publish(b"a\xC0\x80b")),
        ("the lowest surrogate", publish(b"a\xED\xA0\x80b")),
        ("the highest surrogate", publish(b"a\xED\xBF\xBFb")),
        ("a surrogate pair", publish(b"\xED\xA0\x81\xED\xB0\x80")),
        ("beyond U+10FFFF", publish(b"a\xF4\x90\x80\x80b")),
        ("a byte that never occurs", publish(b"a\xFFb")),
        ("U+0000", publish(b"a\0b")),
        ("U+0000 alone", publish(b"\0")),
        ("U+0000 in a filter", v3::subscribe(1, &[("a\0b", 0)])),
        ("U+0000 in UNSUBSCRIBE", v3::unsubscribe(1, &["a\0b"])),
    ];
    expect_each_closes(&Scene::new(), rows);
}

/// \[MQTT3-3.8.3-3\] \[MQTT3-3.8.3-4\] \[MQTT3-4.7.1-2\]
#[test]
fn malformed_subscribes_close_the_connection() {
    let rows = vec![
        ("no body", vec![0x82, 0]),
        ("half a packet id", vec![0x82, 1, 0]),
        ("no filter", vec![0x82, 2, 0, 1]),
        ("half a filter length", vec![0x82, 3, 0, 1, 0]),
        ("no requested QoS", packet(0x82, &[&[0, 1], &string("t")])),
        ("QoS 3", v3::subscribe(1, &[("t", 3)])),
        ("reserved bit 2", v3::subscribe(1, &[("t", 0x04)])),
        ("reserved bit 7", v3::subscribe(1, &[("t", 0x80)])),
        (
            "the second QoS wrong",
            v3::subscribe(1, &[("t", 0), ("u", 3)]),
        ),
        ("an empty filter", v3::subscribe(1, &[("", 0)])),
        ("# within a level", v3::subscribe(1, &[("a#", 0)])),
        ("# before the end", v3::subscribe(1, &[("#/a", 0)])),
        ("+ within a level", v3::subscribe(1, &[("a/+b", 0)])),
        ("two wildcards in a level", v3::subscribe(1, &[("a/++", 0)])),
    ];
    expect_each_closes(&Scene::new(), rows);
}

/// \[MQTT3-3.10.3-1\] \[MQTT3-3.10.3-2\]
#[test]
fn malformed_unsubscribes_close_the_connection() {
    let rows = vec![
        ("no body", vec![0xA2, 0]),
        ("half a packet id", vec![0xA2, 1, 0]),
        ("no filter", vec![0xA2, 2, 0, 1]),
        ("a filter beyond the end", vec![0xA2, 5, 0, 1, 0, 2, b'a']),
        (
            "a byte behind the filter",
            packet(0xA2, &[&[0, 1], &string("t"), &[0]]),
        ),
        ("an empty filter", v3::unsubscribe(1, &[""])),
        ("# within a level", v3::unsubscribe(1, &["a#"])),
    ];
    expect_each_closes(&Scene::new(), rows);
}

/// \[MQTT3-3.1.4-1\] \[MQTT3-3.2.2-6\]
#[test]
fn connects_with_wrong_flags_get_no_connack() {
    let scene = Scene::new();
    let with_flags = |flags| v3::connect(scene.id("a")).flags(flags).to_bytes();
    let rows = vec![
        ("the reserved flag", with_flags(0x03)),
        ("a will QoS without a will", with_flags(0x0A)),
        ("a will retain without a will", with_flags(0x22)),
        ("a will of QoS 3", with_flags(0x1E)),
        ("a will flag without a will", with_flags(0x06)),
        ("a user name flag without a user name", with_flags(0x82)),
        ("a password flag alone", with_flags(0x42)),
        ("all flags", with_flags(0xFF)),
    ];
    expect_each_closes_at_once(&scene, rows);
}

/// \[MQTT3-3.1.4-1\] \[MQTT3-3.1.3-1\] \[MQTT3-3.2.2-6\]
#[test]
fn connects_with_wrong_fields_get_no_connack() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a"));
    let head = |rest: &[u8]| packet(0x10, &[&string("MQTT"), rest]);
    let with_will = |topic: &[u8]| connect.clone().will(will(topic, "x")).to_bytes();
    let rows = vec![
        ("no body", vec![0x10, 0]),
        ("a name beyond the end", vec![0x10, 4, 0, 4, b'M', b'Q']),
        ("nothing behind the level", head(&[4])),
        ("half a keep alive", head(&[4, 2, 0])),
        ("no client id", head(&[4, 2, 0, 0])),
        (
            "a client id beyond the end",
            head(&[4, 2, 0, 0, 0, 9, b'i']),
        ),
        (
            "bytes behind the last field",
            connect.clone().trailing("x").to_bytes(),
        ),
        ("a client id with U+0000", v3::connect("a\0b").to_bytes()),
        (
            "a client id that is not UTF-8",
            v3::connect(b"\xFF").to_bytes(),
        ),
        ("a will topic with a wildcard", with_will(b"a/+")),
        ("an empty will topic", with_will(b"")),
        ("a will topic that is not UTF-8", with_will(b"\xFF")),
        (
            "a user name with U+0000",
            connect.clone().user("a\0b").to_bytes(),
        ),
    ];
    expect_each_closes_at_once(&scene, rows);
}

/// \[MQTT3-3.1.0-1\]
#[test]
fn anything_but_connect_as_the_first_packet_closes_the_connection() {
    let rows = vec![
        ("PUBLISH", v3::publish("t", "x").to_bytes()),
        ("PUBACK", v3::puback(1)),
        ("PUBREC", v3::pubrec(1)),
        ("PUBREL", v3::pubrel(1)),
        ("PUBCOMP", v3::pubcomp(1)),
        ("SUBSCRIBE", v3::subscribe(1, &[("t", 0)])),
        ("UNSUBSCRIBE", v3::unsubscribe(1, &["t"])),
        ("PINGREQ", v3::pingreq()),
        ("DISCONNECT", v3::disconnect()),
        ("CONNACK", v3::connack(0, 0)),
        ("type 0", vec![0, 0]),
        (
            "a line of HTTP",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        ),
        (
            "the beginning of TLS",
            vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3],
        ),
    ];
    expect_each_closes_at_once(&Scene::new(), rows);
}

/// \[MQTT3-4.8.0-1\]
#[test]
fn what_comes_behind_a_malformed_packet_is_not_processed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    let mut client = scene.client("malformed");

    let publish = v3::publish(&topic, "x").to_bytes();
    client.send([v3::publish("a/#", "x").to_bytes(), publish].concat());
    client.expect_close();
    super::expect_nothing_from(&mut scene.client("publisher"), &mut subscriber);
}

/// \[MQTT3-4.8.0-1\]
#[test]
fn what_came_before_a_malformed_packet_is_processed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    let mut client = scene.client("malformed");

    let publish = v3::publish(&topic, "x").to_bytes();
    client.send([publish, vec![0x00, 0x00]].concat());
    client.expect_close();
    subscriber.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-4.8.0-1\]
#[test]
fn bad_input_is_counted_under_its_reason() {
    let Some(scene) = Scene::with(|_| ()) else {
        return;
    };

    let rows = vec![
        ("wrong flags", vec![0xC1, 0]),
        ("other wrong flags", vec![0xE2, 0]),
        ("packet id 0", v3::puback(0)),
    ];
    expect_each_closes(&scene, rows);
    let drops = scene.broker().unwrap().drops();
    assert_eq!(drops.get("reserved_flags"), Some(&2), "{drops:?}");
    assert_eq!(drops.get("packet_id_zero"), Some(&1), "{drops:?}");
}
