//! The room predicts: votes from two browsers, one of them as small as a phone.

use super::browser::{Browser, OVERFLOWING, TOO_FAINT};
use super::{ALL_RESPOND, Live, click, must_become_true, must_show, open};
use serde_json::{Value, json};

/// Clicks where a finger would, which fails if something else is there.
async fn tap(browser: &Browser, selector: &str) {
    let found = browser.run(&format!("return document.querySelector('{selector}')")).await;
    let id = found.as_object().and_then(|reference| reference.values().next()?.as_str());
    let id = id.unwrap_or_else(|| panic!("{selector}: {found}"));
    browser.post(&format!("/element/{id}/click"), json!({})).await;
}

/// The text of an element of the question.
async fn text(browser: &Browser, id: &str) -> String {
    let text = browser.run(&format!("return document.getElementById('{id}').innerText")).await;
    text.as_str().unwrap_or_default().to_owned()
}

async fn must_say(browser: &Browser, id: &str, part: &str) {
    let said = format!("document.getElementById('{id}').innerText.includes({})", json!(part));
    must_become_true(browser, &format!("return {said}")).await;
}

/// What each tile says of its server.
const RESULTS: &str = "return [...document.querySelectorAll('.tile')].map((tile) => tile.innerText.replace(/\\s+/g, ' '))";

/// Nothing runs out of the page or is too faint, and a thumb finds what it can press.
async fn must_be_legible(browser: &Browser, width: u32) {
    for scheme in ["light", "dark"] {
        browser.show(width, scheme).await;
        assert_eq!(browser.run(TOO_FAINT).await, json!([]), "{width} {scheme}");
        let wide = browser.run(OVERFLOWING).await;
        let wide: Vec<_> =
            wide.as_array().expect("a list").iter().filter(|one| *one != "H1 Live").collect();
        assert!(wide.is_empty(), "{width} {scheme}: {wide:?}");
    }
    browser.show(width, "light").await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run runs it"]
async fn the_votes_of_two_browsers_are_counted_and_compared_with_what_happened() {
    let live = Live::start(&[]);
    let (host, phone) = (open(&live).await, Browser::open().await);
    phone.show(400, "light").await;
    phone.post("/url", json!({"url": live.without_key()})).await;
    must_show(&phone, ALL_RESPOND).await;
    let is_hidden =
        |id: &str| format!("return document.getElementById('{id}').offsetParent === null");
    assert_eq!(phone.run(&is_hidden("controls")).await, json!(true), "an overview");
    assert_eq!(host.run("return document.getElementById('predict').checked").await, json!(false));

    click(&host, "predict").await;
    click(&host, "silent").await;
    for browser in [&host, &phone] {
        must_say(browser, "asked", "Silent client: which of these will still respond?").await;
        must_say(browser, "rule", "within 2 s").await;
    }
    assert_eq!(phone.run(&is_hidden("run")).await, json!(true), "visitors vote and no more");
    // all that a vote needs is seen without scrolling, and large enough for a thumb
    let targets = "return [...document.querySelectorAll('.tile, #vote')].map((e) => e.getBoundingClientRect()).filter(
        (box) => box.height >= 44 && box.width >= 300 && box.top >= 0 && box.bottom <= 740).length";
    assert_eq!(phone.run(targets).await, json!(6));
    must_be_legible(&phone, 400).await;

    for tile in 1..=5 {
        tap(&phone, &format!(".tile:nth-child({tile})")).await;
    }
    tap(&phone, "#vote").await;
    must_say(&phone, "count", "1 vote from 1 device").await;
    tap(&phone, ".tile:nth-child(1)").await;
    tap(&phone, "#vote").await;
    must_say(&phone, "note", "Your vote counts").await;
    for tile in [3, 5] {
        tap(&host, &format!(".tile:nth-child({tile})")).await;
    }
    tap(&host, "#vote").await;
    must_say(&host, "count", "2 votes from 1 device").await;
    assert_eq!(
        host.run("return document.querySelectorAll('[data-responded]').length").await,
        json!(0)
    );
    must_show(&host, ALL_RESPOND).await; // nothing runs yet
    tap(&host, ".tile:nth-child(4)").await; // ticked, and not voted
    phone.post("/refresh", json!({})).await;
    must_say(&phone, "note", "Your vote counts").await; // also after a reload

    tap(&host, "#run").await;
    must_show(&phone, ["silent", "responds", "responds", "responds", "responds"]).await;
    assert_eq!(phone.run(&is_hidden("vote")).await, json!(true), "too late");
    for browser in [&host, &phone] {
        must_say(browser, "asked", "Silent client: what still responded").await;
        must_say(browser, "note", "50 % of the votes are right about every server: 1 of 2.").await;
    }
    assert!(text(&phone, "note").await.ends_with("You are right about 5 of 5."));
    assert!(text(&host, "note").await.ends_with("You are right about 3 of 5."));
    let result = |name: &str, right: u8, what: &str| format!("{name} {right} of 2 right {what}");
    let seen: Value = host.run(RESULTS).await;
    assert_eq!(
        seen,
        json!([
            result("1 blocking", 2, "✗ no response · you are right"),
            result("2 async", 1, "✓ responded · you are wrong"),
            result("3 parse", 2, "✓ responded · you are right"),
            result("4 slow state", 1, "✓ responded · you are wrong"),
            result("5 backpressure", 2, "✓ responded · you are right"),
        ])
    );
    must_be_legible(&phone, 400).await;
    must_be_legible(&host, 1280).await;

    tap(&host, "#close").await;
    for browser in [&host, &phone] {
        must_become_true(browser, &is_hidden("question")).await;
    }
    click(&host, "stop").await;
    must_show(&host, ALL_RESPOND).await;
    click(&host, "predict").await;
    click(&host, "silent").await; // without a question it runs immediately
    must_show(&host, ["silent", "responds", "responds", "responds", "responds"]).await;
    for browser in [&host, &phone] {
        assert_eq!(browser.log("browser").await, Vec::<String>::new());
    }
}
