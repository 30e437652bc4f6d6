//! Rounds: every contender in turn, again and again. What disturbs a small shared machine disturbs all contenders of a
//! round alike, so the ratios within a round hold where the figures themselves do not.

use crate::cpu::Machine;
use anyhow::{Context, Result};
use serde::Serialize;
use std::time::Duration;

/// Above this share of the machine taken by others, a round does not count.
pub const DISTURBED: f64 = 0.10;

/// What one trial of a contender gave.
pub struct Sample {
    /// Answers sent or received.
    pub answers: u64,
    /// CPU time of the process in question.
    pub cpu: Duration,
    /// CPU time of all processes of the trial.
    pub ours: Duration,
}

/// One of those compared.
pub struct Contender<'a> {
    /// As it stands in the table.
    pub name: String,
    /// Runs it once, for the length of a round.
    pub trial: Box<dyn FnMut() -> Result<Sample> + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: impl Into<String>, trial: impl FnMut() -> Result<Sample> + 'a) -> Self {
        Self { name: name.into(), trial: Box::new(trial) }
    }
}

/// CPU per answer, of each contender in each round.
#[derive(Serialize)]
pub struct Rounds {
    /// The contenders, in the order of their trials.
    pub names: Vec<String>,
    /// Microseconds per answer: one list a round.
    pub micros: Vec<Vec<f64>>,
    /// Rounds in which others took more than a tenth of the machine, and that count all the same: there were too many
    /// to repeat.
    pub disturbed: usize,
}

impl Rounds {
    /// Warms each contender up, and then runs `count` rounds; as many again at most for those that others disturbed.
    pub fn run(mut contenders: Vec<Contender<'_>>, count: usize) -> Result<Self> {
        for contender in &mut contenders {
            (contender.trial)().with_context(|| contender.name.clone())?;
        }
        Self::run_cold(contenders, count)
    }

    /// The same, where nothing is warm in the second round either.
    pub fn run_cold(mut contenders: Vec<Contender<'_>>, count: usize) -> Result<Self> {
        let names = contenders.iter().map(|contender| contender.name.clone()).collect();
        let mut rounds = Self { names, micros: Vec::new(), disturbed: 0 };
        let mut disturbed = Vec::new();
        while rounds.micros.len() < count && rounds.micros.len() + disturbed.len() < 2 * count {
            let (micros, calm) = round(&mut contenders)?;
            if calm { rounds.micros.push(micros) } else { disturbed.push(micros) }
        }
        rounds.disturbed = count - rounds.micros.len();
        rounds.micros.extend(disturbed.into_iter().take(rounds.disturbed));
        Ok(rounds)
    }

    /// The median over the rounds of a contender's microseconds per answer.
    pub fn micros(&self, name: &str) -> Option<f64> {
        let at = self.place(name)?;
        median(self.micros.iter().map(|round| round[at]))
    }

    /// The median over the rounds of one contender's figure over another's.
    pub fn ratio(&self, name: &str, base: &str) -> Option<f64> {
        let (at, base) = (self.place(name)?, self.place(base)?);
        median(self.micros.iter().map(|round| round[at] / round[base]))
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| other == name)
    }
}

fn round(contenders: &mut [Contender<'_>]) -> Result<(Vec<f64>, bool)> {
    let mut calm = true;
    let mut micros = Vec::new();
    for contender in contenders {
        let machine = Machine::now();
        let Sample { answers, cpu, ours } =
            (contender.trial)().with_context(|| contender.name.clone())?;
        calm &= machine.taken_by_others(ours).is_none_or(|others| others <= DISTURBED);
        anyhow::ensure!(answers > 0, "{}: no answer in a whole round", contender.name);
        micros.push(cpu.as_secs_f64() * 1e6 / answers as f64);
    }
    Ok((micros, calm))
}

/// The middle one, or the mean of the two in the middle.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}
