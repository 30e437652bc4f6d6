//! `client check`.

use super::evidence::EvidenceFiles;
use super::junit::{self, Case};
use super::print::{complain, say};
use super::reach::{NO_CONNECTION, reach};
use super::signals::stop_signal;
use super::start::Start;
use anyhow::Context;
use claims::{Books, CLAIMS, Claim, Finding, Group, Verdict, claim, claims_of};
use clap::Args;
use client::compare::{Column, Matrix, Row, html};
use client::output::Output;
use console::style;
use probe::started::Started;
use probe::target::Target;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

/// The exit code when no claim is broken, but nothing could be said about one.
const UNKNOWN: u8 = 4;

/// What a started server prints, beside the evidence.
const SERVER_LOG: &str = "server.log";

/// Check whether a server, written in any language, keeps the claims of a stage
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo client check 3                  stage 3's claims, on 127.0.0.1:8080
  cargo client check 5 --addr 127.0.0.1:9000
  cargo client check 5 --only burst     one of them; `claims` lists their names
  cargo client check 5 --only in-time   a bound that no stage has; a patch adds it
  cargo client check 5 --repeat 10      races need more than one try
  client check 1 --start 'python3 server.py {port}'
                                        starts the server, and ends it afterwards

The claims of the lessons come first and decide; those on HTTP are counted, and
decide only with --strict or if they are named with --only.

Exit code: 0 if every claim that decides is kept, 1 if one is broken, 2 for a
bad command line, 3 if no server listens there, 4 if none is broken but one is
unknown: the server did not show what it takes to tell.")]
pub(crate) struct Check {
    /// The stage whose claims are checked, 1 to 7
    #[arg(value_name = "STAGE", value_parser = clap::value_parser!(u8).range(1..=7))]
    stage: u8,
    /// Where the server is
    #[arg(value_name = "URL", default_value = "127.0.0.1:8080", conflicts_with = "start")]
    target: Target,
    /// The same as URL
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["target", "start"])]
    addr: Option<Target>,
    #[command(flatten)]
    start: Start,
    /// Check only this claim; may be repeated
    #[arg(long, value_name = "NAME", value_parser = known)]
    only: Vec<&'static str>,
    /// Let the claims on HTTP decide, too
    #[arg(long)]
    strict: bool,
    /// Try each claim that is a race, or is named with --only, N times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// Where to write what was sent and received for each broken claim, and a page with all of them
    /// [default: target/check, and no page]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print a line of JSON for each claim
    #[arg(long)]
    json: bool,
    /// Also write the verdicts to this file, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// The name of a claim, which may also be given by its former name.
fn known(name: &str) -> Result<&'static str, &'static str> {
    claim(name)
        .map(|claim| claim.name)
        .ok_or("there is no claim of that name; client claims lists them")
}

