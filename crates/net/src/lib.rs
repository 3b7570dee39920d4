//! Sockets under the dispatcher, what their bytes pass through, and their in-memory twin.

mod bind;
mod bind_unix;
mod certificate;
mod credentials;
mod discard;
#[cfg(target_os = "linux")]
mod epoll_poller;
mod error;
mod layers;
mod memory;
#[cfg(target_os = "linux")]
mod pace;
mod passage;
mod plain;
mod plan;
mod proxy;
mod reacting;
mod slots;
mod tls;
mod tokio_poller;
mod transport;
mod websocket;

pub use bind::{BindError, bind, is_out_of_descriptors};
pub use bind_unix::{Owner, UnixBindError, bind_unix};
#[cfg(target_os = "linux")]
pub use epoll_poller::EpollPoller;
pub use error::TransportError;
pub use memory::MemoryPoller;
pub use plan::{
    CertificatePlan, ClientCertificates, ProxyPlan, TlsPlan, TlsVersion, TransportPlan,
    WebSocketPlan,
};
pub use tokio_poller::TokioPoller;
pub use transport::Transport;
