//! An admin API that says what a test wants it to say, and remembers what it was asked.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use crate::castmq;

/// A server on loopback.
pub(crate) struct Fake {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What it says to `METHOD /path?query`: a status and a body.
type Answers = HashMap<String, (u16, String)>;

struct Desk {
    answers: Answers,
    asked: Arc<Mutex<Vec<String>>>,
    /// Told on each DELETE; a stream of events ends then.
    stop: (SyncSender<()>, Mutex<Receiver<()>>),
}

impl Fake {
    /// One with these answers; everything else there is not.
    pub(crate) fn new(answers: &[(&str, u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers = answers.iter();
        let (sender, receiver) = sync_channel(8);
        let desk = Arc::new(Desk {
            answers: answers
                .map(|(asked, status, body)| ((*asked).to_owned(), (*status, (*body).to_owned())))
                .collect(),
            asked: Arc::clone(&asked),
            stop: (sender, Mutex::new(receiver)),
        });
        let serve = move || {
            for stream in listener.incoming() {
                let desk = Arc::clone(&desk);
                let talk = move || desk.talk(stream.unwrap());
                std::thread::Builder::new().spawn(talk).unwrap();
            }
        };
        std::thread::Builder::new().spawn(serve).unwrap();
        Self { url, asked }
    }

    /// What it was asked, in order: method, address, and who asked.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// `castmq ctl` with this broker.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = castmq(&[&["ctl"], arguments].concat());
        command.env("CASTMQ_ADMIN_URL", &self.url);
        command
    }

    /// What `castmq ctl` says with this broker.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

impl Desk {
    fn talk(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut who, mut length) = (String::new(), String::new(), 0);
        reader.read_line(&mut line).unwrap();
        let request = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let Some((name, value)) = header.trim_end().split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "authorization" => who = format!(" {value}"),
                "content-length" => length = value.parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let said = format!("{request}{who} {body}").trim_end().to_owned();
        self.asked.lock().unwrap().push(said);
        self.answer(&request, stream);
    }

    fn answer(&self, request: &str, mut stream: TcpStream) {
        let missing = (404, r#"{"detail":"there is nothing here"}"#.to_owned());
        let (status, body) = self.answers.get(request).unwrap_or(&missing);
        let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
        if request.ends_with("/live") {
            // Without a length: it ends when the connection does.
            let _ = write!(stream, "{head}\r\n{body}");
            if !body.contains("event: trace") {
                self.stop.1.lock().unwrap().recv().unwrap();
                let _ = write!(
                    stream,
                    "event: trace\ndata: {{\"id\":7,\"ended_because\":\"stopped\"}}\n\n"
                );
            }
            return;
        }
        let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        if request.starts_with("DELETE ") {
            self.stop.0.send(()).unwrap();
        }
    }
}