impl Check {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(name) =
            self.only.iter().find(|name| claim(name).is_some_and(|claim| !self.may_try(claim)))
        {
            complain(&format!(
                "error: {name} is not a claim of stage {}; client claims lists the stages of each",
                self.stage
            ));
            return Ok(ExitCode::from(2));
        }
        let junit = self.junit.as_deref().map(Output::reserve).transpose()?;
        let (at, began) = (SystemTime::now(), Instant::now());
        let mut server = None;
        if self.start.is_given() {
            std::fs::create_dir_all(self.folder())
                .with_context(|| format!("cannot create {}", self.folder().display()))?;
            server = self.start.server(&self.folder().join(SERVER_LOG)).await;
        }
        let addr = match &server {
            Some(server) => Some(server.addr()),
            None if self.start.is_given() => None,
            None => reach(self.addr.as_ref().unwrap_or(&self.target)).await,
        };
        let Some(addr) = addr else { return Ok(NO_CONNECTION.into()) };
        let stopped = stop_signal()?;
        let counts = tokio::select! {
            counts = self.try_all(addr, &mut server) => Some(counts),
            () = stopped => None,
        };
        if let Some(server) = server {
            server.end().await;
        }
        let Some(counts) = counts else { return Ok(ExitCode::from(130)) };
        if !self.json {
            say(&counts.summary(&self));
        }
        if let Some(junit) = junit {
            junit.write(&junit::document(self.stage, &counts.cases))?;
        }
        if let Some(out) = self.out.as_ref().filter(|_| !counts.is_without_evidence) {
            let (exit_code, name) = (counts.exit_code(), addr.to_string());
            let row = |case: Case| Row { claim: case.claim, findings: vec![case.finding] };
            let matrix = Matrix {
                columns: vec![Column { stage: None, name }],
                rows: counts.cases.into_iter().map(row).collect(),
                at,
                took: began.elapsed(),
            };
            let page = Output::reserve(&out.join("index.html"))?;
            let page = page.write(&html::render_check(&matrix, self.stage))?;
            if !self.json {
                say(&format!("page: {}\n", page.display()));
            }
            return Ok(exit_code);
        }
        Ok(counts.exit_code())
    }

    /// Tries one claim after another.
    async fn try_all(&self, addr: SocketAddr, server: &mut Option<Started>) -> Counts {
        let (mut counts, books) = (Counts::default(), Books::default());
        let mut files = EvidenceFiles::new(self.folder(), self.stage, addr);
        let mut claims = claims_of(self.stage);
        claims.retain(|claim| self.only.is_empty() || self.only.contains(&claim.name));
        let named = CLAIMS.iter().filter(|claim| self.only.contains(&claim.name));
        claims.extend(named.filter(|claim| claim.group == Group::Bound));
        if let Err(silence) = claims::first_response(addr).await {
            self.give_up_on(&claims, &silence, addr, &mut counts);
            return counts;
        }
        let mut leaves_work = false;
        for (number, claim) in claims.iter().enumerate() {
            if claim.group == Group::Http && std::mem::take(&mut leaves_work) {
                claims::until_idle(addr).await; // so that what was sent before does not decide
            }
            let mut tries = Tries::default();
            let began = Instant::now();
            for _ in 0..self.tries_of(claim) {
                let mut finding = claim.try_in_check(addr, &books, server).await;
                let ended = match server {
                    Some(server) if finding.verdict == Verdict::Broken => server.ends_now().await,
                    Some(server) => server.ended(),
                    None => None,
                };
                if let Some(ended) = &ended {
                    finding.verdict = Verdict::Broken;
                    finding.figure = format!("{}; {ended}", finding.figure);
                }
                tries.add(finding);
                if ended.is_some() {
                    break;
                }
            }
            let verdict = tries.verdict();
            leaves_work |= verdict != Verdict::Kept;
            let evidence = tries.finding.as_ref().and_then(|finding| files.write(claim, finding));
            let command = tries.command(claim, self.stage, addr);
            match self.json {
                true => tries.show_as_json(claim, &command, evidence.as_deref()),
                false => tries.show_as_text(claim, &command, evidence.as_deref()),
            }
            let decides = self.decides(claim);
            counts.add(Case {
                claim,
                finding: tries.into_finding(),
                took: began.elapsed(),
                decides,
            });
            if server.as_mut().and_then(Started::ended).is_some() {
                let ended = format!("the server ended during {}", claim.name);
                self.give_up_on(&claims[number + 1..], &ended, addr, &mut counts);
                break;
            }
        }
        counts.is_without_evidence = files.failed();
        counts
    }

    /// Nothing can be said about these claims, for this reason.
    fn give_up_on(
        &self,
        claims: &[&'static Claim],
        reason: &str,
        addr: SocketAddr,
        counts: &mut Counts,
    ) {
        if !self.json && !claims.is_empty() {
            say(&format!("? {reason}\n"));
        }
        for claim in claims {
            if self.json {
                let tries = Tries::unknown(reason.to_owned());
                tries.show_as_json(claim, &tries.command(claim, self.stage, addr), None);
            }
            let finding = Tries::unknown(reason.to_owned()).into_finding();
            let decides = self.decides(claim);
            counts.add(Case { claim, finding, took: Duration::ZERO, decides });
        }
    }

    /// Whether --only may name it: the bounds that no stage has are for a server that is otherwise a stage 5.
    fn may_try(&self, claim: &Claim) -> bool {
        claim.kept_by.contains(&self.stage) || claim.group == Group::Bound && self.stage == 5
    }

    /// Where the evidence goes.
    fn folder(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new("target/check"))
    }

    fn tries_of(&self, claim: &Claim) -> u32 {
        if claim.is_race || !self.only.is_empty() { self.repeat } else { 1 }
    }

    /// Whether the verdict changes the exit code.
    fn decides(&self, claim: &Claim) -> bool {
        claim.group == Group::Lesson || self.strict || !self.only.is_empty()
    }
}

/// One claim, tried one or more times.
#[derive(Default)]
struct Tries {
    count: usize,
    broken: usize,
    unknown: usize,
    /// That of the first broken try, or else of the first unknown one, or else of the last.
    finding: Option<Finding>,
}

impl Tries {
    fn unknown(figure: String) -> Self {
        Self { count: 0, broken: 0, unknown: 1, finding: Some(unknown(figure)) }
    }

    fn add(&mut self, finding: Finding) {
        self.count += 1;
        let keeps_former = match finding.verdict {
            Verdict::Broken => self.broken > 0,
            Verdict::Unknown | Verdict::Kept => self.broken + self.unknown > 0,
        };
        self.broken += usize::from(finding.verdict == Verdict::Broken);
        self.unknown += usize::from(finding.verdict == Verdict::Unknown);
        if !keeps_former {
            self.finding = Some(finding);
        }
    }

    fn verdict(&self) -> Verdict {
        match (self.broken, self.unknown) {
            (0, 0) => Verdict::Kept,
            (0, _) => Verdict::Unknown,
            _ => Verdict::Broken,
        }
    }

