//! The broker under test: the binary in `CASTMQ_BIN`, or the one at `CASTMQ_E2E_TARGET`.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A broker that runs and, if it was started here, ends with this value.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    process: Option<Child>,
    /// What it keeps, gone when it ends.
    data: Option<PathBuf>,
}

impl Broker {
    /// Starts the binary, or takes the broker that runs already.
    ///
    /// # Panics
    ///
    /// When there is no broker in the end.
    #[must_use]
    pub fn start() -> Self {
        if let Ok(target) = env::var("CASTMQ_E2E_TARGET") {
            let address = target.parse().expect("CASTMQ_E2E_TARGET is host:port");
            return Self {
                address,
                process: None,
                data: None,
            };
        }
        let data = data_folder();
        let mut process = Command::new(binary())
            .args(["start", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .args(["--set", "admin.address=127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("stdout is a pipe");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the binary says where it listens");
        let address = line
            .split("mqtt on ")
            .nth(1)
            .and_then(|rest| rest.split([',', '\n']).next())
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("the broker did not say where it listens: {line:?}"));
        Self {
            address,
            process: Some(process),
            data: Some(data),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended already; a test that cares has seen that by now.
            let _ = process.kill();
            let _ = process.wait();
        }
        if let Some(data) = &self.data {
            let _ = std::fs::remove_dir_all(data);
        }
    }
}

/// A folder that nobody else has.
fn data_folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("castmq-e2e-{}-{number}", std::process::id());
    env::temp_dir().join(name)
}

/// The binary: named by the environment, or built beside this test.
fn binary() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Ok(named) = env::var("CASTMQ_BIN") {
        return named.into();
    }
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    // Tests run as <target>/debug/deps/<name>.
    let test = env::current_exe().expect("a test has a path");
    let target = test
        .ancestors()
        .nth(3)
        .expect("a test is three levels down");
    let status = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args([
            "build",
            "--quiet",
            "--locked",
            "-p",
            "castmq",
            "--target-dir",
        ])
        .arg(target)
        .status()
        .expect("cargo starts");
    assert!(status.success(), "castmq does not build");
    target.join("debug").join("castmq")
}
