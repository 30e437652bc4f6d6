//! Requests: no bytes panic or loop, pieces come to the same as the whole, and what is taken survives a round trip.
#![no_main]

use http1::{MAX_BODY, MAX_FIELDS, Request, encode_request};
use libfuzzer_sys::fuzz_target;

fn describe(request: &Request) -> String {
    assert!(request.body.len() <= MAX_BODY && request.headers.len() <= MAX_FIELDS);
    let description = format!("{request:?}");
    if request.headers.len() + 2 > MAX_FIELDS {
        return description; // the encoder's own fields, Host and Content-Length, would be too many
    }
    let mut again = Vec::new();
    encode_request(request, "fuzz", &mut again);
    let path = |request: &Request| request.uri.path_and_query().map(ToString::to_string);
    let (method, target, body) = (request.method.clone(), path(request), request.body.clone());
    let round_trip = fuzz::decode::<Request>(&again, again.len(), |request| {
        assert_eq!((&request.method, path(request), &request.body), (&method, target.clone(), &body));
        String::new()
    });
    assert_eq!((round_trip.error, round_trip.has_begun), (None, false), "{:?}", again.escape_ascii().to_string());
    description
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let whole = fuzz::decode(bytes, bytes.len(), describe);
    assert_eq!(whole, fuzz::decode(bytes, size.into(), describe));
});
