//! The sources, read once, and what was found in them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 8] = [
    ".git",
    "target",
    ".venv",
    "node_modules",
    "corpus",
    "artifacts",
    "__pycache__",
    "proptest-regressions",
];

/// What kinds of files are read.
const TEXTS: [&str; 7] = ["rs", "toml", "md", "tsv", "py", "js", "mjs"];

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// All files of the project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// The texts, by path.
    pub(crate) files: Vec<Source>,
    /// The names at the top.
    pub(crate) top: Vec<String>,
}

/// Something that should not be as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file.
    pub(crate) path: String,
    /// The line, counted from 1; 0 means the file as a whole.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Tree {
    /// Reads the project that this program was built from.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let mut tree = Self::default();
        tree.read(&root(), "")?;
        tree.files.sort_by(|one, other| one.path.cmp(&other.path));
        tree.top.sort();
        Ok(tree)
    }

    /// The file with this path.
    pub(crate) fn file(&self, path: &str) -> Option<&Source> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust sources.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.files
            .iter()
            .filter(|file| has_extension(&file.path, "rs"))
    }

    fn read(&mut self, folder: &Path, above: &str) -> anyhow::Result<()> {
        let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if above.is_empty() {
                self.top.push(name.clone());
            }
            let path = format!("{above}{name}");
            if entry.file_type()?.is_dir() {
                if !FOREIGN.contains(&name.as_str()) {
                    self.read(&entry.path(), &format!("{path}/"))?;
                }
            } else if TEXTS
                .iter()
                .any(|extension| has_extension(&name, extension))
            {
                let text = fs::read_to_string(entry.path()).with_context(|| path.clone())?;
                self.files.push(Source { path, text });
            }
        }
        Ok(())
    }
}

impl Source {
    /// The lines with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line))
    }

    /// Something found in this file.
    pub(crate) fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            message: message.into(),
        }
    }
}

/// Whether a path ends in `.extension`.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|found| found == extension)
}

#[cfg(test)]
pub(crate) mod testing {
    use super::{Source, Tree};

    /// A tree of a few small files.
    pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
        let source = |(path, text): &(&str, &str)| Source {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Tree {
            files: files.iter().map(source).collect(),
            top: Vec::new(),
        }
    }

    /// The findings as they are printed.
    pub(crate) fn shown(findings: &[super::Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }
}
