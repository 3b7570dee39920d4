//! `castmq ctl` with the real broker: each command, for people and for programs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::{Folder, Running, castmq, stderr};

/// A broker whose inside can be looked at.
struct Watched(Running);

impl Watched {
    fn start(arguments: &[&str]) -> Self {
        Self(Running::start(&[&["--arbiters", "2"], arguments].concat()))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = castmq(&[&["ctl"], arguments].concat());
        let url = format!("http://{}", self.0.admin().unwrap());
        command.env("CASTMQ_ADMIN_URL", url);
        command
    }

    fn ctl(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command says that has to end with 0.
    fn told(&self, arguments: &[&str]) -> String {
        let output = self.ctl(arguments);
        let code = output.status.code();
        assert_eq!(code, Some(0), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same for programs: each line is JSON.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let told = self.told(&[arguments, &["--json"]].concat());
        let lines = told.lines();
        lines
            .map(|line| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {line}"))
            })
            .collect()
    }

    /// A client that speaks MQTT 3.1.1; clean sessions end with it.
    fn connect(&self, client: &str, is_clean: bool) -> TcpStream {
        let mut stream = TcpStream::connect(self.0.address()).unwrap();
        let length = u8::try_from(client.len()).unwrap();
        let flags = if is_clean { 2 } else { 0 };
        let head = [
            0x10,
            12 + length,
            0,
            4,
            b'M',
            b'Q',
            b'T',
            b'T',
            4,
            flags,
            0,
            60,
            0,
            length,
        ];
        stream
            .write_all(&[&head, client.as_bytes()].concat())
            .unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[..2], [0x20, 2]);
        assert_eq!(answer[3], 0);
        stream
    }
}

/// Subscribes with QoS 1 and waits for the answer.
fn subscribe(stream: &mut TcpStream, filter: &str) {
    let length = u8::try_from(filter.len()).unwrap();
    let head = [0x82, 5 + length, 0, 1, 0, length];
    stream
        .write_all(&[&head, filter.as_bytes(), &[1]].concat())
        .unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x90, 3, 0, 1, 1]);
}

/// Publishes with QoS 1 and waits for the acknowledgement.
fn publish(stream: &mut TcpStream, topic: &str, is_retained: bool) {
    let length = u8::try_from(topic.len()).unwrap();
    let head = [0x32 | u8::from(is_retained), 6 + length, 0, length];
    stream
        .write_all(&[&head, topic.as_bytes(), &[0, 9], b"hi"].concat())
        .unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x40, 2, 0, 9]);
}

