//! Readers and writers of bytes that others may be changing: [`VmReader`], [`VmWriter`].
//!
//! They move through frames, segments and buffers of the kernel's own. Nothing is promised about
//! bytes that somebody else writes meanwhile, except that nothing else happens.
use super::run::Run;
use core::mem::size_of_val;
use veripage_hw::bytes::*;
use veripage_hw::Vaddr;
#[cfg(verus_only)]
use vstd::layout::{layout_of_primitives, layout_of_slices, spec_size_of_val};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "io.spec.rs"]
mod spec;

/// Bytes that [`VmWriter::fill`] writes at a time.
const FILL: usize = 256;

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
    run: Run<'a>,
}

/// Writes forward through a run of bytes that is borrowed for `'a`.
#[verus_verify]
pub struct VmWriter<'a> {
    run: Run<'a>,
}

#[verus_verify]
impl<'a> VmReader<'a> {
    /// A reader of the bytes at `cursor..end`.
    #[verus_spec(r =>
        with Tracked(perm): Tracked<Bytes<'a>>
        requires perm.lo() <= cursor <= end <= perm.hi(),
        ensures r.left() == end - cursor,
    )]
    pub(crate) fn make(cursor: Vaddr, end: Vaddr) -> Self {
        proof_with! { Tracked(perm) }
        let run = Run::make(cursor, end);
        VmReader { run }
    }

    /// Reads from a buffer of the kernel.
    #[verus_spec(r => ensures r.left() == bytes@.len())]
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        proof! { broadcast use layout_of_primitives, layout_of_slices; }
        Self::over(bytes)
    }

    /// Reads the bytes of plain data.
    #[verus_spec(r => ensures r.left() == spec_size_of_val(t))]
    pub fn over<T: Plain + ?Sized>(t: &'a T) -> Self {
        let len = size_of_val(t);
        let (va, _perm) = readable(t);
        proof_decl! { let tracked p = Bytes::of_run(_perm.get()); }
        proof_with! { Tracked(p) }
        Self::make(va, va + len)
    }

    /// Bytes not yet read.
    #[verus_spec(r => ensures r == self.left())]
    pub fn remain(&self) -> usize {
        self.run.len()
    }

    /// Are there bytes not yet read?
    #[verus_spec(r => ensures r == (self.left() > 0))]
    pub fn has_remain(&self) -> bool {
        self.remain() > 0
    }

    /// Virtual address of the next byte.
    #[verus_spec]
    pub fn cursor(&self) -> Vaddr {
        self.run.cursor()
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
        self.run.skip(n)
    }

    /// The same from `offset` bytes on.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer are left.
    #[verus_spec(r =>
        ensures
            r is Ok <==> offset <= self.left(),
            r matches Ok(x) ==> x.left() == self.left() - offset,
    )]
    pub(crate) fn at(self, offset: usize) -> Result<Self, IoError> {
        let mut me = self;
        me.skip(offset)?;
        Ok(me)
    }

    /// Leaves at most `max` bytes to be read.
    #[verus_spec(
        ensures final(self).left() == if max <= old(self).left() { max as int } else { old(self).left() as int },
    )]
    pub fn limit(&mut self, max: usize) {
        self.run.limit(max);
    }

    /// Copies as many bytes as both have left, and says how many.
    #[verus_spec(r =>
        ensures
            r == if old(self).left() <= old(writer).left() { old(self).left() } else { old(writer).left() },
            final(self).left() == old(self).left() - r, final(writer).left() == old(writer).left() - r,
    )]
    pub fn read(&mut self, writer: &mut VmWriter<'_>) -> usize {
        proof! { use_type_invariant(&self.run); use_type_invariant(&*writer); use_type_invariant(&writer.run); }
        let (here, there) = (self.run.len(), writer.run.len());
        let len = if here < there { here } else { there };
        // SAFETY: both runs are what their owners borrowed (type invariants), and have `len` bytes left.
        unsafe {
            copy_bytes(
                self.run.cursor(),
                writer.run.cursor(),
                len,
                verus_exec_expr!(Tracked(self.run.perm.borrow())),
                verus_exec_expr!(Tracked(writer.run.perm.borrow())),
            )
        };
        self.run.pass(len);
        writer.run.pass(len);
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
        self.run.check(len)?;
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
        let mut writer = VmWriter::over(&mut t);
        let len = writer.avail();
        self.run.check(len)?;
        self.read(&mut writer);
        Ok(t)
    }

    /// Loads the next word in one access, and passes over it.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left or the word is not aligned; then nothing is read.
    #[verus_spec(r =>
        ensures final(self).left() == if r is Ok { old(self).left() - W::SIZE } else { old(self).left() as int },
    )]
    pub fn read_once<W: Word>(&mut self) -> Result<W, IoError> {
        proof! { use_type_invariant(&self.run); W::sized(); }
        self.run.check_word::<W>()?;
        let at = self.run.cursor();
        // SAFETY: aligned and within what the type invariant lends, as just checked.
        let v = unsafe { load_once(at, verus_exec_expr!(Tracked(self.run.perm.borrow()))) };
        self.run.pass(W::SIZE);
        Ok(v)
    }
}

