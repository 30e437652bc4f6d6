//! Who may do what: a page elsewhere must not press a button here.
//!
//! A browser sends `Host` and `Origin` itself, so a page cannot forge them. A `Host` that is a name
//! could lead here from anywhere (DNS rebinding), so it must be an address, or localhost.

use http1::{Request, StatusCode, header};
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// How many connections one other machine may have open, and how many votes of a question one
/// address may have.
pub(super) const FROM_ONE: usize = 24;

/// Who sent an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Has the address with the key that the terminal printed.
    Host,
    /// Has loaded the page.
    Visitor,
}

/// The keys of this run, and where it listens.
#[derive(Debug)]
pub struct Guard {
    addr: SocketAddr,
    /// In the printed address.
    host_key: String,
    /// In the page.
    pub(super) visitor_key: String,
    pub(super) visitors_attack: bool,
}

impl Guard {
    /// New keys for a server that listens there.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(addr: SocketAddr, visitors_attack: bool) -> anyhow::Result<Self> {
        Ok(Self { addr, host_key: key()?, visitor_key: key()?, visitors_attack })
    }

    /// The address to open in order to attack.
    pub fn address(&self) -> String {
        let ip = match self.addr.ip() {
            ip if ip.is_unspecified() && ip.is_ipv4() => IpAddr::from([127, 0, 0, 1]),
            ip if ip.is_unspecified() => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}/#{}", SocketAddr::new(ip, self.addr.port()), self.host_key)
    }

    /// The address that other machines open to watch and to vote, if any can.
    pub fn room_address(&self) -> Option<String> {
        let ip = match self.addr.ip() {
            ip if ip.is_loopback() => return None,
            ip if ip.is_unspecified() => outward()?,
            ip => ip,
        };
        Some(format!("http://{}/", SocketAddr::new(ip, self.addr.port())))
    }

    /// A value that no earlier page had.
    pub(super) fn nonce() -> anyhow::Result<String> {
        key()
    }

    /// Whether the request was meant for this server.
    pub(super) fn check_host(&self, request: &Request) -> Result<(), (StatusCode, &'static str)> {
        let host = request.header(header::HOST).unwrap_or_default();
        let is_ours = match host.rsplit_once(':') {
            Some((name, port)) => {
                let is_port = port.parse() == Ok(self.addr.port());
                is_port && self.is_ours(name.trim_start_matches('[').trim_end_matches(']'))
            }
            None => self.addr.port() == 80 && self.is_ours(host),
        };
        match is_ours {
            true => Ok(()),
            false => Err((
                StatusCode::MISDIRECTED_REQUEST,
                "open this page by the address that the terminal printed, not by another name",
            )),
        }
    }

    fn is_ours(&self, name: &str) -> bool {
        match name.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback() || !self.addr.ip().is_loopback(),
            Err(_) => name.eq_ignore_ascii_case("localhost"),
        }
    }

    /// Who sent an action: from this page, with a key of this run.
    pub(super) fn role(&self, request: &Request) -> Result<Role, (StatusCode, &'static str)> {
        let host = request.header(header::HOST).unwrap_or_default();
        let origin = request.header(header::ORIGIN).unwrap_or_default();
        if origin.strip_prefix("http://") != Some(host) {
            return Err((StatusCode::FORBIDDEN, "actions come from this page alone"));
        }
        let key = request.header(header::AUTHORIZATION).and_then(|all| all.strip_prefix("Key "));
        match key {
            Some(key) if is_same(key, &self.host_key) => Ok(Role::Host),
            Some(key) if is_same(key, &self.visitor_key) => Ok(Role::Visitor),
            _ => Err((
                StatusCode::FORBIDDEN,
                "this page is of an earlier run: open the address that the terminal printed",
            )),
        }
    }
}

/// This machine's address on the network that leads outward. Connecting a UDP socket sends nothing.
fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?; // an address for documentation, RFC 5737
    Some(socket.local_addr().ok()?.ip())
}

/// 128 random bits of the system.
fn key() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Takes as long for any key of that length.
fn is_same(given: &str, key: &str) -> bool {
    let differ = given.bytes().zip(key.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    given.len() == key.len() && differ == 0
}
