//! A run of `client load` that was recorded with `--json`.

use serde_json::Value;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The version of the format that this client reads: what it writes.
const VERSION: u64 = 1;

/// The largest file that may be such a report: a second has some 150 bytes, and a run has a day at most.
const LARGEST: u64 = 64 << 20;

/// A recorded run.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The file's name without its extension.
    pub name: String,
    /// What is in it.
    pub report: Value,
    /// Its seconds.
    pub seconds: Vec<Second>,
    /// From when to when the server was stopped, in seconds.
    pub pause: Option<(f64, f64)>,
}

/// One second of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Second {
    /// Requests that became due.
    pub due: u64,
    /// Requests that were served.
    pub served: u64,
}

impl Recorded {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is something else, in a line.
    pub fn read(path: &str) -> Result<Self, String> {
        let read = || -> io::Result<_> {
            let mut text = Vec::new();
            // a device without an end has no size
            File::open(path)?.take(LARGEST + 1).read_to_end(&mut text)?;
            if text.len() as u64 > LARGEST {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            Ok(text)
        };
        let text = read().map_err(|error| format!("cannot read it: {error}"))?;
        let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self::parse(name, &text)
    }

    fn parse(name: String, text: &[u8]) -> Result<Self, String> {
        const OTHER: &str = "that is not what `client load --json` prints";
        let report: Value = serde_json::from_slice(text).map_err(|_| OTHER)?;
        let version = report.get("version").and_then(Value::as_u64).ok_or(OTHER)?;
        if version != VERSION {
            return Err(format!("that is version {version}, and this client reads {VERSION}"));
        }
        if report.get("cut_short").is_none() {
            return Err(OTHER.into());
        }
        let timeline = report.get("timeline").and_then(Value::as_array);
        let timeline =
            timeline.ok_or("it has no seconds: a former client wrote it; run it again")?;
        let count = |second: &Value, name| {
            let count = second.get(name)?.as_u64()?;
            u32::try_from(count).ok().map(u64::from) // no second has more, and their sum has room
        };
        let second = |second: &Value| {
            Some(Second { due: count(second, "due")?, served: count(second, "served")? })
        };
        let seconds = timeline.iter().map(second).collect::<Option<_>>().ok_or(OTHER)?;
        let pause = report
            .get("pause")
            .and_then(|pause| Some((pause.get("from_s")?.as_f64()?, pause.get("to_s")?.as_f64()?)));
        Ok(Self { name, seconds, pause, report })
    }

    /// Whether the server was stopped for more than a twentieth of that second, counted from 0.
    pub fn is_stopped(&self, second: usize) -> bool {
        let second = second as f64;
        self.pause.is_some_and(|(from, to)| from < second + 0.95 && to > second + 0.05)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Recorded, String> {
        Recorded::parse("run".into(), text.as_bytes())
    }

    #[test]
    fn a_file_that_is_no_such_report_is_named_in_a_line() {
        for (text, why) in [
            ("", "is not what"),
            ("[1]", "is not what"),
            ("{}", "is not what"),
            (r#"{"version": 1}"#, "is not what"),
            (r#"{"version": 2}"#, "version 2"),
            (r#"{"version": 1, "cut_short": {}}"#, "no seconds"),
            (
                r#"{"version": 1, "cut_short": {}, "timeline": [{"due": -1, "served": 2}]}"#,
                "is not what",
            ),
            (
                r#"{"version": 1, "cut_short": {}, "timeline": [{"due": 2, "served": 18446744073709551615}]}"#,
                "is not what",
            ),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(why) && !error.contains('\n'), "{text}: {error}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_without_an_end_is_too_large() {
        assert!(Recorded::read("/dev/zero").expect_err("it has no end").contains("too large"));
    }

    #[test]
    fn the_seconds_that_a_pause_touches_are_marked() {
        let text = r#"{"version": 1, "cut_short": {}, "pause": {"from_s": 1.2, "to_s": 3.0}, "timeline": [
            {"due": 5, "served": 4}, {"due": 5, "served": 0}]}"#;
        let run = parse(text).unwrap();
        assert_eq!(run.seconds[0], Second { due: 5, served: 4 });
        assert_eq!([0, 1, 2, 3].map(|second| run.is_stopped(second)), [false, true, true, false]);
    }
}
