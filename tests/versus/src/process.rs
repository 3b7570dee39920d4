//! The two processes of a run: a broker that listens, and a generator that ends in time.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::broker::Broker;
use crate::clock;
use crate::machine::Processors;

/// How long a broker may take to listen; valgrind makes it fifty times slower.
const START_MAX: Duration = Duration::from_secs(60);
/// How often is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(10);
/// `/proc/net/tcp` calls a listening socket so.
const LISTENING: &str = "0A";

/// A broker that listens; it ends with this value.
#[derive(Debug)]
pub struct Running {
    process: Child,
    /// Where on the loopback interface.
    pub port: u16,
}

impl Running {
    /// Starts a broker on its processor and waits until it listens. Its configuration and what it
    /// writes go into that folder.
    ///
    /// # Errors
    ///
    /// It does not start, ends at once, or does not listen in time.
    pub fn start(broker: &Broker, processors: &Processors, folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = broker.command(port, folder)?;
        let log = File::create(folder.join(format!("{}.log", broker.name)))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let process = processors
            .start_broker(&mut command)
            .with_context(|| command.get_program().display().to_string())?;
        let mut running = Self { process, port };
        running.wait_until_it_listens()?;
        Ok(running)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Nobody connects for it: some brokers keep memory for each connection that ever was.
    fn wait_until_it_listens(&mut self) -> anyhow::Result<()> {
        let start = clock::now();
        loop {
            if listens(&fs::read_to_string("/proc/net/tcp")?, self.port) {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("it ended before it listened: {status}");
            }
            if start.elapsed() > START_MAX {
                bail!("it does not listen after {START_MAX:?}");
            }
            thread::sleep(LOOK);
        }
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    ///
    /// It cannot be asked.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.process.id())?;
        let pid = rustix::process::Pid::from_raw(pid).context("a process without a number")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has nothing to save, and may have ended by itself, which the generator has noticed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a program to its end and returns what it wrote to its standard output.
///
/// # Errors
///
/// It cannot be started, fails without having written anything, or is not ready in time.
pub fn output(command: &mut Command, folder: &Path, limit: Duration) -> anyhow::Result<String> {
    let (said, complained) = (folder.join("generator.out"), folder.join("generator.err"));
    let mut process = command
        .stdin(Stdio::null())
        .stdout(File::create(&said)?)
        .stderr(File::create(&complained)?)
        .spawn()
        .with_context(|| command.get_program().display().to_string())?;
    let start = clock::now();
    let status = loop {
        if let Some(status) = process.try_wait()? {
            break status;
        }
        if start.elapsed() > limit {
            process.kill()?;
            process.wait()?;
            bail!("not ready after {limit:?}");
        }
        thread::sleep(LOOK);
    };
    let said = fs::read_to_string(said)?;
    // It also fails when the broker did something that it must not, and says what.
    if said.trim().is_empty() {
        let complained = fs::read_to_string(complained)?;
        bail!(
            "{status}: {}",
            complained.lines().last().unwrap_or_default()
        );
    }
    Ok(said)
}

/// A port that nobody uses now.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}

/// Whether `/proc/net/tcp` has a socket that listens on that port of the loopback interface.
fn listens(table: &str, port: u16) -> bool {
    let local = format!("0100007F:{port:04X}");
    table.lines().any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        columns.next() == Some(&local) && columns.nth(1) == Some(LISTENING)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:0050 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000     0
";

    #[test]
    fn a_broker_listens_when_the_kernel_says_so() {
        assert!(listens(TABLE, 1883));
    }

    #[test]
    fn a_connection_from_that_port_is_no_listener() {
        assert!(!listens(TABLE, 80));
    }

    #[test]
    fn a_port_that_nobody_has_is_no_listener() {
        assert!(!listens(TABLE, 1884));
    }
}
