//! Changes at a position: map, split, take, protect.
//!
//! Each function here is a few steps of [`Path`], and does nothing that they do not do. The loops over
//! the words of one node are in [`runs`](super::runs).
use super::geom::*;
use super::node;
use super::path::Path;
use super::retired::Retired;
use super::word::*;
use super::PageTableError;
use crate::paging::{PageProperty, PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};

/// A mapping found in the table: one page of the size of `level`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Leaf {
    pub(crate) pa: Paddr,
    pub(crate) level: PagingLevel,
    pub(crate) prop: PageProperty,
}

/// What [`Path::take_next`] found.
pub(crate) enum Found {
    /// A page, which began at the given page number.
    Leaf(usize, Leaf),
    /// A child table that covered this many pages from the given one on; so many were mapped.
    Table(usize, usize, usize),
}

impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Replaces the non-table word `old` at the current position by the non-table word `w`.
    #[inline(always)]
    pub(crate) fn store(&self, old: u64, w: u64) {
        let pa = self.node();
        node::store::<P, E>(
            pa,
            index_of(self.page, self.level),
            E::from_usize(w as usize),
        );
        self.recount(pa, old, w);
    }

    /// Replaces the leaf at the current position by an absent word, and returns it with every bit that
    /// the MMU ever set in it.
    #[inline(always)]
    pub(crate) fn clear(&self) -> u64 {
        let pa = self.node();
        let i = index_of(self.page, self.level);
        let w = node::swap::<P, E>(pa, i, E::new_absent()).as_usize() as u64;
        self.recount(pa, w, 0);
        w
    }

    /// Keeps the count of the node after `old` has become `w`.
    #[inline(always)]
    fn recount(&self, pa: Paddr, old: u64, w: u64) {
        let (was, now) = (word_present::<E>(old), word_present::<E>(w));
        if was != now {
            let n = node::count::<P, E>(pa);
            node::set_count::<P, E>(pa, if now { n + 1 } else { n - 1 });
        }
    }

    /// Descends to the word that decides the translation of the current page.
    #[inline(always)]
    pub(crate) fn descend(&mut self) -> u64 {
        let mut w = self.load();
        while word_table::<E>(w, self.level) {
            self.push(w);
            w = self.load();
        }
        w
    }

    /// What the current page is mapped to.
    #[inline(always)]
    pub(crate) fn query(&mut self) -> Option<Leaf> {
        let w = self.descend();
        if word_present::<E>(w) {
            Some(self.leaf(w))
        } else {
            None
        }
    }

    /// The leaf `w` at the current level.
    #[inline(always)]
    pub(crate) fn leaf(&self, w: u64) -> Leaf {
        Leaf {
            pa: word_paddr::<E>(w, self.level),
            level: self.level,
            prop: word_prop::<E>(w, self.level),
        }
    }

    /// Goes to the current page's slot of level `level`, or as far down as tables lead, allocating nodes
    /// on the way; returns the word there.
    ///
    /// # Errors
    /// `AlreadyMapped`: a larger page is in the way. `NoMemory`: no frame for a node. Neither changes
    /// what any page translates to.
    #[inline(always)]
    pub(crate) fn reach(&mut self, level: PagingLevel) -> Result<u64, PageTableError> {
        self.climb(level);
        let mut w = self.load();
        while self.level > level {
            if !word_present::<E>(w) {
                let (pa, i) = (self.node(), index_of(self.page, self.level));
                let Some(child) = node::alloc_child::<P, E>(pa, i) else {
                    return Err(PageTableError::NoMemory(self.va()));
                };
                self.level -= 1;
                self.nodes[self.level as usize - 1] = child;
                w = 0;
            } else if word_leaf::<E>(w, self.level) {
                return Err(PageTableError::AlreadyMapped(self.va()));
            } else {
                self.push(w);
                w = self.load();
            }
        }
        Ok(w)
    }

    /// Maps the page of size `level` at the current address to the frame `pa` and moves past it. Where
    /// an empty table stands in its place, the table's entries map its parts.
    ///
    /// # Errors
    /// See [`reach`](Self::reach), and `UnsupportedProperty`; nothing has changed.
    #[inline(always)]
    pub(crate) fn map(
        &mut self,
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
    ) -> Result<(), PageTableError> {
        let w = self.reach(level)?;
        if word_present::<E>(w) {
            return self.map_over_tables(pa, level, prop, w);
        }
        self.store(w, leaf_word::<E>(pa, level, prop));
        let next = self.page + span_of(level);
        self.jump(next);
        Ok(())
    }

    /// Splits the leaf `w` at the current position into 512 leaves and descends to them.
    ///
    /// # Errors
    /// `NoMemory`, or `UnsupportedProperty` if smaller pages cannot have the property; nothing has changed.
    pub(crate) fn split(&mut self, w: u64) -> Result<(), PageTableError> {
        let (pa, prop) = (
            word_paddr::<E>(w, self.level),
            word_prop::<E>(w, self.level),
        );
        let part = self.level - 1;
        let last = span_of(part) * 4096 * 511;
        if !E::supports(part, prop) || !E::fits_page(pa + last, part) {
            return Err(PageTableError::UnsupportedProperty(self.va()));
        }
        let (node, i) = (self.node(), index_of(self.page, self.level));
        let Some(child) = node::split_child::<P, E>(node, i, pa, prop) else {
            return Err(PageTableError::NoMemory(self.va()));
        };
        self.level = part;
        self.nodes[part as usize - 1] = child;
        Ok(())
    }

    /// Moves to the first mapped page in `[page, to)` and returns its word, or moves to `to`. With
    /// `tables`, stops at a table whose slot lies in that range, too.
    #[inline(always)]
    pub(crate) fn find(&mut self, to: usize, tables: bool) -> Option<u64> {
        while self.page < to {
            let w = self.load();
            if word_table::<E>(w, self.level) {
                if tables && self.level < self.keep && self.fits(to) {
                    return Some(w);
                }
                self.push(w);
            } else if word_present::<E>(w) {
                return Some(w);
            } else {
                let next = self.next(to);
                self.jump(next);
            }
        }
        None
    }

    /// As [`find`](Self::find), and splits pages that stick out of the range.
    ///
    /// # Errors
    /// See [`split`](Self::split); what pages translate to has not changed.
    #[inline(always)]
    pub(crate) fn seek(&mut self, to: usize, tables: bool) -> Result<Option<u64>, PageTableError> {
        loop {
            let Some(w) = self.find(to, tables) else {
                return Ok(None);
            };
            if self.fits(to) {
                return Ok(Some(w));
            }
            self.split(w)?;
        }
    }

    /// Splits the pages that stick out of `[page, to)` at either end, and stays here.
    ///
    /// # Errors
    /// See [`split`](Self::split); what pages translate to has not changed.
    pub(crate) fn cut_ends(&mut self, to: usize) -> Result<(), PageTableError> {
        let from = self.page;
        if from == to {
            return Ok(());
        }
        self.jump(to - 1);
        let last = self.cut(from, to);
        self.jump(from);
        last?;
        self.cut(from, to)
    }

    /// Splits the page that maps the current one until it lies in `[from, to)`.
    ///
    /// # Errors
    /// See [`split`](Self::split).
    fn cut(&mut self, from: usize, to: usize) -> Result<(), PageTableError> {
        loop {
            let w = self.descend();
            let base = first_of(self.page, self.level);
            if !word_present::<E>(w) || (from <= base && base + span_of(self.level) <= to) {
                return Ok(());
            }
            self.split(w)?;
        }
    }

    /// Climbs to the highest slot that starts here and ends at `to` or before: what was looked at before
    /// does not decide whether a table is removed as a whole.
    #[inline(always)]
    pub(crate) fn lift(&mut self, to: usize) {
        while self.level < self.top {
            let above = self.level + 1;
            if first_of(self.page, above) != self.page || span_of(above) > to - self.page {
                break;
            }
            self.level = above;
        }
    }

    /// Removes the next page or covered table in `[page, to)` and moves past it, or moves to `to`. Nodes
    /// go to `out`.
    ///
    /// # Errors
    /// See [`split`](Self::split); nothing has been removed.
    pub(crate) fn take_next(
        &mut self,
        to: usize,
        out: &mut Retired<P, E>,
    ) -> Result<Option<Found>, PageTableError> {
        self.lift(to);
        let Some(w) = self.seek(to, true)? else {
            return Ok(None);
        };
        let at = self.page;
        let size = span_of(self.level);
        let found = if word_table::<E>(w, self.level) {
            Found::Table(at, size, self.take_table(out))
        } else {
            let w = self.clear();
            Found::Leaf(at, self.leaf(w))
        };
        self.prune(out);
        self.jump(at + size);
        Ok(Some(found))
    }

    /// Detaches the table below the current word with everything under it; returns how many pages
    /// were mapped there.
    pub(crate) fn take_table(&mut self, out: &mut Retired<P, E>) -> usize {
        let i = index_of(self.page, self.level);
        detach_below::<P, E>(self.node(), self.level, i, out)
    }

    /// Detaches the empty nodes from the current one upwards.
    #[inline(always)]
    pub(crate) fn prune(&mut self, out: &mut Retired<P, E>) {
        while self.level < self.top && self.level + 1 < self.keep {
            let child = self.node();
            if node::count::<P, E>(child) != 0 {
                break;
            }
            self.level += 1;
            node::detach::<P, E>(self.node(), index_of(self.page, self.level), child, out);
        }
    }

    /// Gives the leaf `w` at the current position another property.
    ///
    /// # Errors
    /// `UnsupportedProperty`; nothing has changed.
    #[inline(always)]
    pub(crate) fn set_prop(&self, w: u64, prop: PageProperty) -> Result<(), PageTableError> {
        if !E::supports(self.level, prop) {
            return Err(PageTableError::UnsupportedProperty(self.va()));
        }
        let pa = word_paddr::<E>(w, self.level);
        self.store(w, leaf_word::<E>(pa, self.level, prop));
        Ok(())
    }
}

/// Detaches the child at entry `i` of the locked node `pa`, and all nodes below it, from the leaves up;
/// returns how many pages were mapped there.
fn detach_below<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    i: usize,
    out: &mut Retired<P, E>,
) -> usize {
    let child = node::load::<P, E>(pa, i).paddr(level);
    let below = level - 1;
    let mut n = 0;
    if below == 1 {
        n = node::count::<P, E>(child);
    } else {
        let mut j = 0;
        while j < 512 {
            let e = node::load::<P, E>(child, j);
            if e.is_present() {
                n += if e.is_last(below) {
                    span_of(below)
                } else {
                    detach_below::<P, E>(child, below, j, out)
                };
            }
            j += 1;
        }
    }
    node::detach::<P, E>(pa, i, child, out);
    n
}
