//! The event that the servers (stages 3 to 5) and the client agree on.
//!
//! The type is the check: JSON that is not an event does not deserialize.
//!
//! ```
//! use event::Event;
//!
//! let event: Event = serde_json::from_str(r#"{"user": "alice", "amount": 5}"#)?;
//! assert_eq!(event.amount, 5);
//! assert!(serde_json::from_str::<Event>(r#"{"user": "", "amount": 5}"#).is_err());
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;

/// A change of one user's balance: `{"user": "alice", "amount": 5}`.
///
/// No field may be missing, unknown or duplicated. It deserializes from JSON only, since its amount
/// is read as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Whose balance changes.
    pub user: User,
    /// What is added to the balance; negative to subtract.
    pub amount: i64,
}

/// A user's name: 1 to 64 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct User(String);

/// A text that is not a [`User`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("user must have 1 to 64 characters, none of them a control character")]
pub struct BadUser;

impl TryFrom<String> for User {
    type Error = BadUser;

    fn try_from(name: String) -> Result<Self, BadUser> {
        // more than 64 × 4 bytes are too many characters, and are not counted
        let fits = !name.is_empty() && name.len() <= 256 && name.chars().count() <= 64;
        if fits && !name.chars().any(char::is_control) { Ok(Self(name)) } else { Err(BadUser) }
    }
}

impl From<User> for String {
    fn from(user: User) -> Self {
        user.0
    }
}

impl AsRef<str> for User {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A derived struct would also accept an array: `["alice", 5]`.
        struct ObjectOnly;

        impl<'de> Visitor<'de> for ObjectOnly {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with user and amount")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fields, A::Error> {
                Fields::deserialize(MapAccessDeserializer::new(map))
            }
        }

        let Fields { user, amount } = deserializer.deserialize_map(ObjectOnly)?;
        Ok(Self { user, amount })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    user: User,
    #[serde(deserialize_with = "integer")]
    amount: i64,
}

/// Reads the number as it is written, since serde_json makes -0 a floating-point number, as it does
/// -0.0, which is not an integer here.
fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = <Box<RawValue>>::deserialize(deserializer)?;
    number.get().parse().map_err(|_| D::Error::custom("amount must be an integer that fits i64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_the_same_after_a_round_trip() {
        let json = r#"{"user":"Zoë 😀","amount":-9223372036854775808}"#;
        let event: Event = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
    }

    #[test]
    fn an_amount_is_any_json_integer_that_fits() {
        for (text, amount) in [("0", 0), ("-0", 0), ("9223372036854775807", i64::MAX)] {
            let json = format!(r#"{{"amount": {text} , "user": "alice"}}"#);
            let event: Event = serde_json::from_str(&json).expect(text);
            assert_eq!(event.amount, amount, "{text}");
            let read: Event = serde_json::from_reader(json.as_bytes()).expect(text);
            assert_eq!(read, event);
        }
    }

    #[test]
    fn json_that_is_not_an_event_does_not_deserialize() {
        let long = format!(r#"{{"user":"{}","amount":1}}"#, "é".repeat(65));
        let longest = format!(r#"{{"user":"{}","amount":1}}"#, "é".repeat(64));
        assert!(serde_json::from_str::<Event>(&longest).is_ok());
        for json in [
            &long,
            "5",
            "null",
            r#"["alice", 5]"#,
            r#"{}"#,
            r#"{"user":"alice"}"#,
            r#"{"amount":5}"#,
            r#"{"user":"alice","amount":5,"extra":1}"#,
            r#"{"user":"alice","user":"bob","amount":5}"#,
            r#"{"user":"alice","amount":5,"amount":6}"#,
            r#"{"user":"","amount":5}"#,
            r#"{"user":"a\u0000b","amount":5}"#,
            r#"{"user":"a\u0085b","amount":5}"#,
            r#"{"user":5,"amount":5}"#,
            r#"{"user":"alice","amount":"5"}"#,
            r#"{"user":"alice","amount":5.5}"#,
            r#"{"user":"alice","amount":1.0}"#,
            r#"{"user":"alice","amount":1e2}"#,
            r#"{"user":"alice","amount":-0.0}"#,
            r#"{"user":"alice","amount":-1e-400}"#,
            r#"{"user":"alice","amount":[5]}"#,
            r#"{"user":"alice","amount":-9223372036854775809}"#,
            r#"{"user":"alice","amount":null}"#,
            r#"{"user":"alice","amount":9223372036854775808}"#,
        ] {
            assert!(serde_json::from_str::<Event>(json).is_err(), "accepted: {json}");
        }
    }
}
