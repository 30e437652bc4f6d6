//! The progress of a load: how far it is, and a bar for each outcome. Nothing if stderr is not a terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use load::{Progress, Until};
use probe::duration::show;

pub(super) struct ProgressBars {
    until: Until,
    bars: MultiProgress,
    whole: ProgressBar,
    outcomes: Vec<ProgressBar>,
}

const OUTCOMES: [(&str, &str); 5] = [
    ("served", "green"),
    ("shed", "yellow"),
    ("rejected", "magenta"),
    ("timed out", "red"),
    ("failed", "red"),
];

impl ProgressBars {
    pub(super) fn new(until: Until) -> anyhow::Result<Self> {
        let bars = MultiProgress::new();
        let bar = |length, template: &str| -> anyhow::Result<ProgressBar> {
            let style = ProgressStyle::with_template(template)?.progress_chars("■■ ");
            Ok(bars.add(ProgressBar::new(length).with_style(style)))
        };
        let length = match until {
            Until::Count(count) => count,
            Until::Elapsed(duration) => duration.as_millis() as u64,
        };
        let whole = bar(length, "{prefix:>10} {bar:40} {msg}")?;
        let outcomes = OUTCOMES.iter().map(|(name, colour)| {
            let bar = bar(1, &format!("{{prefix:>10}} {{bar:40.{colour}}} {{pos}}"))?;
            bar.set_prefix(*name);
            Ok(bar)
        });
        Ok(Self { until, outcomes: outcomes.collect::<anyhow::Result<_>>()?, whole, bars })
    }

    pub(super) fn show(&self, progress: Progress) {
        let Progress { elapsed, outcomes, in_flight, waiting, last_second } = progress;
        let total: u64 = outcomes.iter().sum();
        let rate = total as f64 / elapsed.as_secs_f64().max(1e-3);
        let mut message = format!("{rate:.0}/s, {in_flight} in flight");
        if waiting > 0 {
            message += &format!(", {waiting} waiting to be sent again");
        }
        if let Some(second) = last_second {
            message +=
                &format!(", {} of {} due served in the last second", second.served(), second.due);
            if let Some(waiting) = second.waiting {
                message += &format!(", {waiting} waiting in the server");
            }
        }
        let position = match self.until {
            Until::Count(count) => {
                message = format!("{total} of {count}, {message}, {}", show(elapsed));
                total
            }
            Until::Elapsed(duration) => {
                message = format!("{} of {}, {message}", show(elapsed), show(duration));
                elapsed.as_millis() as u64
            }
        };
        self.whole.set_position(position);
        self.whole.set_message(message);
        for (bar, count) in self.outcomes.iter().zip(outcomes) {
            bar.set_length(total.max(1));
            bar.set_position(count);
        }
    }

    pub(super) fn clear(self) {
        let _ = self.bars.clear(); // a terminal that has gone shows nothing anyway
    }
}
