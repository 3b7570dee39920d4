//! Options about one listener.

use super::line::{Line, Note};
use super::security::Security;

/// One listener of mosquitto.
#[derive(Clone, Debug, Default)]
pub(super) struct Listener {
    /// Where it begins; 0 for the one that no line begins.
    pub(super) line: usize,
    pub(super) port: Option<u16>,
    pub(super) host: Option<String>,
    pub(super) unix_path: Option<String>,
    pub(super) domain: Option<Domain>,
    pub(super) protocol: Protocol,
    pub(super) max_connections: u32,
    pub(super) mount_point: Option<String>,
    pub(super) origins: Vec<String>,
    pub(super) proxy: Option<&'static str>,
    pub(super) tls: Tls,
    pub(super) security: Security,
    /// It would not be what it was, and perhaps open to more, if it were written.
    unwritable: Option<Note>,
    /// Its address is to be looked up by whoever imports.
    pub(super) has_unknown_address: bool,
    /// Nothing says where to listen: only this machine is let in.
    pub(super) is_local: bool,
    /// Whether any line is about it.
    pub(super) is_meant: bool,
}

/// Which addresses it listens on where no host is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    V4,
    V6,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Protocol {
    #[default]
    Mqtt,
    WebSocket,
}

/// TLS of a listener.
#[derive(Clone, Debug, Default)]
pub(super) struct Tls {
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
    pub(super) client_ca: Option<String>,
    pub(super) crl: Option<String>,
    pub(super) is_required: bool,
    pub(super) uses_common_name: bool,
    pub(super) uses_subject: bool,
    pub(super) is_version_3: bool,
}

impl Listener {
    /// The one that a line begins.
    ///
    /// # Errors
    ///
    /// When there can be none.
    pub(super) fn begin(line: &Line<'_>, notes: &mut Vec<Note>) -> Result<Self, Note> {
        let text = line.text()?;
        let mut words = line.words();
        let port = words.next().and_then(|port| port.parse::<u16>().ok());
        let port = port.ok_or_else(|| line.note(format!("{text} does not begin with a port")))?;
        let place = words.next().map(str::to_owned);
        let mut listener = Self {
            line: line.number,
            is_meant: true,
            ..Self::default()
        };
        match (port, place) {
            (0, Some(path)) if path.contains('/') => {
                notes.push(line.note(
                    "the socket's mode is listener.unix.mode, otherwise 660, whatever the umask is",
                ));
                listener.unix_path = Some(path);
            }
            (0, _) => return Err(line.note("port 0 is for unix sockets, which have a path")),
            (_, host) => {
                listener.port = Some(port);
                listener.set_host(line, host, notes);
            }
        }
        Ok(listener)
    }

