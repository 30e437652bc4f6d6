//! The queue: a stream of NATS JetStream, in partitions. Everything here is the engine's way to do
//! what stage 5 did with a channel.

use crate::cluster::{PATIENCE, Result, api_error, name_of, wrong};
use crate::options::Options;
use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, RawMessageErrorKind, RetentionPolicy, Stream,
};
use async_nats::jetstream::{AckKind, Context, Message};
use event::Event;
use futures_util::StreamExt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::timeout;

/// The stream and its consumers.
pub(crate) struct Events {
    context: Context,
    stream: Stream,
    name: String,
    places: Places,
    /// One for each partition.
    consumers: Vec<Consumer<pull::Config>>,
    /// How many events of this process had no place.
    rejected: AtomicU64,
}

/// What became of an event that was published.
pub(crate) enum Published {
    /// It is stored on most of its servers.
    Stored,
    /// An event with this key is stored, under this number.
    Known(u64),
    /// The stream has no place for it.
    Full,
    /// It is not stored, for this reason.
    Rejected(String),
    /// It is unknown: no response came in time, and the event may still arrive.
    Unknown,
}

/// How many events a stream holds. What is in hand has a place, too: one of each partition.
#[derive(Clone, Copy)]
pub(crate) struct Places {
    pub(crate) all: u64,
    pub(crate) of_a_partition: u64,
}

impl Places {
    fn of(options: &Options) -> Self {
        Self {
            all: (options.queue + options.partitions) as u64,
            of_a_partition: options.places_of_a_partition() as u64,
        }
    }
}

/// The stream with the limits that the options say; created if there is none.
pub(crate) async fn open(context: &Context, options: &Options) -> Result<Stream> {
    let (name, places) = (&options.name, Places::of(options));
    let wanted = Config {
        name: name.clone(),
        subjects: vec![format!("{name}.*")],
        retention: RetentionPolicy::WorkQueue, // what is acknowledged is gone
        discard: DiscardPolicy::New,           // full: the new one is rejected
        max_messages: places.all as i64,
        max_messages_per_subject: places.of_a_partition as i64, // a stuck partition does not fill the others
        discard_new_per_subject: true,
        num_replicas: options.replicas,
        duplicate_window: Duration::from_secs(120),
        ..Default::default()
    };
    // one that exists is taken as it is, whatever its limits
    let stream = context.get_or_create_stream(wanted.clone()).await?;
    let found = &stream.cached_info().config;
    let limits = |config: &Config| {
        (config.max_messages, config.max_messages_per_subject, config.num_replicas)
    };
    let kind = |config: &Config| {
        (config.retention, config.discard, config.discard_new_per_subject, config.subjects.clone())
    };
    if limits(found) != limits(&wanted) || kind(found) != kind(&wanted) {
        let text = |(messages, share, replicas)| {
            format!("{messages} messages, {share} per partition, {replicas} replicas")
        };
        return Err(wrong(format!(
            "the stream {name} exists with other limits ({}, not {}): use its --queue, --partitions and --replicas, or another --name",
            text(limits(found)),
            text(limits(&wanted)),
        )).into());
    }
    Ok(stream)
}

impl Events {
    /// The queue in that stream, with a consumer for each partition; created where there are none.
    pub(crate) async fn new(context: &Context, stream: Stream, options: &Options) -> Result<Self> {
        let (name, places) = (&options.name, Places::of(options));
        let mut consumers = Vec::new();
        for partition in 0..options.partitions {
            let consumer = format!("{name}-{partition}");
            let config = pull::Config {
                durable_name: Some(consumer.clone()),
                filter_subject: format!("{name}.{partition}"),
                ack_policy: AckPolicy::Explicit,
                ack_wait: options.ack_wait,
                max_ack_pending: 1, // one worker at a time, so the order holds
                ..Default::default()
            };
            consumers.push(stream.get_or_create_consumer(&consumer, config).await?);
        }
        let (context, name, rejected) = (context.clone(), name.clone(), AtomicU64::new(0));
        let events = Self { context, stream, name, places, consumers, rejected };
        events.try_publish().await?;
        Ok(events)
    }

