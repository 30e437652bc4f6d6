//! A file that is complete or absent.

use anyhow::Context;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf, absolute};
use tempfile::NamedTempFile;

/// A place for a file, known to be writable before there is anything to write. Nothing is left of it unless it is
/// written.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    file: NamedTempFile,
}

impl Output {
    /// Reserves the path, and creates the folders that lead to it.
    ///
    /// # Errors
    /// That a file cannot be written there.
    pub fn reserve(path: &Path) -> anyhow::Result<Self> {
        let path = absolute(path).with_context(|| format!("{} is not a path", path.display()))?;
        let reserve = || {
            if path.is_dir() {
                return Err(std::io::ErrorKind::IsADirectory.into());
            }
            let folder = path.parent().unwrap_or(Path::new("/"));
            std::fs::create_dir_all(folder)?;
            // beside its place, so that it is moved there in one step
            tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder)
        };
        let file = reserve()
            .with_context(|| format!("cannot write {}; name another place", path.display()))?;
        Ok(Self { path, file })
    }

    /// Writes the file, in the place of what was there; where it is.
    ///
    /// # Errors
    /// What the system reports.
    pub fn write(mut self, text: &str) -> anyhow::Result<PathBuf> {
        let wrong = || format!("cannot write {}", self.path.display());
        self.file.write_all(text.as_bytes()).with_context(wrong)?;
        self.file
            .persist(&self.path)
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(self.path)
    }
}
