//! The PUBLISH packet, to send and to compare with what came.

use crate::v5;
use crate::wire::{Packet, Raw, Reader, packet, string, variable_length};

/// A PUBLISH, built by [`v3::publish`](crate::v3::publish) or [`v5::publish`]
/// or read from a broker.
#[derive(Clone, PartialEq, Eq)]
pub struct Publish {
    /// The DUP bit.
    pub dup: bool,
    /// The QoS bits.
    pub qos: u8,
    /// The RETAIN bit.
    pub retain: bool,
    /// The topic name, not necessarily UTF-8.
    pub topic: Vec<u8>,
    /// The packet id; a PUBLISH of QoS 1 or 2 without one is not sent but only compared.
    pub id: Option<u16>,
    /// Version 5: each property as identifier and value. Version 3: none.
    pub properties: Option<Vec<Vec<u8>>>,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Publish {
    pub(crate) fn new(topic: &[u8], payload: &[u8]) -> Self {
        Self {
            dup: false,
            qos: 0,
            retain: false,
            topic: topic.to_vec(),
            id: None,
            properties: None,
            payload: payload.to_vec(),
        }
    }

    /// Sets the QoS.
    #[must_use]
    pub fn qos(mut self, qos: u8) -> Self {
        self.qos = qos;
        self
    }

    /// Sets the packet id.
    #[must_use]
    pub fn id(mut self, id: u16) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets RETAIN.
    #[must_use]
    pub fn retain(mut self) -> Self {
        self.retain = true;
        self
    }

    /// Sets DUP.
    #[must_use]
    pub fn dup(mut self) -> Self {
        self.dup = true;
        self
    }

    /// Appends a property (version 5 only).
    #[must_use]
    pub fn property(mut self, property: impl AsRef<[u8]>) -> Self {
        self.properties
            .get_or_insert_default()
            .push(property.as_ref().to_vec());
        self
    }

    /// Reads a PUBLISH that a broker wrote.
    pub fn parse(raw: &Raw, has_properties: bool) -> Self {
        assert_eq!(raw.kind(), 3, "a PUBLISH is expected, came: {raw:?}");
        let qos = (raw.header >> 1) & 3;
        let mut reader = Reader::new(&raw.body);
        Self {
            dup: raw.header & 0x08 != 0,
            qos,
            retain: raw.header & 0x01 != 0,
            topic: reader.string().to_vec(),
            id: (qos > 0).then(|| reader.number()),
            properties: has_properties.then(|| v5::read_properties(&mut reader)),
            payload: reader.rest().to_vec(),
        }
    }

    /// The same packet with any packet id; brokers choose their ids freely.
    pub(crate) fn without_id(&self) -> Self {
        let mut properties = self.properties.clone();
        // Only the order among equal identifiers carries meaning.
        if let Some(list) = &mut properties {
            list.sort_by_key(|property| property[0]);
        }
        Self {
            id: None,
            properties,
            ..self.clone()
        }
    }
}

impl Packet for Publish {
    fn to_bytes(&self) -> Vec<u8> {
        let header = 0x30
            | if self.dup { 0x08 } else { 0 }
            | self.qos << 1
            | if self.retain { 0x01 } else { 0 };
        let id = self.id.map(u16::to_be_bytes);
        let properties = self.properties.as_ref().map_or_else(Vec::new, |list| {
            let bytes = list.concat();
            [variable_length(bytes.len()), bytes].concat()
        });
        let id = id.as_ref().map_or(&[][..], |bytes| &bytes[..]);
        packet(
            header,
            &[&string(&self.topic), id, &properties, &self.payload],
        )
    }
}

impl std::fmt::Debug for Publish {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "PUBLISH dup={} qos={} retain={} topic={:?} id={:?} properties={:02X?} payload={:?}",
            u8::from(self.dup),
            self.qos,
            u8::from(self.retain),
            String::from_utf8_lossy(&self.topic),
            self.id,
            self.properties,
            String::from_utf8_lossy(&self.payload[..self.payload.len().min(80)]),
        )
    }
}
