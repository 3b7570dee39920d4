//! The admin interface: what goes on in a broker, over HTTP.
//!
//! It runs beside the arbiters, in a thread of its own, and asks them as any other thread does. Everything
//! that waits in it is bounded: connections, requests, what a slow reader of live updates has not read.
//!
//! | what | where |
//! |---|---|
//! | the interface for programs, in JSON | `/api/v1/…`, described by `/api/v1/openapi.json` |
//! | Prometheus | `/metrics` |
//! | whether it lives, whether it serves | `/healthz`, `/readyz` |
//! | the dashboard | `/` |
//!
//! ```no_run
//! use castmq_admin::{Admin, Door};
//! use castmq_broker::Broker;
//! use castmq_settings::Settings;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::default();
//! let door = Door::open(&settings.admin)?;
//! let broker = Broker::builder().settings(settings).start()?;
//! let admin = Admin::start(door, broker.handle().clone(), Default::default())?;
//! assert!(admin.url().starts_with("http://127.0.0.1:"));
//! admin.stop();
//! broker.stop();
//! # Ok(())
//! # }
//! ```

mod app;
mod audit;
mod auth;
mod clock;
mod dashboard;
mod desk;
mod door;
mod live;
mod log_level;
mod metrics;
mod problem;
mod rates;
mod read;
mod routes;
mod server;
mod tail;
mod way;

pub use app::Options;
pub use audit::Change;
pub use auth::UsersError;
pub use door::{Door, DoorError};
pub use log_level::LogLevels;
pub use problem::Problem;
pub use server::{Admin, StartError};
