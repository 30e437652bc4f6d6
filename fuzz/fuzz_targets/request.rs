//! Requests: decoding never panics or hangs, the result does not depend on how the bytes are split,
//! and each accepted request is the same after a round trip.
#![no_main]

use http1::{
    ClientRequest, HeaderName, HeaderValue, MAX_BODY, MAX_FIELDS, Request, Uri, encode_request,
    header,
};
use libfuzzer_sys::fuzz_target;

fn describe(request: &Request) -> String {
    let fields = request.fields().count();
    assert!(request.body().len() <= MAX_BODY && fields <= MAX_FIELDS);
    let description = format!("{request:?}");
    let query = request.query().map_or(String::new(), |query| format!("?{query}"));
    let target = format!("{}{query}", request.path());
    let Ok(uri) = target.parse::<Uri>() else { return description }; // stricter than the decoder
    if fields + 2 > MAX_FIELDS {
        // with Host and Content-Length from the encoder, there would be too many
        return description;
    }
    let mut sent = ClientRequest::new(request.method().clone(), uri);
    for (name, value) in request.fields() {
        let name = HeaderName::from_bytes(name).expect("the decoder accepts only tokens");
        sent.headers.append(
            name,
            HeaderValue::from_bytes(value).expect("the decoder rejects control characters"),
        );
    }
    let _ = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT]
        .map(|framing| sent.headers.remove(framing));
    if sent.headers.get(header::HOST).is_some_and(HeaderValue::is_empty) {
        sent.headers.remove(header::HOST); // it may be empty only beside an absolute target
    }
    sent.body = request.body().clone();
    let mut again = Vec::new();
    encode_request(&sent, "fuzz", &mut again);
    let round_trip = fuzz::decode::<Request>(&again, again.len(), |request| {
        assert_eq!(
            (request.method(), request.target(), request.body()),
            (&sent.method, &*target, &sent.body)
        );
        String::new()
    });
    assert_eq!(
        (round_trip.error, round_trip.has_begun),
        (None, false),
        "{:?}",
        again.escape_ascii().to_string()
    );
    description
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let whole = fuzz::decode(bytes, bytes.len(), describe);
    assert_eq!(whole, fuzz::decode(bytes, size.into(), describe));
});
