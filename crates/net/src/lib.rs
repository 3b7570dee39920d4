//! Sockets under the dispatcher: a poller on tokio's readiness, its in-memory twin, and listeners.

mod bind;
mod memory;
mod slots;
mod tokio_poller;

pub use bind::{BindError, bind, is_out_of_descriptors};
pub use memory::MemoryPoller;
pub use tokio_poller::TokioPoller;
