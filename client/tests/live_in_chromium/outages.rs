//! The page goes on after its connection, the client or a server was gone.

use super::browser::Browser;
use super::{ALL_RESPOND, Live, choose, click, must_become_true, must_draw, must_show, open};
use serde_json::json;
use std::process::Command;

const LOST: &str = "return !document.getElementById('lost').hidden";

/// The page has news again, and they change.
async fn must_follow(browser: &Browser) {
    must_become_true(browser, "return document.getElementById('lost').hidden").await;
    let now = browser.run("return state.now").await;
    must_become_true(browser, &format!("return state.now > {now}")).await;
}

fn signal(live: &Live, name: &str) {
    let pid = live.child.id().to_string();
    let status = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status();
    assert!(status.expect("sh runs").success());
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run runs it"]
async fn the_page_recovers_after_its_network_the_client_or_a_server_was_gone() {
    let mut live = Live::start(&[]);
    let browser = open(&live).await;
    let offline = |is: bool| json!({"offline": is, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    browser.devtools("Network.emulateNetworkConditions", offline(true)).await;
    must_become_true(&browser, LOST).await;
    browser.devtools("Network.emulateNetworkConditions", offline(false)).await;
    must_follow(&browser).await;

    // unreachable: connections are accepted by the kernel alone
    signal(&live, "STOP");
    must_become_true(&browser, LOST).await;
    signal(&live, "CONT");
    must_follow(&browser).await;
    must_show(&browser, ALL_RESPOND).await;

    // a server that was killed takes events again
    choose(&browser, 5).await;
    click(&browser, "kill").await;
    must_show(&browser, ["responds", "responds", "responds", "responds", "ended"]).await;
    click(&browser, "restart").await;
    must_show(&browser, ALL_RESPOND).await;
    click(&browser, "ten").await;
    must_draw(&browser, "accepted", [0, 0, 0, 0, 10]).await;

    // another run has other keys, and servers elsewhere: the page is loaded again, and watches
    let addr = live.without_key().trim_start_matches("http://").trim_end_matches('/').to_owned();
    live.child.kill().expect("it runs");
    live.child.wait().expect("it ends");
    must_become_true(&browser, LOST).await;
    let run = browser.run("return setup.run").await;
    let live = Live::start_at(&addr, &["--stage", "1", "--stage", "4"]);
    must_become_true(&browser, &format!("return setup.run > {run}")).await;
    must_become_true(
        &browser,
        "return document.querySelectorAll('.column[data-state=responds]').length === 2",
    )
    .await;
    must_follow(&browser).await;
    assert_eq!(
        browser.run("return document.getElementById('watching').hidden").await,
        json!(false)
    );
    browser.post("/url", json!({"url": live.address})).await;
    must_become_true(&browser, "return document.getElementById('watching').hidden").await;
    click(&browser, "silent").await;
    must_become_true(
        &browser,
        "return document.querySelectorAll('.column')[0].dataset.state === 'silent'",
    )
    .await;
}
