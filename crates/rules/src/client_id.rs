//! Who a client is.

use std::borrow::Borrow;
use std::fmt;

use castmq_mqtt::Text;

/// The identity of a client and of its session; never empty. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct ClientId(Text);

impl ClientId {
    /// The id for a string; `None` when it is empty, which asks the server to choose one.
    #[must_use]
    pub fn new(text: Text) -> Option<Self> {
        if text.is_empty() {
            None
        } else {
            Some(Self(text))
        }
    }

    /// The id as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as MQTT string; cloning shares the bytes.
    #[must_use]
    pub fn text(&self) -> &Text {
        &self.0
    }
}

impl TryFrom<Text> for ClientId {
    type Error = &'static str;

    fn try_from(text: Text) -> Result<Self, Self::Error> {
        Self::new(text).ok_or("a client id is not empty")
    }
}

impl From<ClientId> for Text {
    fn from(client_id: ClientId) -> Self {
        client_id.0
    }
}

impl Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}
