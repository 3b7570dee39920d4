//! Sockets with layers in the pollers of the operating system. Clients have threads of their own and block;
//! pollers are driven by nothing but their wakers.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::Poll;
use std::thread::{Builder, JoinHandle};

use castmq_net::{
    EpollPoller, Owner, TlsVersion, TokioPoller, Transport, TransportPlan, bind_unix,
};
use castmq_otp::{Listening, Peer, Poller, Readiness, Stream, Token};
use proptest::prelude::*;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::authority::{Authority, Scratch, encrypted};
use crate::scene::{Client, TOKEN, peer};
use crate::websocket::{REQUEST, plan};

const PLAIN: Token = Token::new(1, 1, 1);
const LISTENER: Token = Token::new(2, 1, 1);

#[derive(Clone, Copy, Debug)]
enum Made {
    Epoll,
    Tokio,
}

impl Made {
    fn poller(self) -> Box<dyn Poller> {
        match self {
            Self::Epoll => Box::new(EpollPoller::new().unwrap()),
            Self::Tokio => Box::new(TokioPoller::default()),
        }
    }
}

/// Runs with each kind of poller.
fn with_each<F: Future<Output = ()>>(test: impl Fn(Made) -> F) {
    run(test(Made::Epoll));
    run(test(Made::Tokio));
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    runtime.block_on(test)
}

/// What is told next; waits for it.
async fn told(poller: &mut dyn Poller) -> Vec<Readiness> {
    std::future::poll_fn(|context| {
        poller.wake_with(context.waker());
        let mut ready = Vec::new();
        poller.poll(&mut ready);
        if ready.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(ready)
        }
    })
    .await
}

async fn until(poller: &mut dyn Poller, wanted: Readiness) {
    while !told(poller).await.contains(&wanted) {}
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (broker, _) = listener.accept().unwrap();
    broker.set_nonblocking(true).unwrap();
    (broker, client)
}

/// A pair in which the broker has as little room as the system allows. That of the client is left as it is:
/// the timers of closed windows would be what the test waits for.
fn narrow_pair() -> (TcpStream, TcpStream) {
    let (broker, client) = pair();
    socket2::SockRef::from(&broker)
        .set_send_buffer_size(4096)
        .unwrap();
    (broker, client)
}

fn thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().spawn(work).unwrap()
}

/// A client that blocks.
fn blocking(
    config: Arc<ClientConfig>,
    socket: TcpStream,
) -> StreamOwned<ClientConnection, TcpStream> {
    let host = "localhost".try_into().unwrap();
    StreamOwned::new(ClientConnection::new(config, host).unwrap(), socket)
}

/// Says the end, and stays until the other side has closed: who goes with bytes unread resets the connection.
fn leave(mut client: StreamOwned<ClientConnection, TcpStream>) {
    client.conn.send_close_notify();
    client.flush().unwrap();
    let _ = client.sock.read_to_end(&mut Vec::new());
}

struct Scene {
    authority: Authority,
    transport: Transport,
    config: Arc<ClientConfig>,
}

fn encryption() -> Scene {
    let authority = Authority::new();
    let transport = Transport::new(encrypted(authority.plan())).unwrap();
    let config = Arc::new(authority.trusting(TlsVersion::Tls13, None));
    Scene {
        authority,
        transport,
        config,
    }
}

