//! A recording, divided at its attacks: what each did to each server.

use super::probes::PROBE;
use super::recording::{Done, Period, Poll, Recorded, Recording};
use super::state::State;
use crate::compare::captions;
use crate::compare::chart::{Axis, Chart, IMMEDIATE, Panel};
use claims::{QueueSample, TracedRequest};
use probe::duration::show;
use probe::http_client::Outcome;
use std::time::Duration;

/// How long probes go on being drawn after an attack is over.
pub(super) const TAIL: Duration = Duration::from_secs(5);

/// A probe that waited for longer shows that something happened.
const SLOW: Duration = Duration::from_millis(500);

/// How many bars of a server are drawn, at most.
const DRAWN: usize = 150;

/// From one attack to the next.
pub(super) struct Episode<'r> {
    /// `None` if there was no attack at all.
    pub(super) attack: Option<&'r Done>,
    /// The votes before it, if the room was asked.
    pub(super) poll: Option<&'r Poll>,
    /// What else was done.
    pub(super) then: Vec<&'r Done>,
    /// Its time axis begins at the attack.
    pub(super) chart: Chart,
    /// What was seen of each server.
    pub(super) seen: Vec<Seen>,
}

/// What was seen of a server.
pub(super) struct Seen {
    pub(super) is_well: bool,
    /// Its state, and for how long.
    pub(super) words: String,
    /// What became of the requests of the attack.
    pub(super) figure: String,
}

/// The attacks of a recording, in their order.
pub(super) fn episodes(recording: &Recording) -> Vec<Episode<'_>> {
    let mut starts: Vec<_> =
        recording.done.iter().filter(|done| done.is_attack).map(Some).collect();
    if starts.is_empty() {
        starts.push(None);
    }
    let begin = |attack: Option<&Done>| attack.map_or(Duration::ZERO, |attack| attack.at);
    let ends = starts.iter().skip(1).map(|next| begin(*next)).chain([Duration::MAX]);
    starts
        .iter()
        .zip(ends)
        .map(|(attack, end)| Episode::new(recording, *attack, begin(*attack), end))
        .collect()
}

impl<'r> Episode<'r> {
    fn new(
        recording: &'r Recording,
        attack: Option<&'r Done>,
        begin: Duration,
        end: Duration,
    ) -> Self {
        let is_within = |at: Duration| begin <= at && at < end;
        let then = recording.done.iter().filter(|done| is_within(done.at) && !done.is_attack);
        let then: Vec<_> = then.collect();
        let parts = recording.servers.iter().map(|server| Part::new(server, begin, end));
        let mut parts: Vec<_> = parts.collect();
        let actions = then.iter().map(|done| done.at);
        let over = parts.iter().map(Part::over).chain(actions).max().unwrap_or(begin).max(begin);
        parts.iter_mut().for_each(|part| part.end_at(over + TAIL));
        let seen = parts.iter().enumerate().map(|(place, part)| {
            let (is_well, words) = part.state(begin, end.min(recording.took));
            let is_target = attack.is_none_or(|attack| attack.servers.contains(&place));
            let figure = if is_target { part.figure(begin) } else { "not attacked".into() };
            Seen { is_well, words, figure }
        });
        let seen = seen.collect();
        let mut chart = Chart::of(parts.iter().map(|part| part.panel(begin)).collect());
        chart.slots = chart.slots.min(DRAWN);
        // a connection that is held for minutes would make all others flat
        let asked =
            parts.iter().flat_map(|part| &part.requests).filter(|one| one.outcome.is_some());
        let longest = asked.map(TracedRequest::took).max().unwrap_or_default();
        if longest >= SLOW * 2 {
            let done = chart.panels.iter().flat_map(|panel| &panel.bars);
            let done = done.filter(|bar| bar.outcome.is_some());
            let done = done.map(|bar| bar.finished() - bar.began).max().unwrap_or_default();
            chart.axis = Axis::up_to(done.max(IMMEDIATE));
        }
        let poll = attack.and_then(|attack| recording.poll(attack));
        Self { attack, poll, then, chart, seen }
    }
}

/// What was recorded of a server in an episode.
struct Part<'r> {
    server: &'r Recorded,
    requests: Vec<TracedRequest>,
    samples: Vec<QueueSample>,
    /// The figures of the queue before.
    before: Option<QueueSample>,
}

impl<'r> Part<'r> {
    fn new(server: &'r Recorded, begin: Duration, end: Duration) -> Self {
        let is_within = |at: Duration| begin <= at && at < end;
        let requests = server.requests.iter().filter(|one| is_within(one.began)).cloned();
        let before = server.samples.iter().rev().find(|sample| sample.at < begin).copied();
        let samples = server.samples.iter().filter(|sample| is_within(sample.at)).copied();
        Self { server, requests: requests.collect(), samples: samples.collect(), before }
    }

