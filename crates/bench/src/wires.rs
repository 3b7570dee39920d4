//! The connections of one thread: reads in bulk, writes at once, one poller.
//!
//! All share one buffer for reading. Only a packet that a read has cut, and bytes that the system
//! did not take, are kept with their connection; an idle one costs no more than its socket.

mod wire;

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::clock::{self, Moment};
use crate::frame::{DISCONNECT, Version};
use crate::scan::{self, Packet};
use crate::stream::Stream;
use crate::target::Target;
use wire::{Wire, data, write};

/// What is read from one connection at a time.
const READ_BYTES: usize = 256 * 1024;
/// Connections that are served between two looks at what is due.
const EVENTS: usize = 256;

/// Who decides what is answered to the broker.
pub(crate) trait Handler {
    /// A packet came; what is put into `reply` is written when all that was read is handled.
    fn handle_packet(&mut self, incoming: Incoming<'_>, reply: &mut Vec<u8>);

    /// The connection is gone, for another reason than [`Wires::close_all`].
    fn handle_closed(&mut self, wire: usize, why: &Closed);

    /// What was written before has left; the connection takes more.
    fn handle_writable(&mut self, wire: usize);
}

/// A packet, and where and when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) wire: usize,
    pub(crate) now: Moment,
    pub(crate) packet: Packet<'a>,
}

/// Why a connection is gone.
#[derive(Debug)]
pub(crate) enum Closed {
    /// The broker closed it; in 5.0 it may have said why.
    ByBroker(Option<u8>),
    /// The system says so, or TLS or WebSocket.
    Broken(io::Error),
    /// It carried something else than MQTT.
    Malformed(scan::Malformed),
}

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByBroker(None) => formatter.write_str("closed by the broker"),
            Self::ByBroker(Some(reason)) => {
                write!(formatter, "closed by the broker, reason {reason:#04x}")
            }
            Self::Broken(error) => match error.get_ref() {
                Some(error) => write!(formatter, "{error}"),
                None => write!(formatter, "{}", error.kind()),
            },
            Self::Malformed(malformed) => write!(formatter, "{malformed}"),
        }
    }
}

/// Room for what a poll finds; it cannot leave its thread, as the wires do.
pub(crate) struct Events(Vec<epoll::Event>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(EVENTS))
    }
}

/// The connections of one thread; each is known by its number.
#[derive(Debug)]
pub(crate) struct Wires {
    version: Version,
    target: Arc<Target>,
    epoll: OwnedFd,
    wires: Vec<Wire>,
    buffer: Vec<u8>,
    reply: Vec<u8>,
}

