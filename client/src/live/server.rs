//! The server of the page, in the shape of stage 3: a deadline on every wait, and bounds.

use super::actions::Wanted;
use super::guard::{FROM_ONE, Guard, Role};
use super::lock;
use super::page::{self, private};
use super::perform::{perform, run_question};
use super::recording::Recording;
use super::room::Room;
use super::votes::{Cast, Uncounted};
use http1::{Bytes, Connection, HeaderValue, Request, Response, StatusCode, header};
use serde_json::Value;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// How long each wait for a browser may last.
const LIMIT: Duration = Duration::from_secs(10);

/// How many connections may be open.
const CONNECTIONS: usize = 256;

/// The longest body of an action or a vote, in bytes.
const BODY: usize = 4096;

/// How long to wait before the next accept if there is no descriptor left.
const RETRY: Duration = Duration::from_millis(100);

/// What every connection needs.
struct Site {
    room: Arc<Room>,
    guard: Guard,
    /// Held while a run is being saved.
    saving: Semaphore,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// Serves the page of that room, until the future is dropped.
pub async fn serve_all(listener: TcpListener, room: Arc<Room>, guard: Guard) {
    let saving = Semaphore::new(1);
    let site = Arc::new(Site { room, guard, saving, open: Mutex::default() });
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(RETRY).await;
            continue;
        };
        let _ = stream.set_nodelay(true); // it only makes a response earlier
        let (site, mut connection) = (site.clone(), Connection::new(stream));
        let place = Place::take(&site, peer.ip());
        tokio::spawn(async move {
            let _ = match place {
                Some(_place) => serve(&mut connection, &site, peer.ip()).await,
                None => connection.refuse(unavailable()).await,
            }; // a browser that has gone is not an error
        });
    }
}

/// A connection that counts as open.
struct Place(Arc<Site>, IpAddr);

impl Place {
    fn take(site: &Arc<Site>, ip: IpAddr) -> Option<Self> {
        let mut open = lock(&site.open);
        let all: usize = open.values().sum();
        let most = if ip.is_loopback() { CONNECTIONS } else { FROM_ONE };
        let count = open.entry(ip).or_default();
        // the last places are for this machine: visitors cannot lock their host out
        let is_full = all >= if ip.is_loopback() { CONNECTIONS } else { CONNECTIONS - FROM_ONE };
        if is_full || *count >= most {
            return None;
        }
        *count += 1;
        Some(Self(site.clone(), ip))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.0.open);
        match open.get_mut(&self.1) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = open.remove(&self.1),
        }
    }
}

