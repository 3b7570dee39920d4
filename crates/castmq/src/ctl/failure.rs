//! Why a command did not do what it was asked, and the exit code that says so.

use std::io;

/// The exit codes, as `castmq ctl --help` lists them.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the broker said no, or has no such thing
  2  wrong usage
  3  no broker answers
  4  not allowed: who asks is not known, or may not do that

The broker is asked at --url, else at CASTMQ_ADMIN_URL, else at http://127.0.0.1:18083.
Who asks: --user with the password in CASTMQ_ADMIN_PASSWORD or asked for; or --token-file, or
CASTMQ_ADMIN_TOKEN. A password is never an argument, which everybody on the machine could read.";

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The broker has no such thing, or will not do it; its own words.
    #[error("{0}")]
    Refused(String),
    /// The answer is no, and stands on the paper already.
    #[error("no")]
    No,
    /// What was asked makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Nobody answers there, or somebody who is no broker.
    #[error("{0}")]
    Unreachable(String),
    /// The broker does not know who asks, or who asks may not.
    #[error("{0}")]
    NotAllowed(String),
    /// Whoever read the output has seen enough.
    #[error("nobody reads on")]
    Closed,
    /// A file, or the terminal.
    #[error("{0}: {1}")]
    Local(String, io::Error),
}

impl Failure {
    /// What the shell is told.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Refused(_) | Self::No | Self::Local(..) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::NotAllowed(_) => 4,
        }
    }
}
