//! The lesson names tests, options and code that exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("the package is in beyond/").into()
}

fn read(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn lesson() -> String {
    read("beyond/stage7-distributed/README.md")
}

#[test]
fn every_test_that_the_lesson_names_exists() {
    let (text, package) = (lesson(), Path::new(env!("CARGO_MANIFEST_DIR")));
    let tests: String = std::fs::read_dir(package.join("tests"))
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    let (_, table) = text.split_once("| point | test |").expect("the table");
    let named: BTreeSet<_> = table.split('`').skip(1).step_by(2).collect();
    assert!(named.len() > 15, "{named:?}");
    for test in named {
        assert!(tests.contains(&format!("fn {test}()")), "there is no test {test}");
    }
}

#[test]
fn every_option_is_in_the_lesson() {
    let help = testkit::run(env!("CARGO_BIN_EXE_stage7-distributed"), &["--help"], &[]).stdout;
    let help = String::from_utf8(help).unwrap();
    let pages = lesson() + &read("stage5-backpressure/README.md");
    for option in help.split_whitespace().filter(|word| word.starts_with("--")) {
        let is_common = ["--addr", "--timeout", "--body-memory", "--help"].contains(&option);
        assert!(is_common || pages.contains(option.trim_end_matches(',')), "{option}: no page");
    }
}

#[test]
fn every_quotation_stands_in_the_code() {
    let text = lesson();
    let quotations = text.split("\n```rust").skip(1);
    for quotation in quotations {
        let (file, rest) = quotation.split_once('\n').expect("a first line");
        let (quoted, _) = rest.split_once("\n```").expect("the block ends");
        let file = match file.trim() {
            "" => "beyond/stage7-distributed/src/main.rs",
            named => named,
        };
        assert!(read(file).contains(quoted), "not in {file}: {quoted}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let text = lesson();
    let links = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    for link in links.filter(|link| !link.starts_with("http")) {
        let path = root().join("beyond/stage7-distributed").join(link);
        assert!(path.exists(), "{link} leads nowhere");
    }
}
