//! A connection as its client sees it.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use bytes::BytesMut;
use castmq_mqtt::Decoder;
use castmq_otp::MemoryStream;

/// Where wills go; the first device watches.
pub(crate) const WILLS: &str = "will/of";

/// How a device connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The session ends with the connection.
    Transient,
    /// A session that exists goes on; it is kept.
    Resume,
    /// A new session; it is kept. 5.0 only.
    Fresh,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Connecting,
    Up,
    /// DISCONNECT is on its way; the broker closes.
    Leaving,
}

/// A connection that nobody looks at any more.
#[derive(Debug)]
pub(crate) struct Stray {
    pub(crate) stream: MemoryStream,
    pub(crate) held: Arc<AtomicU32>,
    /// Its late CONNECT would discard the session of a newer one.
    pub(crate) discards: bool,
}

impl Stray {
    /// Another connection in the name of a device, that wants to resume.
    pub(crate) fn ghost(stream: MemoryStream, held: Arc<AtomicU32>) -> Self {
        Self {
            stream,
            held,
            discards: false,
        }
    }
}

/// A connection as its client sees it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) stream: MemoryStream,
    pub(crate) held: Arc<AtomicU32>,
    pub(crate) input: BytesMut,
    pub(crate) out: BytesMut,
    pub(crate) decoder: Decoder,
    pub(crate) stage: Stage,
    pub(crate) mode: Mode,
    pub(crate) will: Option<usize>,
    pub(crate) says_goodbye: bool,
    /// Others claimed its session while it was there.
    pub(crate) has_rivals: bool,
}
