//! Events with a known sum, and the comparison of that sum with a server's balances.

use event::{Event, User};
use http1::{Bytes, Response, StatusCode};
use probe::addresses::Addresses;
use probe::http_client::{Failure, Outcome, ResponseClient, get};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Events of random users and amounts.
#[derive(Clone, Debug)]
pub struct Events(Vec<Event>);

/// So many differ; a longer run goes through them again.
const DIFFERENT: usize = 1000;

impl Events {
    /// The events of a seed: 50 users, amounts from 1 to 100.
    pub fn random(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut event = || {
            let user = format!("user{}", random.u8(1..=50));
            Event {
                user: User::try_from(user).expect("six letters and digits are a user"),
                amount: random.i64(1..=100),
            }
        };
        Self((0..DIFFERENT).map(|_| event()).collect())
    }

    /// The events as request bodies.
    pub fn bodies(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.0.iter().map(|event| {
            serde_json::to_vec(event).map(Bytes::from).expect("a string and a number are JSON")
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What each user gets, if each event counts so many times.
    fn sums(&self, times: &[u64]) -> BTreeMap<String, i128> {
        let mut sums = BTreeMap::new();
        for (event, times) in self.0.iter().zip(times) {
            *sums.entry(event.user.to_string()).or_default() +=
                i128::from(event.amount) * i128::from(*times);
        }
        sums
    }
}

/// A server's balances at one moment, and the figures of its queue if it has one.
#[derive(Clone, Debug)]
pub struct Balances {
    balances: BTreeMap<String, i64>,
    stats: Option<QueueStats>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct QueueStats {
    accepted: u64,
    processed: u64,
    failed: u64,
    /// Accepted a second time under their key, which changes nothing; not every server counts them.
    #[serde(default)]
    repeated: u64,
}

impl QueueStats {
    fn done(self) -> u64 {
        self.processed.saturating_add(self.failed) // whatever a server says
    }

    /// How many are still to be done.
    fn left(self) -> u64 {
        self.accepted.saturating_sub(self.done().saturating_add(self.repeated))
    }
}

/// How long a server may be at the same number of events done before it counts as stuck.
const STUCK: Duration = Duration::from_secs(60);

impl Balances {
    /// Asks the server once it has done all that it accepted, and waits as long as it makes progress.
    ///
    /// # Errors
    /// What the server lacks, in a sentence.
    pub async fn ask(
        server: impl Into<Addresses>,
        mut waiting: impl FnMut(u64),
    ) -> Result<Self, String> {
        let server = &server.into();
        let (mut done, mut since) = (0, Instant::now());
        let stats = loop {
            let Some(stats) = stats(server).await? else { break None };
            let left = stats.left();
            if left == 0 {
                break Some(stats);
            }
            waiting(left);
            if stats.done() != done {
                (done, since) = (stats.done(), Instant::now());
            } else if since.elapsed() > STUCK {
                return Err(format!(
                    "the server has {left} events to do, and did none for {} s",
                    STUCK.as_secs()
                ));
            }
            sleep(Duration::from_millis(50)).await;
        };
        let response = fetch(server, "/balances").await?;
        if response.status() != StatusCode::OK {
            return Err(format!(
                "GET /balances is answered with {}; this server tells no balances, so there is nothing to verify",
                response.status()
            ));
        }
        let balances = serde_json::from_slice(response.body()).map_err(|_| {
            "GET /balances is not answered with users and whole numbers, as JSON".to_owned()
        })?;
        Ok(Self { balances, stats })
    }

    /// Compares what was acknowledged with what was applied between two moments; `unknown`: events without a response, or with a 5xx, which
    /// may have been applied or not.
    pub fn agree(
        before: &Self,
        after: &Self,
        events: &Events,
        acknowledged: &[u64],
        unknown: &[u64],
    ) -> Reconciliation {
        let (least, perhaps) = (events.sums(acknowledged), events.sums(unknown));
        let balance = |balances: &Self, user: &str| {
            i128::from(balances.balances.get(user).copied().unwrap_or(0))
        };
        let gained = |user: &str| balance(after, user) - balance(before, user);
        let agrees =
            |user: &&String| (least[*user]..=least[*user] + perhaps[*user]).contains(&gained(user));
        Reconciliation {
            acknowledged: acknowledged.iter().sum(),
            unknown: unknown.iter().sum(),
            applied: before
                .stats
                .zip(after.stats)
                .map(|(b, a)| narrow(i128::from(a.done()) - i128::from(b.done()))),
            acknowledged_sum: narrow(least.values().sum()),
            unknown_sum: narrow(perhaps.values().sum()),
            applied_sum: narrow(least.keys().map(|user| gained(user)).sum()),
            users: least.len(),
            users_agreeing: least.keys().filter(agrees).count(),
        }
    }
}

/// A sum as a JSON number: a server's balances may add up to more than an `i64`.
fn narrow(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

/// Acknowledged against applied.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Reconciliation {
    /// Events that were acknowledged (served).
    pub acknowledged: u64,
    /// Events without a response, or with a 5xx other than 503: applied or not.
    pub unknown: u64,
    /// Events that the server has done, if it counts them; negative if it was restarted meanwhile.
    pub applied: Option<i64>,
    /// What the acknowledged amounts add up to.
    pub acknowledged_sum: i64,
    /// What the unknown ones do.
    pub unknown_sum: i64,
    /// By how much the balances rose.
    pub applied_sum: i64,
    /// How many users there are.
    pub users: usize,
    /// Of how many the balance rose by what was acknowledged, or up to what is unknown beyond that.
    pub users_agreeing: usize,
}

impl Reconciliation {
    /// Whether nothing acknowledged was lost, and nothing applied that was not sent.
    pub fn holds(&self) -> bool {
        let counts = self.acknowledged..=self.acknowledged + self.unknown;
        let is_right =
            |applied| u64::try_from(applied).is_ok_and(|applied| counts.contains(&applied));
        self.users_agreeing == self.users && self.applied.is_none_or(is_right)
    }
}

async fn stats(server: &Addresses) -> Result<Option<QueueStats>, String> {
    let response = fetch(server, "/stats").await?;
    Ok(serde_json::from_slice(response.body()).ok().filter(|_| response.status() == StatusCode::OK))
}

async fn fetch(server: &Addresses, path: &'static str) -> Result<Response, String> {
    // a server with a contended lock responds when its queue is done
    let mut client = ResponseClient::new(server.clone());
    let request = get(server.preferred(), path);
    let call = client.call(&request, false, Instant::now() + STUCK).await;
    call.response.ok_or_else(|| match call.outcome {
        Outcome::Failed(failure @ Failure::NotListening) => format!("GET {path}: {failure}"),
        Outcome::Failed(failure) => format!("GET {path}: {failure}; {}", failure.advice()),
        _ => format!("GET {path}: no response in {} s", STUCK.as_secs()),
    })
}

#[cfg(test)]
mod tests {
    use super::QueueStats;

    #[test]
    fn what_was_accepted_again_under_its_key_is_not_waited_for() {
        let left = |json| serde_json::from_str::<QueueStats>(json).unwrap().left();
        assert_eq!(left(r#"{"accepted": 9, "processed": 5, "failed": 1}"#), 3);
        assert_eq!(left(r#"{"accepted": 9, "processed": 5, "failed": 1, "repeated": 3}"#), 0);
    }
}
