//! File descriptors: each client takes one, and the usual soft limit of 1024 is soon used up.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files as far as the system lets us, and logs it.
pub(crate) fn raise_limit() {
    let before = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: before.maximum,
            ..before
        },
    ) {
        tracing::warn!(%error, "the limit of open files stays as it was");
    }
    let limit = getrlimit(Resource::Nofile).current;
    match limit {
        Some(descriptors) => tracing::info!(descriptors, "open files are limited"),
        None => tracing::info!("open files are not limited"),
    }
}
