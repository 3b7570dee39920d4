//! A service that says who may connect, as small as it can be.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How long a request may be on its way.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests that nobody has looked at yet.
const UNSEEN_MAX: usize = 64;

/// A request: its first line, and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) headers: Vec<String>,
    pub(super) body: String,
}

/// A service that runs until its thread's listener is not asked any more.
pub(super) struct Service {
    address: SocketAddr,
    requests: Receiver<Request>,
}

impl Service {
    /// Answers each request by status and body.
    #[expect(
        clippy::disallowed_methods,
        reason = "a service outside of the broker runs beside it"
    )]
    pub(super) fn new(answer: impl Fn(&Request) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, requests) = sync_channel(UNSEEN_MAX);
        thread::spawn(move || serve(&listener, &seen, answer));
        Self { address, requests }
    }

    /// Says the same to everybody.
    pub(super) fn saying(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::new(move |_| (status, body.clone()))
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/auth", self.address)
    }

    /// The next request, which has to come.
    #[track_caller]
    pub(super) fn request(&self) -> Request {
        let request = self.requests.recv_timeout(PATIENCE);
        request.expect("the service is asked")
    }

    /// How many requests have come that nobody has looked at.
    pub(super) fn requests_now(&self) -> usize {
        self.requests.try_iter().count()
    }
}

fn serve(
    listener: &TcpListener,
    seen: &SyncSender<Request>,
    answer: impl Fn(&Request) -> (u16, String),
) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        let request = read(&stream);
        // The test may be over.
        if seen.send(request.clone()).is_err() {
            return;
        }
        let (status, body) = answer(&request);
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n");
        let _ = write!(stream, "{head}Connection: close\r\n\r\n{body}");
    }
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let length = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let line = lines.remove(0);
    Request {
        line,
        headers: lines,
        body: String::from_utf8(body).unwrap(),
    }
}
