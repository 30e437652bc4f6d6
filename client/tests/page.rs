//! The charts of `compare`: known traces give known bars, and the page shows all of them.

use claims::{Finding, QueueSample, TracedRequest, Verdict, claim};
use client::compare::chart::{Axis, Bar, BarKind, Chart, Panel, Place, Segment};
use client::compare::table::{self, Screen};
use client::compare::{Column, Matrix, Row, captions, html, json, terminal_chart};
use http1::StatusCode;
use probe::http_client::Outcome;
use std::time::{Duration, SystemTime};

const WORK: Duration = ms(500);

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const SERVED: Option<Outcome> = Some(Outcome::Served(StatusCode::OK));
const ACCEPTED: Option<Outcome> = Some(Outcome::Served(StatusCode::ACCEPTED));
const SHED: Option<Outcome> = Some(Outcome::Shed(Some(9)));

/// A request that was due at `began`, on an open connection.
fn request(began: Duration, ended: Duration, outcome: Option<Outcome>) -> TracedRequest {
    TracedRequest { what: "event", began, connected: Some(began), ended, outcome }
}

fn finding(verdict: Verdict, trace: Vec<TracedRequest>, queue: Vec<QueueSample>) -> Finding {
    Finding { verdict, figure: "as it was".into(), trace, queue, by_hand: None, evidence: None }
}

fn panel(trace: Vec<TracedRequest>, queue: Vec<QueueSample>) -> Panel {
    Panel::new(&finding(Verdict::Kept, trace, queue), Some(WORK))
}

fn segments(bar: &Bar) -> Vec<(u128, u128, Place)> {
    bar.segments
        .iter()
        .map(|Segment { from, to, place }| (from.as_millis(), to.as_millis(), *place))
        .collect()
}

/// Ten concurrent requests under a lock, the last one first in the trace, one second into the
/// trial.
fn one_by_one(unanswered: u64) -> Vec<TracedRequest> {
    let served = (1..=10).rev().map(|k| request(ms(1000), ms(1000 + 500 * k), SERVED));
    served
        .chain((0..unanswered).map(|_| request(ms(1000), ms(6200), Some(Outcome::TimedOut))))
        .collect()
}

/// A burst of 100 on a queue of 16 whose depth is sampled every 100 ms until it is empty.
fn burst() -> Finding {
    let accepted = (0..17).map(|_| request(ms(200), ms(203), ACCEPTED));
    let shed = (0..83).map(|_| request(ms(200), ms(205), SHED));
    let depth = |at: u64| {
        let done = (at / 500).min(17);
        QueueSample {
            at: ms(203 + at),
            capacity: 16,
            queued: (17 - done).saturating_sub(1),
            accepted: 17,
            done,
        }
    };
    // a sample from before the burst, which is not drawn
    let before = QueueSample { at: ms(100), capacity: 16, queued: 0, accepted: 0, done: 0 };
    let queue = [before].into_iter().chain((0..=86).map(|sample| depth(sample * 100))).collect();
    finding(Verdict::Kept, shed.chain(accepted).collect(), queue)
}

/// Five stages under three claims, the last one without any trace.
fn matrix() -> Matrix {
    let quick = |outcome| {
        finding(Verdict::Kept, (0..10).map(|_| request(ms(0), ms(1), outcome)).collect(), vec![])
    };
    let serial = || finding(Verdict::Broken, one_by_one(0), vec![]);
    let all_served = || {
        finding(Verdict::Broken, (0..100).map(|_| request(ms(5), ms(30), SERVED)).collect(), vec![])
    };
    let mostly_unserved = || finding(Verdict::Broken, one_by_one(90), vec![]);
    let row = |name, findings| Row { claim: claim(name).expect("a claim of that name"), findings };
    Matrix {
        columns: Column::stages(),
        rows: vec![
            row(
                "concurrent",
                vec![quick(SERVED), quick(SERVED), quick(SERVED), serial(), quick(ACCEPTED)],
            ),
            row(
                "burst",
                vec![all_served(), all_served(), all_served(), mostly_unserved(), burst()],
            ),
            row("slow-request", (0..5).map(|_| finding(Verdict::Broken, vec![], vec![])).collect()),
        ],
        at: SystemTime::UNIX_EPOCH,
        took: ms(31_500),
    }
}

