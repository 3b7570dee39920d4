//! Sockets in the file system.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use castmq_net::{Owner, UnixBindError, bind_unix};

use crate::authority::Scratch;

#[test]
fn a_socket_file_has_its_mode() {
    let scratch = Scratch::new();
    let path = scratch.path("mqtt.sock");
    let _listener = bind_unix(&path, 0o620, Owner::default(), 16).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o620);
}

#[test]
fn a_socket_that_nobody_listens_at_is_replaced() {
    let scratch = Scratch::new();
    let path = scratch.path("mqtt.sock");
    drop(UnixListener::bind(&path).unwrap());
    let listener = bind_unix(&path, 0o600, Owner::default(), 16).unwrap();

    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"x").unwrap();
    let mut byte = [0];
    listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
}

#[test]
fn a_socket_in_use_is_told() {
    let scratch = Scratch::new();
    let path = scratch.path("mqtt.sock");
    let _first = bind_unix(&path, 0o600, Owner::default(), 16).unwrap();
    let error = bind_unix(&path, 0o600, Owner::default(), 16).unwrap_err();
    assert!(error.to_string().ends_with("is in use by another process"));
}

#[test]
fn another_kind_of_file_stays() {
    let scratch = Scratch::new();
    let path = scratch.write("mqtt.sock", "precious");
    let error = bind_unix(&path, 0o600, Owner::default(), 16).unwrap_err();
    assert!(matches!(error, UnixBindError::NotASocket { .. }));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_directory_that_is_missing_is_told() {
    let scratch = Scratch::new();
    let path = scratch.path("missing").join("mqtt.sock");
    let error = bind_unix(&path, 0o600, Owner::default(), 16).unwrap_err();
    assert!(error.to_string().contains("missing/mqtt.sock: bind: "));
}
