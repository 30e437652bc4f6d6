//! Chunked bodies: the fuzzed bytes follow a valid head with `Transfer-Encoding: chunked`.
#![no_main]

use http1::{MAX_BODY, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, body) = input;
    let bytes =
        [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", body].concat();
    let describe = |request: &Request| {
        assert!(request.body().len() <= MAX_BODY);
        format!("{request:?}")
    };
    let whole = fuzz::decode(&bytes, bytes.len(), describe);
    assert_eq!(whole, fuzz::decode(&bytes, size.into(), describe));
});
