//! Finds line ends. All scanning is done here, so that a test can count it.

/// The position of the first LF.
pub(crate) fn line_feed(bytes: &[u8]) -> Option<usize> {
    let found = memchr::memchr(b'\n', bytes);
    #[cfg(test)]
    BYTES_SCANNED.set(BYTES_SCANNED.get() + found.map_or(bytes.len(), |at| at + 1));
    found
}

#[cfg(test)]
thread_local! {
    /// How many bytes this thread has scanned.
    pub(crate) static BYTES_SCANNED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}
