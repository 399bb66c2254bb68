//! The kernel's own access to user memory: through the space's table and the frames, never through the
//! user's addresses.
//!
//! To be read, each page is looked up without a lock, as an MMU would. Between the lookup and the copy the
//! page may be unmapped, and no TLB flush waits for this CPU's software. So the frame is shared first and
//! the entry looked at again: if it still maps the frame, the share is of what is mapped, and keeps it.
//! A late read is harmless; a late write is not, since the page may have been protected meanwhile for
//! somebody else to have its contents as they are, as a fork does. So a page is written under a cursor.
use super::VmSpace;
use crate::frame::{
    AnyUFrameMeta, DynFrame, DynUFrame, GetFrameError, IoError, Pod, VmReader, VmWriter,
};
use crate::page_table::{PagingFormat, TableKind, UserPtConfig};
use crate::paging::{is_valid_range, page_size, PageFlags, PageProperty, PrivilegedPageFlags};
use crate::rcu::RcuGuard;
use crate::{Paddr, Platform, Vaddr, PAGE_SIZE};

/// Why user memory could not be accessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserAccessError {
    /// The space is not the one of the current CPU.
    NotActive,
    /// Not all of these bytes (address, length) are in the user half.
    NotUser(Vaddr, usize),
    /// A page fault at this address: nothing is mapped there.
    NotMapped(Vaddr),
    /// A page fault at this address: the mapping does not allow the access.
    Denied(Vaddr),
    /// What is mapped at this address is not memory: I/O memory is not for copying.
    NotMemory(Vaddr),
    /// More bytes were asked for than are left (address, length).
    TooFew(Vaddr, usize),
}

impl core::fmt::Display for UserAccessError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use UserAccessError::*;
        match *self {
            NotActive => write!(f, "the space is not the one of this CPU"),
            NotUser(va, len) => write!(f, "{len:#x} bytes at {va:#x} are not in the user half"),
            NotMapped(va) => write!(f, "nothing is mapped at {va:#x}"),
            Denied(va) => write!(f, "the mapping at {va:#x} does not allow the access"),
            NotMemory(va) => write!(f, "what is mapped at {va:#x} is not memory"),
            TooFew(va, len) => write!(f, "less than {len:#x} bytes are left at {va:#x}"),
        }
    }
}

impl core::error::Error for UserAccessError {}

/// A run of user memory, of which the first part has been passed.
struct Run<'s, 'k, P: Platform, F: PagingFormat> {
    space: &'s VmSpace<'k, P, F>,
    at: Vaddr,
    left: usize,
    /// What the mappings must allow.
    need: PageFlags,
}

impl<'s, 'k, P: Platform, F: PagingFormat> Run<'s, 'k, P, F> {
    fn new(
        space: &'s VmSpace<'k, P, F>,
        at: Vaddr,
        left: usize,
        need: PageFlags,
    ) -> Result<Self, UserAccessError> {
        if !space.is_active() {
            return Err(UserAccessError::NotActive);
        }
        let top = UserPtConfig::<P, F>::TOP_LEVEL_INDEX_RANGE;
        let end = at
            .checked_add(left)
            .ok_or(UserAccessError::NotUser(at, left))?;
        if left > 0 && !is_valid_range::<F::Consts>(&top, &(at..end)) {
            return Err(UserAccessError::NotUser(at, left));
        }
        Ok(Run {
            space,
            at,
            left,
            need,
        })
    }

    /// Copies up to `max` bytes, a page at a time: `copy` is given the frame, the offset in it and the
    /// number of bytes.
    ///
    /// # Errors
    /// The fault of the first page that cannot be accessed; what comes before has been copied.
    fn each_page(
        &mut self,
        max: usize,
        mut copy: impl FnMut(&DynUFrame<P>, usize, usize) -> Result<(), IoError>,
    ) -> Result<(), UserAccessError> {
        let mut todo = max;
        while todo > 0 {
            let offset = self.at % PAGE_SIZE;
            let len = todo.min(PAGE_SIZE - offset);
            let (at, need) = (self.at, self.need);
            let copied = if need.contains(PageFlags::W) {
                self.space
                    .hold_page(at, need, |frame| copy(frame, offset, len))?
            } else {
                copy(&self.space.share_page(at, need)?, offset, len)
            };
            copied.map_err(|_| UserAccessError::TooFew(at, len))?;
            self.at += len;
            self.left -= len;
            todo -= len;
        }
        Ok(())
    }

