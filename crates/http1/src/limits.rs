//! How much of a message is accepted, and how long a closing connection is drained.

use std::time::Duration;

/// The longest head accepted, in bytes, with the request line and the empty line at its end.
pub const MAX_HEAD: usize = 16 * 1024;
/// The most fields accepted in one head.
pub const MAX_FIELDS: usize = 100;
/// The longest request target accepted, in bytes.
pub const MAX_TARGET: usize = 8 * 1024;
/// The longest request body accepted, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;
/// The longest size line of a chunk accepted, in bytes, without its CRLF.
pub const MAX_CHUNK_LINE: usize = 1024;

/// How long a connection is drained after its last response, so that the client can read that
/// response: closing with unread input would reset the connection and lose it (RFC 9112 §9.6).
pub const DRAIN_TIME: Duration = Duration::from_secs(2);
/// How many bytes are read and dropped in that time, at most.
pub const DRAIN_BYTES: usize = 8 * MAX_BODY;
/// How many connections of a process are drained at a time, at most; any further one is closed at
/// once. Each holds a file descriptor, which a process has a limited number of.
pub const MAX_LINGERING: usize = 256;

/// How many bytes are read at a time while a connection owns no buffer.
pub(crate) const SCRATCH: usize = 16 * 1024;
