//! A rate that rises during the run, and where the server stops following.

use crate::latency::Latency;
use std::time::Duration;

/// A rate that rises evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Requests per second at the beginning, above 0.
    pub from: f64,
    /// And at the end, which is more.
    pub to: f64,
    /// How long it rises: the whole run.
    pub over: Duration,
}

impl Ramp {
    /// By how much the rate rises in each second.
    fn slope(&self) -> f64 {
        (self.to - self.from) / self.over.as_secs_f64()
    }

    /// How many requests are due within that time.
    pub(crate) fn due_by(&self, elapsed: Duration) -> f64 {
        let seconds = elapsed.as_secs_f64();
        self.from * seconds + self.slope() * seconds * seconds / 2.0
    }

    /// After how many seconds the request with this number is due, counted from 0: where `due_by` reaches the number.
    pub(crate) fn due_after(&self, number: u64) -> f64 {
        let number = number as f64;
        2.0 * number / (self.from + (self.from * self.from + 2.0 * self.slope() * number).sqrt())
    }

    /// The rate at that part of the run, 0 to 1.
    fn rate_at(&self, part: f64) -> f64 {
        self.from + (self.to - self.from) * part
    }
}

/// How many steps a ramp is shown in.
const STEPS: u32 = 10;

/// One step of a ramp: a tenth of the run.
#[derive(Clone, Debug)]
pub struct Step {
    /// Requests due per second at its beginning and end.
    pub rates: [f64; 2],
    /// How many of them were due within it.
    pub due: u64,
    /// How many requests were served within it, whenever they were due.
    pub served: u64,
    /// How long it is.
    pub duration: Duration,
    /// The latency of those that were due within it and were served.
    pub latency: Latency,
}

impl Step {
    /// Requests due per second, on average.
    pub fn offered(&self) -> f64 {
        self.due as f64 / self.duration.as_secs_f64()
    }

    /// Requests served per second.
    pub fn goodput(&self) -> f64 {
        self.served as f64 / self.duration.as_secs_f64()
    }

    /// Whether as much is served as is due, within a tenth and two requests.
    fn follows(&self) -> bool {
        self.served as f64 + 2.0 >= self.due as f64 * 0.9
    }
}

/// The steps of a ramp, none without one.
#[derive(Clone, Debug, Default)]
pub struct Steps(pub Vec<Step>);

impl Steps {
    pub(crate) fn new(ramp: Option<Ramp>) -> Self {
        let Some(ramp) = ramp else { return Self::default() };
        let step = |number: u32| {
            let [from, to] = [number, number + 1].map(|number| ramp.over * number / STEPS);
            let part = |number: u32| f64::from(number) / f64::from(STEPS);
            let due = [from, to].map(|at| ramp.due_by(at).ceil() as u64);
            Step {
                rates: [ramp.rate_at(part(number)), ramp.rate_at(part(number + 1))],
                due: due[1] - due[0],
                served: 0,
                duration: to - from,
                latency: Latency::new(),
            }
        };
        Self((0..STEPS).map(step).collect())
    }

    /// A request was served that was due then and had its response after its latency.
    pub(crate) fn count(&mut self, due: Duration, latency: Duration) {
        if let Some(step) = self.at(due) {
            step.latency.record(latency);
        }
        if let Some(step) = self.at(due + latency) {
            step.served += 1;
        }
    }

    fn at(&mut self, moment: Duration) -> Option<&mut Step> {
        let length = self.0.first()?.duration;
        self.0.get_mut((moment.as_nanos() / length.as_nanos().max(1)) as usize)
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (step, other) in self.0.iter_mut().zip(&other.0) {
            step.served += other.served;
            step.latency.merge(&other.latency);
        }
    }

    /// Leaves out the steps that a run did not reach before it was stopped.
    pub(crate) fn end(&mut self, elapsed: Duration) {
        let complete =
            |(place, step): (usize, &Step)| step.duration * (place as u32 + 1) <= elapsed;
        let steps = self.0.iter().enumerate().take_while(|step| complete(*step)).count();
        self.0.truncate(steps);
    }

    /// The first step whose goodput does not follow the load, and neither does the next one, so that it is not chance.
    pub fn knee(&self) -> Option<&Step> {
        let follows = |place: usize| self.0.get(place).is_some_and(Step::follows);
        let last = self.0.len().checked_sub(1)?;
        let place = (0..=last).find(|place| !follows(*place) && !follows((place + 1).min(last)))?;
        self.0.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAMP: Ramp = Ramp { from: 20.0, to: 200.0, over: Duration::from_secs(10) };

    #[test]
    fn a_request_is_due_when_so_many_are() {
        for number in [0, 1, 7, 500, 1099] {
            let due = Duration::from_secs_f64(RAMP.due_after(number));
            assert!((RAMP.due_by(due) - number as f64).abs() < 1e-3, "{number}: {due:?}");
        }
        assert_eq!(RAMP.due_by(RAMP.over), 1100.0);
        assert!((RAMP.due_after(1100) - 10.0).abs() < 1e-9);
    }

    /// The steps of a server that serves so many per second at most, each at once.
    fn steps(most: u64) -> Steps {
        let mut steps = Steps::new(Some(RAMP));
        for (second, step) in (0..10).zip(steps.clone().0) {
            for number in 0..step.due.min(most) {
                let due = Duration::from_millis(second * 1000 + number);
                steps.count(due, Duration::from_millis(1));
            }
        }
        steps
    }

    #[test]
    fn the_knee_is_where_goodput_stops_following() {
        let all = steps(1000);
        assert_eq!(all.0.iter().map(|step| step.due).sum::<u64>(), 1100);
        assert!(all.knee().is_none(), "it follows to the end");
        // due in each step: 29, 47, 65, 83, 101, …
        let steps = steps(85);
        let knee = steps.knee().expect("there is one");
        assert_eq!((knee.rates, knee.due, knee.served), ([92.0, 110.0], 101, 85));
    }

    #[test]
    fn one_slow_step_is_not_a_knee_and_steps_that_were_not_reached_do_not_count() {
        let mut steps = steps(1000);
        steps.0[4].served = 0;
        assert!(steps.knee().is_none());
        steps.0[5].served = 0;
        assert_eq!(steps.knee().expect("there is one").due, steps.0[4].due);
        steps.end(Duration::from_millis(3900));
        assert_eq!(steps.0.len(), 3);
        assert!(steps.knee().is_none() && Steps::default().knee().is_none());
    }
}
