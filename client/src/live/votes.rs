//! Predict first: the room votes which servers will still respond, the attack runs, and the votes are
//! compared with what was measured.

use super::actions::Wanted;
use super::column::Column;
use super::room::Room;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// How many votes a question has at most.
const MOST: usize = 1000;

/// How many of them come from one address at most: as many as it may have connections.
const MOST_FROM_ONE: usize = super::server::FROM_ONE;

/// The probes that decide are those that were sent so long after the attack began, or earlier.
const SENT: Duration = Duration::from_secs(3);

/// How long the response to each of them may take.
const WITHIN: Duration = Duration::from_secs(2);

/// What counts as a response, in a sentence.
pub(super) fn rule() -> String {
    let (sent, within) = (SENT.as_secs(), WITHIN.as_secs());
    format!(
        "A server still responds if each probe of the first {sent} s gets a response within {within} s."
    )
}

/// Whether a server still responded to an attack that began then.
fn has_responded(column: &Column, began_ms: u64) -> bool {
    let (sent, within) = (SENT.as_millis() as u64, WITHIN.as_millis() as u64);
    let pulse = column.pulse();
    let mut probes = pulse.probes.iter().filter(|(at, _)| (began_ms..began_ms + sent).contains(at));
    // a server that is down is not probed
    let count = probes.clone().count();
    count > 0 && probes.all(|(_, took)| took.is_some_and(|took| took <= within))
}

/// The question of the moment, if there is one.
#[derive(Default)]
pub(super) struct Votes {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last_id: u64,
    question: Option<Question>,
}

struct Question {
    id: u64,
    wanted: Wanted,
    phase: Phase,
    /// By browser.
    votes: HashMap<u128, Vote>,
}

enum Phase {
    /// The attack waits for votes.
    Open,
    /// It runs, and is being measured until then.
    Running { until_ms: u64 },
    /// Which servers responded.
    Over(Vec<bool>),
}

struct Vote {
    from: IpAddr,
    /// For each server of the question.
    responds: Vec<bool>,
}

/// A vote as the page sends it: `{"question": 3, "voter": "0f…", "respond": [1, 2]}`.
pub(super) struct Ballot {
    question: u64,
    /// 128 random bits of the browser.
    voter: u128,
    /// The indexes of the servers that will respond.
    respond: HashSet<usize>,
}

impl Ballot {
    pub(super) fn parse(body: &[u8], room: &Room) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let voter = body["voter"].as_str()?;
        let is_hex = voter.len() == 32 && voter.bytes().all(|byte| byte.is_ascii_hexdigit());
        let index = |index: &Value| usize::try_from(index.as_u64()?).ok();
        let respond = body["respond"].as_array()?.iter().map(index).collect::<Option<_>>()?;
        let ballot = Self {
            question: body["question"].as_u64()?,
            voter: u128::from_str_radix(voter, 16).ok().filter(|_| is_hex)?,
            respond,
        };
        let is_known = ballot.respond.iter().all(|index| *index < room.columns.len());
        is_known.then_some(ballot)
    }
}

/// Why a vote does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uncounted {
    /// That question is not open.
    Closed,
    /// There are enough votes, or enough from that address.
    TooMany,
}

impl Votes {
    /// Opens a question about an attack; the one before it is forgotten, with its votes.
    pub(super) fn ask(&self, wanted: Wanted) {
        let mut inner = self.lock();
        inner.last_id += 1;
        let (id, votes) = (inner.last_id, HashMap::new());
        inner.question = Some(Question { id, wanted, phase: Phase::Open, votes });
    }

    /// Counts a vote; it replaces the earlier one of the same browser.
    pub(super) fn count(&self, ballot: &Ballot, from: IpAddr) -> Result<(), Uncounted> {
        let mut inner = self.lock();
        let question = inner.find(ballot.question).ok_or(Uncounted::Closed)?;
        let Phase::Open = question.phase else { return Err(Uncounted::Closed) };
        let votes = &mut question.votes;
        if !votes.contains_key(&ballot.voter) {
            let same = votes.values().filter(|vote| vote.from == from).count();
            if votes.len() == MOST || same == MOST_FROM_ONE {
                return Err(Uncounted::TooMany);
            }
        }
        let columns = question.wanted.indexes().iter();
        let responds = columns.map(|index| ballot.respond.contains(index)).collect();
        votes.insert(ballot.voter, Vote { from, responds });
        Ok(())
    }

    /// Runs the attack of an open question, and measures; what could not be done, in a sentence each.
    /// `None` if that question is not open.
    pub(super) async fn run(self: &Arc<Self>, id: u64, room: &Room) -> Option<Vec<String>> {
        let began_ms = room.now_ms();
        let took = SENT + WITHIN;
        let wanted = {
            let mut inner = self.lock();
            let question = inner.find(id)?;
            let Phase::Open = question.phase else { return None };
            question.phase = Phase::Running { until_ms: began_ms + took.as_millis() as u64 };
            question.wanted.clone()
        };
        let columns: Vec<_> =
            wanted.indexes().iter().map(|index| room.columns[*index].clone()).collect();
        let failures = wanted.perform(room).await;
        let votes = self.clone();
        tokio::spawn(async move {
            sleep(took).await;
            let responded = columns.iter().map(|column| has_responded(column, began_ms)).collect();
            if let Some(question) = votes.lock().find(id) {
                question.phase = Phase::Over(responded);
            }
        });
        Some(failures)
    }

    /// Forgets a question; false if it is not the one of the moment.
    pub(super) fn close(&self, id: u64) -> bool {
        let mut inner = self.lock();
        let is_known = inner.find(id).is_some();
        if is_known {
            inner.question = None;
        }
        is_known
    }

    /// What everyone sees: how many have voted, and once it is over how.
    pub(super) fn to_json(&self, now_ms: u64) -> Value {
        match &self.lock().question {
            None => Value::Null,
            Some(question) => question.to_json(now_ms),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn find(&mut self, id: u64) -> Option<&mut Question> {
        self.question.as_mut().filter(|question| question.id == id)
    }
}

impl Question {
    fn to_json(&self, now_ms: u64) -> Value {
        let addresses: HashSet<_> = self.votes.values().map(|vote| vote.from).collect();
        let mut json = json!({
            "id": self.id,
            "attack": self.wanted.label(),
            "columns": self.wanted.indexes(),
            "votes": self.votes.len(),
            "addresses": addresses.len(),
        });
        match &self.phase {
            Phase::Open => json["phase"] = "open".into(),
            Phase::Running { until_ms } => {
                json["phase"] = "running".into();
                json["left"] = until_ms.saturating_sub(now_ms).into();
            }
            Phase::Over(responded) => {
                // how many votes were right about that server
                let right = |(index, responded): (usize, &bool)| {
                    self.votes.values().filter(|vote| vote.responds[index] == *responded).count()
                };
                json["phase"] = "over".into();
                json["responded"] = json!(responded);
                json["right"] = responded.iter().enumerate().map(right).collect();
                let all = self.votes.values().filter(|vote| vote.responds == *responded);
                json["allRight"] = all.count().into();
            }
        }
        json
    }
}
