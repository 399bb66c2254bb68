//! Kernel areas: ranges of kernel addresses with what is mapped in them.
use super::area_pool::AreaRange;
use super::range_alloc::RangeAllocError;
use super::{KSpaceError, KernelSpace, DEFAULT_PIECES};
use crate::frame::DynFrame;
use crate::page_table::{CursorMut, KernelPtConfig, MappedItem, PageTableError, PagingFormat};
use crate::paging::{
    page_size, PageFlags, PageProperty, PagingConstsTrait, PagingLevel, PrivilegedPageFlags,
};
use crate::rcu::RcuGuard;
use crate::{Paddr, Platform, Vaddr, PAGE_SIZE};
use core::mem::ManuallyDrop;
use core::ops::Range;

/// A range of kernel addresses that it alone owns, and what it has mapped there.
///
/// Dropping it unmaps everything, has every CPU flush it, lets go of the frames, and gives the range
/// back: in this order.
pub struct KVirtArea<'k, P: Platform, F: PagingFormat, const PIECES: usize = DEFAULT_PIECES> {
    space: &'k KernelSpace<P, F, PIECES>,
    /// Taken out by `drop` only.
    range: ManuallyDrop<AreaRange>,
}

impl<'k, P: Platform, F: PagingFormat, const PIECES: usize> KVirtArea<'k, P, F, PIECES> {
    /// An area of `size` bytes, in which `frames` are mapped one after the other, from `offset` bytes
    /// on, with property `prop`. Both are multiples of the page size. The area is locked while the
    /// iterator runs: it must not open a cursor, nor an area.
    ///
    /// # Errors
    /// The frames are let go, nothing is mapped, and no addresses are taken.
    /// - `BadWindow`: the offset is unaligned or past the area;
    /// - `Range`: the size is 0 or unaligned, or there is no room for it;
    /// - `TooManyFrames`: they do not all fit;
    /// - `BadProperty`: not a property of kernel mappings;
    /// - `Table`: out of memory for nodes, or the format cannot express the property.
    pub fn map_frames(
        space: &'k KernelSpace<P, F, PIECES>,
        size: usize,
        offset: usize,
        frames: impl IntoIterator<Item = DynFrame<P>>,
        prop: PageProperty,
    ) -> Result<Self, KSpaceError> {
        check_window(offset, 0, size)?;
        check_prop(prop)?;
        let area = Self::take(space, size, PAGE_SIZE, 0)?;
        area.with_cursor(|cursor| {
            cursor.jump(area.start() + offset)?;
            for frame in frames {
                if cursor.virt_addr() == area.end() {
                    return Err(KSpaceError::TooManyFrames(area.end()));
                }
                cursor.map(MappedItem::Tracked(frame, prop))?;
            }
            Ok(())
        })?;
        Ok(area)
    }

    /// An area of `size` bytes, in which the memory at `pa_range` is mapped from `offset` bytes on, with
    /// property `prop` and the largest pages possible. All are multiples of the page size. The area is
    /// placed so that large pages are possible, if there is room.
    ///
    /// # Safety
    /// Nobody counts the memory's users: it must stay what the accesses through the area take it for
    /// until the area is gone.
    ///
    /// # Errors
    /// As for [`map_frames`](Self::map_frames); `BadPaddrRange`: the memory's end is below its start.
    pub unsafe fn map_untracked_frames(
        space: &'k KernelSpace<P, F, PIECES>,
        size: usize,
        offset: usize,
        pa_range: Range<Paddr>,
        prop: PageProperty,
    ) -> Result<Self, KSpaceError> {
        let pa = pa_range.start;
        let Some(len) = pa_range.end.checked_sub(pa) else {
            return Err(KSpaceError::BadPaddrRange(pa, pa_range.end));
        };
        check_window(offset, len, size)?;
        check_prop(prop)?;
        let align = page_size(largest_within::<F::Consts>(len));
        let phase = pa.wrapping_sub(offset) & (align - 1) & !(PAGE_SIZE - 1);
        let area = match Self::take(space, size, align, phase) {
            Err(KSpaceError::Range(
                RangeAllocError::Exhausted(_) | RangeAllocError::TooManyAreas(_),
            )) => Self::take(space, size, PAGE_SIZE, 0)?,
            taken => taken?,
        };
        area.with_cursor(|cursor| {
            cursor.jump(area.start() + offset)?;
            let largest = F::Consts::HIGHEST_TRANSLATION_LEVEL;
            Ok(cursor.map_range(pa, len, prop, largest)?)
        })?;
        Ok(area)
    }

