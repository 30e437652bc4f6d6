//! The one page: HTML, script and style in one response, with nothing to load from elsewhere.

use super::actions;
use super::guard::Guard;
use super::room::Room;
use super::votes;
use http1::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::json;

/// The page for one load; the script and the style carry a nonce, and nothing else is run.
pub(super) fn response(room: &Room, guard: &Guard) -> Response {
    let Ok(nonce) = Guard::nonce() else {
        return Response::problem(StatusCode::SERVICE_UNAVAILABLE, "no random numbers; try again");
    };
    let columns: Vec<_> = room.columns.iter().map(|column| column.description()).collect();
    let setup = json!({
        "run": room.run,
        "key": guard.visitor_key,
        "visitorsAttack": guard.visitors_attack,
        "columns": columns,
        "actions": actions::to_json(),
        "bounds": actions::bounds(),
        "roomAddress": guard.room_address(),
        "rule": votes::rule(),
    });
    // no name in it can end the script element
    let setup = setup.to_string().replace('<', "\\u003c");
    let page = include_str!("page.html")
        .replace("{patterns}", include_str!("../compare/html/patterns.svg"))
        .replace(
            "{style}",
            concat!(include_str!("../compare/html/palette.css"), include_str!("page.css")),
        )
        .replace("{votes}", include_str!("votes.js"))
        .replace("{script}", include_str!("page.js"))
        .replace("{nonce}", &nonce)
        .replace("{setup}", &setup);
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut response = Response::new(StatusCode::OK)
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response = response.with_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    response.set_body(page.into());
    private(response)
}

/// For this browser, now, and as what it says it is.
pub(super) fn private(response: Response) -> Response {
    let fixed = HeaderValue::from_static;
    response
        .with_header(header::CACHE_CONTROL, fixed("no-store"))
        .with_header(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"))
        .with_header(header::REFERRER_POLICY, fixed("no-referrer"))
        .with_header(header::X_FRAME_OPTIONS, fixed("DENY"))
        .with_header(HeaderName::from_static("cross-origin-resource-policy"), fixed("same-origin"))
}
