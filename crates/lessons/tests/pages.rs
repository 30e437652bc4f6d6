//! Every page of the repository: its quotations are exact, its links lead somewhere, and nothing
//! that people can run or set is left unmentioned.

use lessons::page::{Block, Page, quotes};
use probe::stages::STAGES;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/lessons is in the workspace")
        .into()
}

/// All Markdown files, but for what is built or not ours to read.
fn pages() -> Vec<Page> {
    let (mut pages, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .expect("a folder can be listed")
            .map(|entry| entry.expect("so can its entries"))
        {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir()
                && !name.starts_with('.')
                && !["target", "corpus", "artifacts", "node_modules"].contains(&&*name)
            {
                folders.push(path);
            } else if name.ends_with(".md") {
                pages.push(Page::read(&path).expect("a page can be read"));
            }
        }
    }
    assert!(pages.len() > 5, "these are the pages: {pages:#?}");
    pages
}

fn name(page: &Page) -> String {
    page.path.strip_prefix(root()).unwrap_or(&page.path).display().to_string()
}

#[test]
fn what_a_lesson_quotes_stands_in_the_file_that_it_names() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in pages() {
        let is_quotation = |block: &&Block| {
            block.language == "rust" || block.language == "diff" && !block.file.is_empty()
        };
        for block in page.blocks.iter().filter(is_quotation) {
            if page.path.starts_with(root().join("crates")) {
                continue; // rustdoc compiles and runs the examples of a crate's page
            }
            let beside = page.path.parent().expect("a page is in a folder").join("src/main.rs");
            let file = if block.file.is_empty() { beside } else { root().join(&block.file) };
            let code = fs::read_to_string(&file).unwrap_or_default();
            count += 1;
            if !quotes(&code, &block.text) {
                wrong.push(format!(
                    "{}:{}: this is not in {}\n{}",
                    name(&page),
                    block.line,
                    file.display(),
                    block.text
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= STAGES.len(), "each lesson quotes its stage; these are {count}");
}

#[test]
fn a_quotation_that_differs_is_found_out() {
    let code = "fn main() {\n    one();\n    two();\n    three();\n}\n";
    assert!(quotes(code, "one();\n  two();\n"));
    assert!(!quotes(code, "one();\nthree();\n"));
    assert!(!quotes(code, "one()\n"));
    assert!(!quotes(code, "\n"));
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let anchors =
        |path: &Path| pages.iter().find(|page| page.path == path).map(|page| &page.anchors);
    let mut wrong = Vec::new();
    for page in &pages {
        for (line, link) in &page.links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.path.clone(),
                file => plain(&page.path.parent().expect("a page is in a folder").join(file)),
            };
            let at = format!("{}:{line}: {link}", name(page));
            if !target.exists() {
                wrong.push(format!("{at}: there is no such file"));
            } else if !heading.is_empty()
                && !anchors(&target).is_some_and(|anchors| anchors.contains(heading))
            {
                wrong.push(format!(
                    "{at}: there is no such heading; there are {:?}",
                    anchors(&target)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Without `..`, which a link to a neighbour has.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
        plain
    })
}

#[test]
fn every_script_and_every_cure_is_mentioned() {
    let all = all_words();
    let mut missing = Vec::new();
    for (folder, is_shown) in [("scripts", ".sh"), ("wrong-cures", ".patch"), ("bounds", ".patch")]
    {
        let entries = fs::read_dir(root().join(folder))
            .expect("this folder is there")
            .map(|entry| entry.expect("so are its entries"));
        let names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        let names = names.iter().filter(|name| name.ends_with(is_shown));
        missing.extend(names.filter(|name| !all.contains(&***name)).cloned());
    }
    assert!(missing.is_empty(), "no page says a word of {missing:?}");
}

#[test]
fn every_script_of_a_lesson_has_the_clients_command_below_it() {
    let (mut missing, mut count) = (Vec::new(), 0);
    for page in pages().iter().filter(|page| name(page) != "scripts/README.md") {
        let text = fs::read_to_string(&page.path).expect("a page can be read");
        // a block that follows at once belongs to the same step
        for after in text.replace("\n```\n\n```sh\n", "\n").split("\n```sh\n").skip(1) {
            let (block, below) = after.split_once("\n```\n").expect("a block ends");
            if block.lines().any(|line| line.starts_with("scripts/")) {
                count += 1;
                if !below.trim_start().starts_with("On Windows: ") {
                    missing.push(format!("{}: {block}", name(page)));
                }
            }
        }
    }
    assert!(missing.is_empty(), "no line that begins with On Windows: {missing:#?}");
    assert!(count > 10, "the lessons run scripts; these are {count}");
}

#[test]
fn every_option_of_the_client_and_of_the_stages_is_mentioned() {
    let all = all_words();
    let mut missing = BTreeSet::new();
    for program in programs() {
        let help = help(&program, "--help");
        let unknown = options(&help).filter(|option| !is_mentioned(&all, option));
        missing.extend(unknown.map(|option| format!("{program:?} {option}")));
    }
    assert!(missing.is_empty(), "no page says a word of {missing:#?}");
}

#[test]
fn no_line_of_a_help_is_longer_than_80_characters() {
    for program in programs() {
        for help in ["-h", "--help"].map(|option| help(&program, option)) {
            let longest = help.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
            assert!(longest.chars().count() <= 80, "{program:?}: {longest}");
        }
    }
}

/// What has a help: the package, and the command if it has some.
fn programs() -> Vec<Vec<String>> {
    let client = help(&["client".into()], "--help");
    let commands = client
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    // what a command does may go on in another line
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<_> = names.filter(|name| !["", "help"].contains(name)).collect();
    assert!(names.contains(&"load") && names.contains(&"doctor"), "{client}");
    let mut programs = vec![vec!["client".into()]];
    programs.extend(names.iter().map(|name| vec!["client".into(), name.to_string()]));
    programs.extend((1..=STAGES.len()).map(|number| vec![format!("stage{number}")]));
    programs
}

fn help(program: &[String], option: &str) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["run", "--locked", "--quiet", "-p", &program[0], "--"]);
    let output = cargo.args(&program[1..]).arg(option).output().expect("cargo can be run");
    assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("help is text")
}

/// What a help lists: of each line the long name, or the only one.
fn options(help: &str) -> impl Iterator<Item = &str> {
    let lines =
        help.lines().map(str::trim_start).filter(|line| line.starts_with('-') && line.len() > 1);
    let names = lines
        .filter_map(|line| line.split("  ").next()?.split(", ").last()?.split([' ', '=']).next());
    names.filter(|name| *name != "--help" && *name != "-")
}

#[test]
fn the_options_are_those_of_the_help() {
    let help = "Options:\n  -n <COUNT>   How many, -x or\n      --work <DURATION>\n          - silent:  no\n  -h, --help  Print\n";
    assert_eq!(options(help).collect::<Vec<_>>(), ["-n", "--work"]);
    assert!(
        is_mentioned("with `--work 1s`", "--work") && !is_mentioned("with --workers", "--work")
    );
}

/// As a separate word: `--work`, not `--workers`.
fn is_mentioned(all: &str, option: &str) -> bool {
    all.match_indices(option).any(|(at, _)| {
        let around = [all[..at].chars().next_back(), all[at + option.len()..].chars().next()];
        !around.iter().flatten().any(|char| char.is_alphanumeric() || *char == '-')
    })
}

fn all_words() -> String {
    pages()
        .iter()
        .map(|page| fs::read_to_string(&page.path).expect("a page can be read"))
        .collect::<Vec<_>>()
        .join("\n")
}
