//! Responses: no bytes panic or loop, and pieces come to the same as the whole.
#![no_main]

use http1::Response;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let describe = |response: &Response| format!("{response:?}");
    let whole = fuzz::decode(bytes, bytes.len(), describe);
    assert_eq!(whole, fuzz::decode(bytes, size.into(), describe));
});
