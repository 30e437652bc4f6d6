//! How a flawed server parses an event.

use super::flaw::Flaw;
use event::Event;
use http1::{Request, StatusCode, header};
use serde_json::{Value, from_str, from_value};

/// An event, or what a flaw takes for one.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) user: String,
    pub(super) amount: i64,
}

impl From<Event> for Entry {
    fn from(event: Event) -> Self {
        Self { user: event.user.into(), amount: event.amount }
    }
}

pub(super) fn parse(request: &Request, flaw: Flaw) -> Result<Entry, StatusCode> {
    let is_json = match flaw {
        Flaw::RejectsContentTypeParameters => {
            request.header(header::CONTENT_TYPE).is_none_or(|kind| kind == "application/json")
        }
        Flaw::RequiresContentType => {
            request.header(header::CONTENT_TYPE).is_some()
                && request.content_type_is("application/json")
        }
        _ => request.content_type_is("application/json"),
    };
    if !is_json {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let text = std::str::from_utf8(request.body()).map_err(|_| StatusCode::BAD_REQUEST)?;
    match from_str::<Event>(text) {
        Ok(event) => understand(event.into(), flaw),
        Err(error) => lenient(text, flaw).ok_or(match (flaw, error.is_data()) {
            (Flaw::Sends400ForShape, _) => StatusCode::BAD_REQUEST,
            (Flaw::Sends422ForNotJson, _) | (_, true) => StatusCode::UNPROCESSABLE_ENTITY,
            (_, false) => StatusCode::BAD_REQUEST,
        }),
    }
}

/// What it makes of a valid event.
fn understand(mut entry: Entry, flaw: Flaw) -> Result<Entry, StatusCode> {
    match flaw {
        Flaw::CountsBytesOfUser if entry.user.len() > 64 => Err(StatusCode::UNPROCESSABLE_ENTITY),
        Flaw::RejectsNegativeAmounts if entry.amount < 0 => Err(StatusCode::UNPROCESSABLE_ENTITY),
        Flaw::ParsesAmountsAsFloats => {
            entry.amount = entry.amount as f64 as i64;
            Ok(entry)
        }
        Flaw::RespondsInAscii => {
            entry.user =
                entry.user.chars().map(|char| if char.is_ascii() { char } else { '?' }).collect();
            Ok(entry)
        }
        _ => Ok(entry),
    }
}

/// What it makes of an invalid event, if it accepts it.
fn lenient(text: &str, flaw: Flaw) -> Option<Entry> {
    if flaw == Flaw::AcceptsTrailingBytes {
        let first = serde_json::Deserializer::from_str(text).into_iter::<Event>().next()?;
        return first.ok().map(Entry::from);
    }
    let value: Value = from_str(text).ok()?;
    if flaw == Flaw::AcceptsDuplicateFields {
        return from_value::<Event>(value).ok().map(Entry::from);
    }
    let fields = value.as_object()?;
    if flaw == Flaw::AcceptsUnknownFields && fields.contains_key("admin") {
        return Some(Entry { user: "alice".to_owned(), amount: 0 });
    }
    let (user, amount) = (fields.get("user")?.as_str()?, fields.get("amount")?);
    let is_user =
        |user: &str| !user.is_empty() && user.len() <= 64 && !user.contains(char::is_control);
    let accepted = fields.len() == 2
        && match flaw {
            Flaw::AcceptsEmptyUser => user.is_empty(),
            Flaw::AcceptsLongUser => user.len() > 64,
            Flaw::AcceptsControlCharacters => user.chars().any(char::is_control),
            Flaw::AcceptsFloats => is_user(user) && amount.is_f64(),
            Flaw::ClampsAmounts => is_user(user) && amount.is_number() && !amount.is_i64(),
            _ => false,
        };
    let amount = match flaw {
        Flaw::AcceptsFloats => {
            amount.as_f64().filter(|amount| amount.fract() == 0.0 && amount.abs() < 9e15)? as i64
        }
        Flaw::ClampsAmounts => amount.as_f64().filter(|amount| amount.abs() > 9e18)? as i64,
        _ => amount.as_i64()?,
    };
    accepted.then(|| Entry { user: user.to_owned(), amount })
}
