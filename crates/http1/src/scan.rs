//! Looking for line ends, in the one place where a byte could be looked at too often.

/// Where the first LF is.
pub(crate) fn line_feed(bytes: &[u8]) -> Option<usize> {
    let found = memchr::memchr(b'\n', bytes);
    #[cfg(test)]
    tests::LOOKED_AT.set(tests::LOOKED_AT.get() + found.map_or(bytes.len(), |at| at + 1));
    found
}

#[cfg(test)]
mod tests {
    use crate::{Decoded, Decoder, MAX_FIELDS, MAX_HEAD, Request};
    use std::cell::Cell;

    thread_local! {
        pub(super) static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
    }

    /// How many bytes are looked at if `bytes` come one by one.
    fn work(bytes: &[u8]) -> usize {
        LOOKED_AT.set(0);
        let mut decoder = Decoder::<Request>::new();
        for (byte, left) in bytes.iter().zip((0..bytes.len()).rev()) {
            decoder.push(&[*byte]);
            let decoded = decoder.decode().unwrap();
            assert_eq!(
                matches!(decoded, Decoded::Complete(_)),
                left == 0,
                "{left} bytes before the end: {decoded:?}"
            );
        }
        LOOKED_AT.get()
    }

    #[test]
    fn what_drips_in_costs_work_in_proportion_to_its_bytes() {
        let long_line =
            format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD - 100));
        let many_lines =
            format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "Xxxx: y\r\n".repeat(MAX_FIELDS - 1));
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunks =
            format!("{head}{}0\r\n\r\n", format!("1;{}\r\nx\r\n", "e".repeat(1000)).repeat(50));
        let trailers = format!("{head}0\r\n{}\r\n", "Xxxx: y\r\n".repeat(MAX_FIELDS));
        let blank_lines = format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n".repeat(4000));
        for bytes in [long_line, many_lines, chunks, trailers, blank_lines] {
            let looked_at = work(bytes.as_bytes());
            assert!(looked_at <= 3 * bytes.len(), "{looked_at} for {} bytes", bytes.len());
        }
    }
}
