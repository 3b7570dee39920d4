//! Frames of a WebSocket, taken apart as they come: the bytes in binary messages are those of the
//! connection, wherever one frame or message ends and the next begins. RFC 6455, section 5.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

/// The longest header: two bytes, eight of length, four of the mask.
const HEADER_BYTES_MAX: usize = 14;
/// The longest header of what we send, which has no mask.
pub(super) const SENT_HEADER_BYTES_MAX: usize = 10;
/// The longest content of a control frame. Section 5.5.
const CONTROL_BYTES_MAX: u64 = 125;

/// The other side does not obey the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) code: CloseCode,
    pub(super) text: &'static str,
}

impl Violation {
    const fn protocol(text: &'static str) -> Self {
        Self {
            code: CloseCode::Protocol,
            text,
        }
    }
}

/// A control frame to be obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// To be answered with the same bytes.
    Ping(Box<[u8]>),
    /// The end, with its reason if there is one.
    Close(Option<CloseCode>),
}

/// Bytes from the socket, which become bytes of the connection in place.
#[derive(Debug)]
pub(super) struct Room<'a> {
    bytes: &'a mut [u8],
    /// How many were looked at.
    taken: usize,
    /// How many of them, at the front now, are of the connection.
    pub(super) kept: usize,
}

impl<'a> Room<'a> {
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Self {
            bytes,
            taken: 0,
            kept: 0,
        }
    }

    fn left(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }
}

/// Where in the frames the other side is.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; HEADER_BYTES_MAX],
    header_bytes: usize,
    content: Content,
    /// Bytes of the frame that have not come yet.
    left: u64,
    /// The mask, turned to the next byte.
    mask: [u8; 4],
    /// A message has begun whose last frame has not come.
    is_fragmented: bool,
    /// The content of a control frame so far.
    control: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Content {
    /// None: a header comes next.
    #[default]
    Header,
    Data,
    Control(Control),
}

