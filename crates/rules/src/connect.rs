//! What a CONNECT asks for, and what it gets.
//!
//! [`decide`] knows the packet and the settings, nothing else: authentication, bans and the claim of
//! the client id come after it and refuse with the same [`Refused`].
//! emqttd: emqttd_protocol:validate_connect/2

mod refused;

use std::time::Duration;

use castmq_mqtt::{
    ConnAck, ConnAckProperties, Connect, ConnectProperties, QoS, ReasonCode, Text, Version, Will,
};

use crate::ClientId;
use crate::session::Expiry;

pub use refused::Refused;

/// What connections are allowed and told.
#[derive(Clone, Debug)]
pub struct ConnectSettings {
    /// Longest client id of 3.1, in characters. The specification says 23.
    pub client_id_chars_max_in_3_1: usize,
    /// Longest client id of 3.1.1 and 5.0, in bytes.
    pub client_id_bytes_max: usize,
    /// How long a session of 3.x with Clean Session 0 outlives its connection.
    pub session_expiry_in_3: Expiry,
    /// The longest that a session of 5.0 outlives its connection.
    pub session_expiry_max: Expiry,
    /// Longest keep alive in seconds; `u16::MAX` for no limit, which leaves 0 as it is.
    pub keep_alive_max: u16,
    /// QoS 1 and 2 messages that a 5.0 client may have under way; never 0.
    pub receive_maximum: u16,
    /// Largest packet from a client, in bytes.
    pub packet_bytes_max: u32,
    /// Highest topic alias from a client.
    pub topic_alias_max: u16,
    /// Highest QoS from a client.
    pub qos_max: QoS,
    /// Whether there are retained messages.
    pub retain_available: bool,
    /// Whether filters may hold wildcards.
    pub wildcard_available: bool,
    /// Whether subscriptions may have identifiers.
    pub subscription_ids_available: bool,
    /// Whether there are shared subscriptions.
    pub shared_available: bool,
    /// Basis for response topics, given to those who ask.
    pub response_information: Option<Text>,
    /// Whether payloads that are said to be UTF-8 are looked at.
    pub validates_payload_format: bool,
    /// The method of enhanced authentication that the broker has.
    pub authentication_method: Option<Text>,
}

impl Default for ConnectSettings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            client_id_chars_max_in_3_1: 23,
            client_id_bytes_max: 1024,
            session_expiry_in_3: Expiry::After(DAY.saturating_mul(7)),
            session_expiry_max: Expiry::After(DAY.saturating_mul(30)),
            keep_alive_max: u16::MAX,
            receive_maximum: 1024,
            packet_bytes_max: 1024 * 1024,
            topic_alias_max: 32,
            qos_max: QoS::ExactlyOnce,
            retain_available: true,
            wildcard_available: true,
            subscription_ids_available: true,
            shared_available: true,
            response_information: None,
            validates_payload_format: false,
            authentication_method: None,
        }
    }
}

/// What a connection will be like, once it is authenticated and has claimed its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectPlan {
    /// The version it speaks.
    pub version: Version,
    /// Whose session it claims.
    pub client_id: ClientId,
    /// Whether an existing session is to be discarded.
    pub clean_start: bool,
    /// How long the session outlives it.
    pub expiry: Expiry,
    /// Seconds; 0 for none.
    pub keep_alive: u16,
    /// QoS 1 and 2 messages that the client takes unacknowledged; never 0.
    pub receive_maximum: u16,
    /// Largest packet in bytes that the client takes.
    pub packet_bytes_max: Option<u32>,
    /// Highest topic alias that the client takes.
    pub topic_alias_max: u16,
    /// Whether answers may carry reason strings and user properties. \[MQTT5-3.1.2-29\]
    pub wants_problem_information: bool,
    /// What to publish when it ends.
    pub will: Option<Box<Will>>,
    /// What CONNACK tells.
    pub properties: ConnAckProperties,
}

impl ConnectPlan {
    /// The CONNACK that accepts it.
    // [MQTT3-3.1.4-4] [MQTT3-3.2.2-1] [MQTT3-3.2.2-2] [MQTT5-3.1.4-5] [MQTT5-3.2.2-2]
    #[must_use]
    pub fn accepted(&self, session_present: bool) -> ConnAck {
        ConnAck {
            session_present,
            reason: ReasonCode::Success,
            properties: self.properties.clone(),
        }
    }
}

/// Decides what a CONNECT gets. `assign` makes a client id that nobody has.
///
/// # Errors
///
/// [`Refused`], after which nothing of the client is processed and its will is not published.
pub fn decide(
    connect: &Connect,
    settings: &ConnectSettings,
    assign: impl FnOnce() -> ClientId,
) -> Result<ConnectPlan, Refused> {
    // [MQTT5-4.12.0-1]
    let method = connect.properties.authentication_method.as_ref();
    if method.is_some_and(|method| settings.authentication_method.as_ref() != Some(method)) {
        return Err(Refused::BadAuthenticationMethod);
    }
    let chosen = client_id(connect, settings)?;
    if let Some(will) = &connect.will {
        check_will(will, settings)?;
    }
    let is_assigned = chosen.is_none();
    let client_id = chosen.unwrap_or_else(assign);
    let expiry = expiry(connect, settings);
    let keep_alive = keep_alive(connect, settings);
    let asked = &connect.properties;
    let mut properties = match connect.version {
        Version::V5 => told(asked, settings),
        Version::V3 | Version::V4 => ConnAckProperties::default(),
    };
    if connect.version == Version::V5 {
        // [MQTT5-3.2.2-16] [MQTT5-3.1.3-7]
        properties.assigned_client_id = is_assigned.then(|| client_id.text().clone());
        let seconds = expiry.seconds();
        properties.session_expiry =
            (seconds != asked.session_expiry.unwrap_or(0)).then_some(seconds);
        // [MQTT5-4.12.0-5] [MQTT5-4.12.0-6]
        properties.authentication_method = method.cloned();
        // [MQTT5-3.2.2-22]
        properties.server_keep_alive = (keep_alive != connect.keep_alive).then_some(keep_alive);
    }
    Ok(ConnectPlan {
        version: connect.version,
        client_id,
        clean_start: connect.clean_start,
        expiry,
        keep_alive,
        receive_maximum: asked.receive_maximum.unwrap_or(u16::MAX).max(1),
        packet_bytes_max: asked.maximum_packet_size,
        topic_alias_max: asked.topic_alias_maximum.unwrap_or(0),
        wants_problem_information: asked.request_problem_information.unwrap_or(true),
        will: connect.will.clone().map(Box::new),
        properties,
    })
}

