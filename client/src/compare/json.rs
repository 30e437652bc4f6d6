//! The comparison as JSON. `client/README.md` documents the format.

use crate::compare::chart::{Bar, BarKind, Panel, Place, Segment};
use crate::compare::matrix::{Column, Matrix, Row, WORK};
use claims::{Finding, Verdict};
use probe::http_client::Outcome;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// The version of the format. It changes when a field is removed or changes its meaning, not when
/// one is added.
pub const VERSION: u32 = 1;

/// Everything on the page and the traces behind it, as one JSON document that ends in a newline.
pub fn to_json(matrix: &Matrix) -> String {
    let mut data = head(matrix.at, matrix.took, &matrix.columns);
    data["work_us"] = json!(micros(WORK));
    data["claims"] = matrix.rows.iter().map(|row| claim(matrix, row)).collect();
    format!("{data:#}\n")
}

/// What each document begins with: its version, when it was recorded and where, and of what servers.
pub(crate) fn head(at: SystemTime, took: Duration, columns: &[Column]) -> Value {
    let stage = |column: &Column| json!({"number": column.stage, "name": folder(column)});
    json!({
        "version": VERSION,
        "at": humantime::format_rfc3339_seconds(at).to_string(),
        "took_us": micros(took),
        "profile": Matrix::profile(),
        "cores": Matrix::cores(),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "stages": columns.iter().map(stage).collect::<Vec<_>>(),
    })
}

/// The folder of a stage, or the name of another server.
pub(crate) fn folder(column: &Column) -> String {
    match column.stage {
        Some(number) => format!("stage{number}-{}", column.name.replace(' ', "-")),
        None => column.name.clone(),
    }
}

fn claim(matrix: &Matrix, row: &Row) -> Value {
    let found = row.findings.iter().zip(&matrix.columns);
    let trials = found.map(|(finding, column)| trial(row, finding, column));
    json!({
        "name": row.claim.name,
        "sentence": row.claim.sentence,
        "by_hand": row.claim.command("{addr}"),
        "trials": trials.collect::<Vec<_>>(),
    })
}

fn trial(row: &Row, finding: &Finding, column: &Column) -> Value {
    let panel = Panel::new(finding, column.work());
    json!({
        "stage": column.stage,
        "server": folder(column),
        "verdict": verdict(finding.verdict),
        "expected": column.expected(row.claim).map(verdict),
        "figure": finding.figure,
        "requests": requests(&panel),
        "queue": queue(&panel),
    })
}

pub(crate) fn requests(panel: &Panel) -> Value {
    panel.bars.iter().map(request).collect()
}

pub(crate) fn queue(panel: &Panel) -> Value {
    let depth = |depth: &claims::QueueSample| {
        json!({
            "at_us": micros(depth.at),
            "capacity": depth.capacity,
            "queued": depth.queued,
            "taken": depth.accepted,
            "done": depth.done,
        })
    };
    panel.queue.iter().map(depth).collect()
}

fn request(bar: &Bar) -> Value {
    let (status, retry_after) = match bar.outcome {
        Some(Outcome::Served(status) | Outcome::Rejected(status)) => (Some(status.as_u16()), None),
        Some(Outcome::Shed(retry_after)) => (Some(503), retry_after),
        _ => (None, None),
    };
    let failure = match bar.outcome {
        Some(Outcome::Failed(failure)) => Some(failure.to_string()),
        _ => None,
    };
    let segment = |segment: &Segment| json!({"place": place(segment.place), "from_us": micros(segment.from), "to_us": micros(segment.to)});
    json!({
        "what": bar.what,
        "fate": fate(bar.kind),
        "status": status,
        "retry_after_s": retry_after,
        "failure": failure,
        "began_us": micros(bar.began),
        "ended_us": micros(bar.ended),
        "segments": bar.segments.iter().map(segment).collect::<Vec<_>>(),
    })
}

/// The value of version 1. The page uses other words for some kinds; the format keeps its own.
fn fate(kind: BarKind) -> &'static str {
    match kind {
        BarKind::Held => "held",
        BarKind::Served => "served",
        BarKind::Accepted => "taken",
        BarKind::Shed => "refused",
        BarKind::Rejected => "rejected",
        BarKind::TimedOut => "unanswered",
        BarKind::Failed => "failed",
    }
}

/// The value of version 1, as for [`fate`].
fn place(place: Place) -> &'static str {
    match place {
        Place::Backlog => "backlog",
        Place::Lock => "lock",
        Place::Queue => "queue",
        Place::Work => "work",
        Place::Response => "answer",
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Kept => "kept",
        Verdict::Broken => "broken",
        Verdict::Unknown => "unknown",
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}
