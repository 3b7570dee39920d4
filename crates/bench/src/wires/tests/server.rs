//! A server of one connection, made of other parts than the client is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::{Message, WebSocket, accept_hdr};

use crate::tls::Trust;

/// How it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Tls,
    /// The client has to show a certificate.
    MutualTls,
    WebSocket,
    SecureWebSocket,
}

/// The server's end of a connection.
pub(super) trait Side {
    /// Some bytes; none at the end.
    fn receive(&mut self) -> Vec<u8>;

    fn send(&mut self, bytes: &[u8]);

    /// Says goodbye and waits for the client's.
    fn close(&mut self);

    /// Waits for [`Server::tell`].
    fn wait_until_told(&mut self);

    /// Exactly these bytes come next, and no more for now.
    fn expect(&mut self, expected: &[u8]) {
        let mut received = Vec::new();
        while received.len() < expected.len() {
            let more = self.receive();
            assert!(!more.is_empty(), "the end comes too early");
            received.extend(more);
        }
        assert!(received == expected, "something else came");
    }

    fn expect_end(&mut self) {
        assert!(self.receive().is_empty());
    }
}

/// A server that runs.
pub(super) struct Server {
    pub(super) target: String,
    authority: Authority,
    thread: JoinHandle<()>,
    tell: SyncSender<()>,
}

impl Server {
    pub(super) fn start(kind: Kind, talk: fn(&mut dyn Side)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let authority = Authority::new();
        let config = authority.server_config(kind);
        let (tell, told) = mpsc::sync_channel(1);
        let thread = spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            let tls = |socket| {
                let server = ServerConnection::new(config).unwrap();
                StreamOwned::new(server, socket)
            };
            match kind {
                Kind::Plain => talk(&mut Bytes(socket, told)),
                Kind::Tls | Kind::MutualTls => talk(&mut Bytes(tls(socket), told)),
                Kind::WebSocket => talk(&mut Frames(accept(socket), told)),
                Kind::SecureWebSocket => talk(&mut Frames(accept(tls(socket)), told)),
            }
        });
        Self {
            target: target(kind, address),
            authority,
            thread,
            tell,
        }
    }

    pub(super) fn on_unix_socket(
        listener: UnixListener,
        path: &Path,
        talk: fn(&mut dyn Side),
    ) -> Self {
        let (tell, told) = mpsc::sync_channel(1);
        let thread = spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            talk(&mut Bytes(socket, told));
        });
        Self {
            target: format!("unix:{}", path.display()),
            authority: Authority::new(),
            thread,
            tell,
        }
    }

    pub(super) fn tell(&self) {
        self.tell.send(()).unwrap();
    }

    /// Its talk went as it should.
    pub(super) fn join(self) {
        self.thread.join().unwrap();
    }

    /// Trusts this server.
    pub(super) fn trust(&self) -> Trust {
        Trust::signed_by(self.authority.file())
    }

    pub(super) fn trust_and_own_certificate(&self) -> Trust {
        let (certificate, key) = self.authority.client();
        self.trust().showing(certificate, key)
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().spawn(work).unwrap()
}

fn target(kind: Kind, address: SocketAddr) -> String {
    match kind {
        Kind::Plain => format!("mqtt://{address}"),
        Kind::Tls | Kind::MutualTls => format!("mqtts://{address}"),
        Kind::WebSocket => format!("ws://{address}/mqtt"),
        Kind::SecureWebSocket => format!("wss://{address}/mqtt"),
    }
}

#[expect(clippy::result_large_err, reason = "the callback's type is given")]
fn accept<S: Read + Write>(stream: S) -> WebSocket<S> {
    let answer = |request: &Request, mut answer: Response| -> Result<_, ErrorResponse> {
        assert_eq!(request.uri().path(), "/mqtt");
        let protocol = &request.headers()["Sec-WebSocket-Protocol"];
        let headers = answer.headers_mut();
        headers.insert("Sec-WebSocket-Protocol", protocol.clone());
        Ok(answer)
    };
    accept_hdr(stream, answer).ok().unwrap()
}

/// TCP, TLS or a unix socket.
struct Bytes<S>(S, Receiver<()>);

impl<S: Read + Write> Side for Bytes<S> {
    fn receive(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 64 * 1024];
        let read = self.0.read(&mut bytes).unwrap_or(0);
        bytes.truncate(read);
        bytes
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
        self.0.flush().unwrap();
    }

    fn close(&mut self) {}

    fn wait_until_told(&mut self) {
        self.1.recv().unwrap();
    }
}

struct Frames<S>(WebSocket<S>, Receiver<()>);

impl<S: Read + Write> Side for Frames<S> {
    fn receive(&mut self) -> Vec<u8> {
        match self.0.read() {
            Ok(Message::Binary(bytes)) => bytes.to_vec(),
            Ok(Message::Pong(_)) => self.receive(),
            Ok(Message::Close(_)) => {
                // Reading on writes the answer.
                let _ = self.0.read();
                Vec::new()
            }
            other => panic!("no message: {other:?}"),
        }
    }

    /// With a ping before it, and cut into two fragments.
    fn send(&mut self, bytes: &[u8]) {
        self.0.send(Message::Ping("you?".into())).unwrap();
        let (front, back) = bytes.split_at(bytes.len() / 2);
        self.0.send(Message::Binary(front.to_vec().into())).unwrap();
        self.0.send(Message::Binary(back.to_vec().into())).unwrap();
    }

    fn close(&mut self) {
        self.0.close(None).unwrap();
        while self.0.read().is_ok() {}
    }

    fn wait_until_told(&mut self) {
        self.1.recv().unwrap();
    }
}

/// One that signs, anew for each server.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
        let directory = DIRECTORY.get_or_init(|| {
            let name = format!("castmq-bench-certificates-{}", std::process::id());
            let directory = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&directory).unwrap();
            directory
        });
        Self {
            issuer,
            directory: directory.clone(),
        }
    }

    fn signed(&self) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), key)
    }

    fn server_config(&self, kind: Kind) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if kind == Kind::MutualTls {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = self.signed();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = builder.with_single_cert(vec![certificate], key.into());
        Arc::new(config.unwrap())
    }

    fn file(&self) -> PathBuf {
        self.write("ca.crt", &self.issuer.pem())
    }

    fn client(&self) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["client".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (
            self.write("client.crt", &certificate.pem()),
            self.write("client.key", &key.serialize_pem()),
        )
    }

    /// No two authorities have the same key.
    fn write(&self, name: &str, pem: &str) -> PathBuf {
        let key = self.issuer.key().public_key_raw();
        let distinct = key.iter().skip(1).take(8).map(|byte| format!("{byte:02x}"));
        let path = self
            .directory
            .join(format!("{}-{name}", distinct.collect::<String>()));
        std::fs::write(&path, pem).unwrap();
        path
    }
}
