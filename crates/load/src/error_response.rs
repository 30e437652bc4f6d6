//! An error that a server sent, in its own words.

use http1::{Decoded, Decoder, Response, StatusCode, header};
use serde::Deserialize;

/// What a response with a status of 400 or more says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ErrorResponse {
    /// The status code.
    pub status: u16,
    /// The title of the problem document, if its body is one (RFC 9457).
    pub title: Option<String>,
    /// The detail of the problem document, or the first line of a plain text.
    pub detail: Option<String>,
}

/// The members of a problem document that are shown; others of any type are ignored.
#[derive(Default, Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

impl ErrorResponse {
    /// What the recorded bytes of a response say; `None` if it is not an error, or is incomplete.
    pub(crate) fn read(recorded: &[u8], to_head: bool) -> Option<Self> {
        let mut decoder = Decoder::<Response>::new();
        decoder.answers_head(to_head);
        decoder.push(recorded);
        let response = loop {
            match decoder.decode().ok()? {
                Decoded::Complete(response) if response.status().is_informational() => {}
                Decoded::Complete(response) => break response,
                Decoded::Continue | Decoded::NeedMore => break decoder.end()?,
            }
        };
        let status = response.status();
        (status.as_u16() >= 400).then(|| {
            let Problem { title, detail } = problem(&response);
            let [title, detail] = [title, detail].map(|text| text.map(|text| shown(&text)));
            Self { status: status.as_u16(), title, detail }
        })
    }

    /// The status with its phrase, and the title where that says something else.
    pub(crate) fn heading(&self) -> String {
        let status = StatusCode::from_u16(self.status).ok();
        let phrase = status.and_then(|status| status.canonical_reason());
        match (&self.title, phrase) {
            (Some(title), Some(phrase)) if title != phrase => {
                format!("{} {phrase}, {title}", self.status)
            }
            (title, phrase) => {
                let words = phrase.or(title.as_deref()).unwrap_or_default();
                format!("{} {words}", self.status).trim_end().to_owned()
            }
        }
    }
}

fn problem(response: &Response) -> Problem {
    let content_type = response.header(header::CONTENT_TYPE).unwrap_or_default();
    let body = response.body();
    match content_type.split(';').next().map(|essence| essence.trim().to_ascii_lowercase()) {
        Some(essence) if essence == "application/problem+json" || essence == "application/json" => {
            serde_json::from_slice(body).unwrap_or_default()
        }
        Some(essence) if essence == "text/plain" => {
            let text = String::from_utf8_lossy(body);
            Problem { title: None, detail: text.lines().next().map(str::to_owned) }
        }
        _ => Problem::default(),
    }
}

/// The text as it may be displayed in a terminal: without control characters, and of at most 300 characters.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().filter(|char| !char.is_control()).take(300).collect();
    if text.chars().nth(300).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::ErrorResponse;

    fn read(bytes: &str) -> Option<(String, Option<String>)> {
        ErrorResponse::read(bytes.as_bytes(), false).map(|error| (error.heading(), error.detail))
    }

    fn problem(status: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }

    #[test]
    fn an_error_is_shown_in_its_own_words() {
        for (bytes, heading, detail) in [
            (
                problem("404 Not Found", r#"{"title": "Not Found", "status": 404, "detail": "no"}"#),
                "404 Not Found",
                Some("no"),
            ),
            (problem("400 X", r#"{"title": "Out of Credit"}"#), "400 Bad Request, Out of Credit", None),
            (problem("499 X", r#"{"title": "Gone"}"#), "499 Gone", None),
            (problem("404 Not Found", "not JSON"), "404 Not Found", None),
            (problem("500 Oh", r#"{"detail": "a\u001b[31mb"}"#), "500 Internal Server Error", Some("a[31mb")),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 403 No\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nyou\nnot"
                    .into(),
                "403 Forbidden",
                Some("you"),
            ),
        ] {
            assert_eq!(read(&bytes), Some((heading.into(), detail.map(str::to_owned))), "{bytes}");
        }
    }

    #[test]
    fn what_is_not_a_complete_error_says_nothing() {
        for bytes in
            ["", "SSH-2.0", "HTTP/1.1 404 Not", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]
        {
            assert_eq!(read(bytes), None, "{bytes}");
        }
        assert_eq!(read("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nhalf"), None);
    }
}