    /// When the last thing happened that was not a quick response to a probe.
    fn over(&self) -> Duration {
        let is_quiet = |one: &TracedRequest| {
            let is_response =
                matches!(one.outcome, Some(Outcome::Served(_) | Outcome::Rejected(_)));
            one.what == PROBE && is_response && one.took() < SLOW
        };
        let requests = self.requests.iter().filter(|one| !is_quiet(one)).map(|one| one.ended);
        let queued = self.samples.iter().filter(|sample| sample.queued > 0).map(|sample| sample.at);
        requests.chain(queued).max().unwrap_or_default()
    }

    fn end_at(&mut self, end: Duration) {
        self.requests.retain(|one| one.began <= end);
        self.samples.retain(|sample| sample.at <= end);
    }

    fn panel(&self, begin: Duration) -> Panel {
        // the server is first in, first out: of those after `begin`, none is done before those accepted earlier
        let accepted = self.before.map(|before| before.accepted).unwrap_or_default();
        let since = |sample: &QueueSample| QueueSample {
            accepted: sample.accepted - accepted,
            done: sample.done.saturating_sub(accepted),
            ..*sample
        };
        // one that was started again counts from zero
        let samples = self.samples.iter().take_while(|sample| sample.accepted >= accepted);
        let samples: Vec<_> = samples.map(since).collect();
        let was_empty = self.before.is_none_or(|before| before.done == before.accepted);
        let work = self.server.work.filter(|_| was_empty);
        Panel::since(begin, &self.requests, &samples, work)
    }

    /// What became of the requests that are not probes.
    fn figure(&self, begin: Duration) -> String {
        let asked = self.requests.iter().filter(|one| one.what != PROBE).cloned();
        let panel = Panel::since(begin, &asked.collect::<Vec<_>>(), &[], None);
        let parts: Vec<_> = captions::summaries(&panel).into_iter().map(|(_, part)| part).collect();
        parts.join("; ")
    }

