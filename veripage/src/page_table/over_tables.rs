//! A huge page where a table stands already: if no page under it is mapped, the parts of the page are.
//!
//! Such tables are left by cursors that were opened over a part of the slot, or when memory ran out. The
//! nodes cannot be replaced on the spot, since lock-free readers may be in them.
use super::geom::*;
use super::path::Path;
use super::word::*;
use super::PageTableError;
use crate::paging::{PageProperty, PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};

impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Maps the page of size `level` at the current address to the frame `pa` and moves past it.
    ///
    /// # Errors
    /// `AlreadyMapped` with the first mapped address, `NoMemory`; no page translates to anything else than
    /// before.
    #[inline(always)]
    pub(crate) fn map(
        &mut self,
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
    ) -> Result<(), PageTableError> {
        match self.map_free(pa, level, prop)? {
            None => Ok(()),
            Some(w) => self.map_over_tables(pa, level, prop, w),
        }
    }

    /// The rest of [`map`](Self::map), where the present word `w` is in the way.
    #[cold]
    fn map_over_tables(
        &mut self,
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
        w: u64,
    ) -> Result<(), PageTableError> {
        if word_leaf::<E>(w, level) {
            return Err(PageTableError::AlreadyMapped(self.va()));
        }
        let from = self.page;
        let to = from + span_of(level);
        let found = self.find(to, false).is_some();
        let mapped = self.page;
        self.jump(from);
        if found {
            return Err(PageTableError::AlreadyMapped(mapped * 4096));
        }
        let r = self.map_run(pa, to, prop, level);
        if r.is_err() {
            let stop = self.page;
            self.jump(from);
            self.forget_run(stop);
            self.jump(from);
        }
        r
    }

    /// Unmaps the pages `[page, to)`, which the cursor itself has just mapped, without handing them out.
    fn forget_run(&mut self, to: usize) {
        while let Some(w) = self.find(to, false) {
            self.store(w, 0);
            let next = self.next(to);
            self.jump(next);
        }
    }
}
