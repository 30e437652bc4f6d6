//! `client compare`.

use super::print::{complain, say};
use super::signals::stop_signal;
use anyhow::Context;
use claims::Verdict;
use clap::Args;
use client::compare::table::{self, Screen};
use client::compare::{self, Progress, html, json, terminal_chart};
use client::output::Output;
use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use probe::stages::{STAGES, idea};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Build and start all five stages, try every claim of the lessons on each, and show them side by side.
#[derive(Args)]
#[command(after_help = "\
Examples:
  client compare                       a table and pictures here, and a page
  client compare --open                and the page in a browser
  client compare --out talk.html       the page in another place
  client compare --json run.json       and the traces, as client/README.md says
  client compare --json | jq .claims   the traces on stdout, the rest on stderr

\"client\" stands for: cargo run --release -p client --

The exit code is 0 if every verdict is as the lessons say, else 1.")]
pub(crate) struct Compare {
    /// Where the page goes: a file that ends in .html, or a folder for its index.html [default: target/compare]
    #[arg(long, value_name = "PLACE")]
    out: Option<PathBuf>,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
    /// Write the traces as JSON, to stdout unless a file is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
    /// Print ASCII only
    #[arg(long)]
    ascii: bool,
}

impl Compare {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let stopped = stop_signal()?;
        let (json_to_stdout, json) = match &self.json {
            Some(path) if path.as_os_str() == "-" => (true, None),
            path => (false, path.as_deref()),
        };
        // before the run: nobody waits for a page that cannot be written
        let page = Output::reserve(&self.page_path()?)?;
        let json = json.map(Output::reserve).transpose()?;
        let lines = ProgressLines::new()?;
        let matrix = tokio::select! {
            matrix = compare::compare(move |progress| lines.show(progress)) => matrix?,
            () = stopped => {
                complain("stopped, and the servers with it"); // they go with what is dropped here
                return Ok(ExitCode::from(130));
            }
        };
        let screen = Screen { width: width(), ascii: self.ascii };
        let page = page.write(&html::render(&matrix))?;
        let mut text = format!(
            "\n{}\n{}\n",
            table::render(&matrix, screen),
            terminal_chart::render(&matrix, screen)
        );
        text += &format!("the page of this run: {}\n", page.display());
        if let Some(json) = json {
            text += &format!("its traces: {}\n", json.write(&json::to_json(&matrix))?.display());
        }
        if json_to_stdout {
            eprint!("{text}");
            say(&json::to_json(&matrix));
        } else {
            say(&text);
        }
        if self.open {
            open(&page);
        }
        Ok(if matrix.is_as_expected() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Where the page goes.
    fn page_path(&self) -> anyhow::Result<PathBuf> {
        Ok(match &self.out {
            None => compare::workspace()?.join("target/compare/index.html"),
            Some(out)
                if out.extension().is_some_and(|extension| extension == "html")
                    && !out.is_dir() =>
            {
                out.clone()
            }
            Some(out) => out.join("index.html"),
        })
    }
}

/// What `COLUMNS` says, or the terminal; 80 where there is neither.
fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    told.or_else(terminal).unwrap_or(80).clamp(40, 1000)
}

/// What each stage is being put through: a line for each that changes, or, where stderr is no terminal, one more line
/// for each claim.
#[derive(Clone)]
struct ProgressLines {
    lines: Option<Vec<ProgressBar>>,
}

impl ProgressLines {
    fn new() -> anyhow::Result<Self> {
        if !Term::stderr().is_term() {
            return Ok(Self { lines: None });
        }
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:16} {spinner} {elapsed:>4} {wide_msg}")
            .context("the template is well-formed")?;
        let line = |(stage, number): (&str, usize)| {
            let prefix = format!("{number} {}", idea(stage));
            lines.add(ProgressBar::new_spinner().with_style(style.clone()).with_prefix(prefix))
        };
        Ok(Self { lines: Some(STAGES.into_iter().zip(1..).map(line).collect()) })
    }

    fn show(&self, progress: Progress) {
        let line =
            |stage: u8| self.lines.as_ref().and_then(|lines| lines.get(usize::from(stage) - 1));
        match progress {
            Progress::Building => complain("building the five stages"),
            Progress::Trying(stage, claim) => {
                if let Some(line) = line(stage) {
                    line.reset_elapsed();
                    line.enable_steady_tick(Duration::from_millis(100));
                    line.set_message(claim.sentence);
                }
            }
            Progress::Tried(stage, claim, finding) if self.lines.is_none() => {
                let word = if finding.verdict == Verdict::Kept { "holds" } else { "breaks" };
                complain(&format!(
                    "stage {stage}: {} … {word}: {}",
                    claim.sentence, finding.figure
                ));
            }
            Progress::Tried(..) => {}
            Progress::Done(stage) => {
                if let Some(line) = line(stage) {
                    line.finish_with_message("done");
                }
            }
        }
    }
}

/// Whoever cannot open it says so soon; a browser stays.
const OPENING: Duration = Duration::from_secs(3);

/// Opens the page in whatever opens pages here, or says that nothing does.
fn open(page: &Path) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = std::process::Command::new(opener);
    command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || ended.send(command.status()));
    match end.recv_timeout(OPENING) {
        Ok(Err(_)) => {
            complain(&format!("there is no {opener} here; open {} by hand", page.display()))
        }
        Ok(Ok(status)) if !status.success() => {
            complain(&format!("{opener} found no browser; open {} by hand", page.display()))
        }
        _ => {}
    }
}
