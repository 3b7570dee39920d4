//! `castmq ctl` as its user meets it, with a broker that says what each test wants.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use crate::fake::Fake;
use crate::{Folder, castmq, output, stderr};

const NODE: &str =
    r#"{"name":"n","status":"running","version":"1","uptime_seconds":5,"clients":1,"sessions":2}"#;
const TRACE: &str =
    r#"{"id":7,"state":"running","budget":{"flows":1,"events":2,"bytes":3,"seconds":4}}"#;
const FLOW: &str = r#"{"flow":1,"cause":"PUBLISH","took_micros":5.0,"hops":[{"hop":1,"kind":"client","name":"c1","entry":"Readable"}]}"#;

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_help_lists_the_exit_codes() {
    let help = stdout(&output(&["ctl", "--help"]));
    for code in [
        "0  done",
        "1  the broker said no",
        "2  wrong usage",
        "3  no broker",
        "4  not allowed",
    ] {
        assert!(help.contains(code), "{help}");
    }
}

#[test]
fn a_status_in_order_ends_with_0() {
    let fake = Fake::new(&[("GET /api/v1/node", 200, NODE)]);
    let output = fake.ctl(&["status"]);
    assert_eq!(stderr(&output), "");
    assert_eq!(
        stdout(&output),
        "node n is running\ncastmq 1, up for 5 s, 1 client, 2 sessions\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_node_in_trouble_ends_with_1_and_says_where_to_look() {
    let node = NODE.replace("running", "trouble");
    let output = Fake::new(&[("GET /api/v1/node", 200, &node)]).ctl(&["status"]);
    assert_eq!(output.status.code(), Some(1));
    let expected =
        "castmq ctl: the node is not as it should be (trouble): see `castmq ctl alarms`\n";
    assert_eq!(stderr(&output), expected);
}

#[test]
fn what_there_is_not_is_told_in_the_brokers_words_and_ends_with_1() {
    let path = "GET /api/v1/clients/a%2Fb";
    let fake = Fake::new(&[(
        path,
        404,
        r#"{"title":"Not Found","detail":"no client a\u001bb"}"#,
    )]);
    let output = fake.ctl(&["clients", "show", "a/b"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "castmq ctl: no client a\\u{1b}b\n");
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [
        &["ctl", "clients", "frobnicate"][..],
        &["ctl", "follow"],
        &["ctl", "publish", "t", "x", "--qos", "3"],
        &["ctl", "--url", "ftp://x", "status"],
        &["ctl", "--token-file", "/nowhere", "status"],
        &["ctl", "top"],
    ] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_ne!(stderr(&output), "", "{arguments:?}");
    }
}

#[test]
fn no_broker_ends_with_3_and_says_what_to_look_at() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let url = format!("http://{}", free.unwrap());
    let output = output(&["ctl", "--url", &url, "status"]);
    assert_eq!(output.status.code(), Some(3));
    let expected = format!(
        "castmq ctl: no broker answers at {url} (connection refused): is it running, is \
         admin.enabled = true, and is that its admin address? another one: --url URL\n"
    );
    assert_eq!(stderr(&output), expected);
}

