//! Server-sent events: lines become events, with a bound on what one may hold.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use super::failure::Failure;

/// Events that are read and not written yet.
const AHEAD: usize = 16;

/// How soon Ctrl-C is noticed.
pub(super) const GLANCE: Duration = Duration::from_millis(100);

/// The most bytes of one event: a flow with tens of thousands of hops.
const EVENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
}

/// The events in what is read.
#[derive(Debug)]
pub(super) struct Events<R>(R);

impl<R: BufRead> Events<R> {
    pub(super) fn new(reader: R) -> Self {
        Self(reader)
    }

    /// The next line without its end; none at the end of all.
    fn line(&mut self, room: usize) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let limit = room as u64 + 1;
        (&mut self.0).take(limit).read_until(b'\n', &mut bytes)?;
        if bytes.len() > room {
            return Err(io::Error::other("an event is longer than is sensible"));
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let text = String::from_utf8(bytes).map_err(io::Error::other)?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn event(&mut self) -> io::Result<Option<Event>> {
        let mut event = Event {
            name: "message".to_owned(),
            data: String::new(),
        };
        let mut lines = 0;
        loop {
            let room = EVENT_BYTES_MAX.saturating_sub(event.data.len());
            // An event that the end has cut off is none.
            let Some(line) = self.line(room)? else {
                return Ok(None);
            };
            if line.is_empty() {
                if lines > 0 {
                    return Ok(Some(event));
                }
                event.name = "message".to_owned();
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut event.name),
                "data" => {
                    if lines > 0 {
                        event.data.push('\n');
                    }
                    event.data.push_str(value);
                    lines += 1;
                }
                // Comments keep the connection alive; other fields are for browsers.
                _ => {}
            }
        }
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        self.event().transpose()
    }
}

/// Reads in a thread of its own, so that Ctrl-C need not wait for the next event.
pub(super) fn read_aside(
    reader: impl Read + Send + 'static,
) -> Result<Receiver<io::Result<Event>>, Failure> {
    let (sender, receiver) = sync_channel(AHEAD);
    let read = move || {
        for event in Events::new(BufReader::new(reader)) {
            if sender.send(event).is_err() {
                return;
            }
        }
    };
    let started = thread::Builder::new().name("events".to_owned()).spawn(read);
    started.map_err(|error| Failure::Local("thread".to_owned(), error))?;
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Vec<(String, String)> {
        Events::new(text.as_bytes())
            .map(|event| event.unwrap())
            .map(|event| (event.name, event.data))
            .collect()
    }

    fn pair(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn an_event_has_a_name_and_data() {
        let told = events("event: flow\ndata: {\"flow\":1}\n\ndata:x\r\n\r\n");
        assert_eq!(told, [pair("flow", "{\"flow\":1}"), pair("message", "x")]);
    }

    #[test]
    fn comments_and_other_fields_say_nothing() {
        assert_eq!(
            events(": here\n\nid: 7\n\nevent: a\nretry: 5\ndata: 1\n\n"),
            [pair("a", "1")]
        );
    }

    #[test]
    fn data_of_several_lines_is_one_text() {
        assert_eq!(events("data: a\ndata: b\n\n"), [pair("message", "a\nb")]);
    }

    #[test]
    fn an_event_that_is_cut_off_is_none() {
        assert_eq!(events("data: a\n\ndata: b\n"), [pair("message", "a")]);
    }
}
