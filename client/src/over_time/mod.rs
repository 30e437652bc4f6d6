//! Goodput per second of some recorded runs, one below the other on one scale, with the pause shaded.

pub mod html;
pub mod terminal;

use crate::recorded::Recorded;

/// What all runs share: the most that was due or served in one second, and the longest run in seconds; 1 or more each.
fn scale(runs: &[Recorded]) -> (u64, usize) {
    let seconds = runs.iter().flat_map(|run| &run.seconds);
    let most = seconds.map(|second| second.due.max(second.served)).max().unwrap_or(0).max(1);
    (most, runs.iter().map(|run| run.seconds.len()).max().unwrap_or(0).max(1))
}

/// What a run shows, in a sentence.
fn caption(run: &Recorded) -> String {
    let mean = |seconds: &mut dyn Iterator<Item = (usize, u64)>| {
        let (mut count, mut sum) = (0u64, 0);
        seconds.for_each(|(_, served)| (count, sum) = (count + 1, sum + served));
        (count > 0).then(|| sum as f64 / count as f64)
    };
    // a last second without anything due only awaits responses
    let seconds = run.seconds.iter().enumerate().filter(|(_, second)| second.due > 0);
    let seconds: Vec<_> = seconds.map(|(place, second)| (place, second.served)).collect();
    let all = || seconds.iter().copied();
    let Some((from, to)) = run.pause else {
        let mean = mean(&mut all()).unwrap_or(0.0);
        return format!("{mean:.0} served each second");
    };
    let before = mean(&mut all().filter(|(place, _)| *place as f64 + 1.0 <= from));
    let last = seconds.len().saturating_sub(3);
    let after = mean(&mut all().filter(|(place, _)| *place >= last && *place as f64 >= to));
    match (before, after) {
        (Some(before), Some(after)) => format!(
            "{before:.0} served each second before the pause, {after:.0} in the last three seconds"
        ),
        _ => "the run is too short to show what was before and after the pause".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::Second;
    use serde_json::Value;

    pub(super) fn run(name: &str, served: &[u64], pause: Option<(f64, f64)>) -> Recorded {
        let seconds = served.iter().map(|served| Second { due: 10, served: *served }).collect();
        Recorded { name: name.into(), report: Value::Null, seconds, pause }
    }

    #[test]
    fn the_caption_says_what_was_before_the_pause_and_what_is_at_the_end() {
        let all = run("a", &[10, 10, 4, 0, 0, 0, 3], Some((2.0, 3.0)));
        assert_eq!(
            caption(&all),
            "10 served each second before the pause, 1 in the last three seconds"
        );
        assert!(caption(&run("a", &[10, 10, 4], Some((1.5, 3.0)))).contains("too short"));
        assert_eq!(caption(&run("a", &[10, 8], None)), "9 served each second");
        assert_eq!(caption(&run("a", &[], None)), "0 served each second");
    }

    #[test]
    fn every_run_is_drawn_on_the_scale_of_all() {
        let runs = [run("a", &[1, 2], None), run("b", &[20, 0, 0], None)];
        assert_eq!(scale(&runs), (20, 3));
        assert_eq!(scale(&[]), (1, 1));
    }
}
