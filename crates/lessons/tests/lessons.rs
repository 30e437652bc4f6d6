//! The lessons, followed by the letter: every command is run, every output compared, against the
//! real binaries.

use lessons::page::Page;
use lessons::terminal::Terminal;
use probe::stages::STAGES;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/lessons is in the workspace")
        .into()
}

/// Builds what the lessons start, as it is now; the folder of the binaries, from cargo.
fn build(root: &Path) -> PathBuf {
    let stages = (1..=STAGES.len()).map(|number| format!("stage{number}"));
    let packages: Vec<_> = stages.chain(["client".to_owned()]).collect();
    let built = probe::stages::build_packages(root, &packages)
        .unwrap_or_else(|error| panic!("the stages and the client do not build: {error:#}"));
    let folders: Vec<_> = built.iter().filter_map(|path| path.parent()).collect();
    assert!(
        built.len() > STAGES.len() && folders.windows(2).all(|two| two[0] == two[1]),
        "{built:?}"
    );
    folders[0].into()
}

fn lesson(root: &Path, stage: &str) -> Page {
    page(root, &Path::new(stage).join("README.md"))
}

fn page(root: &Path, path: &Path) -> Page {
    let text = std::fs::read_to_string(root.join(path)).expect("the lesson is there");
    Page::parse(path, &text)
}

/// The lessons on what stage 5 lacks.
fn bounds(root: &Path) -> Vec<Page> {
    let pages = ["in-time", "reserved-places", "fair-share"];
    pages.map(|name| page(root, &Path::new("bounds").join(format!("{name}.md")))).into()
}

/// So that a lesson which starts one does not wait for a compiler.
fn build_cures(root: &Path, lessons: &[Page]) {
    if probe::tools::missing_for("scripts/cure.sh ").is_some() {
        return;
    }
    let commands =
        lessons.iter().flat_map(|lesson| &lesson.blocks).filter(|block| block.language == "sh");
    for command in commands.filter_map(|block| block.text.trim().strip_prefix("scripts/cure.sh ")) {
        let name = command.split_whitespace().next().expect("the lesson names it");
        let output =
            Command::new("scripts/cure.sh").args([name, "--", "--help"]).current_dir(root).output();
        let output = output.expect("scripts/cure.sh can be run");
        assert!(
            output.status.success(),
            "the cure {name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn every_command_of_a_lesson_prints_what_the_lesson_shows() {
    let root = root();
    let mut lessons = STAGES.map(|stage| vec![lesson(&root, stage)]).to_vec();
    lessons.push(bounds(&root)); // one after another: their patches build the same binary
    lessons.push(vec![page(&root, Path::new("metastable/README.md"))]);
    let binaries = build(&root);
    build_cures(&root, &lessons.concat());
    let terminal = Terminal { root: &root, binaries };
    let follow = |pages: &Vec<Page>| pages.iter().flat_map(|page| terminal.follow(page)).collect();
    let wrong: Vec<String> = thread::scope(|scope| {
        let followed = lessons.iter().map(|pages| scope.spawn(move || follow(pages)));
        let followed: Vec<thread::ScopedJoinHandle<'_, Vec<String>>> = followed.collect();
        followed
            .into_iter()
            .flat_map(|lesson| lesson.join().expect("it panics in the test alone"))
            .collect()
    });
    assert!(wrong.is_empty(), "{} things went otherwise\n\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_lesson_has_commands() {
    let root = root();
    for stage in STAGES {
        let commands =
            lesson(&root, stage).blocks.into_iter().filter(|block| block.language == "sh").count();
        assert!(
            commands >= 4,
            "{stage}: a lesson without commands proves nothing; these are {commands}"
        );
    }
}

#[test]
fn a_wrong_lesson_fails() {
    let root = root();
    let terminal = Terminal { root: &root, binaries: build(&root) };
    let text = "```sh\ncargo stage1\n```\n```sh\ncurl -d hello 127.0.0.1:8080\n```\n```text\ngoodbye\n```\n\
                ```sh\nfalse\n```\n```text\n```\n```text\nof nothing\n```\n```sh\nfalse\n```\n";
    let wrong = terminal.follow(&Page::parse(Path::new("wrong.md"), text));
    let at = |line: usize| wrong.iter().any(|why| why.starts_with(&format!("wrong.md:{line}: ")));
    assert!(wrong.len() == 3 && at(8) && at(16) && at(19), "{wrong:#?}");
}
