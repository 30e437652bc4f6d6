//! The tests of stage 7 are not empty: each of these small mistakes makes one of them fail, by name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server with one mistake.
struct Mutant {
    name: &'static str,
    /// The file in `src/`.
    file: &'static str,
    /// What stands in it, once, and what stands there instead.
    changes: &'static [(&'static str, &'static str)],
    /// A file in `tests/`, and the test in it that must fail.
    caught_by: (&'static str, &'static str),
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "a plain put in place of the compare-and-set",
        file: "accounts.rs",
        changes: &[("match self.0.update(name_of(&event.user), value, revision).await {", "tokio::time::sleep(std::time::Duration::from_millis(20)).await;
             let _ = revision;
             let put = self.0.put(name_of(&event.user), value).await;
             match put.map_err(|error| kv::UpdateError::with_source(kv::UpdateErrorKind::Other, error)) {")],
        caught_by: ("faults", "a_worker_that_wakes_up_after_its_event_was_given_to_another_changes_nothing"),
    },
    Mutant {
        name: "sixteen in hand for each partition",
        file: "stream.rs",
        changes: &[("max_ack_pending: 1,", "max_ack_pending: 16,")],
        caught_by: ("faults", "kill_9_of_a_worker_loses_nothing"),
    },
    Mutant {
        name: "the acknowledgement before the effect",
        file: "main.rs",
        changes: &[("    bank.accounts.apply(", "    delivery.done().await?;
             bank.events.flush().await;
             sleep(PAUSE).await;
             bank.accounts.apply("), ("    delivery.done().await\n", "    Ok(())\n")],
        caught_by: ("faults", "kill_9_of_a_worker_loses_nothing"),
    },
    Mutant {
        name: "keys in the engine's table of duplicates alone",
        file: "accounts.rs",
        changes: &[(".find(|(known, _)| known == key)", ".find(|(known, _)| known == key && false)")],
        caught_by: ("faults", "a_key_counts_once_also_after_the_servers_have_forgotten_it"),
    },
    Mutant {
        name: "503 for what is not certain",
        file: "main.rs",
        changes: &[("StatusCode::GATEWAY_TIMEOUT", "StatusCode::SERVICE_UNAVAILABLE")],
        caught_by: ("faults", "what_is_not_certain_is_504_and_may_be_applied_later"),
    },
    Mutant {
        name: "a publish without a connection",
        file: "main.rs",
        changes: &[("if !bank.events.are_connected()", "if false && !bank.events.are_connected()")],
        caught_by: ("faults", "without_a_server_every_event_is_rejected_at_once_and_it_comes_back_by_itself"),
    },
    Mutant {
        name: "a pull that waits for a server that hangs",
        file: "stream.rs",
        changes: &[("timeout(PATIENCE, messages.next()).await?", "messages.next().await")],
        caught_by: ("faults", "a_nats_server_that_hangs_for_5_s_loses_nothing"),
    },
    Mutant {
        name: "a stop that waits for the cluster",
        file: "stream.rs",
        changes: &[("timeout(PATIENCE, self.client().flush()).await", "self.client().flush().await")],
        caught_by: (
            "faults",
            "without_a_server_every_event_is_rejected_at_once_and_it_comes_back_by_itself",
        ),
    },
    Mutant {
        name: "a duplicate that is not compared",
        file: "main.rs",
        changes: &[("Some(_) => Ok(Known::Different),", "Some(_) => Ok(Known::Stored),")],
        caught_by: ("lesson", "the_same_key_and_event_count_once_and_another_event_is_rejected"),
    },
    Mutant {
        name: "no share for each partition",
        file: "stream.rs",
        changes: &[("max_messages_per_subject: share as i64,", "max_messages_per_subject: -1,"), ("discard_new_per_subject: true,", "discard_new_per_subject: share == 0,")],
        caught_by: ("lesson", "a_partition_that_is_stuck_does_not_fill_the_places_of_the_others"),
    },
    Mutant {
        name: "the limits of a stream that exists are taken",
        file: "stream.rs",
        changes: &[("limits(found) != limits(&wanted)", "false && limits(found) != limits(&wanted)")],
        caught_by: ("lesson", "a_stream_with_other_limits_is_not_used"),
    },
    Mutant {
        name: "a worker that keeps what it has in hand",
        file: "main.rs",
        changes: &[("return delivery.give_back().await;", "return Ok(());")],
        caught_by: ("lesson", "a_worker_that_is_stopped_gives_back_what_it_has_in_hand"),
    },
    Mutant {
        name: "any version of the engine",
        file: "stream.rs",
        changes: &[("< OLDEST", "< (0, OLDEST.0)")],
        caught_by: ("lesson", "a_cluster_that_cannot_keep_the_promise_is_one_line_and_exit_code_1"),
    },
    Mutant {
        name: "a known key is looked up after the place",
        file: "main.rs",
        changes: &[("    if let Some(key) = &key {", "    if let Some(key) = key.as_ref().filter(|_| false) {")],
        caught_by: ("faults", "a_key_counts_once_also_after_the_servers_have_forgotten_it"),
    },
    Mutant {
        name: "keys without an end",
        file: "accounts.rs",
        changes: &[("const REMEMBERED: usize = 32;", "const REMEMBERED: usize = 64;")],
        caught_by: ("lesson", "a_key_is_forgotten_when_its_user_has_sent_32_later_ones"),
    },
    Mutant {
        name: "a hand for each partition",
        file: "main.rs",
        changes: &[("(0..bank.options.hands)", "(0..bank.options.partitions)")],
        caught_by: ("lesson", "three_workers_do_three_times_the_work_of_one_up_to_the_number_of_partitions"),
    },
];

#[test]
#[ignore = "builds the server once for each mistake, which takes minutes: cargo test -- --ignored"]
fn each_mistake_is_caught_by_a_test() {
    let tree = tree();
    let wanted = std::env::var("MUTANT").unwrap_or_default(); // part of a name
    let mut missed = Vec::new();
    for Mutant { name, file, changes, caught_by: (tests, test) } in MUTANTS {
        if !name.contains(&wanted) {
            continue;
        }
        let path = tree.join("beyond/stage7-distributed/src").join(file);
        let code = fs::read_to_string(&path).expect("the file was copied");
        let mut mutated = code.clone();
        for (from, to) in *changes {
            assert_eq!(mutated.matches(from).count(), 1, "{name}: {from:?} in {file}");
            mutated = mutated.replace(from, to);
        }
        fs::write(&path, mutated).expect("the copy can be changed");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--locked", "--offline", "--manifest-path"]);
        cargo.arg(tree.join("beyond/Cargo.toml")).args(["-p", "stage7", "--test", tests]);
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

/// A copy of this package, in a folder with everything that it depends on.
fn tree() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beyond = package.parent().expect("beyond/");
    let root = beyond.parent().expect("the repository");
    let tree = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants7");
    let copy = tree.join("beyond");
    let _ = fs::remove_dir_all(&copy); // of an earlier run
    fs::create_dir_all(&copy).expect("a folder can be created");
    for entry in fs::read_dir(root).expect("a folder can be listed") {
        let entry = entry.expect("so can its entries");
        let link = tree.join(entry.file_name());
        if !["beyond", "target"].map(Into::into).contains(&entry.file_name()) {
            let _ = fs::remove_file(&link);
            symlink(entry.path(), link).expect("a link can be made");
        }
    }
    for name in ["Cargo.toml", "Cargo.lock", "stage6-durable", "stage7-distributed"] {
        let status = Command::new("cp").arg("-R").arg(beyond.join(name)).arg(&copy).status();
        assert!(status.expect("cp can be run").success(), "{name} cannot be copied");
    }
    tree
}
