//! The life of the program: everything that is around the broker, in the order it happens.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use castmq_admin::{Admin, Door, Options};
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

    let admin = &settings.admin;
    let door = admin.enabled.then(|| Door::open(admin)).transpose()?;
    let broker = Broker::builder()
        .settings(settings)
        .origins(origins)
        .accept_data_loss(accept_data_loss)
        .on_give_up(Box::new(crate::signals::stop))
        .start()?;
    let options = Options {
        log_levels: Some(Arc::new(logging.levels())),
    };
    let start = |door| Admin::start(door, broker.handle().clone(), options);
    let admin = door.map(start).transpose()?;
    announce(&broker, admin.as_ref())?;

    signals.wait(|| reload(&broker, admin.as_ref()));
    tracing::info!("stopping");
    let has_given_up = broker.has_given_up();
    broker.stop();
    // Last, so that whoever looks sees how it stops.
    if let Some(admin) = admin {
        admin.stop();
    }
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
fn reload(broker: &Broker, admin: Option<&Admin>) {
    if let Some(Err(error)) = admin.map(Admin::reload) {
        tracing::error!("not read again, and as it was: {error}");
    }
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
fn announce(broker: &Broker, admin: Option<&Admin>) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let arbiters = broker.arbiters();
    let plural = if arbiters == 1 { "" } else { "s" };
    let mut stdout = std::io::stdout().lock();
    let mut listening = broker.entrances().join(", ");
    if let Some(admin) = admin {
        listening = format!("{listening}, admin on {}", admin.url());
    }
    writeln!(
        stdout,
        "castmq {version} is ready: {listening}, {arbiters} arbiter{plural}"
    )
    .and_then(|()| stdout.flush())
    .context("writing to stdout")
}
