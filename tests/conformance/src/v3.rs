//! Packets of MQTT 3.1.1 (and 3.1), for sending and for comparing.

use crate::connect::Connect;
use crate::publish::Publish;
use crate::wire::{packet, string};

/// A CONNECT of 3.1.1 with a clean session and no keep alive.
#[must_use]
pub fn connect(client_id: impl AsRef<[u8]>) -> Connect {
    Connect {
        protocol_name: b"MQTT".to_vec(),
        level: 4,
        is_clean: true,
        flags: None,
        keep_alive: 0,
        properties: None,
        client_id: client_id.as_ref().to_vec(),
        will: None,
        user: None,
        password: None,
        trailing: Vec::new(),
    }
}

/// A CONNECT of 3.1, the version with the name `MQIsdp`.
#[must_use]
pub fn connect_31(client_id: impl AsRef<[u8]>) -> Connect {
    connect(client_id).protocol_name("MQIsdp").level(3)
}

/// CONNACK.
#[must_use]
pub fn connack(session_present: u8, code: u8) -> Vec<u8> {
    vec![0x20, 2, session_present, code]
}

/// PUBLISH of QoS 0.
#[must_use]
pub fn publish(topic: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> Publish {
    Publish::new(topic.as_ref(), payload.as_ref())
}

/// PUBACK.
#[must_use]
pub fn puback(id: u16) -> Vec<u8> {
    packet(0x40, &[&id.to_be_bytes()])
}

/// PUBREC.
#[must_use]
pub fn pubrec(id: u16) -> Vec<u8> {
    packet(0x50, &[&id.to_be_bytes()])
}

/// PUBREL.
#[must_use]
pub fn pubrel(id: u16) -> Vec<u8> {
    packet(0x62, &[&id.to_be_bytes()])
}

/// PUBCOMP.
#[must_use]
pub fn pubcomp(id: u16) -> Vec<u8> {
    packet(0x70, &[&id.to_be_bytes()])
}

/// SUBSCRIBE with filters and their requested QoS.
#[must_use]
pub fn subscribe(id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let filters: Vec<u8> = filters
        .iter()
        .flat_map(|(filter, qos)| [string(filter), vec![*qos]].concat())
        .collect();
    packet(0x82, &[&id.to_be_bytes(), &filters])
}

/// SUBACK.
#[must_use]
pub fn suback(id: u16, codes: &[u8]) -> Vec<u8> {
    packet(0x90, &[&id.to_be_bytes(), codes])
}

/// UNSUBSCRIBE.
#[must_use]
pub fn unsubscribe(id: u16, filters: &[&str]) -> Vec<u8> {
    let filters: Vec<u8> = filters.iter().flat_map(string).collect();
    packet(0xA2, &[&id.to_be_bytes(), &filters])
}

/// UNSUBACK.
#[must_use]
pub fn unsuback(id: u16) -> Vec<u8> {
    packet(0xB0, &[&id.to_be_bytes()])
}

/// PINGREQ.
#[must_use]
pub fn pingreq() -> Vec<u8> {
    vec![0xC0, 0]
}

/// PINGRESP.
#[must_use]
pub fn pingresp() -> Vec<u8> {
    vec![0xD0, 0]
}

/// DISCONNECT.
#[must_use]
pub fn disconnect() -> Vec<u8> {
    vec![0xE0, 0]
}
