//! What a button does to the servers, when it is pressed or after the room has voted.

use super::actions::{Change, Effect, Wanted};
use super::attacks;
use super::column::Column;
use super::recording::Done;
use super::room::Room;
use super::running::Attack;
use super::votes::{SENT, WITHIN};
use std::sync::Arc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Does it; what could not be done, in a sentence each.
pub(super) async fn perform(wanted: &Wanted, room: &Room) -> Vec<String> {
    perform_after(wanted, None, room).await
}

/// Runs the attack of an open question, and measures; what could not be done, in a sentence each.
/// `None` if that question is not open.
pub(super) async fn run_question(id: u64, room: &Room) -> Option<Vec<String>> {
    let began_ms = room.now_ms();
    let took = SENT + WITHIN;
    let (wanted, ballots) = room.votes.begin(id, began_ms + took.as_millis() as u64)?;
    let columns: Vec<_> = wanted.indexes.iter().map(|index| room.columns[*index].clone()).collect();
    let failures = perform_after(&wanted, Some(id), room).await;
    let votes = room.votes.clone();
    tokio::spawn(async move {
        sleep(took).await;
        let responded = columns.iter().map(|column| has_responded(column, began_ms)).collect();
        votes.end(id, &ballots, responded);
    });
    Some(failures)
}

/// Whether a server still responded to an attack that began then.
fn has_responded(column: &Column, began_ms: u64) -> bool {
    let (sent, within) = (SENT.as_millis() as u64, WITHIN.as_millis() as u64);
    let pulse = column.pulse();
    let is_within = |at: u64| (began_ms..began_ms + sent).contains(&at);
    let probes: Vec<_> = pulse.probes.iter().filter(|(at, _)| is_within(*at)).collect();
    // a server that is down is not probed
    !probes.is_empty() && probes.iter().all(|(_, took)| took.is_some_and(|took| took <= within))
}

async fn perform_after(wanted: &Wanted, question: Option<u64>, room: &Room) -> Vec<String> {
    let done = done(wanted, question, room); // before what it causes
    let mut failures = Vec::new();
    let mut names = Vec::new();
    let mut changes = Vec::new();
    for index in &wanted.indexes {
        let column = room.columns[*index].clone();
        let done = match wanted.action.effect {
            Effect::Attack(attack) => attacks::begin(&column, attack),
            Effect::Rate => {
                column.running.set_rate(wanted.rate);
                if wanted.rate > 0 { attacks::begin(&column, Attack::Steady) } else { Ok(()) }
            }
            Effect::Retries => {
                column.set_retries(wanted.on);
                Ok(())
            }
            Effect::Stop => {
                column.running.stop();
                Ok(())
            }
            Effect::Calm => {
                column.running.stop();
                column.set_retries(false);
                if column.process().is_ok() {
                    changes.push((column.clone(), Change::Restart));
                }
                Ok(())
            }
            Effect::Process(change) => {
                changes.push((column.clone(), change));
                Ok(())
            }
        };
        match done {
            Ok(()) => names.push(column.name().to_owned()),
            Err(error) => failures.push(format!("{}: {error:#}", column.name())),
        }
    }
    // all at the same time: each blocks for a while
    let apply = |(column, change): (Arc<Column>, Change)| {
        let name = column.name().to_owned();
        (name, spawn_blocking(move || apply(&column, change)))
    };
    let changes: Vec<_> = changes.into_iter().map(apply).collect();
    for (name, change) in changes {
        if let Ok(Err(error)) = change.await {
            failures.push(format!("{name}: {error:#}"));
            names.retain(|one| *one != name);
        }
    }
    if !names.is_empty() {
        let whom = match names.len() {
            count if count == room.columns.len() => "all".into(),
            _ => names.join(", "),
        };
        room.note(format!("{} → {whom}", wanted.label()));
        room.record_done(done);
    }
    failures.iter().for_each(|failure| room.note(failure.clone()));
    failures
}

/// What is recorded of it.
fn done(wanted: &Wanted, question: Option<u64>, room: &Room) -> Done {
    let is_attack = match wanted.action.effect {
        Effect::Process(change) => !matches!(change, Change::Continue | Change::Restart),
        _ => wanted.sends(),
    };
    let stage = match &wanted.indexes[..] {
        [one] => room.columns[*one].stage_number().map(|stage| stage.to_string()),
        _ => None,
    };
    let by_hand = wanted
        .action
        .command()
        .replace("{addr}", "127.0.0.1:8080")
        .replace("{pid}", "PID")
        .replace("{stage}", stage.as_deref().unwrap_or("N"))
        .replace("{rate}", &wanted.rate.to_string());
    Done {
        at: room.now(),
        name: wanted.action.name,
        label: wanted.label(),
        by_hand,
        servers: wanted.indexes.clone(),
        is_attack,
        question,
    }
}

/// Blocks while a server starts.
fn apply(column: &Column, change: Change) -> anyhow::Result<()> {
    let process = column.process()?;
    match change {
        Change::Pause => process.pause(true),
        Change::Continue => process.pause(false),
        Change::Terminate => process.terminate(),
        Change::Kill => process.kill(),
        Change::Restart => process.restart(),
    }
}