    /// Takes a line; whether it is about a listener.
    ///
    /// # Errors
    ///
    /// When the value cannot be.
    pub(super) fn take(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<bool, Note> {
        let is_taken = self.take_place(line, notes)?
            || self.take_limits(line, notes)?
            || self.take_tls(line, notes)?
            || self.take_names(line, notes)?;
        self.is_meant |= is_taken;
        Ok(is_taken)
    }

    fn take_place(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<bool, Note> {
        match line.option {
            "port" => self.port = Some(line.number()?),
            "bind_address" => {
                let host = line.owned()?;
                self.set_host(line, Some(host), notes);
            }
            "bind_interface" => {
                self.has_unknown_address = true;
                notes.push(line.note(
                    "an address is needed, not an interface; until it is written there only this \
                     machine is let in",
                ));
            }
            "socket_domain" => match line.text()? {
                "ipv4" => self.domain = Some(Domain::V4),
                "ipv6" => {
                    self.domain = Some(Domain::V6);
                    notes.push(line.note("[::] takes IPv4 as well"));
                }
                other => return Err(line.note(format!("{other} is neither ipv4 nor ipv6"))),
            },
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_limits(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<bool, Note> {
        match line.option {
            "max_connections" => {
                let count: i64 = line.number()?;
                // -1: no limit.
                self.max_connections = u32::try_from(count).unwrap_or(0);
            }
            "mount_point" => self.mount_point = Some(line.owned()?),
            "protocol" => self.take_protocol(line, notes)?,
            "websockets_origin" => self.origins.push(line.owned()?),
            "listener_allow_anonymous" => self.security.allow_anonymous = Some(line.flag()?),
            "enable_proxy_protocol" => {
                self.proxy = Some(match line.text()? {
                    "1" => "v1",
                    "2" => "v2",
                    other => return Err(line.note(format!("{other} is neither 1 nor 2"))),
                });
                notes.push(line.note(
                    "a proxy is believed only from listener.proxy.trusted, which is this machine \
                     until others are written there",
                ));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_protocol(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<(), Note> {
        match line.text()? {
            "mqtt" => self.protocol = Protocol::Mqtt,
            "websockets" => {
                self.protocol = Protocol::WebSocket;
                notes.push(line.note(
                    "clients have to ask for listener.websocket.path, /mqtt unless another is \
                     written there; mosquitto takes any",
                ));
            }
            "http_api" => {
                let why = "the broker has no HTTP API; this listener is left out";
                self.unwritable = Some(line.note(why));
            }
            other => return Err(line.note(format!("{other} is no protocol of mosquitto"))),
        }
        Ok(())
    }

    fn take_tls(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<bool, Note> {
        let tls = &mut self.tls;
        match line.option {
            "certfile" => tls.certificate = Some(line.owned()?),
            "keyfile" => tls.key = Some(line.owned()?),
            "cafile" => tls.client_ca = Some(line.owned()?),
            "capath" => {
                let path = line.owned()?;
                tls.client_ca.get_or_insert(path);
                notes.push(line.note(
                    "listener.tls.client_ca is one file, not a directory: put the certificates \
                     into one",
                ));
            }
            "crlfile" => tls.crl = Some(line.owned()?),
            "tls_version" => match line.text()? {
                "tlsv1.3" => tls.is_version_3 = true,
                "tlsv1.2" => tls.is_version_3 = false,
                "tlsv1.1" | "tlsv1" => notes.push(line.note("TLS 1.2 is the oldest there is")),
                other => return Err(line.note(format!("{other} is no version of TLS"))),
            },
            "psk_hint" => {
                self.unwritable = Some(line.note(
                    "TLS with keys that both sides share beforehand is not spoken; this listener \
                     is left out",
                ));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_names(&mut self, line: &Line<'_>, _: &mut Vec<Note>) -> Result<bool, Note> {
        match line.option {
            "require_certificate" => self.tls.is_required = line.flag()?,
            "use_identity_as_username" => self.tls.uses_common_name = line.flag()?,
            "use_subject_as_username" => self.tls.uses_subject = line.flag()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether a line says where it listens.
    pub(super) fn has_place(&self) -> bool {
        self.port.is_some() || self.host.is_some() || self.has_unknown_address
    }

    pub(super) fn is_secure(&self) -> bool {
        self.tls.certificate.is_some()
    }

    /// Whether a client's certificate says who it is.
    pub(super) fn is_identified_by_certificate(&self) -> bool {
        self.is_secure() && (self.tls.uses_common_name || self.tls.uses_subject)
    }

    /// What mosquitto refuses to start with.
    pub(super) fn contradictions(&self) -> Option<Note> {
        let (option, other) = match (&self.tls.certificate, &self.tls.key) {
            (Some(_), None) => ("certfile", "keyfile"),
            (None, Some(_)) => ("keyfile", "certfile"),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        Some(self.note(option, format!("needs a {other} too, on the same listener")))
    }

    /// Why it cannot be written without letting in others than before, if that is so.
    pub(super) fn obstacle(&self) -> Option<Note> {
        if let Some(note) = &self.unwritable {
            return Some(note.clone());
        }
        let is_unix = self.unix_path.is_some();
        if is_unix && (self.is_secure() || self.protocol == Protocol::WebSocket) {
            let why = "a unix socket carries MQTT alone; this listener is left out";
            return Some(self.note("listener", why));
        }
        if self.proxy.is_some() && !self.is_secure() && self.tls.is_required {
            let why = "what a proxy says about certificates is not looked at; this listener is \
                       left out";
            return Some(self.note("require_certificate", why));
        }
        if self.is_identified_by_certificate() && !self.tls.is_required {
            let why = "without require_certificate nobody is asked for a certificate, and nobody \
                       gets in; this listener is left out";
            return Some(self.note("use_identity_as_username", why));
        }
        None
    }

    /// Something about the listener as a whole.
    pub(super) fn note(&self, option: &str, text: impl Into<String>) -> Note {
        Note {
            line: self.line,
            option: option.to_owned(),
            text: text.into(),
        }
    }

    fn set_host(&mut self, line: &Line<'_>, host: Option<String>, notes: &mut Vec<Note>) {
        let Some(host) = host else {
            return;
        };
        self.is_meant = true;
        if host == "localhost" {
            notes.push(line.note("becomes 127.0.0.1; ::1 would need a listener of its own"));
            self.host = Some("127.0.0.1".to_owned());
        } else if host.parse::<std::net::IpAddr>().is_ok() {
            self.host = Some(host);
        } else {
            self.has_unknown_address = true;
            notes.push(line.note(format!(
                "{host} has to be written as an address; until then only this machine is let in"
            )));
        }
    }
}