    /// Publishes what a stream of any name rejects: an error if no stream responds. The server
    /// to which this process is connected learns of a new stream a moment after its creation.
    async fn try_publish(&self) -> Result<()> {
        let message = PublishMessage::build().expected_stream(".");
        match self.context.send_publish(format!("{}.0", self.name), message).await?.await {
            Err(error) if api_error(&error).is_none() => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn partitions(&self) -> usize {
        self.consumers.len()
    }

    fn client(&self) -> Client {
        self.context.client()
    }

    /// Whether a server is connected. If none is, the library would keep an event and send it when
    /// its client has long been rejected.
    pub(crate) fn are_connected(&self) -> bool {
        self.client().connection_state() == State::Connected
    }

    /// Publishes an event. Its key saves the place of a duplicate, for as long as the servers
    /// remember it.
    pub(crate) async fn publish(&self, event: &Event, key: Option<&str>) -> Result<Published> {
        let partition = stable_hash(event.user.as_ref()) % self.partitions() as u64;
        let mut message = PublishMessage::build().payload(serde_json::to_vec(event)?.into());
        if let Some(key) = key {
            message = message.message_id(format!("{}.{key}", name_of(&event.user)));
        }
        let subject = format!("{}.{partition}", self.name);
        let acknowledged = match self.context.send_publish(subject, message).await {
            Ok(sent) => sent.await,
            Err(error) => Err(error),
        };
        Ok(match acknowledged {
            Ok(stored) if stored.duplicate => Published::Known(stored.sequence),
            Ok(_) => Published::Stored,
            Err(error) => match (api_error(&error), error.kind()) {
                (Some(reason), _) if reason.to_string().contains("maximum messages") => {
                    self.rejected.fetch_add(1, Relaxed);
                    Published::Full
                }
                (Some(reason), _) => Published::Rejected(reason.to_string()),
                (None, PublishErrorKind::StreamNotFound) => {
                    Published::Rejected("the stream has no leader at the moment".to_owned())
                }
                (None, _) => Published::Unknown,
            },
        })
    }

    /// The event with this number, if it is still in the stream.
    pub(crate) async fn get(&self, number: u64) -> Result<Option<Event>> {
        match self.stream.get_raw_message(number).await {
            Ok(message) => Ok(Some(serde_json::from_slice(&message.payload)?)),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The next event of a partition, if it has one and no worker has one of it in hand.
    pub(crate) async fn next(&self, partition: usize) -> Result<Option<Delivery>> {
        let mut messages = self.consumers[partition].fetch().max_messages(1).messages().await?;
        // a server that hangs would let it wait without an end
        let Some(message) = timeout(PATIENCE, messages.next()).await? else { return Ok(None) };
        let message = message?;
        let number = message.info()?.stream_sequence;
        let id = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id"));
        let key = id.and_then(|id| id.as_str().split_once('.')).map(|(_, key)| key.to_owned());
        let event = serde_json::from_slice(&message.payload)?;
        Ok(Some(Delivery { message, number, key, event }))
    }

    pub(crate) fn places(&self) -> Places {
        self.places
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Relaxed)
    }

    /// How many events were ever stored.
    pub(crate) async fn stored(&self) -> Result<u64> {
        Ok(self.stream.get_info().await?.state.last_sequence)
    }

    /// Sends what is still to be sent, such as the last acknowledgement.
    pub(crate) async fn flush(&self) {
        let _ = timeout(PATIENCE, self.client().flush()).await; // perhaps no server is connected
    }
}

/// An event that a worker has in hand. No other worker gets one of its partition until it is
/// done, or until the worker was silent for the ack wait.
pub(crate) struct Delivery {
    message: Message,
    /// Its place in the stream: later events have higher ones.
    pub(crate) number: u64,
    pub(crate) key: Option<String>,
    pub(crate) event: Event,
}

impl Delivery {
    /// Its effect stands: the stream forgets it.
    pub(crate) async fn done(&self) -> Result<()> {
        self.message.ack().await
    }

    /// It takes longer: the ack wait starts again.
    pub(crate) async fn progress(&self) -> Result<()> {
        self.message.ack_with(AckKind::Progress).await
    }

    /// Another worker gets it at once.
    pub(crate) async fn give_back(&self) -> Result<()> {
        self.message.ack_with(AckKind::Nak(None)).await
    }
}

/// FNV-1a. The hasher of std differs between versions, and a user must stay in its partition.
fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