#[test]
fn somebody_else_at_that_address_ends_with_3() {
    let fake = Fake::new(&[("GET /api/v1/node", 200, "<html>")]);
    let output = fake.ctl(&["status"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stderr(&output).contains("is not the admin API"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn not_allowed_ends_with_4_and_says_how_to_say_who_asks() {
    let fake = Fake::new(&[
        ("GET /api/v1/node", 401, r#"{"title":"Unauthorized"}"#),
        (
            "POST /api/v1/drain",
            403,
            r#"{"detail":"that is for admins"}"#,
        ),
    ]);
    let unknown = fake.ctl(&["status"]);
    assert_eq!(unknown.status.code(), Some(4));
    assert!(
        stderr(&unknown).contains("--user NAME or --token-file FILE"),
        "{}",
        stderr(&unknown)
    );
    let viewer = fake.ctl(&["drain"]);
    assert_eq!(viewer.status.code(), Some(4));
    assert_eq!(stderr(&viewer), "castmq ctl: that is for admins\n");
}

#[test]
fn who_asks_is_taken_from_the_environment_or_a_file() {
    let folder = Folder::new("ctl-token");
    let fake = Fake::new(&[("GET /api/v1/node", 200, NODE)]);
    let mut password = fake.command(&["--user", "ann", "status"]);
    password
        .env("CASTMQ_ADMIN_PASSWORD", "secret")
        .output()
        .unwrap();
    let mut token = fake.command(&["status"]);
    token.env("CASTMQ_ADMIN_TOKEN", "t1").output().unwrap();
    fake.ctl(&["--token-file", &folder.file("token", "t2\n"), "status"]);
    assert_eq!(
        fake.asked(),
        [
            "GET /api/v1/node Basic YW5uOnNlY3JldA==",
            "GET /api/v1/node Bearer t1",
            "GET /api/v1/node Bearer t2",
        ]
    );
}

#[test]
fn without_a_terminal_a_password_is_not_asked_for() {
    let fake = Fake::new(&[]);
    let mut command = fake.command(&["--user", "ann", "status"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("CASTMQ_ADMIN_PASSWORD"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn json_is_what_the_broker_wrote() {
    let page = r#"{"next":null,"items":[{"z":1,"client_id":"é"}]}"#;
    let fake = Fake::new(&[("GET /api/v1/clients?limit=50", 200, page)]);
    let output = fake.ctl(&["clients", "list", "--json"]);
    assert_eq!(stdout(&output), format!("{page}\n"));
    assert_eq!(stderr(&output), "");
}

#[test]
fn all_rows_are_read_page_by_page() {
    let fake = Fake::new(&[
        (
            "GET /api/v1/clients?limit=1000",
            200,
            r#"{"items":[{"client_id":"a"}],"next":"x/1"}"#,
        ),
        (
            "GET /api/v1/clients?limit=1000&cursor=x%2F1",
            200,
            r#"{"items":[],"next":"2"}"#,
        ),
        (
            "GET /api/v1/clients?limit=1000&cursor=2",
            200,
            r#"{"items":[{"client_id":"b"}],"next":null}"#,
        ),
    ]);
    let output = fake.ctl(&["clients", "list", "--all"]);
    let firsts: Vec<String> = stdout(&output)
        .lines()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(firsts, ["CLIENT", "a", "b"]);
}

#[test]
fn more_rows_than_wanted_are_pointed_out() {
    let page = r#"{"items":[{"client_id":"a"}],"next":"c1"}"#;
    let fake = Fake::new(&[("GET /api/v1/clients?limit=1", 200, page)]);
    let output = fake.ctl(&["clients", "list", "--limit", "1"]);
    assert!(
        stderr(&output).contains("--cursor 'c1'"),
        "{}",
        stderr(&output)
    );
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn an_answer_of_no_ends_with_1() {
    let path = "GET /api/v1/rules/check?client=c&action=publish&topic=a%2Fb";
    let fake = Fake::new(&[(path, 200, r#"{"is_allowed":false,"because":"rule 3"}"#)]);
    let output = fake.ctl(&["acl", "check", "", "c", "publish", "a/b"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        (stdout(&output), stderr(&output)),
        ("denied: rule 3\n".to_owned(), String::new())
    );
}

#[test]
fn a_new_user_s_password_is_read_from_standard_input() {
    let fake = Fake::new(&[("PUT /api/v1/users/bob", 204, "")]);
    let mut command = fake.command(&["users", "add", "bob"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"pass word\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output), "user bob may connect\n");
    assert_eq!(
        fake.asked(),
        [r#"PUT /api/v1/users/bob {"password":"pass word","rank":"user"}"#]
    );
}

#[test]
fn following_tells_each_flow_and_how_the_trace_ended() {
    let events = format!(
        "event: flow\ndata: {FLOW}\n\nevent: trace\ndata: {}\n\n",
        TRACE
            .replace("running", "done")
            .replace(r#""budget""#, r#""ended_because":"flows","budget""#)
    );
    let fake = Fake::new(&[
        ("POST /api/v1/traces", 201, TRACE),
        ("GET /api/v1/traces/7/live", 200, &events),
    ]);
    let output = fake.ctl(&["follow", "--client", "c1", "--count", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stdout(&output);
    assert!(told.starts_with("flow 1: PUBLISH, 5 µs\n"), "{told}");
    assert!(told.contains("client c1"), "{told}");
    assert!(
        told.lines()
            .last()
            .unwrap()
            .starts_with("trace 7: its flows are spent;"),
        "{told}"
    );
    assert_eq!(
        fake.asked()[0],
        r#"POST /api/v1/traces {"client":"c1","flows":1}"#
    );
}

#[test]
fn an_interrupt_stops_the_trace_on_the_broker_before_the_end() {
    let fake = Fake::new(&[
        ("POST /api/v1/traces", 201, TRACE),
        (
            "GET /api/v1/traces/7/live",
            200,
            &format!("event: flow\ndata: {FLOW}\n\n"),
        ),
        ("DELETE /api/v1/traces/7", 204, ""),
    ]);
    let mut command = fake.command(&["follow", "--client", "c1", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    assert_eq!(first, format!("{FLOW}\n"));
    let id = child.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "{\"id\":7,\"ended_because\":\"stopped\"}\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(fake.asked().contains(&"DELETE /api/v1/traces/7".to_owned()));
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly_and_stops_the_trace() {
    let flows = format!("event: flow\ndata: {FLOW}\n\n").repeat(2000);
    let fake = Fake::new(&[
        ("POST /api/v1/traces", 201, TRACE),
        ("GET /api/v1/traces/7/live", 200, &flows),
        ("DELETE /api/v1/traces/7", 204, ""),
    ]);
    let mut command = fake.command(&["follow", "--client", "c1", "--json"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        !stderr(&output).contains("castmq ctl:"),
        "{}",
        stderr(&output)
    );
    assert!(fake.asked().contains(&"DELETE /api/v1/traces/7".to_owned()));
}

#[test]
fn a_trace_to_a_file_is_written_there() {
    let folder = Folder::new("ctl-trace");
    let file = folder.0.join("trace.txt").display().to_string();
    let events = format!("event: flow\ndata: {FLOW}\n\nevent: trace\ndata: {TRACE}\n\n");
    let fake = Fake::new(&[
        ("POST /api/v1/traces", 201, TRACE),
        ("GET /api/v1/traces/7/live", 200, &events),
    ]);
    let output = fake.ctl(&["trace", "client", "c1", &file]);
    assert_eq!(stdout(&output), "");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("flow 1: PUBLISH, 5 µs\n"), "{written}");
}

#[test]
fn a_recording_is_fetched_when_it_has_ended() {
    let folder = Folder::new("ctl-record");
    let file = folder.0.join("c1.rec").display().to_string();
    let fake = Fake::new(&[
        (
            "POST /api/v1/recordings",
            201,
            r#"{"id":3,"state":"running"}"#,
        ),
        (
            "GET /api/v1/recordings/3",
            200,
            r#"{"id":3,"state":"done","inputs_count":2,"ended_because":"inputs"}"#,
        ),
        ("GET /api/v1/recordings/3/file", 200, "what was recorded"),
    ]);
    let output = fake.ctl(&["record", "c1", "--out", &file, "--inputs", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "what was recorded");
    let expected = r#"POST /api/v1/recordings {"client":"c1","inputs":2,"payloads":false}"#;
    assert_eq!(fake.asked()[0], expected);
}

#[test]
fn shells_get_what_they_need_to_complete_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let whole = output(&["completion", shell]);
        assert_eq!(whole.status.code(), Some(0));
        assert!(stdout(&whole).contains("subscriptions"), "{shell}");
        let same = castmq(&["ctl", "completion", shell]).output().unwrap();
        assert_eq!(stdout(&same), stdout(&whole));
    }
}
