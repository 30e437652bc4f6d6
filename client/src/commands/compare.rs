//! `client compare`.

use super::open::open;
use super::print::{complain, say};
use super::signals::stop_signal;
use claims::Verdict;
use clap::Args;
use client::also::Also;
use client::compare::table::{self, Screen};
use client::compare::{self, Column, Progress, Servers, html, json, terminal_chart};
use client::output::Output;
use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Build and start all stages, try the same claims on each, and show the results side by side.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo compare                       print a table and charts, write a page
  cargo compare --open                also open the page in a browser
  cargo compare --out talk.html       write the page to talk.html
  cargo compare --beyond              stages 6 and 7 too, which survive a kill
  cargo compare --also mine=127.0.0.1:9000
  cargo compare --also 'mine=python3 server.py {port}'
  cargo compare --json run.json       also write the traces to run.json
  cargo compare --json | jq .claims   traces to stdout, the rest to stderr

client/README.md describes the charts and the JSON.

Exit code: 0 if every verdict is as the lessons say, 1 if one is not,
2 for a bad command line, 130 if interrupted.")]
pub(crate) struct Compare {
    /// Where to write the page: a file that ends in .html, or a folder for an index.html [default:
    /// target/compare]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Compare stages 6 and 7 too, and kill the servers; needs Rust 1.90, and stage 7 a NATS server
    #[arg(long)]
    beyond: bool,
    /// Compare another server: its name, and where it is or the shell command that starts it on
    /// {port}; may be repeated
    #[arg(long, value_name = "NAME=HOST:PORT")]
    also: Vec<Also>,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
    /// Write the traces as JSON to FILE, or to stdout
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
        // before the run, which takes a while: a page that cannot be written is an error right away
        let page = Output::reserve(&self.page_path()?)?;
        let json = json.map(Output::reserve).transpose()?;
        let servers = Servers { beyond: self.beyond, also: self.also.clone() };
        let lines = ProgressLines::default();
        let matrix = tokio::select! {
            matrix = compare::compare(servers, move |progress| lines.show(progress)) => matrix?,
            () = stopped => {
                complain("interrupted; the servers are stopped"); // dropping the future kills them
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
        text += &format!("page: {}\n", page.display());
        if let Some(json) = json {
            text += &format!("traces: {}\n", json.write(&json::to_json(&matrix))?.display());
        }
        if json_to_stdout {
            complain(&text);
            say(&json::to_json(&matrix));
        } else {
            say(&text);
        }
        if self.open {
            open(page.as_os_str());
        }
        Ok(if matrix.is_as_expected() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The file that the page is written to.
    fn page_path(&self) -> anyhow::Result<PathBuf> {
        Ok(match &self.out {
            None => compare::workspace()?.join("target/compare/index.html"),
            Some(out) => page_file(out),
        })
    }
}

/// The file that `--out` means: a folder gets an index.html.
pub(super) fn page_file(out: &Path) -> PathBuf {
    let is_page = out.extension().is_some_and(|extension| extension == "html") && !out.is_dir();
    if is_page { out.into() } else { out.join("index.html") }
}

/// The width of the output: `COLUMNS`, else that of the terminal, else 80.
pub(super) fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    columns.or_else(terminal).unwrap_or(80).clamp(40, 1000)
}

/// The claim that each server is at: one line per server, updated in place. If stderr is not a
/// terminal, one line for each claim that has ended.
#[derive(Clone, Default)]
struct ProgressLines(Arc<OnceLock<Vec<ProgressBar>>>);

impl ProgressLines {
    fn begin(&self, columns: &[Column]) {
        if !Term::stderr().is_term() {
            return;
        }
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:16} {spinner} {elapsed:>4} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()); // the template is well-formed
        let line = |column: &Column| {
            let line = ProgressBar::new_spinner().with_style(style.clone());
            lines.add(line.with_prefix(column.label()))
        };
        let _ = self.0.set(columns.iter().map(line).collect());
    }

    fn show(&self, progress: Progress) {
        let line = |place: usize| self.0.get().and_then(|lines| lines.get(place));
        match progress {
            Progress::LeftOut(what, reason) => complain(&format!("{what} is left out: {reason}")),
            Progress::Building => complain("building the stages"),
            Progress::Begins(columns) => self.begin(columns),
            Progress::Trying(place, claim) => {
                if let Some(line) = line(place) {
                    line.reset_elapsed();
                    line.enable_steady_tick(Duration::from_millis(100));
                    line.set_message(claim.sentence);
                }
            }
            Progress::Tried(column, claim, finding) if self.0.get().is_none() => {
                let word = match finding.verdict {
                    Verdict::Kept => "holds",
                    Verdict::Broken => "fails",
                    Verdict::Unknown => "unknown",
                };
                let (title, sentence) = (column.title(), claim.sentence);
                complain(&format!("{title}: {sentence} … {word}: {}", finding.figure));
            }
            Progress::Tried(..) => {}
            Progress::Done(place) => {
                if let Some(line) = line(place) {
                    line.finish_with_message("done");
                }
            }
        }
    }
}