#[verus_verify]
impl<'a> VmWriter<'a> {
    /// A writer of the bytes at `cursor..end`.
    #[verus_spec(r =>
        with Tracked(perm): Tracked<Bytes<'a>>
        requires perm.lo() <= cursor <= end <= perm.hi(), perm.writable(),
        ensures r.left() == end - cursor,
    )]
    pub(crate) fn make(cursor: Vaddr, end: Vaddr) -> Self {
        proof_with! { Tracked(perm) }
        let run = Run::make(cursor, end);
        VmWriter { run }
    }

    /// Writes to a buffer of the kernel.
    #[verus_spec(r => ensures r.left() == old(bytes)@.len(), final(bytes)@.len() == old(bytes)@.len())]
    pub fn from_slice(bytes: &'a mut [u8]) -> Self {
        proof! { broadcast use layout_of_primitives, layout_of_slices; }
        Self::over(bytes)
    }

    /// Writes to the bytes of plain data.
    #[verus_spec(r =>
        ensures r.left() == spec_size_of_val(old(t)), spec_size_of_val(final(t)) == spec_size_of_val(old(t)),
    )]
    pub fn over<T: Plain + ?Sized>(t: &'a mut T) -> Self {
        let len = size_of_val(t);
        let (va, _perm) = writable(t);
        proof_decl! { let tracked p = Bytes::of_run(_perm.get()); }
        proof_with! { Tracked(p) }
        Self::make(va, va + len)
    }

    /// Bytes not yet written.
    #[verus_spec(r => ensures r == self.left())]
    pub fn avail(&self) -> usize {
        self.run.len()
    }

    /// Are there bytes not yet written?
    #[verus_spec(r => ensures r == (self.left() > 0))]
    pub fn has_avail(&self) -> bool {
        self.avail() > 0
    }

    /// Virtual address of the next byte.
    #[verus_spec]
    pub fn cursor(&self) -> Vaddr {
        self.run.cursor()
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
        self.run.skip(n)
    }

    /// The same from `offset` bytes on.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer are left.
    #[verus_spec(r =>
        ensures
            r is Ok <==> offset <= self.left(),
            r matches Ok(x) ==> x.left() == self.left() - offset,
    )]
    pub(crate) fn at(self, offset: usize) -> Result<Self, IoError> {
        let mut me = self;
        me.skip(offset)?;
        Ok(me)
    }

    /// Leaves at most `max` bytes to be written.
    #[verus_spec(
        ensures final(self).left() == if max <= old(self).left() { max as int } else { old(self).left() as int },
    )]
    pub fn limit(&mut self, max: usize) {
        proof! { use_type_invariant(&*self); }
        self.run.limit(max);
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
        self.run.check(len)?;
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
        let mut reader = VmReader::over(t);
        let len = reader.remain();
        self.run.check(len)?;
        reader.read(self);
        Ok(())
    }

    /// Writes `b` into all bytes that are left, and says how many.
    #[verus_spec(r => ensures r == old(self).left(), final(self).left() == 0)]
    pub fn fill(&mut self, b: u8) -> usize {
        let len = self.avail();
        let block = [b; FILL];
        #[cfg_attr(verus_only, verus_spec(
            invariant self.left() <= len, old(self).left() == len,
            decreases self.left()
        ))]
        while self.has_avail() {
            self.write(&mut VmReader::from_slice(block.as_slice()));
        }
        proof! { use_type_invariant(&self.run); }
        len
    }

    /// Stores the next word in one access, and passes over it.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left or the word is not aligned; then nothing is written.
    #[verus_spec(r =>
        ensures final(self).left() == if r is Ok { old(self).left() - W::SIZE } else { old(self).left() as int },
    )]
    pub fn write_once<W: Word>(&mut self, v: W) -> Result<(), IoError> {
        proof! { use_type_invariant(&*self); use_type_invariant(&self.run); W::sized(); }
        self.run.check_word::<W>()?;
        let at = self.run.cursor();
        // SAFETY: aligned and within what the type invariant lends, as just checked.
        unsafe { store_once(at, v, verus_exec_expr!(Tracked(self.run.perm.borrow()))) };
        self.run.pass(W::SIZE);
        Ok(())
    }

    /// Replaces the next word by `new` if it is `old`; gives what was there, as `Ok` if it was replaced.
    /// The cursor stays.
    ///
    /// # Errors
    /// `InvalidArgs` if fewer bytes are left or the word is not aligned.
    #[verus_spec]
    pub fn atomic_compare_exchange<W: Word>(
        &mut self,
        old: W,
        new: W,
    ) -> Result<Result<W, W>, IoError> {
        proof! { use_type_invariant(&*self); use_type_invariant(&self.run); }
        self.run.check_word::<W>()?;
        let at = self.run.cursor();
        // SAFETY: aligned and within what the type invariant lends, as just checked.
        Ok(unsafe {
            cas_once(
                at,
                old,
                new,
                verus_exec_expr!(Tracked(self.run.perm.borrow())),
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
