//! The client's part of RFC 6455: the upgrade, and frames that each carry one packet.

use std::io::Cursor;
use std::io::{self, ErrorKind};

use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::clock;
use crate::scan;
use crate::target::Resource;

/// An answer to the upgrade that is longer is none.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// What a control frame may carry.
const CONTROL_BYTES_MAX: u64 = 125;
/// 1000: the work is done.
const NORMAL_CLOSURE: [u8; 2] = [0x03, 0xE8];

/// One connection. It holds what a read has cut only if that is no part of a message.
#[derive(Debug)]
pub(crate) struct WebSocket {
    state: State,
    cut: Vec<u8>,
    /// Changes with every frame; others cannot guess it where the broker reads it at once.
    mask: u64,
}

#[derive(Debug)]
enum State {
    /// The answer to the upgrade is to come, and to say this.
    Upgrading { accept: String },
    /// So much of the data frame whose header was read is to come.
    Open { left: u64 },
    /// The broker has closed it.
    Closed,
}

impl WebSocket {
    /// Asks for the upgrade.
    pub(crate) fn new(resource: &Resource, outgoing: &mut Vec<u8>) -> Self {
        let key = generate_key();
        let Resource { host, path } = resource;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\
             Sec-WebSocket-Protocol: mqtt\r\n\r\n"
        );
        outgoing.extend(request.as_bytes());
        Self {
            state: State::Upgrading {
                accept: derive_accept_key(key.as_bytes()),
            },
            cut: Vec::new(),
            mask: clock::now() | 1,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Puts each packet into a frame of its own, as clients do that write them one by one.
    pub(crate) fn frame(&mut self, packets: &[u8], outgoing: &mut Vec<u8>) {
        let mut rest = packets;
        while !rest.is_empty() {
            let length = scan::packet_bytes(rest).unwrap_or(rest.len());
            let (packet, behind) = rest.split_at(length.min(rest.len()));
            self.put(OpCode::Data(Data::Binary), packet, outgoing);
            rest = behind;
        }
    }

    /// Moves what carries MQTT to the beginning of `bytes`; how much that is. What has to be
    /// answered is answered.
    ///
    /// # Errors
    ///
    /// The broker refuses the upgrade, or breaks RFC 6455.
    pub(crate) fn unframe(
        &mut self,
        bytes: &mut [u8],
        outgoing: &mut Vec<u8>,
    ) -> io::Result<usize> {
        if self.cut.is_empty() && self.is_open() {
            return self.take(bytes, outgoing);
        }
        let mut joined = std::mem::take(&mut self.cut);
        joined.extend_from_slice(bytes);
        if let State::Upgrading { accept } = &self.state {
            let Some(end) = end_of_answer(&joined)? else {
                self.cut = joined;
                return Ok(0);
            };
            check_answer(joined.get(..end).unwrap_or(&[]), accept)?;
            self.state = State::Open { left: 0 };
            joined.drain(..end);
        }
        let end = self.take(&mut joined, outgoing)?;
        // No part of a message had been cut: all of it is among the new bytes.
        for (place, byte) in bytes.iter_mut().zip(joined.iter().take(end)) {
            *place = *byte;
        }
        Ok(end)
    }

    /// Says that no more will come.
    pub(crate) fn close(&mut self, outgoing: &mut Vec<u8>) {
        if self.is_open() {
            self.put(OpCode::Control(Control::Close), &NORMAL_CLOSURE, outgoing);
        }
    }

    fn take(&mut self, bytes: &mut [u8], outgoing: &mut Vec<u8>) -> io::Result<usize> {
        let (mut at, mut end) = (0, 0);
        while let State::Open { left } = &mut self.state
            && at < bytes.len()
        {
            if *left > 0 {
                let rest = bytes.len() - at;
                let part = usize::try_from(*left).unwrap_or(rest).min(rest);
                bytes.copy_within(at..at + part, end);
                (at, end) = (at + part, end + part);
                *left -= part as u64;
                continue;
            }
            let rest = bytes.get(at..).unwrap_or(&[]);
            let Some(header) = Header::read(rest)? else {
                self.cut.extend_from_slice(rest);
                break;
            };
            if let OpCode::Control(control) = header.code {
                let length = usize::try_from(header.length).unwrap_or(0);
                let Some(payload) = rest.get(header.bytes..header.bytes + length) else {
                    self.cut.extend_from_slice(rest);
                    break;
                };
                self.answer(control, payload, outgoing);
                at += header.bytes + length;
            } else {
                *left = header.length;
                at += header.bytes;
            }
        }
        Ok(end)
    }

    fn answer(&mut self, control: Control, payload: &[u8], outgoing: &mut Vec<u8>) {
        match control {
            Control::Ping => self.put(OpCode::Control(Control::Pong), payload, outgoing),
            Control::Close => {
                self.close(outgoing);
                self.state = State::Closed;
            }
            Control::Pong | Control::Reserved(_) => {}
        }
    }

    fn put(&mut self, opcode: OpCode, payload: &[u8], outgoing: &mut Vec<u8>) {
        let mask = self.next_mask();
        let header = FrameHeader {
            opcode,
            mask: Some(mask),
            ..FrameHeader::default()
        };
        // A vector takes everything.
        let _ = header.format(payload.len() as u64, outgoing);
        let begin = outgoing.len();
        outgoing.extend_from_slice(payload);
        apply(mask, outgoing.get_mut(begin..).unwrap_or_default());
    }

    /// Marsaglia's xorshift: cheap, and different each time.
    fn next_mask(&mut self) -> [u8; 4] {
        self.mask ^= self.mask << 13;
        self.mask ^= self.mask >> 7;
        self.mask ^= self.mask << 17;
        let [mask @ .., _, _, _, _] = self.mask.to_be_bytes();
        mask
    }
}

/// The header of a frame, as far as it matters.
#[derive(Debug)]
struct Header {
    code: OpCode,
    /// Its own length.
    bytes: usize,
    /// The length of what it announces.
    length: u64,
}

impl Header {
    /// Reads it; `None` while it is not all there.
    fn read(bytes: &[u8]) -> io::Result<Option<Self>> {
        let mut cursor = Cursor::new(bytes);
        let read = FrameHeader::parse(&mut cursor).map_err(|error| broken(error.to_string()))?;
        let Some((header, length)) = read else {
            return Ok(None);
        };
        let has_extension = header.rsv1 || header.rsv2 || header.rsv3;
        if has_extension || header.mask.is_some() {
            return Err(broken("a frame that servers must not send"));
        }
        match header.opcode {
            OpCode::Data(Data::Text) => return Err(broken("a text frame")),
            OpCode::Control(_) if length > CONTROL_BYTES_MAX || !header.is_final => {
                return Err(broken("a long control frame"));
            }
            OpCode::Data(_) | OpCode::Control(_) => {}
        }
        Ok(Some(Self {
            code: header.opcode,
            bytes: usize::try_from(cursor.position()).unwrap_or(bytes.len()),
            length,
        }))
    }
}

/// Where the answer to the upgrade ends; `None` while it is not all there.
fn end_of_answer(bytes: &[u8]) -> io::Result<Option<usize>> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    if end.is_none() && bytes.len() > ANSWER_BYTES_MAX {
        return Err(broken("an endless answer to the upgrade"));
    }
    Ok(end.map(|end| end + 4))
}

fn check_answer(answer: &[u8], accept: &str) -> io::Result<()> {
    let answer = String::from_utf8_lossy(answer);
    let mut lines = answer.lines();
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("101") {
        return Err(broken(format!("no upgrade to WebSocket: {status}")));
    }
    let value = |name: &str| {
        let headers = lines.clone().filter_map(|line| line.split_once(':'));
        let mut values = headers.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.trim().to_owned())
    };
    if value("Sec-WebSocket-Accept").as_deref() != Some(accept) {
        return Err(broken("an upgrade to WebSocket that nobody asked for"));
    }
    if value("Sec-WebSocket-Protocol").as_deref() != Some("mqtt") {
        return Err(broken("a WebSocket that is not for MQTT"));
    }
    Ok(())
}

fn apply(mask: [u8; 4], payload: &mut [u8]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (eights, rest) = payload.as_chunks_mut::<8>();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

fn broken(what: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.into())
}

#[cfg(test)]
mod tests;