#[test]
fn every_list_is_a_table_for_people_and_json_for_programs() {
    let watched = Watched::start(&[]);
    let mut reader = watched.connect("reader", false);
    subscribe(&mut reader, "news/#");
    publish(&mut watched.connect("writer", true), "news/today", true);
    for arguments in [
        &["status"][..],
        &["broker"],
        &["broker", "stats"],
        &["broker", "metrics"],
        &["broker", "pubsub"],
        &["clients", "list"],
        &["clients", "show", "reader"],
        &["sessions", "list"],
        &["sessions", "list", "persistent", "--state", "connected"],
        &["sessions", "show", "reader"],
        &["routes", "list"],
        &["routes", "show", "news/#"],
        &["topics", "list"],
        &["topics", "list", "news"],
        &["topics", "show", "news/today"],
        &["subscriptions", "list"],
        &["subscriptions", "list", "--topic", "news/today"],
        &["subscriptions", "show", "reader"],
        &["retained", "list"],
        &["retained", "show", "news/today"],
        &["listeners"],
        &["vm"],
        &["vm", "process"],
        &["modules", "list"],
        &["trace", "list"],
        &["users", "list"],
        &["acl", "show"],
        &["acl", "check", "", "reader", "publish", "news/today"],
        &["alarms"],
        &["alarms", "past"],
        &["log"],
        &["ps"],
        &["ps", "--sort", "busy", "--kind", "session"],
        &["tree"],
        &["state", "session:reader"],
        &["tables"],
        &["tables", "subscriber"],
        &["tables", "session", "--search", "reader"],
        &["explain", "--client", "reader", "--topic", "news/today"],
        &["timeline", "reader"],
        &["recorder"],
        &["recorder", "dumps"],
        &["drops"],
        &["events"],
        &["invariants"],
        &["settings"],
        &["settings", "session"],
        &["settings", "log.level"],
        &["metrics"],
        &["audit"],
    ] {
        let people = watched.told(arguments);
        assert!(!people.contains('\u{1b}'), "{arguments:?}: {people}");
        assert!(!watched.json(arguments).is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_client_can_be_looked_at_and_kicked() {
    let watched = Watched::start(&[]);
    let mut client = watched.connect("c1", true);
    let told = watched.told(&["clients", "list"]);
    assert!(told.lines().nth(1).unwrap().starts_with("c1 "), "{told}");
    assert_eq!(
        watched.told(&["clients", "kick", "c1"]),
        "client c1 is disconnected\n"
    );
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    let gone = watched.ctl(&["clients", "show", "c1"]);
    assert_eq!(gone.status.code(), Some(1));
}

#[test]
fn what_a_client_calls_itself_cannot_reach_the_terminal() {
    let watched = Watched::start(&[]);
    let _client = watched.connect("a\u{9b}2Jb", true);
    let told = watched.told(&["clients", "list"]);
    assert!(told.contains("a\\u{9b}2Jb"), "{told}");
    let shown = watched.told(&["clients", "show", "a\u{9b}2Jb"]);
    assert!(!shown.contains('\u{9b}'), "{shown}");
}

#[test]
fn a_subscription_can_be_made_and_taken_back_on_behalf_of_a_client() {
    let watched = Watched::start(&[]);
    let _client = watched.connect("c1", true);
    watched.told(&["subscriptions", "add", "c1", "a/#", "1"]);
    let told = watched.told(&["subscriptions", "show", "c1"]);
    assert!(told.contains("c1      a/#"), "{told}");
    watched.told(&["subscriptions", "del", "c1"]);
    assert_eq!(
        watched.json(&["subscriptions", "show", "c1"])[0]["items"],
        serde_json::json!([])
    );
}

#[test]
fn a_message_that_was_published_and_retained_can_be_shown_and_deleted() {
    let watched = Watched::start(&[]);
    watched.told(&["publish", "a/b", "hello", "--retain"]);
    let told = watched.told(&["retained", "show", "a/b"]);
    assert!(told.contains("hello"), "{told}");
    watched.told(&["retained", "del", "a/b"]);
    assert_eq!(
        watched.ctl(&["retained", "show", "a/b"]).status.code(),
        Some(1)
    );
}

#[test]
fn users_are_added_and_taken_out_while_it_runs() {
    let watched = Watched::start(&[]);
    let mut add = watched.command(&["users", "add", "bob"]);
    let mut child = add
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    let told = watched.told(&["users", "list"]);
    assert!(told.contains("bob   user"), "{told}");
    watched.told(&["users", "del", "bob"]);
    assert_eq!(watched.ctl(&["users", "del", "bob"]).status.code(), Some(1));
}

#[test]
fn rules_are_set_checked_and_cleared_while_it_runs() {
    let folder = Folder::new("inside-acl");
    let rules = folder.file(
        "rules.toml",
        "otherwise = \"allow\"\n[[rule]]\npermit = \"deny\"\naction = \"publish\"\ntopics = [\"secret/#\"]\n",
    );
    let watched = Watched::start(&[]);
    watched.told(&["acl", "set", &rules]);
    let check = ["acl", "check", "", "c1", "publish", "secret/a"];
    assert_eq!(watched.ctl(&check).status.code(), Some(1));
    watched.told(&["acl", "clear"]);
    assert_eq!(watched.ctl(&check).status.code(), Some(0));
    let wrong = folder.file("wrong.toml", "[[rule]]\nfrobnicate = 1\n");
    let refused = watched.ctl(&["acl", "set", &wrong]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("frobnicate"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn the_log_level_can_be_changed_and_the_change_is_in_the_audit() {
    let watched = Watched::start(&[]);
    watched.told(&["log", "level", "warn"]);
    assert!(watched.told(&["log"]).contains("warn"));
    let audit = watched.told(&["audit"]);
    assert!(audit.contains("log"), "{audit}");
}

#[test]
fn a_message_is_followed_through_all_actors_and_drawn() {
    let watched = Watched::start(&[]);
    let mut reader = watched.connect("reader", true);
    subscribe(&mut reader, "news/#");
    let mut writer = watched.connect("writer", true);
    let mut follow = watched.command(&["follow", "--topic", "news/#", "--count", "1"]);
    let mut follow = follow
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It says that it runs when the broker has said so.
    let mut begun = [0; 1];
    follow
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut begun)
        .unwrap();
    publish(&mut writer, "news/today", false);
    let output = follow.wait_with_output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.starts_with("flow 1: "), "{told}");
    assert!(told.contains("topic news/today"), "{told}");
    assert!(told.contains("session reader"), "{told}");
    assert!(told.contains('▶'), "{told}");
    assert!(
        told.lines().last().unwrap().contains("its flows are spent"),
        "{told}"
    );
    let traces = watched.json(&["trace", "list"]);
    assert_eq!(traces[0][0]["state"], "done");
}

#[test]
fn why_a_client_does_not_get_a_message_is_explained_with_a_verdict_first() {
    let watched = Watched::start(&[]);
    let mut reader = watched.connect("reader", true);
    subscribe(&mut reader, "news/#");
    let told = watched.told(&["explain", "--client", "reader", "--topic", "sports"]);
    assert!(told.starts_with("no match: "), "{told}");
    assert!(
        told.lines().any(|line| line.starts_with("  no   ")),
        "{told}"
    );
    let json = watched.json(&["explain", "--client", "nobody", "--topic", "news/today"]);
    assert_eq!(json[0]["verdict"], "no_session");
}

#[test]
fn a_trace_that_nobody_waits_for_any_more_does_not_run_on() {
    let watched = Watched::start(&[]);
    let mut follow = watched.command(&["follow", "--client", "nobody"]);
    let mut follow = follow
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    follow
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut [0; 1])
        .unwrap();
    let id = follow.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().unwrap();
    let output = follow.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("it was stopped"), "{told}");
    assert_eq!(watched.json(&["trace", "list"])[0][0]["state"], "done");
}

#[test]
fn a_client_is_recorded_into_a_file() {
    let folder = Folder::new("inside-record");
    let file = folder.0.join("c1.rec").display().to_string();
    let watched = Watched::start(&[]);
    let mut client = watched.connect("c1", true);
    let mut record = watched.command(&["record", "c1", "--out", &file, "--inputs", "1"]);
    let mut record = record
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    record
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut [0; 1])
        .unwrap();
    publish(&mut client, "a", false);
    let output = record.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(std::fs::metadata(&file).unwrap().len() > 0);
}

#[test]
fn faults_are_for_brokers_that_allow_them() {
    let watched = Watched::start(&[]);
    let _client = watched.connect("c1", true);
    let fault = ["fault", "pause", "--client", "c1", "--seconds", "1"];
    let refused = watched.ctl(&fault);
    assert!(
        stderr(&refused).contains("fault_injection"),
        "{}",
        stderr(&refused)
    );
    assert_ne!(refused.status.code(), Some(0));

    let watched = Watched::start(&["--set", "debug.fault_injection=true"]);
    let _client = watched.connect("c1", true);
    watched.told(&fault);
    let told = watched.told(&["fault", "list"]);
    assert!(told.contains("pause"), "{told}");
    watched.told(&["fault", "clear", "--all"]);
    assert_eq!(watched.json(&["fault", "list"])[0], serde_json::json!([]));
}

#[test]
fn an_encrypted_admin_interface_is_believed_with_the_authority_that_signed_it() {
    let folder = Folder::new("inside-tls");
    let certs = folder.0.join("certs").display().to_string();
    let made = castmq(&["cert", "self-signed", &certs]).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let setting = |key: &str, file: &str| format!("admin.tls.{key}={certs}/{file}");
    let running = Running::start(&[
        "--set",
        &setting("certificate", "server.crt"),
        "--set",
        &setting("key", "server.key"),
    ]);
    let (_, rest) = running.ready.split_once("admin on https://").unwrap();
    let port = rest.split_once(',').unwrap().0.rsplit_once(':').unwrap().1;
    let url = format!("https://localhost:{port}");
    let authority = format!("{certs}/ca.crt");
    let mut known = castmq(&["ctl", "--url", &url, "--ca", &authority, "status"]);
    let known = known.output().unwrap();
    assert_eq!(known.status.code(), Some(0), "{}", stderr(&known));
    let unknown = castmq(&["ctl", "--url", &url, "status"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(3));
    assert!(
        stderr(&unknown).contains("--ca FILE"),
        "{}",
        stderr(&unknown)
    );
}

#[test]
fn a_user_with_the_right_password_is_let_in() {
    let folder = Folder::new("inside-user");
    let file = folder.0.join("admins").display().to_string();
    let mut add = castmq(&["passwd", "add", &file, "ann", "--superuser"]);
    let mut child = add
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    assert!(child.wait().unwrap().success());
    let watched = Watched::start(&["--set", &format!("admin.password_file={file}")]);
    let with = |password: &str| {
        let mut command = watched.command(&["--user", "ann", "log", "level", "warn"]);
        command
            .env("CASTMQ_ADMIN_PASSWORD", password)
            .output()
            .unwrap()
    };
    assert_eq!(with("secret").status.code(), Some(0));
    assert_eq!(with("wrong").status.code(), Some(4));
}

#[test]
fn a_node_that_drains_lets_its_clients_go() {
    let watched = Watched::start(&[]);
    let mut client = watched.connect("c1", true);
    let told = watched.told(&["drain"]);
    assert!(told.starts_with("1 client told to leave;"), "{told}");
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    watched.told(&["drain", "--undo"]);
    watched.connect("c1", true);
}

#[test]
fn a_viewer_may_look_and_not_change() {
    let token = "a-long-random-text";
    // printf %s a-long-random-text | sha256sum
    let sha256 = "09d5fcd149931c983aed62a6b457bec5340b1bd2ef2bd8d2594fee911ff450ce";
    let tokens = format!("admin.tokens=[{{name=\"v\",sha256=\"{sha256}\",role=\"viewer\"}}]");
    let watched = Watched::start(&["--set", &tokens]);
    assert_eq!(watched.ctl(&["status"]).status.code(), Some(4));
    let with_token = |arguments: &[&str]| {
        let mut command = watched.command(arguments);
        command.env("CASTMQ_ADMIN_TOKEN", token).output().unwrap()
    };
    assert_eq!(with_token(&["status"]).status.code(), Some(0));
    assert_eq!(with_token(&["log", "level", "warn"]).status.code(), Some(4));
}
