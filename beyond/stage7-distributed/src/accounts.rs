//! What the cluster keeps for each user, in a key-value bucket: the effect of the events, and with
//! it what makes a redelivery and a retry count once.

use crate::cluster::{PATIENCE, Result, name_of, user_of, wrong};
use crate::keys::Known;
use async_nats::Client;
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy, push};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{Context, kv};
use event::{Event, User};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::sync::Semaphore;
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

/// How many readings of all accounts there are at a time: each needs a consumer.
const READINGS: usize = 32;

/// The accounts of all users.
pub(crate) struct Accounts {
    store: kv::Store,
    client: Client,
    readings: Semaphore,
}

impl Accounts {
    /// Those that belong to this stream; created if there are none.
    pub(crate) async fn open(context: &Context, stream: &Stream) -> Result<Self> {
        let (name, created) = (&stream.cached_info().config.name, stream.cached_info().created);
        let config = kv::Config {
            bucket: format!("{name}-accounts"),
            description: format!("of the stream {name}, created {created}"),
            num_replicas: stream.cached_info().config.num_replicas,
            history: 1,
            ..Default::default()
        };
        let (bucket, wanted) = (config.bucket.clone(), Some(config.description.clone()));
        let store = match context.get_key_value(&bucket).await {
            Ok(store) => store,
            Err(_) => context.create_key_value(config).await?,
        };
        // an account has the number of its last event, and another stream counts from 1 again
        if store.stream.cached_info().config.description != wanted {
            return Err(wrong(format!(
                "the accounts in the bucket {bucket} belong to an earlier stream {name}, and events of this one would count as applied: delete the bucket, or use another --name"
            )).into());
        }
        Ok(Self { store, client: context.client(), readings: Semaphore::new(READINGS) })
    }

    /// What is known of an event with this key that has been applied.
    pub(crate) async fn look_up(&self, event: &Event, key: &str) -> Result<Known> {
        let (account, _) = self.read(&event.user).await?;
        Ok(account.look_up(key, event))
    }

    /// Applies the event with this number: once, and after the ones before it, whatever other workers do.
    pub(crate) async fn apply(&self, event: &Event, number: u64, key: Option<&str>) -> Result<()> {
        loop {
            let (mut account, revision) = self.read(&event.user).await?;
            if account.last >= number {
                return Ok(()); // it was delivered before: its effect is in the account
            }
            account.apply(event, number, key);
            let value = serde_json::to_vec(&account)?.into();
            match self.store.update(name_of(&event.user), value, revision).await {
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
        let subject = format!("{}{}", self.store.prefix, name_of(user));
        match self.store.stream.get_last_raw_message_by_subject(&subject).await {
            Ok(found) => Ok((serde_json::from_slice(&found.payload)?, found.sequence)),
            Err(error) if error.kind() == NoMessageFound => Ok((Account::default(), 0)),
            Err(error) => Err(error.into()),
        }
    }

    /// All of them, by user, with every change that was made before.
    pub(crate) async fn all(&self) -> Result<BTreeMap<String, Account>> {
        let _reading = self.readings.acquire().await?;
        let config = push::OrderedConfig {
            deliver_subject: self.client.new_inbox(),
            deliver_policy: DeliverPolicy::LastPerSubject,
            filter_subject: format!("{}>", self.store.prefix),
            ..Default::default()
        };
        let consumer = self.store.stream.create_consumer(config).await?;
        let name = consumer.cached_info().name.clone();
        let all = timeout(PATIENCE, self.read_all(consumer)).await;
        // without this it stays for half a minute, and a bucket has a thousand of them at most
        let _ = self.store.stream.delete_consumer(&name).await;
        all?
    }

    async fn read_all(
        &self,
        consumer: Consumer<push::OrderedConfig>,
    ) -> Result<BTreeMap<String, Account>> {
        let mut all = BTreeMap::new();
        let now = self.store.stream.get_info().await?.state; // the leader's; a replica may be behind
        let mut changes = consumer.messages().await?;
        let mut is_complete = now.messages == 0;
        while !is_complete {
            let change = changes.next().await.ok_or("the bucket sends no further account")??;
            let info = change.info()?;
            // what changes meanwhile comes later, so it takes both to know that none is missing
            is_complete = info.stream_sequence >= now.last_sequence && info.pending == 0;
            let name = change.subject.strip_prefix(&self.store.prefix).unwrap_or_default();
            all.insert(user_of(name), serde_json::from_slice(&change.payload)?);
        }
        Ok(all)
    }
}
