//! A poller of its own for each arbiter: one edge-triggered epoll instance, whose descriptor is all that
//! tokio's reactor knows of it.
//!
//! A socket is registered once, for reading, writing and hang-up, and costs no task, no waker and no
//! lock when something happens to it: a round asks the kernel once for all of them. A read that brings
//! less than it could has emptied the socket, so that no second one has to find that out.

use std::io::{self, ErrorKind::WouldBlock, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, Waker};

use castmq_otp::{Accepted, Chunk, Listening, Poller, Readiness, Stream, Token};
use rustix::event::{Timespec, epoll};
use rustix::net::SocketFlags;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::discard::discard_input;
use crate::slots::Slots;

/// Events that the kernel is asked for at a time; what is left is told in the next round.
const EVENTS: usize = 256;

enum Kind {
    Stream(TcpStream),
    Listener(TcpListener),
}

impl AsFd for Kind {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stream(stream) => stream.as_fd(),
            Self::Listener(listener) => listener.as_fd(),
        }
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

/// The sockets of one arbiter on an epoll instance of their own.
pub struct EpollPoller {
    epoll: AsyncFd<OwnedFd>,
    places: Vec<Option<Socket>>,
    free: Vec<u32>,
    by_token: Slots<u32>,
    next_serial: u32,
    events: Vec<epoll::Event>,
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
        if matches!(kind, Kind::Stream(_)) {
            flags |= epoll::EventFlags::OUT | epoll::EventFlags::RDHUP;
        }
        let data = epoll::EventData::new_u64(u64::from(serial) << 32 | u64::from(place));
        if let Err(error) = epoll::add(self.epoll.get_ref(), &kind, data, flags) {
            self.free.push(place);
            return Err(error.into());
        }
        let socket = Socket {
            token,
            serial,
            kind,
            is_hung_up: false,
            is_ended: false,
            is_blocked: false,
        };
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
            let ends = epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR;
            socket.is_hung_up |= flags.intersects(ends);
            if flags.intersects(epoll::EventFlags::IN | ends) {
                ready.push(Readiness::Readable(socket.token));
            }
            if socket.is_blocked && flags.intersects(epoll::EventFlags::OUT | ends) {
                socket.is_blocked = false;
                ready.push(Readiness::Writable(socket.token));
            }
        }
        self.events = events;
        if is_all {
            self.await_events();
        } else if let Some(waker) = &self.dispatcher {
            waker.wake_by_ref();
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
        let Stream::Tcp(stream) = stream else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        self.add(token, Kind::Stream(stream))
    }

    fn listen(&mut self, token: Token, listening: Listening) -> io::Result<()> {
        let Listening::Tcp(listener) = listening else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        self.add(token, Kind::Listener(listener))
    }

    fn accept(&mut self, token: Token) -> io::Result<Accepted> {
        let Kind::Listener(listener) = &self.socket(token)?.kind else {
            return Err(io::ErrorKind::NotFound.into());
        };
        // Packets are gathered by us: an accepted socket has its listener's TCP_NODELAY.
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (stream, peer) = rustix::net::acceptfrom_with(listener, flags)?;
        let peer = peer
            .and_then(|peer| SocketAddr::try_from(peer).ok())
            .ok_or(io::ErrorKind::InvalidData)?;
        Ok(Accepted {
            stream: Stream::Tcp(TcpStream::from(stream)),
            peer: peer.into(),
        })
    }

    fn read(&mut self, token: Token, into: &mut [u8]) -> io::Result<Chunk> {
        let socket = self.socket(token)?;
        let Kind::Stream(stream) = &mut socket.kind else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let bytes = stream.read(into)?;
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
        let Kind::Stream(stream) = &mut socket.kind else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let written = stream.write(bytes);
        socket.is_blocked |= matches!(&written, Err(error) if error.kind() == WouldBlock);
        written
    }

    fn is_independent(&self) -> bool {
        true
    }

    fn close(&mut self, token: Token) {
        let Some(Socket {
            kind: Kind::Stream(stream),
            is_ended: false,
            ..
        }) = self.remove(token)
        else {
            return;
        };
        discard_input(&stream);
    }

    fn detach(&mut self, token: Token) -> io::Result<Stream> {
        let Some(Socket {
            kind: Kind::Stream(stream),
            ..
        }) = self.remove(token)
        else {
            return Err(io::ErrorKind::NotFound.into());
        };
        epoll::delete(self.epoll.get_ref(), &stream)?;
        Ok(Stream::Tcp(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTENER: Token = Token::new(0, 1, 1);
    const STREAM: Token = Token::new(1, 1, 1);

    async fn next(poller: &mut EpollPoller) -> Readiness {
        std::future::poll_fn(|context| {
            poller.wake_with(context.waker());
            let mut ready = Vec::new();
            poller.poll(&mut ready);
            ready
                .first()
                .map_or(Poll::Pending, |&readiness| Poll::Ready(readiness))
        })
        .await
    }

    /// A poller with one registered stream, and its other end.
    async fn connected() -> (EpollPoller, TcpStream) {
        let listener = crate::bind("127.0.0.1:0".parse().unwrap(), 16).unwrap();
        let address = listener.local_addr().unwrap();
        let mut poller = EpollPoller::new().unwrap();
        poller.listen(LISTENER, Listening::Tcp(listener)).unwrap();
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(next(&mut poller).await, Readiness::Readable(LISTENER));
        let accepted = poller.accept(LISTENER).unwrap();
        assert_eq!(accepted.peer, client.local_addr().unwrap().into());
        poller.register(STREAM, accepted.stream).unwrap();
        (poller, client)
    }

    #[tokio::test]
    async fn an_accepted_connection_does_not_wait_for_more_to_send() {
        let (mut poller, _client) = connected().await;
        let Stream::Tcp(stream) = poller.detach(STREAM).unwrap() else {
            panic!("a TCP stream");
        };
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn a_short_read_is_the_last_one_until_more_comes() {
        let (mut poller, mut client) = connected().await;
        client.write_all(b"hello").unwrap();
        assert_eq!(next(&mut poller).await, Readiness::Readable(STREAM));
        let mut into = [0; 64];
        let chunk = poller.read(STREAM, &mut into).unwrap();
        assert_eq!((chunk.bytes, chunk.is_last), (5, true));

        client.write_all(b"again").unwrap();
        assert_eq!(next(&mut poller).await, Readiness::Readable(STREAM));
        assert_eq!(poller.read(STREAM, &mut into).unwrap().bytes, 5);
    }

    #[tokio::test]
    async fn a_read_that_fills_its_room_is_not_the_last_one() {
        let (mut poller, mut client) = connected().await;
        client.write_all(b"hello").unwrap();
        assert_eq!(next(&mut poller).await, Readiness::Readable(STREAM));

        let chunk = poller.read(STREAM, &mut [0; 5]).unwrap();
        assert_eq!((chunk.bytes, chunk.is_last), (5, false));
    }

    #[tokio::test]
    async fn an_end_behind_the_last_bytes_is_read_without_another_event() {
        let (mut poller, mut client) = connected().await;
        client.write_all(b"bye").unwrap();
        drop(client);
        // Both have arrived: the event names bytes and end together.
        tokio::task::yield_now().await;
        assert_eq!(next(&mut poller).await, Readiness::Readable(STREAM));
        let mut into = [0; 64];
        let chunk = poller.read(STREAM, &mut into).unwrap();
        assert_eq!((chunk.bytes, chunk.is_last), (3, false));
        assert_eq!(poller.read(STREAM, &mut into).unwrap().bytes, 0);
    }

    #[tokio::test]
    async fn a_write_that_found_no_room_is_told_when_there_is_some() {
        let (mut poller, mut client) = connected().await;
        let block = vec![0; 1 << 20];
        let mut sent = 0;
        while let Ok(count) = poller.write(STREAM, &block) {
            sent += count;
        }
        client.read_exact(&mut vec![0; sent]).unwrap();

        assert_eq!(next(&mut poller).await, Readiness::Writable(STREAM));
    }

    #[tokio::test]
    async fn what_was_written_arrives_although_bytes_were_left_unread() {
        let (mut poller, mut client) = connected().await;
        client.write_all(b"unread").unwrap();
        assert_eq!(next(&mut poller).await, Readiness::Readable(STREAM));
        assert_eq!(poller.write(STREAM, b"bye").unwrap(), 3);

        poller.close(STREAM);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"bye");
    }

    #[tokio::test]
    async fn a_late_event_of_a_former_socket_is_not_told_of_the_next_one() {
        let (mut poller, mut client) = connected().await;
        client.write_all(b"late").unwrap();
        let Stream::Tcp(former) = poller.detach(STREAM).unwrap() else {
            panic!("a TCP stream");
        };
        let (idle, _other) = pair();
        poller.register(STREAM, Stream::Tcp(idle)).unwrap();

        let mut ready = Vec::new();
        poller.poll(&mut ready);
        assert_eq!(ready, []);
        drop(former);
    }

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (other, _) = listener.accept().unwrap();
        one.set_nonblocking(true).unwrap();
        (one, other)
    }
}
