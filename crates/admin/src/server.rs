//! The thread of the admin interface: takes connections, and ends them in time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use castmq_broker::Handle;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::Service;

use crate::app::{App, Options, Shared};
use crate::auth::{Gate, Known, UsersError};
use crate::desk::Desk;
use crate::door::Door;
use crate::live;
use crate::routes;
use crate::way::Peer;

/// How long a TLS handshake, or the head of a request, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long requests under way may take when the interface ends.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long nothing is accepted when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest head of a request, in bytes: a topic in a path is long.
const HEAD_MAX: usize = 256 * 1024;
/// Header fields of one request.
const HEADERS_MAX: usize = 64;
/// Passwords that may wait to be checked, and threads that check them.
const HASHING_WAITING: usize = 16;
const HASHING_THREADS: u16 = 1;

/// Why the admin interface did not start.
#[derive(Debug, thiserror::Error)]
#[error("the admin interface does not start: {0}")]
pub struct StartError(std::io::Error);

/// An admin interface that runs.
#[derive(Debug)]
pub struct Admin {
    app: Shared,
    address: SocketAddr,
    url: String,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Serves whoever comes through the door.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub fn start(door: Door, handle: Handle, options: Options) -> Result<Self, StartError> {
        let (stop, stopping) = watch::channel(false);
        let (address, url) = (door.address(), door.url());
        let hashing = Desk::new("admin-hash", HASHING_THREADS, HASHING_WAITING);
        let gate = Gate::new(&door.settings, door.known, hashing);
        let app = App::new(handle, gate, door.settings, options, stopping);
        let app = Arc::new(app);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(StartError)?;
        let shared = Arc::clone(&app);
        let (listener, tls) = (door.listener, door.tls.map(TlsAcceptor::from));
        let serve = move || {
            runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => Server::new(shared, tls).run(listener).await,
                    Err(error) => tracing::error!(%error, "the admin interface takes nobody"),
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(serve)
            .map_err(StartError)?;
        Ok(Self {
            app,
            address,
            url,
            stop,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is, for a browser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Reads the password file again.
    ///
    /// # Errors
    ///
    /// What is wrong with it; who was known is known as before.
    pub fn reload(&self) -> Result<(), UsersError> {
        self.app.gate.replace(Known::load(&self.app.settings)?);
        Ok(())
    }

    /// Ends it: requests under way are answered, live updates end. Blocks for two seconds at most.
    pub fn stop(mut self) {
        self.stop_now();
    }

    fn stop_now(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stop_now();
    }
}

struct Server {
    app: Shared,
    router: Router,
    tls: Option<TlsAcceptor>,
    /// Connections that may be.
    all: Arc<Semaphore>,
    /// Connections that may be from other machines: whoever is there does not keep this machine out.
    remote: Arc<Semaphore>,
}

impl Server {
    fn new(app: Shared, tls: Option<TlsAcceptor>) -> Self {
        let max = usize::try_from(app.settings.max_connections).unwrap_or(usize::MAX);
        let router = routes::router(&app);
        Self {
            app,
            router,
            tls,
            all: Arc::new(Semaphore::new(max)),
            remote: Arc::new(Semaphore::new(max - max / 4)),
        }
    }

    async fn run(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        self.app.live.begin(live::run(Arc::clone(&self.app)));
        let mut stopping = self.app.stopping.clone();
        loop {
            tokio::select! {
                _ = stopping.wait_for(|is_stopping| *is_stopping) => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.take(stream, peer, &mut connections),
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
            }
        }
        drop(listener);
        self.app.live.end();
        let all_gone = async { while connections.join_next().await.is_some() {} };
        // Whoever has not gone by then is cut off when the set is dropped.
        let _ = tokio::time::timeout(GOODBYE, all_gone).await;
    }

    /// Serves a connection; one too many is closed.
    fn take(&self, stream: TcpStream, peer: SocketAddr, connections: &mut JoinSet<()>) {
        let mut permits = Vec::with_capacity(2);
        permits.extend(Arc::clone(&self.all).try_acquire_owned());
        let mut needed = 1;
        if !peer.ip().to_canonical().is_loopback() {
            permits.extend(Arc::clone(&self.remote).try_acquire_owned());
            needed = 2;
        }
        if permits.len() < needed {
            return;
        }
        let (router, tls) = (self.router.clone(), self.tls.clone());
        let stopping = self.app.stopping.clone();
        connections.spawn(async move {
            let _permits: Vec<OwnedSemaphorePermit> = permits;
            let _ = stream.set_nodelay(true);
            match tls {
                None => serve(stream, peer, router, stopping).await,
                Some(tls) => {
                    let handshake = tokio::time::timeout(PATIENCE, tls.accept(stream)).await;
                    if let Ok(Ok(stream)) = handshake {
                        serve(stream, peer, router, stopping).await;
                    }
                }
            }
        });
    }
}

/// Serves one connection to its end.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        // A router is always ready.
        router.clone().call(request)
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEAD_MAX)
        .max_headers(HEADERS_MAX);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // How a connection ends is its peer's business.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|is_stopping| *is_stopping) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
