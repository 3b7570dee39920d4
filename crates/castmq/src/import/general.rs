//! Options about the broker as a whole.

use super::line::{Line, Note};

/// The longest time that settings take.
pub(super) const FOR_EVER: &str = "36500d";
/// The largest packet of MQTT.
const PACKET_BYTES_MAX: u32 = 268_435_460;
/// The smallest limit that settings take.
const PACKET_BYTES_MIN: u32 = 128;
/// The limits of a queue that settings take.
const QUEUE_BYTES_MIN: u64 = 1024;
const QUEUE_BYTES_MAX: u64 = 1024 << 30;
/// What a packet may have besides its payload: the longest topic, and a little more.
const PACKET_HEAD_BYTES: u32 = 66_000;

/// What a file says; `None` where it says nothing.
#[derive(Debug, Default)]
pub(super) struct General {
    pub(super) persistence: bool,
    pub(super) persistence_location: Option<String>,
    pub(super) max_inflight: Option<u16>,
    pub(super) max_messages: Option<u32>,
    pub(super) max_queue_bytes: Option<u64>,
    pub(super) queue_qos0: Option<bool>,
    pub(super) max_packet_bytes: Option<u32>,
    pub(super) max_payload_bytes: Option<u32>,
    pub(super) keep_alive_max: Option<u16>,
    pub(super) expiry: Option<String>,
    pub(super) sys_interval: Option<String>,
    pub(super) topic_alias_maximum: Option<u16>,
    pub(super) topic_alias_out: Option<u16>,
    pub(super) log_level: Option<Level>,
    pub(super) log_file: Option<String>,
}

