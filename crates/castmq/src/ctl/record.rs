//! `record CLIENT`: a snapshot of a connection and its session, and every input after it, in a file that
//! `castmq replay` steps through.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path as FilePath, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::api::{Method, part};
use super::desk::{Desk, number, word};
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::text::{self, bytes, plain};
use super::trace::id;

/// How often the broker is asked how far it is.
const GLANCE: Duration = Duration::from_millis(200);
/// Glances until a broker that was asked to stop has stopped.
const PATIENCE: u32 = 50;

#[derive(Debug, Args)]
pub(super) struct Record {
    /// Its client identifier
    #[arg(value_name = "CLIENT")]
    client: String,
    /// Where to; without it a name made of the client's and the recording's
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// End after so many inputs
    #[arg(long, value_name = "INPUTS")]
    inputs: Option<u64>,
    /// Also what is in messages; without it only their sizes
    #[arg(long)]
    payloads: bool,
}

/// `record`
pub(super) fn record(record: &Record, desk: &Desk) -> Result<(), Failure> {
    let interrupt = Interrupt::catch()?;
    let mut body = json!({ "client": record.client, "payloads": record.payloads });
    if let Some(fields) = body.as_object_mut() {
        fields.extend(
            record
                .seconds
                .map(|seconds| ("seconds".to_owned(), json!(seconds))),
        );
        fields.extend(
            record
                .inputs
                .map(|inputs| ("inputs".to_owned(), json!(inputs))),
        );
    }
    let started = desk.api.ask(Method::Post, "/recordings", Some(&body))?;
    let id = id(&started.value);
    let path = format!("/recordings/{}", part(&id));
    let client = plain(&record.client);
    desk.paper.note(&format!(
        "(recording {id} of {client} runs; Ctrl-C stops it)"
    ));

    let mut running = Running {
        desk,
        path: path.clone(),
        is_over: false,
    };
    let done = running.wait(&interrupt)?;
    let file = record.out.clone();
    let file = file.unwrap_or_else(|| PathBuf::from(file_name(&record.client, &id)));
    let size = download(&format!("{path}/file"), &file, desk)?;
    if desk.paper.is_json {
        return desk.paper.json(&done.to_string());
    }
    desk.paper.line(&sentence(&done, size, &file))
}

/// A recording that is stopped when this program ends before it.
struct Running<'a> {
    desk: &'a Desk,
    path: String,
    is_over: bool,
}

impl Running<'_> {
    /// Waits until it has ended, by its limits or because somebody wants it to.
    fn wait(&mut self, interrupt: &Interrupt) -> Result<Value, Failure> {
        let mut patience = PATIENCE;
        loop {
            let state = self.desk.api.get(&self.path)?;
            if word(&state.value, "state") != "running" {
                self.is_over = true;
                return Ok(state.value);
            }
            if self.is_over {
                patience -= 1;
                if patience == 0 {
                    let message = "the broker does not stop the recording".to_owned();
                    return Err(Failure::Refused(message));
                }
            } else if interrupt.is_asked() {
                self.is_over = true;
                self.desk.api.ask(Method::Delete, &self.path, None)?;
                continue;
            }
            thread::sleep(GLANCE);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            // It ends by its limits if this does not get through.
            let _ = self.desk.api.ask(Method::Delete, &self.path, None);
        }
    }
}

fn download(path: &str, file: &FilePath, desk: &Desk) -> Result<u64, Failure> {
    let mut from = desk.api.open(path)?;
    let failed = |error| Failure::Local(file.display().to_string(), error);
    let mut to = File::create(file).map_err(failed)?;
    let size = copy(&mut from, &mut to).map_err(failed)?;
    to.sync_all().map_err(failed)?;
    Ok(size)
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<u64> {
    io::copy(from, to)
}

/// A name for a file that no client identifier can lead out of this directory.
fn file_name(client: &str, id: &str) -> String {
    let safe = |one: char| {
        let is_safe = one.is_ascii_alphanumeric() || matches!(one, '-' | '_');
        if is_safe { one } else { '_' }
    };
    let client: String = client.chars().take(64).map(safe).collect();
    let id: String = id.chars().map(safe).collect();
    format!("{client}-{id}.castmq")
}

fn sentence(done: &Value, size: u64, file: &FilePath) -> String {
    let inputs = done.get("inputs_count").and_then(Value::as_u64);
    let why = match word(done, "ended_because") {
        "" => String::new(),
        why => format!(", ended by {}", plain(why)),
    };
    #[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
    let size = size as f64;
    let from_broker = number(done, "bytes");
    format!(
        "{}: {}, {}{why}; step through it: castmq replay {}",
        file.display(),
        text::count(inputs.unwrap_or_default(), "input"),
        bytes(if size > 0.0 { size } else { from_broker }),
        file.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_identifier_cannot_choose_the_directory() {
        assert_eq!(file_name("../../etc/x y", "7"), "______etc_x_y-7.castmq");
        assert_eq!(file_name(&"x".repeat(300), "7").len(), 64 + 9);
    }

    #[test]
    fn the_end_says_what_one_does_next() {
        let done = json!({"inputs_count": 1, "ended_because": "seconds"});
        assert_eq!(
            sentence(&done, 2048, FilePath::new("c1-7.castmq")),
            "c1-7.castmq: 1 input, 2 KiB, ended by seconds; step through it: castmq replay c1-7.castmq"
        );
    }
}
