//! The bounds of a server that no stage has: in time, reserved places, a share for each user.

use super::boundary::Entry;
use super::flaw::Flaw;
use super::ledger::Ledger;
use super::queue::unavailable;
use http1::{Response, StatusCode, header};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long the work takes; a full queue takes longer than the two seconds after which an event is late.
pub(super) const WORK: Duration = Duration::from_millis(125);

const WITHIN: Duration = Duration::from_secs(1);
const RESERVED: usize = 10;
const SHARE: usize = 4;

pub(super) struct Bounds {
    flaw: Flaw,
    /// The users who once had too many events.
    banned: Mutex<BTreeSet<String>>,
}

impl Bounds {
    pub(super) fn new(flaw: Flaw) -> Self {
        Self { flaw, banned: Mutex::default() }
    }

    /// The response to an event that is not offered to the queue.
    pub(super) fn reject(
        &self,
        ledger: &Ledger,
        queue: &mpsc::Sender<Entry>,
        entry: &Entry,
    ) -> Option<Response> {
        let undone = ledger.undone();
        let held = match self.flaw {
            Flaw::LimitsAllAlike => undone,
            _ => ledger.not_done.iter().filter(|user| **user == entry.user).count(),
        };
        let mut banned = self.banned.lock().expect("no panic while it is held");
        let is_banned = self.flaw == Flaw::BansForGood && banned.contains(&entry.user);
        if is_banned || held >= SHARE && self.flaw != Flaw::SharesWithoutEnd {
            banned.insert(entry.user.clone());
            let response = Response::problem(StatusCode::TOO_MANY_REQUESTS, "too many of one user");
            return Some(match self.flaw {
                Flaw::OmitsRetryAfterFor429 => response,
                _ => response.with_header(header::RETRY_AFTER, 1u64),
            });
        }
        let measured = match self.flaw {
            Flaw::BelievesItsPlan => WORK / 10,
            Flaw::BoundsTheFirstBurst if ledger.processed > 3 => WORK / 10,
            _ => WORK,
        };
        let late = measured * (undone as u32 + 1) > WITHIN;
        let reserved = match self.flaw {
            Flaw::ReservesAll => RESERVED,
            // with reserved places, deposits alone would never be late
            Flaw::ReservesNothing | Flaw::BelievesItsPlan | Flaw::BoundsTheFirstBurst => 0,
            _ if entry.amount < 0 => 0,
            _ => RESERVED,
        };
        let busy = self.flaw == Flaw::RejectsAllButTheFirst && ledger.processed > 0;
        (late || busy || queue.capacity() <= reserved)
            .then(|| unavailable().with_header(header::RETRY_AFTER, 2u64))
    }
}
