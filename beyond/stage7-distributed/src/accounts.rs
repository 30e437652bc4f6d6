//! What the cluster keeps for each user, in a key-value bucket: the effect of the events, and with
//! it what makes a redelivery and a retry count once.

use crate::keys::Known;
use crate::stream::{PATIENCE, Result};
use async_nats::jetstream::{Context, kv};
use event::{Event, User};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::time::timeout;

/// A key counts once until its user has sent so many later ones.
const REMEMBERED: usize = 32;

/// It changes as a whole and by compare-and-set, so all of it tells of the same events.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) balance: i64,
    /// The number of the last event that was applied.
    last: u64,
    pub(crate) processed: u64,
    pub(crate) failed: u64,
    /// Events whose key was known: they change nothing.
    pub(crate) repeated: u64,
    /// The last keys, each with the amount of its event, oldest first.
    keys: Vec<(String, i64)>,
}

impl Account {
    fn look_up(&self, key: &str, event: &Event) -> Known {
        match self.keys.iter().find(|(known, _)| known == key) {
            None => Known::New,
            Some((_, amount)) if *amount == event.amount => Known::Stored,
            Some(_) => Known::Different,
        }
    }

    fn apply(&mut self, event: &Event, number: u64, key: Option<&str>) {
        self.last = number;
        if key.is_some_and(|key| self.look_up(key, event) != Known::New) {
            self.repeated += 1;
            return;
        }
        match self.balance.checked_add(event.amount) {
            Some(balance) => (self.balance, self.processed) = (balance, self.processed + 1),
            None => self.failed += 1,
        }
        self.keys.extend(key.map(|key| (key.to_owned(), event.amount)));
        let forgotten = self.keys.len().saturating_sub(REMEMBERED);
        self.keys.drain(..forgotten);
    }
}

/// The accounts of all users.
pub(crate) struct Accounts(kv::Store);

impl Accounts {
    /// Those that belong to a stream; created if there are none.
    pub(crate) async fn open(context: &Context, stream: &str, replicas: usize) -> Result<Self> {
        let config = kv::Config {
            bucket: format!("{stream}-accounts"),
            num_replicas: replicas,
            history: 1,
            ..Default::default()
        };
        Ok(Self(context.create_or_update_key_value(config).await?))
    }

    /// What is known of an event with this key that has been applied.
    pub(crate) async fn look_up(&self, event: &Event, key: &str) -> Result<Known> {
        let (account, _) = self.read(&event.user).await?;
        Ok(account.look_up(key, event))
    }

    /// Applies the event with this number: once, and after the ones before it, whoever else tries.
    pub(crate) async fn apply(&self, event: &Event, number: u64, key: Option<&str>) -> Result<()> {
        loop {
            let (mut account, revision) = self.read(&event.user).await?;
            if account.last >= number {
                return Ok(()); // it was delivered before: its effect is in the account
            }
            account.apply(event, number, key);
            let value = serde_json::to_vec(&account)?.into();
            match self.0.update(name_of(&event.user), value, revision).await {
                Ok(_) => return Ok(()),
                // another worker was here meanwhile, perhaps with this event
                Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => {}
                Err(error) => return Err(error.into()), // perhaps it was written: its number tells
            }
        }
    }

    /// The account and its revision, from the leader of the bucket: another replica may be behind.
    async fn read(&self, user: &User) -> Result<(Account, u64)> {
        use async_nats::jetstream::stream::LastRawMessageErrorKind::NoMessageFound;
        let subject = format!("{}{}", self.0.prefix, name_of(user));
        match self.0.stream.get_last_raw_message_by_subject(&subject).await {
            Ok(found) => Ok((serde_json::from_slice(&found.payload)?, found.sequence)),
            Err(error) if error.kind() == NoMessageFound => Ok((Account::default(), 0)),
            Err(error) => Err(error.into()),
        }
    }

    /// All of them, by user.
    pub(crate) async fn all(&self) -> Result<BTreeMap<String, Account>> {
        let mut all = BTreeMap::new();
        if self.0.stream.get_info().await?.state.messages == 0 {
            return Ok(all); // the end of an empty bucket would never be reported
        }
        let mut entries = self.0.watch_with_history(">").await?;
        while let Some(entry) = timeout(PATIENCE, entries.next()).await? {
            let entry = entry?;
            all.insert(user_of(&entry.key), serde_json::from_slice(&entry.value)?);
            if entry.delta == 0 {
                break;
            }
        }
        Ok(all)
    }
}

/// The name of a user in the bucket, where few characters are allowed: in hexadecimal digits.
pub(crate) fn name_of(user: &User) -> String {
    user.as_ref().bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn user_of(name: &str) -> String {
    let digits = (0..name.len()).step_by(2).map(|at| name.get(at..at + 2).unwrap_or_default());
    let bytes = digits.filter_map(|two| u8::from_str_radix(two, 16).ok()).collect();
    String::from_utf8(bytes).unwrap_or_default()
}
