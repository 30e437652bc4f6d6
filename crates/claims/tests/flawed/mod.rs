//! A server of each kind that behaves as the stages do, but for one flaw.

mod bank;
mod boundary;
mod bounds;
mod flaw;
mod ledger;
pub(crate) mod nonsense;
mod queue;

pub(crate) use flaw::{Flaw, Kind};

use bank::Bank;
use http1::{
    BadMessage, Bytes, Decoded, Decoder, KeepAlive, Method, Request, Response, Version,
    encode_response, header,
};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

/// A running server; dropping it ends it and its connections.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    _tasks: JoinSet<()>,
}

struct Shared {
    kind: Kind,
    flaw: Flaw,
    bank: Bank,
    patience: Duration,
    /// How many clients have disconnected within a request, and how many were rejected over the limit.
    aborted: AtomicUsize,
    full: AtomicUsize,
    /// Held while a head is read by a server that serves no other client in that time.
    gate: Arc<Semaphore>,
    /// Held while a response is written by a server that writes one at a time.
    writing: Semaphore,
}

pub(crate) async fn start(kind: Kind, flaw: Flaw) -> Server {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let listener = socket.listen(1024).expect("it can listen");
    let addr = listener.local_addr().expect("it is bound");
    let mut tasks = JoinSet::new();
    let bank = Bank::open(kind, flaw, &mut tasks);
    let shared = Shared {
        kind,
        flaw,
        bank,
        // long enough to open a thousand connections, otherwise short to save time
        patience: Duration::from_secs(if kind.has_queue() { 6 } else { 2 }),
        aborted: AtomicUsize::new(0),
        full: AtomicUsize::new(0),
        gate: Arc::new(Semaphore::new(1)),
        writing: Semaphore::new(1),
    };
    tasks.spawn(serve_all(listener, Arc::new(shared)));
    Server { addr, _tasks: tasks }
}

async fn serve_all(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(match shared.flaw {
        Flaw::AllowsOnly200Connections => 200,
        Flaw::HasNoConnectionLimit => Semaphore::MAX_PERMITS,
        _ => 1024,
    }));
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        match shared.flaw {
            Flaw::FreezesAfterClientAborts if shared.aborted.load(Ordering::SeqCst) >= 5 => {
                std::future::pending().await
            }
            Flaw::BlocksOnSilentClient => drop(stream.peek(&mut [0]).await),
            _ => {}
        }
        let place = match shared.flaw {
            Flaw::AllowsOnly200Connections => places.clone().acquire_owned().await.ok(),
            _ => places.clone().try_acquire_owned().ok(),
        };
        let shared = shared.clone();
        let thread = (shared.flaw == Flaw::UsesThreadPerConnection).then(blocked_thread);
        connections.spawn(async move {
            let _thread = thread;
            let mut connection = FlawedConnection {
                stream,
                decoder: Decoder::new(),
                responses_sent: 0,
                previous: Bytes::new(),
                aborted: false,
                rejected: false,
            };
            let Some(place) = place else {
                shared.full.fetch_add(1, Ordering::SeqCst);
                if shared.flaw != Flaw::RefusesWithoutResponse {
                    let _ = connection.reject(shared.bank.too_many_connections(), true).await;
                }
                return;
            };
            let _ = serve(&mut connection, &shared).await; // a client that has disconnected is not an error
            if shared.flaw == Flaw::LeaksPermitOnAbort && connection.aborted
                || shared.flaw == Flaw::LeaksPermitOnRejection && connection.rejected
            {
                place.forget();
            }
        });
    }
}

/// A thread that waits until the connection ends: the end of the channel is its only event.
fn blocked_thread() -> std::sync::mpsc::Sender<()> {
    let (open, closed) = std::sync::mpsc::channel();
    std::thread::spawn(move || closed.recv());
    open
}

