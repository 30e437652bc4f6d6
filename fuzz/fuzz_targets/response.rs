//! Responses: decoding never panics or hangs, and the result does not depend on how the bytes are
//! split.
#![no_main]

use http1::Response;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let describe = |response: &Response| format!("{response:?}");
    let whole = fuzz::decode(bytes, bytes.len(), describe);
    assert_eq!(whole, fuzz::decode(bytes, size.into(), describe));
});
