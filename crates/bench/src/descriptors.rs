//! File descriptors: each connection takes one, and the usual soft limit of 1024 is soon used up.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Failure;

/// Files of the generator that are no connections.
const OTHERS: u64 = 100;

/// Raises the limit of open files as far as the system lets us.
///
/// # Errors
///
/// [`Failure::Arguments`] when so many connections cannot be.
pub(crate) fn raise_limit(connections: u64) -> Result<(), Failure> {
    let before = getrlimit(Resource::Nofile);
    // What cannot be raised shows below.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: before.maximum,
            ..before
        },
    );
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < connections + OTHERS => Err(Failure::Arguments(format!(
            "{connections} connections need as many open files, and the system allows {limit}: \
             use fewer, or raise the hard limit (ulimit -Hn)"
        ))),
        _ => Ok(()),
    }
}
