//! Durations as people read them.

use std::time::Duration;

/// A duration as people read it: `340 µs`, `3.2 ms`, `12 ms`, `1.02 s`, `75 s`.
pub fn show(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        0.0..0.000_999_5 => format!("{:.0} µs", seconds * 1e6),
        0.0..0.009_95 => format!("{:.1} ms", seconds * 1e3),
        0.0..0.999_5 => format!("{:.0} ms", seconds * 1e3),
        0.0..9.995 => format!("{seconds:.2} s"),
        0.0..99.95 => format!("{seconds:.1} s"),
        _ => format!("{seconds:.0} s"),
    }
}

/// With each number and its unit on one line: a no-break space stands between them.
pub fn unbroken(text: &str) -> String {
    let mut text = text.to_owned();
    for unit in ["µs", "ms", "s"] {
        for end in ["", ",", ".", ";", ":"] {
            text = text.replace(&format!(" {unit}{end} "), &format!("\u{a0}{unit}{end} "));
        }
    }
    let ends = ["µs", "ms", "s", "µs.", "ms.", "s."];
    match text.rsplit_once(' ') {
        Some((start, unit)) if ends.contains(&unit) => format!("{start}\u{a0}{unit}"),
        _ => text,
    }
}