async fn serve(connection: &mut FlawedConnection, shared: &Shared) -> io::Result<()> {
    while let Some(mut request) = connection.next_request(shared).await? {
        let forgets = match shared.flaw {
            Flaw::IgnoresRequestsAfterHalfClose => true,
            Flaw::DropsEventsOfGoneSenders | Flaw::AppliesTwiceWhenSenderGone => {
                request.method() == Method::POST
            }
            _ => false,
        };
        let is_gone = forgets && connection.has_ended(Duration::from_millis(20)).await;
        if is_gone && shared.flaw != Flaw::AppliesTwiceWhenSenderGone {
            return Ok(());
        }
        if shared.flaw == Flaw::EchoesStaleBytes {
            let mut buffer = request.body().to_vec();
            buffer.extend(connection.previous.iter().skip(buffer.len()));
            connection.previous = buffer.into();
            request.set_body(connection.previous.clone());
        }
        if shared.flaw == Flaw::DropsOthersAtConnectionLimit
            && shared.full.load(Ordering::SeqCst) > 0
        {
            return Ok(());
        }
        if shared.flaw == Flaw::BlocksOnPartialHead {
            let _passes = shared.gate.acquire().await;
        }
        let keep_alive = keep_alive(&request, shared.flaw);
        let method = request.method().clone();
        let responding = shared.bank.respond(request, is_gone);
        let response = match shared.flaw {
            Flaw::TimesOutWork => timeout(shared.patience, responding).await.unwrap_or_else(|_| {
                let late = "this took too long";
                Response::problem(http1::StatusCode::SERVICE_UNAVAILABLE, late)
            }),
            _ => responding.await,
        };
        let mut responses = vec![(method, response)];
        if shared.flaw == Flaw::RespondsInReverseOrder {
            while let Ok(Decoded::Complete(ahead)) = connection.decoder.decode() {
                let method = ahead.method().clone();
                responses.insert(0, (method, shared.bank.respond(ahead, false).await));
            }
        }
        for (method, response) in responses {
            let _writing = match shared.flaw {
                Flaw::BlocksOnUnreadResponse => shared.writing.acquire().await.ok(),
                _ => None,
            };
            let sent =
                connection.respond(response, keep_alive, method == Method::HEAD, shared.flaw);
            if shared.kind == Kind::Echo || shared.flaw == Flaw::HasNoWriteDeadline {
                sent.await?;
            } else {
                timeout(shared.patience, sent).await??;
            }
        }
        if shared.flaw == Flaw::DropsPipelinedRequests {
            connection.decoder = Decoder::new();
        }
        if keep_alive == KeepAlive::Close
            || shared.flaw == Flaw::ServesTenRequestsOnly && connection.responses_sent >= 10
        {
            break;
        }
    }
    Ok(())
}

fn keep_alive(request: &Request, flaw: Flaw) -> KeepAlive {
    let says = |wanted: &str| {
        let members =
            request.values(&header::CONNECTION).flat_map(|value| value.split(|&byte| byte == b','));
        members.map(<[u8]>::trim_ascii).any(|member| member.eq_ignore_ascii_case(wanted.as_bytes()))
    };
    match request.version() {
        Version::HTTP_10 if flaw == Flaw::KeepsHttp10Open => KeepAlive::Stated,
        Version::HTTP_10 if says("keep-alive") && flaw != Flaw::IgnoresHttp10KeepAlive => {
            KeepAlive::Stated
        }
        Version::HTTP_10 => KeepAlive::Close,
        _ if says("close") && flaw != Flaw::IgnoresConnectionClose => KeepAlive::Close,
        _ => KeepAlive::Implied,
    }
}

struct FlawedConnection {
    stream: TcpStream,
    decoder: Decoder<Request>,
    responses_sent: usize,
    /// The bodies so far, one over the other.
    previous: Bytes,
    /// The client has disconnected within a request.
    aborted: bool,
    /// A request was malformed or late.
    rejected: bool,
}

