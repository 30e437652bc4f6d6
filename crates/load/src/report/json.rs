//! A report for programs. The schema is documented in the client's README; its version changes with it.

use super::{PERCENTILES, Report};
use crate::latency::Latency;
use crate::ramp::Step;
use crate::schedule::Shape;
use crate::stats::OutcomeStats;
use crate::timeline::Second;
use http1::StatusCode;
use serde_json::{Map, Value, json};

/// The version of the schema.
const VERSION: u32 = 1;

impl Report {
    /// The report as one JSON object.
    pub fn json(&self) -> Value {
        let stats = &self.stats;
        let (shape, rate) = match self.shape {
            Shape::ClosedLoop => ("closed loop", None),
            Shape::Rate(rate) => ("open loop", Some(rate)),
            Shape::Ramp(_) => ("ramp", None),
            Shape::Burst => ("burst", None),
        };
        let status = |status: &StatusCode| json!({ "status": status.as_u16() });
        json!({
            "version": VERSION,
            "target": self.target,
            "method": self.method,
            "shape": shape,
            "rate": rate,
            "seed": self.seed,
            "connections": stats.senders,
            "elapsed_s": stats.elapsed.as_secs_f64(),
            "requests": stats.total(),
            "throughput": stats.throughput(),
            "goodput": stats.goodput(),
            "served": row(&stats.served, status),
            "refused": row(&stats.shed, |after| json!({ "status": 503, "retry_after_s": after })),
            "rejected": row(&stats.rejected, status),
            "timed_out": row(&stats.timed_out, |()| json!({})),
            "failed": row(&stats.failed, |failure| json!({ "cause": failure.to_string() })),
            "cut_short": row(&stats.aborted, |refused| json!({ "refused": refused })),
            "only_error": stats.only_error(),
            "not_sent": stats.not_sent,
            "sent_again": stats.resent.shed,
            "sent_again_after_timeout": stats.resent.timed_out,
            "not_sent_again": stats.resent.denied,
            "pause": self.pause.map(|(from, to)| json!({ "from_s": from.as_secs_f64(), "to_s": to.as_secs_f64() })),
            "ramp": stats.ramp.0.iter().map(step).collect::<Vec<_>>(),
            "knee": stats.ramp.knee().map(|step| step.rates[0]),
            "timeline": stats.timeline.iter().zip(1..).map(second).collect::<Vec<_>>(),
            "connects": {
                "count": stats.connects.count,
                "slow": stats.connects.slow,
                "slowest_s": stats.connects.slowest.as_secs_f64(),
            },
            "client_load": stats.load,
            "diagnoses": self.diagnoses,
            "expectations": self.assertions,
            "verified": match &self.reconciliation {
                None => Value::Null,
                Some(Ok(reconciliation)) => json!({ "holds": reconciliation.holds(), "figures": reconciliation }),
                Some(Err(why)) => json!({ "holds": false, "why": why }),
            },
        })
    }
}

fn step(step: &Step) -> Value {
    json!({
        "from": step.rates[0],
        "to": step.rates[1],
        "due": step.due,
        "offered": step.offered(),
        "goodput": step.goodput(),
        "latency_s": latency(&step.latency),
    })
}

fn second((second, number): (&Second, u64)) -> Value {
    let [served, refused, rejected, timed_out, failed] = second.outcomes;
    json!({
        "second": number,
        "due": second.due,
        "served": served,
        "refused": refused,
        "rejected": rejected,
        "timed_out": timed_out,
        "failed": failed,
        "sent_again": second.resent,
        "waiting": second.waiting,
    })
}

fn row<Kind: Ord + Copy>(row: &OutcomeStats<Kind>, describe: impl Fn(&Kind) -> Value) -> Value {
    let kinds = row.kinds.iter().map(|(kind, count)| {
        let mut kind = describe(kind);
        kind["count"] = json!(count);
        kind
    });
    json!({
        "count": row.total(),
        "kinds": kinds.collect::<Vec<_>>(),
        "latency_s": latency(&row.latency),
        "as_sent_s": latency(&row.as_sent),
    })
}

/// `null` where there is none.
fn latency(latency: &Latency) -> Value {
    if latency.count() == 0 {
        return Value::Null;
    }
    let mut points = Map::new();
    points.insert("min".into(), latency.min().as_secs_f64().into());
    points.insert("mean".into(), latency.mean().as_secs_f64().into());
    for (name, percent, _) in PERCENTILES {
        points.insert(name.into(), latency.percentile(percent).as_secs_f64().into());
    }
    points.insert("max".into(), latency.max().as_secs_f64().into());
    points.into()
}
