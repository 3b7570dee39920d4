//! The bytes of MQTT 3.1.1 and 5.0 that a client writes.
//!
//! Written apart from the broker's own codec on purpose: an error that both shared would go unseen.

/// Bytes of a payload that tell who sent what, and when it was due.
pub(crate) const HEAD_BYTES: usize = 16;
/// Digits of the number at the end of a numbered topic.
pub(crate) const TOPIC_DIGITS: usize = 8;
/// How long a client may be silent.
const KEEP_ALIVE_SECONDS: u16 = 3 * 3600;

/// PINGREQ.
pub(crate) const PINGREQ: &[u8] = &[0xC0, 0];
/// DISCONNECT without a reason, in both versions.
pub(crate) const DISCONNECT: &[u8] = &[0xE0, 0];

/// The version of the protocol that all connections of a run speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V50,
}

/// The four packets that move an exchange on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    /// PUBACK: QoS 1 is done.
    Acknowledged = 0x40,
    /// PUBREC: QoS 2 is under way.
    Received = 0x50,
    /// PUBREL: the first half of QoS 2 is done.
    Release = 0x62,
    /// PUBCOMP: QoS 2 is done.
    Complete = 0x70,
}

impl Step {
    /// Its four bytes.
    pub(crate) fn bytes(self, id: u16) -> [u8; 4] {
        let [high, low] = id.to_be_bytes();
        [self as u8, 2, high, low]
    }
}

/// Whether the broker shall keep the session when the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// It begins anew and ends with the connection.
    Clean,
    /// It is resumed, and stays for an hour.
    Kept,
}

/// CONNECT.
pub(crate) fn connect(version: Version, client_id: &str, session: Session) -> Vec<u8> {
    let mut body = Vec::with_capacity(client_id.len() + 24);
    text(&mut body, "MQTT");
    let is_clean = session == Session::Clean;
    body.push(if version == Version::V50 { 5 } else { 4 });
    body.push(if is_clean { 0x02 } else { 0 });
    // Longer than any run, so that a subscriber to QoS 0 need not say something; but not none, which
    // rumqttd refuses.
    body.extend(KEEP_ALIVE_SECONDS.to_be_bytes());
    if version == Version::V50 {
        let expiry_seconds: u32 = if is_clean { 0 } else { 3600 };
        body.extend([5, 0x11]);
        body.extend(expiry_seconds.to_be_bytes());
    }
    // Names of runs have slashes, which rumqttd refuses here.
    text(&mut body, &client_id.replace('/', "-"));
    packet(0x10, &body)
}

/// SUBSCRIBE to one filter.
pub(crate) fn subscribe(version: Version, id: u16, filter: &str, qos: u8) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    no_properties(&mut body, version);
    text(&mut body, filter);
    body.push(qos);
    packet(0x82, &body)
}

/// What all messages of a publisher have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) version: Version,
    pub(crate) qos: u8,
    /// Whether the broker shall keep the message for later subscribers.
    pub(crate) is_retained: bool,
    /// At least [`HEAD_BYTES`], or 0 for a message that deletes a retained one.
    pub(crate) payload_bytes: usize,
}

/// What tells one message from another; the beginning of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) publisher: u32,
    /// Counts a publisher's messages from 0.
    pub(crate) sequence: u32,
    /// When the message was to be sent.
    pub(crate) due: u64,
}

impl Head {
    /// Reads the beginning of a payload; `None` when it is too short.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (publisher, rest) = payload.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (due, _) = rest.split_first_chunk()?;
        Some(Self {
            publisher: u32::from_be_bytes(*publisher),
            sequence: u32::from_be_bytes(*sequence),
            due: u64::from_be_bytes(*due),
        })
    }

    fn bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        let (publisher, rest) = bytes.split_at_mut(4);
        let (sequence, due) = rest.split_at_mut(4);
        publisher.copy_from_slice(&self.publisher.to_be_bytes());
        sequence.copy_from_slice(&self.sequence.to_be_bytes());
        due.copy_from_slice(&self.due.to_be_bytes());
        bytes
    }
}

/// A PUBLISH that is encoded once; each message changes a few bytes in place.
#[derive(Clone, Debug)]
pub(crate) struct PublishFrame {
    bytes: Vec<u8>,
    topic_end: usize,
    /// `None` for QoS 0.
    id_at: Option<usize>,
    payload_at: usize,
}

