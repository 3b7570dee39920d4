//! Reads the fields of a body one after the other.

use bytes::{Buf, Bytes};

use super::header::Variable;
use crate::property_codec::Properties;
use crate::{DecodeError, PacketId, Property, Text};

/// What is left of a packet's body.
pub(crate) struct Body {
    bytes: Bytes,
}

impl Body {
    pub(super) const fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        self.bytes.try_get_u8().map_err(|_| DecodeError::TooShort)
    }

    pub(crate) fn number(&mut self) -> Result<u16, DecodeError> {
        self.bytes.try_get_u16().map_err(|_| DecodeError::TooShort)
    }

    pub(crate) fn long_number(&mut self) -> Result<u32, DecodeError> {
        self.bytes.try_get_u32().map_err(|_| DecodeError::TooShort)
    }

    /// A variable byte integer. [MQTT5-1.5.5-1]
    pub(crate) fn variable(&mut self) -> Result<u32, DecodeError> {
        let variable = Variable::parse(&self.bytes)
            .ok_or(DecodeError::VariableIntegerTooLong)?
            .ok_or(DecodeError::TooShort)?;
        if !variable.is_minimal {
            return Err(DecodeError::VariableIntegerNotMinimal);
        }
        self.bytes.advance(variable.bytes);
        Ok(variable.value)
    }

    pub(crate) fn binary(&mut self) -> Result<Bytes, DecodeError> {
        let length = self.number()?;
        self.take(usize::from(length))
    }

    pub(crate) fn text(&mut self) -> Result<Text, DecodeError> {
        Ok(Text::from_bytes(&self.binary()?)?)
    }

    pub(super) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.number()?).ok_or(DecodeError::PacketIdZero)
    }

    /// A block of properties with its length in front; `None` when it is empty.
    pub(super) fn properties<P: Properties>(&mut self) -> Result<Option<P>, DecodeError> {
        let length = self.variable()? as usize;
        if length == 0 {
            return Ok(None);
        }
        let mut block = Self::new(self.take(length)?);
        let mut properties = P::default();
        while !block.is_empty() {
            let number = block.variable()?;
            let property =
                Property::from_number(number).ok_or(DecodeError::PropertyUnknown(number))?;
            properties.take(property, &mut block)?;
        }
        Ok(Some(properties))
    }

    /// All that is left.
    pub(super) fn rest(self) -> Bytes {
        self.bytes
    }

    /// Ends the body where it has to end.
    pub(super) fn finish(self) -> Result<(), DecodeError> {
        match self.bytes.len() {
            0 => Ok(()),
            bytes => Err(DecodeError::TrailingBytes(bytes)),
        }
    }

    fn take(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        if self.bytes.len() < length {
            return Err(DecodeError::TooShort);
        }
        Ok(self.bytes.split_to(length))
    }
}
