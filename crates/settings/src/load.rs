//! Reads all sources, has `config` merge them, and checks how the settings stand to each other.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use config::{Map, Value, ValueKind};

use crate::declare::Section;
use crate::problem::{Problem, Problems, Source};
use crate::walk::Walk;
use crate::{Key, Kind, Settings, keys, relations};

/// The prefix of environment variables that are settings: `CASTMQ__SESSION__MAX_INFLIGHT`.
pub const ENVIRONMENT_PREFIX: &str = "CASTMQ__";

/// Where settings are taken from; a later one overrules those before it.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file; without one the built-in defaults, which `config/castmq.toml` repeats.
    pub file: Option<PathBuf>,
    /// The environment; only names that begin with [`ENVIRONMENT_PREFIX`] are looked at.
    pub environment: Vec<(String, String)>,
    /// Keys and values of the command line, in their order.
    pub overrides: Vec<(String, String)>,
}

/// Settings, and where each of them comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The merged settings.
    pub settings: Settings,
    /// The source of every setting that is not the default, by its path.
    pub origins: BTreeMap<String, Source>,
}

impl Settings {
    /// Reads and merges all sources.
    ///
    /// # Errors
    ///
    /// All mistakes of all sources at once.
    pub fn load(sources: Sources) -> Result<Self, Problems> {
        Loaded::load(sources).map(|loaded| loaded.settings)
    }
}

impl Loaded {
    /// Reads and merges all sources, and remembers which of them said what.
    ///
    /// # Errors
    ///
    /// All mistakes of all sources at once.
    pub fn load(sources: Sources) -> Result<Self, Problems> {
        let mut reading = Reading::default();
        if let Some(path) = &sources.file {
            reading.file(path);
        }
        let mut environment = sources.environment;
        environment.sort();
        for (name, text) in environment {
            if let Some(path) = name.strip_prefix(ENVIRONMENT_PREFIX) {
                let path = path.to_lowercase().replace("__", ".");
                reading.text(&path, &text, &Source::Environment(name.clone()));
            }
        }
        for (path, text) in sources.overrides {
            reading.text(&path, &text, &Source::CommandLine);
        }
        reading.finish()
    }
}

/// What has been read so far.
struct Reading {
    keys: Vec<Key>,
    layers: Vec<Layer>,
    problems: Vec<Problem>,
    origins: BTreeMap<String, Source>,
}

impl Default for Reading {
    fn default() -> Self {
        let defaults = Layer(Section::keep(&Settings::default()));
        Self {
            keys: keys(),
            layers: vec![defaults],
            problems: Vec::new(),
            origins: BTreeMap::new(),
        }
    }
}

impl Reading {
    fn file(&mut self, path: &Path) {
        let at = |line| Source::File {
            path: path.to_owned(),
            line,
        };
        let whole = |source, message| Problem {
            source,
            key: String::new(),
            message,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.problems.push(whole(at(1), error.to_string())),
        };
        let line_of = |span: Option<Range<usize>>| {
            let before = span
                .and_then(|span| text.get(..span.start))
                .unwrap_or_default();
            before.matches('\n').count() + 1
        };
        let document = match toml_edit::Document::parse(text.as_str()) {
            Ok(document) => document,
            Err(error) => {
                let message = error.message().trim().replace('\n', "; ");
                return self
                    .problems
                    .push(whole(at(line_of(error.span())), message));
            }
        };
        let mut walk = Walk {
            keys: &self.keys,
            source: &|span| at(line_of(span)),
            problems: &mut self.problems,
            origins: &mut self.origins,
        };
        if let ValueKind::Table(table) = walk.table("", document.as_table()).kind {
            self.layers.push(Layer(table));
        }
    }

    fn text(&mut self, path: &str, text: &str, source: &Source) {
        let mut walk = Walk {
            keys: &self.keys,
            source: &|_| source.clone(),
            problems: &mut self.problems,
            origins: &mut self.origins,
        };
        if let Some(value) = walk.text(path, text) {
            self.layers
                .push(Layer(Map::from_iter([(expression(path), value)])));
        }
    }

    fn finish(mut self) -> Result<Loaded, Problems> {
        let mut settings = Settings::default();
        match self.merge() {
            Ok(merged) => {
                self.find_gaps(&merged);
                settings.take(&merged);
            }
            Err(error) => self.problems.push(Problem {
                source: Source::Default,
                key: String::new(),
                message: error.to_string(),
            }),
        }
        relations::check(&settings, &self.origins, &mut self.problems);
        if self.problems.is_empty() {
            Ok(Loaded {
                settings,
                origins: self.origins,
            })
        } else {
            Err(Problems(self.problems))
        }
    }

    fn merge(&mut self) -> Result<Map<String, Value>, config::ConfigError> {
        let layers = std::mem::take(&mut self.layers);
        let builder = layers
            .into_iter()
            .fold(config::Config::builder(), |builder, layer| {
                builder.add_source(layer)
            });
        config::Source::collect(&builder.build()?)
    }

    /// A position that no source fills: `listener.3` without a `listener.2`.
    fn find_gaps(&mut self, merged: &Map<String, Value>) {
        for key in self
            .keys
            .iter()
            .filter(|key| matches!(key.kind, Kind::List(_)))
        {
            let Some(ValueKind::Array(list)) = find(merged, &key.key) else {
                continue;
            };
            let gap = list
                .iter()
                .position(|element| matches!(element.kind, ValueKind::Nil));
            if let Some(position) = gap {
                let message = format!("{} has no element {position}", key.key);
                let beyond = self
                    .origins
                    .iter()
                    .rfind(|(path, _)| path.starts_with(&key.key));
                let (path, source) = match beyond {
                    Some((path, source)) => (path.clone(), source.clone()),
                    None => (key.key.clone(), Source::Default),
                };
                self.problems.push(Problem {
                    source,
                    key: path,
                    message,
                });
            }
        }
    }
}

/// What one source says, for `config` to merge.
#[derive(Clone, Debug)]
struct Layer(Map<String, Value>);

impl config::Source for Layer {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// The path as `config` writes it: `listener[0].address`.
fn expression(path: &str) -> String {
    let mut written = String::new();
    for name in path.split('.') {
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            written = format!("{written}[{name}]");
        } else {
            written = crate::declare::join(&written, name);
        }
    }
    written
}

fn find<'a>(table: &'a Map<String, Value>, path: &str) -> Option<&'a ValueKind> {
    match path.split_once('.') {
        None => table.get(path).map(|value| &value.kind),
        Some((name, rest)) => {
            let ValueKind::Table(inner) = &table.get(name)?.kind else {
                return None;
            };
            find(inner, rest)
        }
    }
}
