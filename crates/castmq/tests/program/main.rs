//! The program as its user meets it: exit codes, messages, the ready line, signals.
#![cfg(test)]

mod admin;
mod ctl;
mod data;
mod fake;
mod inside;
mod replay;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// `castmq` with no settings in its environment but that it leaves no files behind, and that several may
/// run at a time.
fn castmq(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_castmq"));
    command.args(arguments).env_clear();
    command.env("CASTMQ__STORE__BACKEND", "memory");
    command.env("CASTMQ__ADMIN__ADDRESS", "127.0.0.1:0");
    command
}

fn output(arguments: &[&str]) -> Output {
    castmq(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn shipped() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/castmq.toml").to_owned()
}

/// A folder of its own for one test, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("castmq-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A broker that has said that it is ready.
struct Running {
    child: Child,
    ready: String,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let arguments = [&["start", "--listen", "127.0.0.1:0"], arguments].concat();
        Self::spawn(&mut castmq(&arguments))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        Self {
            child,
            ready,
            stdout,
        }
    }

    fn address(&self) -> SocketAddr {
        let rest = self.ready.split_once("mqtt on ").unwrap().1;
        rest.split_once(',').unwrap().0.parse().unwrap()
    }

    /// Where its admin interface is, if there is one.
    fn admin(&self) -> Option<SocketAddr> {
        let (_, rest) = self.ready.split_once("admin on http://")?;
        rest.split_once(',').unwrap().0.parse().ok()
    }

    /// Sends it a signal.
    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        Command::new("kill").args([signal, &id]).status().unwrap();
    }

    /// Asks it to stop; its exit code, the rest of stdout and all of stderr.
    fn stop(mut self, signal: &str) -> (Option<i32>, String, String) {
        let id = self.child.id().to_string();
        Command::new("kill").args([signal, &id]).status().unwrap();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        (self.child.wait().unwrap().code(), stdout, stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_tells_its_version() {
    let output = output(&["--version"]);
    let expected = concat!("castmq ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_shipped_configuration_is_in_order() {
    assert_eq!(output(&["check-config", &shipped()]).status.code(), Some(0));
}

#[test]
fn checking_a_configuration_names_all_mistakes_and_ends_with_2() {
    let folder = Folder::new("check");
    let file = folder.file(
        "castmq.toml",
        "[log]\nlevel = 5\n\n[session]\nmax_inflite = 1\n",
    );
    let output = output(&["check-config", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output).replace(&file, "castmq.toml"),
        "castmq.toml:2: log.level: found 5; allowed: one of \"error\", \"warn\", \"info\", \
         \"debug\", \"trace\"\n\
         castmq.toml:5: session.max_inflite: unknown setting; did you mean \
         `session.max_inflight`?\n"
    );
}

#[test]
fn starting_with_mistakes_names_those_of_all_sources_and_ends_with_2() {
    let folder = Folder::new("start");
    let file = folder.file("castmq.toml", "[log]\nkeep = 0\n");
    let output = castmq(&[
        "start",
        "--config",
        &file,
        "--arbiters",
        "many",
        "--set",
        "a.b=1",
    ])
    .env("CASTMQ__LOG__FORMAT", "xml")
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output).replace(&file, "castmq.toml"),
        "castmq.toml:2: log.keep: found 0; allowed: a whole number from 1 to 10000\n\
         environment variable CASTMQ__LOG__FORMAT: log.format: found \"xml\"; allowed: one of \
         \"text\", \"json\"\n\
         command line: a.b: unknown setting\n\
         command line: node.arbiters: found \"many\"; allowed: a whole number from 0 to 1024\n"
    );
}

#[test]
fn an_unknown_option_ends_with_2() {
    assert_eq!(output(&["start", "--prot", "1"]).status.code(), Some(2));
    assert_eq!(
        output(&["start", "--set", "no-equals-sign"]).status.code(),
        Some(2)
    );
}

#[test]
fn an_address_beyond_loopback_is_refused_unless_anonymous_clients_are_allowed() {
    let output = output(&["start", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("`allow_anonymous = true`"),
        "{}",
        stderr(&output)
    );

    let everywhere = [
        "start",
        "--listen",
        "0.0.0.0:0",
        "--set",
        "allow_anonymous=true",
    ];
    let running = Running::spawn(&mut castmq(&everywhere));
    let (code, _, log) = running.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(!log.contains("loopback"), "{log}");
}

#[test]
fn a_port_in_use_is_named_and_ends_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = output(&["start", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let last = stderr(&output).lines().last().unwrap().to_owned();
    assert!(
        last.starts_with("castmq: ") && last.contains(&address),
        "{last}"
    );
    assert!(last.to_lowercase().contains("in use"), "{last}");
}

#[test]
fn one_line_on_stdout_says_where_it_is_ready() {
    let running = Running::start(&["--arbiters", "1"]);
    TcpStream::connect(running.address()).unwrap();
    let expected = format!(
        "castmq {} is ready: mqtt on {}, admin on http://{}, 1 arbiter\n",
        env!("CARGO_PKG_VERSION"),
        running.address(),
        running.admin().unwrap()
    );
    assert_eq!(running.ready, expected);
    let (_, rest, _) = running.stop("-TERM");
    assert_eq!(rest, "");
}

#[test]
fn it_says_that_it_listens_on_loopback_only_and_how_many_files_it_may_open() {
    let (_, _, log) = Running::start(&[]).stop("-TERM");
    assert!(log.contains("listening on loopback only"), "{log}");
    assert!(log.contains("open files are"), "{log}");
}

#[test]
fn interrupt_and_terminate_both_stop_it_with_0() {
    assert_eq!(Running::start(&[]).stop("-INT").0, Some(0));
    assert_eq!(Running::start(&[]).stop("-TERM").0, Some(0));
}

#[test]
fn the_environment_sets_what_the_command_line_leaves_open() {
    let mut command = castmq(&["start", "--listen", "127.0.0.1:0"]);
    let running = Running::spawn(command.env("CASTMQ__NODE__ARBITERS", "2"));
    assert!(
        running.ready.ends_with(", 2 arbiters\n"),
        "{}",
        running.ready
    );
}

#[test]
fn logs_can_be_json_one_object_per_line() {
    let (_, _, log) = Running::start(&["--set", "log.format=json"]).stop("-TERM");
    let is_object = |line: &str| line.starts_with("{\"timestamp\":") && line.ends_with('}');
    assert!(log.lines().count() > 0);
    assert!(log.lines().all(is_object), "{log}");
}

#[test]
fn a_log_level_silences_what_is_less_important() {
    let (_, _, log) = Running::start(&["--set", "log.level=error"]).stop("-TERM");
    assert_eq!(log, "");
}

#[test]
fn a_log_file_gets_the_date_in_its_name() {
    let folder = Folder::new("log");
    let path = format!("log.file={}", folder.0.join("castmq.log").display());
    Running::start(&["--set", &path]).stop("-TERM");
    let names = folder.names();
    assert_eq!(names.len(), 1);
    assert!(names[0].starts_with("castmq.log.20"), "{names:?}");
    assert!(std::fs::metadata(folder.0.join(&names[0])).unwrap().len() > 0);
}

#[test]
fn a_log_file_that_cannot_be_written_ends_with_1() {
    let output = output(&["start", "--set", "log.file=/proc/castmq/castmq.log"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("/proc/castmq/castmq.log"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_client_that_hangs_does_not_keep_it_from_stopping() {
    let running = Running::start(&[]);
    let mut half_open = TcpStream::connect(running.address()).unwrap();
    half_open.write_all(&[0x10]).unwrap();
    assert_eq!(running.stop("-TERM").0, Some(0));
}

#[test]
fn a_measurement_that_went_well_is_one_json_object_and_ends_with_0() {
    let running = Running::start(&[]);
    let (target, id) = (
        running.address().to_string(),
        running.child.id().to_string(),
    );
    let output = output(&[
        "bench",
        "p2p",
        "--target",
        &target,
        "--pid",
        &id,
        "--clients=2",
        "--messages=100",
        "--json",
    ]);
    assert_eq!(stderr(&output), "");
    assert_eq!(output.status.code(), Some(0));
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.starts_with("{\"scenario\":\"p2p\","), "{report}");
    assert!(report.ends_with("\"ok\":true}\n"), "{report}");
    assert_eq!(report.lines().count(), 1);
}

#[test]
fn a_measurement_without_a_broker_says_what_to_do_and_ends_with_1() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let target = free.unwrap().to_string();
    let output = output(&["bench", "p2p", "--target", &target]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("castmq bench: cannot connect to {target}: ");
    assert!(
        stderr(&output).starts_with(&expected),
        "{}",
        stderr(&output)
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn a_measurement_that_makes_no_sense_says_why_and_ends_with_2() {
    let output = output(&["bench", "p2p", "--payload", "15"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "castmq bench: --payload 15: a message begins with 16 bytes that tell who sent it and when; \
         use 16 or more\n"
    );
}

#[test]
fn a_measurement_that_finds_a_fault_ends_with_1() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let refuse_all = move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The generator looks whether somebody listens before it says anything.
            if stream.read(&mut [0; 512]).unwrap() > 0 {
                stream.write_all(&[0x20, 2, 0, 5]).unwrap();
            }
        }
    };
    std::thread::Builder::new().spawn(refuse_all).unwrap();
    let output = output(&[
        "bench",
        "conn",
        "--clients=3",
        "--target",
        &target,
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "castmq bench: a connection was refused, reason 0x05\n";
    assert_eq!(stderr(&output), expected);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("\"refused\":3,\"closed\":0"), "{report}");
    assert!(report.ends_with("\"ok\":false}\n"), "{report}");
}
