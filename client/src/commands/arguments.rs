//! Numbers and durations as arguments.

use probe::number::number;
use std::time::Duration;

/// 1 to 10^15, up to which a float is exact.
pub(super) fn count(text: &str) -> Result<u64, String> {
    match number(text) {
        Some(number) if !text.contains('.') && (1.0..=1e15).contains(&number) => Ok(number as u64),
        _ => Err("a whole number, 1 or more, such as 500 or 10k".into()),
    }
}

/// 1 to 100,000.
pub(super) fn connections(text: &str) -> Result<usize, String> {
    match count(text).map(usize::try_from)? {
        Ok(number @ ..=100_000) => Ok(number),
        _ => Err("at most 100k: a client has only so many ports".into()),
    }
}

/// More than 0, at most a day.
pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("more than 0".into()),
        Ok(duration) if duration > Duration::from_secs(24 * 3600) => Err("at most 1day".into()),
        Ok(duration) => Ok(duration),
        Err(_) => Err("a duration has a number and a unit, such as 500ms, 10s or 1m".into()),
    }
}
