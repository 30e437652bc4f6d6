//! What the figures say beyond themselves, each with its evidence.

use crate::schedule::Shape;
use crate::tally::Tally;
use probe::duration::show;
use probe::http_client::Failure;
use std::time::Duration;

/// What holds of a run, a sentence each.
pub fn diagnose(tally: &Tally, shape: Shape, keep_alive: bool) -> Vec<String> {
    let all = [
        bottleneck(tally),
        unreached(tally),
        not_begun(tally, shape),
        backlog(tally),
        starved(tally),
        closing(tally, keep_alive),
        surplus(tally),
    ];
    all.into_iter().chain([hidden(tally, shape), not_sent(tally)]).flatten().collect()
}

fn bottleneck(tally: &Tally) -> Option<String> {
    let percent = tally.load * 100.0;
    (percent >= 90.0 && tally.elapsed >= Duration::from_millis(500)).then(|| {
        format!(
            "this client was the bottleneck: one of its threads worked {percent:.0} % of the time; the server may be \
             able to do more"
        )
    })
}

/// Where nobody listens that is said at once; here nothing was said at all.
fn unreached(tally: &Tally) -> Option<String> {
    (tally.never_connected() && tally.timed_out.total() + tally.cut_short.total() > 0).then(|| {
        "not one connection was made: the server does not accept and the kernel's backlog is full, or nothing \
         at that address answers"
            .into()
    })
}

fn not_begun(tally: &Tally, shape: Shape) -> Option<String> {
    (shape == Shape::Burst && tally.elapsed.is_zero()).then(|| {
        format!(
            "nothing was sent: a burst begins when every connection stands, or after -t, and {} of {} stood when it was \
             stopped",
            tally.connects.count, tally.senders
        )
    })
}

fn backlog(tally: &Tally) -> Option<String> {
    let connects = tally.connects;
    (connects.slow > 0).then(|| {
        format!(
            "{} of {} connects took a second or more, the slowest {}: the kernel's backlog was full, since the server \
             did not accept; a dropped SYN is sent again after one second",
            connects.slow,
            connects.count,
            show(connects.slowest)
        )
    })
}

/// Some connections get everything, others nothing: one client at a time.
fn starved(tally: &Tally) -> Option<String> {
    let others = tally.senders - tally.starved;
    // of fewer answers, or while some connections are still being made, some have none by chance
    let is_early = others > 1 && tally.elapsed < Duration::from_millis(100);
    let is_chance = tally.answered() < 3 * tally.senders || is_early;
    (tally.starved > 0 && others > 0 && !is_chance).then(|| {
        format!(
            "{} of {} connections had no answer while there was more to send, and the others had all of them: the server \
             serves some connections and lets the others wait",
            tally.starved, tally.senders
        )
    })
}

fn closing(tally: &Tally, keep_alive: bool) -> Option<String> {
    // these were closed by us
    let ours = tally.timed_out.total()
        + tally.surplus
        + tally.failed.kinds.get(&Failure::NotHttp).unwrap_or(&0);
    let again = tally.connects.count.saturating_sub(tally.senders + ours);
    let answers = tally.answered() + tally.resent; // before each that was sent again there was one too
    (keep_alive && again > 0 && again * 10 >= answers).then(|| {
        format!(
            "the server closes connections: {} were opened for {answers} answers, and each costs a connect",
            tally.connects.count
        )
    })
}

fn surplus(tally: &Tally) -> Option<String> {
    (tally.surplus > 0).then(|| {
        format!(
            "after {} of its answers the server sent bytes that nobody had asked for; those connections were closed",
            tally.surplus
        )
    })
}

/// In a closed loop whoever waits sends nothing, so the requests that would have waited too are missing.
fn hidden(tally: &Tally, shape: Shape) -> Option<String> {
    let latency = &tally.served.latency;
    let (median, longest) = (latency.percentile(50.0), latency.max());
    let hides = shape == Shape::ClosedLoop
        && longest >= Duration::from_millis(100)
        && longest >= median * 10
        && tally.total() > 2 * tally.senders;
    hides.then(|| {
        let rate = tally.throughput();
        format!(
            "a closed loop hides waiting: half of the answers took {}, but one took {}, and its connection sent \
             nothing meanwhile; -q {} sends at this pace whatever the server does",
            show(median),
            show(longest),
            if rate < 1.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
        )
    })
}

fn not_sent(tally: &Tally) -> Option<String> {
    (tally.not_sent > 0).then(|| {
        format!(
            "{} more were due and never sent, since {} waiting: take more connections with -c, if the server can do \
             more",
            tally.not_sent,
            match tally.senders {
                1 => "the one connection was".into(),
                senders => format!("all {senders} connections were"),
            }
        )
    })
}
