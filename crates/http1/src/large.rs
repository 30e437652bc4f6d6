//! Memory for large bodies.

use crate::error::BadMessage;
use crate::limits::MAX_BODY;
use memmap2::MmapMut;
use std::sync::{Mutex, PoisonError};

/// The longest body, in bytes, that stays in the buffer.
const SMALL: usize = 64 * 1024;
/// How many bodies' pages are kept for the next ones, since new pages cost more than the body.
const KEPT: usize = 8;

/// Pages that are not in use, each for [`MAX_BODY`] bytes.
static UNUSED: Mutex<Vec<MmapMut>> = Mutex::new(Vec::new());

/// The content of a large body, in pages of its own: they cost memory only once they are filled,
/// and the system gets them back with the body. An allocator would keep them, cut small pieces off
/// them, and map others for the next body: a server that is sent a thousand large bodies would
/// stay large.
#[derive(Debug)]
pub(crate) struct Large {
    /// `None` only while it is dropped.
    pages: Option<MmapMut>,
    length: usize,
}

impl Large {
    /// Whether a body of this length stays in the buffer. So do responses of any length, whose
    /// limit is larger: a client receives few of them at a time.
    pub(crate) fn fits(length: usize, max: usize) -> bool {
        length <= SMALL || max > MAX_BODY
    }

    /// No content yet, and room for [`MAX_BODY`] bytes.
    pub(crate) fn new() -> Result<Self, BadMessage> {
        let unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pages = match unused {
            Some(pages) => pages,
            None => MmapMut::map_anon(MAX_BODY).map_err(|_| BadMessage::OverBudget)?,
        };
        Ok(Self { pages: Some(pages), length: 0 })
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
        let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
        if unused.len() < KEPT {
            unused.extend(self.pages.take());
        }
    }
}
