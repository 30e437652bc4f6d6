//! Where a server is.

use crate::addresses::Addresses;
use anyhow::{Context, bail};
use http1::Uri;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// `http://HOST:PORT/path`, `HOST:PORT` or a port, as it was given; not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// HOST:PORT.
    pub host: String,
    /// The path and the query, encoded as they are sent (RFC 9112 §3.2.1); `/` if none was given.
    pub path: String,
}

impl Target {
    /// The server itself, at its root.
    pub fn at(addr: SocketAddr) -> Self {
        Self { host: addr.to_string(), path: "/".into() }
    }

    /// The addresses of its name, IPv4 ones first.
    ///
    /// # Errors
    /// The name does not resolve.
    pub async fn resolve(&self) -> anyhow::Result<Addresses> {
        let found = tokio::net::lookup_host(&self.host).await;
        let mut found: Vec<_> =
            found.with_context(|| format!("{} does not resolve", self.host))?.collect();
        if found.is_empty() {
            bail!("{} resolves to no address", self.host);
        }
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(Addresses::new(found.remove(0), found))
    }
}

impl FromStr for Target {
    type Err = String;

    /// What is accepted here can be connected to, and sent: no later step rejects it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "give HOST:PORT or http://HOST:PORT/path, such as 127.0.0.1:8080";
        let (is_url, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (true, rest),
            Some(_) => return Err("only http:// is supported".into()),
            None => (false, text),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let is_port = !authority.is_empty() && authority.bytes().all(|byte| byte.is_ascii_digit());
        let (host, port) = match authority.rfind(':') {
            Some(colon) if !authority[colon..].contains(']') => {
                (&authority[..colon], Some(&authority[colon + 1..]))
            }
            _ if is_port && !is_url => ("", Some(authority)),
            _ => (authority, None),
        };
        let port = match port {
            Some(digits) => port_number(digits)
                .ok_or_else(|| format!("a port is a number from 1 to 65535; {FORM}"))?,
            None if is_url => 80,
            None => return Err(format!("there is no port; {FORM}")),
        };
        let host = match host {
            "" if !is_url => "127.0.0.1",
            host if is_host(host) => host,
            _ => return Err(format!("that is not the name or address of a host; {FORM}")),
        };
        Ok(Self { host: format!("{host}:{port}"), path: encode(path)? })
    }
}

/// 1 to 65535, in digits alone.
fn port_number(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port > 0)
}

/// Whether this is an IPv6 address in brackets, an IPv4 address or a name. A name whose last label is a number is
/// neither, although resolvers read `8080` as 0.0.31.144.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=63).contains(&label.len()) && label.bytes().all(is_plain)
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_hex = last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    match last.bytes().all(|byte| byte.is_ascii_digit()) || is_hex {
        true => host.parse::<Ipv4Addr>().is_ok(),
        false => name.len() <= 253 && name.split('.').all(is_label),
    }
}

/// The path and the query as they are sent: without a fragment, and what may not stand in a target is percent-encoded
/// (RFC 3986 §2.1). A `%` is left as it is, since it may already encode something.
fn encode(path: &str) -> Result<String, String> {
    let path = path.split('#').next().unwrap_or_default();
    if path.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("a path has no control characters".into());
    }
    let mut encoded = String::from(if path.starts_with('/') { "" } else { "/" });
    for byte in path.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {}
            byte if byte.is_ascii_graphic() => {
                encoded.push(byte.into());
                continue;
            }
            _ => {}
        }
        encoded += &format!("%{byte:02X}");
    }
    match encoded.parse::<Uri>() {
        Ok(_) => Ok(encoded),
        Err(_) => Err("a path and its query have at most 64 kB".into()),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::Target;
    use http1::{ClientRequest, Decoded, Decoder, Method, Request, encode_request};

    #[test]
    fn what_is_accepted_is_a_target_for_servers() {
        for char in (' '..='~').chain(['ü', '€', '\u{10ffff}']) {
            for text in
                [format!("a:1/{char}"), format!("a:1?{char}"), format!("a:1/x{char}{char}?y{char}")]
            {
                let target: Target = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
                let request = ClientRequest::new(Method::GET, target.path.parse().unwrap());
                let mut bytes = Vec::new();
                encode_request(&request, &target.host, &mut bytes);
                let mut decoder = Decoder::<Request>::new();
                decoder.push(&bytes);
                assert!(matches!(decoder.decode(), Ok(Decoded::Complete(_))), "{text}: {target:?}");
            }
        }
        let long = format!("a:1/{}", "x".repeat(70_000));
        assert!(long.parse::<Target>().unwrap_err().contains("at most 64 kB"));
    }

    #[test]
    fn a_target_is_a_host_with_a_port_a_port_or_a_url() {
        for (text, host, path) in [
            ("127.0.0.1:8080", "127.0.0.1:8080", "/"),
            ("localhost:8080/a", "localhost:8080", "/a"),
            ("8080", "127.0.0.1:8080", "/"),
            (":8080", "127.0.0.1:8080", "/"),
            ("8080/events", "127.0.0.1:8080", "/events"),
            (":8080?x", "127.0.0.1:8080", "/?x"),
            ("[::1]:80", "[::1]:80", "/"),
            ("http://[::1]", "[::1]:80", "/"),
            ("HTTP://a.example/", "a.example:80", "/"),
            ("http://a_b-c.example.:8080", "a_b-c.example.:8080", "/"),
            ("a:080", "a:80", "/"),
            ("http://a:1?s=64", "a:1", "/?s=64"),
            ("http://a:1#top", "a:1", "/"),
            ("http://a:1/x?y#top", "a:1", "/x?y"),
            ("http://a:1/ü", "a:1", "/%C3%BC"),
            ("http://a:1/a b?{\"x\"}", "a:1", "/a%20b?%7B%22x%22%7D"),
            ("http://a:1/%41%zz?a=%", "a:1", "/%41%zz?a=%"),
            ("http://a:1/?q=http://b:2/", "a:1", "/?q=http://b:2/"),
            ("http://a:1//b", "a:1", "//b"),
        ] {
            let target = text.parse::<Target>().unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!((&*target.host, &*target.path), (host, path), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_by_what_is_wrong_with_it() {
        for (text, why) in [
            ("localhost", "there is no port"),
            ("127.0.0.1", "there is no port"),
            ("[::1]", "there is no port"),
            ("localhost/events", "there is no port"),
            ("", "there is no port"),
            ("/events", "there is no port"),
            ("localhost:", "a port is a number"),
            ("http://localhost:/", "a port is a number"),
            ("127.0.0.1:+8080", "a port is a number"),
            ("+8080", "there is no port"),
            (":-1", "a port is a number"),
            ("localhost:0", "a port is a number"),
            ("0", "a port is a number"),
            ("65536", "a port is a number"),
            ("localhost:80a", "a port is a number"),
            ("localhost: 80", "a port is a number"),
            ("http://", "not the name or address"),
            ("http://:8080", "not the name or address"),
            ("http://8080", "not the name or address"),
            ("8080:80", "not the name or address"),
            ("127.1:80", "not the name or address"),
            ("0x7f000001:80", "not the name or address"),
            ("256.1.1.1:80", "not the name or address"),
            ("::1:80", "not the name or address"),
            ("[::g]:80", "not the name or address"),
            ("user@localhost:80", "not the name or address"),
            ("a b:80", "not the name or address"),
            ("a..b:80", "not the name or address"),
            ("ü.example:80", "not the name or address"),
            ("https://localhost:80", "only http://"),
            ("http://a:1/\n", "control characters"),
        ] {
            let refused = text.parse::<Target>().expect_err(text);
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
