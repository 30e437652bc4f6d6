//! Predict first: the room votes which servers will still respond, the attack runs, and the votes are
//! compared with what was measured.

use super::actions::Wanted;
use super::guard::FROM_ONE;
use super::lock;
use super::newest::Newest;
use super::recording::{MOST_ACTIONS, Outcome, Poll};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// How many votes a question has at most.
const MOST: usize = 1000;

/// The probes that decide are those that were sent so long after the attack began, or earlier.
pub(super) const SENT: Duration = Duration::from_secs(3);

/// How long the response to each of them may take.
pub(super) const WITHIN: Duration = Duration::from_secs(2);

/// What counts as a response, in a sentence.
pub(super) fn rule() -> String {
    let (sent, within) = (SENT.as_secs(), WITHIN.as_secs());
    format!(
        "A server still responds if each probe of the first {sent} s gets a response within {within} s."
    )
}

/// The question of the moment, if there is one, and how the earlier ones came out.
pub(super) struct Votes {
    inner: Mutex<Inner>,
}

struct Inner {
    last_id: u64,
    question: Option<Question>,
    polls: Newest<Poll>,
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
    Running {
        until_ms: u64,
    },
    Over(Outcome),
}

struct Vote {
    from: IpAddr,
    responds: Ballot,
}

/// For each server of the question, whether it will respond.
pub(super) type Ballot = Vec<bool>;

/// A vote as the page sends it: `{"question": 3, "voter": "0f…", "respond": [1, 2]}`.
pub(super) struct Cast {
    question: u64,
    /// 128 random bits of the browser.
    voter: u128,
    /// The indexes of the servers that will respond.
    respond: HashSet<usize>,
}

impl Cast {
    /// The room has so many servers.
    pub(super) fn parse(body: &[u8], servers: usize) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let voter = body["voter"].as_str()?;
        let is_hex = voter.len() == 32 && voter.bytes().all(|byte| byte.is_ascii_hexdigit());
        let index = |index: &Value| usize::try_from(index.as_u64()?).ok();
        let respond = body["respond"].as_array()?.iter().map(index).collect::<Option<_>>()?;
        let cast = Self {
            question: body["question"].as_u64()?,
            voter: u128::from_str_radix(voter, 16).ok().filter(|_| is_hex)?,
            respond,
        };
        let is_known = cast.respond.iter().all(|index| *index < servers);
        is_known.then_some(cast)
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
    pub(super) fn new() -> Self {
        let polls = Newest::new(MOST_ACTIONS);
        Self { inner: Mutex::new(Inner { last_id: 0, question: None, polls }) }
    }

    /// Opens a question about an attack; the one before it is forgotten, with its votes.
    pub(super) fn ask(&self, wanted: Wanted) {
        let mut inner = self.lock();
        inner.last_id += 1;
        let (id, votes) = (inner.last_id, HashMap::new());
        inner.question = Some(Question { id, wanted, phase: Phase::Open, votes });
    }

    /// Counts a vote; it replaces the earlier one of the same browser.
    pub(super) fn count(&self, cast: &Cast, from: IpAddr) -> Result<(), Uncounted> {
        let mut inner = self.lock();
        let question = inner.find(cast.question).ok_or(Uncounted::Closed)?;
        let Phase::Open = question.phase else { return Err(Uncounted::Closed) };
        let votes = &mut question.votes;
        if !votes.contains_key(&cast.voter) {
            let same = votes.values().filter(|vote| vote.from == from).count();
            if votes.len() == MOST || same == FROM_ONE {
                return Err(Uncounted::TooMany);
            }
        }
        let columns = question.wanted.indexes.iter();
        let responds = columns.map(|index| cast.respond.contains(index)).collect();
        votes.insert(cast.voter, Vote { from, responds });
        Ok(())
    }

    /// Ends the vote of an open question, whose attack is measured until then: that attack, and the
    /// votes. `None` if that question is not open.
    pub(super) fn begin(&self, id: u64, until_ms: u64) -> Option<(Wanted, Vec<Ballot>)> {
        let mut inner = self.lock();
        let question = inner.find(id)?;
        let Phase::Open = question.phase else { return None };
        question.phase = Phase::Running { until_ms };
        let wanted = question.wanted.clone();
        let ballots: Vec<_> = question.votes.values().map(|vote| vote.responds.clone()).collect();
        let poll = Poll {
            question: id,
            servers: wanted.indexes.clone(),
            votes: ballots.len(),
            devices: question.devices(),
            expected: count(&ballots, &vec![true; wanted.indexes.len()]),
            outcome: None,
        };
        inner.polls.push(poll);
        Some((wanted, ballots))
    }

    /// It was measured which servers responded.
    pub(super) fn end(&self, id: u64, ballots: &[Ballot], responded: Vec<bool>) {
        let outcome = Outcome {
            right: count(ballots, &responded),
            all_right: ballots.iter().filter(|ballot| **ballot == responded).count(),
            responded,
        };
        let mut inner = self.lock();
        // its question may have been closed
        if let Some(question) = inner.find(id) {
            question.phase = Phase::Over(outcome.clone());
        }
        if let Some(poll) = inner.polls.iter_mut().find(|poll| poll.question == id) {
            poll.outcome = Some(outcome);
        }
    }

    /// The votes on attacks that ran, in their order.
    pub(super) fn polls(&self) -> Vec<Poll> {
        self.lock().polls.to_vec()
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
        lock(&self.inner)
    }
}

impl Inner {
    fn find(&mut self, id: u64) -> Option<&mut Question> {
        self.question.as_mut().filter(|question| question.id == id)
    }
}

/// For each server, how many ballots say that of it.
fn count(ballots: &[Ballot], responded: &[bool]) -> Vec<usize> {
    let right = |(index, responded): (usize, &bool)| {
        ballots.iter().filter(|ballot| ballot[index] == *responded).count()
    };
    responded.iter().enumerate().map(right).collect()
}

impl Question {
    /// How many addresses the votes came from.
    fn devices(&self) -> usize {
        self.votes.values().map(|vote| vote.from).collect::<HashSet<_>>().len()
    }

    fn to_json(&self, now_ms: u64) -> Value {
        let mut json = json!({
            "id": self.id,
            "attack": self.wanted.label(),
            "columns": self.wanted.indexes,
            "votes": self.votes.len(),
            "addresses": self.devices(),
        });
        match &self.phase {
            Phase::Open => json["phase"] = "open".into(),
            Phase::Running { until_ms } => {
                json["phase"] = "running".into();
                json["left"] = until_ms.saturating_sub(now_ms).into();
            }
            Phase::Over(outcome) => {
                json["phase"] = "over".into();
                json["responded"] = json!(outcome.responded);
                json["right"] = json!(outcome.right);
                json["allRight"] = json!(outcome.all_right);
            }
        }
        json
    }
}
