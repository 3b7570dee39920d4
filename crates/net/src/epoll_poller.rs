//! A poller of its own for each arbiter: one edge-triggered epoll instance, whose descriptor is all that
//! tokio's reactor knows of it.
//!
//! A socket is registered once, for reading, writing and hang-up, and costs no task, no waker and no
//! lock when something happens to it: a round asks the kernel once for all of them. A read that brings
//! less than it could has emptied the socket, so that no second one has to find that out.

use std::io::{self, ErrorKind::WouldBlock, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::task::{Context, Poll, Waker};

use castmq_otp::{Accepted, Chunk, Facts, Listening, Peer, Poller, Readiness, Stream, Token};
use rustix::event::{Timespec, epoll};
use rustix::net::SocketFlags;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use crate::discard::discard_input;
use crate::pace::{Heard, Pace};
use crate::passage::{Openings, Passage, Seam, Step};
use crate::plain::Plain;
use crate::slots::Slots;

/// Events that the kernel is asked for at a time; what is left is told in the next round.
const EVENTS: usize = 256;

enum Kind {
    Stream(TcpStream),
    Unix(UnixStream),
    /// A stream whose bytes pass through a layer.
    Layered(Box<Layered>),
    Listener(TcpListener),
    UnixListener(UnixListener),
}

struct Layered {
    stream: Plain,
    passage: Passage,
    /// Since when it is open, in this poller.
    open_since: Option<Instant>,
}

impl AsFd for Kind {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stream(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
            Self::Layered(layered) => layered.stream.as_fd(),
            Self::Listener(listener) => listener.as_fd(),
            Self::UnixListener(listener) => listener.as_fd(),
        }
    }
}

impl Kind {
    const fn is_listener(&self) -> bool {
        matches!(self, Self::Listener(_) | Self::UnixListener(_))
    }
}

struct Socket {
    token: Token,
    /// Tells this socket from former ones in the same place, in events that are late.
    serial: u32,
    kind: Kind,
    /// The other side has closed or the connection broke: a short read is not the last one then.
    is_hung_up: bool,
    /// The end was read.
    is_ended: bool,
    /// A write found no room.
    is_blocked: bool,
}

impl Socket {
    /// Passes on what the kernel told of it.
    fn tell(
        &mut self,
        flags: epoll::EventFlags,
        openings: &mut Openings,
        ready: &mut Vec<Readiness>,
        heard: &mut Heard,
    ) {
        let ends = epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR;
        self.is_hung_up |= flags.intersects(ends);
        let mut is_writable = flags.intersects(epoll::EventFlags::OUT | ends);
        if let Kind::Layered(layered) = &mut self.kind {
            if layered.passage.is_opening() {
                return openings.push(self.token, &mut layered.passage);
            }
            layered.open_since.into_iter().for_each(|it| heard.note(it));
            is_writable = is_writable && layered.flush();
        } else {
            heard.is_plain |= matches!(self.kind, Kind::Stream(_) | Kind::Unix(_));
        }
        if flags.intersects(epoll::EventFlags::IN | ends) {
            ready.push(Readiness::Readable(self.token));
        }
        if self.is_blocked && is_writable {
            self.is_blocked = false;
            ready.push(Readiness::Writable(self.token));
        }
    }
}

impl Layered {
    /// Whether what the layer kept back has left. It has also where it never will: the next write tells.
    fn flush(&mut self) -> bool {
        let flushed = self.passage.flush(&mut Seam::new(&self.stream));
        !matches!(flushed, Err(error) if error.kind() == WouldBlock)
    }
}

/// The sockets of one arbiter on an epoll instance of their own.
pub struct EpollPoller {
    epoll: AsyncFd<OwnedFd>,
    places: Vec<Option<Socket>>,
    free: Vec<u32>,
    by_token: Slots<u32>,
    next_serial: u32,
    events: Vec<epoll::Event>,
    openings: Openings,
    pace: Pace,
    dispatcher: Option<Waker>,
}

impl std::fmt::Debug for EpollPoller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EpollPoller")
            .field("sockets", &self.by_token.len())
            .finish_non_exhaustive()
    }
}

