//! A socket with a layer, as pollers drive it: how far it is, and what its socket said meanwhile.

use std::collections::VecDeque;
use std::io::{self, ErrorKind::WouldBlock, IoSlice, Read, Write};

use castmq_otp::{Chunk, Facts, Layer, Opening, Raw, Readiness, Stream, Token};

/// Costly steps of opening in a round, as signatures of a handshake: up to 1 ms each. Who is connected
/// already waits no longer than for these.
const COSTLY_PER_ROUND: usize = 1;
/// Other steps in a round.
const STEPS_PER_ROUND: usize = 64;

/// A socket while its layer uses it; remembers what it said.
pub(crate) struct Seam<S> {
    stream: S,
    /// It has nothing more to read, as far as is known.
    pub(crate) is_drained: bool,
    /// A read found nothing.
    pub(crate) is_read_blocked: bool,
    /// A write found no room.
    pub(crate) is_write_blocked: bool,
}

impl<S> Seam<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            is_drained: false,
            is_read_blocked: false,
            is_write_blocked: false,
        }
    }

    fn note_write(&mut self, written: &io::Result<usize>) {
        self.is_write_blocked |= matches!(written, Err(error) if error.kind() == WouldBlock);
    }
}

impl<S: Read> Read for Seam<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(into);
        match &read {
            Ok(bytes) => self.is_drained = *bytes < into.len(),
            Err(error) if error.kind() == WouldBlock => {
                self.is_drained = true;
                self.is_read_blocked = true;
            }
            Err(_) => {}
        }
        read
    }
}

impl<S: Write> Write for Seam<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(bytes);
        self.note_write(&written);
        written
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.stream.write_vectored(parts);
        self.note_write(&written);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A layer, and how far it is.
#[derive(Debug)]
pub(crate) struct Passage {
    layer: Box<dyn Layer>,
    phase: Phase,
    is_queued: bool,
    /// A write came before it was open, and is to be told when it can be tried again.
    is_write_awaited: bool,
}

#[derive(Debug)]
enum Phase {
    Opening,
    Open,
    /// With the error, until somebody has read it.
    Failed(Option<io::Error>),
}

/// What a step of opening has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The socket has to become ready first.
    Waits,
    /// It was costly, and can go on at once.
    GoesOn,
    /// Open.
    Opened,
    /// It came to nothing, which may have been costly.
    Failed,
}

impl Passage {
    /// One that may be open already, in another poller: then opening takes a step that does nothing.
    pub(crate) const fn new(layer: Box<dyn Layer>) -> Self {
        Self {
            layer,
            phase: Phase::Opening,
            is_queued: false,
            is_write_awaited: false,
        }
    }

    /// The stream without its layer, and that.
    pub(crate) fn apart(stream: Stream) -> (Stream, Option<Box<Self>>) {
        match stream {
            Stream::Layered(stream, layer) => (*stream, Some(Box::new(Self::new(layer)))),
            Stream::Tcp(_) | Stream::Unix(_) | Stream::Memory(_) => (stream, None),
        }
    }

    pub(crate) fn into_layer(self) -> Box<dyn Layer> {
        self.layer
    }

    pub(crate) const fn is_opening(&self) -> bool {
        matches!(self.phase, Phase::Opening)
    }

    /// Takes a step; open or failed, there is something to read.
    pub(crate) fn open(
        &mut self,
        raw: &mut dyn Raw,
        token: Token,
        ready: &mut Vec<Readiness>,
    ) -> Step {
        let step = self.step(raw);
        if matches!(step, Step::Opened | Step::Failed) {
            ready.push(Readiness::Readable(token));
            if std::mem::take(&mut self.is_write_awaited) {
                ready.push(Readiness::Writable(token));
            }
        }
        step
    }

    fn step(&mut self, raw: &mut dyn Raw) -> Step {
        self.is_queued = false;
        match self.layer.open(raw) {
            Ok(Opening::Open) => {
                self.phase = Phase::Open;
                Step::Opened
            }
            Ok(Opening::More) => Step::GoesOn,
            Err(error) if error.kind() == WouldBlock => Step::Waits,
            Err(error) => {
                self.phase = Phase::Failed(Some(error));
                Step::Failed
            }
        }
    }

    pub(crate) fn read(&mut self, raw: &mut dyn Raw, into: &mut [u8]) -> io::Result<Chunk> {
        self.is_open()?;
        self.layer.read(raw, into)
    }

    pub(crate) fn write(&mut self, raw: &mut dyn Raw, bytes: &[u8]) -> io::Result<usize> {
        self.is_write_awaited |= self.is_opening();
        self.is_open()?;
        self.layer.write(raw, bytes)
    }

    /// The socket takes bytes again: whether everything has left that the layer kept back.
    pub(crate) fn flush(&mut self, raw: &mut dyn Raw) -> io::Result<()> {
        self.layer.flush(raw)
    }

    pub(crate) fn close(&mut self, raw: &mut dyn Raw) {
        self.layer.close(raw);
    }

    pub(crate) fn facts(&self) -> Option<Facts> {
        matches!(self.phase, Phase::Open).then(|| self.layer.facts())
    }

    fn is_open(&mut self) -> io::Result<()> {
        match &mut self.phase {
            Phase::Open => Ok(()),
            Phase::Opening => Err(WouldBlock.into()),
            Phase::Failed(error) => Err(error
                .take()
                .unwrap_or_else(|| io::ErrorKind::NotConnected.into())),
        }
    }
}

/// Those that can go on with opening, each once, in the order in which they could.
#[derive(Debug, Default)]
pub(crate) struct Openings(VecDeque<Token>);

impl Openings {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, token: Token, passage: &mut Passage) {
        if !std::mem::replace(&mut passage.is_queued, true) {
            self.0.push_back(token);
        }
    }

    /// Goes on with a few; the others have to wait for the next round. Those that are gone are none.
    pub(crate) fn round(&mut self, mut open: impl FnMut(Token) -> Option<Step>) {
        let mut costly = 0;
        for _ in 0..STEPS_PER_ROUND {
            if costly == COSTLY_PER_ROUND {
                break;
            }
            let Some(token) = self.0.pop_front() else {
                break;
            };
            match open(token) {
                Some(Step::GoesOn) => {
                    costly += 1;
                    self.0.push_back(token);
                }
                Some(Step::Failed) => costly += 1,
                Some(Step::Waits | Step::Opened) | None => {}
            }
        }
    }
}
