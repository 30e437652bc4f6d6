//! A recording as JSON. `client/README.md` documents the format.

use super::episodes::{Episode, episodes};
use super::recording::{Done, Poll, Recording};
use crate::compare::json::{folder, head, micros, queue, requests};
use serde_json::{Value, json};

impl Recording {
    /// Everything on the page and the traces behind it, as one JSON document that ends in a newline.
    pub fn to_json(&self) -> String {
        let mut data = head(self.opened, self.took, &self.columns());
        for (server, recorded) in self.servers.iter().enumerate() {
            let work = recorded.work.map(micros);
            data["stages"][server]["addr"] = json!(recorded.host);
            data["stages"][server]["work_us"] = json!(work);
            data["stages"][server]["forgotten"] = json!(recorded.forgotten.requests);
            data["stages"][server]["forgotten_queue"] = json!(recorded.forgotten.samples);
            data["stages"][server]["forgotten_states"] = json!(recorded.forgotten.periods);
        }
        data["forgotten_actions"] = json!(self.forgotten_actions);
        data["attacks"] = episodes(self).iter().map(|episode| self.attack(episode)).collect();
        format!("{data}\n")
    }

    fn attack(&self, episode: &Episode) -> Value {
        let found = episode.seen.iter().zip(&episode.chart.panels).zip(self.columns());
        let trials = found.map(|((seen, panel), column)| {
            json!({
                "stage": column.stage,
                "server": folder(&column),
                "responds": seen.is_well,
                "state": seen.words,
                "figure": seen.figure,
                "requests": requests(panel),
                "queue": queue(panel),
            })
        });
        let mut attack = match episode.attack {
            Some(attack) => self.done(attack),
            None => {
                json!({"name": null, "label": null, "by_hand": null, "at_us": 0, "servers": []})
            }
        };
        attack["votes"] = json!(episode.poll.map(|poll| self.votes(poll)));
        attack["then"] = episode.then.iter().map(|done| self.done(done)).collect();
        attack["trials"] = trials.collect();
        attack
    }

    fn votes(&self, poll: &Poll) -> Value {
        let columns = self.columns();
        let outcome = poll.outcome.as_ref();
        let servers = poll.servers.iter().enumerate().map(|(place, server)| {
            json!({
                "server": columns.get(*server).map(folder),
                "respond": poll.expected[place],
                "responded": outcome.map(|outcome| outcome.responded[place]),
                "right": outcome.map(|outcome| outcome.right[place]),
            })
        });
        json!({
            "count": poll.votes,
            "devices": poll.devices,
            "all_right": outcome.map(|outcome| outcome.all_right),
            "servers": servers.collect::<Vec<_>>(),
        })
    }

    fn done(&self, done: &Done) -> Value {
        let columns = self.columns();
        let servers = done.servers.iter().filter_map(|place| columns.get(*place)).map(folder);
        json!({
            "name": done.name,
            "label": done.label,
            "by_hand": done.by_hand,
            "at_us": micros(done.at),
            "servers": servers.collect::<Vec<_>>(),
        })
    }
}
