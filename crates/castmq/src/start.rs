//! The life of the program: everything that is around the broker, in the order it happens.

use std::io::Write;

use anyhow::Context;
use castmq_broker::Broker;
use castmq_settings::Loaded;

use crate::logging::Logging;
use crate::signals::StopSignals;
use crate::{descriptors, say};

/// Runs the broker until it is asked to stop.
///
/// # Errors
///
/// When it cannot start: a port in use, a log file that cannot be written.
pub(crate) fn run(loaded: Loaded, accept_data_loss: bool) -> anyhow::Result<()> {
    let Loaded { settings, origins } = loaded;
    let logging = Logging::start(&settings.log)?;
    let signals = StopSignals::catch().context("catching signals")?;
    descriptors::raise_limit();
    if settings.lets_anybody_in() && settings.is_loopback_only() {
        tracing::info!("no authentication is configured: listening on loopback only");
    }

    let broker = Broker::builder()
        .settings(settings)
        .origins(origins)
        .accept_data_loss(accept_data_loss)
        .on_give_up(Box::new(crate::signals::stop))
        .start()?;
    announce(broker.entrances(), broker.arbiters())?;

    signals.wait(|| reload(&broker));
    tracing::info!("stopping");
    let has_given_up = broker.has_given_up();
    broker.stop();
    if logging.dropped() > 0 {
        say(&format!(
            "castmq: {} log lines were dropped",
            logging.dropped()
        ));
    }
    anyhow::ensure!(
        !has_given_up,
        "a part of the broker failed too often; the log says which"
    );
    Ok(())
}

/// Has the broker read its files again; what cannot be read stays as it was.
fn reload(broker: &Broker) {
    match broker.reload() {
        Ok(()) => tracing::info!("files were read again: certificates, passwords, rules"),
        Err(failed) => {
            for error in failed {
                tracing::error!("not read again, and as it was: {error}");
            }
        }
    }
}

/// The one line on stdout that says that clients may connect.
fn announce(entrances: &[String], arbiters: u16) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let plural = if arbiters == 1 { "" } else { "s" };
    let mut stdout = std::io::stdout().lock();
    let listening = entrances.join(", ");
    writeln!(
        stdout,
        "castmq {version} is ready: {listening}, {arbiters} arbiter{plural}"
    )
    .and_then(|()| stdout.flush())
    .context("writing to stdout")
}
