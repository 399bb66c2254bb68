//! Readers and writers of bytes that others may be changing: [`VmReader`], [`VmWriter`].
//!
//! They move through frames, segments and buffers of the kernel's own. Nothing is promised about
//! bytes that somebody else writes meanwhile, except that nothing else happens.
use core::marker::PhantomData;
use veripage_hw::bytes::*;
use veripage_hw::Vaddr;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "io.spec.rs"]
mod spec;

/// Why bytes could not be read or written.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IoError {
    /// More bytes were asked for than there are, or a word at an address that is not a multiple of
    /// its size.
    InvalidArgs {
        /// Virtual address where the access would have started.
        addr: Vaddr,
        /// Bytes asked for.
        len: usize,
    },
}

/// Reads forward through a run of bytes that is borrowed for `'a`.
#[verus_verify]
pub struct VmReader<'a> {
    cursor: Vaddr,
    end: Vaddr,
    life: PhantomData<&'a u8>,
    #[cfg(verus_keep_ghost_body)]
    perm: Tracked<ReadBytes<'a>>,
}

/// Writes forward through a run of bytes that is borrowed for `'a`.
#[verus_verify]
pub struct VmWriter<'a> {
    cursor: Vaddr,
    end: Vaddr,
    life: PhantomData<&'a u8>,
    #[cfg(verus_keep_ghost_body)]
    perm: Tracked<WriteBytes<'a>>,
}

#[verus_verify]
impl<'a> VmReader<'a> {
    /// A reader of the bytes at `cursor..end`.
    #[verus_spec(r =>
        with Tracked(perm): Tracked<ReadBytes<'a>>
        requires perm.lo() <= cursor <= end <= perm.hi(),
        ensures r.left() == end - cursor,
    )]
    pub(crate) fn make(cursor: Vaddr, end: Vaddr) -> Self {
        proof_with! { perm: Tracked(perm) }
        VmReader {
            cursor,
            end,
            life: PhantomData,
        }
    }

    /// Reads from a buffer of the kernel.
    #[verus_spec(r => ensures r.left() == bytes@.len())]
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        let len = bytes.len();
        let (va, _perm) = readable(bytes);
        proof_decl! { let tracked p = _perm.get(); }
        proof_with! { Tracked(p) }
        Self::make(va, va + len)
    }

    /// Bytes not yet read.
    #[verus_spec(r => ensures r == self.left())]
    pub fn remain(&self) -> usize {
        proof! { use_type_invariant(self); }
        self.end - self.cursor
    }

    /// Are there bytes not yet read?
    #[verus_spec(r => ensures r == (self.left() > 0))]
    pub fn has_remain(&self) -> bool {
        self.remain() > 0
    }

    /// Virtual address of the next byte.
    #[verus_spec]
    pub fn cursor(&self) -> Vaddr {
        self.cursor
    }

    /// Passes over `n` bytes.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer are left; then nothing is passed over.
    #[verus_spec(r =>
        ensures
            r is Ok <==> n <= old(self).left(),
            final(self).left() == if n <= old(self).left() { old(self).left() - n } else { old(self).left() as int },
    )]
    pub fn skip(&mut self, n: usize) -> Result<(), IoError> {
        proof! { use_type_invariant(&*self); }
        if n > self.end - self.cursor {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len: n,
            });
        }
        self.cursor += n;
        Ok(())
    }

    /// Leaves at most `max` bytes to be read.
    #[verus_spec(
        ensures final(self).left() == if max <= old(self).left() { max as int } else { old(self).left() as int },
    )]
    pub fn limit(&mut self, max: usize) {
        proof! { use_type_invariant(&*self); }
        if max < self.end - self.cursor {
            self.end = self.cursor + max;
        }
    }

    /// Copies as many bytes as both have left, and says how many.
    #[verus_spec(r =>
        ensures
            r == if old(self).left() <= old(writer).left() { old(self).left() } else { old(writer).left() },
            final(self).left() == old(self).left() - r, final(writer).left() == old(writer).left() - r,
    )]
    pub fn read(&mut self, writer: &mut VmWriter<'_>) -> usize {
        proof! { use_type_invariant(&*self); use_type_invariant(&*writer); }
        let (here, there) = (self.end - self.cursor, writer.end - writer.cursor);
        let len = if here < there { here } else { there };
        // SAFETY: both runs are what their owners borrowed (type invariants), and have `len` bytes left.
        unsafe {
            copy_bytes(
                self.cursor,
                writer.cursor,
                len,
                verus_exec_expr!(Tracked(self.perm.borrow())),
                verus_exec_expr!(Tracked(writer.perm.borrow())),
            )
        };
        self.cursor += len;
        writer.cursor += len;
        len
    }

    /// Fills `dst`.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left; then nothing is read.
    #[verus_spec(r =>
        ensures
            r is Ok <==> old(dst)@.len() <= old(self).left(), final(dst)@.len() == old(dst)@.len(),
            final(self).left() == if r is Ok { old(self).left() - old(dst)@.len() } else { old(self).left() as int },
    )]
    pub fn read_slice(&mut self, dst: &mut [u8]) -> Result<(), IoError> {
        let len = dst.len();
        if len > self.remain() {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len,
            });
        }
        let mut writer = VmWriter::from_slice(dst);
        self.read(&mut writer);
        Ok(())
    }

    /// Reads a value.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left; then nothing is read.
    #[verus_spec]
    pub fn read_val<T: Pod>(&mut self) -> Result<T, IoError> {
        let mut t = T::zero();
        self.read_slice(pod_bytes_mut(&mut t))?;
        Ok(t)
    }

    /// Loads the next 32-bit word in one access, and passes over it.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left or the word is not aligned; then nothing is read.
    #[verus_spec(r =>
        ensures final(self).left() == if r is Ok { old(self).left() - 4 } else { old(self).left() as int },
    )]
    pub fn read_once_u32(&mut self) -> Result<u32, IoError> {
        proof! { use_type_invariant(&*self); }
        if self.end - self.cursor < 4 || self.cursor % 4 != 0 {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len: 4,
            });
        }
        // SAFETY: aligned and within what the type invariant lends, as just checked.
        let v = unsafe { load_u32(self.cursor, verus_exec_expr!(Tracked(self.perm.borrow()))) };
        self.cursor += 4;
        Ok(v)
    }

    /// Loads the next 64-bit word in one access, and passes over it.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left or the word is not aligned; then nothing is read.
    #[verus_spec(r =>
        ensures final(self).left() == if r is Ok { old(self).left() - 8 } else { old(self).left() as int },
    )]
    pub fn read_once_u64(&mut self) -> Result<u64, IoError> {
        proof! { use_type_invariant(&*self); }
        if self.end - self.cursor < 8 || self.cursor % 8 != 0 {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len: 8,
            });
        }
        // SAFETY: aligned and within what the type invariant lends, as just checked.
        let v = unsafe { load_u64(self.cursor, verus_exec_expr!(Tracked(self.perm.borrow()))) };
        self.cursor += 8;
        Ok(v)
    }
}

