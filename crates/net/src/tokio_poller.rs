//! A poller on tokio's readiness: portable, and needs nothing but the runtime that runs the arbiter.
//!
//! Each socket has two wakers that write its token into a list and wake the dispatcher, so a round
//! costs what is ready and not what is registered.

use std::io::{self, ErrorKind::WouldBlock};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use castmq_otp::{Accepted, Chunk, Listening, Poller, Readiness, Stream, Token};
use tokio::net::{TcpListener, TcpStream};

use crate::discard::discard_input;
use crate::slots::Slots;

#[derive(Default)]
struct Ready {
    told: Mutex<Vec<Readiness>>,
    dispatcher: Mutex<Option<Waker>>,
}

impl Ready {
    fn tell(&self, readiness: Readiness) {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(readiness);
        let dispatcher = self
            .dispatcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(dispatcher) = dispatcher {
            dispatcher.wake();
        }
    }
}

struct Bell {
    readiness: Readiness,
    ready: Arc<Ready>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ready.tell(self.readiness);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.tell(self.readiness);
    }
}

enum Kind {
    Stream(TcpStream),
    Listener(TcpListener, Option<Accepted>),
}

struct Socket {
    kind: Kind,
    readable: Waker,
    writable: Waker,
}

/// The sockets of one arbiter on tokio's reactor.
#[derive(Default)]
pub struct TokioPoller {
    sockets: Slots<Socket>,
    ready: Arc<Ready>,
}

impl std::fmt::Debug for TokioPoller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("TokioPoller")
            .field("sockets", &self.sockets.len())
            .finish_non_exhaustive()
    }
}

impl TokioPoller {
    fn add(&mut self, token: Token, kind: Kind) {
        let bell = |readiness| {
            Waker::from(Arc::new(Bell {
                readiness,
                ready: Arc::clone(&self.ready),
            }))
        };
        let socket = Socket {
            kind,
            readable: bell(Readiness::Readable(token)),
            writable: bell(Readiness::Writable(token)),
        };
        self.sockets.insert(token, socket);
    }

