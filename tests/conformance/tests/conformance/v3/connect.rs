//! CONNECT and CONNACK.

use castmq_conformance::{Scene, v3};

/// \[MQTT3-3.1.4-4\] \[MQTT3-3.2.0-1\] \[MQTT3-3.2.2-1\]
#[test]
fn a_clean_connect_is_answered_by_a_connack_without_session() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::connect(scene.id("a")));
    client.expect([0x20, 0x02, 0x00, 0x00]);
}
