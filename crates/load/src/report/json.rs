//! A report for programs. The schema is documented in the client's README; its version changes with it.

use super::{PERCENTILES, Report};
use crate::schedule::Shape;
use crate::tally::{Latency, Row};
use http1::StatusCode;
use serde_json::{Map, Value, json};

/// The version of the schema.
const VERSION: u32 = 1;

impl Report {
    /// The report as one JSON object.
    pub fn json(&self) -> Value {
        let tally = &self.tally;
        let (shape, rate) = match self.shape {
            Shape::ClosedLoop => ("closed loop", None),
            Shape::Rate(rate) => ("open loop", Some(rate)),
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
            "connections": tally.senders,
            "elapsed_s": tally.elapsed.as_secs_f64(),
            "requests": tally.total(),
            "throughput": tally.throughput(),
            "goodput": tally.goodput(),
            "served": row(&tally.served, status),
            "refused": row(&tally.refused, |after| json!({ "status": 503, "retry_after_s": after })),
            "rejected": row(&tally.rejected, status),
            "timed_out": row(&tally.timed_out, |()| json!({})),
            "failed": row(&tally.failed, |failure| json!({ "cause": failure.to_string() })),
            "cut_short": row(&tally.cut_short, |refused| json!({ "refused": refused })),
            "not_sent": tally.not_sent,
            "sent_again": tally.resent,
            "connects": {
                "count": tally.connects.count,
                "slow": tally.connects.slow,
                "slowest_s": tally.connects.slowest.as_secs_f64(),
            },
            "client_load": tally.load,
            "diagnoses": self.diagnoses,
            "expectations": self.judgements,
            "verified": match &self.agreement {
                None => Value::Null,
                Some(Ok(agreement)) => json!({ "holds": agreement.holds(), "figures": agreement }),
                Some(Err(why)) => json!({ "holds": false, "why": why }),
            },
        })
    }
}

fn row<Kind: Ord + Copy>(row: &Row<Kind>, describe: impl Fn(&Kind) -> Value) -> Value {
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
    for (name, percent) in PERCENTILES {
        points.insert(name.into(), latency.percentile(percent).as_secs_f64().into());
    }
    points.insert("max".into(), latency.max().as_secs_f64().into());
    points.into()
}
