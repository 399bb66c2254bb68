//! Objects and their page caches: what shared mappings share.
//!
//! A log names descriptors, not contents. So each page of a file is given contents of its own: the
//! first word is its [`stamp`]. A replayed program reads and writes that word, and finds out when a
//! mapping leads to a page of something else.
use super::kernel::Trouble;
use super::page::Page;
use super::region::{ObjectId, PAGE};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What the first word of a page of an object is, once it is filled or written.
pub fn stamp(id: ObjectId, offset: u64) -> u64 {
    let page = offset / PAGE as u64;
    (id.0 << 40 | page & 0xff_ffff_ffff).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}

/// A file, or the memory behind one shared anonymous mapping. Its pages live as long as it does.
pub struct Object {
    id: ObjectId,
    /// Pages start as zeroes, not as the contents of a file.
    zeroed: bool,
    pages: Mutex<BTreeMap<u64, Page>>,
}

impl Object {
    /// An object with nothing cached.
    pub fn new(id: ObjectId, zeroed: bool) -> Object {
        let pages = Mutex::default();
        Object { id, zeroed, pages }
    }

    /// The page at `offset` bytes, filled if it is not in the cache.
    ///
    /// # Errors
    /// `NoMemory` if there is no frame for it.
    pub fn page(&self, offset: u64) -> Result<Page, Trouble> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = pages.get(&offset) {
            return Ok(page.clone());
        }
        let first = if self.zeroed {
            0
        } else {
            stamp(self.id, offset)
        };
        let page = Page::filled(first)?;
        pages.insert(offset, page.clone());
        Ok(page)
    }

    /// Could the first word of the page at `offset` be `word`? It is the stamp, or 0 if the page was
    /// never written or lies in a punched hole.
    pub fn may_hold(&self, offset: u64, word: u64) -> bool {
        word == 0 || word == stamp(self.id, offset)
    }

    /// Zeroes the cached pages of `len` bytes from `offset`: what every mapper sees after
    /// `MADV_REMOVE`.
    ///
    /// # Errors
    /// None is expected.
    pub fn punch(&self, offset: u64, len: u64) -> Result<(), Trouble> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let mut punched = pages.range(offset..offset.saturating_add(len));
        punched.try_for_each(|(_, page)| page.write_first(0))
    }

    /// Calls `each` with every page that the cache holds.
    pub fn for_each_held(&self, mut each: impl FnMut(&Page)) {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.values().for_each(&mut each);
    }
}
