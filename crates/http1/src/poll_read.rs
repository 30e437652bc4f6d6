//! Reads from a tokio socket without a buffer on the heap.

use crate::limits::SCRATCH;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

/// Reads once, passes the bytes to `consume`, and returns how many there were. An idle connection
/// that waits here needs no buffer: the bytes are read onto the stack of the thread that is woken.
pub(crate) fn poll_read(
    stream: &mut TcpStream,
    context: &mut Context<'_>,
    consume: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    let mut scratch = [const { MaybeUninit::uninit() }; SCRATCH];
    let mut scratch = ReadBuf::uninit(&mut scratch);
    ready!(Pin::new(stream).poll_read(context, &mut scratch))?;
    consume(scratch.filled());
    Poll::Ready(Ok(scratch.filled().len()))
}
