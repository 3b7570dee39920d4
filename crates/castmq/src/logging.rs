//! Logs: to stderr, and to files that are rotated if the settings name one.
//!
//! Lines are written by threads of their own, so that no arbiter ever waits for a terminal or a
//! disk. What waits for them is bounded: lines beyond that are dropped, and counted.

use std::path::Path;

use anyhow::Context;
use castmq_settings::{Log, LogFormat, LogLevel, LogRotation};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Lines that may wait for a writer.
const LINES_WAITING_MAX: usize = 16_384;

/// Keeps the writers running; when it goes, what waits is written.
#[derive(Debug)]
pub(crate) struct Logging {
    guards: Vec<WorkerGuard>,
    dropped: Vec<ErrorCounter>,
}

impl Logging {
    /// Starts the writers that the settings ask for.
    ///
    /// # Errors
    ///
    /// When the log file cannot be opened.
    pub(crate) fn start(settings: &Log) -> anyhow::Result<Self> {
        let mut logging = Self {
            guards: Vec::new(),
            dropped: Vec::new(),
        };
        let stderr = logging.writer("log-stderr", std::io::stderr());
        let file = match &settings.file {
            Some(path) => Some(logging.writer("log-file", appender(settings, path)?)),
            None => None,
        };
        tracing_subscriber::registry()
            .with(level(settings.level))
            .with(layer(settings.format, stderr))
            .with(file.map(|file| layer(settings.format, file)))
            .try_init()
            .context("logging was started before")?;
        Ok(logging)
    }

    /// Lines that were dropped because their writer could not follow.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped.iter().map(ErrorCounter::dropped_lines).sum()
    }

    fn writer(&mut self, name: &str, to: impl std::io::Write + Send + 'static) -> NonBlocking {
        let (writer, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(LINES_WAITING_MAX)
            .lossy(true)
            .thread_name(name)
            .finish(to);
        self.guards.push(guard);
        self.dropped.push(writer.error_counter());
        writer
    }
}

fn layer<S>(format: LogFormat, writer: NonBlocking) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_target(false);
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

fn appender(settings: &Log, path: &Path) -> anyhow::Result<RollingFileAppender> {
    let rotation = match settings.rotation {
        LogRotation::Daily => Rotation::DAILY,
        LogRotation::Hourly => Rotation::HOURLY,
        LogRotation::Never => Rotation::NEVER,
    };
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("log.file: {} is no file name", path.display()))?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    RollingFileAppender::builder()
        .rotation(rotation)
        .filename_prefix(name)
        .max_log_files(usize::from(settings.keep))
        .build(folder.unwrap_or_else(|| Path::new(".")))
        .with_context(|| format!("log.file: {}", path.display()))
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
