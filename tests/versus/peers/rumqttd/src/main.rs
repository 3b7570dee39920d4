//! `rumqttd FILE`: rumqttd with the configuration in that file, and without logs.
//!
//! Its own program does the same and also writes logs; the lock file it comes with names a version
//! of `metrics` that compilers since 2025 refuse.

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let file = std::env::args().nth(1).context("usage: rumqttd FILE")?;
    let settings = config::Config::builder()
        .add_source(config::File::new(&file, config::FileFormat::Toml))
        .build()?;
    rumqttd::Broker::new(settings.try_deserialize()?)
        .start()
        .context("rumqttd has ended")
}
