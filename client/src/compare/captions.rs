//! The pictures in words: what a panel shows, what a bar is, and what theory says.

use crate::compare::chart::{Bar, BarKind, LittlesLaw, Panel, Place, SerialService};
use probe::duration::show;
use probe::http_client::Outcome;
use std::collections::BTreeSet;
use std::time::Duration;

impl BarKind {
    /// What it is called beside a number.
    pub fn label(self) -> &'static str {
        match self {
            Self::Held => "held open",
            Self::Served => "served",
            Self::Accepted => "taken",
            Self::Shed => "refused",
            Self::Rejected => "rejected",
            Self::NoResponse => "no answer",
            Self::Failed => "failed",
        }
    }

    /// What it means, for a legend.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Held => "a connection that asks nothing whole, held open on purpose",
            Self::Served => "answered with what it asked for",
            Self::Accepted => "202: promised, and not done yet",
            Self::Shed => "503, with word when to come again",
            Self::Rejected => "another 4xx or 5xx, which is an answer too",
            Self::NoResponse => "no answer for as long as the client waited",
            Self::Failed => "the connection ended without an answer",
        }
    }
}

impl Place {
    /// What is waited for there, after a figure; nothing where the client cannot see it.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Backlog => Some("for a connection"),
            Self::Lock => Some("for the lock"),
            Self::Queue => Some("then in the queue"),
            Self::Work => Some("at work"),
            Self::Response => None,
        }
    }
}

/// A bar in a line: what it was, what came of it and after how long, and where it waited.
pub fn describe_bar(bar: &Bar) -> String {
    let mut text = format!("{}: {} after {}", bar.what, outcome(bar), show(bar.waited()));
    if bar.began > Duration::ZERO {
        text += &format!(", begun at {}", show(bar.began));
    }
    let places = Place::ALL.iter().filter_map(|place| Some((place.reason()?, bar.spent(*place))));
    for (reason, spent) in places.filter(|(_, spent)| !spent.is_zero()) {
        text += &format!(", {} {reason}", show(spent));
    }
    text
}

fn outcome(bar: &Bar) -> String {
    match bar.outcome {
        Some(Outcome::Served(status)) => format!("{} {}", bar.kind.label(), status.as_u16()),
        Some(Outcome::Refused(Some(seconds))) => format!("refused 503, Retry-After {seconds} s,"),
        Some(Outcome::Refused(None)) => "refused 503".into(),
        Some(Outcome::Rejected(status)) => format!("rejected {}", status.as_u16()),
        Some(Outcome::TimedOut) => "no answer".into(),
        Some(Outcome::Failed(failure)) => failure.to_string(),
        None => "let go".into(),
    }
}

/// What came of how many, and after how long, in the order in which it is first seen.
pub fn summaries(panel: &Panel) -> Vec<(BarKind, String)> {
    let mut kinds: Vec<_> = Vec::new();
    for bar in &panel.bars {
        if !kinds.contains(&bar.kind) {
            kinds.push(bar.kind);
        }
    }
    kinds.into_iter().map(|kind| (kind, summary(panel, kind))).collect()
}

/// A panel in a sentence or two, with the figures of this run.
pub fn caption(panel: &Panel) -> String {
    if panel.bars.is_empty() {
        return "There is no trace of a request.".into();
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

/// What a fate is called in a panel. Beside a connection that misbehaves the question is whether others are answered at
/// all, so there a 404 is not first of all a rejection.
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
        BarKind::Held if count == 1 => format!("one connection held open for {}", show(last)),
        BarKind::Held => format!("{count} connections held open for {}", show(last)),
        BarKind::NoResponse if count == 1 => format!("one without an answer for {}", show(last)),
        BarKind::NoResponse => format!("{count} without an answer for {}", show(last)),
        BarKind::Served
            if panel.serial_service.is_some_and(|service| service.served as usize == count) =>
        {
            format!("{count} served one by one, from {} to {}", show(first), show(last))
        }
        _ if count == 1 => format!("one {word} after {}", show(last)),
        _ => format!("{count} {word} within {}", show(last)),
    }
}

/// With which statuses requests were rejected.
fn statuses(panel: &Panel) -> String {
    let outcomes = panel.bars.iter().filter_map(|bar| bar.outcome);
    let statuses = outcomes.filter_map(|outcome| match outcome {
        Outcome::Rejected(status) => Some(status.as_u16()),
        _ => None,
    });
    let distinct: BTreeSet<_> = statuses.collect();
    distinct.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

/// What the arithmetic says of a panel, and what was measured; `None` where it says nothing.
pub fn theory(panel: &Panel) -> Option<String> {
    panel
        .serial_service
        .as_ref()
        .map(describe_serial_service)
        .or_else(|| panel.littles_law.as_ref().map(describe_littles_law))
}

fn describe_serial_service(service: &SerialService) -> String {
    let mut text = format!(
        "Theory: {} × {} one after another = {}. Measured: {}.",
        service.served,
        show(service.work),
        show(service.wait(service.served)),
        show(service.measured),
    );
    if service.waiting > 0 {
        let all = service.served + service.waiting;
        text += &format!(" The last of all {all} would have to wait {}.", show(service.wait(all)));
    }
    text
}

fn describe_littles_law(law: &LittlesLaw) -> String {
    let per_second = 1.0 / law.work.as_secs_f64();
    let theory = format!(
        "Little's law: {} taken (at most {} waiting, in {} places), {} done a second: the last is done after {}.",
        law.accepted,
        law.deepest,
        law.capacity,
        (per_second * 100.0).round() / 100.0,
        show(law.wait()),
    );
    match law.measured {
        Some(measured) => format!("{theory} Measured: {}.", show(measured)),
        None => format!("{theory} Nobody looked for so long."),
    }
}