    /// # Errors
    /// `TooFew` if less than `len` bytes are left.
    fn check(&self, len: usize) -> Result<(), UserAccessError> {
        if len > self.left {
            return Err(UserAccessError::TooFew(self.at, len));
        }
        Ok(())
    }
}

impl<P: Platform, F: PagingFormat> VmSpace<'_, P, F> {
    /// A share of the frame that `va` is mapped to, if the mapping allows `need` to a user program.
    fn share_page(&self, va: Vaddr, need: PageFlags) -> Result<DynUFrame<P>, UserAccessError> {
        let guard = RcuGuard::<P>::enter();
        let mut pa = self.user_page(&guard, va, need)?;
        loop {
            let frame = DynFrame::<P>::from_in_use(pa);
            let now = self.user_page(&guard, va, need)?;
            match frame {
                // Mapped now, so its share is in the table: nobody had reused the frame.
                Ok(frame) if now == pa => {
                    let untyped = frame.cast::<AnyUFrameMeta>();
                    return untyped.map_err(|_| UserAccessError::NotMemory(va));
                }
                // It has as many shares as can be counted, and will have.
                Err(GetFrameError::Saturated(_)) => return Err(UserAccessError::NotMemory(va)),
                // Another frame was mapped meanwhile, or this one is just being shared by somebody else.
                _ => pa = now,
            }
            P::relax();
        }
    }

    /// Runs `f`, which writes, on the frame that `va` is mapped to, if the mapping allows `need` to a user
    /// program. The page is dirty before; until it is done, nobody can change or remove the mapping.
    fn hold_page<R>(
        &self,
        va: Vaddr,
        need: PageFlags,
        f: impl FnOnce(&DynUFrame<P>) -> R,
    ) -> Result<R, UserAccessError> {
        let mut guard = RcuGuard::<P>::enter();
        // Where nothing is mapped a cursor would need nodes.
        self.user_page(&guard, va, need)?;
        let page = va - va % PAGE_SIZE;
        let range = page..page + PAGE_SIZE;
        let cursor = self.table.cursor_mut(&mut guard, &range);
        let mut cursor = cursor.map_err(|_| UserAccessError::NotMapped(va))?;
        let Ok(Some((pa, level, prop))) = cursor.peek() else {
            return Err(UserAccessError::NotMapped(va));
        };
        let pa = pa + (page & (page_size(level) - 1));
        check(prop, need, va)?;
        let not_memory = |_| UserAccessError::NotMemory(va);
        let frame = DynFrame::<P>::from_in_use(pa).map_err(not_memory)?;
        let frame = frame.cast().map_err(|_| UserAccessError::NotMemory(va))?;
        let marked = cursor.mark_written();
        marked.map_err(|_| UserAccessError::NotMapped(va))?;
        Ok(f(&frame))
    }

    /// The frame that `va` is mapped to at some moment of the call.
    fn user_page(
        &self,
        guard: &RcuGuard<P>,
        va: Vaddr,
        need: PageFlags,
    ) -> Result<Paddr, UserAccessError> {
        let found = self.table.page_walk(guard, va);
        let Ok(Some((pa, prop))) = found else {
            return Err(UserAccessError::NotMapped(va));
        };
        check(prop, need, va)?;
        Ok(pa - pa % PAGE_SIZE)
    }
}

/// Does a mapping of `va` with this property allow `need` to a user program?
fn check(prop: PageProperty, need: PageFlags, va: Vaddr) -> Result<(), UserAccessError> {
    if prop.flags.contains(PageFlags::AVAIL1) {
        return Err(UserAccessError::NotMemory(va));
    }
    if !prop.flags.contains(need) || !prop.priv_flags.contains(PrivilegedPageFlags::USER) {
        return Err(UserAccessError::Denied(va));
    }
    Ok(())
}

/// Reads user memory, forward.
pub struct UserReader<'s, 'k, P: Platform, F: PagingFormat>(Run<'s, 'k, P, F>);

