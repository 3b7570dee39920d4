//! The broker's process: started, killed without a word, or asked to stop.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use castmq_load::clock;

use crate::launch::Launch;

/// How long a broker may take to listen, or to stop.
const LIMIT: Duration = Duration::from_secs(60);
/// How often is looked whether it does.
const LOOK: Duration = Duration::from_millis(2);
/// Before the address in the line by which CastMQ says that it is ready.
const READY: &str = "mqtt on ";

/// A broker; it is killed with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    port: Option<u16>,
    output: PathBuf,
    log: PathBuf,
}

impl Process {
    /// Starts it. Its data, its configuration and its log are in that folder.
    pub(crate) fn start(launch: &Launch, folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder.join("data"))?;
        let output = folder.join("ready");
        let log = folder.join("broker.log");
        let log_file = OpenOptions::new().create(true).append(true).open(&log)?;
        let (mut command, port) = launch.command(folder)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&output)?)
            .stderr(log_file)
            .spawn()
            .with_context(|| format!("{:?}", command.get_program()))?;
        Ok(Self {
            child,
            port,
            output,
            log,
        })
    }

    /// Waits until clients may connect, and says where.
    pub(crate) fn wait_until_ready(&mut self) -> anyhow::Result<SocketAddr> {
        let deadline = clock::now() + LIMIT;
        while clock::until(deadline) > Duration::ZERO {
            if let Some(address) = self.address()? {
                return Ok(address);
            }
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let last = log.trim_end().lines().next_back().unwrap_or_default();
                bail!("it ended before it was ready: {status}, the end of its log: {last}");
            }
            thread::sleep(LOOK);
        }
        bail!("it is not ready after {LIMIT:?}")
    }

    fn address(&self) -> anyhow::Result<Option<SocketAddr>> {
        if let Some(port) = self.port {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            return Ok(TcpStream::connect(address).ok().map(|_| address));
        }
        let output = fs::read_to_string(&self.output)?;
        let Some((line, _)) = output.split_once('\n') else {
            return Ok(None);
        };
        let address = line
            .split_once(READY)
            .and_then(|(_, rest)| rest.split(',').next())
            .and_then(|address| address.parse().ok());
        address
            .map(Some)
            .with_context(|| format!("it does not say where it listens: {line}"))
    }

    /// Whether it ended although nobody asked it to.
    pub(crate) fn has_ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits until it has stopped.
    pub(crate) fn stop(mut self) -> anyhow::Result<ExitStatus> {
        let pid = i32::try_from(self.child.id())?;
        let pid = rustix::process::Pid::from_raw(pid).context("a process without a number")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let deadline = clock::now() + LIMIT;
        while clock::until(deadline) > Duration::ZERO {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(LOOK);
        }
        bail!("it has not stopped after {LIMIT:?}")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which has been noticed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
