//! The votes of `live`: who may ask, who may vote, how often, and what decides who was right.

mod outside;
mod room;

use http1::{Response, StatusCode};
use outside::http_server;
use room::{Live, OWN};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::PATIENCE;

/// Asks the room about an attack on these servers; the id of the question.
fn ask(live: &Live, attack: &str, columns: &[usize]) -> u64 {
    let wanted = json!({"action": attack, "columns": columns, "ask": true});
    assert_eq!(live.act(&live.key, OWN, &wanted), 200);
    live.state()["question"]["id"].as_u64().expect("an open question")
}

/// A vote of the browser with that number.
fn vote(question: u64, voter: u32, respond: &[usize]) -> String {
    json!({"question": question, "voter": format!("{voter:032x}"), "respond": respond}).to_string()
}

fn decide(live: &Live, key: &str, question: u64, run: bool) -> u16 {
    live.post("/question", key, OWN, &json!({"question": question, "run": run}).to_string())
}

/// The question, once the attack was measured.
fn outcome(live: &Live) -> Value {
    live.wait_until(|state| state["question"]["phase"] == "over")["question"].clone()
}

#[test]
fn what_was_measured_decides_who_was_right() {
    // one that responds to every other probe; those are the only ones that ask for /
    let probes = AtomicUsize::new(0);
    let (moody, _) = http_server(move |_, request| {
        if request.path() == "/" && probes.fetch_add(1, Ordering::SeqCst) % 2 == 0 {
            std::thread::park_timeout(PATIENCE); // longer than any probe waits
        }
        Response::new(StatusCode::OK)
    });
    // beside 1 and 3
    let live = Live::start(&["--stage", "5", "--also", &format!("moody={moody}")]);
    let visitor = live.page_key();
    assert_eq!(live.act(&live.key, OWN, &json!({"action": "kill", "columns": [0]})), 200);
    assert_eq!(live.act(&live.key, OWN, &json!({"action": "pause", "columns": [1]})), 200);
    let question = ask(&live, "garbage", &[0, 1, 2, 3]);
    for (voter, respond) in [(1, &[2][..]), (2, &[0, 1, 2]), (3, &[]), (2, &[1, 2])] {
        assert_eq!(live.post("/votes", &visitor, OWN, &vote(question, voter, respond)), 200);
    }
    let open = live.fresh_state();
    assert_eq!(
        open["question"]["votes"], 3,
        "the later vote of a browser replaces the earlier one"
    );
    assert_eq!(open["question"]["right"], Value::Null, "how the others vote is not shown before");
    assert_eq!(open["columns"][2]["total"][3], 0, "the attack waits for the votes");
    assert_eq!(decide(&live, &live.key, question, true), 200);
    assert_eq!(decide(&live, &live.key, question, true), 409, "it runs once");
    assert_eq!(live.post("/votes", &visitor, OWN, &vote(question, 4, &[2])), 409, "too late");
    let over = outcome(&live);
    assert_eq!(over["responded"], json!([false, false, true, false]));
    assert_eq!(over["right"], json!([3, 2, 2, 3]));
    assert_eq!((&over["allRight"], &over["votes"]), (&json!(1), &json!(3)));
    assert_eq!(live.fresh_state()["columns"][2]["total"][3], 12, "the attack ran, once");
    assert_eq!(decide(&live, &live.key, question, false), 200);
    assert_eq!(live.state()["question"], Value::Null);

    // a saved run has them all: the third attack of this one
    let saved = live.json("/run.json");
    let attacks = saved["attacks"].as_array().expect("attacks");
    assert_eq!(attacks.len(), 3);
    assert!(attacks[..2].iter().all(|attack| attack["votes"].is_null()), "{saved:#}");
    let server = |server, respond, responded, right| json!({"server": server, "respond": respond, "responded": responded, "right": right});
    let votes = json!({"count": 3, "devices": 1, "all_right": 1, "servers": [
        server("stage1-blocking", 0, false, 3),
        server("stage3-parse", 1, false, 2),
        server("stage5-backpressure", 2, true, 2),
        server("moody", 0, false, 3),
    ]});
    assert_eq!(attacks[2]["votes"], votes);
    let (_, page) = live.ask("GET /run.html HTTP/1.1\nHost: {addr}", "");
    let said = "Votes before it: 3, from 1 device. Right about stage 1, which did not respond: 3; \
                stage 3, which did not respond: 2; stage 5, which responded: 2; \
                moody, which did not respond: 3. Right about every server: 1.";
    assert!(page.contains(said), "{page}");
}