    fn stream(&mut self, token: Token) -> io::Result<(&mut TcpStream, &Waker, &Waker)> {
        match self.sockets.get_mut(&token) {
            Some(Socket {
                kind: Kind::Stream(stream),
                readable,
                writable,
            }) => Ok((stream, readable, writable)),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Has `readable` woken at the next readiness; rings at once when there is one already.
fn await_readable(stream: &TcpStream, readable: &Waker) {
    if stream
        .poll_read_ready(&mut Context::from_waker(readable))
        .is_ready()
    {
        readable.wake_by_ref();
    }
}

fn await_writable(stream: &TcpStream, writable: &Waker) {
    if stream
        .poll_write_ready(&mut Context::from_waker(writable))
        .is_ready()
    {
        writable.wake_by_ref();
    }
}

impl Poller for TokioPoller {
    fn poll(&mut self, ready: &mut Vec<Readiness>) {
        ready.append(
            &mut self
                .ready
                .told
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn wake_with(&mut self, waker: &Waker) {
        let mut dispatcher = self
            .ready
            .dispatcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !dispatcher
            .as_ref()
            .is_some_and(|held| held.will_wake(waker))
        {
            *dispatcher = Some(waker.clone());
        }
    }

    fn register(&mut self, token: Token, stream: Stream) -> io::Result<()> {
        let Stream::Tcp(stream) = stream else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        stream.set_nonblocking(true)?;
        // Packets are gathered by us, turn by turn; the kernel shall not wait for more.
        stream.set_nodelay(true)?;
        let stream = TcpStream::from_std(stream)?;
        self.add(token, Kind::Stream(stream));
        let (stream, readable, _) = self.stream(token)?;
        await_readable(stream, readable);
        Ok(())
    }

    fn listen(&mut self, token: Token, listening: Listening) -> io::Result<()> {
        let Listening::Tcp(listener) = listening else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        self.add(
            token,
            Kind::Listener(TcpListener::from_std(listener)?, None),
        );
        // Accepting once asks tokio for readiness; a connection that is there already is kept.
        match self.accept(token) {
            Ok(accepted) => {
                if let Some(Socket {
                    kind: Kind::Listener(_, early),
                    readable,
                    ..
                }) = self.sockets.get_mut(&token)
                {
                    *early = Some(accepted);
                    readable.wake_by_ref();
                }
                Ok(())
            }
            Err(error) if error.kind() == WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn accept(&mut self, token: Token) -> io::Result<Accepted> {
        let Some(Socket {
            kind: Kind::Listener(listener, early),
            readable,
            ..
        }) = self.sockets.get_mut(&token)
        else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if let Some(accepted) = early.take() {
            return Ok(accepted);
        }
        match listener.poll_accept(&mut Context::from_waker(readable)) {
            Poll::Ready(accepted) => {
                let (stream, peer) = accepted?;
                Ok(Accepted {
                    stream: Stream::Tcp(stream.into_std()?),
                    peer: peer.into(),
                })
            }
            Poll::Pending => Err(WouldBlock.into()),
        }
    }

    fn read(&mut self, token: Token, into: &mut [u8]) -> io::Result<Chunk> {
        let (stream, readable, _) = self.stream(token)?;
        let read = stream.try_read(into);
        if matches!(&read, Err(error) if error.kind() == WouldBlock) {
            await_readable(stream, readable);
        }
        read.map(|bytes| Chunk {
            bytes,
            is_last: false,
        })
    }

    fn write(&mut self, token: Token, bytes: &[u8]) -> io::Result<usize> {
        let (stream, _, writable) = self.stream(token)?;
        let written = stream.try_write(bytes);
        if matches!(&written, Err(error) if error.kind() == WouldBlock) {
            await_writable(stream, writable);
        }
        written
    }

    fn close(&mut self, token: Token) {
        let Some(Socket {
            kind: Kind::Stream(stream),
            ..
        }) = self.sockets.remove(&token)
        else {
            return;
        };
        let Ok(stream) = stream.into_std() else {
            return;
        };
        let _ = stream.shutdown(std::net::Shutdown::Write);
        discard_input(&stream);
    }

    fn detach(&mut self, token: Token) -> io::Result<Stream> {
        match self.sockets.remove(&token) {
            Some(Socket {
                kind: Kind::Stream(stream),
                ..
            }) => stream.into_std().map(Stream::Tcp),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const LISTENER: Token = Token::new(0, 1, 1);
    const STREAM: Token = Token::new(1, 1, 1);

    async fn next(poller: &mut TokioPoller) -> Readiness {
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

    #[tokio::test]
    async fn a_connection_is_accepted_read_and_written() {
        let listener = crate::bind("127.0.0.1:0".parse().unwrap(), 16).unwrap();
        let address = listener.local_addr().unwrap();
        let mut poller = TokioPoller::default();
        poller.listen(LISTENER, Listening::Tcp(listener)).unwrap();
        let mut client = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(next(&mut poller).await, Readiness::Readable(LISTENER));
        let accepted = poller.accept(LISTENER).unwrap();
        assert_eq!(accepted.peer, client.local_addr().unwrap().into());

        poller.register(STREAM, accepted.stream).unwrap();
        client.write_all(b"hello").unwrap();
        assert_eq!(next(&mut poller).await, Readiness::Readable(STREAM));
        let mut into = [0; 64];
        assert_eq!(poller.read(STREAM, &mut into).unwrap().bytes, 5);
        assert_eq!(
            poller.read(STREAM, &mut into).unwrap_err().kind(),
            WouldBlock
        );
        assert_eq!(poller.write(STREAM, b"there").unwrap(), 5);

        poller.close(STREAM);
        let mut answer = Vec::new();
        io::Read::read_to_end(&mut client, &mut answer).unwrap();
        assert_eq!(answer, b"there");
    }
}
