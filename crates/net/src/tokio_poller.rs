//! A poller on tokio's readiness: portable, and needs nothing but the runtime that runs the arbiter.
//!
//! Each socket has two wakers that write its token into a list and wake the dispatcher, so a round
//! costs what is ready and not what is registered.

use std::io::{self, ErrorKind::WouldBlock, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use castmq_otp::{Accepted, Chunk, Facts, Listening, Poller, Readiness, Stream, Token};

use crate::discard::discard_input;
use crate::passage::{Openings, Passage, Seam};
use crate::plain::Plain;
use crate::reacting::{Listener, Reacting};
use crate::slots::Slots;

#[derive(Default)]
struct Ready {
    told: Mutex<Vec<Readiness>>,
    /// Those of sockets with layers, which have their say first.
    layered: Mutex<Vec<Readiness>>,
    dispatcher: Mutex<Option<Waker>>,
}

impl Ready {
    fn tell(&self, readiness: Readiness, list: &Mutex<Vec<Readiness>>) {
        lock(list).push(readiness);
        let dispatcher = lock(&self.dispatcher).clone();
        if let Some(dispatcher) = dispatcher {
            dispatcher.wake();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Bell {
    readiness: Readiness,
    is_layered: bool,
    ready: Arc<Ready>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let list = if self.is_layered {
            &self.ready.layered
        } else {
            &self.ready.told
        };
        self.ready.tell(self.readiness, list);
    }
}

enum Kind {
    Stream(Reacting, Option<Box<Passage>>),
    Listener(Listener, Option<Accepted>),
}

struct Socket {
    kind: Kind,
    readable: Waker,
    writable: Waker,
}

/// A socket of a connection, in parts.
struct Parts<'a> {
    stream: &'a Reacting,
    passage: Option<&'a mut Passage>,
    readable: &'a Waker,
    writable: &'a Waker,
}

impl Parts<'_> {
    /// Lets the layer use the socket, and has what it met there awaited.
    fn with_layer<R>(
        &mut self,
        work: impl FnOnce(&mut Passage, &mut Seam<&Reacting>) -> R,
    ) -> Option<R> {
        let passage = self.passage.as_deref_mut()?;
        let mut seam = Seam::new(self.stream);
        let result = work(passage, &mut seam);
        if seam.is_read_blocked {
            self.stream.await_readable(self.readable);
        }
        if seam.is_write_blocked {
            self.stream.await_writable(self.writable);
        }
        Some(result)
    }
}

/// The sockets of one arbiter on tokio's reactor.
#[derive(Default)]
pub struct TokioPoller {
    sockets: Slots<Socket>,
    ready: Arc<Ready>,
    openings: Openings,
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
        let is_layered = matches!(kind, Kind::Stream(_, Some(_)));
        let bell = |readiness| {
            Waker::from(Arc::new(Bell {
                readiness,
                is_layered,
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

    fn parts(&mut self, token: Token) -> io::Result<Parts<'_>> {
        match self.sockets.get_mut(&token) {
            Some(Socket {
                kind: Kind::Stream(stream, passage),
                readable,
                writable,
            }) => Ok(Parts {
                stream,
                passage: passage.as_deref_mut(),
                readable,
                writable,
            }),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// What became ready of sockets with layers: those go on with opening, or flush, before their
    /// connections hear of it.
    fn tell_layered(&mut self, ready: &mut Vec<Readiness>) {
        let told = std::mem::take(&mut *lock(&self.ready.layered));
        let mut openings = std::mem::take(&mut self.openings);
        for readiness in told {
            let (Readiness::Readable(token) | Readiness::Writable(token)) = readiness;
            let Ok(mut parts) = self.parts(token) else {
                continue;
            };
            if let Some(passage) = parts.passage.as_deref_mut()
                && passage.is_opening()
            {
                openings.push(token, passage);
                continue;
            }
            let is_write = readiness == Readiness::Writable(token);
            let flushed = is_write
                .then(|| parts.with_layer(|passage, seam| passage.flush(seam)))
                .flatten();
            if !matches!(flushed, Some(Err(error)) if error.kind() == WouldBlock) {
                ready.push(readiness);
            }
        }
        openings.round(|token| {
            let mut parts = self.parts(token).ok()?;
            parts.with_layer(|passage, seam| passage.open(seam, token, ready))
        });
        self.openings = openings;
    }

    /// Has the dispatcher run again, behind the reactor: a plain wake would have it polled many times
    /// before tokio looks at the sockets again.
    fn come_again(&self) {
        if let Some(dispatcher) = lock(&self.ready.dispatcher).as_ref() {
            let mut context = Context::from_waker(dispatcher);
            let _ = Future::poll(std::pin::pin!(tokio::task::yield_now()), &mut context);
        }
    }
}

impl Poller for TokioPoller {
    fn poll(&mut self, ready: &mut Vec<Readiness>) {
        ready.append(&mut lock(&self.ready.told));
        let has_layered = !lock(&self.ready.layered).is_empty();
        if has_layered || !self.openings.is_empty() {
            self.tell_layered(ready);
        }
        if !self.openings.is_empty() {
            self.come_again();
        }
    }

    fn wake_with(&mut self, waker: &Waker) {
        let mut dispatcher = lock(&self.ready.dispatcher);
        if !dispatcher
            .as_ref()
            .is_some_and(|held| held.will_wake(waker))
        {
            *dispatcher = Some(waker.clone());
        }
    }

    fn register(&mut self, token: Token, stream: Stream) -> io::Result<()> {
        let (stream, passage) = Passage::apart(stream);
        let stream = Reacting::new(Plain::below(stream)?)?;
        self.add(token, Kind::Stream(stream, passage));
        let parts = self.parts(token)?;
        if parts.passage.is_some() {
            // One that is open already may hold bytes of which the reactor knows nothing.
            parts.readable.wake_by_ref();
        } else {
            parts.stream.await_readable(parts.readable);
        }
        Ok(())
    }

    fn listen(&mut self, token: Token, listening: Listening) -> io::Result<()> {
        let listener = Listener::new(listening)?;
        self.add(token, Kind::Listener(listener, None));
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
        match self.sockets.get_mut(&token) {
            Some(Socket {
                kind: Kind::Listener(listener, early),
                readable,
                ..
            }) => early.take().map_or_else(|| listener.accept(readable), Ok),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn read(&mut self, token: Token, into: &mut [u8]) -> io::Result<Chunk> {
        let mut parts = self.parts(token)?;
        if let Some(read) = parts.with_layer(|passage, seam| passage.read(seam, into)) {
            return read.map(|chunk| Chunk {
                is_last: false,
                ..chunk
            });
        }
        let read = parts.stream.read(into);
        if matches!(&read, Err(error) if error.kind() == WouldBlock) {
            parts.stream.await_readable(parts.readable);
        }
        read.map(|bytes| Chunk {
            bytes,
            is_last: false,
        })
    }

    fn write(&mut self, token: Token, bytes: &[u8]) -> io::Result<usize> {
        let mut parts = self.parts(token)?;
        if let Some(written) = parts.with_layer(|passage, seam| passage.write(seam, bytes)) {
            return written;
        }
        let written = parts.stream.write(bytes);
        if matches!(&written, Err(error) if error.kind() == WouldBlock) {
            parts.stream.await_writable(parts.writable);
        }
        written
    }

    fn facts(&mut self, token: Token) -> Option<Facts> {
        self.parts(token).ok()?.passage?.facts()
    }

    fn close(&mut self, token: Token) {
        if let Ok(mut parts) = self.parts(token) {
            parts.with_layer(|passage, seam| passage.close(seam));
        }
        let Some(Socket {
            kind: Kind::Stream(stream, _),
            ..
        }) = self.sockets.remove(&token)
        else {
            return;
        };
        let Ok(stream) = stream.into_plain() else {
            return;
        };
        stream.shutdown_write();
        discard_input(&stream);
    }

    fn detach(&mut self, token: Token) -> io::Result<Stream> {
        let Some(Socket {
            kind: Kind::Stream(stream, passage),
            ..
        }) = self.sockets.remove(&token)
        else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let stream = stream.into_plain()?;
        Ok(match passage {
            Some(passage) => stream.under(passage.into_layer()),
            None => stream.into_stream(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

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
        client.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"there");
    }
}