impl EpollPoller {
    /// A poller without sockets. To be made on the arbiter's thread, whose reactor watches it.
    ///
    /// # Errors
    ///
    /// What the operating system says when it gives no epoll instance.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe for types that may change their descriptor; an OwnedFd does not"
        )]
        let epoll = AsyncFd::with_interest(epoll, Interest::READABLE)?;
        Ok(Self {
            epoll,
            places: Vec::new(),
            free: Vec::new(),
            by_token: Slots::default(),
            next_serial: 0,
            events: Vec::with_capacity(EVENTS),
            openings: Openings::default(),
            pace: Pace::default(),
            dispatcher: None,
        })
    }

    fn add(&mut self, token: Token, kind: Kind) -> io::Result<()> {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        let mut flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        if !kind.is_listener() {
            flags |= epoll::EventFlags::OUT | epoll::EventFlags::RDHUP;
        }
        let data = epoll::EventData::new_u64(u64::from(serial) << 32 | u64::from(place));
        if let Err(error) = epoll::add(self.epoll.get_ref(), &kind, data, flags) {
            self.free.push(place);
            return Err(error.into());
        }
        let mut socket = Socket {
            token,
            serial,
            kind,
            is_hung_up: false,
            is_ended: false,
            is_blocked: false,
        };
        if let Kind::Layered(layered) = &mut socket.kind {
            // One that is open already may hold bytes of which the kernel knows nothing.
            self.openings.push(token, &mut layered.passage);
            if let Some(waker) = &self.dispatcher {
                waker.wake_by_ref();
            }
        }
        if let Some(empty) = self.places.get_mut(place as usize) {
            *empty = Some(socket);
        }
        self.by_token.insert(token, place);
        Ok(())
    }

    fn socket(&mut self, token: Token) -> io::Result<&mut Socket> {
        let place = self.by_token.get(&token).copied();
        place
            .and_then(|place| self.places.get_mut(place as usize)?.as_mut())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Takes a socket out; the kernel forgets it with its descriptor, or by hand where that lives on.
    fn remove(&mut self, token: Token) -> Option<Socket> {
        let place = self.by_token.remove(&token)?;
        self.free.push(place);
        self.places.get_mut(place as usize)?.take()
    }

    /// Goes on with a few handshakes.
    fn open(&mut self, ready: &mut Vec<Readiness>) {
        let mut openings = std::mem::take(&mut self.openings);
        let begun = Instant::now();
        openings.round(|token| {
            let Kind::Layered(layered) = &mut self.socket(token).ok()?.kind else {
                return None;
            };
            let mut seam = Seam::new(&layered.stream);
            let step = layered.passage.open(&mut seam, token, ready);
            if step == Step::Opened {
                layered.open_since = Some(Instant::now());
            }
            Some(step)
        });
        self.openings = openings;
        let now = Instant::now();
        self.pace.note_steps(now.duration_since(begun), now);
    }

    /// Has the reactor tell when anything happens from here on. What happened since the kernel was asked
    /// has not reached the reactor, which runs on this thread, so it is told in its next turn.
    fn await_events(&self) {
        let Some(waker) = &self.dispatcher else {
            return;
        };
        let mut context = Context::from_waker(waker);
        while let Poll::Ready(Ok(mut guard)) = self.epoll.poll_read_ready(&mut context) {
            guard.clear_ready();
        }
    }
}

impl Poller for EpollPoller {
    fn poll(&mut self, ready: &mut Vec<Readiness>) {
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        let asked = epoll::wait(
            self.epoll.get_ref(),
            rustix::buffer::spare_capacity(&mut events),
            Some(&Timespec::default()),
        );
        let is_all = asked.is_ok() && events.len() < events.capacity();
        let mut heard = Heard::default();
        for event in events.drain(..) {
            let (flags, data) = (event.flags, event.data.u64());
            // The lower half is the place, the upper half the serial.
            let place = usize::try_from(data & u64::from(u32::MAX)).unwrap_or(usize::MAX);
            let Some(Some(socket)) = self.places.get_mut(place) else {
                continue;
            };
            if u64::from(socket.serial) != data >> 32 {
                continue;
            }
            socket.tell(flags, &mut self.openings, ready, &mut heard);
        }
        self.events = events;
        if !self.openings.is_empty() {
            let now = Instant::now();
            self.pace.note(heard, now);
            if self.pace.may_go_on(now) {
                self.open(ready);
            }
        }
        if is_all {
            self.await_events();
        }
        if let Some(waker) = &self.dispatcher {
            if !is_all {
                waker.wake_by_ref();
            } else if !self.openings.is_empty() {
                self.pace.wake(waker);
            }
        }
    }

    fn wake_with(&mut self, waker: &Waker) {
        if !self
            .dispatcher
            .as_ref()
            .is_some_and(|held| held.will_wake(waker))
        {
            self.dispatcher = Some(waker.clone());
        }
    }