#[test]
fn a_bar_reaches_from_when_a_request_was_due_to_its_response() {
    let panel =
        panel(vec![request(ms(40), ms(41), SERVED), request(ms(90), ms(290), SHED)], vec![]);
    let [first, second] = &panel.bars[..] else { panic!("{:?}", panel.bars) };
    assert_eq!((first.began, first.ended, first.kind), (ms(0), ms(1), BarKind::Served));
    assert_eq!((second.began, second.ended, second.kind), (ms(50), ms(250), BarKind::Shed));
    assert_eq!(segments(second), [(50, 250, Place::Response)]);
    assert_eq!((panel.serial_service, panel.littles_law), (None, None));
}

#[test]
fn requests_that_were_due_together_are_sorted_by_kind() {
    let panel = Panel::new(&burst(), Some(WORK));
    let kinds: Vec<_> = panel.bars.iter().map(|bar| bar.kind).collect();
    assert_eq!(kinds, [[BarKind::Accepted; 17].as_slice(), &[BarKind::Shed; 83]].concat());
}

#[test]
fn a_connect_that_takes_seconds_waits_in_the_backlog() {
    let slow = TracedRequest { connected: Some(ms(3010)), ..request(ms(10), ms(3020), SERVED) };
    let never =
        TracedRequest { connected: None, ..request(ms(10), ms(2010), Some(Outcome::TimedOut)) };
    let quick = TracedRequest {
        connected: Some(ms(15)),
        ..request(ms(10), ms(2010), Some(Outcome::TimedOut))
    };
    let panel = panel(vec![slow, never, quick], vec![]);
    let [slow, never, quick] = &panel.bars[..] else { panic!("{:?}", panel.bars) };
    assert_eq!(segments(slow), [(0, 3000, Place::Backlog), (3000, 3010, Place::Response)]);
    assert_eq!(segments(quick), [(0, 2000, Place::Response)]);
    assert_eq!(segments(never), [(0, 2000, Place::Backlog)]);
}

#[test]
fn serial_service_splits_each_bar_at_the_response_before_it() {
    let panel = panel(one_by_one(0), vec![]);
    for (bar, k) in panel.bars.iter().zip(1..) {
        let lock = (0, 500 * (k - 1), Place::Lock);
        let work = (500 * (k - 1), 500 * k, Place::Work);
        assert_eq!(segments(bar), if k == 1 { vec![work] } else { vec![lock, work] });
    }
    let service = panel.serial_service.expect("serial service");
    assert_eq!(
        (service.served, service.waiting, service.wait(10), service.measured),
        (10, 0, ms(5000), ms(5000))
    );
    let text = captions::caption(&panel);
    assert!(text.starts_with("10 served one at a time, after 500 ms to 5.00 s."), "{text}");
    assert!(text.contains("one at a time, 10 × 500 ms = 5.00 s. Measured: 5.00 s."), "{text}");
}

#[test]
fn requests_without_a_response_under_serial_service_wait_for_the_lock() {
    let panel = panel(one_by_one(90), vec![]);
    assert_eq!(
        panel.serial_service.map(|service| (service.served, service.waiting)),
        Some((10, 90))
    );
    assert!(panel.of_kind(BarKind::TimedOut).all(|bar| segments(bar) == [(0, 5200, Place::Lock)]));
    assert!(captions::caption(&panel).contains("The last of all 100 would wait 50.0 s."));
}

#[test]
fn concurrent_responses_and_noise_are_not_serial_service() {
    let together = (0..10).map(|_| request(ms(0), ms(500), SERVED)).collect();
    let noise = (1..=10).map(|k| request(ms(0), ms(k * k), SERVED)).collect();
    let gaps = [100, 600, 610, 1200, 1900].map(|at| request(ms(0), ms(at), SERVED)).to_vec();
    for trace in [together, noise, gaps] {
        let panel = panel(trace, vec![]);
        assert_eq!(panel.serial_service, None);
        assert!(
            panel
                .bars
                .iter()
                .flat_map(|bar| &bar.segments)
                .all(|segment| segment.place == Place::Response)
        );
    }
}

#[test]
fn serial_service_is_found_although_the_machine_paused() {
    let at = [500, 1000, 1500, 2000, 2820, 3010, 3510, 4010, 4520, 5070];
    let panel = panel(at.map(|at| request(ms(0), ms(at), SERVED)).to_vec(), vec![]);
    assert_eq!(
        panel.serial_service.map(|service| (service.served, service.measured)),
        Some((10, ms(5070)))
    );
    assert_eq!(segments(&panel.bars[5]), [(0, 2820, Place::Lock), (2820, 3010, Place::Work)]);
}

