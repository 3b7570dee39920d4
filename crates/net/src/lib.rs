//! Sockets under the dispatcher: a poller of its own on Linux, one on tokio's readiness for everywhere,
//! their in-memory twin, and listeners.

mod bind;
mod discard;
#[cfg(target_os = "linux")]
mod epoll_poller;
mod memory;
mod slots;
mod tokio_poller;

pub use bind::{BindError, bind, is_out_of_descriptors};
#[cfg(target_os = "linux")]
pub use epoll_poller::EpollPoller;
pub use memory::MemoryPoller;
pub use tokio_poller::TokioPoller;
