//! The page of a real `compare` in a real browser, driven through WebDriver (https://www.w3.org/TR/webdriver2/).
//!
//! `COMPARE_PNG=docs/compare.png cargo test --release -p client --test page_in_chromium -- --ignored` also saves a screenshot.

use base64::prelude::{BASE64_STANDARD, Engine};
use http1::{ClientRequest, Method, encode_request};
use probe::http_client::{Outcome, ResponseClient};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// The timeout of one WebDriver command.
const PATIENCE: Duration = Duration::from_secs(60);

/// No window; no sandbox, which containers lack; no subpixel text, which makes a PNG large; and no background traffic, which
/// the test would count as requests of the page.
const FLAGS: [&str; 9] = [
    "--headless",
    "--disable-lcd-text",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with one window and its driver. Both end when this is dropped.
struct Browser {
    driver: Child,
    /// Kept open, because the driver writes to it.
    _stdout: BufReader<ChildStdout>,
    addr: SocketAddr,
    session: String,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // killing only the driver would leave the browser running; the response arrives when the browser has ended
        let quit = ClientRequest::new(
            Method::DELETE,
            format!("/session{}", self.session).parse().expect("a path"),
        );
        let mut bytes = Vec::new();
        encode_request(&quit, &self.addr.to_string(), &mut bytes);
        if let Ok(mut stream) = TcpStream::connect(self.addr) {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = stream.write_all(&bytes).and_then(|()| stream.read(&mut [0; 1024]));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A driver, its stdout and its address; `None` if it ended, because its port was in use.
fn start_driver() -> Option<(Child, BufReader<ChildStdout>, SocketAddr)> {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut driver = command.spawn().expect("chromedriver is installed (Debian: chromium-driver)");
    let mut stdout = BufReader::new(driver.stdout.take().expect("it is piped"));
    let port = stdout.by_ref().lines().map_while(Result::ok).find_map(|line| {
        line.strip_prefix("ChromeDriver was started successfully on port ")?
            .trim_end_matches('.')
            .parse::<u16>()
            .ok()
    });
    let Some(port) = port else {
        let _ = driver.wait(); // it closed its stdout
        return None;
    };
    Some((driver, stdout, SocketAddr::from(([127, 0, 0, 1], port))))
}

impl Browser {
    async fn open() -> Self {
        // it picks a free IPv4 port and ends if that port is in use on IPv6, so try again with another
        let (driver, stdout, addr) =
            (0..10).find_map(|_| start_driver()).expect("chromedriver starts");
        let mut browser = Self { driver, _stdout: stdout, addr, session: String::new() };
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": FLAGS},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let session = browser.ask(Method::POST, "", wanted).await;
        browser.session = format!("/{}", session["sessionId"].as_str().expect("a session"));
        browser
    }

    /// Runs a WebDriver command and returns its value.
    async fn ask(&self, method: Method, command: &str, body: Value) -> Value {
        let target = format!("/session{}{command}", self.session);
        let mut request = ClientRequest::new(method.clone(), target.parse().expect("a path"));
        if method == Method::POST {
            request.body = body.to_string().into();
        }
        let mut bytes = Vec::new();
        encode_request(&request, &self.addr.to_string(), &mut bytes);
        let call =
            ResponseClient::new(self.addr).call(&bytes, false, Instant::now() + PATIENCE).await;
        let response = call.response.unwrap_or_else(|| panic!("{target}: {:?}", call.outcome));
        let reply: Value = serde_json::from_slice(response.body()).expect("WebDriver speaks JSON");
        assert!(matches!(call.outcome, Outcome::Served(_)), "{target}: {reply:#}");
        reply["value"].clone()
    }

    async fn post(&self, command: &str, body: Value) -> Value {
        self.ask(Method::POST, command, body).await
    }

    /// Runs a script and returns its result.
    async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []})).await
    }

    /// Runs a command of the DevTools protocol.
    async fn devtools(&self, command: &str, params: Value) -> Value {
        self.post("/goog/cdp/execute", json!({"cmd": command, "params": params})).await
    }

    async fn press(&self, key: char) {
        let keys =
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})];
        self.post(
            "/actions",
            json!({"actions": [{"type": "key", "id": "keyboard", "actions": keys}]}),
        )
        .await;
    }

    /// Emulates a screen of that width in the scheme `light` or `dark`, or paper: `print`.
    async fn show(&self, width: u32, scheme: &str) {
        // not as a mobile device, whose viewport would grow with the overflow that the test looks for
        let screen =
            json!({"width": width, "height": 1080, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        let media = if scheme == "print" { "print" } else { "screen" };
        self.devtools("Emulation.setEmulatedMedia", json!({"media": media, "features": [feature]}))
            .await;
        // at the second animation frame, the first one has been laid out at the new size
        let frames = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))";
        self.post("/execute/async", json!({"script": frames, "args": []})).await;
    }

    /// The log messages since the last call.
    async fn log(&self, kind: &str) -> Vec<String> {
        let entries = self.post("/se/log", json!({"type": kind})).await;
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.as_array().expect("a list").iter().map(message).collect()
    }
}

const TAB: char = '\u{E004}';
const RIGHT: char = '\u{E014}';

/// Elements that overflow the page or their container.
const OVERFLOWING: &str = "
    const wide = document.documentElement.scrollWidth > innerWidth ? ['the page'] : [];
    const cut = [...document.querySelectorAll('body, th, td, .cell, .panel, .legend, p, code, h1, h2')].filter(
      (e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 && getComputedStyle(e).display !== 'inline');
    const out = [...document.querySelectorAll('svg text, .panel, td')].filter((e) => {
      const box = e.getBoundingClientRect();
      return box.width > 0 && (box.left < -1 || box.right > innerWidth + 1);
    });
    return [...wide, ...[...cut, ...out].map((e) => e.tagName + ' ' + e.textContent.slice(0, 60))]";

/// Texts whose contrast with their background is below 4.5, the minimum of WCAG 2 for normal text.
const TOO_FAINT: &str = "
    const light = (color) => {
      const [r, g, b] = color.match(/[\\d.]+/g).map((c) => c / 255).map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
      return .2126 * r + .7152 * g + .0722 * b;
    };
    const ground = (e) => {
      for (; e; e = e.parentElement) {
        const color = getComputedStyle(e).backgroundColor;
        if (!color.startsWith('rgba(0, 0, 0, 0')) return color;
      }
    };
    return [...document.querySelectorAll('p, th, td span, li, code, h1, h2, h3, h3 b, svg text')].filter((e) => {
      const style = getComputedStyle(e);
      const [a, b] = [light(e.closest('svg') ? style.fill : style.color), light(ground(e))];
      return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5;
    }).map((e) => e.tagName + ' ' + e.textContent.slice(0, 60))";

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
    for scheme in ["light", "dark"] {
        for width in [400, 1280, 1920] {
            browser.show(width, scheme).await;
            assert_eq!(browser.run(OVERFLOWING).await, json!([]), "{width} {scheme}");
        }
        assert_eq!(browser.run(TOO_FAINT).await, json!([]), "{scheme}");
    }
    browser.show(1030, "print").await; // A4, landscape
    assert_eq!(browser.run(OVERFLOWING).await, json!([]), "print");
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
    let wanted = json!({"captureBeyondViewport": true, "clip": clip});
    let screenshot = browser.devtools("Page.captureScreenshot", wanted).await;
    let png =
        BASE64_STANDARD.decode(screenshot["data"].as_str().expect("a screenshot")).expect("base64");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    std::fs::write(root.join(path), png).expect("the screenshot can be written");
}
