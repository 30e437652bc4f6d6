//! The page of `live` in a real browser: each button, on each server.
//!
//! `LIVE_PNG=docs/live.png cargo test -p client --test live_in_chromium -- --ignored` also saves a screenshot.

mod access;
#[path = "../browser/mod.rs"]
mod browser;
mod film;
mod outages;
mod votes;

use browser::{Browser, OVERFLOWING, PATIENCE, TOO_FAINT};
use film::Film;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A running `client live`. Killed when it is dropped, with its servers.
struct Live {
    child: Child,
    /// With the key.
    address: String,
}

impl Live {
    fn start(options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", options)
    }

    fn start_at(addr: &str, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_client"));
        command.args(["live", "--addr", addr, "--work", "100ms"]).args(options);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the client starts");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("open ").expect("an address").to_owned();
        Self { child, address }
    }

    /// The address that visitors open.
    fn without_key(&self) -> &str {
        self.address.split_once('#').expect("a key").0
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a script returns true.
async fn must_become_true(browser: &Browser, script: &str) {
    let end = Instant::now() + PATIENCE;
    while browser.run(script).await != json!(true) {
        let columns = "return [...document.querySelectorAll('.column')].map((c) => c.innerText)";
        assert!(Instant::now() < end, "{script}: {:#}", browser.run(columns).await);
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the servers, from 1, are in these states.
async fn must_show(browser: &Browser, states: [&str; 5]) {
    let script = format!(
        "return JSON.stringify([...document.querySelectorAll('.column')].map((c) => c.dataset.state)) === '{}'",
        json!(states)
    );
    must_become_true(browser, &script).await;
}

/// Chooses a server, 1 to 5, or all of them: 0.
async fn choose(browser: &Browser, target: i32) {
    let value = target - 1;
    browser
        .run(&format!("document.querySelector('[name=target][value=\"{value}\"]').click()"))
        .await;
}

async fn click(browser: &Browser, button: &str) {
    browser.run(&format!("document.getElementById('{button}').click()")).await;
}

/// Presses the button that starts everything again, and waits until that is done.
async fn calm(browser: &Browser) {
    let first = "(document.querySelector('#lines li')?.textContent ?? '')";
    let before = browser.run(&format!("return {first}")).await;
    click(browser, "calm").await;
    let is_done = format!("return {first} !== {before} && {first}.includes('All as it was')");
    must_become_true(browser, &is_done).await;
    must_show(browser, ["responds"; 5]).await;
}

/// Waits until so many bars of that class are drawn for each of the servers.
async fn must_draw(browser: &Browser, class: &str, at_least: [usize; 5]) {
    let script = format!(
        "const wanted = {}; return [...document.querySelectorAll('.column')].every((column, index) =>
            column.querySelectorAll('.plot .{class}').length >= wanted[index])",
        json!(at_least)
    );
    must_become_true(browser, &script).await;
}

const ALL_RESPOND: [&str; 5] = ["responds"; 5];

async fn open(live: &Live) -> Browser {
    let browser = Browser::open().await;
    browser.show(1920, "light").await;
    browser.post("/url", json!({"url": live.address})).await;
    must_show(&browser, ALL_RESPOND).await;
    browser
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run runs it"]
async fn each_attack_does_to_each_server_what_the_lessons_say() {
    let live = Live::start(&[]);
    let browser = open(&live).await;

    for button in ["silent", "half", "drip"] {
        click(&browser, button).await;
        must_show(&browser, ["silent", "responds", "responds", "responds", "responds"]).await;
        must_draw(&browser, "held", [1; 5]).await;
        click(&browser, "stop").await;
        must_show(&browser, ALL_RESPOND).await;
    }

    calm(&browser).await;
    click(&browser, "garbage").await;
    must_draw(&browser, "served", [12, 12, 1, 1, 1]).await;
    must_draw(&browser, "rejected", [0, 0, 12, 12, 12]).await;

    calm(&browser).await;
    click(&browser, "burst").await;
    must_show(&browser, ["responds", "responds", "responds", "silent", "responds"]).await;
    must_draw(&browser, "accepted", [0, 0, 0, 0, 16]).await;
    must_draw(&browser, "shed", [0, 0, 0, 0, 60]).await;
    click(&browser, "stop").await;

    calm(&browser).await;
    click(&browser, "ten").await;
    must_draw(&browser, "served", [10, 10, 10, 10, 0]).await;
    must_draw(&browser, "accepted", [0, 0, 0, 0, 10]).await;
    // one after the other: a staircase from left to right
    let heights = "return (() => {
        const value = (bar, name) => Number(bar.getAttribute(name));
        const bars = [...document.querySelectorAll('.column')[3].querySelectorAll('.plot rect')];
        const events = bars.filter((bar) => bar.textContent.startsWith('event')).sort((a, b) => value(a, 'x') - value(b, 'x'));
        const heights = events.map((bar) => value(bar, 'height'));
        return heights.length === 10 && heights[9] > heights[0] && heights.every((height, place) => !place || height >= heights[place - 1]);
    })()";
    must_become_true(&browser, heights).await;

    calm(&browser).await;
    choose(&browser, 5).await;
    browser.run("const rate = document.getElementById('rate'); rate.value = 8; rate.dispatchEvent(new Event('input'))").await;
    click(&browser, "steady").await;
    must_draw(&browser, "shed", [0, 0, 0, 0, 10]).await;
    must_become_true(&browser, "return document.querySelectorAll('.queue i.full').length > 10")
        .await;
    must_become_true(
        &browser,
        "return document.querySelectorAll('.usage')[4].innerText.includes('load 40/s')",
    )
    .await;
    must_become_true(
        &browser,
        "return !document.querySelectorAll('.usage')[0].innerText.includes('load')",
    )
    .await;
    click(&browser, "retry").await;
    must_become_true(
        &browser,
        "return document.getElementById('lines').innerText.includes('Retry after 503: on')",
    )
    .await;
    click(&browser, "stop").await;
    must_become_true(
        &browser,
        "return !document.querySelectorAll('.usage')[4].innerText.includes('load')",
    )
    .await;
    assert_eq!(browser.log("browser").await, Vec::<String>::new());
}

/// Clicks a link, and waits for the file that it downloads.
async fn download(browser: &Browser, link: &str, folder: &Path) -> PathBuf {
    let ending = link.rsplit('.').next().expect("an ending");
    let to = json!({"behavior": "allow", "downloadPath": folder});
    browser.devtools("Browser.setDownloadBehavior", to).await;
    browser.run(&format!("document.querySelector('a[href=\"{link}\"]').click()")).await;
    let end = Instant::now() + PATIENCE;
    loop {
        let paths =
            std::fs::read_dir(folder).expect("the folder").map(|one| one.expect("a file").path());
        // until it is complete, it has another ending
        if let Some(path) =
            paths.into_iter().find(|path| path.extension().is_some_and(|is| is == ending))
        {
            return path;
        }
        assert!(Instant::now() < end, "{link} downloads nothing");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run runs it"]
async fn a_saved_run_shows_the_freeze_that_was_seen_from_disk_and_without_a_server() {
    let mut live = Live::start(&[]);
    let browser = open(&live).await;
    let mut film = Film::begin(&browser).await;
    click(&browser, "silent").await;
    film.take(&browser, 5).await;
    must_show(&browser, ["silent", "responds", "responds", "responds", "responds"]).await;
    must_draw(&browser, "waiting", [2, 0, 0, 0, 0]).await;
    click(&browser, "stop").await;
    film.take(&browser, 1).await;
    must_show(&browser, ALL_RESPOND).await;
    click(&browser, "burst").await;
    film.take(&browser, 6).await;
    must_draw(&browser, "shed", [0, 0, 0, 0, 60]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let page = download(&browser, "/run.html", folder.path()).await;
    let data = download(&browser, "/run.json", folder.path()).await;
    browser.post("/url", json!({"url": "about:blank"})).await;
    live.child.kill().expect("it runs");
    let data: Value = serde_json::from_slice(&std::fs::read(data).expect("a file")).expect("JSON");

    let url = format!("file://{}", page.display());
    requested(&browser).await; // by the live page
    browser.post("/url", json!({"url": url})).await;
    let rows = "return [...document.querySelectorAll('tbody tr')].map((row) =>
        [row.querySelector('th').innerText.replace(/, at .*/, ''), ...[...row.querySelectorAll('td')].map((cell) => cell.className)])";
    let rows = browser.run(rows).await;
    assert_eq!(
        [&rows[0][0], &rows[0][1], &rows[1][0]],
        ["Silent client", "broken", "Burst of 100"]
    );
    // two probes of stage 1 waited for a second and more, and their bars have that height
    let longest = "return [1, 2, 3, 4, 5].map((server) => Math.max(...
        [...document.querySelectorAll(`#attack-1-${server} .plot .bar:not(.held)`)].map((bar) => bar.getBoundingClientRect().height)))";
    let longest = browser.run(longest).await;
    let height = |server: usize| longest[server].as_f64().expect("a height");
    assert!((1..5).all(|server| height(0) > height(server)), "{longest}");
    // the first attack was over; a probe of the second may have begun between the two files
    let bars = "return [1, 2, 3, 4, 5].map((server) => document.querySelectorAll(`#attack-1-${server} .plot .bar`).length)";
    let trials = data["attacks"][0]["trials"].as_array().expect("trials").iter();
    let requests = trials.map(|trial| trial["requests"].as_array().expect("requests").len());
    assert_eq!(browser.run(bars).await, json!(requests.collect::<Vec<_>>()));
    assert!(
        data["attacks"][0]["trials"][0]["state"]
            .as_str()
            .is_some_and(|is| is.starts_with("no response for "))
    );
    browser.must_show_all_and_print().await;
    assert_eq!(browser.log("browser").await, Vec::<String>::new());
    assert_eq!(requested(&browser).await, [url]);
}

/// The addresses that the browser has requested since the last look.
async fn requested(browser: &Browser) -> Vec<String> {
    let url = |message: &String| {
        let event: Value = serde_json::from_str(message).ok()?;
        let url = event["message"]["params"]["request"]["url"].as_str()?.to_owned();
        (event["message"]["method"] == "Network.requestWillBeSent").then_some(url)
    };
    let all = browser.log("performance").await;
    all.iter().filter_map(url).filter(|url| !url.starts_with("data:")).collect()
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run runs it"]
async fn each_process_is_paused_ended_killed_and_restarted_alone_and_together() {
    let live = Live::start(&[]);
    let browser = open(&live).await;
    for stage in 1..=5 {
        choose(&browser, stage).await;
        for (on, off, state) in [
            ("pause", "continue", "paused"),
            ("kill", "restart", "ended"),
            ("term", "restart", "ended"),
        ] {
            let mut states = ALL_RESPOND;
            states[stage as usize - 1] = state;
            click(&browser, on).await;
            must_show(&browser, states).await;
            click(&browser, off).await;
            must_show(&browser, ALL_RESPOND).await;
        }
    }
    choose(&browser, 0).await;
    click(&browser, "pause").await;
    must_show(&browser, ["paused"; 5]).await;
    click(&browser, "continue").await;
    must_show(&browser, ALL_RESPOND).await;
    click(&browser, "kill").await;
    must_show(&browser, ["ended"; 5]).await;
    calm(&browser).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run runs it"]
async fn two_browsers_see_the_same_a_visitor_only_watches_and_the_page_notices_that_the_client_has_gone()
 {
    let mut live = Live::start(&[]);
    let (host, visitor) = (open(&live).await, Browser::open().await);
    visitor.show(1280, "light").await;
    visitor.post("/url", json!({"url": live.without_key()})).await;
    must_show(&visitor, ALL_RESPOND).await;
    let enabled = "return [...document.querySelectorAll('#buttons button')].filter((b) => !b.disabled).length";
    assert_eq!(visitor.run(enabled).await, json!(0));
    assert_eq!(host.run(enabled).await, json!(14));
    let hint = host.run("return document.getElementById('hint').innerText").await;
    let bounds = "at most 200 requests are in flight to a server";
    assert!(hint.as_str().is_some_and(|hint| hint.contains(bounds)), "{hint}");
    click(&host, "silent").await;
    must_show(&visitor, ["silent", "responds", "responds", "responds", "responds"]).await;
    must_show(&host, ["silent", "responds", "responds", "responds", "responds"]).await;
    for url in requested(&host).await {
        assert!(url.starts_with(live.without_key()), "the page requests {url}");
    }
    live.child.kill().expect("it runs");
    must_become_true(&host, "return !document.getElementById('lost').hidden").await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run runs it"]
async fn the_page_fits_every_width_is_legible_in_both_schemes_and_usable_with_the_keyboard() {
    let live = Live::start(&[]);
    let browser = open(&live).await;
    click(&browser, "burst").await;
    click(&browser, "silent").await;
    must_show(&browser, ["silent", "responds", "responds", "silent", "responds"]).await;
    for scheme in ["light", "dark"] {
        for width in [400, 1280, 1920] {
            browser.show(width, scheme).await;
            let wide = browser.run(OVERFLOWING).await;
            let wide: Vec<_> =
                wide.as_array().expect("a list").iter().filter(|one| *one != "H1 Live").collect();
            assert!(wide.is_empty(), "{width} {scheme}: {wide:?}");
        }
        assert_eq!(browser.run(TOO_FAINT).await, json!([]), "{scheme}");
    }
    if let Some(path) = std::env::var_os("LIVE_PNG") {
        browser.show(1600, "light").await;
        browser.run("document.activeElement.blur(); scrollTo(0, 0)").await;
        must_become_true(&browser, "return Number.parseFloat(document.querySelector('.state span').textContent.slice(4)) > 3").await;
        let clip = json!({"x": 0, "y": 0, "width": 1600, "height": 990, "scale": 0.8});
        browser.save_screenshot(clip, Path::new(&path)).await;
    }
    click(&browser, "stop").await;
    browser.run("document.querySelector('[name=target]').focus()").await;
    browser.press('2').await;
    assert_eq!(
        browser.run("return document.querySelector('.chosen').getAttribute('aria-label')").await,
        json!("2 async")
    );
    browser.run("document.getElementById('kill').focus()").await;
    browser.press('\u{E007}').await; // Enter
    must_show(&browser, ["responds", "ended", "responds", "responds", "responds"]).await;
}
