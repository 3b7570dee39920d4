//! `rmqtt HOST:PORT`: RMQTT with retained messages, shared subscriptions, and without limits.
//!
//! The crate `rmqttd` is its own program; it has bridges to Kafka and Pulsar built in, which want a
//! C++ tool chain. This one has the same library, plugins and allocator, and none of the bridges.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use anyhow::Context as _;
use rmqtt::context::ServerContext;
use rmqtt::net::Builder;
use rmqtt::server::MqttServer;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address: SocketAddr = std::env::args()
        .nth(1)
        .context("usage: rmqtt HOST:PORT")?
        .parse()?;
    // It would turn clients away while the machine is busy, which here it always is.
    let context = ServerContext::new().busy_check_enable(false).build().await;
    rmqtt_retainer::register(&context, true, false).await?;
    rmqtt_shared_subscription::register(&context, true, false).await?;
    let listener = Builder::new()
        .name("versus")
        .laddr(address)
        .backlog(1024)
        .nodelay(true)
        .allow_anonymous(true)
        .max_handshaking_limit(100_000)
        .max_inflight(NonZeroU16::MAX)
        .max_mqueue_len(10_000_000)
        .session_expiry_interval(A_DAY)
        .message_expiry_interval(A_DAY)
        .bind()?
        .tcp()?;
    MqttServer::new(context)
        .listener(listener)
        .build()
        .run()
        .await
}
