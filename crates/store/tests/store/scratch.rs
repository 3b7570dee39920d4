//! Directories for tests, gone at their end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A directory that does not exist yet, in one that does.
#[derive(Debug)]
pub(crate) struct Scratch {
    above: PathBuf,
    path: PathBuf,
}

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let above = std::env::temp_dir().join(format!(
            "castmq-store-{}-{name}-{number}",
            std::process::id()
        ));
        std::fs::create_dir_all(&above).unwrap();
        let path = above.join("store");
        Self { above, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.above);
    }
}
