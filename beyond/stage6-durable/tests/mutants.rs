//! The tests of stage 6 are not empty: each of these small mistakes makes one of them fail, by name.

use testkit::mutants::{Mutant, each_must_be_caught, each_must_fit_the_code};

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "no sync before the response",
        file: "store.rs",
        changes: &[("let transaction = database.begin_write()?;", "let mut transaction = database.begin_write()?;
             let _ = transaction.set_durability(redb::Durability::None);")],
        caught_by: ("crash", "kill_9_at_any_moment_loses_no_acknowledged_event_and_applies_none_twice"),
    },
    Mutant {
        name: "the response before the commit",
        file: "main.rs",
        changes: &[(
            "let events = accepted.iter()",
            "for Accepted { stored, .. } in &mut accepted {
                 let _ = std::mem::replace(stored, oneshot::channel().0).send(Ok(()));
             }
             let events = accepted.iter()",
        )],
        caught_by: ("lesson", "an_acknowledgement_waits_for_the_sync"),
    },
    Mutant {
        name: "numbers that a failed commit uses up",
        file: "store.rs",
        changes: &[("transaction.commit()?; // the sync", "self.last = last;
             transaction.commit()?;")],
        caught_by: ("store", "a_disk_that_fails_again_and_again_loses_nothing"),
    },
    Mutant {
        name: "keys in memory only",
        file: "store.rs",
        changes: &[("event.amount, key))?;", "event.amount, key.filter(|_| false)))?;")],
        caught_by: ("lesson", "a_key_counts_once_also_across_a_crash"),
    },
    Mutant {
        name: "a key remembered for an event that the disk rejected",
        file: "ledger.rs",
        changes: &[("self.keys.reject(key);", "let _ = key;")],
        caught_by: ("disk_full", "a_full_disk_gets_503_with_the_reason_and_later_everything_counts_once"),
    },
    Mutant {
        name: "a key remembered for an event that found no place",
        file: "main.rs",
        changes: &[("ledger.rejected += 1;", "ledger.rejected += 1;
             if let Some(key) = &key { ledger.keys.begin(key.clone(), &event); }")],
        caught_by: ("lesson", "a_rejected_key_can_be_retried"),
    },
    Mutant {
        name: "balance and position in two transactions",
        file: "store.rs",
        changes: &[
            ("counts.insert(POSITION, committed.position)?;", ""),
            (
                "transaction.commit()?; // the sync",
                "transaction.commit()?;
                 let second = database.begin_write()?;
                 second.open_table(COUNTS)?.insert(POSITION, committed.position)?;
                 second.commit()?;",
            ),
        ],
        caught_by: ("store", "a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged"),
    },
    Mutant {
        name: "the place before the key",
        file: "main.rs",
        changes: &[("        match key.as_ref()", "        if ledger.not_done() + ledger.writing > ledger.capacity as u64 {
                 return unavailable(\"full\", 1);
             }
             match key.as_ref()")],
        caught_by: ("lesson", "a_known_key_is_acknowledged_while_the_queue_is_full"),
    },
    Mutant {
        name: "no bound",
        file: "main.rs",
        changes: &[("if not_done > ledger.capacity as u64 {", "if not_done > 1000 + ledger.capacity as u64 {")],
        caught_by: ("lesson", "a_burst_is_accepted_up_to_capacity_and_the_rest_is_rejected"),
    },
    Mutant {
        name: "events on their way to the disk have no place",
        file: "main.rs",
        changes: &[("ledger.not_done() + ledger.writing;", "ledger.not_done();")],
        caught_by: ("lesson", "a_burst_is_accepted_up_to_capacity_and_the_rest_is_rejected"),
    },
    Mutant {
        name: "202 for a key whose event is not stored yet",
        file: "main.rs",
        changes: &[("Known::Stored => return accepted,", "Known::Stored | Known::Writing => return accepted,")],
        caught_by: ("lesson", "while_an_event_is_being_stored_its_key_gets_503"),
    },
    Mutant {
        name: "202 for another event with a known key",
        file: "main.rs",
        changes: &[("Known::Stored => return accepted,", "Known::Stored | Known::Different => return accepted,")],
        caught_by: ("lesson", "the_same_key_with_another_event_is_rejected"),
    },
    Mutant {
        name: "one key for all users",
        file: "keys.rs",
        changes: &[("#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {", "impl PartialEq for Key { fn eq(&self, other: &Self) -> bool { self.text == other.text } }
             impl Eq for Key {}
             impl std::hash::Hash for Key {
                 fn hash<H: std::hash::Hasher>(&self, state: &mut H) { self.text.hash(state); }
             }
             #[derive(Debug)]
pub(crate) struct Key {")],
        caught_by: ("lesson", "the_same_key_with_another_event_is_rejected"),
    },
    Mutant {
        name: "a commit for each event",
        file: "main.rs",
        changes: &[("writes.recv_many(&mut arrived, bank.options.group)", "writes.recv_many(&mut arrived, 1)")],
        caught_by: ("lesson", "events_that_arrive_while_the_disk_is_busy_share_the_next_sync"),
    },
    Mutant {
        name: "what a failed commit left behind stays",
        file: "store.rs",
        changes: &[("log.retain_in(last + 1.., |_, _| false)?;", "")],
        caught_by: ("store", "a_commit_whose_sync_failed_leaves_no_trace_and_applies_nothing_twice"),
    },
    Mutant {
        name: "what a failed commit applied is applied again",
        file: "store.rs",
        changes: &[("if number > committed.position {", "if number > 0 {")],
        caught_by: ("store", "a_commit_whose_sync_failed_leaves_no_trace_and_applies_nothing_twice"),
    },
    Mutant {
        name: "keys that a failed commit forgets early",
        file: "store.rs",
        changes: &[("let old = self.last.saturating_sub", "let old = last.saturating_sub")],
        caught_by: ("store", "a_disk_that_fails_again_and_again_loses_nothing"),
    },
    Mutant {
        name: "a database that stays open after an error",
        file: "store.rs",
        changes: &[("let (database, is_new) = match self.database.take() {", "if self.database.is_none() { return Err(Error::PreviousIo); }
             let (database, is_new) = match self.database.take() {")],
        caught_by: ("store", "a_full_disk_loses_nothing_and_is_used_again_when_there_is_room"),
    },
    Mutant {
        name: "what was applied is lost when its commit fails",
        file: "main.rs",
        changes: &[("sleep(PAUSE).await;", "applied.clear();
             sleep(PAUSE).await;")],
        caught_by: ("disk_full", "what_was_applied_while_the_disk_was_full_is_written_without_a_further_event"),
    },
    Mutant {
        name: "a failed commit is only tried again with the next event",
        file: "main.rs",
        changes: &[("if applied.is_empty() { Duration::MAX }", "if true { Duration::MAX }")],
        caught_by: ("disk_full", "what_was_applied_while_the_disk_was_full_is_written_without_a_further_event"),
    },
    Mutant {
        name: "a backlog without places",
        file: "ledger.rs",
        changes: &[("let processed = position - failed;", "let (accepted, processed) = (position, position - failed);")],
        caught_by: ("lesson", "after_a_restart_the_backlog_takes_its_places_first"),
    },
    Mutant {
        name: "a backlog that is forgotten",
        file: "ledger.rs",
        changes: &[("if number > position {", "if number > position + 1_000_000 {")],
        caught_by: ("lesson", "kill_9_keeps_every_accepted_event"),
    },
    Mutant {
        name: "a backlog that is forgotten, as a check sees it",
        file: "ledger.rs",
        changes: &[("if number > position {", "if number > position + 1_000_000 {")],
        caught_by: ("claims", "one_server_keeps_its_claims_in_a_row"),
    },
    Mutant {
        name: "keys in memory only, as a check sees it",
        file: "store.rs",
        changes: &[("event.amount, key))?;", "event.amount, key.filter(|_| false)))?;")],
        caught_by: ("claims", "one_server_keeps_its_claims_in_a_row"),
    },
    Mutant {
        name: "a log that is never pruned",
        file: "store.rs",
        changes: &[("log.pop_first()?;", "break;")],
        caught_by: ("store", "the_log_forgets_what_is_applied_and_old_and_the_file_does_not_grow"),
    },
    Mutant {
        name: "a stop that waits for the work",
        file: "main.rs",
        changes: &[(
            "bank.ledger().disk = None;",
            "while bank.ledger().not_done() > 0 { sleep(PAUSE).await; }
             bank.ledger().disk = None;",
        )],
        caught_by: ("stopping", "a_signal_ends_it_at_once_and_what_waits_is_applied_after_the_next_start"),
    },
    Mutant {
        name: "a stop that does not wait for the disk",
        file: "main.rs",
        changes: &[("    writer.await?; //", "    drop(writer); //")],
        caught_by: ("stopping", "on_a_signal_what_is_being_stored_gets_its_202_and_what_comes_later_503"),
    },
];

#[test]
fn each_mistake_can_be_made_in_this_code() {
    each_must_fit_the_code(env!("CARGO_MANIFEST_DIR"), MUTANTS);
}

#[test]
#[ignore = "builds the server once for each mistake, which takes minutes: cargo test -- --ignored"]
fn each_mistake_is_caught_by_a_test() {
    each_must_be_caught("stage6", "stage6-durable", env!("CARGO_TARGET_TMPDIR"), MUTANTS);
}
