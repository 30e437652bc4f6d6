//! The responses of a flawed server.

use super::boundary::{Entry, parse};
use super::flaw::{Flaw, Kind};
use super::ledger::{Ledger, lock};
use super::queue::{Queue, unavailable, work};
use http1::{Bytes, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Serializer;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

pub(super) struct Bank {
    kind: Kind,
    flaw: Flaw,
    queue: Queue,
    ledger: Arc<Mutex<Ledger>>,
    /// Held by the one task that may work on the shared state.
    work: Semaphore,
    /// The same for each user, for a server that locks them one by one.
    users: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// The body that was received last, for a server that keeps it in one place.
    latest: Mutex<Bytes>,
    cached: Mutex<Option<(Instant, BTreeMap<String, i64>)>>,
    /// The events by their keys.
    keys: Mutex<HashMap<String, Entry>>,
}

impl Bank {
    pub(super) fn open(kind: Kind, flaw: Flaw, tasks: &mut JoinSet<()>) -> Self {
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        Self {
            kind,
            flaw,
            queue: Queue::open(kind, flaw, ledger.clone(), tasks),
            ledger,
            work: Semaphore::new(1),
            users: Mutex::default(),
            latest: Mutex::default(),
            cached: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    pub(super) async fn respond(&self, request: Request, sender_is_gone: bool) -> Response {
        if self.kind == Kind::Echo {
            return self.echo(request.into_body()).await;
        }
        let with_query = self.flaw == Flaw::RejectsQueries && request.query().is_some();
        let path = if with_query { "/elsewhere" } else { request.path() };
        let reads = match *request.method() {
            Method::GET => true,
            Method::HEAD => self.flaw != Flaw::RejectsHead,
            _ => false,
        };
        match path {
            "/events" if request.method() == Method::POST => match parse(&request, self.flaw) {
                Ok(_) if self.flaw == Flaw::RejectsEveryEvent => Response::problem(
                    StatusCode::NOT_FOUND,
                    "there is no such path, whatever was sent",
                ),
                Ok(entry) if self.kind == Kind::Keys => {
                    let key = request.header(HeaderName::from_static("idempotency-key"));
                    let key = key.map(str::to_owned);
                    drop(request);
                    self.accept_once(entry, key).await
                }
                Ok(entry) => {
                    drop(request);
                    if sender_is_gone && self.flaw == Flaw::AppliesTwiceWhenSenderGone {
                        self.accept(entry.clone()).await;
                    }
                    self.accept(entry).await
                }
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
                self.balances()
            }
            "/balances" if reads && self.kind.has_queue() => {
                while self.flaw == Flaw::BlocksReadsOnWrites && lock(&self.ledger).undone() > 0 {
                    sleep(work(self.flaw) * 10).await;
                }
                self.balances()
            }
            "/stats" if reads && self.kind.has_queue() => {
                Response::json(StatusCode::OK, &self.queue.stats().await)
            }
            "/balances" if self.kind != Kind::Parse => Response::method_not_allowed("GET, HEAD"),
            "/stats" if self.kind.has_queue() => Response::method_not_allowed("GET, HEAD"),
            _ => Response::problem(StatusCode::NOT_FOUND, "there is no such path"),
        }
    }

    /// An event with a key that is known is not accepted again.
    async fn accept_once(&self, entry: Entry, key: Option<String>) -> Response {
        let Some(key) = key.filter(|_| self.flaw != Flaw::IgnoresKeys) else {
            return self.accept(entry).await;
        };
        let _permit = match self.flaw {
            Flaw::CountsKeyTwiceAtOnce => None,
            _ => self.work.acquire().await.ok(), // the same key may come twice at once
        };
        if self.flaw == Flaw::LooksUpKeyAfterPlace && self.queue.is_full() {
            return self.accept(entry).await; // that rejects it
        }
        let known = self.keys.lock().expect("no panic while it is held").get(&key).cloned();
        if let Some(known) = known {
            let is_same = (&known.user, known.amount) == (&entry.user, entry.amount);
            return match is_same || self.flaw == Flaw::AcceptsKeyOfAnotherEvent {
                true => {
                    let understood = json!({ "user": entry.user, "amount": entry.amount });
                    Response::json(StatusCode::ACCEPTED, &understood)
                }
                false => Response::problem(StatusCode::UNPROCESSABLE_ENTITY, "another event's key"),
            };
        }
        if self.flaw == Flaw::CountsKeyTwiceAtOnce {
            sleep(Duration::from_millis(30)).await; // a disk, say
        }
        let response = self.accept(entry.clone()).await;
        if response.status().is_success() || self.flaw == Flaw::RemembersKeyOfRejectedEvent {
            self.keys.lock().expect("no panic while it is held").insert(key, entry);
        }
        response
    }

    fn balances(&self) -> Response {
        let ledger = lock(&self.ledger);
        match self.flaw {
            Flaw::ListsBalancesUnordered => {
                let mut json = Vec::new();
                let reversed = ledger.balances.iter().rev();
                serde_json::Serializer::new(&mut json)
                    .collect_map(reversed)
                    .expect("names and numbers are JSON");
                let mut response = Response::json(StatusCode::OK, &());
                response.set_body(json.into());
                response
            }
            Flaw::CachesBalances => {
                let mut cached = self.cached.lock().expect("no panic while it is held");
                let fresh = cached
                    .take()
                    .filter(|(since, _)| since.elapsed() < Duration::from_secs(1))
                    .unwrap_or_else(|| (Instant::now(), ledger.balances.clone()));
                let response = Response::json(StatusCode::OK, &fresh.1);
                *cached = Some(fresh);
                response
            }
            _ => Response::json(StatusCode::OK, &ledger.balances),
        }
    }

    async fn echo(&self, body: Bytes) -> Response {
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
            Flaw::TruncatesLargeEchoes => Response::text(body.slice(..body.len().min(64 * 1024))),
            Flaw::TrimsEchoes => Response::text(Bytes::copy_from_slice(body.trim_ascii_end())),
            Flaw::MixesUpBodies => {
                *self.latest.lock().expect("no panic while it is held") = body;
                sleep(Duration::from_millis(20)).await;
                Response::text(self.latest.lock().expect("no panic while it is held").clone())
            }
            _ => Response::text(body),
        }
    }

    async fn accept(&self, entry: Entry) -> Response {
        let understood = match self.flaw {
            Flaw::RespondsWithPlainText => {
                json!({ "user": entry.user, "amount": entry.amount.to_string() })
            }
            _ => json!({ "user": entry.user, "amount": entry.amount }),
        };
        match self.kind {
            Kind::Parse => {
                if self.flaw == Flaw::ServesOneAtATime {
                    let _permit = self.work.acquire().await;
                    sleep(work(self.flaw) * 2).await;
                }
                Response::json(StatusCode::OK, &understood)
            }
            Kind::Slow => self.apply(entry).await,
            Kind::Echo | Kind::Queue | Kind::Bounded | Kind::Keys => {
                self.queue.offer(entry, &understood).await
            }
        }
    }

    async fn apply(&self, entry: Entry) -> Response {
        let work = work(self.flaw) * 2; // ten of them exceed what the claims tolerate as noise
        let balance = match self.flaw {
            Flaw::LosesAcrossUsers => {
                let user = {
                    let mut users = self.users.lock().expect("no panic while it is held");
                    let new = || Arc::new(Semaphore::new(1));
                    users.entry(entry.user.clone()).or_insert_with(new).clone()
                };
                let _permit = user.acquire().await;
                let copy = lock(&self.ledger).balances.clone();
                sleep(work).await;
                let mut ledger = lock(&self.ledger);
                ledger.balances = copy;
                ledger.apply(&entry, self.flaw)
            }
            Flaw::LocksForReadOnly => {
                let old = lock(&self.ledger).balances.get(&entry.user).copied().unwrap_or(0);
                sleep(work).await;
                let mut ledger = lock(&self.ledger);
                ledger.balances.insert(entry.user.clone(), old);
                ledger.apply(&entry, self.flaw)
            }
            Flaw::RespondsWithLaterBalance => {
                let permit = self.work.acquire().await;
                sleep(work).await;
                let applied = lock(&self.ledger).apply(&entry, self.flaw);
                drop(permit);
                sleep(work * 3).await;
                applied.map(|_| lock(&self.ledger).balances[&entry.user])
            }
            _ => {
                let _permit = self.work.acquire().await;
                sleep(work).await;
                lock(&self.ledger).apply(&entry, self.flaw)
            }
        };
        let Some(balance) = balance else {
            let detail = "the balance would leave i64";
            return Response::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
        };
        let before = if self.flaw == Flaw::RespondsWithOldBalance { entry.amount } else { 0 };
        Response::json(StatusCode::OK, &json!({ "user": entry.user, "balance": balance - before }))
    }

    /// The response to a connection over the limit.
    pub(super) fn too_many_connections(&self) -> Response {
        match self.flaw {
            Flaw::OmitsRetryAfterAtConnectionLimit => unavailable(),
            _ => unavailable().with_header(header::RETRY_AFTER, 1u64),
        }
    }
}
