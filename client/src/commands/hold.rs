//! `client hold`.

mod verdict;

use self::verdict::Verdict;
use super::arguments::{connections, positive_duration};
use super::print::{complain, say};
use super::reach::{NO_CONNECTION, complain_of_no_server, resolve};
use super::signals::stop_signal;
use super::start::Start;
use clap::Args;
use indicatif::ProgressBar;
use probe::duration::show;
use probe::hold::{self, HeldOutcome, Misbehaviour, OpenConnections};
use probe::target::Target;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

/// Hold connections that misbehave, and report what the server did to each
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo client hold                  20 silent connections, until Ctrl-C
  cargo client hold -n 1000 -z 30s   1000 of them, for 30 seconds
  cargo client hold --as half-body   each has sent half a request
  cargo client hold --probe -n 1     what a single silent one does to the others

With --probe a normal request follows every second, over a new connection. The
verdict is frozen if one got no response in 2 seconds. Else, with --as silent,
it is served; with the others, closed if the server has closed all connections,
held if not. It is none if no connection was open.

Exit code: 0; 1 if the verdict is not the expected one, or the server does not
respond any more; 2 for a bad command line; 3 if no connection could be opened.")]
pub(crate) struct Hold {
    /// How they misbehave
    #[arg(long = "as", value_name = "BEHAVIOUR", default_value = "silent")]
    misbehaviour: Misbehaviour,
    /// How many connections
    #[arg(short = 'n', value_name = "COUNT", default_value = "20", value_parser = connections, allow_hyphen_values = true)]
    count: usize,
    /// For how long, such as 30s [default: until Ctrl-C]
    #[arg(short = 'z', value_name = "DURATION", value_parser = positive_duration, allow_hyphen_values = true)]
    duration: Option<Duration>,
    /// Send a normal request every second, and give a verdict
    #[arg(long)]
    probe: bool,
    /// Exit with 1 if the verdict is another
    #[arg(long, value_name = "VERDICT", requires = "probe")]
    expect: Option<Verdict>,
    /// http://HOST:PORT, HOST:PORT or PORT
    #[arg(value_name = "URL", default_value = "127.0.0.1:8080", conflicts_with = "start")]
    target: Target,
    #[command(flatten)]
    start: Start,
}

impl Hold {
    pub(crate) async fn run(mut self) -> anyhow::Result<ExitCode> {
        if let Some(expect) = self.expect.filter(|verdict| !verdict.is_possible(self.misbehaviour))
        {
            complain(&format!(
                "error: these connections cannot lead to --expect {expect}: served is for --as silent, held and closed are for the others"
            ));
            return Ok(2.into());
        }
        let started = self.start.server_without_log().await?;
        match &started {
            Some(started) => self.target = Target::at(started.server.addr()),
            None if self.start.is_given() => return Ok(NO_CONNECTION.into()),
            None => {}
        }
        let done = self.hold().await;
        if let Some(started) = started {
            started.end().await;
        }
        done
    }

    async fn hold(self) -> anyhow::Result<ExitCode> {
        let Some(server) = resolve(&self.target).await else { return Ok(NO_CONNECTION.into()) };
        let interrupted = stop_signal()?;
        if self.probe {
            return self.hold_and_probe(server, interrupted).await;
        }
        let duration = self.duration;
        let stop = async move {
            tokio::select! {
                () = interrupted => {}
                () = async { match duration {
                    Some(duration) => tokio::time::sleep(duration).await,
                    None => std::future::pending().await,
                } } => {}
            }
        };
        let open = OpenConnections::default();
        let spinner = ProgressBar::new_spinner();
        spinner.enable_steady_tick(Duration::from_millis(100));
        let show_open = async {
            loop {
                spinner.set_message(format!(
                    "{} of {} connections open; Ctrl-C to end",
                    open.count(),
                    self.count
                ));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let outcomes = tokio::select! {
            outcomes = hold::hold(server, self.count, self.misbehaviour, open.clone(), stop) => outcomes,
            () = show_open => Ok(Vec::new()), // never: it loops
        };
        spinner.finish_and_clear();
        let Ok(outcomes) = outcomes else {
            complain_of_no_server(&self.target);
            return Ok(NO_CONNECTION.into());
        };
        say(&describe(&outcomes));
        let is_none = outcomes.iter().all(|outcome| matches!(outcome, HeldOutcome::NotOpened(_)));
        Ok(if is_none { NO_CONNECTION.into() } else { ExitCode::SUCCESS })
    }
}

/// How many met each outcome, and when.
fn describe(outcomes: &[HeldOutcome]) -> String {
    let mut kinds: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    for outcome in outcomes {
        let times = kinds.entry(outcome.to_string()).or_default();
        if let HeldOutcome::Answered(_, after)
        | HeldOutcome::NotHttp(after)
        | HeldOutcome::Closed(after) = outcome
        {
            times.push(*after);
        } else {
            times.push(Duration::MAX);
        }
    }
    let mut text = String::new();
    for (kind, times) in kinds {
        text += &format!("{:>7}  {kind}", times.len());
        match (times.iter().min(), times.iter().max()) {
            (Some(first), Some(last)) if *last < Duration::MAX => {
                text +=
                    &format!(", the first after {}, the last after {}", show(*first), show(*last));
            }
            _ => {}
        }
        text.push('\n');
    }
    text
}
