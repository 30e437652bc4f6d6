//! A claim, and the finding of a trial.

use crate::books::Books;
use crate::evidence::Evidence;
use crate::reproduce::Here;
use crate::trial::{QueueSample, TracedRequest, Trial};
use probe::started::Started;
use std::fmt::Display;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::timeout;

/// What a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The ideas of the stages.
    Lesson,
    /// HTTP/1.1 beyond what a server needs to show these ideas.
    Http,
    /// What the bound of stage 5 does not give: no stage keeps it, and a patch in `bounds/` adds it.
    Bound,
}

/// One sentence, true of some servers.
#[derive(Debug)]
pub struct Claim {
    /// Its name on command lines and in links.
    pub name: &'static str,
    /// Its name before it was renamed; still accepted on the command line.
    pub former_name: Option<&'static str>,
    /// What it is about.
    pub group: Group,
    /// Whether its verdict depends on which of several clients comes first, so that a wrong server may keep it by luck.
    pub is_race: bool,
    /// The sentence.
    pub sentence: &'static str,
    /// The stages that keep it; none for a [`Group::Bound`]. The others must break it: that failure is their lesson.
    pub kept_by: &'static [u8],
    /// After this time an unfinished trial counts as broken.
    pub deadline: Duration,
    /// Whether `compare` tries it on all five stages, side by side.
    pub compared: bool,
    /// A command of a Unix shell that reproduces it; `{addr}` stands for the server's HOST:PORT, and `{stage}` for the
    /// stage that is checked.
    pub(crate) by_hand: &'static str,
    pub(crate) attempt: for<'a> fn(&'a mut Trial) -> Attempt<'a>,
}

/// A trial in progress. Its result is the figure: `Ok` if the claim is kept, `Err` if it is broken.
pub(crate) type Attempt<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

impl Claim {
    /// Tries it on the server at `addr`, for at most its deadline.
    pub async fn try_on(&self, addr: SocketAddr) -> Finding {
        self.try_in_check(addr, &Books::default(), &mut None).await
    }

    /// The same, as one of several claims that are tried on one server. They share the books of what it owes, and
    /// its process, if it was started here: some claims kill it.
    pub async fn try_in_check(
        &self,
        addr: SocketAddr,
        books: &Books,
        server: &mut Option<Started>,
    ) -> Finding {
        let mut trial = Trial::new(addr, books.clone(), server.take());
        let (verdict, figure) = match timeout(self.deadline, (self.attempt)(&mut trial)).await {
            Ok(Ok(figure)) => (Verdict::Kept, figure),
            Ok(Err(figure)) if trial.cannot_tell => (Verdict::Unknown, figure),
            Ok(Err(figure)) => (Verdict::Broken, figure),
            Err(_) => {
                (Verdict::Broken, format!("not finished after {} s", self.deadline.as_secs()))
            }
        };
        let Trial { mut trace, queue, by_hand, evidence, .. } = trial;
        *server = trial.server;
        trace.sort_by_key(|exchange| exchange.began);
        Finding { verdict, figure, trace, queue, by_hand, evidence: Some(evidence) }
    }

    /// The command that reproduces it on the server at `addr`: of a Unix shell, on Windows of PowerShell, and without
    /// the scripts where the current folder is not in the repository. Its stage is the first that keeps it.
    pub fn command(&self, addr: impl Display) -> String {
        self.here(self.by_hand, self.first_stage(), addr)
    }

    /// The command that reproduces what was found on the server at `addr` when that stage was checked.
    pub fn command_for(&self, finding: &Finding, stage: u8, addr: impl Display) -> String {
        self.here(finding.by_hand.as_deref().unwrap_or(self.by_hand), stage, addr)
    }

    fn here(&self, by_hand: &str, stage: u8, addr: impl Display) -> String {
        Here::look().command(self, by_hand, stage).replace("{addr}", &addr.to_string())
    }

    /// The first stage that keeps it; of a [`Group::Bound`], the one that lacks it.
    pub(crate) fn first_stage(&self) -> u8 {
        self.kept_by.first().copied().unwrap_or(5)
    }

    /// The verdict that the lessons promise for a stage, 1 to 7.
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
    /// The trial could not tell: the server shows too little of itself, or this machine lacks something.
    Unknown,
}

/// What a trial found.
#[derive(Debug)]
pub struct Finding {
    /// Kept, broken or unknown.
    pub verdict: Verdict,
    /// The figure behind it, in a few words.
    pub figure: String,
    /// Every request of the trial, in the order in which they began.
    pub trace: Vec<TracedRequest>,
    /// The server's queue meanwhile, from `GET /stats`; empty if it has none.
    pub queue: Vec<QueueSample>,
    /// A command of a Unix shell that reproduces this finding, if the claim's own command does not.
    pub by_hand: Option<String>,
    /// What was sent and received.
    pub evidence: Option<Evidence>,
}
