//! Cursors over user spaces: what a kernel may map for user programs, and what becomes of it.
use crate::frame::{Frame, Segment, UntypedKind};
use crate::page_table::{self, MappedItem, PageTableError, PagingFormat, UserPtConfig};
use crate::paging::{PageFlags, PageProperty, PagingConstsTrait, PagingLevel, PrivilegedPageFlags};
use crate::tlb::TlbFlusher;
use crate::{FlushOp, Paddr, Platform, Vaddr, PAGE_SIZE};
use core::ops::{Deref, Range};

/// A cursor that looks at a user space.
pub type Cursor<'a, P, F> = page_table::Cursor<'a, UserPtConfig<P, F>>;

/// A cursor that changes a user space. It can do what a [`Cursor`] can.
///
/// What it removes waits in its [`flusher`](Self::flusher). Dropping the cursor first has that flushed,
/// then lets others at the range (nobody maps anything while a CPU may still use what was there), then
/// lets go of the frames (their destructors run without a lock held, unless there were so many that the
/// flusher had to sync earlier). Frames that left in the nodes of a table wait longer: see
/// [`unmap`](Self::unmap).
///
/// The functions that are given to its methods run while the range is locked: they must not open a cursor.
pub struct CursorMut<'a, P: Platform, F: PagingFormat> {
    // In this order they are dropped.
    inner: page_table::CursorMut<'a, UserPtConfig<P, F>>,
    flusher: TlbFlusher<'a, UserPtConfig<P, F>>,
}

impl<'a, P: Platform, F: PagingFormat> CursorMut<'a, P, F> {
    pub(super) fn new(
        inner: page_table::CursorMut<'a, UserPtConfig<P, F>>,
        flusher: TlbFlusher<'a, UserPtConfig<P, F>>,
    ) -> Self {
        CursorMut { inner, flusher }
    }

    /// Maps a frame at the current address, and moves past it.
    ///
    /// # Errors
    /// The frame comes back, and nothing is mapped.
    /// - `InvalidVaddr`: the cursor is at its end;
    /// - `AlreadyMapped`: the page is;
    /// - `UnsupportedProperty`: not one for user mappings (see [`is_user_prop`]), or the format cannot
    ///   express it;
    /// - `InvalidPaddr`: the format cannot express the frame's address;
    /// - `NoMemory`: no frame for a node.
    pub fn map<K: UntypedKind>(
        &mut self,
        frame: Frame<P, K>,
        prop: PageProperty,
    ) -> Result<(), (PageTableError, Frame<P, K>)> {
        if !is_user_prop(prop) {
            return Err((PageTableError::UnsupportedProperty(self.virt_addr()), frame));
        }
        let pa = frame.into_raw();
        // SAFETY: the share that the handle held is the caller's to give, and is given only if the page
        // is mapped.
        match unsafe { self.inner.map_frames(pa, PAGE_SIZE, prop, 1) } {
            Ok(()) => Ok(()),
            // SAFETY: nothing was mapped, so the share is still here.
            Err(e) => Err((e, unsafe { Frame::from_raw(pa) })),
        }
    }

    /// Maps contiguous frames from the current address on, with the largest pages possible, and moves
    /// past them.
    ///
    /// # Errors
    /// As for [`map`](Self::map), and `InvalidVaddrRange` if they do not fit into the cursor's range.
    /// The frames that are not mapped come back: on `AlreadyMapped` and `NoMemory` those from the
    /// cursor's new position on, else all of them.
    pub fn map_segment<K: UntypedKind>(
        &mut self,
        frames: Segment<P, K>,
        prop: PageProperty,
    ) -> Result<(), (PageTableError, Segment<P, K>)> {
        let from = self.virt_addr();
        if !is_user_prop(prop) {
            return Err((PageTableError::UnsupportedProperty(from), frames));
        }
        let Range { start, end } = frames.into_raw();
        let largest = F::Consts::HIGHEST_TRANSLATION_LEVEL;
        // SAFETY: the shares that the segment held are the caller's to give, and are given as far as
        // pages are mapped.
        match unsafe { self.inner.map_frames(start, end - start, prop, largest) } {
            Ok(()) => Ok(()),
            Err(e) => {
                let mapped = self.virt_addr().wrapping_sub(from);
                // SAFETY: the shares of what was not mapped are still here.
                Err((e, unsafe { Segment::from_raw(start + mapped..end) }))
            }
        }
    }