impl FlawedConnection {
    async fn next_request(&mut self, shared: &Shared) -> io::Result<Option<Request>> {
        let (flaw, mut gate) = (shared.flaw, None);
        let patience =
            if flaw.never_times_out() { Duration::from_secs(3600) } else { shared.patience };
        let (mut deadline, mut received, mut asked) =
            (Instant::now() + patience, Vec::new(), false);
        if flaw == Flaw::KeepsIdleConnections && self.responses_sent > 0 {
            deadline += Duration::from_secs(3600);
        }
        loop {
            match self.decoder.decode() {
                Ok(Decoded::Complete(mut request)) => {
                    if flaw == Flaw::RejectsBareLf && received.starts_with(b"GET / HTTP/1.1\n") {
                        self.reject(bad("lines end in CRLF"), true).await?;
                        return Ok(None);
                    }
                    let contains =
                        |part: &[u8]| received.windows(part.len()).any(|window| window == part);
                    let chunked = request.header(header::TRANSFER_ENCODING).is_some();
                    if flaw == Flaw::RejectsChunkExtensions && chunked && contains(b";") {
                        self.reject(bad("chunk extensions are not supported"), true).await?;
                        return Ok(None);
                    }
                    if flaw == Flaw::HasCaseSensitiveFields && contains(b"\r\ncontent-length: ") {
                        request.set_body(Bytes::new());
                    }
                    if flaw == Flaw::ReadsOnlyTheFirstChunk
                        && request.header(header::TRANSFER_ENCODING).is_some()
                    {
                        request.set_body(request.body().slice(..7));
                    }
                    return Ok(Some(request));
                }
                Ok(Decoded::Continue) => {
                    asked = true;
                    if flaw != Flaw::NeverSendsContinue {
                        self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                    }
                    if flaw == Flaw::RestartsDeadlineAfterContinue {
                        deadline = Instant::now() + patience;
                    }
                    continue;
                }
                Ok(Decoded::NeedMore) => {
                    let in_its_head = !received.is_empty()
                        && !asked
                        && !received.windows(4).any(|end| end == b"\r\n\r\n");
                    if flaw == Flaw::BlocksOnPartialHead && in_its_head && gate.is_none() {
                        gate = shared.gate.clone().acquire_owned().await.ok();
                    }
                    if flaw == Flaw::ExpectsHeadInOneRead && in_its_head {
                        self.reject(bad("this is not a complete head"), true).await?;
                        return Ok(None);
                    }
                }
                Err(reason) => {
                    self.rejected = true;
                    let chunked = received.windows(7).any(|word| word == b"chunked");
                    if flaw == Flaw::ReadsEndlessChunks
                        && matches!(reason, BadMessage::BodyTooLong(_))
                        && chunked
                    {
                        self.drain(Duration::from_secs(3600)).await;
                        return Ok(None);
                    }
                    let drains = !(flaw == Flaw::ResetsWhileClientSends
                        && matches!(reason, BadMessage::BodyTooLong(_)));
                    let closes = flaw != Flaw::KeepsRejectedConnectionsOpen
                        || !matches!(reason, BadMessage::Version);
                    if !closes {
                        self.respond(
                            Response::problem(reason.status(), reason),
                            KeepAlive::Close,
                            false,
                            flaw,
                        )
                        .await?;
                        self.drain(Duration::from_secs(3600)).await;
                        return Ok(None);
                    }
                    let response = match accepts(flaw, &reason) {
                        true => Response::text("as you like".into()),
                        false => Response::problem(reason.status(), reason),
                    };
                    self.respond(response, KeepAlive::Close, false, flaw).await?;
                    if drains || chunked {
                        self.stream.shutdown().await?;
                        let ends = if flaw == Flaw::DrainsWithoutEnd { 3600 } else { 2 };
                        self.drain(Duration::from_secs(ends)).await;
                    }
                    return Ok(None);
                }
            }
            let mut piece = [0; 16 * 1024];
            match timeout_at(deadline, self.stream.read(&mut piece)).await {
                Ok(read) => match read? {
                    0 => {
                        self.aborted = self.decoder.has_begun();
                        shared.aborted.fetch_add(usize::from(self.aborted), Ordering::SeqCst);
                        return Ok(None);
                    }
                    length => {
                        let begins = received.is_empty();
                        received.extend_from_slice(&piece[..length]);
                        let in_its_body =
                            asked || received.windows(4).any(|end| end == b"\r\n\r\n");
                        let restarts = match flaw {
                            Flaw::HasDeadlinePerRead => true,
                            Flaw::HasBodyDeadlinePerRead => in_its_body,
                            _ => false,
                        };
                        let ends = match flaw {
                            Flaw::HasNoBodyDeadline => !in_its_body,
                            Flaw::HasDeadlineForFirstRequestOnly => self.responses_sent == 0,
                            _ => true,
                        };
                        if begins || restarts || !ends {
                            deadline = Instant::now()
                                + if ends { patience } else { Duration::from_secs(3600) };
                        }
                        self.decoder.push(&piece[..length]);
                    }
                },
                // no request has begun: closed without a response
                Err(_) if received.is_empty() && !flaw.sends_408(self.responses_sent > 0) => {
                    return Ok(None);
                }
                Err(_) if flaw == Flaw::ClosesWithout408 => return Ok(None),
                Err(_) => {
                    let late = Response::problem(
                        http1::StatusCode::REQUEST_TIMEOUT,
                        "the request was not complete in time",
                    );
                    self.rejected = true;
                    if flaw == Flaw::KeepsOpenAfter408 {
                        self.respond(late, KeepAlive::Implied, false, flaw).await?;
                        self.drain(Duration::from_secs(3600)).await;
                        return Ok(None);
                    }
                    self.reject(late, true).await?;
                    return Ok(None);
                }
            }
        }
    }