    /// Whether it responded all the time; its worst state, and for how long.
    fn state(&self, begin: Duration, end: Duration) -> (bool, String) {
        let is_worse = |state: &State| match state {
            State::Starting => 0, // it was started again
            State::Responds { .. } => 1,
            State::Paused => 2,
            State::Failing(_) => 3,
            State::Silent { .. } => 4,
            State::Ended(_) => 5,
        };
        let within = |period: &Period| period.to.min(end).saturating_sub(period.from.max(begin));
        let periods = || self.server.periods.iter().filter(|period| !within(period).is_zero());
        let Some(worst) = periods().max_by_key(|period| is_worse(&period.state)) else {
            return (false, "not seen".into());
        };
        let alike = periods().filter(|one| is_worse(&one.state) == is_worse(&worst.state));
        let time = show(alike.map(within).sum());
        match &worst.state {
            State::Responds { .. } => (true, "responds".into()),
            State::Starting => (false, format!("starting for {time}")),
            State::Paused => (false, format!("paused for {time}")),
            State::Failing(_) => (false, format!("fails for {time}")),
            State::Silent { .. } => (false, format!("no response for {time}")),
            State::Ended(_) => (false, format!("down for {time}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::newest::Newest;
    use super::super::recording::Forgotten;
    use super::*;
    use serde_json::{Value, json};
    use std::time::SystemTime;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn done(at: u64, name: &'static str, is_attack: bool) -> Done {
        let (label, by_hand) = (name.into(), String::new());
        Done { at: secs(at), name, label, by_hand, servers: vec![0], is_attack, question: None }
    }

    fn request(
        what: &'static str,
        began: u64,
        took: Duration,
        outcome: Option<Outcome>,
    ) -> TracedRequest {
        let began = secs(began);
        TracedRequest { what, began, connected: Some(began), ended: began + took, outcome }
    }

    const SERVED: Option<Outcome> = Some(Outcome::Served(http1::StatusCode::OK));
    const QUICK: Duration = Duration::from_millis(1);

    /// Frozen from 10 to 16, and at 300 an event; a probe a second.
    fn recording() -> Recording {
        let mut requests = vec![request("silent client", 10, secs(6), None)];
        for second in 0..400 {
            let took = secs(16u64.saturating_sub(second)) + QUICK;
            requests.push(request(PROBE, second, if second < 10 { QUICK } else { took }, SERVED));
        }
        requests.push(request("event", 300, QUICK, SERVED));
        let period = |from, to, state| Period { from: secs(from), to: secs(to), state };
        let responds = || State::Responds { ms: None };
        let periods = vec![
            period(0, 10, responds()),
            period(10, 16, State::Silent { since_ms: 10_000 }),
            period(16, 310, responds()),
            period(310, 311, State::Starting),
            period(311, 400, responds()),
        ];
        let (name, host) = ("blocking".into(), "127.0.0.1:1".into());
        let server = Recorded {
            name,
            stage: Some(1),
            host,
            work: None,
            requests,
            samples: vec![],
            periods,
            forgotten: Forgotten::default(),
        };
        let done = vec![done(10, "silent", true), done(16, "stop", false), done(300, "ten", true)];
        Recording {
            opened: SystemTime::UNIX_EPOCH,
            took: secs(400),
            servers: vec![server],
            done,
            forgotten_actions: 0,
            polls: vec![],
        }
    }

    #[test]
    fn each_attack_has_its_requests_until_the_next_one_without_the_quiet_between() {
        let recording = recording();
        let all = episodes(&recording);
        let [silent, ten] = &all[..] else { panic!("{} episodes", all.len()) };
        assert_eq!(silent.seen[0].words, "no response for 6.00 s");
        assert!(!silent.seen[0].is_well && ten.seen[0].is_well);
        assert_eq!(silent.seen[0].figure, "one misbehaving connection, open for 6.00 s");
        assert_eq!(ten.seen[0].figure, "one served after 1.0 ms");
        let bars = &silent.chart.panels[0].bars;
        assert_eq!(bars.len(), 1 + 12, "probes of 10 to 21, five seconds after the end");
        assert_eq!((bars[0].began, bars[12].began), (secs(0), secs(11)));
        assert_eq!(ten.chart.panels[0].bars.len(), 1 + 6);
        let then: Vec<_> = silent.then.iter().map(|done| done.name).collect();
        assert_eq!((then, ten.then.len()), (vec!["stop"], 0));
    }

    #[test]
    fn of_many_requests_the_first_are_drawn_and_all_are_counted() {
        let mut recording = recording();
        let event = |number: u64| request("event", 300 + number / 100, QUICK, SERVED);
        recording.servers[0].requests.extend((0..9_000).map(event));
        let all = episodes(&recording);
        assert_eq!(all[1].chart.slots, DRAWN);
        assert_eq!(all[1].seen[0].figure, "9001 served within 1.0 ms");
    }

    #[test]
    fn what_a_queue_did_before_is_not_counted() {
        let mut recording = recording();
        let server = &mut recording.servers[0];
        server.work = Some(secs(1));
        let accepted = Some(Outcome::Served(http1::StatusCode::ACCEPTED));
        server.requests.extend((0..3).map(|_| request("event", 20, QUICK, accepted)));
        let sample = |at, queued, accepted, done| QueueSample {
            at: secs(at),
            capacity: 16,
            queued,
            accepted,
            done,
        };
        server.samples = vec![
            sample(5, 0, 40, 40),
            sample(21, 2, 43, 40),
            sample(22, 1, 43, 41),
            sample(24, 0, 43, 43),
        ];
        let all = episodes(&recording);
        let panel = &all[0].chart.panels[0];
        let law = panel.littles_law.expect("a queue");
        assert_eq!((law.accepted, law.measured), (3, Some(secs(4) - QUICK)));
        // restarted: its figures begin at zero again
        recording.servers[0].samples.push(sample(25, 0, 0, 0));
        assert_eq!(episodes(&recording)[0].chart.panels[0].queue.len(), 3);
    }

    #[test]
    fn what_was_forgotten_is_counted_on_the_page_and_in_the_json() {
        let mut recording = recording();
        assert!(!recording.to_html().contains("not here"));
        recording.servers[0].forgotten = Forgotten { requests: 0, samples: 7, periods: 1 };
        recording.forgotten_actions = 2;
        let page = recording.to_html();
        assert!(page.contains("not here: 7 figures of a queue, 1 states, 2 actions."), "{page}");
        let json: Value = serde_json::from_str(&recording.to_json()).expect("JSON");
        let stage = &json["stages"][0];
        let counts = ["forgotten", "forgotten_queue", "forgotten_states"].map(|name| &stage[name]);
        assert_eq!(
            (counts, &json["forgotten_actions"]),
            ([&json!(0), &json!(7), &json!(1)], &json!(2))
        );
    }

    #[test]
    fn a_silence_begins_with_the_probe_that_got_no_response() {
        let mut periods = Newest::new(3);
        let mut see = |state, at| Period::extend(&mut periods, state, secs(at));
        see(State::Responds { ms: None }, 0);
        see(State::Responds { ms: Some(1) }, 4);
        see(State::Silent { since_ms: 3000 }, 4);
        see(State::Silent { since_ms: 3000 }, 9);
        see(State::Paused, 10);
        see(State::Silent { since_ms: 3000 }, 12);
        let all: Vec<_> = periods.iter().map(|one| (one.from, one.to)).collect();
        assert_eq!(all, [(secs(3), secs(10)), (secs(10), secs(12)), (secs(12), secs(12))]);
    }
}
