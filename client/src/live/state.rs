//! What a column says of its server.

use serde_json::{Value, json};

/// What a server does, as its probes and its process show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// So long after the last probe.
    Responds {
        ms: Option<u64>,
    },
    /// To no probe since then.
    Silent {
        since_ms: u64,
    },
    /// Why a probe got no response.
    Failing(String),
    Starting,
    Paused,
    /// Why.
    Ended(String),
}

impl State {
    /// Why it does not respond, if that is known.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Failing(why) | Self::Ended(why) => Some(why),
            Self::Responds { .. } | Self::Silent { .. } | Self::Starting | Self::Paused => None,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Responds { ms } => json!({"is": "responds", "ms": ms}),
            Self::Silent { since_ms } => json!({"is": "silent", "since": since_ms}),
            Self::Failing(why) => json!({"is": "failing", "text": why}),
            Self::Starting => json!({"is": "starting"}),
            Self::Paused => json!({"is": "paused"}),
            Self::Ended(why) => json!({"is": "ended", "text": why}),
        }
    }
}
