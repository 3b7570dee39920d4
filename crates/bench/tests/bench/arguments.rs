//! Wrong arguments are refused with words that help.

use std::net::TcpListener;

use crate::bench;

/// What is said about a target.
fn complaint_about(target: &str, line: &str) -> String {
    bench(target, line).unwrap_err().to_string()
}

/// What is said about a command line.
fn complaint(line: &str) -> String {
    complaint_about("127.0.0.1:1", line)
}

#[test]
fn an_option_that_means_nothing_here_is_named() {
    assert_eq!(
        complaint("fanin --clients 3"),
        "--clients means nothing in fanin, only in conn, p2p, wildcard, offline, churn, \
         handshakes: leave it out"
    );
}

#[test]
fn a_payload_without_room_for_its_number_is_refused() {
    assert_eq!(
        complaint("p2p --payload 15"),
        "--payload 15: a message begins with 16 bytes that tell who sent it and when; use 16 or \
         more"
    );
}

#[test]
fn what_the_broker_keeps_needs_an_acknowledgement() {
    assert!(complaint("retained --qos 0").contains("use --qos 1 or 2"));
    assert!(complaint("offline --qos 0").contains("use --qos 1 or 2"));
}

#[test]
fn more_subscribers_than_publishers_cannot_share_them() {
    let complaint = complaint("fanin --publishers 2 --subscribers 3");
    assert!(complaint.starts_with("--subscribers 3: each gets a part of the 2 publishers"));
}

#[test]
fn a_message_for_three_clients_needs_three() {
    assert!(complaint("wildcard --clients 2").contains("use 3 or more"));
}

#[test]
fn more_connections_than_open_files_are_refused() {
    assert!(complaint("conn --clients 4000000000").contains("raise the hard limit"));
}

#[test]
fn a_target_where_nobody_listens_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let complaint = bench(address, "p2p").unwrap_err().to_string();
    assert!(complaint.starts_with(&format!("cannot connect to {address}: ")));
    assert!(complaint.ends_with("name another by --target"));
}

#[test]
fn tls_needs_somebody_to_trust() {
    assert_eq!(
        complaint_about("mqtts://127.0.0.1:1", "p2p"),
        "--target mqtts://127.0.0.1:1: whom to trust? Give --ca FILE, or --insecure"
    );
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let complaint = complaint_about("wss://127.0.0.1:1", "p2p --ca /dev/null");
    assert!(complaint.ends_with("/dev/null: there is no certificate in it"));
}

#[test]
fn trust_means_nothing_where_there_is_no_tls() {
    assert_eq!(
        complaint_about("ws://127.0.0.1:1", "p2p --insecure"),
        "--target ws://127.0.0.1:1: --insecure is for mqtts:// and wss:// alone: leave it out"
    );
}

#[test]
fn a_unix_socket_where_nobody_listens_is_named() {
    let complaint = complaint_about("unix:/nonexistent/mqtt", "p2p");
    assert!(complaint.starts_with("cannot connect to unix:/nonexistent/mqtt: "));
}