#[verus_verify]
impl<'a> VmWriter<'a> {
    /// A writer of the bytes at `cursor..end`.
    #[verus_spec(r =>
        with Tracked(perm): Tracked<WriteBytes<'a>>
        requires perm.lo() <= cursor <= end <= perm.hi(),
        ensures r.left() == end - cursor,
    )]
    pub(crate) fn make(cursor: Vaddr, end: Vaddr) -> Self {
        proof_with! { perm: Tracked(perm) }
        VmWriter {
            cursor,
            end,
            life: PhantomData,
        }
    }

    /// Writes to a buffer of the kernel.
    #[verus_spec(r => ensures r.left() == old(bytes)@.len(), final(bytes)@.len() == old(bytes)@.len())]
    pub fn from_slice(bytes: &'a mut [u8]) -> Self {
        let len = bytes.len();
        let (va, _perm) = writable(bytes);
        proof_decl! { let tracked p = _perm.get(); }
        proof_with! { Tracked(p) }
        Self::make(va, va + len)
    }

    /// Bytes not yet written.
    #[verus_spec(r => ensures r == self.left())]
    pub fn avail(&self) -> usize {
        proof! { use_type_invariant(self); }
        self.end - self.cursor
    }

    /// Are there bytes not yet written?
    #[verus_spec(r => ensures r == (self.left() > 0))]
    pub fn has_avail(&self) -> bool {
        self.avail() > 0
    }

    /// Virtual address of the next byte.
    #[verus_spec]
    pub fn cursor(&self) -> Vaddr {
        self.cursor
    }

    /// Passes over `n` bytes.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer are left; then nothing is passed over.
    #[verus_spec(r =>
        ensures
            r is Ok <==> n <= old(self).left(),
            final(self).left() == if n <= old(self).left() { old(self).left() - n } else { old(self).left() as int },
    )]
    pub fn skip(&mut self, n: usize) -> Result<(), IoError> {
        proof! { use_type_invariant(&*self); }
        if n > self.end - self.cursor {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len: n,
            });
        }
        self.cursor += n;
        Ok(())
    }

    /// Leaves at most `max` bytes to be written.
    #[verus_spec(
        ensures final(self).left() == if max <= old(self).left() { max as int } else { old(self).left() as int },
    )]
    pub fn limit(&mut self, max: usize) {
        proof! { use_type_invariant(&*self); }
        if max < self.end - self.cursor {
            self.end = self.cursor + max;
        }
    }

    /// Copies as many bytes as both have left, and says how many.
    #[verus_spec(r =>
        ensures
            r == if old(reader).left() <= old(self).left() { old(reader).left() } else { old(self).left() },
            final(self).left() == old(self).left() - r, final(reader).left() == old(reader).left() - r,
    )]
    pub fn write(&mut self, reader: &mut VmReader<'_>) -> usize {
        reader.read(self)
    }

    /// Writes all of `src`.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left; then nothing is written.
    #[verus_spec(r =>
        ensures
            r is Ok <==> src@.len() <= old(self).left(),
            final(self).left() == if r is Ok { old(self).left() - src@.len() } else { old(self).left() as int },
    )]
    pub fn write_slice(&mut self, src: &[u8]) -> Result<(), IoError> {
        let len = src.len();
        if len > self.avail() {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len,
            });
        }
        let mut reader = VmReader::from_slice(src);
        reader.read(self);
        Ok(())
    }

    /// Writes a value.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left; then nothing is written.
    #[verus_spec]
    pub fn write_val<T: Pod>(&mut self, t: &T) -> Result<(), IoError> {
        self.write_slice(pod_bytes(t))
    }

    /// Writes `b` into all bytes that are left, and says how many.
    #[verus_spec(r => ensures r == old(self).left(), final(self).left() == 0)]
    pub fn fill(&mut self, b: u8) -> usize {
        proof! { use_type_invariant(&*self); }
        let len = self.end - self.cursor;
        // SAFETY: `len` bytes are left of what the type invariant lends.
        unsafe {
            fill_bytes(
                self.cursor,
                len,
                b,
                verus_exec_expr!(Tracked(self.perm.borrow())),
            )
        };
        self.cursor += len;
        len
    }

    /// Stores the next 32-bit word in one access, and passes over it.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left or the word is not aligned; then nothing is written.
    #[verus_spec(r =>
        ensures final(self).left() == if r is Ok { old(self).left() - 4 } else { old(self).left() as int },
    )]
    pub fn write_once_u32(&mut self, v: u32) -> Result<(), IoError> {
        proof! { use_type_invariant(&*self); }
        if self.end - self.cursor < 4 || self.cursor % 4 != 0 {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len: 4,
            });
        }
        // SAFETY: aligned and within what the type invariant lends, as just checked.
        unsafe {
            store_u32(
                self.cursor,
                v,
                verus_exec_expr!(Tracked(self.perm.borrow())),
            )
        };
        self.cursor += 4;
        Ok(())
    }

    /// Stores the next 64-bit word in one access, and passes over it.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left or the word is not aligned; then nothing is written.
    #[verus_spec(r =>
        ensures final(self).left() == if r is Ok { old(self).left() - 8 } else { old(self).left() as int },
    )]
    pub fn write_once_u64(&mut self, v: u64) -> Result<(), IoError> {
        proof! { use_type_invariant(&*self); }
        if self.end - self.cursor < 8 || self.cursor % 8 != 0 {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len: 8,
            });
        }
        // SAFETY: aligned and within what the type invariant lends, as just checked.
        unsafe {
            store_u64(
                self.cursor,
                v,
                verus_exec_expr!(Tracked(self.perm.borrow())),
            )
        };
        self.cursor += 8;
        Ok(())
    }

    /// Replaces the next 32-bit word by `new` if it is `old`; gives what was there, as `Ok` if it was
    /// replaced. The cursor stays.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left or the word is not aligned.
    #[verus_spec]
    pub fn atomic_compare_exchange_u32(
        &mut self,
        old: u32,
        new: u32,
    ) -> Result<Result<u32, u32>, IoError> {
        proof! { use_type_invariant(&*self); }
        if self.end - self.cursor < 4 || self.cursor % 4 != 0 {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len: 4,
            });
        }
        // SAFETY: aligned and within what the type invariant lends, as just checked.
        Ok(unsafe {
            cas_u32(
                self.cursor,
                old,
                new,
                verus_exec_expr!(Tracked(self.perm.borrow())),
            )
        })
    }

    /// Replaces the next 64-bit word by `new` if it is `old`; gives what was there, as `Ok` if it was
    /// replaced. The cursor stays.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left or the word is not aligned.
    #[verus_spec]
    pub fn atomic_compare_exchange_u64(
        &mut self,
        old: u64,
        new: u64,
    ) -> Result<Result<u64, u64>, IoError> {
        proof! { use_type_invariant(&*self); }
        if self.end - self.cursor < 8 || self.cursor % 8 != 0 {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len: 8,
            });
        }
        // SAFETY: aligned and within what the type invariant lends, as just checked.
        Ok(unsafe {
            cas_u64(
                self.cursor,
                old,
                new,
                verus_exec_expr!(Tracked(self.perm.borrow())),
            )
        })
    }
}

impl<'a> From<&'a [u8]> for VmReader<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::from_slice(bytes)
    }
}

impl<'a> From<&'a mut [u8]> for VmWriter<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Self::from_slice(bytes)
    }
}
