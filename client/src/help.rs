//! The help, in lines of at most 80 characters, and what is wrong with a command line.

use crate::commands::print::{complain, say};
use clap::Command;
use clap::error::{Error, ErrorKind};
use std::process::ExitCode;
use textwrap::{Options, WordSplitter};

const WIDTH: usize = 80;

/// Says what a command line came to that is not run: the help or the version that it asked for, or what is wrong with it.
pub(crate) fn end(command: Command, error: Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            say(&fold(&error.to_string()));
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            complain(&fold(&error.to_string()));
            complain("error: there is no command; name one of those above");
            ExitCode::from(2)
        }
        _ => {
            let name = std::env::args().nth(1).unwrap_or_default();
            complain(&in_order(&usage(command, &name), &error.to_string()));
            ExitCode::from(2)
        }
    }
}

/// The usage of the command of that name, or of all.
fn usage(mut command: Command, name: &str) -> String {
    command.build(); // so that a subcommand knows what it belongs to
    let named = command.find_subcommand_mut(name).map(Command::render_usage);
    named.unwrap_or_else(|| command.render_usage()).to_string()
}

/// The usage, then clap's tips, and last the error, on one line: what stands last is read first.
/// clap begins with the error and leaves the usage out where a value is wrong.
fn in_order(usage: &str, error: &str) -> String {
    let mut paragraphs = error.split("\n\n").map(str::trim_end);
    let error = paragraphs.next().unwrap_or_default();
    let mut lines = error.lines().map(str::trim);
    let first = lines.next().unwrap_or_default();
    let error = lines.fold(first.to_owned(), |error, line| format!("{error} {line}"));
    let tips: String =
        paragraphs.filter(|text| text.starts_with(' ')).map(|tip| format!("{tip}\n")).collect();
    format!("{usage}\nFor more information, try '--help'.\n\n{tips}{error}")
}

/// What is too long for a line goes on under the beginning of its description. Not clap's own
/// feature `wrap_help`: with that the stages would build another clap than the client.
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

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn the_error_is_the_last_line() {
        let usage = "Usage: client load [OPTIONS] [URL]";
        let error = "error: unexpected argument '--jsn' found\n\n  tip: a similar argument exists: '--json'\n\n\
            Usage: client load [OPTIONS] [URL]\n\nFor more information, try '--help'.\n";
        assert_eq!(
            in_order(usage, error),
            "Usage: client load [OPTIONS] [URL]\nFor more information, try '--help'.\n\n  \
             tip: a similar argument exists: '--json'\nerror: unexpected argument '--jsn' found"
        );
        let several =
            "error: the following required arguments were not provided:\n  --event\n\nUsage: x\n";
        let ordered = in_order(usage, several);
        assert!(
            ordered
                .ends_with("\nerror: the following required arguments were not provided: --event")
        );
    }
}