#[test]
fn serial_service_is_found_among_other_requests() {
    let read = |at, ended| TracedRequest { what: "balances", ..request(at, ended, SERVED) };
    let event = |number: u64, ended| request(Duration::from_micros(number * 30), ended, SERVED);
    let events = [1, 2, 3, 4].map(|k| event(k, ms(500 * k)));
    let panel = panel(
        [read(ms(0), ms(1)), read(ms(1), ms(2000))].into_iter().chain(events).collect(),
        vec![],
    );
    let service = panel.serial_service.expect("the events are served one at a time");
    assert_eq!((service.what, service.served, service.waiting), ("event", 4, 0));
    let split =
        |what| panel.bars.iter().filter(move |bar| bar.what == what).map(|bar| bar.segments.len());
    assert_eq!(split("event").collect::<Vec<_>>(), [1, 2, 2, 2]);
    assert_eq!(split("balances").collect::<Vec<_>>(), [1, 1]);
    assert!(
        captions::caption(&panel)
            .starts_with("6 served within 2.00 s. Theory: one at a time, 4 × 500 ms")
    );
}

#[test]
fn the_bar_of_an_accepted_request_continues_until_the_server_reports_it_done() {
    let panel = Panel::new(&burst(), Some(WORK));
    assert_eq!(panel.queue.len(), 87, "samples from before the first request are not drawn");
    let accepted: Vec<_> = panel.of_kind(BarKind::Accepted).collect();
    assert_eq!(segments(accepted[0]), [(0, 3, Place::Response), (3, 503, Place::Work)]);
    assert_eq!(
        segments(accepted[1]),
        [(0, 3, Place::Response), (3, 503, Place::Queue), (503, 1003, Place::Work)]
    );
    assert_eq!(
        segments(accepted[16]),
        [(0, 3, Place::Response), (3, 8003, Place::Queue), (8003, 8503, Place::Work)]
    );
    assert!(panel.of_kind(BarKind::Shed).all(|bar| bar.finished() == ms(5)));
    let law = panel.littles_law.expect("a queue");
    assert_eq!((law.capacity, law.accepted, law.deepest, law.wait()), (16, 17, 16, ms(8500)));
    assert_eq!(law.measured, Some(ms(8500)));
    let text = captions::caption(&panel);
    assert!(
        text.contains("17 in flight ÷ 2 per second = 8.50 s until the last is done."),
        "{text}"
    );
    assert!(text.ends_with("Measured: 8.50 s. Peak queue depth: 16 of 16."), "{text}");
}

#[test]
fn a_queue_that_is_not_sampled_until_it_is_empty_has_no_measured_end() {
    let mut finding = burst();
    finding.queue.truncate(20);
    let panel = Panel::new(&finding, Some(WORK));
    assert_eq!(panel.littles_law.map(|law| law.measured), Some(None));
    let last = panel.queue.last().expect("20 samples").at;
    assert!(panel.of_kind(BarKind::Accepted).all(|bar| bar.finished() <= last));
}

#[test]
fn an_axis_of_any_length_has_round_ticks() {
    for (end, step, last) in [
        (Duration::from_micros(7), "2 µs", "6 µs"),
        (ms(50), "10 ms", "50 ms"),
        (ms(100), "20 ms", "100 ms"),
        (ms(2010), "0.5 s", "2 s"),
        (ms(5020), "1 s", "5 s"),
        (ms(40_000), "10 s", "40 s"),
        (Duration::from_secs(86_400), "20000 s", "80000 s"),
    ] {
        let axis = Axis::up_to(end);
        let labels: Vec<_> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(
            (labels[0], labels[1], *labels.last().expect("a tick")),
            ("0", step, last),
            "{labels:?}"
        );
        assert!((3..=7).contains(&labels.len()), "{labels:?}");
    }
    assert_eq!(Axis::up_to(Duration::ZERO).position(Duration::ZERO), 0.0);
    assert!(Axis::up_to(Duration::MAX).ticks.len() <= 7);
}

#[test]
fn the_panels_share_a_scale_on_which_immediate_responses_are_flat() {
    let matrix = matrix();
    let chart = Chart::new(&matrix.rows[0].findings, &matrix.columns);
    assert_eq!((chart.axis.end, chart.slots, chart.panels.len()), (ms(5000), 10, 5));
    let quick = [request(ms(0), ms(3), SERVED)];
    let flat = Chart::new(&[finding(Verdict::Kept, quick.to_vec(), vec![])], &matrix.columns);
    assert_eq!(flat.axis.end, ms(100));
    let none = Chart::new(&matrix.rows[2].findings, &matrix.columns);
    assert_eq!((none.slots, none.panels.len()), (0, 5));
}

