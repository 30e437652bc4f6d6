//! Memory for large bodies.

use crate::error::BadMessage;
use crate::limits::MAX_BODY;
use memmap2::MmapMut;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The longest body, in bytes, that stays in the buffer.
const SMALL: usize = 64 * 1024;
/// How many mappings are used again and again, since new pages cost more than the copy of a body.
/// Their pages stay in memory, so no others are kept.
const KEPT: usize = 8;

/// The mappings that are used again, each for [`MAX_BODY`] bytes.
static KEPT_MAPPINGS: Mutex<Kept> = Mutex::new(Kept { unused: Vec::new(), count: 0 });

struct Kept {
    unused: Vec<MmapMut>,
    /// How many there are, with those in use; [`KEPT`] at most.
    count: usize,
}

/// The content of a large body, in pages of its own: they cost memory once they are filled, and the
/// system gets them back with the body. An allocator would keep them, cut small pieces off them,
/// and map others for the next body: a server that is sent a thousand large bodies would stay
/// large.
#[derive(Debug)]
pub(crate) struct Large {
    /// `None` only while it is dropped.
    pages: Option<MmapMut>,
    length: usize,
    is_kept: bool,
}

impl Large {
    /// Whether a body of this length stays in the buffer. So do responses of any length, whose
    /// limit is larger: a client receives few of them at a time.
    pub(crate) fn is_small(length: usize, max: usize) -> bool {
        length <= SMALL || max > MAX_BODY
    }

    /// No content yet, and room for [`MAX_BODY`] bytes.
    pub(crate) fn new() -> Result<Self, BadMessage> {
        let unused = kept().unused.pop();
        let is_kept = unused.is_some();
        let pages = match unused {
            Some(pages) => pages,
            None => MmapMut::map_anon(MAX_BODY).map_err(|_| BadMessage::OverBudget)?,
        };
        Ok(Self { pages: Some(pages), length: 0, is_kept })
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Appends bytes that fit.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.spare(bytes.len()).copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// Where the next `count` bytes go; they must fit.
    pub(crate) fn spare(&mut self, count: usize) -> &mut [u8] {
        let pages = self.pages.as_deref_mut().unwrap_or_default();
        &mut pages[self.length..self.length + count]
    }

    /// Records that `count` bytes have been written to the spare part.
    pub(crate) fn filled(&mut self, count: usize) {
        self.length += count;
    }
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.pages.as_deref().unwrap_or_default()[..self.length]
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        let mut kept = kept();
        if !self.is_kept && kept.count < KEPT {
            kept.count += 1;
            self.is_kept = true;
        }
        if self.is_kept {
            kept.unused.extend(self.pages.take());
        }
    }
}

fn kept() -> MutexGuard<'static, Kept> {
    KEPT_MAPPINGS.lock().unwrap_or_else(PoisonError::into_inner)
}
