//! The page of a real `compare` in a real browser.
//!
//! `COMPARE_PNG=docs/compare.png cargo test --release -p client --test page_in_chromium -- --ignored` also saves a screenshot.

mod browser;

use browser::Browser;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

const TAB: char = '\u{E004}';
const RIGHT: char = '\u{E014}';

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run runs it"]
async fn the_page_of_a_run_is_complete_at_every_width_and_scheme_and_usable_with_the_keyboard() {
    let folder = tempfile::tempdir().expect("a folder");
    let (page, data) = (folder.path().join("index.html"), folder.path().join("run.json"));
    let mut compare = Command::new(env!("CARGO_BIN_EXE_client"));
    compare.arg("compare").arg("--out").arg(&page).arg("--json").arg(&data).stdin(Stdio::null());
    let output = compare.output().expect("the client runs");
    assert!(page.is_file(), "no page: {}", String::from_utf8_lossy(&output.stderr));
    let data: Value =
        serde_json::from_slice(&std::fs::read(&data).expect("the data")).expect("JSON");

    let browser = Browser::open().await;
    let url = format!("file://{}", page.display());
    browser.post("/url", json!({"url": url})).await;

    check_bars(&browser, &data).await;
    browser.must_show_all_and_print().await;
    check_keyboard(&browser, &data).await;
    check_requests(&browser, &url).await;
    if let Some(path) = std::env::var_os("COMPARE_PNG") {
        save_screenshot(&browser, Path::new(&path)).await;
    }
}

/// Every request has a bar, and every place where it waited has a segment of that bar.
async fn check_bars(browser: &Browser, data: &Value) {
    for claim in data["claims"].as_array().expect("claims") {
        for trial in claim["trials"].as_array().expect("trials") {
            let id = format!("{}-{}", claim["name"].as_str().expect("a name"), trial["stage"]);
            let requests = trial["requests"].as_array().expect("requests");
            let segments: usize = requests
                .iter()
                .filter_map(|request| request["segments"].as_array())
                .map(Vec::len)
                .sum();
            let count =
                |of: &str| format!("document.querySelectorAll('[id=\"{id}\"] .plot {of}').length");
            let drawn =
                browser.run(&format!("return [{}, {}]", count(".bar"), count(".bar rect"))).await;
            assert_eq!(drawn, json!([requests.len(), segments]), "{id}");
            assert!(!requests.is_empty(), "{id} shows nothing");
        }
    }
    let hidden = "return [...document.querySelectorAll('.plot .bar rect')].filter((e) => {
        const box = e.getBoundingClientRect(); return box.width < .5 || box.height <= 0 }).length";
    browser.show(400, "light").await;
    assert_eq!(browser.run(hidden).await, json!(0), "bars that are invisible on a phone");
    let texts = "return [...document.querySelectorAll('svg.plot')].every((e) =>
        e.getAttribute('role') === 'img' && e.getAttribute('aria-label').length > 20)";
    assert_eq!(browser.run(texts).await, json!(true), "every panel has a text alternative");
}

/// Tab reaches each cell of the table, Enter on it leads to its panel, and there the arrow keys show the details of each bar.
async fn check_keyboard(browser: &Browser, data: &Value) {
    browser.show(1280, "light").await;
    let focused = "return document.activeElement.getAttribute('href')";
    for claim in data["claims"].as_array().expect("claims") {
        let name = claim["name"].as_str().expect("a name");
        browser.press(TAB).await;
        assert_eq!(browser.run(focused).await, json!(format!("#{name}")));
        for stage in 1..=5 {
            browser.press(TAB).await;
            assert_eq!(browser.run(focused).await, json!(format!("#{name}-{stage}")));
        }
    }
    browser.press('\u{E007}').await; // Enter, on the last cell
    let last = "document.querySelector('.claim:last-of-type .panel:last-of-type')";
    assert_eq!(
        browser.run(&format!("return {last} === document.querySelector(':target')")).await,
        json!(true)
    );
    browser.run(&format!("{last}.querySelector('.plot').focus()")).await;
    browser.press(RIGHT).await;
    browser.press(RIGHT).await;
    let second = format!(
        "const bar = {last}.querySelector('.bar.shown');
        return [[...{last}.querySelectorAll('.bar')].indexOf(bar), bar.querySelector('title').textContent,
        {last}.closest('.claim').querySelector('.readout').textContent]"
    );
    let shown = browser.run(&second).await;
    let (title, readout) =
        (shown[1].as_str().expect("a title"), shown[2].as_str().expect("a readout"));
    assert!(shown[0] == 1 && readout.ends_with(title) && title.contains(" after "), "{shown}");
}

/// The page causes no request other than for itself, and no error in the console.
async fn check_requests(browser: &Browser, url: &str) {
    assert_eq!(browser.log("browser").await, Vec::<String>::new());
    let mut pages = 0;
    for message in browser.log("performance").await {
        let event: Value = serde_json::from_str(&message).expect("an event of DevTools");
        if event["message"]["method"] == "Network.requestWillBeSent" {
            let requested = event["message"]["params"]["request"]["url"]
                .as_str()
                .expect("an address")
                .to_owned();
            assert!(
                requested == url || requested.starts_with("data:"),
                "the page requests {requested}"
            );
            pages += usize::from(requested == url);
        }
    }
    assert_eq!(pages, 1, "the log shows the request for the page itself");
}

/// Saves the table and the two charts that show the queue and the problem that it solves.
async fn save_screenshot(browser: &Browser, path: &Path) {
    browser.show(1280, "light").await;
    let [concurrent, burst] =
        ["concurrent", "burst"].map(|name| claims::claim(name).expect("a claim of that name").name);
    let prepare = format!(
        "document.activeElement.blur(); location.hash = '';
        const rest = '.legend, .claim:not(#{concurrent}, #{burst}), .readout, .by-hand, .start';
        for (const e of document.querySelectorAll(rest)) e.remove();
        return document.documentElement.getBoundingClientRect().height"
    );
    let height = browser.run(&prepare).await;
    let clip = json!({"x": 0, "y": 0, "width": 1280, "height": height, "scale": 0.8});
    browser.save_screenshot(clip, path).await;
}