#[test]
fn the_page_has_a_bar_for_each_request_a_link_to_each_panel_and_no_external_address() {
    let (matrix, held) =
        (matrix(), TracedRequest { outcome: None, ..request(ms(0), ms(2000), None) });
    let page = html::render(&matrix);
    let requests: usize =
        matrix.rows.iter().flat_map(|row| &row.findings).map(|finding| finding.trace.len()).sum();
    let bars = |page: &str| {
        page.split("<main>").nth(1).map_or(0, |main| main.matches("<g class=\"bar ").count())
    };
    let swatches = page.matches("class=\"swatch\"").count() - 1; // without that of the theory line
    assert_eq!(bars(&page) - swatches, requests);
    for row in &matrix.rows {
        for stage in 1..=5 {
            let anchor = format!("{}-{stage}", row.claim.name);
            assert!(
                page.contains(&format!("href=\"#{anchor}\""))
                    && page.contains(&format!("id=\"{anchor}\""))
            );
        }
        assert!(page.contains(row.claim.sentence));
    }
    for outside in ["src=", "href=\"http", "@import", "url(http", "//fonts"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("No requests were recorded."));
    let only_held = panel(vec![held], vec![]);
    assert_eq!(captions::caption(&only_held), "One misbehaving connection, open for 2.00 s.");
}

#[test]
fn beside_a_held_connection_a_404_is_labelled_answered() {
    let not_found = Some(Outcome::Rejected(StatusCode::NOT_FOUND));
    let valid = || request(ms(0), ms(2), not_found);
    assert_eq!(
        captions::caption(&panel(vec![valid()], vec![])),
        "One rejected (404) after 2.0 ms."
    );
    let beside = || vec![request(ms(0), ms(9), None), valid(), valid()];
    let caption = captions::caption(&panel(beside(), vec![]));
    assert_eq!(
        caption,
        "One misbehaving connection, open for 9.0 ms; 2 answered (404) within 2.0 ms."
    );
    let findings = (0..5).map(|_| finding(Verdict::Kept, beside(), vec![])).collect();
    let row = Row { claim: claim("slow-request").expect("a claim of that name"), findings };
    let text = terminal_chart::render(
        &Matrix { rows: vec![row], ..matrix() },
        Screen { width: 128, ascii: false },
    );
    assert!(text.contains("│ 2 answered ") && !text.contains("rejected"), "{text}");
}

/// A matrix with stage 6 and a server of which the lessons say nothing.
fn with_others() -> Matrix {
    let mut matrix = matrix();
    for (stage, name) in [(Some(6), "durable"), (None, "mine <3")] {
        matrix.columns.push(Column { stage, name: name.into() });
        for row in &mut matrix.rows {
            row.findings.push(finding(Verdict::Broken, one_by_one(0), vec![]));
        }
    }
    matrix
}