    async fn respond(
        &mut self,
        response: Response,
        keep_alive: KeepAlive,
        to_head: bool,
        flaw: Flaw,
    ) -> io::Result<()> {
        self.responses_sent += 1;
        let mut bytes = Vec::new();
        encode_response(&response, keep_alive, &mut bytes);
        let spoil = |bytes: Vec<u8>, from: &str, to: &str| {
            // the head is ASCII
            String::from_utf8_lossy(&bytes).replace(from, to).into_bytes()
        };
        bytes = match flaw {
            Flaw::OmitsDate => spoil(bytes, "\r\nDate:", "\r\nX-Date:"),
            Flaw::SendsErrorsAsPlainText => spoil(bytes, "application/problem+json", "text/plain"),
            Flaw::OmitsLengthForHead if to_head => {
                spoil(bytes, "\r\nContent-Length:", "\r\nX-Length:")
            }
            Flaw::CountsCharactersInLength => {
                let length = |count: usize| format!("\r\nContent-Length: {count}\r\n");
                let characters = String::from_utf8_lossy(response.body()).chars().count();
                spoil(bytes, &length(response.body().len()), &length(characters))
            }
            _ => bytes,
        };
        if !to_head || flaw == Flaw::SendsABodyToHead {
            bytes.extend_from_slice(response.body());
        }
        self.stream.write_all(&bytes).await
    }

    async fn reject(&mut self, response: Response, drains: bool) -> io::Result<()> {
        self.respond(response, KeepAlive::Close, false, Flaw::None).await?;
        self.stream.shutdown().await?;
        if drains {
            self.drain(Duration::from_secs(2)).await;
        }
        Ok(())
    }

    async fn drain(&mut self, time: Duration) {
        const BYTES: usize = 8 * 1024 * 1024;
        let most = if time > Duration::from_secs(60) { usize::MAX } else { BYTES };
        let mut drained = 0;
        let _ = timeout(time, async {
            while let Ok(length @ 1..) = self.stream.read(&mut [0; 64 * 1024]).await {
                drained += length;
                if drained > most {
                    break;
                }
            }
        })
        .await;
    }

    /// Whether the client has closed its side, or does so soon.
    async fn has_ended(&mut self, soon: Duration) -> bool {
        matches!(timeout(soon, self.stream.peek(&mut [0])).await, Ok(Ok(0) | Err(_)))
    }
}

fn bad(detail: &str) -> Response {
    Response::problem(http1::StatusCode::BAD_REQUEST, detail)
}

/// Whether the flaw makes it accept what should be rejected.
fn accepts(flaw: Flaw, reason: &BadMessage) -> bool {
    match flaw {
        Flaw::AcceptsMissingHost => matches!(reason, BadMessage::HostMissing),
        Flaw::AcceptsTwoFramings => matches!(reason, BadMessage::LengthAndCoding),
        Flaw::AcceptsConnect => matches!(reason, BadMessage::Connect),
        Flaw::AcceptsAThousandFields => matches!(reason, BadMessage::TooManyFields),
        _ => false,
    }
}
