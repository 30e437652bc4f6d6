//! How long this machine's disk takes to store something.

use super::finding::Check;
use probe::duration::show;
use std::io::{self, Seek, Write};
use std::time::{Duration, Instant};

/// How many syncs are timed, unless they take too long.
const SYNCS: usize = 50;

/// After so long no further sync is timed.
const ENOUGH: Duration = Duration::from_millis(500);

/// The median time of a sync in the current folder, where stage 6 stores its data.
///
/// # Errors
/// No file can be written here.
pub(super) fn sync_time() -> io::Result<Duration> {
    let (mut file, began, mut times) = (tempfile::tempfile_in(".")?, Instant::now(), Vec::new());
    while times.len() < SYNCS && began.elapsed() < ENOUGH {
        let began = Instant::now();
        file.rewind()?;
        file.write_all(&[times.len() as u8; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort();
    Ok(times[times.len() / 2])
}

/// The time of a sync, which stage 6 takes for each commit.
pub fn disk(sync: io::Result<Duration>) -> Check {
    match sync {
        Ok(sync) => Check::ok(
            "disk",
            format!("a sync takes {}; cargo stage6 --sync 5ms simulates a slower one", show(sync)),
        ),
        Err(error) => Check::warn(
            "disk",
            format!(
                "the current folder cannot be written ({error}), so stage 6 cannot store its data here"
            ),
            "cargo stage6 --data FILE, in a folder that can be written",
        ),
    }
}