#[test]
fn other_servers_have_columns_and_no_expected_verdict() {
    let mut matrix = with_others();
    matrix.rows.truncate(1); // ten concurrent events, which stage 6 should not serve one by one
    let screen = Screen { width: 190, ascii: false };
    let table = table::render(&matrix, screen);
    for part in ["│ stage 6 ", "│ durable ", "│ mine <3", "│ ! fails ", "│ ✗ fails", "! differs"]
    {
        assert!(table.contains(part), "{part}: {table}");
    }
    let page = html::render(&matrix);
    for part in ["mine &lt;3", "--columns:7", "fails, unexpectedly", "</span> fails</span>"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // only of a stage it is known how long it works: no theory of the other
    let charts = terminal_chart::render(&matrix, screen);
    assert!(charts.contains("stage 6: Theory:") && !charts.contains("mine <3: Theory"), "{charts}");
    let data: serde_json::Value = serde_json::from_str(&json::to_json(&matrix)).expect("JSON");
    let trials = &data["claims"][0]["trials"];
    assert!(trials[6]["stage"].is_null() && trials[6]["expected"].is_null(), "{trials}");
    assert_eq!(
        (&trials[6]["server"], &trials[6]["verdict"]),
        (&"mine <3".into(), &"broken".into())
    );
    assert!(!matrix.is_as_expected());
    matrix.columns.remove(5);
    matrix.rows[0].findings.remove(5);
    assert!(matrix.is_as_expected(), "what the lessons do not say cannot be otherwise");
}

#[test]
fn text_from_a_server_cannot_become_markup() {
    let mut matrix = matrix();
    matrix.rows[0].findings[0].figure = "<script>alert(1)</script>".into();
    assert!(!html::render(&matrix).contains("<script>alert"));
}

#[test]
fn the_json_has_the_data_of_the_page() {
    let matrix = matrix();
    let data: serde_json::Value = serde_json::from_str(&json::to_json(&matrix)).expect("JSON");
    assert_eq!(
        (&data["version"], &data["at"], &data["work_us"]),
        (&1.into(), &"1970-01-01T00:00:00Z".into(), &500_000.into())
    );
    let serial = &data["claims"][0]["trials"][3];
    assert_eq!(
        (&serial["stage"], &serial["verdict"], &serial["expected"]),
        (&4.into(), &"broken".into(), &"broken".into())
    );
    let last = &serial["requests"][9];
    assert_eq!(
        (&last["fate"], &last["status"], &last["ended_us"]),
        (&"served".into(), &200.into(), &5_000_000.into())
    );
    assert_eq!(last["segments"][1]["place"], "work");
    let burst = &data["claims"][1]["trials"][4];
    assert_eq!(
        (burst["requests"].as_array().map(Vec::len), burst["queue"].as_array().map(Vec::len)),
        (Some(100), Some(87))
    );
    assert_eq!(burst["requests"][99]["retry_after_s"], 9);
}

#[test]
fn the_terminal_output_fits_the_width_and_can_be_ascii() {
    let matrix = matrix();
    for width in [40, 80, 127, 128, 200] {
        for ascii in [false, true] {
            let screen = Screen { width, ascii };
            let text = table::render(&matrix, screen) + &terminal_chart::render(&matrix, screen);
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{width}: {widest:?}\n{text}");
            assert!(!ascii || text.is_ascii(), "{text}");
            assert!(
                text.contains("holds")
                    && text.contains("as expected")
                    && text.contains("as it was"),
                "{text}"
            );
        }
    }
}

#[test]
fn the_terminal_draws_serial_service_unserved_requests_and_a_flat_line() {
    let text = terminal_chart::render(&matrix(), Screen { width: 128, ascii: false });
    let at =
        |sentence: &str| text.lines().position(|line| line == sentence).expect("a claim's line");
    let panel = |claim: &str, stage: usize| {
        let lines = text.lines().skip(at(claim) + 1).take(5);
        lines
            .map(|line| line.split('│').nth(stage).unwrap_or("").trim().to_owned())
            .collect::<Vec<_>>()
    };
    let (ten, burst) = (matrix().rows[0].claim.sentence, matrix().rows[1].claim.sentence);
    assert_eq!(panel(ten, 4), ["▄█", "▄███", "▄█████", "▄███████", "▄█████████"]);
    assert_eq!(panel(ten, 1), ["", "", "", "", "▁▁▁▁▁▁▁▁▁▁"]);
    assert!(panel(burst, 4)[2].ends_with("▒▒▒▒▒▒▒▒▒▒"), "{text}");
    assert!(
        panel(burst, 5)[0].starts_with('░') && panel(burst, 5)[4].ends_with("▁▁▁▁▁▁"),
        "{text}"
    );
}

/// Whether the server disconnected them is in the figure of the table, and only there.
#[test]
fn the_charts_do_not_say_how_a_misbehaving_connection_ended() {
    let held = || (0..5).map(|_| request(ms(0), ms(10_000), None)).collect();
    let figure = "5 of 5 disconnected, the last after 10.0 s";
    let disconnected =
        || Finding { figure: figure.into(), ..finding(Verdict::Kept, held(), vec![]) };
    let findings = (0..5).map(|_| disconnected()).collect();
    let row = Row { claim: claim("deadline").expect("a claim of that name"), findings };
    let matrix = Matrix { rows: vec![row], ..matrix() };
    let screen = Screen { width: 128, ascii: false };
    let charts = terminal_chart::render(&matrix, screen) + &html::render(&matrix);
    for words in ["held open", "still open", "held for"] {
        assert!(!charts.contains(words), "{words}");
    }
    assert!(charts.contains("│ 5 misbehaving "), "{charts}");
    assert!(charts.contains("5 misbehaving connections, open for up to"), "{charts}");
}