/// The client id that the client chose; `None` when the broker is to choose one.
fn client_id(connect: &Connect, settings: &ConnectSettings) -> Result<Option<ClientId>, Refused> {
    let text = &connect.client_id;
    let Some(client_id) = ClientId::new(text.clone()) else {
        return match connect.version {
            // Version 3.1 demands 1 to 23 characters.
            Version::V3 => Err(Refused::EmptyClientId),
            // [MQTT3-3.1.3-8]
            Version::V4 if !connect.clean_start => Err(Refused::EmptyClientId),
            // [MQTT3-3.1.3-6] [MQTT5-3.1.3-6]
            Version::V4 | Version::V5 => Ok(None),
        };
    };
    let (length, length_max) = match connect.version {
        Version::V3 => (text.chars().count(), settings.client_id_chars_max_in_3_1),
        Version::V4 | Version::V5 => (text.len(), settings.client_id_bytes_max),
    };
    if length > length_max {
        return Err(Refused::ClientIdTooLong { length_max });
    }
    Ok(Some(client_id))
}

/// Whether the will could be published at all; whether the client may is for access control to say.
// differs: emqttd looks at the will's topic never (P13).
fn check_will(will: &Will, settings: &ConnectSettings) -> Result<(), Refused> {
    // [MQTT5-3.2.2-12]
    if will.qos > settings.qos_max {
        return Err(Refused::WillQoSNotSupported);
    }
    // [MQTT5-3.2.2-13]
    if will.retain && !settings.retain_available {
        return Err(Refused::WillRetainNotSupported);
    }
    if is_system_topic(will.topic.as_str()) {
        return Err(Refused::WillTopicNotAllowed);
    }
    let response_topic = will.properties.publish.response_topic.as_deref();
    // [MQTT5-3.3.2-14]
    if response_topic.is_some_and(|topic| topic.is_empty() || topic.contains(['+', '#'])) {
        return Err(Refused::WillResponseTopicInvalid);
    }
    let is_utf8 = will.properties.publish.payload_is_utf8 == Some(true);
    if settings.validates_payload_format && is_utf8 && std::str::from_utf8(&will.payload).is_err() {
        return Err(Refused::WillPayloadFormatInvalid);
    }
    Ok(())
}

/// Whether a topic is the broker's own; clients do not publish there.
pub(crate) fn is_system_topic(topic: &str) -> bool {
    topic == "$SYS" || topic.starts_with("$SYS/")
}

/// How long the session outlives its connection.
// [MQTT3-3.1.2-4] [MQTT3-3.1.2-6] [MQTT5-3.1.2-23]
fn expiry(connect: &Connect, settings: &ConnectSettings) -> Expiry {
    match connect.version {
        Version::V3 | Version::V4 if connect.clean_start => Expiry::AtOnce,
        Version::V3 | Version::V4 => settings.session_expiry_in_3,
        Version::V5 => {
            let seconds = connect.properties.session_expiry.unwrap_or(0);
            Expiry::from_seconds(seconds).min(settings.session_expiry_max)
        }
    }
}

/// The keep alive that holds. Only a 5.0 client can be told another one than its own.
fn keep_alive(connect: &Connect, settings: &ConnectSettings) -> u16 {
    let own = connect.keep_alive;
    let is_over = own == 0 || own > settings.keep_alive_max;
    if connect.version == Version::V5 && settings.keep_alive_max < u16::MAX && is_over {
        settings.keep_alive_max
    } else {
        own
    }
}

/// What a 5.0 client is told about this broker; what is as the specification assumes is left out.
fn told(asked: &ConnectProperties, settings: &ConnectSettings) -> ConnAckProperties {
    let unless = |is_available: bool| (!is_available).then_some(false);
    // [MQTT5-3.1.2-28]
    let response_information = match asked.request_response_information {
        Some(true) => settings.response_information.clone(),
        Some(false) | None => None,
    };
    ConnAckProperties {
        receive_maximum: (settings.receive_maximum != u16::MAX)
            .then_some(settings.receive_maximum.max(1)),
        // [MQTT5-3.2.2-9]
        maximum_qos: (settings.qos_max < QoS::ExactlyOnce).then_some(settings.qos_max),
        retain_available: unless(settings.retain_available),
        maximum_packet_size: Some(settings.packet_bytes_max),
        topic_alias_maximum: (settings.topic_alias_max > 0).then_some(settings.topic_alias_max),
        wildcard_available: unless(settings.wildcard_available),
        subscription_ids_available: unless(settings.subscription_ids_available),
        shared_available: unless(settings.shared_available),
        response_information,
        ..ConnAckProperties::default()
    }
}

#[cfg(test)]
mod tests;
