//! Sockets under the dispatcher, what their bytes pass through, and their in-memory twin.

mod bind;
mod bind_unix;
mod discard;
#[cfg(target_os = "linux")]
mod epoll_poller;
mod memory;
mod passage;
mod plain;
mod plan;
mod reacting;
mod slots;
mod tokio_poller;
mod transport;

pub use bind::{BindError, bind, is_out_of_descriptors};
pub use bind_unix::{Owner, UnixBindError, bind_unix};
#[cfg(target_os = "linux")]
pub use epoll_poller::EpollPoller;
pub use memory::MemoryPoller;
pub use plan::{
    CertificatePlan, ClientCertificates, ProxyPlan, TlsPlan, TlsVersion, TransportPlan,
    WebSocketPlan,
};
pub use tokio_poller::TokioPoller;
pub use transport::{Transport, TransportError};
