//! The tests of stage 7 are not empty: each of these small mistakes makes one of them fail, by name.

use testkit::mutants::{Mutant, each_must_be_caught, each_must_fit_the_code};

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "a plain put in place of the compare-and-set",
        file: "accounts.rs",
        changes: &[("match self.store.update(name_of(&event.user), value, revision).await {", "tokio::time::sleep(std::time::Duration::from_millis(20)).await;
             let _ = revision;
             let put = self.store.put(name_of(&event.user), value).await;
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
             sleep(5 * PAUSE).await;
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
        changes: &[("max_messages_per_subject: places.of_a_partition as i64,", "max_messages_per_subject: -1,"), ("discard_new_per_subject: true,", "discard_new_per_subject: places.all == 0,")],
        caught_by: ("lesson", "a_partition_that_is_stuck_does_not_fill_the_places_of_the_others"),
    },
    Mutant {
        name: "the limits of a stream that exists are taken",
        file: "stream.rs",
        changes: &[("limits(found) != limits(&wanted)", "false && limits(found) != limits(&wanted)")],
        caught_by: ("lesson", "a_stream_with_other_limits_is_not_used"),
    },
    Mutant {
        name: "the accounts of a stream that is gone",
        file: "accounts.rs",
        changes: &[("config.description != wanted {", "config.description.is_none() {")],
        caught_by: ("lesson", "accounts_whose_stream_is_gone_are_not_used"),
    },
    Mutant {
        name: "a worker that keeps what it has in hand",
        file: "main.rs",
        changes: &[("return delivery.give_back().await;", "return Ok(());")],
        caught_by: ("lesson", "a_worker_that_is_stopped_gives_back_what_it_has_in_hand"),
    },
    Mutant {
        name: "no sign of life while it works",
        file: "main.rs",
        changes: &[("delivery.progress().await?; //", "if false { delivery.progress().await?; } //")],
        caught_by: ("lesson", "work_that_takes_longer_than_the_ack_wait_is_not_handed_out_twice"),
    },
    Mutant {
        name: "readings that leave their consumer behind",
        file: "accounts.rs",
        changes: &[("let _ = self.store.stream.delete_consumer(&name).await;", "let _ = name;")],
        caught_by: ("lesson", "the_figures_add_up_at_every_moment_and_readings_leave_nothing_behind"),
    },
    Mutant {
        name: "accounts that end where they were read first",
        file: "accounts.rs",
        changes: &[("now.last_sequence && info.pending == 0;", "now.last_sequence;")],
        caught_by: ("lesson", "no_account_is_missing_in_a_reading_while_others_are_new"),
    },
    Mutant {
        name: "figures of two moments",
        file: "figures.rs",
        changes: &[("let accepted = stored.min(done + places.all);", "let accepted = stored;")],
        caught_by: ("lesson", "the_figures_add_up_at_every_moment_and_readings_leave_nothing_behind"),
    },
    Mutant {
        name: "a duplicate that is not compared, as a check sees it",
        file: "main.rs",
        changes: &[("Some(_) => Ok(Known::Different),", "Some(_) => Ok(Known::Stored),")],
        caught_by: ("claims", "one_server_keeps_its_claims_in_a_row"),
    },
    Mutant {
        name: "sixteen in hand for each partition, as a check sees it",
        file: "stream.rs",
        changes: &[("max_ack_pending: 1,", "max_ack_pending: 16,")],
        caught_by: ("claims", "one_server_keeps_its_claims_in_a_row"),
    },
    Mutant {
        name: "any version of the engine",
        file: "cluster.rs",
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
fn each_mistake_can_be_made_in_this_code() {
    each_must_fit_the_code(env!("CARGO_MANIFEST_DIR"), MUTANTS);
}

#[test]
#[ignore = "builds the server once for each mistake, which takes minutes, and some need the rounds of the gate: ROUNDS=10 cargo test -- --ignored"]
fn each_mistake_is_caught_by_a_test() {
    each_must_be_caught("stage7", "stage7-distributed", env!("CARGO_TARGET_TMPDIR"), MUTANTS);
}
