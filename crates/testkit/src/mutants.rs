//! Small mistakes in a stage beyond the course, each of which must make one of its tests fail, by name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server with one mistake.
pub struct Mutant {
    /// What it is.
    pub name: &'static str,
    /// The file in `src/`.
    pub file: &'static str,
    /// What stands in it, once, and what stands there instead.
    pub changes: &'static [(&'static str, &'static str)],
    /// A file in `tests/`, and the test in it that must fail.
    pub caught_by: (&'static str, &'static str),
}

/// Makes each mistake in a copy of the package, which is in that folder of `beyond/`, and requires that its test fails.
/// `scratch` is `env!("CARGO_TARGET_TMPDIR")`. With `MUTANT` in the environment only those whose name contains it are tried.
pub fn each_must_be_caught(package: &str, folder: &str, scratch: &str, mutants: &[Mutant]) {
    let tree = tree(&Path::new(scratch).join(format!("mutants-{package}")));
    let wanted = std::env::var("MUTANT").unwrap_or_default(); // part of a name
    let mut missed = Vec::new();
    for Mutant { name, file, changes, caught_by: (tests, test) } in mutants {
        if !name.contains(&wanted) {
            continue;
        }
        let path = tree.join("beyond").join(folder).join("src").join(file);
        let code = fs::read_to_string(&path).expect("the file was copied");
        fs::write(&path, mutated(&code, name, changes)).expect("the copy can be changed");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--locked", "--offline", "--manifest-path"]);
        cargo.arg(tree.join("beyond/Cargo.toml")).args(["-p", package, "--test", tests]);
        cargo.args(["--", "--exact", test]).env("CARGO_TARGET_DIR", tree.join("target"));
        let output = cargo.env("RUST_BACKTRACE", "0").output().expect("cargo can be run");
        let printed = String::from_utf8_lossy(&output.stdout);
        let is_caught = printed.contains(&format!("test {test} ... FAILED"));
        println!("{}: {name}: {test}", if is_caught { "caught" } else { "missed" });
        if !is_caught {
            println!("{printed}\n{}", String::from_utf8_lossy(&output.stderr));
            missed.push(name);
        }
        fs::write(&path, code).expect("the copy can be changed");
    }
    assert!(missed.is_empty(), "these were not caught: {missed:?}");
}

/// Requires that what each mistake changes stands in the code, once, and that there is the test that must catch it. This
/// takes no time, and `package` is `env!("CARGO_MANIFEST_DIR")`.
pub fn each_must_fit_the_code(package: &str, mutants: &[Mutant]) {
    let read = |folder: &str, file: &str| {
        let path = Path::new(package).join(folder).join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    for Mutant { name, file, changes, caught_by: (tests, test) } in mutants {
        mutated(&read("src", file), name, changes);
        let is_there = read("tests", &format!("{tests}.rs")).contains(&format!("fn {test}()"));
        assert!(is_there, "{name}: there is no {test} in {tests}.rs");
    }
}

/// The code with the mistake.
fn mutated(code: &str, name: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(code.to_owned(), |mutated, (from, to)| {
        assert_eq!(mutated.matches(from).count(), 1, "{name}: {from:?}");
        mutated.replace(from, to)
    })
}

/// A copy of `beyond/`, whose workspace needs all of its packages, beside links to everything that it depends on.
fn tree(tree: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the repository");
    let copy = tree.join("beyond");
    let _ = fs::remove_dir_all(&copy); // of an earlier run
    fs::create_dir_all(&copy).expect("a folder can be created");
    let entries = |folder: &Path| -> Vec<_> {
        let listed = fs::read_dir(folder).expect("a folder can be listed");
        let names = listed.map(|entry| entry.expect("so can its entries").file_name());
        names.filter(|name| name != "target").collect()
    };
    for name in entries(root).into_iter().filter(|name| name != "beyond") {
        let link = tree.join(&name);
        let _ = fs::remove_file(&link);
        symlink(root.join(&name), link).expect("a link can be made");
    }
    let beyond = root.join("beyond");
    for name in entries(&beyond) {
        let status = Command::new("cp").arg("-R").arg(beyond.join(&name)).arg(&copy).status();
        assert!(status.expect("cp can be run").success(), "{name:?} cannot be copied");
    }
    tree.into()
}
