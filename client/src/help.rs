//! The help, in lines of at most 80 characters.

use crate::commands::print::{complain, say};
use clap::error::{Error, ErrorKind};
use std::process::ExitCode;
use textwrap::{Options, WordSplitter};

const WIDTH: usize = 80;

/// Says what a command line came to that is not run: the help that it asked for, or what is wrong with it.
pub(crate) fn end(error: Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp => {
            say(&fold(&error.to_string()));
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            complain(fold(&error.to_string()).trim_end());
            ExitCode::from(2)
        }
        _ => error.exit(),
    }
}

/// What is too long for a line goes on under the beginning of its description. Not clap's own feature `wrap_help`: with
/// that the stages would build another clap than the client.
fn fold(help: &str) -> String {
    let mut folded = String::new();
    for line in help.lines() {
        let start = line.len() - line.trim_start().len();
        let column = match line[start..].find("  ") {
            Some(gap) => line.len() - line[start + gap..].trim_start().len(),
            None => start,
        };
        if line.chars().count() > WIDTH {
            let indent = " ".repeat(line[..column].chars().count());
            let options = Options::new(WIDTH)
                .subsequent_indent(&indent)
                .break_words(false)
                .word_splitter(WordSplitter::NoHyphenation);
            let line = line.replace("[default: ", "[default:\u{a0}"); // they stay together
            folded += &textwrap::fill(&line, options).replace('\u{a0}', " ");
        } else {
            folded += line;
        }
        folded += "\n";
    }
    folded
}
