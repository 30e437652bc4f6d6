//! The store alone, on a disk that fails and whose power is cut.

#[path = "disk/mod.rs"]
mod disk;
#[path = "../src/keys.rs"]
#[expect(dead_code, reason = "the store needs only the type of a key")]
mod keys;
#[path = "../src/store.rs"]
mod store;

use disk::{Disk, Fails};
use event::{Event, User};
use keys::Key;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Found, Store};

fn user(number: u64) -> User {
    format!("user{number}").try_into().expect("a user")
}

fn event(number: u64, amount: i64) -> Event {
    Event { user: user(number), amount }
}

/// What the disk should contain: all events ever accepted, and how many of them have been applied.
#[derive(Default)]
struct Model {
    events: Vec<(Event, Option<Arc<Key>>)>,
    position: usize,
}

impl Model {
    /// An event without a number: amounts alternate, so applying twice or out of order overflows.
    fn next(&self, ahead: usize) -> (Event, Option<Arc<Key>>) {
        let number = self.events.len() + ahead;
        let (owner, round) = (number as u64 % 3, number / 3);
        let amount = if round.is_multiple_of(2) { i64::MAX } else { -i64::MAX };
        let key = Key { user: user(owner), text: format!("key {number} {}", fastrand::u32(..)) };
        (event(owner, amount), fastrand::bool().then(|| key.into()))
    }

    fn balances(&self) -> BTreeMap<User, i64> {
        let mut balances = BTreeMap::new();
        for (event, _) in &self.events[..self.position] {
            *balances.entry(event.user.clone()).or_default() += event.amount;
        }
        balances
    }

    fn unapplied(&self, count: usize) -> Vec<(u64, Event)> {
        let numbered = (1..).zip(&self.events).skip(self.position).take(count);
        numbered.map(|(number, (event, _))| (number, event.clone())).collect()
    }

    fn must_be(&self, found: &Found, remember: usize) {
        assert_eq!(found.last as usize, self.events.len(), "the last event accepted");
        assert_eq!(found.position as usize, self.position, "the last event applied");
        assert_eq!(found.failed, 0, "an event was applied twice or out of order");
        assert_eq!(found.balances, self.balances());
        let kept = found.log.len();
        assert!(kept >= (self.events.len() - self.position).max(remember.min(self.events.len())));
        let expected = (1..).zip(&self.events).skip(self.events.len() - kept);
        let expected = expected.map(|(number, (event, key))| {
            (number, event.clone(), key.as_ref().map(|key| key.text.clone()))
        });
        assert_eq!(found.log, expected.collect::<Vec<_>>());
    }
}

/// Commits some new events and applies some earlier ones.
fn commit(store: &mut Store, model: &mut Model, accept: usize, apply: usize) -> store::Result<()> {
    let accepted: Vec<_> = (0..accept).map(|ahead| model.next(ahead)).collect();
    let applied = model.unapplied(apply);
    let committed =
        store.commit(accepted.iter().map(|(event, key)| (event, key.as_deref())), &applied)?;
    assert_eq!(committed.first as usize, model.events.len() + 1);
    model.events.extend(accepted);
    model.position += applied.len();
    assert_eq!((committed.position as usize, committed.failed), (model.position, 0));
    Ok(())
}

