//! Peers that write what is not MQTT; each loses its connection, and nobody else does.

use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, Scope};
use std::time::Duration;

use super::Run;
use crate::connection::{Connection, Ended};
use crate::random::Random;
use crate::wire::{self, Connect, Version};

const THREADS: u64 = 2;
/// The broker has closed by then; far below its patience with a client that is merely slow.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// Starts the peers.
pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>, run: &'scope Run) {
    for part in 0..THREADS {
        scope.spawn(move || {
            let mut random = run.random(200 + part);
            while run.goes_on() {
                if let Err(ended) = attack(run, &mut random) {
                    run.verdict
                        .breach(format!("a malformed peer could not begin: {ended}"));
                }
                thread::sleep(random.millis(1, 30));
            }
        });
    }
}

fn attack(run: &Run, random: &mut Random) -> Result<(), Ended> {
    let version = *random.one_of(&[Version::V311, Version::V50]);
    let (mut connection, bytes) = if random.percent(40) {
        (
            Connection::open(run.address, version)?,
            first_packet(random),
        )
    } else {
        let client_id = format!("malformed-{}", random.below(4));
        let connect = Connect {
            version,
            client_id: &client_id,
            is_clean: true,
            expiry_seconds: 0,
            will: None,
        };
        let connected = Connection::connect(run.address, &connect);
        match connected {
            Ok(connection) => (connection, later_packet(version, random)),
            // The other thread took the client id before CONNACK came.
            Err(_) => return Ok(()),
        }
    };
    if random.percent(10) {
        // Half of a packet and then nothing more, not even the connection.
        let _ = connection.write(bytes.get(..bytes.len() / 2).unwrap_or_default());
        return Ok(());
    }
    // The broker may have closed for the first of these bytes already.
    let _ = connection.write(&bytes);
    run.counts.malformed.fetch_add(1, Relaxed);
    run.verdict
        .expect(connection.is_closed_within(CLOSED_WITHIN), || {
            format!("still open after {bytes:02x?} ({version:?})")
        });
    Ok(())
}

/// Something that no connection begins with.
fn first_packet(random: &mut Random) -> Vec<u8> {
    match random.below(7) {
        // The high bit ends no length within four bytes, so nothing has to be waited for.
        0 => vec![0xFF; 16],
        1 => b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        // Before CONNECT: a PUBLISH, a PINGREQ.
        2 => vec![0x30, 5, 0, 1, b'a', b'h', b'i'],
        3 => wire::PINGREQ.to_vec(),
        // CONNECT with reserved flags, an unknown protocol, the reserved connect flag.
        4 => wire::packet(0x1F, b"\0\x04MQTT\x04\x02\0\x3c\0\x01a"),
        5 => wire::packet(0x10, b"\0\x04MQTX\x04\x02\0\x3c\0\x01a"),
        _ => wire::packet(0x10, b"\0\x04MQTT\x04\x03\0\x3c\0\x01a"),
    }
}

/// Something that no client says after CONNECT.
fn later_packet(version: Version, random: &mut Random) -> Vec<u8> {
    let properties: &[u8] = match version {
        Version::V311 => &[],
        Version::V50 => &[0],
    };
    let with = |first: u8, head: &[u8], tail: &[u8]| {
        wire::packet(first, &[head, properties, tail].concat())
    };
    match random.below(14) {
        0 => vec![0x00, 0],
        1 => vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        // PUBLISH: QoS 3, packet id 0, a wildcard, no UTF-8, U+0000, a topic longer than the packet.
        2 => with(0x36, b"\0\x01a\0\x01", b"x"),
        3 => with(0x32, b"\0\x01a\0\0", b"x"),
        4 => with(0x30, b"\0\x03a/#", b"x"),
        5 => with(0x30, b"\0\x02\xc3\x28", b"x"),
        6 => with(0x30, b"\0\x02a\0", b"x"),
        7 => vec![0x30, 3, 0xFF, 0xFF, b'a'],
        // SUBSCRIBE: nothing in it, flags, QoS 3, `#` in the middle. UNSUBSCRIBE: flags.
        8 => with(0x82, b"\0\x01", b""),
        9 => with(0x80, b"\0\x01", b"\0\x01a\0"),
        10 => with(0x82, b"\0\x01", b"\0\x01a\x03"),
        11 => with(0xA0, b"\0\x01", b"\0\x01a"),
        // PUBREL with the flags of a PUBLISH, a second CONNECT.
        12 => vec![0x60, 2, 0, 1],
        _ => wire::packet(0x10, b"\0\x04MQTT\x04\x02\0\x3c\0\x01a"),
    }
}
