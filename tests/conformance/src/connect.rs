//! The CONNECT packet of every version, assembled field by field.

use crate::wire::{Packet, packet, string, variable_length};

/// A CONNECT under construction; start with [`v3::connect`](crate::v3::connect) or
/// [`v5::connect`](crate::v5::connect).
#[derive(Clone, Debug)]
pub struct Connect {
    pub(crate) protocol_name: Vec<u8>,
    pub(crate) level: u8,
    pub(crate) is_clean: bool,
    pub(crate) flags: Option<u8>,
    pub(crate) keep_alive: u16,
    pub(crate) properties: Option<Vec<u8>>,
    pub(crate) client_id: Vec<u8>,
    pub(crate) will: Option<Will>,
    pub(crate) user: Option<Vec<u8>>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) trailing: Vec<u8>,
}

impl Connect {
    /// Clears the clean bit: a session that exists is resumed.
    #[must_use]
    pub fn keep_session(mut self) -> Self {
        self.is_clean = false;
        self
    }

    /// Replaces the protocol name.
    #[must_use]
    pub fn protocol_name(mut self, name: impl AsRef<[u8]>) -> Self {
        self.protocol_name = name.as_ref().to_vec();
        self
    }

    /// Replaces the protocol level.
    #[must_use]
    pub fn level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    /// Replaces the connect flags, whatever fields follow.
    #[must_use]
    pub fn flags(mut self, flags: u8) -> Self {
        self.flags = Some(flags);
        self
    }

    /// Sets the keep alive; it is 0 (off) otherwise.
    #[must_use]
    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    /// Appends a property; the bytes are its identifier and its value.
    #[must_use]
    pub fn property(mut self, property: impl AsRef<[u8]>) -> Self {
        self.properties
            .get_or_insert_default()
            .extend_from_slice(property.as_ref());
        self
    }

    /// Sets the will and its flags.
    #[must_use]
    pub fn will(mut self, will: Will) -> Self {
        self.will = Some(will);
        self
    }

    /// Sets the user name and its flag.
    #[must_use]
    pub fn user(mut self, user: impl AsRef<[u8]>) -> Self {
        self.user = Some(user.as_ref().to_vec());
        self
    }

    /// Sets the password and its flag.
    #[must_use]
    pub fn password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.password = Some(password.as_ref().to_vec());
        self
    }

    /// Appends bytes behind the last field of the payload.
    #[must_use]
    pub fn trailing(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.trailing.extend_from_slice(bytes.as_ref());
        self
    }

    fn computed_flags(&self) -> u8 {
        let will = self.will.as_ref().map_or(0, |will| {
            0x04 | will.qos << 3 | if will.retain { 0x20 } else { 0 }
        });
        let clean = if self.is_clean { 0x02 } else { 0 };
        let user = if self.user.is_some() { 0x80 } else { 0 };
        let password = if self.password.is_some() { 0x40 } else { 0 };
        clean | will | user | password
    }

    fn payload(&self) -> Vec<u8> {
        let mut payload = string(&self.client_id);
        if let Some(will) = &self.will {
            if self.properties.is_some() {
                payload.extend(variable_length(will.properties.len()));
                payload.extend_from_slice(&will.properties);
            }
            payload.extend(string(&will.topic));
            payload.extend(string(&will.payload));
        }
        for field in [&self.user, &self.password].into_iter().flatten() {
            payload.extend(string(field));
        }
        payload.extend_from_slice(&self.trailing);
        payload
    }
}

impl Packet for Connect {
    fn to_bytes(&self) -> Vec<u8> {
        let mut head = string(&self.protocol_name);
        head.push(self.level);
        head.push(self.flags.unwrap_or_else(|| self.computed_flags()));
        head.extend(self.keep_alive.to_be_bytes());
        if let Some(properties) = &self.properties {
            head.extend(variable_length(properties.len()));
            head.extend_from_slice(properties);
        }
        packet(0x10, &[&head, &self.payload()])
    }
}

/// The will inside a CONNECT.
#[derive(Clone, Debug)]
pub struct Will {
    topic: Vec<u8>,
    payload: Vec<u8>,
    qos: u8,
    retain: bool,
    properties: Vec<u8>,
}

/// A will of QoS 0, not retained.
#[must_use]
pub fn will(topic: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> Will {
    Will {
        topic: topic.as_ref().to_vec(),
        payload: payload.as_ref().to_vec(),
        qos: 0,
        retain: false,
        properties: Vec::new(),
    }
}

impl Will {
    /// Sets the QoS; 3 can be written too.
    #[must_use]
    pub fn qos(mut self, qos: u8) -> Self {
        self.qos = qos;
        self
    }

    /// Sets the retain flag.
    #[must_use]
    pub fn retain(mut self) -> Self {
        self.retain = true;
        self
    }

    /// Appends a will property (version 5 only).
    #[must_use]
    pub fn property(mut self, property: impl AsRef<[u8]>) -> Self {
        self.properties.extend_from_slice(property.as_ref());
        self
    }
}
