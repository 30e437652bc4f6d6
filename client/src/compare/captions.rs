//! The charts in words: labels, the caption of a panel, the details of a bar, the calculation.

use crate::compare::chart::{Bar, BarKind, LittlesLaw, Panel, Place, SerialService};
use probe::duration::show;
use probe::http_client::Outcome;
use std::collections::BTreeSet;
use std::time::Duration;

impl BarKind {
    /// The word after a count: `17 accepted`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Held => "misbehaving",
            Self::Served => "served",
            Self::Accepted => "accepted",
            Self::Shed => "rejected (503)",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed out",
            Self::Failed => "failed",
        }
    }

    /// The meaning, for a legend.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Held => "a connection without a complete request, for as long as it was open",
            Self::Served => "2xx, with the work done before the response",
            Self::Accepted => "202, with the work done after the response",
            Self::Shed => "load shedding; Retry-After says when to retry",
            Self::Rejected => "any other 4xx or 5xx; it is a response, too",
            Self::TimedOut => "no response by the time the client gave up",
            Self::Failed => "the connection ended without a response",
        }
    }
}

impl Place {
    /// What the request was doing there, to follow a duration; `None` where the client cannot know
    /// it.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Backlog => Some("waiting for a connection"),
            Self::Lock => Some("blocked by earlier requests"),
            Self::Queue => Some("in the queue after the response"),
            Self::Work => Some("being processed"),
            Self::Response => None,
        }
    }
}

/// The details of a bar in one line: the request, how it ended, its latency, and where it waited.
pub fn describe_bar(bar: &Bar) -> String {
    let mut text = format!("{}: {} after {}", bar.what, outcome(bar), show(bar.waited()));
    if bar.began > Duration::ZERO {
        text += &format!(", due at {}", show(bar.began));
    }
    let places = Place::ALL.iter().filter_map(|place| Some((place.reason()?, bar.spent(*place))));
    for (reason, spent) in places.filter(|(_, spent)| !spent.is_zero()) {
        text += &format!(", {} {reason}", show(spent));
    }
    text
}

fn outcome(bar: &Bar) -> String {
    match bar.outcome {
        Some(Outcome::Served(status)) => format!("{} ({})", bar.kind.label(), status.as_u16()),
        Some(Outcome::Shed(Some(seconds))) => format!("rejected (503, Retry-After {seconds} s)"),
        Some(Outcome::Shed(None)) => "rejected (503)".into(),
        Some(Outcome::Rejected(status)) => format!("rejected ({})", status.as_u16()),
        Some(Outcome::TimedOut) => "no response".into(),
        Some(Outcome::Failed(failure)) => failure.to_string(),
        None => "closed".into(),
    }
}

/// For each kind of bar, how many there are and their latency, in the order in which the kinds
/// appear.
pub fn summaries(panel: &Panel) -> Vec<(BarKind, String)> {
    let mut kinds: Vec<_> = Vec::new();
    for bar in &panel.bars {
        if !kinds.contains(&bar.kind) {
            kinds.push(bar.kind);
        }
    }
    kinds.into_iter().map(|kind| (kind, summary(panel, kind))).collect()
}

/// The caption of a panel: its summaries, and the calculation if there is one.
pub fn caption(panel: &Panel) -> String {
    if panel.bars.is_empty() {
        return "No requests were recorded.".into();
    }
    let parts: Vec<_> = summaries(panel).into_iter().map(|(_, part)| part).collect();
    let mut text = parts.join("; ") + ".";
    if let Some(first) = text.get(..1).map(str::to_uppercase) {
        text.replace_range(..1, &first);
    }
    if let Some(theory) = theory(panel) {
        text += " ";
        text += &theory;
    }
    text
}

/// The word for a kind in this panel. Beside a misbehaving connection the question is whether other
/// clients get a response at all, so a 404 is labelled `answered` there, not `rejected`.
pub fn label(panel: &Panel, kind: BarKind) -> &'static str {
    match kind {
        BarKind::Rejected if panel.count(BarKind::Held) > 0 => "answered",
        kind => kind.label(),
    }
}

fn summary(panel: &Panel, kind: BarKind) -> String {
    let count = panel.count(kind);
    let waits = panel.of_kind(kind).map(Bar::waited);
    let (first, last) = (waits.clone().min().unwrap_or_default(), waits.max().unwrap_or_default());
    let word = match kind {
        BarKind::Rejected => format!("{} ({})", label(panel, kind), statuses(panel)),
        kind => kind.label().into(),
    };
    match kind {
        // whether the server or the client ended it is the table's to say
        BarKind::Held if count == 1 => {
            format!("one misbehaving connection, open for {}", show(last))
        }
        BarKind::Held => {
            format!("{count} misbehaving connections, open for up to {}", show(last))
        }
        BarKind::TimedOut if count == 1 => format!("one without a response after {}", show(last)),
        // those of an attack that was stopped
        BarKind::TimedOut if first < last.mul_f64(0.9) => {
            format!("{count} without a response after {} to {}", show(first), show(last))
        }
        BarKind::TimedOut => format!("{count} without a response after {}", show(last)),
        BarKind::Served
            if panel.serial_service.is_some_and(|service| service.served as usize == count) =>
        {
            format!("{count} served one at a time, after {} to {}", show(first), show(last))
        }
        _ if count == 1 => format!("one {word} after {}", show(last)),
        _ => format!("{count} {word} within {}", show(last)),
    }
}

/// The distinct statuses of the rejected requests: `400, 415`.
fn statuses(panel: &Panel) -> String {
    let outcomes = panel.bars.iter().filter_map(|bar| bar.outcome);
    let statuses = outcomes.filter_map(|outcome| match outcome {
        Outcome::Rejected(status) => Some(status.as_u16()),
        _ => None,
    });
    let distinct: BTreeSet<_> = statuses.collect();
    distinct.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

/// The calculated latency of a panel beside the measured one; `None` if no calculation applies.
pub fn theory(panel: &Panel) -> Option<String> {
    panel
        .serial_service
        .as_ref()
        .map(describe_serial_service)
        .or_else(|| panel.littles_law.as_ref().map(describe_littles_law))
}

fn describe_serial_service(service: &SerialService) -> String {
    let mut text = format!(
        "Theory: one at a time, {} × {} = {}. Measured: {}.",
        service.served,
        show(service.work),
        show(service.wait(service.served)),
        show(service.measured),
    );
    if service.waiting > 0 {
        let all = service.served + service.waiting;
        text += &format!(" The last of all {all} would wait {}.", show(service.wait(all)));
    }
    text
}

fn describe_littles_law(law: &LittlesLaw) -> String {
    let per_second = 1.0 / law.work.as_secs_f64();
    let theory = format!(
        "Little's law: {} in flight ÷ {} per second = {} until the last is done.",
        law.accepted,
        (per_second * 100.0).round() / 100.0,
        show(law.wait()),
    );
    let measured = match law.measured {
        Some(measured) => format!("Measured: {}.", show(measured)),
        None => "Not measured that long.".into(),
    };
    format!("{theory} {measured} Peak queue depth: {} of {}.", law.deepest, law.capacity)
}
