//! The form of error responses: problem documents.

use http1::{Response, StatusCode, header};
use serde_json::{Value, json};

/// Parses a problem document, and checks that it contains no control characters.
#[track_caller]
fn document(response: &Response) -> Value {
    assert_eq!(response.header(header::CONTENT_TYPE), Some("application/problem+json"));
    let text = std::str::from_utf8(response.body()).expect("JSON is UTF-8");
    assert!(!text.contains(char::is_control), "{text:?}");
    serde_json::from_str(text).expect("JSON")
}

#[track_caller]
fn detail(detail: &str) -> String {
    let document = document(&Response::problem(StatusCode::BAD_REQUEST, detail));
    document["detail"].as_str().expect("a string").to_owned()
}

#[test]
fn a_problem_has_a_type_a_title_a_status_and_a_detail() {
    let response = Response::problem(StatusCode::NOT_FOUND, "there is only /events here");
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let expected = json!({
        "type": "about:blank", // RFC 9457 §4.2.1
        "title": "Not Found",
        "status": 404,
        "detail": "there is only /events here",
    });
    assert_eq!(document(&response), expected);
}

#[test]
fn a_status_without_a_reason_phrase_has_a_title() {
    let response = Response::problem(StatusCode::from_u16(599).unwrap(), "");
    let expected = json!({"type": "about:blank", "title": "Error", "status": 599, "detail": ""});
    assert_eq!(document(&response), expected);
}

#[test]
fn control_characters_in_a_detail_are_escaped() {
    assert_eq!(detail("a\0b"), r"a\u{0}b");
    assert_eq!(detail("a\r\nb\tc"), r"a\r\nb\tc");
    assert_eq!(detail("\u{1b}[31mred"), r"\u{1b}[31mred");
    assert_eq!(detail("\u{7f}"), r"\u{7f}");
    // C1: U+009B is ESC [ in one character
    assert_eq!(detail("\u{85}\u{9b}31mred"), r"\u{85}\u{9b}31mred");
}

#[test]
fn all_other_characters_in_a_detail_are_kept() {
    for text in
        ["", "plain", r#"a "quoted" one"#, r"back\slash", "é ü 日本 🦀", "</script>", "{\"a\": 1}"]
    {
        assert_eq!(detail(text), text);
    }
}

#[test]
fn a_detail_is_cut_after_400_characters() {
    assert_eq!(detail(&"x".repeat(400)), "x".repeat(400));
    assert_eq!(detail(&"x".repeat(401)), "x".repeat(400) + "…");
    assert_eq!(detail(&"x".repeat(1_000_000)), "x".repeat(400) + "…");
    assert_eq!(detail(&"日".repeat(400)), "日".repeat(400)); // characters, not bytes
    assert_eq!(detail(&"日".repeat(401)), "日".repeat(400) + "…");
    assert_eq!(detail(&"\0".repeat(401)), r"\u{0}".repeat(400) + "…");
}

#[test]
fn method_not_allowed_lists_the_allowed_methods() {
    let response = Response::method_not_allowed("GET, HEAD");
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.header(header::ALLOW), Some("GET, HEAD")); // RFC 9110 §15.5.6
    assert_eq!(document(&response)["detail"], "the methods here: GET, HEAD");
}

#[test]
fn a_value_is_sent_as_json() {
    let response = Response::json(StatusCode::ACCEPTED, &json!({"user": "alice"}));
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.header(header::CONTENT_TYPE), Some("application/json"));
    assert_eq!(response.body(), r#"{"user":"alice"}"#);
}

#[test]
fn a_value_that_cannot_be_json_becomes_a_500() {
    let no_key = std::collections::BTreeMap::from([((1, 2), 3)]);
    let response = Response::json(StatusCode::OK, &no_key);
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.body().is_empty());
}

#[test]
fn text_is_sent_as_plain_text_with_nosniff() {
    let response = Response::text("<script>".into());
    assert_eq!(response.header(header::CONTENT_TYPE), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header(header::X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
    assert!(Response::text("".into()).headers().is_empty());
}

#[test]
fn a_problem_may_have_a_type_of_its_own() {
    let usual = document(&Response::problem(StatusCode::GATEWAY_TIMEOUT, "late"));
    assert_eq!(usual["type"], "about:blank");
    let typed = Response::problem_of_type("urn:x:late", StatusCode::GATEWAY_TIMEOUT, "late");
    assert_eq!(typed.header(header::CONTENT_TYPE), Some("application/problem+json"));
    let typed = document(&typed);
    assert_eq!((&typed["type"], &typed["status"]), (&"urn:x:late".into(), &504.into()));
    assert_eq!((&typed["title"], &typed["detail"]), (&usual["title"], &usual["detail"]));
}
