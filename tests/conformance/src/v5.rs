//! Packets of MQTT 5.0, for sending, and what a broker's answers say.

use crate::connect::Connect;
use crate::publish::Publish;
use crate::wire::{Raw, Reader, packet, string, variable_length};

/// A CONNECT of 5.0 with a clean start and no keep alive.
#[must_use]
pub fn connect(client_id: impl AsRef<[u8]>) -> Connect {
    let mut connect = crate::v3::connect(client_id).level(5);
    connect.properties = Some(Vec::new());
    connect
}

/// PUBLISH of QoS 0.
#[must_use]
pub fn publish(topic: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> Publish {
    let mut publish = Publish::new(topic.as_ref(), payload.as_ref());
    publish.properties = Some(Vec::new());
    publish
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP in the short form: success, no properties.
#[must_use]
pub fn ack(header: u8, id: u16) -> Vec<u8> {
    packet(header, &[&id.to_be_bytes()])
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP with a reason code and properties.
#[must_use]
pub fn ack_with(header: u8, id: u16, code: u8, properties: &[&[u8]]) -> Vec<u8> {
    packet(
        header,
        &[&id.to_be_bytes(), &[code], &property_block(properties)],
    )
}

/// PUBACK of success.
#[must_use]
pub fn puback(id: u16) -> Vec<u8> {
    ack(0x40, id)
}

/// PUBREC of success.
#[must_use]
pub fn pubrec(id: u16) -> Vec<u8> {
    ack(0x50, id)
}

/// PUBREL of success.
#[must_use]
pub fn pubrel(id: u16) -> Vec<u8> {
    ack(0x62, id)
}

/// PUBCOMP of success.
#[must_use]
pub fn pubcomp(id: u16) -> Vec<u8> {
    ack(0x70, id)
}

/// SUBSCRIBE without properties; the byte behind each filter is its options byte.
#[must_use]
pub fn subscribe(id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    subscribe_with(id, &[], filters)
}

/// SUBSCRIBE with properties.
#[must_use]
pub fn subscribe_with(id: u16, properties: &[&[u8]], filters: &[(&str, u8)]) -> Vec<u8> {
    let filters: Vec<u8> = filters
        .iter()
        .flat_map(|(filter, options)| [string(filter), vec![*options]].concat())
        .collect();
    packet(
        0x82,
        &[&id.to_be_bytes(), &property_block(properties), &filters],
    )
}

/// UNSUBSCRIBE without properties.
#[must_use]
pub fn unsubscribe(id: u16, filters: &[&str]) -> Vec<u8> {
    let filters: Vec<u8> = filters.iter().flat_map(string).collect();
    packet(0xA2, &[&id.to_be_bytes(), &[0], &filters])
}

/// PINGREQ.
#[must_use]
pub fn pingreq() -> Vec<u8> {
    vec![0xC0, 0]
}

/// PINGRESP.
#[must_use]
pub fn pingresp() -> Vec<u8> {
    vec![0xD0, 0]
}

/// DISCONNECT in the short form: normal disconnection.
#[must_use]
pub fn disconnect() -> Vec<u8> {
    vec![0xE0, 0]
}

/// DISCONNECT with a reason code and properties.
#[must_use]
pub fn disconnect_with(code: u8, properties: &[&[u8]]) -> Vec<u8> {
    packet(0xE0, &[&[code], &property_block(properties)])
}

/// AUTH with a reason code and properties.
#[must_use]
pub fn auth(code: u8, properties: &[&[u8]]) -> Vec<u8> {
    packet(0xF0, &[&[code], &property_block(properties)])
}

/// Property length and properties, as they stand in a packet.
#[must_use]
pub fn property_block(properties: &[&[u8]]) -> Vec<u8> {
    let bytes = properties.concat();
    [variable_length(bytes.len()), bytes].concat()
}

/// The properties, each as its identifier and value.
pub mod property {
    use crate::wire::{string, variable_length};

    /// A property whose value is one byte.
    #[must_use]
    pub fn byte(identifier: u8, value: u8) -> Vec<u8> {
        vec![identifier, value]
    }

    /// A property whose value is a two byte number.
    #[must_use]
    pub fn two_bytes(identifier: u8, value: u16) -> Vec<u8> {
        [&[identifier][..], &value.to_be_bytes()].concat()
    }

    /// A property whose value is a four byte number.
    #[must_use]
    pub fn four_bytes(identifier: u8, value: u32) -> Vec<u8> {
        [&[identifier][..], &value.to_be_bytes()].concat()
    }

    /// A property whose value is a string or binary data.
    #[must_use]
    pub fn text(identifier: u8, value: impl AsRef<[u8]>) -> Vec<u8> {
        [vec![identifier], string(value)].concat()
    }

    /// Subscription Identifier.
    #[must_use]
    pub fn subscription_identifier(value: usize) -> Vec<u8> {
        [vec![0x0B], variable_length(value)].concat()
    }

    /// User Property.
    #[must_use]
    pub fn user(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
        [vec![0x26], string(name), string(value)].concat()
    }

    /// Session Expiry Interval.
    #[must_use]
    pub fn session_expiry(seconds: u32) -> Vec<u8> {
        four_bytes(0x11, seconds)
    }

    /// Message Expiry Interval.
    #[must_use]
    pub fn message_expiry(seconds: u32) -> Vec<u8> {
        four_bytes(0x02, seconds)
    }

    /// Will Delay Interval.
    #[must_use]
    pub fn will_delay(seconds: u32) -> Vec<u8> {
        four_bytes(0x18, seconds)
    }

    /// Receive Maximum.
    #[must_use]
    pub fn receive_maximum(count: u16) -> Vec<u8> {
        two_bytes(0x21, count)
    }

    /// Maximum Packet Size.
    #[must_use]
    pub fn maximum_packet_size(bytes: u32) -> Vec<u8> {
        four_bytes(0x27, bytes)
    }

    /// Topic Alias Maximum.
    #[must_use]
    pub fn topic_alias_maximum(count: u16) -> Vec<u8> {
        two_bytes(0x22, count)
    }

    /// Payload Format Indicator: 1 says that the payload is UTF-8.
    #[must_use]
    pub fn payload_format(format: u8) -> Vec<u8> {
        byte(0x01, format)
    }

    /// Content Type.
    #[must_use]
    pub fn content_type(name: impl AsRef<[u8]>) -> Vec<u8> {
        text(0x03, name)
    }

    /// Response Topic.
    #[must_use]
    pub fn response_topic(topic: impl AsRef<[u8]>) -> Vec<u8> {
        text(0x08, topic)
    }

    /// Correlation Data.
    #[must_use]
    pub fn correlation_data(data: impl AsRef<[u8]>) -> Vec<u8> {
        text(0x09, data)
    }

    /// Authentication Method.
    #[must_use]
    pub fn authentication_method(name: impl AsRef<[u8]>) -> Vec<u8> {
        text(0x15, name)
    }

    /// Request Problem Information.
    #[must_use]
    pub fn request_problem_information(request: u8) -> Vec<u8> {
        byte(0x17, request)
    }

    /// Request Response Information.
    #[must_use]
    pub fn request_response_information(request: u8) -> Vec<u8> {
        byte(0x19, request)
    }

    /// Reason String.
    #[must_use]
    pub fn reason_string(reason: impl AsRef<[u8]>) -> Vec<u8> {
        text(0x1F, reason)
    }

    /// Topic Alias.
    #[must_use]
    pub fn topic_alias(alias: u16) -> Vec<u8> {
        two_bytes(0x23, alias)
    }
}

/// Reads a property length and the properties, each as identifier and value.
pub(crate) fn read_properties(reader: &mut Reader<'_>) -> Vec<Vec<u8>> {
    let length = reader.variable_length();
    let mut rest = Reader::new(reader.take(length));
    let mut properties = Vec::new();
    while !rest.is_empty() {
        properties.push(read_property(&mut rest));
    }
    properties
}

fn read_property(reader: &mut Reader<'_>) -> Vec<u8> {
    let identifier = reader.byte();
    let value = match identifier {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2A => reader.take(1).to_vec(),
        0x13 | 0x21 | 0x22 | 0x23 => reader.take(2).to_vec(),
        0x02 | 0x11 | 0x18 | 0x27 => reader.take(4).to_vec(),
        0x0B => variable_length(reader.variable_length()),
        0x26 => [string(reader.string()), string(reader.string())].concat(),
        0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1A | 0x1C | 0x1F => string(reader.string()),
        unknown => panic!("the broker wrote the unknown property {unknown:#04X}"),
    };
    [vec![identifier], value].concat()
}

/// An answer of the broker that has a reason code: CONNACK, PUBACK to PUBCOMP, SUBACK, UNSUBACK,
/// DISCONNECT or AUTH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// First byte of the packet.
    pub header: u8,
    /// CONNACK: the acknowledge flags. DISCONNECT, AUTH: 0. Otherwise the packet id.
    pub id: u16,
    /// The reason code; SUBACK and UNSUBACK have one per filter, all others exactly one.
    pub codes: Vec<u8>,
    /// Each property as identifier and value.
    pub properties: Vec<Vec<u8>>,
}

impl Answer {
    /// Reads an answer that a broker wrote.
    #[must_use]
    pub fn parse(raw: &Raw) -> Self {
        let mut reader = Reader::new(&raw.body);
        let (id, codes, properties) = match raw.kind() {
            2 => (
                u16::from(reader.byte()),
                vec![reader.byte()],
                read_properties(&mut reader),
            ),
            4..=7 => {
                let id = reader.number();
                let (code, properties) = read_reason(&mut reader);
                (id, vec![code], properties)
            }
            9 | 11 => {
                let id = reader.number();
                let properties = read_properties(&mut reader);
                (id, reader.rest().to_vec(), properties)
            }
            14 | 15 => {
                let (code, properties) = read_reason(&mut reader);
                (0, vec![code], properties)
            }
            _ => panic!("an answer is expected, came: {raw:?}"),
        };
        assert!(reader.is_empty(), "bytes behind the end of {raw:?}");
        Self {
            header: raw.header,
            id,
            codes,
            properties,
        }
    }

    /// The only reason code.
    #[must_use]
    pub fn code(&self) -> u8 {
        assert_eq!(self.codes.len(), 1, "one reason code is expected: {self:?}");
        self.codes[0]
    }

    /// The value bytes of a property that may occur once; `None` when it is absent.
    #[must_use]
    pub fn property(&self, identifier: u8) -> Option<&[u8]> {
        let mut found = self
            .properties
            .iter()
            .filter(|property| property[0] == identifier);
        let first = found.next();
        assert!(
            found.next().is_none(),
            "property {identifier:#04X} occurs twice: {self:?}"
        );
        first.map(|property| &property[1..])
    }
}

/// Reason code and properties may both be left out when they say nothing.
fn read_reason(reader: &mut Reader<'_>) -> (u8, Vec<Vec<u8>>) {
    if reader.is_empty() {
        return (0, Vec::new());
    }
    let code = reader.byte();
    let properties = if reader.is_empty() {
        Vec::new()
    } else {
        read_properties(reader)
    };
    (code, properties)
}