/// From the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Level {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl General {
    /// Takes a line; whether it is about the broker as a whole.
    ///
    /// # Errors
    ///
    /// When the value cannot be.
    pub(super) fn take(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<bool, Note> {
        Ok(self.take_store(line, notes)?
            || self.take_queue(line, notes)?
            || self.take_protocol(line, notes)?
            || self.take_log(line, notes)?)
    }

    /// The largest packet that is taken, as the two limits say together.
    pub(super) fn packet_bytes(&self) -> Option<u32> {
        let of_payload = self.max_payload_bytes;
        let of_payload = of_payload.map(|bytes| bytes.saturating_add(PACKET_HEAD_BYTES));
        let both = [self.max_packet_bytes, of_payload];
        let least = both.into_iter().flatten().min();
        least.map(|bytes| bytes.clamp(PACKET_BYTES_MIN, PACKET_BYTES_MAX))
    }

    fn take_store(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<bool, Note> {
        match line.option {
            "persistence" => {
                self.persistence = line.flag()?;
                if self.persistence {
                    notes.push(line.note(
                        "the store begins empty: sessions and retained messages of mosquitto.db \
                         are not read",
                    ));
                }
            }
            "persistence_location" => self.persistence_location = Some(line.owned()?),
            "persistent_client_expiration" => self.expiry = Some(expiry(line)?),
            "retain_available" if !line.flag()? => notes.push(line.note(
                "retained messages cannot be forbidden as a whole; rules in acl.file can, topic by \
                 topic",
            )),
            "retain_available" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_queue(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<bool, Note> {
        match line.option {
            "max_inflight_messages" => {
                // 0: no limit but that of MQTT.
                self.max_inflight = Some(or_max(line.number()?, u16::MAX));
            }
            "max_queued_messages" => self.max_messages = Some(or_max(line.number()?, u32::MAX)),
            "max_queued_bytes" => {
                let bytes = or_max(line.number()?, QUEUE_BYTES_MAX);
                if bytes < QUEUE_BYTES_MIN {
                    notes.push(line.note("a queue takes 1024 bytes at least"));
                }
                self.max_queue_bytes = Some(bytes.clamp(QUEUE_BYTES_MIN, QUEUE_BYTES_MAX));
            }
            "queue_qos0_messages" => self.queue_qos0 = Some(line.flag()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_protocol(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<bool, Note> {
        match line.option {
            "max_packet_size" => self.max_packet_bytes = Some(packet_bytes(line, notes)?),
            "message_size_limit" => {
                let bytes: u32 = line.number()?;
                self.max_payload_bytes = (bytes > 0).then_some(bytes);
                if bytes > 0 {
                    notes.push(line.note(format!(
                        "becomes mqtt.max_packet_size with {PACKET_HEAD_BYTES} bytes for the rest \
                         of the packet; who exceeds it is disconnected, not only ignored"
                    )));
                }
            }
            "max_keepalive" => self.keep_alive_max = Some(or_max(line.number()?, u16::MAX)),
            "max_topic_alias" => set_for_all(&mut self.topic_alias_maximum, line, notes)?,
            "max_topic_alias_broker" => set_for_all(&mut self.topic_alias_out, line, notes)?,
            "sys_interval" => {
                let seconds: u32 = line.number()?;
                self.sys_interval = Some(format!("{}s", seconds.min(86_400)));
                notes.push(line.note(
                    "the topics are $SYS/brokers/<node>/…, not $SYS/broker/…, and say other things",
                ));
            }
            "set_tcp_nodelay" => {
                if !line.flag()? {
                    notes.push(line.note("small packets are always sent at once"));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_log(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<bool, Note> {
        match line.option {
            "log_dest" => {
                let text = line.text()?;
                match text.split_once(char::is_whitespace) {
                    Some(("file", path)) => self.log_file = Some(path.trim().to_owned()),
                    _ if text == "stderr" => {}
                    _ if text == "file" => return Err(line.note("file has no path")),
                    _ => notes.push(line.note(format!(
                        "{text} is no place for logs here; they go to stderr and to log.file"
                    ))),
                }
            }
            "log_type" => self.take_level(line, notes)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_level(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<(), Note> {
        let level = match line.text()? {
            "error" => Level::Error,
            "warning" => Level::Warn,
            "notice" | "information" => Level::Info,
            "debug" | "all" => Level::Debug,
            "none" => {
                notes.push(line.note("errors are always logged"));
                Level::Error
            }
            "subscribe" | "unsubscribe" | "websockets" | "internal" => {
                notes.push(line.note("logged with log.level = \"debug\", together with all else"));
                return Ok(());
            }
            other => return Err(line.note(format!("{other} is nothing that mosquitto logs"))),
        };
        self.log_level = self.log_level.max(Some(level));
        Ok(())
    }
}

/// Mosquitto knows it for each listener.
fn set_for_all(
    place: &mut Option<u16>,
    line: &Line<'_>,
    notes: &mut Vec<Note>,
) -> Result<(), Note> {
    let number = line.number()?;
    if place.is_some_and(|before| before != number) {
        notes.push(line.note("holds for all listeners; an earlier line says otherwise"));
    }
    *place = Some(number);
    Ok(())
}

/// 0 is no limit.
fn or_max<N: Default + PartialEq>(number: N, max: N) -> N {
    if number == N::default() { max } else { number }
}

fn packet_bytes(line: &Line<'_>, notes: &mut Vec<Note>) -> Result<u32, Note> {
    let bytes = or_max(line.number()?, PACKET_BYTES_MAX);
    if bytes < 20 {
        return Err(line.note("mosquitto takes 20 or more"));
    }
    if bytes < PACKET_BYTES_MIN {
        notes.push(line.note(format!("a limit has {PACKET_BYTES_MIN} bytes at least")));
    }
    Ok(bytes)
}

/// An integer with one letter behind it; a month has 30 days.
fn expiry(line: &Line<'_>) -> Result<String, Note> {
    let text = line.text()?;
    let wrong = || {
        line.note(format!(
            "{text} is no number followed by one of s h d w m y"
        ))
    };
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u64 = text
        .strip_suffix(unit)
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(wrong)?;
    let days = match unit {
        's' | 'h' => {
            let is_long = number > 24 * 36_500;
            return Ok(if is_long {
                FOR_EVER.to_owned()
            } else {
                format!("{number}{unit}")
            });
        }
        'd' => 1,
        'w' => 7,
        'm' => 30,
        'y' => 365,
        _ => return Err(wrong()),
    };
    Ok(format!("{}d", number.saturating_mul(days).min(36_500)))
}