    /// What is mapped at `addr`: a clone of the item of its page.
    ///
    /// # Errors
    /// `OutOfArea`.
    pub fn query(&self, addr: Vaddr) -> Result<Option<MappedItem<P>>, KSpaceError> {
        if !self.range().contains(&addr) {
            return Err(KSpaceError::OutOfArea(addr));
        }
        let page = addr - addr % PAGE_SIZE;
        let mut guard = RcuGuard::enter();
        let table = &self.space.tables().table;
        let mut cursor = match table.cursor(&mut guard, &(page..page + PAGE_SIZE)) {
            Ok(cursor) => cursor,
            // Where a node is missing nothing is mapped.
            Err(PageTableError::NoMemory(_)) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        Ok(cursor.query()?.1)
    }

    /// First address.
    pub fn start(&self) -> Vaddr {
        self.range.start()
    }

    /// First address past the area.
    pub fn end(&self) -> Vaddr {
        self.range.end()
    }

    /// The addresses.
    pub fn range(&self) -> Range<Vaddr> {
        self.start()..self.end()
    }

    /// Bytes.
    #[allow(clippy::len_without_is_empty)] // no area is empty
    pub fn len(&self) -> usize {
        self.end() - self.start()
    }

    /// An area with nothing in it.
    fn take(
        space: &'k KernelSpace<P, F, PIECES>,
        size: usize,
        align: usize,
        phase: usize,
    ) -> Result<Self, KSpaceError> {
        let range = ManuallyDrop::new(space.areas.take::<P>(size, align, phase)?);
        Ok(KVirtArea { space, range })
    }

    /// Runs `f` with a cursor over the whole area.
    fn with_cursor<R>(
        &self,
        f: impl FnOnce(&mut CursorMut<'_, KernelPtConfig<P, F>>) -> Result<R, KSpaceError>,
    ) -> Result<R, KSpaceError> {
        let mut guard = RcuGuard::enter();
        let table = &self.space.tables().table;
        let mut cursor = table.cursor_mut(&mut guard, &self.range())?;
        f(&mut cursor)
    }
}

impl<P: Platform, F: PagingFormat, const PIECES: usize> Drop for KVirtArea<'_, P, F, PIECES> {
    fn drop(&mut self) {
        let mut flusher = self.space.tables().flusher();
        // It fails only for want of a node on the way to the area, and then nothing is mapped in it.
        let _unmapped = self.with_cursor(|cursor| Ok(cursor.unmap(self.len(), &mut flusher)?));
        flusher.sync_tlb_flush();
        // SAFETY: nobody uses it after this.
        let range = unsafe { ManuallyDrop::take(&mut self.range) };
        self.space.areas.give_back::<P>(range);
    }
}

/// Can `len` bytes at `offset` be mapped in an area of `size` bytes?
fn check_window(offset: usize, len: usize, size: usize) -> Result<(), KSpaceError> {
    let fits = offset <= size && len <= size - offset;
    if !fits || offset % PAGE_SIZE != 0 || len % PAGE_SIZE != 0 {
        return Err(KSpaceError::BadWindow(offset, len, size));
    }
    Ok(())
}

/// Is it a property for the kernel's own mappings?
fn check_prop(prop: PageProperty) -> Result<(), KSpaceError> {
    let user = prop.priv_flags.contains(PrivilegedPageFlags::USER);
    if user || prop.flags.contains(PageFlags::AVAIL1) {
        return Err(KSpaceError::BadProperty(prop));
    }
    Ok(())
}

/// The highest level whose pages are not larger than `len` bytes; 1 if there is none.
fn largest_within<C: PagingConstsTrait>(len: usize) -> PagingLevel {
    let mut level = C::HIGHEST_TRANSLATION_LEVEL;
    while level > 1 && page_size(level) > len {
        level -= 1;
    }
    level
}
