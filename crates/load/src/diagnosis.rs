//! Notes on a run: what its figures mean, each with the evidence.

use crate::schedule::Shape;
use crate::stats::LoadStats;
use probe::duration::show;
use probe::http_client::Failure;
use std::time::Duration;

/// The notes on a run, a sentence each.
pub fn diagnose(stats: &LoadStats, shape: Shape, keep_alive: bool) -> Vec<String> {
    let all = [
        bottleneck(stats),
        unreached(stats),
        not_begun(stats, shape),
        backlog(stats),
        starved(stats),
        only_error(stats),
        too_late(stats),
        closing(stats, keep_alive),
        surplus(stats),
    ];
    all.into_iter().chain([hidden(stats, shape), not_sent(stats)]).flatten().collect()
}

fn bottleneck(stats: &LoadStats) -> Option<String> {
    let percent = stats.load * 100.0;
    (percent >= 90.0 && stats.elapsed >= Duration::from_millis(500)).then(|| {
        format!(
            "this client was the bottleneck: one of its threads was busy {percent:.0} % of the time; the server \
             may be faster"
        )
    })
}

/// No connect was refused, and none succeeded.
fn unreached(stats: &LoadStats) -> Option<String> {
    (stats.never_connected() && stats.failed.total() == 0).then(|| {
        "no connection could be opened: the server does not accept and the kernel's backlog is full, or \
         no machine has that address"
            .into()
    })
}

fn not_begun(stats: &LoadStats, shape: Shape) -> Option<String> {
    (shape == Shape::Burst && stats.elapsed.is_zero()).then(|| {
        format!(
            "nothing was sent: a burst begins when every connection is open, or after -t, and {} of {} were open \
             when it was stopped",
            stats.connects.count, stats.senders
        )
    })
}

fn backlog(stats: &LoadStats) -> Option<String> {
    let connects = stats.connects;
    (connects.slow > 0).then(|| {
        format!(
            "{} of {} connects took a second or more, the slowest {}: the server did not accept, so the kernel's \
             backlog was full; a dropped SYN is sent again after one second",
            connects.slow,
            connects.count,
            show(connects.slowest)
        )
    })
}

/// Some connections get all the responses and others none: the server serves one client at a time.
fn starved(stats: &LoadStats) -> Option<String> {
    let others = stats.senders - stats.starved;
    // with fewer responses, or while connections are still being opened, it may be chance
    let is_early = others > 1 && stats.elapsed < Duration::from_millis(100);
    let is_chance = stats.answered() < 3 * stats.senders || is_early;
    (stats.starved > 0 && others > 0 && !is_chance).then(|| {
        format!(
            "{} of {} connections got no response while there was more to send, and the others got all of them: \
             the server serves some connections and blocks the others",
            stats.starved, stats.senders
        )
    })
}

fn closing(stats: &LoadStats, keep_alive: bool) -> Option<String> {
    // these were closed by this client
    let is_ours = |failure: &Failure| matches!(failure, Failure::NotHttp | Failure::Unreadable(_));
    let unread = stats.failed.kinds.iter().filter(|(failure, _)| is_ours(failure));
    let timed_out = stats.timed_out.total() + stats.resent.timed_out;
    let ours = timed_out + stats.surplus + unread.map(|(_, count)| count).sum::<u64>();
    let again = stats.connects.count.saturating_sub(stats.senders + ours);
    let answers = stats.answered() + stats.resent.shed; // each of these had a response before
    (keep_alive && again > 0 && again * 10 >= answers).then(|| {
        format!(
            "the server closes connections: {} were opened for {answers} responses, and each costs a connect",
            stats.connects.count
        )
    })
}

fn only_error(stats: &LoadStats) -> Option<String> {
    let error = stats.only_error()?;
    Some(match &error.detail {
        Some(detail) => format!("every response was {}: {detail}", error.heading()),
        None => format!("every response was {}", error.heading()),
    })
}

fn too_late(stats: &LoadStats) -> Option<String> {
    let connections = if stats.too_late == 1 { "connection" } else { "connections" };
    (stats.too_late > 0).then(|| {
        format!(
            "{} {connections} stopped before -z was over: the next retry would have been due after the end",
            stats.too_late
        )
    })
}

fn surplus(stats: &LoadStats) -> Option<String> {
    (stats.surplus > 0).then(|| {
        format!(
            "after {} of its responses the server sent bytes that were not asked for; those connections were closed",
            stats.surplus
        )
    })
}

/// In a closed loop a connection that waits sends nothing, so the requests that would also have
/// waited are missing (coordinated omission).
fn hidden(stats: &LoadStats, shape: Shape) -> Option<String> {
    let latency = &stats.served.latency;
    let (median, longest) = (latency.percentile(50.0), latency.max());
    let hides = shape == Shape::ClosedLoop
        && longest >= Duration::from_millis(100)
        && longest >= median * 10
        && stats.total() > 2 * stats.senders;
    hides.then(|| {
        let rate = stats.throughput();
        format!(
            "a closed loop hides waiting: half of the responses took {}, but one took {}, and its connection \
             sent nothing meanwhile; -q {} sends at this rate whatever the server does",
            show(median),
            show(longest),
            if rate < 1.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
        )
    })
}

fn not_sent(stats: &LoadStats) -> Option<String> {
    (stats.not_sent > 0).then(|| {
        format!(
            "{} more were due and never sent, since {} busy: use more connections (-c) if the server can do more",
            stats.not_sent,
            match stats.senders {
                1 => "the one connection was".into(),
                senders => format!("all {senders} connections were"),
            }
        )
    })
}
