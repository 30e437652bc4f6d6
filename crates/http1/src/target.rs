//! Checks the target of a request and its `Host`.

use crate::error::{BadMessage, quote};
use crate::fields::{has_name, parse_number};
use http::{Method, Version};
use std::net::Ipv6Addr;
use std::ops::Range;

/// The path in a target.
pub(crate) struct Path {
    /// Its position.
    pub(crate) range: Range<usize>,
    /// The path with its percent-encoded unreserved characters as they are, since both forms name
    /// the same resource (RFC 9110 §4.2.3); `None` if it has none of them.
    pub(crate) decoded: Option<Box<str>>,
}

/// Finds the path; `None` if the target is invalid (RFC 9112 §3.2).
pub(crate) fn path_in(target: &[u8], method: &Method) -> Option<Path> {
    if !target.iter().all(|&byte| TARGET_BYTES[usize::from(byte)]) {
        return None;
    }
    let start = match target {
        [b'/', ..] => 0,
        b"*" if *method == Method::OPTIONS => 0,
        _ => authority_end(target)?,
    };
    // an encoding is looked for with the query, and few paths have one
    let path = &target[start..];
    let is_query = |&byte: &u8| byte == b'?';
    let special = path.iter().position(|byte| matches!(byte, b'?' | b'%')).unwrap_or(path.len());
    let length =
        special + path[special..].iter().position(is_query).unwrap_or(path.len() - special);
    let decoded = if special < length { decode_unreserved(&path[..length]) } else { None };
    Some(Path { range: start..start + length, decoded })
}

/// Decodes the unreserved characters of a path; `None` if none is encoded. A malformed encoding
/// stays.
fn decode_unreserved(path: &[u8]) -> Option<Box<str>> {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        let encoded = encoded_byte(rest).filter(|byte| UNRESERVED[usize::from(*byte)]);
        decoded.push(char::from(encoded.unwrap_or(*byte))); // a path is ASCII
        rest = if encoded.is_some() { &rest[3..] } else { after };
    }
    (decoded.len() < path.len()).then(|| decoded.into())
}

/// The byte that a percent-encoding at the front stands for (RFC 3986 §2.1).
fn encoded_byte(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = *bytes else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8) // two digits are at most 255
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

/// Checks that HTTP/1.1 has exactly one valid `Host`, and HTTP/1.0 at most one (RFC 9112 §3.2). It
/// may be empty if the target is absolute and so has its own (§3.2.2).
pub(crate) fn check_host(
    version: Version,
    target_is_absolute: bool,
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
        Some(host) if is_host(host) || host.is_empty() && target_is_absolute => Ok(()),
        Some(host) => Err(BadMessage::Host(quote(host))),
    }
}

/// Whether this is `uri-host [ ":" port ]` (RFC 9110 §7.2): a name or an address that is not empty,
/// without user information before it (§4.2.4).
fn is_host(bytes: &[u8]) -> bool {
    let (host_is_valid, rest) = match bytes.strip_prefix(b"[") {
        None => {
            let end = name_length(bytes);
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

/// How many bytes at the front are a host name, percent-encodings included (RFC 3986 §3.2.2).
fn name_length(bytes: &[u8]) -> usize {
    let is_end = |&byte: &u8| !HOST_BYTES[usize::from(byte)];
    let mut length = 0;
    loop {
        let rest = &bytes[length..];
        let Some(end) = rest.iter().position(is_end) else { return bytes.len() };
        length += end;
        if encoded_byte(&rest[end..]).is_none() {
            return length;
        }
        length += 3;
    }
}

/// The bytes of a host name that need no encoding: unreserved characters and sub-delims (RFC 3986
/// §3.2.2).
const HOST_BYTES: [bool; 256] = visible_except(br##""#%/:<>?@[\]^`{|}"##);

/// The bytes that are accepted in a target: more than RFC 3986 §3.3 allows, since clients send them
/// unencoded.
const TARGET_BYTES: [bool; 256] = visible_except(br##""#<>"##);

/// Characters that mean the same with and without percent-encoding (RFC 3986 §2.3).
const UNRESERVED: [bool; 256] = visible_except(br##"!"#$%&'()*+,/:;<=>?@[\]^`{|}"##);

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
