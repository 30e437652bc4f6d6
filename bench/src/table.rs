//! Rounds as a table for people.

use crate::rounds::Rounds;
use serde::Serialize;

/// What one contender is to reach: so many times another's CPU per answer, at most.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    /// Who.
    pub name: &'static str,
    /// How many times the other's figure, at most.
    pub at_most: f64,
    /// The other.
    pub base: &'static str,
}

/// A row of the comparison, measured.
#[derive(Serialize)]
pub struct Row {
    /// As it is called on the command line.
    pub name: &'static str,
    /// What was done.
    pub title: String,
    /// What is to be reached.
    pub targets: Vec<Target>,
    /// Whom the others are compared with.
    pub bases: Vec<&'static str>,
    /// What was measured.
    pub rounds: Rounds,
    /// What the figures are in: its name, and how many microseconds it is.
    #[serde(skip)]
    pub unit: (&'static str, f64),
}

/// µs of CPU per answer.
pub const MICROS: (&str, f64) = ("µs CPU", 1.0);
/// Seconds of CPU.
pub const SECONDS: (&str, f64) = ("s CPU", 1e6);

impl Row {
    /// The table, and what was reached.
    pub fn print(&self) {
        println!("\n{}: {}", self.name, self.title);
        let (unit, micros) = self.unit;
        print!("  {:<28}{:>10}", "", unit);
        let bases: Vec<_> =
            self.bases.iter().filter(|base| self.rounds.micros(base).is_some()).collect();
        for base in &bases {
            print!("{:>21}", format!("× {base}"));
        }
        println!();
        let longest = self
            .rounds
            .names
            .iter()
            .filter_map(|name| self.rounds.micros(name))
            .fold(0.0, f64::max);
        for name in &self.rounds.names {
            print!("  {name:<28}{:>10.2}", self.rounds.micros(name).unwrap_or(f64::NAN) / micros);
            for base in &bases {
                print!("{:>21.2}", self.rounds.ratio(name, base).unwrap_or(f64::NAN));
            }
            println!(
                "  {}",
                "█".repeat(
                    (self.rounds.micros(name).unwrap_or(0.0) / longest * 24.0).round() as usize
                )
            );
        }
        for target in &self.targets {
            let Target { name, at_most, base } = target;
            match self.rounds.ratio(name, base) {
                Some(ratio) => {
                    let verdict = if ratio <= *at_most { "reached" } else { "NOT REACHED" };
                    println!("  {verdict}: {name} {ratio:.3} × {base}, at most {at_most:.2}");
                }
                None => println!("  not measured: {name} × {base}"),
            }
        }
        if self.rounds.disturbed > 0 {
            println!(
                "  others took more than a tenth of the machine in {} of {} rounds: close what else runs, and repeat",
                self.rounds.disturbed,
                self.rounds.micros.len()
            );
        }
    }
}
