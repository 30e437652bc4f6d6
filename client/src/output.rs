//! A file that is complete or absent.

use anyhow::Context;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Mutex, MutexGuard};
use tempfile::NamedTempFile;

/// Held while there is a file that is not complete.
static INCOMPLETE: Mutex<()> = Mutex::new(());

/// Waits until no file is half-written; none is begun until the result is dropped.
pub fn wait_until_complete() -> MutexGuard<'static, ()> {
    INCOMPLETE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A place for a file, known to be writable before there is anything to write. There is no file
/// until it is written.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
}

impl Output {
    /// Checks that a file can be written there, and creates the folders that lead to it.
    ///
    /// # Errors
    /// That a file cannot be written there.
    pub fn reserve(path: &Path) -> anyhow::Result<Self> {
        let path = absolute(path).with_context(|| format!("{} is not a path", path.display()))?;
        let output = Self { path };
        let reserve = || {
            if output.path.is_dir() {
                return Err(std::io::ErrorKind::IsADirectory.into());
            }
            std::fs::create_dir_all(output.folder())?;
            let _incomplete = wait_until_complete();
            output.create().map(drop)
        };
        reserve().with_context(|| {
            format!("cannot write {}; name another place", output.path.display())
        })?;
        Ok(output)
    }

    /// Writes the file, in the place of what was there; where it is.
    ///
    /// # Errors
    /// What the system reports. Then what was there before is still there.
    pub fn write(self, text: &str) -> anyhow::Result<PathBuf> {
        let _incomplete = wait_until_complete();
        let write = || {
            let mut file = self.create()?;
            file.write_all(text.as_bytes())?;
            file.persist(&self.path).map_err(|failed| failed.error)
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(self.path)
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Beside its place, so that it is moved there in one step; for whom any new file is, and not
    /// only for its owner, as a temporary one.
    fn create(&self) -> std::io::Result<NamedTempFile> {
        tempfile::Builder::new().make_in(self.folder(), |path| File::create_new(path))
    }
}