    /// Maps the `len` bytes of I/O memory at `pa` from the current address on, with the largest pages
    /// possible, and moves past them. Nobody counts them: they stay what they are when they are unmapped.
    ///
    /// # Errors
    /// As for [`map_segment`](Self::map_segment); `InvalidPaddr(pa)`: there is RAM at `pa`.
    pub fn map_iomem(
        &mut self,
        pa: Paddr,
        len: usize,
        prop: PageProperty,
    ) -> Result<(), PageTableError> {
        if !is_user_prop(prop) {
            return Err(PageTableError::UnsupportedProperty(self.virt_addr()));
        }
        let end = pa
            .checked_add(len)
            .ok_or(PageTableError::InvalidPaddr(pa))?;
        // What does not fit into the cursor's range is refused below, however long it is.
        let left = self.range().end.wrapping_sub(self.virt_addr());
        let ram_end = end.min(pa.saturating_add(left)).min(P::MAX_PADDR);
        for page in (pa..ram_end).step_by(PAGE_SIZE) {
            if P::is_ram(page - page % PAGE_SIZE) {
                return Err(PageTableError::InvalidPaddr(page));
            }
        }
        let largest = F::Consts::HIGHEST_TRANSLATION_LEVEL;
        self.inner.map_range(pa, len, prop, largest)
    }

    /// Unmaps everything in the next `len` bytes and moves past them; returns how many base pages were
    /// mapped there. The frames are let go when their flush is done; those of a table that lies in the `len`
    /// bytes as a whole stay in its nodes, and are let go with them when a grace period has passed as well.
    ///
    /// # Errors
    /// `UnalignedVaddr(len)`; `InvalidVaddrRange`, `InvalidVaddr`: past the cursor's range, at its end;
    /// `NoMemory`: for splitting a huge page that sticks out. Nothing is unmapped then.
    pub fn unmap(&mut self, len: usize) -> Result<usize, PageTableError> {
        self.inner.unmap(len, &mut self.flusher)
    }

    /// Changes the property of the next page that is mapped in the next `len` bytes by `op`, and moves
    /// past it; returns its range. If there is none, moves to the end. `op` cannot make the page global,
    /// nor change `AVAIL1`. The page stays mapped; accessed and dirty flags that the MMU sets after `op` was
    /// given the property are kept.
    ///
    /// # Errors
    /// As for [`unmap`](Self::unmap); `UnsupportedProperty` if the format cannot express what `op` made
    /// of the property.
    pub fn protect_next(
        &mut self,
        len: usize,
        op: impl FnOnce(&mut PageProperty),
    ) -> Result<Option<Range<Vaddr>>, PageTableError> {
        let page = self.inner.protect_next(len, |prop| confine(prop, op))?;
        if let Some(range) = &page {
            self.flusher.issue_tlb_flush(FlushOp::Range(range.clone()));
        }
        Ok(page)
    }

    /// Changes the property of every page of the next `len` bytes by `op`, and moves past them; returns
    /// how many base pages are mapped there.
    ///
    /// # Errors
    /// As for [`protect_next`](Self::protect_next); on `UnsupportedProperty` the pages before the new
    /// position have changed, else none has.
    pub fn protect(
        &mut self,
        len: usize,
        mut op: impl FnMut(&mut PageProperty),
    ) -> Result<usize, PageTableError> {
        let from = self.virt_addr();
        let n = self.inner.protect(len, |prop| confine(prop, &mut op));
        let changed = from..self.virt_addr();
        self.flusher.issue_tlb_flush(FlushOp::Range(changed));
        n
    }

    /// Where what was removed waits: to send or await flushes early.
    pub fn flusher(&mut self) -> Flusher<'_, 'a, P, F> {
        Flusher(&mut self.flusher)
    }

    /// See [`Cursor::query`](page_table::Cursor::query).
    ///
    /// # Errors
    /// `InvalidVaddr`: the cursor is at its end.
    #[inline]
    pub fn query(&mut self) -> Result<(Range<Vaddr>, Option<MappedItem<P>>), PageTableError> {
        self.inner.query()
    }