impl Wires {
    /// No connections yet.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn new(target: Arc<Target>, version: Version) -> io::Result<Self> {
        Ok(Self {
            version,
            target,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            wires: Vec::new(),
            buffer: vec![0; READ_BYTES],
            reply: Vec::with_capacity(READ_BYTES),
        })
    }

    /// Begins to connect as this wire, and to write these bytes.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn open(&mut self, wire: usize, source: usize, first: &[u8]) -> io::Result<()> {
        let stream = Stream::open(&self.target, source)?;
        if self.wires.len() <= wire {
            self.wires.resize_with(wire + 1, Wire::default);
        }
        epoll::add(&self.epoll, &stream, data(wire), epoll::EventFlags::IN)?;
        if let Some(place) = self.wires.get_mut(wire) {
            *place = Wire::new(stream);
        }
        self.send(wire, first);
        Ok(())
    }

    /// Closes all; nobody is told.
    pub(crate) fn close_all(&mut self) {
        self.wires.clear();
    }

    /// The numbers below this one are in use, or have been.
    pub(crate) fn count(&self) -> usize {
        self.wires.len()
    }

    /// Whether it is connected, or about to be.
    pub(crate) fn is_open(&self, wire: usize) -> bool {
        self.wires
            .get(wire)
            .is_some_and(|wire| wire.stream.is_some())
    }

    /// Whether it is open and has nothing left to write.
    pub(crate) fn is_writable(&self, wire: usize) -> bool {
        self.wires
            .get(wire)
            .is_some_and(|wire| wire.stream.is_some() && wire.has_written_all())
    }

    /// Writes, or keeps what the system does not take. A broken connection shows at the next poll.
    pub(crate) fn send(&mut self, wire: usize, bytes: &[u8]) {
        let number = wire;
        let Some(wire) = self.wires.get_mut(wire) else {
            return;
        };
        let Some(stream) = &mut wire.stream else {
            return;
        };
        if !wire.unsent.is_empty() {
            wire.unsent.extend_from_slice(bytes);
            return;
        }
        let written = write(stream, bytes);
        let rest = bytes.get(written..).unwrap_or(&[]);
        if !rest.is_empty() {
            wire.unsent.extend_from_slice(rest);
        }
        wire.ask_for_room(&self.epoll, number);
    }

    /// Says goodbye and closes this side. The handler is told when the broker has closed its side,
    /// too: only then has it done its work. \[MQTT3-3.14.4-1\]
    pub(crate) fn leave(&mut self, wire: usize) {
        self.send(wire, DISCONNECT);
        if let Some(wire) = self.wires.get_mut(wire) {
            wire.is_leaving = true;
            wire.close_own_side_if_it_leaves();
        }
    }

    /// Waits at most so long for something to happen, and lets the handler deal with it.
    ///
    /// # Errors
    ///
    /// When the system cannot wait.
    pub(crate) fn poll(
        &mut self,
        wait: Duration,
        events: &mut Events,
        handler: &mut impl Handler,
    ) -> io::Result<()> {
        let events = &mut events.0;
        events.clear();
        self.ask(events)?;
        if events.is_empty() && !wait.is_zero() {
            // Nanoseconds, as epoll_pwait2 would take; but that one makes the program, the broker in
            // it included, one for Linux 5.11 and later, and valgrind does not know it.
            let mut epoll = [PollFd::new(&self.epoll, PollFlags::IN)];
            match poll(&mut epoll, Timespec::try_from(wait).ok().as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            self.ask(events)?;
        }
        for event in events {
            let (flags, data) = (event.flags, event.data);
            let wire = usize::try_from(data.u64()).unwrap_or(usize::MAX);
            if flags.contains(epoll::EventFlags::OUT) {
                self.flush(wire, handler);
            }
            if flags != epoll::EventFlags::OUT {
                self.read(wire, handler);
            }
        }
        Ok(())
    }

    /// What has happened up to now.
    fn ask(&self, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        let space = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.epoll, space, Some(&Timespec::default())) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn flush(&mut self, number: usize, handler: &mut impl Handler) {
        let Some(wire) = self.wires.get_mut(number) else {
            return;
        };
        let Some(stream) = &mut wire.stream else {
            return;
        };
        // It waits for nothing: what the socket does not take stays where it is.
        let _ = stream.flush();
        let written = write(stream, &wire.unsent);
        wire.unsent.drain(..written);
        wire.ask_for_room(&self.epoll, number);
        if wire.has_written_all() {
            wire.unsent.shrink_to(READ_BYTES);
            wire.close_own_side_if_it_leaves();
            handler.handle_writable(number);
        }
    }

    fn read(&mut self, number: usize, handler: &mut impl Handler) {
        let Some(wire) = self.wires.get_mut(number) else {
            return;
        };
        let Some(stream) = &mut wire.stream else {
            return;
        };
        let kept = wire.cut.len();
        if self.buffer.len() < kept + READ_BYTES / 2 {
            self.buffer.resize(kept + READ_BYTES, 0);
        }
        let (front, space) = self.buffer.split_at_mut(kept);
        front.copy_from_slice(&wire.cut);
        wire.cut.clear();
        let closed = match stream.read(space) {
            Ok(0) => Some(Closed::ByBroker(wire.goodbye)),
            Ok(read) => {
                let bytes = self.buffer.get(..kept + read).unwrap_or(&[]);
                let scanned = scan_all(number, bytes, self.version, handler, &mut self.reply);
                match scanned {
                    Ok((rest, goodbye)) => {
                        wire.cut.extend_from_slice(rest);
                        wire.goodbye = goodbye;
                        None
                    }
                    Err(malformed) => Some(Closed::Malformed(malformed)),
                }
            }
            Err(error) if is_for_later(&error) => {
                wire.cut.extend_from_slice(front);
                None
            }
            Err(error) => Some(Closed::Broken(error)),
        };
        if let Some(why) = closed {
            *wire = Wire::default();
            self.reply.clear();
            handler.handle_closed(number, &why);
            return;
        }
        if stream.opens_by_reading() {
            if wire.unsent.is_empty() {
                wire.ask_for_room(&self.epoll, number);
            } else {
                self.flush(number, handler);
            }
        }
        if !self.reply.is_empty() {
            let mut reply = std::mem::take(&mut self.reply);
            self.send(number, &reply);
            reply.clear();
            self.reply = reply;
        }
    }
}

/// Hands over all whole packets; what is left, and the reason of a goodbye among them.
fn scan_all<'a>(
    wire: usize,
    bytes: &'a [u8],
    version: Version,
    handler: &mut impl Handler,
    reply: &mut Vec<u8>,
) -> Result<(&'a [u8], Option<u8>), scan::Malformed> {
    let now = clock::now();
    let mut goodbye = None;
    let mut rest = bytes;
    while let Some((packet, behind)) = scan::take(rest, version)? {
        if let Packet::Disconnect { reason } = packet {
            goodbye = Some(reason);
        }
        handler.handle_packet(Incoming { wire, now, packet }, reply);
        rest = behind;
    }
    Ok((rest, goodbye))
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests;
