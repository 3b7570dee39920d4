//! Bytes in messages of a WebSocket. Nothing is collected: what comes is unmasked where it was read, and
//! what leaves is announced by a header, so that an idle connection owns no buffer.

mod frames;
mod upgrade;

use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;

use castmq_otp::{Opening, Raw};
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use crate::plan::WebSocketPlan;
use frames::{Frames, Order, Room, SENT_HEADER_BYTES_MAX, Violation};
use upgrade::{HEAD_BYTES_MAX, HEAD_END, Refusal};

/// What is put into one message at most.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// What is read of a request at a time. Bytes behind it are kept until they are wanted, no more than
/// these.
const READ_BYTES: usize = 1024;
/// Reads that bring no bytes of the connection before others have their turn: who sends pings without end
/// does not keep the arbiter.
const READS_PER_TURN: usize = 2;

/// A WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket {
    plan: Arc<WebSocketPlan>,
    stage: Stage,
    /// What was read: of the request until that is whole, then what came behind it.
    held: Vec<u8>,
    frames: Frames,
    /// What we have to say by ourselves, and the socket has not taken.
    own: Vec<u8>,
    /// The last ping without an answer; the others need none. RFC 6455, section 5.5.3.
    ping: Option<Box<[u8]>>,
    /// The header of the message that is on its way, and how much of it has left.
    header: [u8; SENT_HEADER_BYTES_MAX],
    header_left: std::ops::Range<usize>,
    /// Bytes of that message that have not left.
    message_left: usize,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Asked,
    Answering,
    Open,
}

/// No more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The other side has said so.
    Closed,
    Violated(Violation),
}

impl WebSocket {
    pub(crate) fn new(plan: Arc<WebSocketPlan>) -> Self {
        Self {
            plan,
            stage: Stage::Asked,
            held: Vec::new(),
            frames: Frames::default(),
            own: Vec::new(),
            ping: None,
            header: [0; SENT_HEADER_BYTES_MAX],
            header_left: 0..0,
            message_left: 0,
            end: None,
        }
    }

    /// Goes on with the request and its answer.
    pub(crate) fn open<R: Raw>(&mut self, raw: &mut R) -> io::Result<Opening> {
        loop {
            match self.stage {
                Stage::Asked => self.read_request(raw)?,
                Stage::Answering => {
                    self.flush(raw)?;
                    self.own = Vec::new();
                    self.stage = Stage::Open;
                }
                Stage::Open => {
                    // It may come from another poller, and have kept something back there.
                    let _ = self.flush(raw);
                    return Ok(Opening::Open);
                }
            }
        }
    }

    fn read_request<R: Raw>(&mut self, raw: &mut R) -> io::Result<()> {
        let mut read = [0; READ_BYTES];
        let count = raw.read(&mut read)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let looked_at = self.held.len().saturating_sub(HEAD_END.len());
        self.held.extend(read.iter().take(count));
        let unseen = self.held.get(looked_at..).unwrap_or_default();
        let end = unseen.windows(HEAD_END.len()).position(|it| it == HEAD_END);
        let end = end.map(|end| looked_at + end + HEAD_END.len());
        let answer = match (Refusal::of_start(&self.held), end) {
            (Some(refusal), _) => Err(refusal),
            (None, Some(end)) if end <= HEAD_BYTES_MAX => {
                let head = self.held.drain(..end).collect::<Vec<_>>();
                self.held.shrink_to_fit();
                upgrade::accept(&head, &self.plan)
            }
            (None, None) if self.held.len() <= HEAD_BYTES_MAX => return Ok(()),
            (None, _) => Err(Refusal::TOO_LONG),
        };
        match answer {
            Ok(answer) => {
                self.own = answer;
                self.stage = Stage::Answering;
                Ok(())
            }
            Err(refusal) => {
                self.own = refusal.answer();
                let _ = self.flush(raw);
                let text = format!("WebSocket: {refusal}");
                Err(io::Error::new(ErrorKind::InvalidData, text))
            }
        }
    }

    /// Reads bytes of the connection. None are the end.
    pub(crate) fn read<R: Raw>(&mut self, raw: &mut R, into: &mut [u8]) -> io::Result<usize> {
        for _ in 0..READS_PER_TURN {
            match self.end {
                Some(End::Closed) => return Ok(0),
                Some(End::Violated(violation)) => {
                    let text = format!("WebSocket: {}", violation.text);
                    return Err(io::Error::new(ErrorKind::InvalidData, text));
                }
                None => {}
            }
            let count = if self.held.is_empty() {
                raw.read(into)?
            } else {
                self.take_held(into)
            };
            if count == 0 {
                return Ok(0);
            }
            let mut room = Room::new(into.get_mut(..count).unwrap_or_default());
            self.take_frames(&mut room);
            let kept = room.kept;
            let _ = self.flush(raw);
            if kept > 0 {
                return Ok(kept);
            }
        }
        // Others have their turn; the socket is still readable.
        Err(ErrorKind::Interrupted.into())
    }