    /// The stream is in non-blocking mode already.
    fn register(&mut self, token: Token, stream: Stream) -> io::Result<()> {
        let kind = match stream {
            Stream::Tcp(stream) => Kind::Stream(stream),
            Stream::Unix(stream) => Kind::Unix(stream),
            Stream::Layered(stream, layer) => Kind::Layered(Box::new(Layered {
                stream: Plain::below(*stream)?,
                passage: Passage::new(layer),
                open_since: None,
            })),
            Stream::Memory(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        self.add(token, kind)
    }

    fn listen(&mut self, token: Token, listening: Listening) -> io::Result<()> {
        let kind = match listening {
            Listening::Tcp(listener) => Kind::Listener(listener),
            Listening::Unix(listener) => Kind::UnixListener(listener),
        };
        self.add(token, kind)
    }

    fn accept(&mut self, token: Token) -> io::Result<Accepted> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        match &self.socket(token)?.kind {
            Kind::Listener(listener) => {
                // Packets are gathered by us: an accepted socket has its listener's TCP_NODELAY.
                let (stream, peer) = rustix::net::acceptfrom_with(listener, flags)?;
                let peer = peer
                    .and_then(|peer| SocketAddr::try_from(peer).ok())
                    .ok_or(io::ErrorKind::InvalidData)?;
                Ok(Accepted {
                    stream: Stream::Tcp(TcpStream::from(stream)),
                    peer: peer.into(),
                })
            }
            Kind::UnixListener(listener) => {
                let stream = rustix::net::accept_with(listener, flags)?;
                Ok(Accepted {
                    stream: Stream::Unix(UnixStream::from(stream)),
                    peer: Peer::Unix,
                })
            }
            Kind::Stream(_) | Kind::Unix(_) | Kind::Layered(_) => {
                Err(io::ErrorKind::NotFound.into())
            }
        }
    }

    fn read(&mut self, token: Token, into: &mut [u8]) -> io::Result<Chunk> {
        let socket = self.socket(token)?;
        let bytes = match &mut socket.kind {
            Kind::Stream(stream) => stream.read(into)?,
            Kind::Unix(stream) => stream.read(into)?,
            Kind::Layered(layered) => {
                let mut seam = Seam::new(&layered.stream);
                let mut chunk = layered.passage.read(&mut seam, into)?;
                chunk.is_last = chunk.is_last && seam.is_drained && !socket.is_hung_up;
                return Ok(chunk);
            }
            Kind::Listener(_) | Kind::UnixListener(_) => {
                return Err(io::ErrorKind::NotFound.into());
            }
        };
        socket.is_ended |= bytes == 0;
        Ok(Chunk {
            bytes,
            // Less than there was room for is all there was; but for urgent data, at which a read stops
            // short. Who sends such delays itself until its next packet.
            is_last: bytes < into.len() && !socket.is_hung_up,
        })
    }

    fn write(&mut self, token: Token, bytes: &[u8]) -> io::Result<usize> {
        let socket = self.socket(token)?;
        let written = match &mut socket.kind {
            Kind::Stream(stream) => stream.write(bytes),
            Kind::Unix(stream) => stream.write(bytes),
            Kind::Layered(layered) => layered
                .passage
                .write(&mut Seam::new(&layered.stream), bytes),
            Kind::Listener(_) | Kind::UnixListener(_) => {
                return Err(io::ErrorKind::NotFound.into());
            }
        };
        socket.is_blocked |= matches!(&written, Err(error) if error.kind() == WouldBlock);
        written
    }

    fn facts(&mut self, token: Token) -> Option<Facts> {
        match &self.socket(token).ok()?.kind {
            Kind::Layered(layered) => layered.passage.facts(),
            Kind::Stream(_) | Kind::Unix(_) | Kind::Listener(_) | Kind::UnixListener(_) => None,
        }
    }

    fn is_independent(&self) -> bool {
        true
    }

    fn close(&mut self, token: Token) {
        let Some(socket) = self.remove(token) else {
            return;
        };
        match socket.kind {
            Kind::Stream(stream) if !socket.is_ended => discard_input(&stream),
            Kind::Unix(stream) if !socket.is_ended => discard_input(&stream),
            Kind::Layered(mut layered) => {
                layered.passage.close(&mut Seam::new(&layered.stream));
                discard_input(&layered.stream);
            }
            Kind::Stream(_) | Kind::Unix(_) | Kind::Listener(_) | Kind::UnixListener(_) => {}
        }
    }

    fn detach(&mut self, token: Token) -> io::Result<Stream> {
        let Some(socket) = self.remove(token) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        epoll::delete(self.epoll.get_ref(), &socket.kind)?;
        match socket.kind {
            Kind::Stream(stream) => Ok(Stream::Tcp(stream)),
            Kind::Unix(stream) => Ok(Stream::Unix(stream)),
            Kind::Layered(layered) => {
                let Layered {
                    stream, passage, ..
                } = *layered;
                Ok(stream.under(passage.into_layer()))
            }
            Kind::Listener(_) | Kind::UnixListener(_) => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

#[cfg(test)]
mod tests;