    /// See [`Cursor::peek`](page_table::Cursor::peek).
    ///
    /// # Errors
    /// `InvalidVaddr`: the cursor is at its end.
    #[inline]
    pub fn peek(&mut self) -> Result<Option<(Paddr, PagingLevel, PageProperty)>, PageTableError> {
        self.inner.peek()
    }

    /// See [`Cursor::find_next`](page_table::Cursor::find_next).
    ///
    /// # Errors
    /// `UnalignedVaddr(len)`; `InvalidVaddrRange`, `InvalidVaddr`: past the cursor's range, at its end.
    #[inline]
    pub fn find_next(&mut self, len: usize) -> Result<Option<Vaddr>, PageTableError> {
        self.inner.find_next(len)
    }

    /// See [`Cursor::jump`](page_table::Cursor::jump).
    ///
    /// # Errors
    /// `UnalignedVaddr`, `InvalidVaddr` if it is outside the range.
    #[inline]
    pub fn jump(&mut self, va: Vaddr) -> Result<(), PageTableError> {
        self.inner.jump(va)
    }
}

impl<P: Platform, F: PagingFormat> Drop for CursorMut<'_, P, F> {
    fn drop(&mut self) {
        self.flusher.flush();
    }
}

impl<'a, P: Platform, F: PagingFormat> Deref for CursorMut<'a, P, F> {
    type Target = Cursor<'a, P, F>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

/// The flusher of a cursor. It cannot be moved: what a cursor removes must be flushed by the CPUs of
/// its own space, so neither the flusher nor the part of the cursor that is at the table is handed out.
///
/// ```compile_fail,E0308
/// # use veripage::{page_table::PagingFormat, vm_space::CursorMut, Platform};
/// fn swap<P: Platform, F: PagingFormat>(a: &mut CursorMut<'_, P, F>, b: &mut CursorMut<'_, P, F>) {
///     core::mem::swap::<veripage::tlb::TlbFlusher<'_, _>>(a.flusher(), b.flusher());
/// }
/// ```
/// ```compile_fail,E0596
/// # use veripage::{page_table::PagingFormat, vm_space::CursorMut, Platform};
/// fn swap<'a, P: Platform, F: PagingFormat>(a: &mut CursorMut<'a, P, F>, b: &mut CursorMut<'a, P, F>) {
///     core::mem::swap(&mut **a, &mut **b);
/// }
/// ```
pub struct Flusher<'f, 'a, P: Platform, F: PagingFormat>(
    &'f mut TlbFlusher<'a, UserPtConfig<P, F>>,
);

impl<P: Platform, F: PagingFormat> Flusher<'_, '_, P, F> {
    /// See [`TlbFlusher::issue_tlb_flush`].
    pub fn issue_tlb_flush(&mut self, op: FlushOp) {
        self.0.issue_tlb_flush(op);
    }

    /// See [`TlbFlusher::dispatch_tlb_flush`].
    pub fn dispatch_tlb_flush(&mut self) {
        self.0.dispatch_tlb_flush();
    }

    /// See [`TlbFlusher::sync_tlb_flush`].
    pub fn sync_tlb_flush(&mut self) {
        self.0.sync_tlb_flush();
    }
}

/// May user memory be mapped with this property? Not if it is `GLOBAL`, since such a translation would
/// outlive its space, and not with `AVAIL1`, which tells counted memory from other. Without `USER` a
/// page stays mapped, but no program can access it.
pub fn is_user_prop(prop: PageProperty) -> bool {
    !prop.priv_flags.contains(PrivilegedPageFlags::GLOBAL)
        && !prop.flags.contains(PageFlags::AVAIL1)
}

/// Lets `op` change a property, except for what is not the user's.
fn confine(prop: &mut PageProperty, op: impl FnOnce(&mut PageProperty)) {
    let kind = prop.flags.bits() & PageFlags::AVAIL1.bits();
    op(prop);
    let flags = prop.flags.difference(PageFlags::AVAIL1);
    prop.flags = flags.union(PageFlags::from_bits_truncate(kind));
    prop.priv_flags = prop.priv_flags.difference(PrivilegedPageFlags::GLOBAL);
}