#[test]
fn votes_are_saved_with_their_attack_also_if_its_question_was_closed_before_it_was_measured() {
    let live = Live::start(&[]);
    let visitor = live.page_key();
    let cancelled = ask(&live, "garbage", &[0]);
    assert_eq!(live.post("/votes", &visitor, OWN, &vote(cancelled, 1, &[0])), 200);
    assert_eq!(decide(&live, &live.key, cancelled, false), 200);
    let question = ask(&live, "silent", &[1, 0]);
    assert_eq!(live.post("/votes", &visitor, OWN, &vote(question, 1, &[1])), 200);
    assert_eq!(decide(&live, &live.key, question, true), 200);
    assert_eq!(decide(&live, &live.key, question, false), 200);
    let is_measured = |saved: &Value| {
        let attacks = saved["attacks"].as_array().expect("attacks");
        assert_eq!(attacks.len(), 1, "an attack that was cancelled did not run: {saved:#}");
        assert_eq!(attacks[0]["votes"]["count"], 1);
        attacks[0]["votes"]["all_right"] != Value::Null
    };
    let votes = live.wait_for("/run.json", is_measured)["attacks"][0]["votes"].clone();
    assert_eq!(votes["all_right"], 1, "{votes:#}");
    let frozen = json!({"server": "stage1-blocking", "respond": 0, "responded": false, "right": 1});
    assert_eq!(votes["servers"][0], frozen);
}

#[test]
fn a_forged_vote_does_not_count() {
    let live = Live::start(&[]);
    let key = live.page_key();
    let question = ask(&live, "silent", &[0, 1]);
    let good = vote(question, 1, &[1]);
    for (key, fields, status) in [
        ("", OWN, 403),
        ("00000000000000000000000000000000", OWN, 403),
        (&*key, "Host: {addr}\nContent-Type: application/json", 403), // no Origin
        (&key, "Host: {addr}\nOrigin: null\nContent-Type: application/json", 403),
        (&key, "Host: {addr}\nOrigin: http://evil.example\nContent-Type: application/json", 403),
        (
            &key,
            "Host: evil.example:{port}\nOrigin: http://evil.example:{port}\nContent-Type: application/json",
            421,
        ),
        (&key, "Host: {addr}\nOrigin: http://{addr}\nContent-Type: text/plain", 415),
        (&key, "Host: {addr}\nOrigin: http://{addr}", 415),
    ] {
        assert_eq!(live.post("/votes", key, fields, &good), status, "{key} {fields}");
    }
    let voter = "0".repeat(32);
    for (body, status) in [
        (json!({"question": question + 1, "voter": voter, "respond": []}), 409),
        (json!({"question": 0, "voter": voter, "respond": []}), 409),
        (json!({"question": question, "voter": "+".to_owned() + &voter[1..], "respond": []}), 422),
        (json!({"question": question, "voter": voter + "0", "respond": []}), 422),
        (json!({"question": question, "voter": "alice", "respond": []}), 422),
        (json!({"question": question, "voter": "é".repeat(16), "respond": []}), 422),
        (json!({"question": question, "voter": "0".repeat(32), "respond": [2]}), 422),
        (json!({"question": question, "voter": "0".repeat(32), "respond": [-1]}), 422),
        (json!({"question": question, "voter": "0".repeat(32)}), 422),
        (json!({"question": "1", "voter": "0".repeat(32), "respond": []}), 422),
        (json!([question]), 422),
        (json!({"question": question, "voter": "0".repeat(32), "respond": vec![1; 5000]}), 413),
    ] {
        assert_eq!(live.post("/votes", &key, OWN, &body.to_string()), status, "{body:.200}");
    }
    // longer than any request may be: rejected before it is sent
    let endless = format!(
        "POST /votes HTTP/1.1\nAuthorization: Key {key}\n{OWN}\nExpect: 100-continue\nContent-Length: 99999999"
    );
    assert_eq!(live.head(&endless), 413);
    assert_eq!(live.fresh_state()["question"]["votes"], 0);
    assert_eq!(live.post("/votes", &key, OWN, &good), 200);
    assert_eq!(live.fresh_state()["question"]["votes"], 1);
}

