//! A claim, and the finding of a trial.

use crate::trial::{QueueSample, TracedRequest, Trial};
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::timeout;

/// One sentence, true of some servers.
#[derive(Debug)]
pub struct Claim {
    /// Its name on command lines and in links.
    pub name: &'static str,
    /// Its name before it was renamed; still accepted on the command line.
    pub former_name: Option<&'static str>,
    /// The sentence.
    pub sentence: &'static str,
    /// The stages that keep it. The others must break it: that failure is their lesson.
    pub kept_by: &'static [u8],
    /// After this time an unfinished trial counts as broken.
    pub deadline: Duration,
    /// Whether `compare` tries it on all five stages, side by side.
    pub compared: bool,
    /// A shell command that reproduces it; `{addr}` stands for the server's HOST:PORT.
    pub by_hand: &'static str,
    pub(crate) attempt: for<'a> fn(&'a mut Trial) -> Attempt<'a>,
}

/// A trial in progress. Its result is the figure: `Ok` if the claim is kept, `Err` if it is broken.
pub(crate) type Attempt<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

impl Claim {
    /// Tries it on the server at `addr`, for at most its deadline.
    pub async fn try_on(&self, addr: SocketAddr) -> Finding {
        let mut trial = Trial::new(addr);
        let (verdict, figure) = match timeout(self.deadline, (self.attempt)(&mut trial)).await {
            Ok(Ok(figure)) => (Verdict::Kept, figure),
            Ok(Err(figure)) => (Verdict::Broken, figure),
            Err(_) => {
                (Verdict::Broken, format!("not finished after {} s", self.deadline.as_secs()))
            }
        };
        let Trial { mut trace, queue, by_hand, .. } = trial;
        trace.sort_by_key(|exchange| exchange.began);
        Finding { verdict, figure, trace, queue, by_hand }
    }

    /// The command that reproduces it on the server at `addr`.
    pub fn command(&self, addr: impl std::fmt::Display) -> String {
        self.by_hand.replace("{addr}", &addr.to_string())
    }

    /// The command that reproduces what was found on the server at `addr`.
    pub fn command_for(&self, finding: &Finding, addr: impl std::fmt::Display) -> String {
        finding.by_hand.clone().unwrap_or_else(|| self.command(addr))
    }

    /// The verdict that the lessons promise for a stage, 1 to 5.
    pub fn expected(&self, stage: u8) -> Verdict {
        if self.kept_by.contains(&stage) { Verdict::Kept } else { Verdict::Broken }
    }
}

/// Whether a claim is true of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server does what the sentence says.
    Kept,
    /// It does not.
    Broken,
}

/// What a trial found.
#[derive(Debug)]
pub struct Finding {
    /// Kept or broken.
    pub verdict: Verdict,
    /// The figure behind it, in a few words.
    pub figure: String,
    /// Every request of the trial, in the order in which they began.
    pub trace: Vec<TracedRequest>,
    /// The server's queue meanwhile, from `GET /stats`; empty if it has none.
    pub queue: Vec<QueueSample>,
    /// A shell command that reproduces this finding, if the claim's own command does not.
    pub by_hand: Option<String>,
}
