//! Reading and writing the bytes of untyped frames and segments.
use super::io::*;
use super::kind::*;
use super::segment::*;
use super::shared::*;
#[cfg(verus_only)]
use super::slot::*;
use veripage_hw::bytes::Pod;
#[cfg(verus_only)]
use veripage_hw::bytes::{Bytes, RawPage};
use veripage_hw::{Platform, PAGE_SIZE};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "untyped.spec.rs"]
mod spec;
#[cfg(verus_only)]
use spec::*;

#[verus_verify]
impl<P: Platform, K: UntypedKind> Frame<P, K> {
    /// A reader of the whole frame.
    #[verus_spec(r => ensures r.left() == PAGE_SIZE)]
    pub fn reader(&self) -> VmReader<'_> {
        proof_decl! { let tracked mut page: &RawPage<P>; }
        proof_with! { => Tracked(page) }
        let va = self.mapped();
        proof_decl! { let tracked p = Bytes::of_page(page); }
        proof_with! { Tracked(p) }
        VmReader::make(va, va + PAGE_SIZE)
    }

    /// A writer of the whole frame. There may be others: the memory is untyped.
    #[verus_spec(r => ensures r.left() == PAGE_SIZE)]
    pub fn writer(&self) -> VmWriter<'_> {
        proof_decl! { let tracked mut page: &RawPage<P>; }
        proof_with! { => Tracked(page) }
        let va = self.mapped();
        proof_decl! { let tracked p = Bytes::of_page(page); }
        proof_with! { Tracked(p) }
        VmWriter::make(va, va + PAGE_SIZE)
    }

    /// Reads at `offset` bytes from the start.
    ///
    /// # Errors
    /// `InvalidArgs` unless all of it lies in the frame; then nothing is read.
    #[verus_spec]
    pub fn read_bytes(&self, offset: usize, dst: &mut [u8]) -> Result<(), IoError> {
        self.reader().at(offset)?.read_slice(dst)
    }

    /// Writes at `offset` bytes from the start.
    ///
    /// # Errors
    /// `InvalidArgs` unless all of it lies in the frame; then nothing is written.
    #[verus_spec]
    pub fn write_bytes(&self, offset: usize, src: &[u8]) -> Result<(), IoError> {
        self.writer().at(offset)?.write_slice(src)
    }

    /// Reads a value at `offset` bytes from the start.
    ///
    /// # Errors
    /// As `read_bytes`.
    #[verus_spec]
    pub fn read_val<T: Pod>(&self, offset: usize) -> Result<T, IoError> {
        self.reader().at(offset)?.read_val()
    }

    /// Writes a value at `offset` bytes from the start.
    ///
    /// # Errors
    /// As `write_bytes`.
    #[verus_spec]
    pub fn write_val<T: Pod>(&self, offset: usize, t: &T) -> Result<(), IoError> {
        self.writer().at(offset)?.write_val(t)
    }
}

#[verus_verify]
impl<P: Platform, K: UntypedKind> Segment<P, K> {
    /// A reader of all the frames.
    #[verus_spec(r => ensures r.left() == self.end() - self.start())]
    pub fn reader(&self) -> VmReader<'_> {
        proof_decl! { let tracked mut shares: &Map<int, Share<P>>; }
        proof_with! { => Tracked(shares) }
        let va = self.mapped();
        let end = va + self.size();
        proof_decl! { let tracked p = bytes_of_run::<P, K>(shares, self.start() as int, self.end() as int); }
        proof_with! { Tracked(p) }
        VmReader::make(va, end)
    }

    /// A writer of all the frames. There may be others: the memory is untyped.
    #[verus_spec(r => ensures r.left() == self.end() - self.start())]
    pub fn writer(&self) -> VmWriter<'_> {
        proof_decl! { let tracked mut shares: &Map<int, Share<P>>; }
        proof_with! { => Tracked(shares) }
        let va = self.mapped();
        let end = va + self.size();
        proof_decl! { let tracked p = bytes_of_run::<P, K>(shares, self.start() as int, self.end() as int); }
        proof_with! { Tracked(p) }
        VmWriter::make(va, end)
    }

    /// Writes zeroes into all the frames.
    #[verus_spec]
    pub fn zero(&self) {
        self.writer().fill(0);
    }

    /// Reads at `offset` bytes from the start.
    ///
    /// # Errors
    /// `InvalidArgs` unless all of it lies in the segment; then nothing is read.
    #[verus_spec]
    pub fn read_bytes(&self, offset: usize, dst: &mut [u8]) -> Result<(), IoError> {
        self.reader().at(offset)?.read_slice(dst)
    }

    /// Writes at `offset` bytes from the start.
    ///
    /// # Errors
    /// `InvalidArgs` unless all of it lies in the segment; then nothing is written.
    #[verus_spec]
    pub fn write_bytes(&self, offset: usize, src: &[u8]) -> Result<(), IoError> {
        self.writer().at(offset)?.write_slice(src)
    }

    /// Reads a value at `offset` bytes from the start.
    ///
    /// # Errors
    /// As `read_bytes`.
    #[verus_spec]
    pub fn read_val<T: Pod>(&self, offset: usize) -> Result<T, IoError> {
        self.reader().at(offset)?.read_val()
    }

    /// Writes a value at `offset` bytes from the start.
    ///
    /// # Errors
    /// As `write_bytes`.
    #[verus_spec]
    pub fn write_val<T: Pod>(&self, offset: usize, t: &T) -> Result<(), IoError> {
        self.writer().at(offset)?.write_val(t)
    }
}
