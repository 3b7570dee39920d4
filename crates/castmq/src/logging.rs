//! Logs: to stderr, and to files that are rotated if the settings name one.
//!
//! Lines are written by threads of their own, so that no arbiter ever waits for a terminal or a
//! disk. What waits for them is bounded: lines beyond that are dropped, and counted.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use castmq_admin::LogLevels;
use castmq_settings::{Log, LogFormat, LogLevel, LogRotation};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

/// Lines that may wait for a writer.
const LINES_WAITING_MAX: usize = 16_384;

/// Keeps the writers running; when it goes, what waits is written.
#[derive(Debug)]
pub(crate) struct Logging {
    guards: Vec<WorkerGuard>,
    dropped: Vec<ErrorCounter>,
    levels: Levels,
}

/// How much is logged, to be changed at run time.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    level: Arc<Mutex<LogLevel>>,
    filter: reload::Handle<LevelFilter, Registry>,
}

impl LogLevels for Levels {
    fn level(&self) -> LogLevel {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, level: LogLevel) -> Result<(), String> {
        let mut held = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        self.filter
            .reload(filter(level))
            .map_err(|error| error.to_string())?;
        *held = level;
        Ok(())
    }
}

impl Logging {
    /// Starts the writers that the settings ask for.
    ///
    /// # Errors
    ///
    /// When the log file cannot be opened.
    pub(crate) fn start(settings: &Log) -> anyhow::Result<Self> {
        let (filter, handle) = reload::Layer::new(filter(settings.level));
        let mut logging = Self {
            guards: Vec::new(),
            dropped: Vec::new(),
            levels: Levels {
                level: Arc::new(Mutex::new(settings.level)),
                filter: handle,
            },
        };
        let stderr = logging.writer("log-stderr", std::io::stderr());
        let file = match &settings.file {
            Some(path) => Some(logging.writer("log-file", appender(settings, path)?)),
            None => None,
        };
        tracing_subscriber::registry()
            .with(filter)
            .with(layer(settings.format, stderr))
            .with(file.map(|file| layer(settings.format, file)))
            .try_init()
            .context("logging was started before")?;
        Ok(logging)
    }

    /// What changes how much is logged.
    pub(crate) fn levels(&self) -> Levels {
        self.levels.clone()
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
        // Whether there are colours is no matter of what else is built with it.
        .with_ansi(false)
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

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
