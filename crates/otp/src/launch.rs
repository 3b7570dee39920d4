//! Starts the arbiters: a thread with an actix runtime each, under one actix system.

use std::fmt;
use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix::{Actor, System};
use actix_rt::{Arbiter, SystemRunner};

use crate::{Dispatcher, World};

/// Why the arbiters could not be started.
#[derive(Debug)]
pub enum LaunchError {
    /// The operating system gave no thread.
    Thread(io::Error),
    /// An arbiter ended before it ran.
    Arbiter,
}

impl fmt::Display for LaunchError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thread(error) => write!(formatter, "no thread for the arbiters: {error}"),
            Self::Arbiter => formatter.write_str("an arbiter ended before it ran"),
        }
    }
}

impl std::error::Error for LaunchError {}

/// Arbiters that run.
#[derive(Debug)]
pub struct Arbiters {
    system: System,
    thread: Option<JoinHandle<()>>,
}

impl Arbiters {
    /// Stops all arbiters and waits for their threads. What waits in lanes is lost: stop the broker
    /// first.
    pub fn stop(&mut self) {
        self.system.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the system's thread was told when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Arbiters {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop();
        }
    }
}

/// Starts one arbiter for each builder; a builder makes the arbiter's dispatcher on its thread.
///
/// # Errors
///
/// [`LaunchError`] when a thread could not be started.
pub fn launch<W, F>(builders: Vec<F>) -> Result<Arbiters, LaunchError>
where
    W: World,
    F: FnOnce() -> Dispatcher<W> + Send + 'static,
{
    let count = builders.len();
    let (started, wait) = mpsc::sync_channel(count);
    let (systems, system) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("castmq".to_owned())
        .spawn(move || {
            let runner: SystemRunner = System::new();
            let _ = systems.send(System::current());
            // Kept until the system stops: an arbiter does not outlive its handle's owner by design.
            let _arbiters: Vec<Arbiter> = builders
                .into_iter()
                .map(|builder| {
                    let arbiter = new_arbiter();
                    let started = started.clone();
                    arbiter.spawn_fn(move || {
                        builder().start();
                        let _ = started.send(());
                    });
                    arbiter
                })
                .collect();
            // The system's own thread only waits; errors of the run loop have no other reader.
            let _ = runner.run();
            for arbiter in &_arbiters {
                arbiter.stop();
            }
            for arbiter in _arbiters {
                let _ = arbiter.join();
            }
        })
        .map_err(LaunchError::Thread)?;
    let system = system.recv().map_err(|_| LaunchError::Arbiter)?;
    for _ in 0..count {
        wait.recv().map_err(|_| LaunchError::Arbiter)?;
    }
    Ok(Arbiters {
        system,
        thread: Some(thread),
    })
}

#[expect(clippy::disallowed_methods, reason = "otp is where arbiters are made")]
fn new_arbiter() -> Arbiter {
    Arbiter::new()
}
