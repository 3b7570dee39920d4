//! A broker of MQTT 3.1.1 that does one thing wrong.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The message, counted from 0, that something happens to.
const VICTIM: usize = 5;

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mischief {
    /// One message does not come.
    Drop,
    /// One message comes twice.
    Double,
    /// One message comes twice, the second time marked as a repetition.
    Repeat,
    /// One message comes behind the next.
    Swap,
    /// The connection that one message goes to is closed instead.
    Close,
    /// Nobody may connect.
    Refuse,
    /// Nobody may subscribe.
    Forbid,
    /// A client that has said goodbye is waited for: it has to close first.
    Linger,
}

#[derive(Debug)]
struct Broker {
    mischief: Mischief,
    routes: Mutex<Routes>,
}

#[derive(Debug, Default)]
struct Routes {
    /// Filters without wildcards, and who gets what matches them.
    subscribers: Vec<(Vec<u8>, TcpStream)>,
    messages: usize,
    held_back: Vec<u8>,
}

/// Starts one; it runs as long as the tests do.
pub(crate) fn broker(mischief: Mischief) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let broker = Arc::new(Broker {
        mischief,
        routes: Mutex::default(),
    });
    let accept = move || {
        for stream in listener.incoming() {
            let (stream, broker) = (stream.unwrap(), Arc::clone(&broker));
            let serve = move || broker.serve(stream);
            thread::Builder::new().spawn(serve).unwrap();
        }
    };
    thread::Builder::new().spawn(accept).unwrap();
    address
}

impl Broker {
    fn serve(&self, mut stream: TcpStream) {
        while let Some((first, body)) = packet(&mut stream) {
            let answer = match first {
                0x10 => vec![0x20, 2, 0, self.if_it(Mischief::Refuse, 5)],
                0x82 => {
                    self.subscribe(&body, &stream);
                    vec![
                        0x90,
                        3,
                        body[0],
                        body[1],
                        self.if_it(Mischief::Forbid, 0x80),
                    ]
                }
                0x30 | 0x32 => self.publish(first, &body),
                0xE0 if self.mischief == Mischief::Linger => Vec::new(),
                0xE0 => break,
                _ => Vec::new(),
            };
            // A client that is gone needs no answer.
            let _ = stream.write_all(&answer);
        }
        // The routes have the stream, too.
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn if_it(&self, mischief: Mischief, reason: u8) -> u8 {
        if self.mischief == mischief { reason } else { 0 }
    }

    fn subscribe(&self, body: &[u8], stream: &TcpStream) {
        let filter = body[4..body.len() - 1].to_vec();
        let mut routes = self.routes.lock().unwrap();
        routes
            .subscribers
            .push((filter, stream.try_clone().unwrap()));
    }

    /// Sends a message on; the acknowledgement of one with QoS 1.
    fn publish(&self, first: u8, body: &[u8]) -> Vec<u8> {
        let topic_end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
        let mut routes = self.routes.lock().unwrap();
        let is_victim = routes.messages == VICTIM;
        routes.messages += 1;
        let mut bytes = framed(first, body);
        match self.mischief {
            Mischief::Drop if is_victim => bytes.clear(),
            Mischief::Double if is_victim => bytes.extend(framed(first, body)),
            Mischief::Repeat if is_victim => bytes.extend(framed(first | 8, body)),
            Mischief::Swap if is_victim => routes.held_back = std::mem::take(&mut bytes),
            Mischief::Swap => bytes.append(&mut routes.held_back),
            Mischief::Drop
            | Mischief::Double
            | Mischief::Repeat
            | Mischief::Close
            | Mischief::Refuse
            | Mischief::Forbid
            | Mischief::Linger => {}
        }
        let topic = &body[2..topic_end];
        let to = routes.subscribers.iter_mut();
        for (_, stream) in to.filter(|(filter, _)| filter == topic) {
            if is_victim && self.mischief == Mischief::Close {
                stream.shutdown(Shutdown::Both).unwrap();
            }
            let _ = stream.write_all(&bytes);
        }
        if first == 0x32 {
            return vec![0x40, 2, body[topic_end], body[topic_end + 1]];
        }
        Vec::new()
    }
}

/// First byte and body of the next packet; `None` when the client is gone.
fn packet(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut byte = || {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok().map(|()| byte[0])
    };
    let first = byte()?;
    let low = byte()?;
    let high = if low & 0x80 == 0 { 0 } else { byte()? };
    let length = usize::from(low & 0x7F) | usize::from(high) << 7;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((first, body))
}

fn framed(first: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    let [low, high] = [length % 128, length / 128].map(|seven| u8::try_from(seven).unwrap());
    let mut bytes = vec![first, low | 0x80, high];
    bytes.extend(body);
    bytes
}
