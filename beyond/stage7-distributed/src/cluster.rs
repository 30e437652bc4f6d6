//! The way to the cluster: the connection, how long a request may take, what errors mean, and how
//! users are named there.

use crate::options::Options;
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{ConnectErrorKind, ConnectOptions, ServerAddr};
use event::User;
use std::error::Error;
use std::io;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Errors of the client library come in a dozen types.
pub(crate) type Result<T> = std::result::Result<T, async_nats::Error>;

/// How long a request to the cluster may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a start waits for a cluster that has just been started itself.
const START: Duration = Duration::from_secs(15);

/// The oldest NATS server that keeps the promise. Before 2.12 an event that was rejected since the
/// stream is full enters its key into the table of duplicates all the same.
const OLDEST: (u64, u64) = (2, 12);

/// Connects to a cluster that can keep the promise.
pub(crate) async fn connect(options: &Options) -> io::Result<Context> {
    let urls = options.nats.join(",");
    let addresses: std::result::Result<Vec<ServerAddr>, _> =
        options.nats.iter().map(|url| url.parse()).collect();
    let addresses = addresses.map_err(|error| wrong(format!("--nats {urls}: {error}")))?;
    let client = ConnectOptions::new()
        .connection_timeout(Duration::from_secs(1))
        .ping_interval(Duration::from_secs(1)) // after two without a response a server is gone
        .request_timeout(Some(PATIENCE))
        .reconnect_delay_callback(|tries| Duration::from_millis(50 * (tries as u64).min(10)))
        .connect(addresses)
        .await
        .map_err(|error| match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                wrong(format!("{urls}: wrong user or password; nats://USER:PASSWORD@HOST:PORT"))
            }
            _ => {
                let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                wrong(format!(
                    "no NATS server at {urls} ({cause}); start three: scripts/cluster.sh"
                ))
            }
        })?;
    let info = client.server_info();
    let mut numbers = info.version.split('.').map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        let (version, (major, minor)) = (&info.version, OLDEST);
        let it = "loses events that it has acknowledged";
        return Err(wrong(format!("nats-server {version} {it}; use {major}.{minor} or later")));
    }
    if !info.jetstream {
        return Err(wrong(format!("{urls}: this server has no JetStream; nats-server -js")));
    }
    let mut context = jetstream::new(client);
    context.set_timeout(PATIENCE);
    Ok(context)
}

/// A reason not to start.
pub(crate) fn wrong(what: String) -> io::Error {
    io::Error::other(what)
}

/// Tries again until a cluster that has just been started has its leaders.
pub(crate) async fn with_leaders<T>(attempt: impl AsyncFn() -> Result<T>) -> io::Result<T> {
    let began = Instant::now();
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let reason = api_error(&*error);
        let may_pass = match reason.as_ref().map(jetstream::Error::error_code) {
            Some(code) => {
                [ErrorCode::CLUSTER_NO_PEERS, ErrorCode::CLUSTER_NOT_AVAILABLE].contains(&code)
            }
            None => !error.is::<io::Error>(),
        };
        if !may_pass || began.elapsed() > START {
            return Err(wrong(
                reason.map_or_else(|| error.to_string(), |error| format!("JetStream: {error}")),
            ));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// The error that JetStream itself has sent, if it is one.
pub(crate) fn api_error(error: &(dyn Error + 'static)) -> Option<jetstream::Error> {
    let of_stream = error.downcast_ref().map(CreateStreamError::kind);
    if let Some(CreateStreamErrorKind::JetStream(error)) = of_stream {
        return Some(error);
    }
    if let Some(ConsumerErrorKind::JetStream(error)) = error.downcast_ref().map(ConsumerError::kind)
    {
        return Some(error);
    }
    error.downcast_ref().cloned().or_else(|| api_error(error.source()?))
}

/// The name of a user in the cluster, where few characters are allowed: in hexadecimal digits.
pub(crate) fn name_of(user: &User) -> String {
    user.as_ref().bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The user of that name.
pub(crate) fn user_of(name: &str) -> String {
    let digits = (0..name.len()).step_by(2).map(|at| name.get(at..at + 2).unwrap_or_default());
    let bytes = digits.filter_map(|two| u8::from_str_radix(two, 16).ok()).collect();
    String::from_utf8(bytes).unwrap_or_default()
}
