//! With the keyboard, and for a screen reader.

use super::browser::{Browser, TOO_FAINT};
use super::{ALL_RESPOND, Live, choose, click, must_become_true, must_show, open};
use http1::Method;
use serde_json::{Value, json};

const TAB: char = '\u{E004}';
const SPACE: char = ' ';
const ENTER: char = '\u{E007}';

/// How the element with the focus is called, and what it is, as a screen reader says it.
async fn announced(browser: &Browser) -> (String, String) {
    let found = browser.run("return document.activeElement").await;
    let id = found.as_object().and_then(|reference| reference.values().next()?.as_str());
    let element = format!("/element/{}", id.expect("something has the focus"));
    let ask = async |what: &str| {
        let said = browser.ask(Method::GET, &format!("{element}/{what}"), Value::Null).await;
        said.as_str().unwrap_or_default().to_owned()
    };
    (ask("computedrole").await, ask("computedlabel").await)
}

/// What is wrong with how the focus is seen: it is outlined with a contrast of 3 at least (WCAG 2.2,
/// 1.4.11), and in the window.
const FOCUS: &str = "
    const light = (color) => {
      const [r, g, b] = color.match(/[\\d.]+/g).map((c) => c / 255).map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
      return .2126 * r + .7152 * g + .0722 * b;
    };
    // a radio button is invisible; its label shows the focus
    const active = document.activeElement;
    const shown = active.type === 'radio' ? active.nextElementSibling : active;
    const style = getComputedStyle(shown);
    const [a, b] = [light(style.outlineColor), light(getComputedStyle(document.body).backgroundColor)];
    const box = shown.getBoundingClientRect();
    if (style.outlineStyle !== 'solid' || parseFloat(style.outlineWidth) < 2) return 'no outline';
    if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 3) return 'a faint outline';
    if (box.width < 8 || box.top < 0 || box.bottom > innerHeight) return 'out of sight';
    return ''";

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run runs it"]
async fn every_control_is_reached_with_the_keyboard_is_seen_to_have_the_focus_and_has_a_name() {
    let live = Live::start(&[]);
    let browser = open(&live).await;
    // each state that a column can be in for longer
    for (stage, button) in [(1, "silent"), (2, "pause"), (3, "kill")] {
        choose(&browser, stage).await;
        click(&browser, button).await;
    }
    must_show(&browser, ["silent", "paused", "ended", "responds", "responds"]).await;
    choose(&browser, 0).await;
    click(&browser, "predict").await;
    click(&browser, "burst").await;
    must_become_true(&browser, "return !document.getElementById('question').hidden").await;
    for scheme in ["light", "dark"] {
        browser.show(1280, scheme).await;
        assert_eq!(browser.run(TOO_FAINT).await, json!([]), "{scheme}");
        browser.run("document.querySelector('[name=target]:checked').focus()").await;
        let buttons =
            |names: &[&'static str]| names.iter().map(|name| ("button", *name)).collect::<Vec<_>>();
        let controls = [
            vec![("radio", "all"), ("checkbox", "Predict first")],
            buttons(&["Silent client", "Half a request", "A byte a second"]),
            buttons(&["Garbage", "Ten events", "Burst of 100", "Steady load"]),
            vec![("slider", "Rate of the steady load"), ("checkbox", "Retry after 503")],
            buttons(&[
                "Stop attacks",
                "Pause",
                "Continue",
                "SIGTERM",
                "kill -9",
                "Restart",
                "All as it was",
            ]),
            vec![("checkbox", "1 blocking"), ("checkbox", "2 async"), ("checkbox", "3 parse")],
            vec![("checkbox", "4 slow state"), ("checkbox", "5 backpressure")],
            buttons(&["Vote", "Run the attack", "Cancel"]),
            vec![("link", "as a page"), ("link", "as JSON")],
        ];
        for (number, (role, name)) in controls.concat().into_iter().enumerate() {
            if number > 0 {
                browser.press(TAB).await;
            }
            assert_eq!(announced(&browser).await, (role.into(), name.into()), "{scheme}");
            assert_eq!(browser.run(FOCUS).await, json!(""), "{scheme} {name}");
            if name == "Burst of 100" {
                let hint = browser.run("return document.getElementById('hint').innerText").await;
                assert!(
                    hint.as_str()
                        .is_some_and(|hint| hint.contains("By hand: cargo client load --burst"))
                );
            }
        }
    }
    // a vote with the keyboard alone
    browser.run("document.querySelector('.tile:last-child input').focus()").await;
    browser.press(SPACE).await;
    browser.press(TAB).await;
    browser.press(ENTER).await;
    must_become_true(&browser, "return document.getElementById('vote').innerText === 'Vote again'")
        .await;
    assert_eq!(browser.run("return JSON.stringify(cast)").await, json!("[4]"));
    // what a screen reader says of the rest: the question, each column and the outcome
    let names = "return [...document.querySelectorAll('section:not([hidden]), [role=img], [role=log], [role=group]')].filter(
        (e) => !(e.ariaLabel || e.getAttribute('aria-labelledby') || e.closest('[aria-label]'))).map((e) => e.outerHTML.slice(0, 80))";
    assert_eq!(browser.run(names).await, json!([]));
    click(&browser, "close").await;
    click(&browser, "calm").await;
    must_show(&browser, ALL_RESPOND).await;
}
