//! A data directory as its owner meets it: kill -9, a second broker, damage, `castmq store`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Output;

use crate::{Folder, Running, castmq, output, stderr};

/// A folder with a data directory in it.
struct Place {
    folder: Folder,
    data: String,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let data = folder.0.join("data").display().to_string();
        Self { folder, data }
    }

    fn start(&self) -> Running {
        let running = self.start_with(&[]);
        assert_ne!(running.ready, "", "it did not start");
        running
    }

    fn start_with(&self, more: &[&str]) -> Running {
        let arguments = ["start", "--listen=127.0.0.1:0", "--data-dir", &self.data];
        let mut command = castmq(&[&arguments, more].concat());
        Running::spawn(command.env("CASTMQ__STORE__BACKEND", "fjall"))
    }

    /// A start that is expected to fail; what it says.
    fn start_in_vain(&self) -> String {
        let running = self.start_with(&[]);
        assert_eq!(running.ready, "");
        let (code, _, told) = running.stop("-TERM");
        assert_eq!(code, Some(1), "{told}");
        told
    }

    fn store(&self, action: &str) -> Output {
        output(&["store", action, &self.data])
    }

    /// A byte of a message that was retained under `t` is another one on the disk.
    fn damage(&self, payload: u8) {
        let journal = PathBuf::from(&self.data).join("data/0.jnl");
        let mut bytes = std::fs::read(&journal).unwrap();
        let written = [b"\x01t\x01", &[payload][..]].concat();
        let at = bytes.windows(4).position(|bytes| bytes == written).unwrap();
        bytes[at + 3] ^= 0xff;
        std::fs::write(&journal, bytes).unwrap();
    }
}

/// Has a broker retain a message, and waits until it is acknowledged.
fn retain(running: &Running, payload: u8) {
    let mut stream = TcpStream::connect(running.address()).unwrap();
    stream
        .write_all(b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a")
        .unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, *b"\x20\x02\0\0");
    let publish = [&b"\x33\x06\0\x01t\0\x01"[..], &[payload]].concat();
    stream.write_all(&publish).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, *b"\x40\x02\0\x01");
}

/// Expects that the message is retained.
fn expect_retained(running: &Running, payload: u8) {
    let mut stream = TcpStream::connect(running.address()).unwrap();
    stream
        .write_all(b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01b\x82\x06\0\x01\0\x01t\0")
        .unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).unwrap();
    let expected = [
        &b"\x20\x02\0\0"[..],
        b"\x90\x03\0\x01\0",
        b"\x31\x04\0\x01t",
        &[payload],
    ];
    assert_eq!(answer[..], expected.concat());
}

#[test]
fn a_retained_message_that_was_acknowledged_outlives_kill_9() {
    let place = Place::new("kill");
    let mut running = place.start();
    retain(&running, b'x');
    running.child.kill().unwrap();
    running.child.wait().unwrap();

    expect_retained(&place.start(), b'x');
}

#[test]
fn a_second_broker_on_a_data_directory_is_told_who_has_it() {
    let place = Place::new("in-use");
    let first = place.start();

    let second = place.start_in_vain();

    let expected = format!(
        "in use by process {}; stop that one first",
        first.child.id()
    );
    assert!(second.contains(&expected), "{second}");
    retain(&first, b'x');
}

#[test]
fn a_directory_that_holds_something_else_is_left_alone() {
    let place = Place::new("foreign");
    std::fs::create_dir(&place.data).unwrap();
    std::fs::write(PathBuf::from(&place.data).join("letters"), "dear").unwrap();

    let told = place.start_in_vain();

    let expected = "not a data directory of CastMQ: it holds `letters`; choose an empty directory";
    assert!(told.contains(expected), "{told}");
    let kept = std::fs::read_to_string(PathBuf::from(&place.data).join("letters"));
    assert_eq!(kept.unwrap(), "dear");
}

#[test]
fn a_directory_of_another_format_says_what_to_do() {
    let place = Place::new("format");
    place.start().stop("-TERM");
    let format = PathBuf::from(&place.data).join("format");
    let text = std::fs::read_to_string(&format).unwrap();
    std::fs::write(&format, text.replace('1', "99")).unwrap();

    let told = place.start_in_vain();

    assert!(told.contains("written in format 99"), "{told}");
}

#[test]
fn damage_that_loses_acknowledged_data_stops_the_start_unless_it_is_accepted() {
    let place = Place::new("damaged");
    let mut running = place.start();
    retain(&running, b'x');
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    place.damage(b'x');

    let told = place.start_in_vain();
    assert!(told.contains("--accept-data-loss"), "{told}");

    let running = place.start_with(&["--accept-data-loss"]);
    retain(&running, b'y');
    expect_retained(&running, b'y');
    let (code, _, told) = running.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(told.contains("lost"), "{told}");
}

#[test]
fn a_store_is_checked_counted_written_out_and_read_in() {
    let place = Place::new("tools");
    let running = place.start();
    retain(&running, b'x');
    let busy = place.store("check");
    assert_eq!(busy.status.code(), Some(1));
    assert!(stderr(&busy).contains("in use by process"));
    running.stop("-TERM");

    let check = place.store("check");
    assert_eq!(check.status.code(), Some(0), "{}", stderr(&check));
    assert!(
        String::from_utf8(check.stdout)
            .unwrap()
            .ends_with(": sound\n")
    );
    let export = place.store("export");
    let written_out = String::from_utf8(export.stdout).unwrap();
    let other = Place::new("tools-other");
    let file = place.folder.file("store.jsonl", &written_out);
    let import = output(&["store", "import", &other.data, &file]);
    assert_eq!(import.status.code(), Some(0), "{}", stderr(&import));

    expect_retained(&other.start(), b'x');
}

#[test]
fn looking_into_a_store_that_is_not_there_says_so() {
    let place = Place::new("nowhere");
    for action in ["check", "stats", "export"] {
        let output = place.store(action);
        assert_eq!(output.status.code(), Some(1));
        let expected = format!(
            "castmq store: {}: there is no store; name the data directory of a broker\n",
            place.data
        );
        assert_eq!(stderr(&output), expected);
    }
    assert!(!PathBuf::from(&place.data).exists());
}
