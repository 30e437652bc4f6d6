//! A real browser, driven through WebDriver (https://www.w3.org/TR/webdriver2/).

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
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

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
pub(crate) struct Browser {
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
    pub(crate) async fn open() -> Self {
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
    pub(crate) async fn ask(&self, method: Method, command: &str, body: Value) -> Value {
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

    pub(crate) async fn post(&self, command: &str, body: Value) -> Value {
        self.ask(Method::POST, command, body).await
    }

    /// Runs a script and returns its result.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []})).await
    }

    /// Runs a command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, params: Value) -> Value {
        self.post("/goog/cdp/execute", json!({"cmd": command, "params": params})).await
    }

    pub(crate) async fn press(&self, key: char) {
        let keys =
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})];
        self.post(
            "/actions",
            json!({"actions": [{"type": "key", "id": "keyboard", "actions": keys}]}),
        )
        .await;
    }

    /// The page overflows at no width and in no scheme, has contrast, and fits a printed page.
    pub(crate) async fn must_show_all_and_print(&self) {
        for scheme in ["light", "dark"] {
            for width in [400, 1280, 1920] {
                self.show(width, scheme).await;
                assert_eq!(self.run(OVERFLOWING).await, json!([]), "{width} {scheme}");
            }
            assert_eq!(self.run(TOO_FAINT).await, json!([]), "{scheme}");
        }
        self.show(1030, "print").await; // A4, landscape
        assert_eq!(self.run(OVERFLOWING).await, json!([]), "print");
    }

    /// Emulates a screen of that width in the scheme `light` or `dark`, or paper: `print`.
    pub(crate) async fn show(&self, width: u32, scheme: &str) {
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

    /// Saves a part of the page as a PNG, at a path in the workspace.
    pub(crate) async fn save_screenshot(&self, clip: Value, path: &Path) {
        let wanted = json!({"captureBeyondViewport": true, "clip": clip});
        let screenshot = self.devtools("Page.captureScreenshot", wanted).await;
        let data = screenshot["data"].as_str().expect("a screenshot");
        let png = BASE64_STANDARD.decode(data).expect("base64");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        std::fs::write(root.join(path), png).expect("the screenshot can be written");
    }

    /// The log messages since the last call.
    pub(crate) async fn log(&self, kind: &str) -> Vec<String> {
        let entries = self.post("/se/log", json!({"type": kind})).await;
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.as_array().expect("a list").iter().map(message).collect()
    }
}

/// Elements that overflow the page or their container.
pub(crate) const OVERFLOWING: &str = "
    const wide = document.documentElement.scrollWidth > innerWidth ? ['the page'] : [];
    const cut = [...document.querySelectorAll('body, th, td, .cell, .panel, .legend, p, code, h1, h2')].filter(
      (e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 && getComputedStyle(e).display !== 'inline');
    const out = [...document.querySelectorAll('svg text, .panel, td')].filter((e) => {
      const box = e.getBoundingClientRect();
      return box.width > 0 && (box.left < -1 || box.right > innerWidth + 1);
    });
    return [...wide, ...[...cut, ...out].map((e) => e.tagName + ' ' + e.textContent.slice(0, 60))]";

/// Texts whose contrast with their background is below 4.5, the minimum of WCAG 2 for normal text.
pub(crate) const TOO_FAINT: &str = "
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
    return [...document.querySelectorAll('p, th, td span, li, code, h1, h2, h3, h3 b, svg text, button, legend, label, label :not(input), output, .state *')].filter((e) => {
      const style = getComputedStyle(e);
      const [a, b] = [light(e.closest('svg') ? style.fill : style.color), light(ground(e))];
      return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5;
    }).map((e) => e.tagName + ' ' + e.textContent.slice(0, 60))";