#[test]
fn only_the_printed_address_asks_runs_and_closes() {
    let live = Live::start(&["--let-visitors-attack"]);
    let visitor = live.page_key();
    let silent = json!({"action": "silent", "columns": [0], "ask": true});
    assert_eq!(live.act(&visitor, OWN, &silent), 403);
    let kill = json!({"action": "kill", "columns": [0], "ask": true});
    assert_eq!(live.act(&live.key, OWN, &kill), 422, "not an attack");
    let question = ask(&live, "silent", &[0]);
    for run in [true, false] {
        assert_eq!(decide(&live, &visitor, question, run), 403);
        assert_eq!(decide(&live, &live.key, question + 1, run), 409);
    }
    assert_eq!(live.post("/question", &live.key, OWN, "{}"), 422);
    assert_eq!(live.fresh_state()["question"]["phase"], "open");
    let later = ask(&live, "ten", &[0]);
    assert_eq!(live.post("/votes", &visitor, OWN, &vote(question, 1, &[])), 409, "the earlier one");
    assert_eq!(decide(&live, &live.key, later, false), 200);
    let (_, page) = live.ask("GET / HTTP/1.1\nHost: {addr}", "");
    let (_, overview) = live.ask("GET /overview HTTP/1.1\nHost: {addr}", "");
    for seen in [page, overview, live.state().to_string()] {
        assert!(!seen.contains(&live.key), "a visitor must not see that key");
    }
}

/// Votes of so many browsers, sent from that address on one connection; the statuses.
#[cfg(target_os = "linux")] // elsewhere 127.0.0.1 is the only address of that network
async fn stuff(
    live: &Live,
    from: [u8; 4],
    question: u64,
    voters: std::ops::Range<u32>,
) -> Vec<u16> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("an address of loopback");
    let mut stream = socket.connect(live.addr).await.expect("it listens");
    let (key, addr) = (live.page_key(), live.addr);
    let last = voters.end - 1;
    for voter in voters {
        let body = vote(question, voter, &[1]);
        let close = if voter == last { "Connection: close\r\n" } else { "" };
        let request = format!(
            "POST /votes HTTP/1.1\r\nAuthorization: Key {key}\r\nHost: {addr}\r\nOrigin: http://{addr}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n{close}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("it reads");
    }
    let mut responses = String::new();
    let read = stream.read_to_string(&mut responses);
    tokio::time::timeout(PATIENCE, read).await.expect("a response in time").expect("responses");
    let statuses = responses.split("HTTP/1.1 ").skip(1);
    statuses.map(|rest| rest[..3].parse().expect("a status")).collect()
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_visitor_cannot_stuff_the_ballot() {
    let live = Live::start(&[]);
    let question = ask(&live, "silent", &[0, 1]);
    let statuses = stuff(&live, [127, 0, 0, 1], question, 0..60).await;
    assert_eq!(statuses, [[200; 24].as_slice(), &[429; 36]].concat(), "24 from one address");
    let again = stuff(&live, [127, 0, 0, 1], question, 0..24).await;
    assert_eq!(again, [200; 24], "a vote may still be changed");
    let mut counted = 24;
    for machine in 2..=50 {
        let voters = u32::from(machine) * 100;
        let statuses = stuff(&live, [127, 0, 0, machine], question, voters..voters + 40).await;
        counted += statuses.iter().filter(|status| **status == 200).count();
    }
    assert_eq!(counted, 1000, "of all that two thousand browsers have sent");
    let state = live.state();
    assert_eq!(
        (&state["question"]["votes"], &state["question"]["addresses"]),
        (&json!(1000), &json!(42))
    );
    // neither the votes of others nor who they are is in what they see
    let seen = state["question"].to_string();
    assert!(seen.len() < 300 && !seen.contains("127.0.0"), "{seen}");
}

#[test]
fn what_a_phone_asks_for_again_and_again_is_short() {
    let live = Live::start(&[]);
    assert_eq!(live.act(&live.key, OWN, &json!({"action": "burst", "columns": [0, 1]})), 200);
    let question = ask(&live, "silent", &[1]);
    let (status, overview) = live.ask("GET /overview HTTP/1.1\nHost: {addr}", "");
    let overview: Value = serde_json::from_str(&overview).expect("JSON");
    assert_eq!((status, &overview["question"]["id"]), (200, &json!(question)));
    assert!(overview["columns"][1]["state"]["is"].is_string(), "{overview:#}");
    assert!(overview.to_string().len() < 1000, "{overview:#}");
}