fn unavailable() -> Response {
    Response::problem(StatusCode::SERVICE_UNAVAILABLE, "too many connections; close some pages")
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

/// One connection, request after request.
async fn serve(connection: &mut Connection, site: &Site, peer: IpAddr) -> io::Result<()> {
    while let Some(request) = next_request(connection).await? {
        let response = respond(request, site, peer).await;
        timeout(LIMIT, connection.write_response(response)).await??; // late, or lost
    }
    Ok(())
}

/// The next complete request; `None` once the client is done.
async fn read_request(connection: &mut Connection) -> io::Result<Option<Request>> {
    loop {
        match connection.decode() {
            Ok(Some(request)) => return Ok(Some(request)),
            Ok(None) => {}
            Err(bad) => connection.refuse(bad).await?, // closes it: the next read returns 0
        }
        if connection.read().await? == 0 {
            return Ok(None);
        }
    }
}

/// `read_request` with two deadlines: one until a request begins, one until it is complete.
async fn next_request(connection: &mut Connection) -> io::Result<Option<Request>> {
    let Ok(begun) = timeout(LIMIT, connection.wait_for_request()).await else {
        return Ok(None); // idle between requests: close without a response
    };
    begun?;
    if let Ok(request) = timeout(LIMIT, read_request(connection)).await {
        return request;
    }
    let detail = "the request was not complete in time; send it faster";
    connection.refuse(Response::problem(StatusCode::REQUEST_TIMEOUT, detail)).await?;
    Ok(None)
}

async fn respond(request: Request, site: &Site, peer: IpAddr) -> Response {
    if let Err((status, detail)) = site.guard.check_host(&request) {
        return private(Response::problem(status, detail));
    }
    private(match (request.method().as_str(), request.path()) {
        ("GET" | "HEAD", "/") => page::response(&site.room, &site.guard),
        ("GET" | "HEAD", "/state") => state(site.room.state().whole),
        ("GET" | "HEAD", "/overview") => state(site.room.state().overview),
        ("GET" | "HEAD", "/run.html") => {
            save(site, "text/html; charset=utf-8", "html", Recording::to_html).await
        }
        ("GET" | "HEAD", "/run.json") => {
            save(site, "application/json", "json", Recording::to_json).await
        }
        ("POST", path @ ("/actions" | "/question" | "/votes")) => match check(&request, site) {
            Err(response) => response,
            Ok(role) => match path {
                "/actions" => act(&request, role, site).await,
                "/question" => decide(&request, role, site).await,
                _ => vote(&request, peer, site),
            },
        },
        (_, "/actions" | "/question" | "/votes") => Response::method_not_allowed("POST"),
        (_, "/" | "/state" | "/overview" | "/run.html" | "/run.json") => {
            Response::method_not_allowed("GET, HEAD")
        }
        _ => Response::problem(StatusCode::NOT_FOUND, "try /"),
    })
}

/// The run so far as a file. One at a time, and not on a thread that serves: a long run takes a
/// moment.
async fn save(
    site: &Site,
    content_type: &'static str,
    ending: &str,
    render: fn(&Recording) -> String,
) -> Response {
    let busy = || {
        let detail = "the run is being saved already; try again";
        Response::problem(StatusCode::SERVICE_UNAVAILABLE, detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    };
    let Ok(_saving) = site.saving.try_acquire() else { return busy() };
    let room = site.room.clone();
    let Ok(saved) = spawn_blocking(move || render(&room.record())).await else { return busy() };
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(':', "-");
    let name = format!("attachment; filename=\"live-{now}.{ending}\"");
    let mut response = Response::new(StatusCode::OK)
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(name) = HeaderValue::from_str(&name) {
        response = response.with_header(header::CONTENT_DISPOSITION, name);
    }
    response.set_body(saved.into());
    response
}

fn state(json: Bytes) -> Response {
    let kind = HeaderValue::from_static("application/json");
    let mut response = Response::new(StatusCode::OK).with_header(header::CONTENT_TYPE, kind);
    response.set_body(json);
    response
}

/// Who sends a short JSON object from this page.
fn check(request: &Request, site: &Site) -> Result<Role, Response> {
    let role = site.guard.role(request);
    let role = role.map_err(|(status, detail)| Response::problem(status, detail))?;
    // with it a page elsewhere would have to ask first, and `content_type_is` accepts none at all
    if request.header(header::CONTENT_TYPE) != Some("application/json") || request.is_encoded() {
        let detail = "send the action as application/json";
        return Err(Response::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    if request.body().len() > BODY {
        let detail = "an action is a short JSON object";
        return Err(Response::problem(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    Ok(role)
}

/// An action, if this role may do it.
async fn act(request: &Request, role: Role, site: &Site) -> Response {
    let Some(wanted) = Wanted::parse(request.body(), site.room.columns.len()) else {
        let detail = "an action is {\"action\": NAME, \"columns\": [0, …]}";
        return Response::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
    };
    if !wanted.is_allowed(role, site.guard.visitors_attack) {
        let detail = "visitors watch; the address that the terminal printed also attacks";
        return Response::problem(StatusCode::FORBIDDEN, detail);
    }
    if wanted.asks {
        site.room.votes.ask(wanted);
        site.room.has_changed();
        return done(Vec::new());
    }
    done(perform(&wanted, &site.room).await)
}

/// What could not be done, in a sentence each.
fn done(failures: Vec<String>) -> Response {
    Response::json(StatusCode::OK, &serde_json::json!({ "failures": failures }))
}

/// Runs the attack that the room has voted on, or closes the question: `{"question": 3, "run": true}`.
async fn decide(request: &Request, role: Role, site: &Site) -> Response {
    if role != Role::Host {
        let detail = "the address that the terminal printed asks; visitors vote";
        return Response::problem(StatusCode::FORBIDDEN, detail);
    }
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let (Some(question), Some(run)) = (body["question"].as_u64(), body["run"].as_bool()) else {
        let detail = "a decision is {\"question\": ID, \"run\": true or false}";
        return Response::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
    };
    let failures = match run {
        true => run_question(question, &site.room).await,
        false => site.room.votes.close(question).then(Vec::new),
    };
    site.room.has_changed();
    failures.map_or_else(closed, done)
}

fn closed() -> Response {
    Response::problem(StatusCode::CONFLICT, "that question is closed")
}

/// A vote of anyone who has loaded the page.
fn vote(request: &Request, peer: IpAddr, site: &Site) -> Response {
    let Some(cast) = Cast::parse(request.body(), site.room.columns.len()) else {
        let detail =
            "a vote is {\"question\": ID, \"voter\": 32 hexadecimal digits, \"respond\": [0, …]}";
        return Response::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
    };
    match site.room.votes.count(&cast, peer) {
        Ok(()) => done(Vec::new()),
        Err(Uncounted::Closed) => closed(),
        Err(Uncounted::TooMany) => Response::problem(
            StatusCode::TOO_MANY_REQUESTS,
            "there are enough votes, or enough from your address",
        ),
    }
}
