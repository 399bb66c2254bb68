//! Range operations, a node at a time: the inner loops run over the words of one node, with no step up
//! or down between pages.
use super::edit::Leaf;
use super::geom::*;
use super::node;
use super::path::Path;
use super::retired::Retired;
use super::word::*;
use super::PageTableError;
use crate::paging::{is_aligned, PageProperty, PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};

impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Words from the current one on to the end of the node or to `to`, whichever comes first.
    #[inline(always)]
    fn room(&self, to: usize) -> usize {
        let n = (to - self.page) >> (9 * (self.level as usize - 1));
        let rest = 512 - index_of(self.page, self.level);
        if n < rest {
            n
        } else {
            rest
        }
    }

    /// Maps the pages `[page, to)` to the run of frames from `pa` on, with pages of at most the size of
    /// `largest`, and moves past them.
    ///
    /// # Errors
    /// `AlreadyMapped`, `NoMemory`, `UnsupportedProperty`: everything before the new position is mapped,
    /// nothing from there on has changed.
    pub(crate) fn map_run(
        &mut self,
        mut pa: Paddr,
        to: usize,
        prop: PageProperty,
        largest: PagingLevel,
    ) -> Result<(), PageTableError> {
        while self.page < to {
            let mut level = self.size_for(pa, to, prop, largest);
            let mut w = self.reach(level)?;
            while word_table::<E>(w, level) {
                level -= 1;
                w = self.reach(level)?;
            }
            if !E::supports(level, prop) {
                return Err(PageTableError::UnsupportedProperty(self.va()));
            }
            let done = self.fill(pa, level, self.room(to), prop);
            if done == 0 {
                return Err(PageTableError::AlreadyMapped(self.va()));
            }
            pa += done * 4096;
            self.jump(self.page + done);
        }
        Ok(())
    }

    /// Level of the largest page that may map the current page to `pa`.
    #[inline(always)]
    fn size_for(
        &self,
        pa: Paddr,
        to: usize,
        prop: PageProperty,
        largest: PagingLevel,
    ) -> PagingLevel {
        let mut level = if largest < self.top {
            largest
        } else {
            self.top
        };
        while level > 1 {
            let size = span_of(level);
            let fits = first_of(self.page, level) == self.page && size <= to - self.page;
            if fits && is_aligned(pa, level) && E::supports(level, prop) {
                break;
            }
            level -= 1;
        }
        level
    }

    /// Writes up to `n` leaves from the current word on, stops at a present one; returns how many pages
    /// they map.
    #[inline(always)]
    fn fill(&self, pa: Paddr, level: PagingLevel, n: usize, prop: PageProperty) -> usize {
        let node = self.node();
        let first = index_of(self.page, level);
        let size = span_of(level);
        let mut k = 0;
        while k < n {
            if node::load::<P, E>(node, first + k).is_present() {
                break;
            }
            let leaf = E::new_page(pa + k * size * 4096, level, prop);
            node::store::<P, E>(node, first + k, leaf);
            k += 1;
        }
        node::set_count::<P, E>(node, node::count::<P, E>(node) + k);
        k * size
    }

    /// What [`map`](Self::map) does where the table word `w` is in the way: if no page under it is
    /// mapped, the parts of the page are.
    ///
    /// # Errors
    /// `AlreadyMapped` with the first mapped address; nothing has changed. `NoMemory`,
    /// `UnsupportedProperty`: no page of the range is mapped.
    #[cold]
    pub(crate) fn map_over_tables(
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
            self.clear_run(stop);
            self.jump(from);
        }
        r
    }

    /// Unmaps the pages `[page, to)`, which the cursor itself mapped, without handing them out.
    fn clear_run(&mut self, to: usize) {
        while let Some(w) = self.find(to, false) {
            self.store(w, 0);
            let next = self.next(to);
            self.jump(next);
        }
    }

    /// Unmaps every page in `[page, to)` and moves there; returns how many there were. Each page that is
    /// not below a covered table is given to `page` (with its number), each node to `out`.
    ///
    /// # Errors
    /// See [`split`](Self::split): nothing has changed but the size of the pages at the ends.
    pub(crate) fn unmap<F: FnMut(usize, Leaf)>(
        &mut self,
        to: usize,
        out: &mut Retired<P, E>,
        mut page: F,
    ) -> Result<usize, PageTableError> {
        self.cut_ends(to)?;
        self.lift(to);
        let mut n = 0;
        while let Some(w) = self.find(to, true) {
            if word_table::<E>(w, self.level) {
                let next = self.page + span_of(self.level);
                n += self.take_table(out);
                self.prune(out);
                self.jump(next);
            } else {
                let (passed, cleared) = self.clear_words(self.room(to), &mut page);
                let next = self.page + passed;
                n += cleared;
                self.prune(out);
                self.jump(next);
            }
        }
        Ok(n)
    }

    /// Clears the leaves among the `n` words from the current one on, up to the first table; returns
    /// how many pages it passed, and how many of them were mapped.
    #[inline(always)]
    fn clear_words<F: FnMut(usize, Leaf)>(&self, n: usize, page: &mut F) -> (usize, usize) {
        let (node, level) = (self.node(), self.level);
        let first = index_of(self.page, level);
        let size = span_of(level);
        let (mut k, mut cleared) = (0, 0);
        while k < n {
            let e = node::load::<P, E>(node, first + k);
            if e.is_present() {
                if level > 1 && !e.is_last(level) {
                    break;
                }
                node::store::<P, E>(node, first + k, E::new_absent());
                let (pa, prop) = (e.paddr(level), e.prop(level));
                page(self.page + k * size, Leaf { pa, level, prop });
                cleared += 1;
            }
            k += 1;
        }
        node::set_count::<P, E>(node, node::count::<P, E>(node) - cleared);
        (k * size, cleared * size)
    }

    /// Gives every page mapped in `[page, to)` the property that `op` makes of its own, and moves there;
    /// returns how many pages there were.
    ///
    /// # Errors
    /// See [`split`](Self::split): no property has changed. `UnsupportedProperty`: those before the new
    /// position have.
    pub(crate) fn protect<F: FnMut(&mut PageProperty)>(
        &mut self,
        to: usize,
        mut op: F,
    ) -> Result<usize, PageTableError> {
        self.cut_ends(to)?;
        let mut n = 0;
        while self.find(to, false).is_some() {
            let (node, level) = (self.node(), self.level);
            let first = index_of(self.page, level);
            let room = self.room(to);
            let size = span_of(level);
            let mut k = 0;
            while k < room {
                let e = node::load::<P, E>(node, first + k);
                if e.is_present() {
                    if level > 1 && !e.is_last(level) {
                        break;
                    }
                    let mut prop = e.prop(level);
                    op(&mut prop);
                    if !E::supports(level, prop) {
                        self.jump(self.page + k * size);
                        return Err(PageTableError::UnsupportedProperty(self.va()));
                    }
                    node::store::<P, E>(node, first + k, e.set_prop(level, prop));
                    n += size;
                }
                k += 1;
            }
            self.jump(self.page + k * size);
        }
        Ok(n)
    }
}
