//! A recording as one HTML file, in the form of `compare`: a row and a section for each attack.

use super::episodes::{Episode, TAIL, episodes};
use super::recording::{Done, Poll, Recording};
use crate::compare::Column;
use crate::compare::html::{Cell, Document, Section, page};
use probe::duration::show;
use std::time::Duration;

impl Recording {
    /// The complete page: one file that loads nothing.
    pub fn to_html(&self) -> String {
        let columns = self.columns();
        let sections = episodes(self).into_iter().zip(1..);
        let sections = sections.map(|(episode, number)| section(&columns, episode, number));
        let lead = "Real servers, attacked from the page of client live, side by side.";
        let lead = [Some(lead.into()), self.forgotten()].into_iter().flatten();
        let order = format!(
            "The panels of an attack share one scale. Beside the attack, each server gets a probe a second; \
             those more than {} seconds after its end are left out.",
            TAIL.as_secs()
        );
        page(&Document {
            title: "From freeze to back-pressure, live",
            tab: "",
            lead: lead.collect::<Vec<_>>().join(" "),
            at: self.opened,
            took: self.took,
            columns: &columns,
            table: "What each attack did to each server",
            rows: "attack",
            sum: "✓ responds to a probe a second. ✗ did not, for so long. Each cell links to its chart."
                .into(),
            order: &order,
            sections: sections.collect(),
        })
    }
}

fn section(columns: &[Column], episode: Episode, number: usize) -> Section {
    let Episode { attack, poll, then, chart, seen } = episode;
    let begin = attack.map(|attack| attack.at).unwrap_or_default();
    let title = match attack {
        Some(attack) => format!("{}, at {}", what(attack, columns), clock(attack.at)),
        None => "No attack".into(),
    };
    let later = |done: &&Done| format!("{} after {}", what(done, columns), show(done.at - begin));
    let then = then.iter().map(later).collect::<Vec<_>>().join("; ");
    let cells = seen.into_iter().map(|seen| {
        let (sign, class) = if seen.is_well { ("✓", "kept") } else { ("✗", "broken") };
        Cell { sign, words: seen.words, class, figure: seen.figure }
    });
    Section {
        id: format!("attack-{number}"),
        title,
        cells: cells.collect(),
        chart,
        votes: poll.map(|poll| votes(poll, columns)),
        then: (!then.is_empty()).then(|| format!("Then: {then}.")),
        by_hand: attack.map(|attack| attack.by_hand.clone()),
    }
}

/// `Burst of 100 on stage 4`, or without the servers if it was for all of them.
fn what(done: &Done, columns: &[Column]) -> String {
    let names = done.servers.iter().filter_map(|place| columns.get(*place)).map(Column::title);
    match done.servers.len() {
        count if count == columns.len() => done.label.clone(),
        _ => format!("{} on {}", done.label, names.collect::<Vec<_>>().join(", ")),
    }
}

/// `Votes before it: 3, from 2 devices. Right about 1 blocking, which did not respond: 3; …`
fn votes(poll: &Poll, columns: &[Column]) -> String {
    let devices = if poll.devices == 1 { "device" } else { "devices" };
    let cast = format!("Votes before it: {}, from {} {devices}.", poll.votes, poll.devices);
    let names = poll.servers.iter().filter_map(|server| columns.get(*server)).map(Column::title);
    let Some(outcome) = &poll.outcome else {
        let expected = names.zip(&poll.expected).map(|(name, count)| format!("{name}: {count}"));
        let expected = expected.collect::<Vec<_>>().join(", ");
        return format!("{cast} Will respond: {expected}. It was not measured who was right.");
    };
    let right =
        names.zip(&outcome.responded).zip(&outcome.right).map(|((name, responded), right)| {
            let responded = if *responded { "responded" } else { "did not respond" };
            format!("{name}, which {responded}: {right}")
        });
    let right = right.collect::<Vec<_>>().join("; ");
    format!("{cast} Right about {right}. Right about every server: {}.", outcome.all_right)
}

/// Minutes and seconds of the run: `1:05`.
fn clock(at: Duration) -> String {
    format!("{}:{:02}", at.as_secs() / 60, at.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_on_an_attack_that_was_not_measured_are_on_the_page_without_a_judgement() {
        let column = |stage: u8| Column { stage: Some(stage), name: String::new() };
        let (servers, expected) = (vec![0, 1], vec![1, 4]);
        let poll = Poll { question: 1, servers, votes: 5, devices: 2, expected, outcome: None };
        assert_eq!(
            votes(&poll, &[column(1), column(2)]),
            "Votes before it: 5, from 2 devices. Will respond: stage 1: 1, stage 2: 4. It was not measured who was right."
        );
    }
}
