//! The responses of a flawed server.

use super::flaw::{Flaw, Kind};
use event::Event;
use http1::{Bytes, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const CAPACITY: usize = 16;
const WORK: Duration = Duration::from_millis(50);

pub(super) struct Bank {
    kind: Kind,
    flaw: Flaw,
    queue: mpsc::Sender<Event>,
    ledger: Arc<Mutex<Ledger>>,
    /// Held by the one task that may work on the shared state.
    work: Semaphore,
    /// It rejects every event until then.
    rejecting_until: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Ledger {
    balances: BTreeMap<String, i64>,
    accepted: usize,
    rejected: usize,
    processed: usize,
    failed: usize,
}

impl Ledger {
    fn undone(&self) -> usize {
        self.accepted - self.processed - self.failed
    }

    fn apply(&mut self, event: Event, flaw: Flaw) -> Option<i64> {
        let fifth = (self.processed + 1) % 5 == 0;
        let (balance, amount) =
            (self.balances.entry(event.user.to_string()).or_default(), event.amount);
        let sum = match flaw {
            Flaw::Wraps => Some(balance.wrapping_add(amount)),
            Flaw::Saturates => Some(balance.saturating_add(amount)),
            Flaw::LosesEveryFifth if fifth => Some(*balance),
            Flaw::CountsEveryFifthTwice if fifth => balance.checked_add(2 * amount),
            _ => balance.checked_add(amount),
        };
        match sum {
            Some(sum) => {
                *balance = sum;
                self.processed += 1;
            }
            None => self.failed += 1,
        }
        sum
    }
}

impl Bank {
    pub(super) fn open(kind: Kind, flaw: Flaw, tasks: &mut JoinSet<()>) -> Self {
        let (queue, mut events) = mpsc::channel(match flaw {
            Flaw::HasUnboundedQueue => 100_000,
            Flaw::OverstatesCapacity => 5,
            _ => CAPACITY,
        });
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let works = ledger.clone();
        tasks.spawn(async move {
            while let Some(event) = events.recv().await {
                sleep(WORK).await;
                lock(&works).apply(event, flaw);
            }
        });
        Self {
            kind,
            flaw,
            queue,
            ledger,
            work: Semaphore::new(1),
            rejecting_until: Mutex::new(None),
        }
    }

    pub(super) async fn respond(&self, request: Request) -> Response {
        if self.kind == Kind::Echo {
            return self.echo(request.into_body());
        }
        let with_query = self.flaw == Flaw::RejectsQueries && request.query().is_some();
        let path = if with_query { "/elsewhere" } else { request.path() };
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        match path {
            "/events" if request.method() == Method::POST => match self.parse(&request) {
                Ok(_) if self.flaw == Flaw::RejectsEveryEvent => Response::problem(
                    StatusCode::NOT_FOUND,
                    "there is no such path, whatever was sent",
                ),
                Ok(event) => self.accept(event).await,
                Err(status) => Response::problem(status, "this is not a valid event"),
            },
            "/events" => match self.flaw {
                Flaw::IgnoresMethods => Response::text("any method will do".into()),
                Flaw::OmitsAllow => {
                    Response::problem(StatusCode::METHOD_NOT_ALLOWED, "another method")
                }
                _ => Response::method_not_allowed("POST"),
            },
            "/balances" if reads && self.kind == Kind::Slow => {
                let _permit = self.work.acquire().await;
                Response::json(StatusCode::OK, &lock(&self.ledger).balances)
            }
            "/balances" if reads && self.kind == Kind::Queue => {
                while self.flaw == Flaw::BlocksReadsOnWrites && lock(&self.ledger).undone() > 0 {
                    sleep(WORK * 10).await;
                }
                Response::json(StatusCode::OK, &lock(&self.ledger).balances)
            }
            "/stats" if reads && self.kind == Kind::Queue => {
                Response::json(StatusCode::OK, &self.stats())
            }
            _ => Response::problem(StatusCode::NOT_FOUND, "there is no such path"),
        }
    }

    fn echo(&self, body: Bytes) -> Response {
        let html = HeaderValue::from_static("text/html");
        match self.flaw {
            Flaw::EchoesOnlyUtf8 => {
                Response::text(String::from_utf8_lossy(&body).into_owned().into())
            }
            Flaw::EchoesAsHtml => Response::text(body).with_header(header::CONTENT_TYPE, html),
            Flaw::OmitsNosniff => {
                let guess = HeaderValue::from_static("");
                Response::text(body).with_header(header::X_CONTENT_TYPE_OPTIONS, guess)
            }
            _ => Response::text(body),
        }
    }

    fn parse(&self, request: &Request) -> Result<Event, StatusCode> {
        if request.header(header::CONTENT_TYPE).is_some_and(|kind| kind != "application/json") {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let text = std::str::from_utf8(request.body()).map_err(|_| StatusCode::BAD_REQUEST)?;
        match serde_json::from_str::<Event>(text) {
            Ok(event) => Ok(event),
            Err(_) if self.flaw == Flaw::AcceptsUnknownFields && text.contains("admin") => {
                Ok(serde_json::from_str(r#"{"user": "alice", "amount": 0}"#).expect("an event"))
            }
            Err(error) if error.is_data() => Err(StatusCode::UNPROCESSABLE_ENTITY),
            Err(_) => Err(StatusCode::BAD_REQUEST),
        }
    }

    async fn accept(&self, event: Event) -> Response {
        let understood = match self.flaw {
            Flaw::RespondsWithPlainText => {
                json!({ "user": event.user, "amount": event.amount.to_string() })
            }
            _ => json!({ "user": event.user, "amount": event.amount }),
        };
        match self.kind {
            Kind::Parse => {
                if self.flaw == Flaw::ServesOneAtATime {
                    let _permit = self.work.acquire().await;
                    sleep(WORK * 2).await;
                }
                Response::json(StatusCode::OK, &understood)
            }
            Kind::Slow => {
                let _permit = self.work.acquire().await;
                sleep(WORK * 2).await; // ten of them exceed what the claims tolerate as noise
                let (user, amount) = (event.user.clone(), event.amount);
                match lock(&self.ledger).apply(event, self.flaw) {
                    Some(balance) => {
                        let before =
                            if self.flaw == Flaw::RespondsWithOldBalance { amount } else { 0 };
                        Response::json(
                            StatusCode::OK,
                            &json!({ "user": user, "balance": balance - before }),
                        )
                    }
                    None => Response::problem(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "the balance would leave i64",
                    ),
                }
            }
            Kind::Echo | Kind::Queue => self.offer(event, &understood).await,
        }
    }

    async fn offer(&self, event: Event, understood: &Value) -> Response {
        if self.flaw == Flaw::WaitsWhenFull {
            let place = self.queue.reserve().await.expect("the worker runs");
            let mut ledger = lock(&self.ledger);
            place.send(event);
            ledger.accepted += 1;
            return Response::json(StatusCode::ACCEPTED, understood);
        }
        let mut ledger = lock(&self.ledger);
        let mut rejecting_until = self.rejecting_until.lock().expect("no panic while it is held");
        if !rejecting_until.is_some_and(|until| Instant::now() < until)
            && self.queue.try_send(event).is_ok()
        {
            ledger.accepted += 1;
            return Response::json(StatusCode::ACCEPTED, understood);
        }
        if self.flaw == Flaw::RejectsEvenAfterRetryAfter {
            *rejecting_until = Some(Instant::now() + Duration::from_secs(4));
        }
        ledger.rejected += usize::from(self.flaw != Flaw::MiscountsRejections);
        self.overloaded(Flaw::OmitsRetryAfter)
    }

    /// A 503, with `Retry-After` unless the flaw omits it.
    pub(super) fn overloaded(&self, forgotten: Flaw) -> Response {
        let rejection =
            Response::problem(StatusCode::SERVICE_UNAVAILABLE, "the server is at its limit");
        if self.flaw == forgotten {
            rejection
        } else {
            rejection.with_header(header::RETRY_AFTER, 1u64)
        }
    }

    fn stats(&self) -> Value {
        let ledger = lock(&self.ledger);
        let queued = ledger.undone().saturating_sub(1)
            + usize::from(self.flaw == Flaw::OverstatesQueued) * 3;
        json!({
            "capacity": CAPACITY,
            "queued": queued,
            "accepted": ledger.accepted,
            "rejected": ledger.rejected,
            "processed": ledger.processed,
            "failed": ledger.failed,
        })
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().expect("no panic while it is held")
}