impl Frames {
    /// Goes on to the next order, or to the end of the bytes.
    pub(super) fn next(&mut self, room: &mut Room<'_>) -> Result<Option<Order>, Violation> {
        while !room.left().is_empty() || self.is_complete() {
            match self.content {
                Content::Header => self.take_header(room)?,
                Content::Data => self.take_data(room),
                Content::Control(control) => {
                    if let Some(order) = self.take_control(control, room)? {
                        return Ok(Some(order));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether the frame is whole, so that its end needs no more bytes.
    fn is_complete(&self) -> bool {
        self.content != Content::Header && self.left == 0
    }

    fn take_header(&mut self, room: &mut Room<'_>) -> Result<(), Violation> {
        let wanted = self.header_wanted();
        let header = self.header.get_mut(self.header_bytes..wanted);
        let mut count = 0;
        for (place, byte) in header.unwrap_or_default().iter_mut().zip(room.left()) {
            *place = *byte;
            count += 1;
        }
        room.taken += count;
        self.header_bytes += count;
        if self.header_bytes < self.header_wanted() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.header_bytes);
        let header = self.header.get(..bytes).unwrap_or_default();
        let parsed = FrameHeader::parse(&mut Cursor::new(header));
        let Ok(Some((header, left))) = parsed else {
            return Err(Violation::protocol("a frame of a reserved kind"));
        };
        if header.len(left) != bytes || i64::try_from(left).is_err() {
            let text = "a length that is not written in the shortest way";
            return Err(Violation::protocol(text));
        }
        self.begin(&header, left)
    }

    /// How long the header is, as far as is known.
    fn header_wanted(&self) -> usize {
        if self.header_bytes < 2 {
            return 2;
        }
        let [_, second, ..] = self.header;
        let length = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        2 + length + mask
    }

    fn begin(&mut self, header: &FrameHeader, left: u64) -> Result<(), Violation> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Violation::protocol("a frame with reserved bits"));
        }
        self.mask = header
            .mask
            .ok_or(Violation::protocol("a frame without a mask"))?;
        self.left = left;
        self.content = match header.opcode {
            OpCode::Data(data) => {
                self.begin_data(data, header.is_final)?;
                Content::Data
            }
            OpCode::Control(_) if !header.is_final => {
                return Err(Violation::protocol("a control frame in parts"));
            }
            OpCode::Control(_) if left > CONTROL_BYTES_MAX => {
                return Err(Violation::protocol("a control frame that is too long"));
            }
            OpCode::Control(control) => Content::Control(control),
        };
        Ok(())
    }

    fn begin_data(&mut self, data: Data, is_final: bool) -> Result<(), Violation> {
        match data {
            // [MQTT3-6.0.0-1], [MQTT5-6.0.0-1]
            Data::Text => {
                return Err(Violation {
                    code: CloseCode::Unsupported,
                    text: "a text message; MQTT needs binary ones",
                });
            }
            Data::Binary if self.is_fragmented => {
                return Err(Violation::protocol("a message inside of another one"));
            }
            Data::Continue if !self.is_fragmented => {
                return Err(Violation::protocol("the continuation of no message"));
            }
            Data::Binary | Data::Continue | Data::Reserved(_) => {}
        }
        self.is_fragmented = !is_final;
        Ok(())
    }

    /// Moves content to the front. [MQTT3-6.0.0-2], [MQTT5-6.0.0-2]
    fn take_data(&mut self, room: &mut Room<'_>) {
        let count = self.unmask(room);
        let (start, end) = (room.taken, room.taken + count);
        room.bytes.copy_within(start..end, room.kept);
        room.taken = end;
        room.kept += count;
        if self.left == 0 {
            self.content = Content::Header;
        }
    }

    fn take_control(
        &mut self,
        control: Control,
        room: &mut Room<'_>,
    ) -> Result<Option<Order>, Violation> {
        let count = self.unmask(room);
        self.control.extend(room.left().iter().take(count));
        room.taken += count;
        if self.left > 0 {
            return Ok(None);
        }
        self.content = Content::Header;
        let content = std::mem::take(&mut self.control).into_boxed_slice();
        match control {
            Control::Ping => Ok(Some(Order::Ping(content))),
            Control::Close => Ok(Some(Order::Close(reason(&content)?))),
            Control::Pong | Control::Reserved(_) => Ok(None),
        }
    }

    /// Unmasks what has come of the content, where it is; how many bytes that are.
    fn unmask(&mut self, room: &mut Room<'_>) -> usize {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let count = left.min(room.left().len());
        let content = room.bytes.get_mut(room.taken..room.taken + count);
        apply_mask(content.unwrap_or_default(), self.mask);
        self.mask.rotate_left(count % 4);
        self.left -= count as u64;
        count
    }
}

fn apply_mask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (eights, rest) = bytes.as_chunks_mut::<8>();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= mask;
    }
}

/// The reason in a close frame. Section 7.4.
fn reason(content: &[u8]) -> Result<Option<CloseCode>, Violation> {
    let Some((code, text)) = content.split_first_chunk() else {
        return if content.is_empty() {
            Ok(None)
        } else {
            Err(Violation::protocol("half a reason to close"))
        };
    };
    let code = CloseCode::from(u16::from_be_bytes(*code));
    if !code.is_allowed() {
        return Err(Violation::protocol("a reason to close that is none"));
    }
    if std::str::from_utf8(text).is_err() {
        return Err(Violation {
            code: CloseCode::Invalid,
            text: "a reason to close that is no text",
        });
    }
    Ok(Some(code))
}

/// Writes the header of a frame that is a whole message or a control frame; how long it is.
pub(super) fn header(
    opcode: OpCode,
    bytes: usize,
    into: &mut [u8; SENT_HEADER_BYTES_MAX],
) -> usize {
    let header = FrameHeader {
        opcode,
        ..FrameHeader::default()
    };
    let bytes = bytes as u64;
    // It fits: without a mask it is never longer.
    let _ = header.format(bytes, &mut into.as_mut_slice());
    header.len(bytes)
}

/// A whole control frame.
pub(super) fn control(control: Control, content: &[u8]) -> Vec<u8> {
    let mut start = [0; SENT_HEADER_BYTES_MAX];
    let count = header(OpCode::Control(control), content.len(), &mut start);
    let start = start.get(..count).unwrap_or_default();
    [start, content].concat()
}

#[cfg(test)]
mod tests;
