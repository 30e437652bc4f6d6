//! Checks the target of a request and its `Host`.

use crate::error::{BadMessage, quote};
use crate::fields::{has_name, parse_number};
use http::{Method, Version};
use std::net::Ipv6Addr;
use std::ops::Range;

/// The position of the path in a target; `None` if the target is invalid (RFC 9112 §3.2).
pub(crate) fn path_in(target: &[u8], method: &Method) -> Option<Range<usize>> {
    if !target.iter().all(|&byte| TARGET_BYTES[usize::from(byte)]) {
        return None;
    }
    let start = match target {
        [b'/', ..] => 0,
        b"*" if *method == Method::OPTIONS => 0,
        _ => authority_end(target)?,
    };
    let length = target[start..].iter().position(|&byte| byte == b'?');
    Some(start..length.map_or(target.len(), |length| start + length))
}

/// The position after the authority of a target in absolute form (RFC 9112 §3.2.2).
fn authority_end(target: &[u8]) -> Option<usize> {
    let is_prefix = |scheme: &&[u8]| {
        target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let start = [&b"http://"[..], b"https://"].into_iter().find(is_prefix)?.len();
    let length = target[start..].iter().position(|byte| b"/?".contains(byte));
    let end = length.map_or(target.len(), |length| start + length);
    is_host(&target[start..end]).then_some(end)
}

/// Checks that HTTP/1.1 has exactly one valid `Host`, and HTTP/1.0 at most one (RFC 9112 §3.2).
pub(crate) fn check_host(
    version: Version,
    fields: &[httparse::Header<'_>],
) -> Result<(), BadMessage> {
    let mut only = None;
    for field in fields {
        if has_name(field, "host") && only.replace(field.value).is_some() {
            return Err(BadMessage::HostTwice);
        }
    }
    match only {
        None if version == Version::HTTP_10 => Ok(()),
        None => Err(BadMessage::HostMissing),
        Some(host) if is_host(host) => Ok(()),
        Some(host) => Err(BadMessage::Host(quote(host))),
    }
}

/// Whether this is `uri-host [ ":" port ]` (RFC 9110 §7.2): a name or an address that is not empty,
/// without user information before it (§4.2.4).
fn is_host(bytes: &[u8]) -> bool {
    let is_end = |&byte: &u8| !HOST_BYTES[usize::from(byte)];
    let (host_is_valid, rest) = match bytes.strip_prefix(b"[") {
        None => {
            let end = bytes.iter().position(is_end).unwrap_or(bytes.len());
            (end > 0, &bytes[end..])
        }
        Some(bytes) => {
            let mut parts = bytes.splitn(2, |&byte| byte == b']');
            let address = std::str::from_utf8(parts.next().unwrap_or_default());
            let Some(rest) = parts.next() else { return false };
            (address.is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok()), rest)
        }
    };
    host_is_valid
        && match rest {
            [] | [b':'] => true,
            [b':', port @ ..] => parse_number(port).is_some_and(|port| port <= u64::from(u16::MAX)),
            _ => false,
        }
}

/// The bytes of a host name: unreserved characters and sub-delims (RFC 3986 §3.2.2).
const HOST_BYTES: [bool; 256] = visible_except(br##""#%/:<>?@[\]^`{|}"##);

/// The bytes that are accepted in a target: more than RFC 3986 §3.3 allows, since clients send them
/// unencoded.
const TARGET_BYTES: [bool; 256] = visible_except(br##""#<>"##);

/// A table that says of each byte whether it is visible ASCII and not `excluded`.
const fn visible_except(excluded: &[u8]) -> [bool; 256] {
    let (mut allowed, mut byte) = ([false; 256], 0);
    while byte < 256 {
        allowed[byte] = (byte as u8).is_ascii_graphic();
        byte += 1;
    }
    let mut at = 0;
    while at < excluded.len() {
        allowed[excluded[at] as usize] = false;
        at += 1;
    }
    allowed
}
