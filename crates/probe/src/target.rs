//! Where a server is.

use anyhow::{Context, anyhow};
use http1::Uri;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// `http://HOST:PORT/path`, or only `HOST:PORT`, as it was given; not resolved yet.
#[derive(Clone, Debug)]
pub struct Target {
    /// HOST:PORT.
    pub host: String,
    /// The path and the query; `/` if none was given.
    pub path: String,
}

impl Target {
    /// The server itself, at its root.
    pub fn at(addr: SocketAddr) -> Self {
        Self { host: addr.to_string(), path: "/".into() }
    }

    /// The first address of its name, an IPv4 one if there is one.
    ///
    /// # Errors
    /// The name does not resolve.
    pub async fn resolve(&self) -> anyhow::Result<SocketAddr> {
        let found = tokio::net::lookup_host(&self.host).await;
        let mut found: Vec<_> =
            found.with_context(|| format!("{} does not resolve", self.host))?.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        found.first().copied().ok_or_else(|| anyhow!("{} resolves to no address", self.host))
    }
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "give HOST:PORT or http://HOST:PORT/path, such as 127.0.0.1:8080";
        let uri: Uri = match text.split_once("://") {
            Some((scheme, _)) if !scheme.eq_ignore_ascii_case("http") => {
                return Err("only http:// is spoken here");
            }
            Some(_) => text.parse(),
            None => format!("http://{text}").parse(),
        }
        .map_err(|_| FORM)?;
        let authority = uri.authority().ok_or(FORM)?;
        let port = authority.as_str().strip_prefix(authority.host()).ok_or(FORM)?; // None after `user@`
        let host = match (port, authority.port_u16()) {
            ("", _) => format!("{authority}:80"),
            (_, Some(1..)) => authority.to_string(),
            _ => return Err(FORM),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self { host, path: path.to_owned() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.host, self.path)
    }
}