/// Reads until the end.
async fn read_all(poller: &mut dyn Poller) -> Vec<u8> {
    let mut all = Vec::new();
    let mut into = [0; 1000];
    loop {
        loop {
            match poller.read(TOKEN, &mut into) {
                Ok(chunk) if chunk.bytes == 0 => return all,
                Ok(chunk) => {
                    all.extend(&into[..chunk.bytes]);
                    if chunk.is_last {
                        break;
                    }
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        until(poller, Readiness::Readable(TOKEN)).await;
    }
}

/// Writes in those portions, as the socket lets it.
async fn write_all(poller: &mut dyn Poller, portions: &[Vec<u8>]) {
    for portion in portions {
        let mut rest = &portion[..];
        while !rest.is_empty() {
            match poller.write(TOKEN, rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    until(poller, Readiness::Writable(TOKEN)).await;
                }
            }
        }
    }
}

#[test]
fn a_socket_is_readable_when_bytes_of_the_connection_are_there() {
    with_each(async |made| {
        let scene = encryption();
        let (broker, socket) = pair();
        let mut poller = made.poller();
        let stream = scene.transport.wrap(Stream::Tcp(broker), peer());
        poller.register(TOKEN, stream).unwrap();
        let config = Arc::clone(&scene.config);
        let client = thread(move || {
            let mut client = blocking(config, socket);
            client.write_all(b"hello").unwrap();
            leave(client);
        });
        assert_eq!(read_all(&mut *poller).await, b"hello");
        poller.close(TOKEN);
        client.join().unwrap();
    });
}

#[test]
fn nothing_passes_before_a_socket_is_open() {
    with_each(async |made| {
        let scene = encryption();
        let (broker, _socket) = pair();
        let mut poller = made.poller();
        let stream = scene.transport.wrap(Stream::Tcp(broker), peer());
        poller.register(TOKEN, stream).unwrap();
        poller.poll(&mut Vec::new());
        let read = poller.read(TOKEN, &mut [0; 8]).unwrap_err();
        let write = poller.write(TOKEN, b"early").unwrap_err();
        assert_eq!(read.kind(), ErrorKind::WouldBlock);
        assert_eq!(write.kind(), ErrorKind::WouldBlock);
        assert_eq!(poller.facts(TOKEN), None);
    });
}

#[test]
fn a_write_that_came_too_early_is_told_when_a_socket_is_open() {
    with_each(async |made| {
        let scene = encryption();
        let (broker, socket) = pair();
        let mut poller = made.poller();
        let stream = scene.transport.wrap(Stream::Tcp(broker), peer());
        poller.register(TOKEN, stream).unwrap();
        poller.poll(&mut Vec::new());
        poller.write(TOKEN, b"hello").unwrap_err();
        let config = Arc::clone(&scene.config);
        let client = thread(move || {
            let mut heard = [0; 5];
            blocking(config, socket).read_exact(&mut heard).unwrap();
            heard
        });
        until(&mut *poller, Readiness::Writable(TOKEN)).await;
        assert_eq!(poller.write(TOKEN, b"hello").unwrap(), 5);
        assert_eq!(&client.join().unwrap(), b"hello");
    });
}

#[test]
fn what_is_wrong_in_a_handshake_is_read_and_said() {
    with_each(async |made| {
        let scene = encryption();
        let (broker, mut socket) = pair();
        let mut poller = made.poller();
        let stream = scene.transport.wrap(Stream::Tcp(broker), peer());
        poller.register(TOKEN, stream).unwrap();
        socket.write_all(b"\x10\x0e\x00\x04MQTT").unwrap();
        until(&mut *poller, Readiness::Readable(TOKEN)).await;
        let error = poller.read(TOKEN, &mut [0; 8]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("TLS: received corrupt message")
        );
        poller.close(TOKEN);
        let mut alert = Vec::new();
        socket.read_to_end(&mut alert).unwrap();
        // An alert, fatal.
        assert_eq!((alert[0], alert[5]), (21, 2));
    });
}

#[test]
fn bytes_that_a_layer_holds_are_read_before_more_are_awaited() {
    with_each(async |made| {
        let scene = encryption();
        let (broker, socket) = pair();
        let mut poller = made.poller();
        let stream = scene.transport.wrap(Stream::Tcp(broker), peer());
        poller.register(TOKEN, stream).unwrap();
        let config = Arc::clone(&scene.config);
        let client = thread(move || {
            let mut client = blocking(config, socket);
            client.write_all(b"in one record").unwrap();
            client
        });
        let mut into = [0; 4];
        while poller.read(TOKEN, &mut into).is_err() {
            until(&mut *poller, Readiness::Readable(TOKEN)).await;
        }
        let chunk = poller.read(TOKEN, &mut into).unwrap();
        assert_eq!((&into, chunk.is_last), (b"ne r", false));
        client.join().unwrap();
    });
}

#[test]
fn what_a_layer_holds_moves_with_its_socket() {
    with_each(async |made| {
        let scene = encryption();
        let (broker, socket) = pair();
        let mut first = made.poller();
        let stream = scene.transport.wrap(Stream::Tcp(broker), peer());
        first.register(TOKEN, stream).unwrap();
        let config = Arc::clone(&scene.config);
        let client = thread(move || {
            let mut client = blocking(config, socket);
            client.write_all(b"in one record").unwrap();
            let mut answer = [0; 6];
            client.read_exact(&mut answer).unwrap();
            leave(client);
            answer
        });
        let mut into = [0; 4];
        while first.read(TOKEN, &mut into).is_err() {
            until(&mut *first, Readiness::Readable(TOKEN)).await;
        }
        let stream = first.detach(TOKEN).unwrap();
        drop(first);

        let mut second = made.poller();
        second.register(TOKEN, stream).unwrap();
        until(&mut *second, Readiness::Readable(TOKEN)).await;
        let mut rest = [0; 64];
        let count = second.read(TOKEN, &mut rest).unwrap().bytes;
        assert_eq!(&rest[..count], b"ne record");
        assert!(second.facts(TOKEN).is_some());
        write_all(&mut *second, &[b"answer".to_vec()]).await;
        assert_eq!(read_all(&mut *second).await, b"");
        second.close(TOKEN);
        assert_eq!(&client.join().unwrap(), b"answer");
    });
}

#[test]
fn a_handshake_goes_on_in_another_poller() {
    with_each(async |made| {
        let scene = encryption();
        let (broker, socket) = pair();
        let mut first = made.poller();
        let stream = scene.transport.wrap(Stream::Tcp(broker), peer());
        first.register(TOKEN, stream).unwrap();
        first.poll(&mut Vec::new());
        let stream = first.detach(TOKEN).unwrap();
        let mut second = made.poller();
        second.register(TOKEN, stream).unwrap();
        let config = Arc::clone(&scene.config);
        let client = thread(move || {
            let mut client = blocking(config, socket);
            client.write_all(b"hello").unwrap();
            leave(client);
        });
        assert_eq!(read_all(&mut *second).await, b"hello");
        second.close(TOKEN);
        client.join().unwrap();
    });
}

/// What a client reads that reads little at a time.
fn read_slowly(mut client: impl Read, most: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut into = vec![0; most];
    while let Ok(count @ 1..) = client.read(&mut into) {
        all.extend(&into[..count]);
    }
    all
}

/// The content of unmasked frames behind each other.
fn content(mut frames: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while let [0x82, length, rest @ ..] = frames {
        let (length, rest) = match length {
            126 => (
                u64::from(u16::from_be_bytes([rest[0], rest[1]])),
                &rest[2..],
            ),
            127 => (
                u64::from_be_bytes(rest[..8].try_into().unwrap()),
                &rest[8..],
            ),
            short => (u64::from(*short), rest),
        };
        let (now, later) = rest.split_at(usize::try_from(length).unwrap());
        all.extend(now);
        frames = later;
    }
    all
}

/// Writes through encryption to a client with little room; what it reads.
async fn through_encryption(made: Made, portions: &[Vec<u8>], most: usize) -> Vec<u8> {
    let scene = encryption();
    let (broker, socket) = narrow_pair();
    let mut poller = made.poller();
    let stream = scene.transport.wrap(Stream::Tcp(broker), peer());
    poller.register(TOKEN, stream).unwrap();
    let config = Arc::clone(&scene.config);
    let client = thread(move || read_slowly(blocking(config, socket), most));
    until(&mut *poller, Readiness::Readable(TOKEN)).await;
    write_all(&mut *poller, portions).await;
    poller.close(TOKEN);
    client.join().unwrap()
}

/// The same through a WebSocket inside of it.
async fn through_all(made: Made, portions: &[Vec<u8>], most: usize) -> Vec<u8> {
    let scene = encryption();
    let transport = Transport::new(TransportPlan {
        tls: Some(scene.authority.plan()),
        websocket: Some(plan()),
        ..TransportPlan::default()
    })
    .unwrap();
    let (broker, socket) = narrow_pair();
    let mut poller = made.poller();
    let stream = transport.wrap(Stream::Tcp(broker), peer());
    poller.register(TOKEN, stream).unwrap();
    let config = Arc::clone(&scene.config);
    let client = thread(move || {
        let mut client = blocking(config, socket);
        client.write_all(REQUEST.as_bytes()).unwrap();
        read_slowly(client, most)
    });
    until(&mut *poller, Readiness::Readable(TOKEN)).await;
    write_all(&mut *poller, portions).await;
    poller.close(TOKEN);
    let all = client.join().unwrap();
    let head = all.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    content(&all[head + 4..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn blocked_writes_go_on_and_nothing_is_lost_or_doubled(
        sizes in prop::collection::vec(1_usize..60_000, 1..8),
        most in 100_usize..20_000,
    ) {
        let portions: Vec<Vec<u8>> = sizes
            .iter()
            .enumerate()
            .map(|(index, size)| (0_u8..=250).cycle().skip(index).take(*size).collect())
            .collect();
        let expected = portions.concat();
        let encrypted = run(through_encryption(Made::Epoll, &portions, most));
        prop_assert!(encrypted == expected);
        let encrypted = run(through_encryption(Made::Tokio, &portions, most));
        prop_assert!(encrypted == expected);
        let all = run(through_all(Made::Epoll, &portions, most));
        prop_assert!(all == expected);
        let all = run(through_all(Made::Tokio, &portions, most));
        prop_assert!(all == expected);
    }
}

#[tokio::test]
async fn a_storm_of_handshakes_keeps_nobody_from_its_turn() {
    let scene = encryption();
    let mut poller = EpollPoller::new().unwrap();
    let (here, mut plain) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    poller.register(PLAIN, Stream::Unix(here)).unwrap();
    let mut clients: Vec<_> = (0..100)
        .map(|number| {
            let (broker, socket) = pair();
            socket.set_nonblocking(true).unwrap();
            let stream = scene.transport.wrap(Stream::Tcp(broker), peer());
            poller.register(Token::new(0, number, 1), stream).unwrap();
            Client::new(&scene.config, "localhost", socket)
        })
        .collect();
    let (mut open, mut rounds) = (0, 0);
    while open < clients.len() {
        clients.iter_mut().for_each(|client| {
            client.turn();
        });
        plain.write_all(b"x").unwrap();
        let mut ready = Vec::new();
        poller.poll(&mut ready);
        assert!(ready.contains(&Readiness::Readable(PLAIN)));
        poller.read(PLAIN, &mut [0; 8]).unwrap();
        open += ready.len() - 1;
        rounds += 1;
    }
    // Two answers in each round, and as many farewells from the queue.
    assert!(rounds >= 50);
}

#[test]
fn a_connection_over_a_socket_file_is_accepted_read_and_written() {
    with_each(async |made| {
        let scratch = Scratch::new();
        let path = scratch.path("mqtt.sock");
        let listener = bind_unix(&path, 0o600, Owner::default(), 16).unwrap();
        let mut poller = made.poller();
        poller.listen(LISTENER, Listening::Unix(listener)).unwrap();
        let mut client = UnixStream::connect(&path).unwrap();
        until(&mut *poller, Readiness::Readable(LISTENER)).await;
        let accepted = poller.accept(LISTENER).unwrap();
        assert_eq!(accepted.peer, Peer::Unix);

        poller.register(TOKEN, accepted.stream).unwrap();
        client.write_all(b"hello").unwrap();
        until(&mut *poller, Readiness::Readable(TOKEN)).await;
        let mut into = [0; 64];
        assert_eq!(poller.read(TOKEN, &mut into).unwrap().bytes, 5);
        assert_eq!(poller.write(TOKEN, b"there").unwrap(), 5);
        let stream = poller.detach(TOKEN).unwrap();
        poller.register(TOKEN, stream).unwrap();
        poller.close(TOKEN);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"there");
    });
}