    /// Whether nothing is held that could be read. An end can be read.
    pub(crate) const fn is_empty(&self) -> bool {
        self.held.is_empty() && self.end.is_none()
    }

    fn take_held(&mut self, into: &mut [u8]) -> usize {
        let count = self.held.len().min(into.len());
        for (place, byte) in into.iter_mut().zip(self.held.drain(..count)) {
            *place = byte;
        }
        if self.held.is_empty() {
            self.held = Vec::new();
        }
        count
    }

    fn take_frames(&mut self, room: &mut Room<'_>) {
        loop {
            match self.frames.next(room) {
                Ok(None) => return,
                Ok(Some(Order::Ping(content))) => self.ping = Some(content),
                Ok(Some(Order::Close(code))) => {
                    self.say_close(code);
                    self.end = Some(End::Closed);
                    return;
                }
                Err(violation) => {
                    self.say_close(Some(violation.code));
                    self.end = Some(End::Violated(violation));
                    return;
                }
            }
        }
    }

    /// Says the end, unless that is in the middle of a message: then the end of the socket has to do.
    fn say_close(&mut self, code: Option<CloseCode>) {
        if self.end.is_none() && !self.is_in_message() {
            let content = code.map(|code| u16::from(code).to_be_bytes());
            let content = content.as_ref().map_or(&[][..], |code| code);
            self.own.extend(frames::control(Control::Close, content));
        }
    }

    const fn is_in_message(&self) -> bool {
        self.header_left.start < self.header_left.end || self.message_left > 0
    }

    /// Writes bytes of the connection, in one message as far as it goes; says how many have left.
    pub(crate) fn write<R: Raw>(&mut self, raw: &mut R, bytes: &[u8]) -> io::Result<usize> {
        let mut left = 0;
        loop {
            let rest = bytes.get(left..).unwrap_or_default();
            if !self.is_in_message() {
                match self.flush(raw) {
                    Err(_) if left > 0 => return Ok(left),
                    flushed => flushed?,
                }
                if rest.is_empty() {
                    return Ok(left);
                }
                if self.end.is_some() {
                    // Nothing comes behind a close frame.
                    return Err(ErrorKind::BrokenPipe.into());
                }
                self.begin_message(rest.len().min(MESSAGE_BYTES_MAX));
            }
            match self.write_message(raw, rest) {
                Err(_) if left > 0 => return Ok(left),
                written => left += written?,
            }
        }
    }

    fn begin_message(&mut self, bytes: usize) {
        let count = frames::header(OpCode::Data(Data::Binary), bytes, &mut self.header);
        self.header_left = 0..count;
        self.message_left = bytes;
    }

    /// Writes once what is left of the header and of the message; how many bytes of the latter.
    fn write_message<R: Raw>(&mut self, raw: &mut R, bytes: &[u8]) -> io::Result<usize> {
        let header = self.header.get(self.header_left.clone());
        let header = header.unwrap_or_default();
        let message = bytes.get(..self.message_left).unwrap_or(bytes);
        let written = if header.is_empty() {
            raw.write(message)?
        } else {
            raw.write_vectored(&[IoSlice::new(header), IoSlice::new(message)])?
        };
        if written == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        let of_header = written.min(header.len());
        self.header_left.start += of_header;
        self.message_left -= written - of_header;
        Ok(written - of_header)
    }

    /// Writes what we have to say by ourselves, unless a message is on its way: it comes behind that.
    pub(crate) fn flush<R: Raw>(&mut self, raw: &mut R) -> io::Result<()> {
        if self.is_in_message() {
            return Ok(());
        }
        loop {
            while !self.own.is_empty() {
                let count = raw.write(&self.own)?;
                if count == 0 {
                    return Err(ErrorKind::WriteZero.into());
                }
                self.own.drain(..count.min(self.own.len()));
            }
            let Some(ping) = self.ping.take() else {
                return Ok(());
            };
            self.own = frames::control(Control::Pong, &ping);
        }
    }

    /// Says farewell as far as the socket takes it.
    pub(crate) fn close<R: Raw>(&mut self, raw: &mut R) {
        if self.stage == Stage::Open {
            self.say_close(Some(CloseCode::Normal));
            self.end.get_or_insert(End::Closed);
        }
        let _ = self.flush(raw);
    }
}
