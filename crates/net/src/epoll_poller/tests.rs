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