/// How often a test does something: less than the figure that was once tried, unless `name` is set.
fn rounds(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged() {
    const REMEMBER: usize = 20;
    let (cuts, seed) = (rounds("CUTS", 300), fastrand::get_seed());
    println!("seed {seed}");
    // a file gets its name only once it is whole, so the first cut comes after that
    let (mut disk, mut model, mut in_flight) = (Disk::with_database(), Model::default(), 0);
    // what the next start may find, as the numbers of the last event accepted and applied: what
    // was acknowledged, or that and the commit in flight
    let mut possible = vec![(0, 0)];
    for cut in 0..cuts {
        let opened = Store::open(disk.opener(), REMEMBER);
        let (mut store, found) =
            opened.unwrap_or_else(|error| panic!("cut {cut}, seed {seed}: {error}"));
        let state = (found.last as usize, found.position as usize);
        assert!(possible.contains(&state), "cut {cut}, seed {seed}: {state:?} of {possible:?}");
        in_flight += u32::from(state != possible[0]);
        model.events.truncate(state.0);
        model.position = state.1;
        model.must_be(&found, REMEMBER);
        let mut states = vec![(0, state)];
        for _ in 0..fastrand::usize(1..8) {
            commit(&mut store, &mut model, fastrand::usize(..9), fastrand::usize(..9))
                .expect("this disk does not fail");
            states.push((disk.operations(), (model.events.len(), model.position)));
        }
        let [.., (begin, _), (end, _)] = states[..] else { unreachable!("there was a commit") };
        let in_last = fastrand::usize(begin..end);
        drop(store); // closing it writes, too
        let anywhere = fastrand::usize(..=disk.operations());
        let at = fastrand::choice([in_last, anywhere, end - 1]).expect("one of three");
        let acknowledged = states.iter().rposition(|(end, _)| *end <= at).expect("the first");
        possible = states.iter().skip(acknowledged).take(2).map(|(_, state)| *state).collect();
        disk = disk.cut(at);
    }
    println!(
        "{cuts} power cuts, {} events; {in_flight} commits in flight survived",
        model.events.len()
    );
}

#[test]
fn a_full_disk_loses_nothing_and_is_used_again_when_there_is_room() {
    let (disk, mut model) = (Disk::default(), Model::default());
    let (mut store, _) = Store::open(disk.opener(), 10).unwrap();
    commit(&mut store, &mut model, 5, 0).unwrap();
    disk.set_failing(Some(Fails::Writes));
    for _ in 0..3 {
        let error = commit(&mut store, &mut model, 2, 3).unwrap_err().to_string();
        assert!(error.contains("no storage space"), "{error}");
    }
    disk.set_failing(None);
    commit(&mut store, &mut model, 2, 3).unwrap();
    drop(store);
    model.must_be(&Store::open(disk.opener(), 10).unwrap().1, 10);
}

#[test]
fn a_commit_whose_sync_failed_leaves_no_trace_and_applies_nothing_twice() {
    for reopen in [false, true] {
        let (disk, mut model) = (Disk::default(), Model::default());
        let (mut store, _) = Store::open(disk.opener(), 100).unwrap();
        commit(&mut store, &mut model, 3, 0).unwrap();
        disk.set_failing(Some(Fails::Syncs));
        commit(&mut store, &mut model, 9, 3).unwrap_err();
        disk.set_failing(None);
        // fewer events than those that were rejected
        commit(&mut store, &mut model, 1, 3).unwrap();
        if reopen {
            drop(store);
            let (opened, found) = Store::open(disk.opener(), 100).unwrap();
            model.must_be(&found, 100);
            store = opened;
        }
        commit(&mut store, &mut model, 1, 1).unwrap();
        drop(store);
        model.must_be(&Store::open(disk.opener(), 100).unwrap().1, 100);
    }
}

#[test]
fn a_disk_that_fails_again_and_again_loses_nothing() {
    let (disk, mut model, seed) = (Disk::default(), Model::default(), fastrand::get_seed());
    let (mut store, _) = Store::open(disk.opener(), 20).unwrap();
    let (mut failures, mut to_apply) = (0, 0);
    for round in 0..300 {
        disk.fail_after(
            fastrand::choice([Fails::Writes, Fails::Syncs]).expect("one of two"),
            fastrand::usize(..30),
        );
        for _ in 0..fastrand::usize(1..10) {
            to_apply += fastrand::usize(..5);
            match commit(&mut store, &mut model, fastrand::usize(..9), to_apply) {
                Ok(()) => to_apply = 0,
                Err(_) => failures += 1, // what was to be applied is given to the next commit again
            }
        }
        disk.set_failing(None);
        commit(&mut store, &mut model, 1, to_apply).unwrap();
        to_apply = 0;
        if fastrand::bool() {
            drop(store);
            let (opened, found) = Store::open(disk.opener(), 20)
                .unwrap_or_else(|error| panic!("round {round}, seed {seed}: {error}"));
            model.must_be(&found, 20);
            store = opened;
        }
    }
    assert!(failures > 300, "{failures} commits failed");
}

#[test]
fn an_overflow_is_counted_once_and_changes_nothing() {
    let disk = Disk::default();
    let (mut store, _) = Store::open(disk.opener(), 10).unwrap();
    let events = [event(0, i64::MAX), event(0, 1), event(0, -1)];
    store.commit(events.iter().map(|event| (event, None)), &[]).unwrap();
    let applied: Vec<_> = (1..).zip(events).collect();
    let committed = store.commit(std::iter::empty(), &applied).unwrap();
    assert_eq!((committed.position, committed.failed, committed.forgotten), (3, 1, 0));
    assert_eq!(committed.balances, BTreeMap::from([(user(0), i64::MAX - 1)]));
}

#[test]
fn the_log_forgets_what_is_applied_and_old_and_the_file_does_not_grow() {
    const REMEMBER: usize = 500;
    let (disk, mut model) = (Disk::default(), Model::default());
    let (mut store, _) = Store::open(disk.opener(), REMEMBER).unwrap();
    let mut sizes = Vec::new();
    for _ in 0..4 {
        for _ in 0..50 {
            commit(&mut store, &mut model, 50, 50).unwrap();
        }
        sizes.push(disk.size());
    }
    assert!(sizes[1..].iter().all(|size| *size <= sizes[1]), "{sizes:?}");
    drop(store);
    let (_, found) = Store::open(disk.opener(), REMEMBER).unwrap();
    model.must_be(&found, REMEMBER);
    // what was applied in the last commit leaves with the next one
    assert!(found.log.len() <= REMEMBER + 50, "{}", found.log.len());
}

#[test]
fn a_new_file_gets_its_name_once_it_is_whole_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let (mut store, mut model) = (Store::open(store::file(&path), 10).unwrap().0, Model::default());
    commit(&mut store, &mut model, 3, 0).unwrap();
    drop(store);
    model.must_be(&Store::open(store::file(&path), 10).unwrap().1, 10);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_no_database_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    std::fs::write(&path, "my diary").unwrap();
    assert!(Store::open(store::file(&path), 10).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"my diary");
}
