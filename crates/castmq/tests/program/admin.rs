//! The admin interface of the program: where it is, and what keeps the program from starting.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::{Folder, Running, castmq, output, stderr};

/// Asks for something; the head and the body of the answer.
fn ask(address: SocketAddr, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_answers_at_the_address_of_the_ready_line() {
    let running = Running::start(&["--arbiters", "1"]);
    let answer = ask(running.admin().unwrap(), "GET /api/v1/node", "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"status\":\"running\""), "{answer}");
}

#[test]
fn without_it_the_ready_line_names_no_address() {
    let running = Running::start(&["--arbiters", "1", "--set", "admin.enabled=false"]);
    assert_eq!(running.admin(), None);
}

#[test]
fn its_port_in_use_is_named_with_what_to_do_and_ends_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("admin.address={}", taken.local_addr().unwrap());
    let arguments = ["start", "--listen", "127.0.0.1:0", "--set", &address];
    let output = output(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    let last = told.lines().last().unwrap();
    assert!(
        last.starts_with("castmq: admin.address: 127.0.0.1:"),
        "{told}"
    );
    assert!(last.contains("admin.enabled"), "{told}");
}

#[test]
fn on_an_address_beyond_loopback_it_needs_somebody_who_is_known_and_ends_with_2() {
    let arguments = [
        "start",
        "--listen",
        "127.0.0.1:0",
        "--set",
        "admin.address=0.0.0.0:0",
    ];
    let output = output(&arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("admin.tokens"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn how_much_is_logged_changes_while_it_runs() {
    let running = Running::start(&["--set", "log.level=error"]);
    let admin = running.admin().unwrap();
    let set = |level: &str| {
        ask(
            admin,
            "PUT /api/v1/log",
            &format!("{{\"level\":\"{level}\"}}"),
        )
    };
    assert!(set("info").starts_with("HTTP/1.1 200"));
    assert!(ask(admin, "GET /api/v1/log", "").ends_with("{\"level\":\"info\"}"));
    assert!(ask(admin, "DELETE /api/v1/clients/nobody", "").starts_with("HTTP/1.1 404"));
    set("error");
    ask(admin, "DELETE /api/v1/clients/somebody", "");
    let (_, _, log) = running.stop("-TERM");
    assert!(log.contains("target=nobody"), "{log}");
    assert!(!log.contains("target=somebody"), "{log}");
}

#[test]
fn a_user_of_castmq_passwd_is_let_in_and_a_new_one_after_sighup() {
    let folder = Folder::new("admin-users");
    let file = folder.file("passwd", "");
    let add = |user: &str| {
        let mut child = castmq(&["passwd", "add", &file, user, "--superuser"])
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
        assert!(child.wait().unwrap().success());
    };
    add("ann");
    let running = Running::start(&["--set", &format!("admin.password_file={file}")]);
    let admin = running.admin().unwrap();
    let knows = |credentials: &str| {
        let request = "GET /api/v1/node HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
        let mut stream = TcpStream::connect(admin).unwrap();
        write!(
            stream,
            "{request}authorization: Basic {credentials}\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.starts_with("HTTP/1.1 200")
    };
    // ann:secret and bob:secret
    assert!(knows("YW5uOnNlY3JldA=="));
    assert!(!knows("Ym9iOnNlY3JldA=="));
    add("bob");
    running.signal("-HUP");
    let looks = (0..120).any(|_| {
        let is_known = knows("Ym9iOnNlY3JldA==");
        if !is_known {
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        is_known
    });
    assert!(looks, "bob is not known");
}
