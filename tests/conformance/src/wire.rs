//! The primitives of the wire format, and the walk back over received bytes.

/// Something that can be sent: raw bytes, or a packet under construction.
pub trait Packet {
    /// The bytes as they go over the wire.
    fn to_bytes(&self) -> Vec<u8>;
}

impl Packet for [u8] {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<const N: usize> Packet for [u8; N] {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Packet for Vec<u8> {
    fn to_bytes(&self) -> Vec<u8> {
        self.clone()
    }
}

impl<P: Packet + ?Sized> Packet for &P {
    fn to_bytes(&self) -> Vec<u8> {
        (**self).to_bytes()
    }
}

/// A packet as it was received: its first byte and everything behind the remaining length.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw {
    /// Packet type and flags.
    pub header: u8,
    /// Variable header and payload.
    pub body: Vec<u8>,
}

impl Raw {
    /// The packet type, 1 to 15.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.header >> 4
    }
}

impl Packet for Raw {
    fn to_bytes(&self) -> Vec<u8> {
        packet(self.header, &[&self.body])
    }
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&hex(&self.to_bytes()))
    }
}

/// A packet from its first byte and the parts of its body; the remaining length is computed.
#[must_use]
pub fn packet(header: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut bytes = vec![header];
    bytes.extend(variable_length(body.len()));
    bytes.extend(body);
    bytes
}

/// A variable byte integer in its shortest form.
#[must_use]
pub fn variable_length(mut value: usize) -> Vec<u8> {
    assert!(value <= 268_435_455, "does not fit four bytes");
    let mut bytes = Vec::new();
    loop {
        let low = (value % 128) as u8;
        value /= 128;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Two bytes of length and the bytes; the bytes need not be UTF-8.
#[must_use]
pub fn string(content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let length = u16::try_from(content.len()).expect("a string has at most 65535 bytes");
    [&length.to_be_bytes(), content].concat()
}

/// Received bytes as hex, two digits a byte, with the printable text behind them.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(256)];
    let digits: Vec<String> = shown.iter().map(|byte| format!("{byte:02X}")).collect();
    let text: String = shown
        .iter()
        .map(|&byte| {
            if byte.is_ascii_graphic() {
                byte as char
            } else {
                '.'
            }
        })
        .collect();
    format!("{} |{text}| ({} bytes)", digits.join(" "), bytes.len())
}

/// Takes a received body apart, front to back.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        assert!(
            count <= self.0.len(),
            "the broker's packet ends too early: {}",
            hex(self.0)
        );
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        head
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    /// The next two bytes as a number.
    pub fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// The next length-prefixed bytes.
    pub fn string(&mut self) -> &'a [u8] {
        let length = self.number();
        self.take(usize::from(length))
    }

    /// The next variable byte integer; longer forms than needed are refused.
    pub fn variable_length(&mut self) -> usize {
        let mut value = 0;
        for place in 0..4 {
            let byte = self.byte();
            value += usize::from(byte & 0x7F) << (7 * place);
            if byte < 0x80 {
                assert!(
                    byte != 0 || place == 0,
                    "the broker wrote an over-long integer"
                );
                return value;
            }
        }
        panic!("the broker wrote an integer of more than four bytes");
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.take(self.0.len())
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