impl PublishFrame {
    pub(crate) fn new(message: &Message, topic: &str) -> Self {
        let mut body = Vec::with_capacity(topic.len() + message.payload_bytes + 8);
        text(&mut body, topic);
        let topic_end = body.len();
        let id_at = (message.qos > 0).then_some(topic_end);
        if id_at.is_some() {
            body.extend([0, 0]);
        }
        no_properties(&mut body, message.version);
        let payload_at = body.len();
        // Letters, so that nobody can shorten or compress a payload to nothing unnoticed.
        body.extend((b'a'..=b'z').cycle().take(message.payload_bytes));
        let flags = message.qos << 1 | u8::from(message.is_retained);
        let bytes = packet(0x30 | flags, &body);
        let header = bytes.len() - body.len();
        Self {
            bytes,
            topic_end: header + topic_end,
            id_at: id_at.map(|at| header + at),
            payload_at: header + payload_at,
        }
    }

    /// Writes the number that a numbered topic ends with.
    pub(crate) fn number_topic(&mut self, number: u32) {
        let start = self.topic_end.saturating_sub(TOPIC_DIGITS);
        let digits = self.bytes.get_mut(start..self.topic_end);
        let mut rest = number;
        for digit in digits.unwrap_or_default().iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
    }

    /// The frame of the message with this packet id and head.
    pub(crate) fn message(&mut self, id: u16, head: Head) -> &[u8] {
        let place = self.id_at.and_then(|at| self.bytes.get_mut(at..at + 2));
        if let Some(place) = place {
            place.copy_from_slice(&id.to_be_bytes());
        }
        let place = self
            .bytes
            .get_mut(self.payload_at..self.payload_at + HEAD_BYTES);
        if let Some(place) = place {
            place.copy_from_slice(&head.bytes());
        }
        &self.bytes
    }
}

/// A topic that ends with this number in [`TOPIC_DIGITS`] digits.
pub(crate) fn numbered(topic: &str, number: u32) -> String {
    format!("{topic}/{number:08}")
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 5);
    bytes.push(first);
    let mut rest = body.len();
    loop {
        let seven = u8::try_from(rest & 0x7F).unwrap_or(0);
        rest >>= 7;
        if rest == 0 {
            bytes.push(seven);
            break;
        }
        bytes.push(seven | 0x80);
    }
    bytes.extend(body);
    bytes
}

fn text(body: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    body.extend(length.to_be_bytes());
    body.extend(text.as_bytes());
}

fn no_properties(body: &mut Vec<u8>, version: Version) {
    if version == Version::V50 {
        body.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(version: Version, qos: u8) -> Message {
        Message {
            version,
            qos,
            is_retained: false,
            payload_bytes: HEAD_BYTES,
        }
    }

    #[test]
    fn a_connect_is_what_the_specification_shows() {
        let bytes = connect(Version::V311, "a", Session::Clean);
        let expected = [
            0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 42, 48, 0, 1, b'a',
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_kept_session_of_5_0_says_for_how_long() {
        let bytes = connect(Version::V50, "a", Session::Kept);
        assert_eq!(bytes[8..18], [5, 0, 42, 48, 5, 0x11, 0, 0, 14, 16]);
    }

    #[test]
    fn a_message_differs_from_the_next_in_id_and_head() {
        let mut frame = PublishFrame::new(&message(Version::V311, 1), "t");
        let head = Head {
            publisher: 1,
            sequence: 2,
            due: 3,
        };
        let bytes = frame.message(0x0405, head).to_vec();
        assert_eq!(bytes[..7], [0x32, 21, 0, 1, b't', 4, 5]);
        assert_eq!(Head::read(&bytes[7..]), Some(head));
    }

    #[test]
    fn a_message_of_5_0_has_no_properties() {
        let mut frame = PublishFrame::new(&message(Version::V50, 0), "t");
        let head = Head {
            publisher: 0x0102_0304,
            sequence: 0,
            due: 0,
        };
        let bytes = frame.message(0, head);
        assert_eq!(bytes[..10], [0x30, 20, 0, 1, b't', 0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_numbered_topic_takes_any_number() {
        let mut frame = PublishFrame::new(&message(Version::V311, 0), &numbered("t", 0));
        frame.number_topic(1_234_567);
        let bytes = frame.bytes;
        assert_eq!(&bytes[4..14], b"t/01234567");
    }
}