impl<'s, 'k, P: Platform, F: PagingFormat> UserReader<'s, 'k, P, F> {
    pub(super) fn new(
        space: &'s VmSpace<'k, P, F>,
        va: Vaddr,
        len: usize,
    ) -> Result<Self, UserAccessError> {
        Ok(UserReader(Run::new(space, va, len, PageFlags::R)?))
    }

    /// Bytes not yet read.
    pub fn remain(&self) -> usize {
        self.0.left
    }

    /// Address of the next byte.
    pub fn cursor(&self) -> Vaddr {
        self.0.at
    }

    /// Copies as many bytes as both have left, and says how many.
    ///
    /// # Errors
    /// The fault of the first page that cannot be read; what comes before it has been read and written.
    pub fn read(&mut self, writer: &mut VmWriter<'_>) -> Result<usize, UserAccessError> {
        let n = self.0.left.min(writer.avail());
        self.0.each_page(n, |frame, offset, len| {
            let mut reader = frame.reader();
            reader.skip(offset)?;
            reader.limit(len);
            reader.read(writer);
            Ok(())
        })?;
        Ok(n)
    }

    /// Fills `to`.
    ///
    /// # Errors
    /// `TooFew`: then nothing is read; else as for [`read`](Self::read).
    pub fn read_slice(&mut self, to: &mut [u8]) -> Result<(), UserAccessError> {
        self.0.check(to.len())?;
        self.read(&mut VmWriter::from_slice(to)).map(|_| ())
    }

    /// Reads a value.
    ///
    /// # Errors
    /// As for [`read_slice`](Self::read_slice).
    pub fn read_val<T: Pod>(&mut self) -> Result<T, UserAccessError> {
        let mut value = T::zero();
        self.0.check(size_of::<T>())?;
        self.read(&mut VmWriter::over(&mut value))?;
        Ok(value)
    }
}

/// Writes user memory, forward. While it writes, the caller has no cursor there: the two would wait for
/// each other.
pub struct UserWriter<'s, 'k, P: Platform, F: PagingFormat>(Run<'s, 'k, P, F>);

impl<'s, 'k, P: Platform, F: PagingFormat> UserWriter<'s, 'k, P, F> {
    pub(super) fn new(
        space: &'s VmSpace<'k, P, F>,
        va: Vaddr,
        len: usize,
    ) -> Result<Self, UserAccessError> {
        Ok(UserWriter(Run::new(space, va, len, PageFlags::RW)?))
    }

    /// Bytes not yet written.
    pub fn avail(&self) -> usize {
        self.0.left
    }

    /// Address of the next byte.
    pub fn cursor(&self) -> Vaddr {
        self.0.at
    }

    /// Copies as many bytes as both have left, and says how many.
    ///
    /// # Errors
    /// The fault of the first page that cannot be written; what comes before it has been.
    pub fn write(&mut self, reader: &mut VmReader<'_>) -> Result<usize, UserAccessError> {
        let n = self.0.left.min(reader.remain());
        self.0.each_page(n, |frame, offset, len| {
            let mut writer = frame.writer();
            writer.skip(offset)?;
            writer.limit(len);
            reader.read(&mut writer);
            Ok(())
        })?;
        Ok(n)
    }

    /// Writes all of `from`.
    ///
    /// # Errors
    /// `TooFew`: then nothing is written; else as for [`write`](Self::write).
    pub fn write_slice(&mut self, from: &[u8]) -> Result<(), UserAccessError> {
        self.0.check(from.len())?;
        self.write(&mut VmReader::from_slice(from)).map(|_| ())
    }

    /// Writes a value.
    ///
    /// # Errors
    /// As for [`write_slice`](Self::write_slice).
    pub fn write_val<T: Pod>(&mut self, value: &T) -> Result<(), UserAccessError> {
        self.0.check(size_of::<T>())?;
        self.write(&mut VmReader::over(value)).map(|_| ())
    }

    /// Writes `byte` into all bytes that are left, and says how many.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn fill(&mut self, byte: u8) -> Result<usize, UserAccessError> {
        let n = self.0.left;
        self.0.each_page(n, |frame, offset, len| {
            let mut writer = frame.writer();
            writer.skip(offset)?;
            writer.limit(len);
            writer.fill(byte);
            Ok(())
        })?;
        Ok(n)
    }
}
