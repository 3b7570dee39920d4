//! Writes the settings.

use std::fmt::{Display, Write};
use std::net::IpAddr;

use toml_edit::Value;

use super::access::Access;
use super::general::{FOR_EVER, General};
use super::line::Note;
use super::listener::{Domain, Listener, Protocol};

/// What mosquitto 2.1 takes if nothing is said.
const USUAL_PACKET_BYTES: u32 = 2_000_000;
/// The largest payload that is retained if nothing is said.
const USUAL_RETAINED_BYTES: u32 = 1 << 20;
const MQTT_PORT: u16 = 1883;

/// The settings as a file, and more notes.
pub(super) fn write(general: &General, listeners: &[Listener], notes: &mut Vec<Note>) -> String {
    let obstacles: Vec<_> = listeners.iter().filter_map(Listener::obstacle).collect();
    let writable = listeners.iter().filter(|each| each.obstacle().is_none());
    let listeners: Vec<_> = writable.cloned().collect();
    notes.extend(obstacles);
    let mut text = Text(
        "# From a configuration of mosquitto. `castmq check-config FILE` says what is missing.\n"
            .to_owned(),
    );
    let access = Access::of(&listeners, notes);
    if listeners.is_empty() {
        // Without this there would be the listener that is there by default.
        text.0.push('\n');
        text.set("listener", Value::Array(toml_edit::Array::new()));
    }
    let mut names = Vec::new();
    let has_common = access.common_chain().is_some();
    for (listener, chain) in listeners.iter().zip(&access.chains) {
        text.listener(listener, chain, has_common, &mut names);
    }
    text.access(&access);
    text.protocol(general, notes);
    text.sessions(general);
    text.store(general);
    text.log(general);
    text.0
}

/// A file that grows.
struct Text(String);

impl Text {
    fn table(&mut self, header: &str) {
        // A string takes everything.
        let _ = writeln!(self.0, "\n{header}");
    }

    fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        let _ = writeln!(self.0, "{key} = {}", value.to_string().trim());
    }

    fn set_if<T: Into<Value>>(&mut self, key: &str, value: Option<T>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    fn comment(&mut self, text: impl Display) {
        let _ = writeln!(self.0, "# {text}");
    }

    fn listener(
        &mut self,
        listener: &Listener,
        chain: &[&str],
        has_common: bool,
        names: &mut Vec<String>,
    ) {
        let transport = transport(listener);
        self.table("[[listener]]");
        if listener.line > 0 {
            self.comment(format_args!("line {}", listener.line));
        }
        self.set("name", name(listener, transport, names));
        if listener.unix_path.is_none() {
            self.set("address", address(listener));
        }
        self.set("transport", transport);
        if listener.max_connections > 0 {
            self.set("max_connections", i64::from(listener.max_connections));
        }
        if chain.is_empty() {
            self.set("allow_anonymous", true);
        } else if !has_common {
            self.set("authentication", list(chain));
        }
        self.set_if("mount_point", listener.mount_point.as_deref());
        self.layers(listener);
    }

    fn layers(&mut self, listener: &Listener) {
        if listener.is_secure() {
            self.tls(listener);
        }
        if listener.protocol == Protocol::WebSocket && !listener.origins.is_empty() {
            self.table("[listener.websocket]");
            self.set("origins", list(&listener.origins));
        }
        if let Some(path) = &listener.unix_path {
            self.table("[listener.unix]");
            self.set("path", path);
        }
        if let Some(protocol) = listener.proxy {
            self.table("[listener.proxy]");
            self.set("protocol", protocol);
            self.set("trusted", list(&["127.0.0.0/8", "::1/128"]));
        }
    }

    fn tls(&mut self, listener: &Listener) {
        let tls = &listener.tls;
        self.table("[listener.tls]");
        self.set_if("certificate", tls.certificate.as_deref());
        self.set_if("key", tls.key.as_deref());
        if tls.is_version_3 {
            self.set("min_version", "1.3");
        }
        if tls.is_required {
            self.set("client_certificate", "required");
        }
        self.set_if("client_ca", tls.client_ca.as_deref());
        self.set_if("crl", tls.crl.as_deref());
        if tls.uses_common_name {
            self.set("user_name", "common_name");
        } else if tls.uses_subject {
            self.set("user_name", "subject");
        }
    }

    fn access(&mut self, access: &Access) {
        let common = access.common_chain().unwrap_or(&[]);
        if !common.is_empty() {
            self.table("[auth]");
            self.set("chain", list(common));
        }
        if let Some(file) = &access.password_file {
            self.table("[auth.password_file]");
            self.set("path", file);
        }
        if let Some(file) = &access.acl_file {
            self.table("[acl]");
            self.set("mosquitto_file", file);
        }
    }

    fn protocol(&mut self, general: &General, notes: &mut Vec<Note>) {
        if let Some(interval) = &general.sys_interval {
            self.table("[node]");
            self.set("sys_interval", interval);
        }
        let bytes = general.packet_bytes().unwrap_or_else(|| {
            notes.push(Note {
                line: 0,
                option: "max_packet_size".to_owned(),
                text: format!(
                    "not given; {USUAL_PACKET_BYTES} bytes are written, as in mosquitto 2.1, while \
                     2.0 takes packets of any size"
                ),
            });
            USUAL_PACKET_BYTES
        });
        self.table("[mqtt]");
        self.set("max_packet_size", i64::from(bytes));
        let number = |value: Option<u16>| value.map(i64::from);
        self.set_if("keep_alive_max", number(general.keep_alive_max));
        self.set_if("topic_alias_maximum", number(general.topic_alias_maximum));
        self.set_if("topic_alias_out", number(general.topic_alias_out));
        if bytes > USUAL_RETAINED_BYTES {
            self.table("[retained]");
            // A packet of the largest size carries a little less than this.
            let payload = bytes.min(268_435_455);
            self.set("max_payload", i64::from(payload));
        }
    }

    fn sessions(&mut self, general: &General) {
        let expiry = general.expiry.as_deref().unwrap_or(FOR_EVER);
        self.table("[session]");
        self.set_if("max_inflight", general.max_inflight.map(i64::from));
        self.set("expiry_v3", expiry);
        self.set("expiry_max", expiry);
        self.set_if("queue_qos0", general.queue_qos0);
        let messages = general.max_messages.map(i64::from);
        let bytes = general.max_queue_bytes;
        let bytes = bytes.and_then(|bytes| i64::try_from(bytes).ok());
        if messages.is_some() || bytes.is_some() {
            self.table("[mqueue]");
            self.set_if("max_messages", messages);
            self.set_if("max_bytes", bytes);
        }
    }

    fn store(&mut self, general: &General) {
        self.table("[store]");
        if !general.persistence {
            return self.set("backend", "memory");
        }
        self.set("backend", "fjall");
        // A directory of its own: mosquitto.db may stay where it is.
        let place = general.persistence_location.as_deref();
        let place = place.map(|place| format!("{}/castmq", place.trim_end_matches('/')));
        self.set_if("data_dir", place);
    }

    fn log(&mut self, general: &General) {
        let (level, file) = (general.log_level, &general.log_file);
        if level.is_none() && file.is_none() {
            return;
        }
        self.table("[log]");
        self.set_if("level", level.map(|level| level.name()));
        if let Some(file) = file {
            self.set("file", file);
            // The name stays as it is, without a date.
            self.set("rotation", "never");
        }
    }
}

fn list(items: &[impl AsRef<str>]) -> toml_edit::Array {
    items.iter().map(AsRef::as_ref).collect()
}

fn transport(listener: &Listener) -> &'static str {
    if listener.unix_path.is_some() {
        return "unix";
    }
    match (listener.protocol, listener.is_secure()) {
        (Protocol::Mqtt, false) => "tcp",
        (Protocol::Mqtt, true) => "tls",
        (Protocol::WebSocket, false) => "ws",
        (Protocol::WebSocket, true) => "wss",
    }
}

/// One that no other has.
fn name(listener: &Listener, transport: &str, names: &mut Vec<String>) -> String {
    let port = listener.port.unwrap_or(MQTT_PORT);
    let base = if listener.unix_path.is_some() {
        transport.to_owned()
    } else {
        format!("{transport}-{port}")
    };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    let mut candidates = std::iter::once(base.clone()).chain(numbered);
    let free = candidates.find(|name| !names.contains(name));
    let name = free.unwrap_or(base);
    names.push(name.clone());
    name
}

fn address(listener: &Listener) -> String {
    let port = listener.port.unwrap_or(MQTT_PORT);
    if listener.is_local || listener.has_unknown_address {
        return format!("127.0.0.1:{port}");
    }
    match (&listener.host, listener.domain) {
        (Some(host), _) => match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(host)) => format!("[{host}]:{port}"),
            Ok(IpAddr::V4(_)) | Err(_) => format!("{host}:{port}"),
        },
        (None, Some(Domain::V4)) => format!("0.0.0.0:{port}"),
        (None, Some(Domain::V6) | None) => format!("[::]:{port}"),
    }
}