    /// What it comes to: the verdict of all tries, and the figure of one.
    fn into_finding(self) -> Finding {
        let verdict = self.verdict();
        let finding = self.finding.unwrap_or_else(|| unknown(String::new()));
        Finding { verdict, ..finding }
    }

    fn figure(&self) -> &str {
        self.finding.as_ref().map_or("", |finding| &finding.figure)
    }

    /// The command that reproduces what was found when that stage was checked.
    fn command(&self, claim: &Claim, stage: u8, addr: SocketAddr) -> String {
        match &self.finding {
            Some(finding) => claim.command_for(finding, stage, addr),
            None => claim.command(addr),
        }
    }

    /// One line; for a claim that is not kept also what was found, and the command that reproduces it.
    fn show_as_text(&self, claim: &Claim, command: &str, evidence: Option<&str>) {
        let Claim { name, sentence, .. } = claim;
        let verdict = self.verdict();
        let often = match (verdict, self.count) {
            (_, ..=1) => String::new(),
            (Verdict::Broken, count) => format!("; broken in {} of {count} tries", self.broken),
            (_, count) => format!("; {} of {count} tries", count - self.unknown),
        };
        let figure = self.figure();
        let (mark, found) = match verdict {
            Verdict::Kept => {
                let mark = style("✓").green();
                return say(&format!("{mark} {name:<17}  {sentence}: {figure}{often}\n"));
            }
            Verdict::Broken => (style("✗").red().bold(), "found"),
            Verdict::Unknown => (style("?").yellow().bold(), "unknown"),
        };
        say(&format!(
            "{mark} {}  {sentence}\n    {found}: {figure}{often}\n    reproduce: {command}\n",
            style(format_args!("{name:<17}")).bold(),
        ));
        if let Some(evidence) = evidence {
            say(&format!("    evidence: {evidence}\n"));
        }
    }

    fn show_as_json(&self, claim: &Claim, command: &str, evidence: Option<&str>) {
        let verdict = self.verdict();
        let line = serde_json::json!({
            "name": claim.name,
            "sentence": claim.sentence,
            "group": super::claims::group(claim),
            "kept": verdict == Verdict::Kept,
            "verdict": match verdict {
                Verdict::Kept => "kept",
                Verdict::Broken => "broken",
                Verdict::Unknown => "unknown",
            },
            "figure": self.figure(),
            "tries": self.count,
            "broken": self.broken,
            "by_hand": command,
            "evidence": evidence,
        });
        say(&format!("{line}\n"));
    }
}

/// The finding of a claim that could not be tried.
fn unknown(figure: String) -> Finding {
    Finding {
        verdict: Verdict::Unknown,
        figure,
        trace: Vec::new(),
        queue: Vec::new(),
        by_hand: None,
        evidence: None,
    }
}

/// How many claims of each group have which verdict.
#[derive(Default)]
struct Counts {
    lesson: Count,
    http: Count,
    bound: Count,
    /// The verdicts that decide.
    deciding: Count,
    cases: Vec<Case>,
    /// Whether its folder cannot be written, which has been said.
    is_without_evidence: bool,
}

#[derive(Default)]
struct Count {
    all: usize,
    kept: usize,
    unknown: usize,
}

impl Counts {
    fn add(&mut self, case: Case) {
        let (claim, verdict, decides) = (case.claim, case.finding.verdict, case.decides);
        self.cases.push(case);
        match claim.group {
            Group::Lesson => self.lesson.add(verdict),
            Group::Http => self.http.add(verdict),
            Group::Bound => self.bound.add(verdict),
        }
        if decides {
            self.deciding.add(verdict);
        }
    }

    /// A line for each group that was tried.
    fn summary(&self, check: &Check) -> String {
        let mut summary = "\n".to_owned();
        if self.lesson.all > 0 {
            summary += &format!("stage {}: {}\n", check.stage, self.lesson.in_words());
        }
        if self.http.all > 0 {
            let decides = check.strict || !check.only.is_empty();
            let note = if decides { "" } else { " (not decisive without --strict)" };
            summary += &format!("HTTP: {}{note}\n", self.http.in_words());
        }
        if self.bound.all > 0 {
            summary += &format!("bounds: {}\n", self.bound.in_words());
        }
        summary
    }

    fn exit_code(&self) -> ExitCode {
        let Count { all, kept, unknown } = self.deciding;
        match (all - kept - unknown, unknown) {
            (0, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::from(UNKNOWN),
            _ => ExitCode::FAILURE,
        }
    }
}

impl Count {
    fn add(&mut self, verdict: Verdict) {
        self.all += 1;
        self.kept += usize::from(verdict == Verdict::Kept);
        self.unknown += usize::from(verdict == Verdict::Unknown);
    }

    fn in_words(&self) -> String {
        let Self { all, kept, unknown } = self;
        match unknown {
            0 => format!("{kept} of {all} claims"),
            unknown => format!("{kept} of {all} claims, {unknown} unknown"),
        }
    }
}
