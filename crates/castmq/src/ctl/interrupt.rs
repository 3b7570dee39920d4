//! Ctrl-C: the first ends a command in order, so that nothing is left running on the broker; the second at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::failure::Failure;

/// The exit code when the second signal cuts it short.
const CUT_SHORT: i32 = 130;

/// Whether somebody wants the command to end.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Begins to catch the signals.
    pub(super) fn catch() -> Result<Self, Failure> {
        let is_asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let catch = || -> io::Result<()> {
                // In this order: the first signal finds the flag down, the second up.
                flag::register_conditional_shutdown(signal, CUT_SHORT, Arc::clone(&is_asked))?;
                flag::register(signal, Arc::clone(&is_asked))?;
                Ok(())
            };
            catch().map_err(|error| Failure::Local("signals".to_owned(), error))?;
        }
        Ok(Self(is_asked))
    }

    /// Whether it has come.
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
