//! Untyped memory: bytes that user space or a device may change at any time.
//!
//! Every access is volatile, and no contract says anything about what is read. Addresses are
//! virtual (the linear map, or a buffer of the kernel's own).
#![allow(dead_code)] // the bodies of opaque ghost types
use crate::page::{self, PagePerm};
use crate::{Paddr, Platform, Vaddr};
use core::marker::PhantomData;
use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use vstd::prelude::*;

verus! {

/// All of one frame of `P`, with nothing known of its bytes: what the permission inside says of the words
/// is not to be believed. A shared reference gives access to the bytes, which others may be changing.
#[verifier::accept_recursive_types(P)]
pub tracked struct RawPage<P: Platform> { page: PagePerm<P> }

impl<P: Platform> RawPage<P> {
    /// The frame.
    pub closed spec fn paddr(self) -> int { self.page@.paddr }

    /// Sees the frame as words. Reason: exclusive, so that nobody changes them behind its back.
    /// Test: frames::zeroed_allocation.
    pub axiom fn into_words(tracked self) -> (tracked r: PagePerm<P>)
        ensures r.wf(), r@.paddr == self.paddr();

    /// Forgets the words.
    pub proof fn from_words(tracked page: PagePerm<P>) -> (tracked r: RawPage<P>)
        ensures r.paddr() == page@.paddr,
    { RawPage { page } }
}

/// The bytes at `lo..hi` may be read during `'a`. Reason: opaque; made from what is borrowed for
/// `'a`. Test: untyped::frame_round_trip.
#[verifier::external_body]
pub tracked struct ReadBytes<'a> { no_copy: NoCopy, a: PhantomData<&'a u8> }

/// The bytes at `lo..hi` may be read and written during `'a`. Reason: as `ReadBytes`.
/// Test: untyped::frame_round_trip.
#[verifier::external_body]
pub tracked struct WriteBytes<'a> { no_copy: NoCopy, a: PhantomData<&'a u8> }

impl<'a> ReadBytes<'a> {
    /// First byte.
    pub uninterp spec fn lo(self) -> int;
    /// Past the last byte.
    pub uninterp spec fn hi(self) -> int;

    /// The bytes of a frame. Reason: the linear map. Test: untyped::frame_round_trip.
    pub axiom fn of_page<P: Platform>(tracked p: &'a RawPage<P>) -> (tracked r: ReadBytes<'a>)
        ensures r.lo() == P::LINEAR_BASE + p.paddr(), r.hi() == r.lo() + 4096;

    /// Two adjacent runs are one. Reason: both are borrowed for `'a`. Test: untyped::segment_io.
    pub axiom fn join(tracked self, tracked next: ReadBytes<'a>) -> (tracked r: ReadBytes<'a>)
        requires self.hi() == next.lo(),
        ensures r.lo() == self.lo(), r.hi() == next.hi();

    /// No bytes. Reason: empty. Test: untyped::segment_io.
    pub axiom fn none(at: int) -> (tracked r: ReadBytes<'a>)
        ensures r.lo() == at, r.hi() == at;
}

impl<'a> WriteBytes<'a> {
    /// First byte.
    pub uninterp spec fn lo(self) -> int;
    /// Past the last byte.
    pub uninterp spec fn hi(self) -> int;

    /// The bytes of a frame. Reason: the linear map; untyped memory may be written by several.
    /// Test: untyped::frame_round_trip.
    pub axiom fn of_page<P: Platform>(tracked p: &'a RawPage<P>) -> (tracked r: WriteBytes<'a>)
        ensures r.lo() == P::LINEAR_BASE + p.paddr(), r.hi() == r.lo() + 4096;

    /// Two adjacent runs are one. Reason: both are borrowed for `'a`. Test: untyped::segment_io.
    pub axiom fn join(tracked self, tracked next: WriteBytes<'a>) -> (tracked r: WriteBytes<'a>)
        requires self.hi() == next.lo(),
        ensures r.lo() == self.lo(), r.hi() == next.hi();

    /// No bytes. Reason: empty. Test: untyped::segment_io.
    pub axiom fn none(at: int) -> (tracked r: WriteBytes<'a>)
        ensures r.lo() == at, r.hi() == at;
}

/// Address and permission of a buffer to read from. Reason: borrowed for `'a`.
/// Test: untyped::slice_round_trip.
#[inline(always)]
#[verifier::external_body]
pub fn readable<'a>(s: &'a [u8]) -> (r: (Vaddr, Tracked<ReadBytes<'a>>))
    ensures r.1@.lo() == r.0, r.1@.hi() == r.0 + s@.len(), r.0 + s@.len() <= usize::MAX,
    opens_invariants none
    no_unwind
{ (s.as_ptr().expose_provenance(), Tracked::assume_new()) }

/// Address and permission of a buffer to write to. Reason: exclusively borrowed for `'a`.
/// Test: untyped::slice_round_trip.
#[inline(always)]
#[verifier::external_body]
pub fn writable<'a>(s: &'a mut [u8]) -> (r: (Vaddr, Tracked<WriteBytes<'a>>))
    ensures r.1@.lo() == r.0, r.1@.hi() == r.0 + old(s)@.len(), r.0 + old(s)@.len() <= usize::MAX,
        final(s)@.len() == old(s)@.len(),
    opens_invariants none
    no_unwind
{ (s.as_mut_ptr().expose_provenance(), Tracked::assume_new()) }

/// Copies `len` bytes; what arrives is unspecified if the two runs overlap or change meanwhile.
/// Reason: volatile accesses to bytes that may be read, and written. Test: untyped::copy_between.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `len` bytes may be read at `src`
/// and written at `dst`.
#[inline]
#[verifier::external_body]
pub unsafe fn copy_bytes<'a, 'b>(src: Vaddr, dst: Vaddr, len: usize, Tracked(r): Tracked<&ReadBytes<'a>>, Tracked(w): Tracked<&WriteBytes<'b>>)
    requires r.lo() <= src, src + len <= r.hi(), w.lo() <= dst, dst + len <= w.hi(),
    opens_invariants none
    no_unwind
// SAFETY: the permissions cover both runs.
{ unsafe { copy_volatile(with_exposed_provenance(src), with_exposed_provenance_mut(dst), len) } }

/// Sets `len` bytes to `b`. Reason: volatile stores to bytes that may be written.
/// Test: untyped::fill.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `len` bytes may be written at
/// `dst`.
#[inline]
#[verifier::external_body]
pub unsafe fn fill_bytes<'a>(dst: Vaddr, len: usize, b: u8, Tracked(w): Tracked<&WriteBytes<'a>>)
    requires w.lo() <= dst, dst + len <= w.hi(),
    opens_invariants none
    no_unwind
// SAFETY: the permission covers the run.
{ unsafe { fill_volatile(with_exposed_provenance_mut(dst), len, b) } }

/// Loads an aligned 32-bit word, relaxed. Reason: an atomic access to bytes that may be read.
/// Test: untyped::once.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: 4 bytes may be read at `va`, a
/// multiple of 4.
#[inline]
#[verifier::external_body]
pub unsafe fn load_u32<'a>(va: Vaddr, Tracked(r): Tracked<&ReadBytes<'a>>) -> u32
    requires r.lo() <= va, va + 4 <= r.hi(), va as int % 4 == 0,
    opens_invariants none
    no_unwind
// SAFETY: aligned, and the permission covers it.
{ unsafe { AtomicU32::from_ptr(with_exposed_provenance_mut(va)) }.load(Ordering::Relaxed) }

/// Loads an aligned 64-bit word, relaxed. Reason: as `load_u32`. Test: untyped::once.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: 8 bytes may be read at `va`, a
/// multiple of 8.
#[inline]
#[verifier::external_body]
pub unsafe fn load_u64<'a>(va: Vaddr, Tracked(r): Tracked<&ReadBytes<'a>>) -> u64
    requires r.lo() <= va, va + 8 <= r.hi(), va as int % 8 == 0,
    opens_invariants none
    no_unwind
// SAFETY: aligned, and the permission covers it.
{ unsafe { AtomicU64::from_ptr(with_exposed_provenance_mut(va)) }.load(Ordering::Relaxed) }

/// Stores an aligned 32-bit word, relaxed. Reason: an atomic access to bytes that may be written.
/// Test: untyped::once.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: 4 bytes may be written at `va`, a
/// multiple of 4.
#[inline]
#[verifier::external_body]
pub unsafe fn store_u32<'a>(va: Vaddr, v: u32, Tracked(w): Tracked<&WriteBytes<'a>>)
    requires w.lo() <= va, va + 4 <= w.hi(), va as int % 4 == 0,
    opens_invariants none
    no_unwind
// SAFETY: aligned, and the permission covers it.
{ unsafe { AtomicU32::from_ptr(with_exposed_provenance_mut(va)) }.store(v, Ordering::Relaxed) }

/// Stores an aligned 64-bit word, relaxed. Reason: as `store_u32`. Test: untyped::once.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: 8 bytes may be written at `va`, a
/// multiple of 8.
#[inline]
#[verifier::external_body]
pub unsafe fn store_u64<'a>(va: Vaddr, v: u64, Tracked(w): Tracked<&WriteBytes<'a>>)
    requires w.lo() <= va, va + 8 <= w.hi(), va as int % 8 == 0,
    opens_invariants none
    no_unwind
// SAFETY: aligned, and the permission covers it.
{ unsafe { AtomicU64::from_ptr(with_exposed_provenance_mut(va)) }.store(v, Ordering::Relaxed) }

/// Replaces an aligned 32-bit word if it is `old`; gives what was there. Reason: an atomic access to
/// bytes that may be written. Test: untyped::atomics.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: 4 bytes may be read and written at
/// `va`, a multiple of 4.
#[inline]
#[verifier::external_body]
pub unsafe fn cas_u32<'a>(va: Vaddr, old: u32, new: u32, Tracked(w): Tracked<&WriteBytes<'a>>) -> Result<u32, u32>
    requires w.lo() <= va, va + 4 <= w.hi(), va as int % 4 == 0,
    opens_invariants none
    no_unwind
{
    // SAFETY: aligned, and the permission covers it.
    let a = unsafe { AtomicU32::from_ptr(with_exposed_provenance_mut(va)) };
    a.compare_exchange(old, new, Ordering::SeqCst, Ordering::Relaxed)
}

/// Replaces an aligned 64-bit word if it is `old`; gives what was there. Reason: as `cas_u32`.
/// Test: untyped::atomics.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: 8 bytes may be read and written at
/// `va`, a multiple of 8.
#[inline]
#[verifier::external_body]
pub unsafe fn cas_u64<'a>(va: Vaddr, old: u64, new: u64, Tracked(w): Tracked<&WriteBytes<'a>>) -> Result<u64, u64>
    requires w.lo() <= va, va + 8 <= w.hi(), va as int % 8 == 0,
    opens_invariants none
    no_unwind
{
    // SAFETY: aligned, and the permission covers it.
    let a = unsafe { AtomicU64::from_ptr(with_exposed_provenance_mut(va)) };
    a.compare_exchange(old, new, Ordering::SeqCst, Ordering::Relaxed)
}

/// Plain data: any bytes are a value of it, and it has no padding.
///
/// # Safety
/// As it says.
pub unsafe trait Pod: Copy + Send + Sync + 'static {
    /// A value to read into.
    fn zero() -> Self;
}

/// The bytes of a value. Reason: plain data has no padding. Test: untyped::values.
#[inline(always)]
#[verifier::external_body]
pub fn pod_bytes<T: Pod>(t: &T) -> (r: &[u8])
    opens_invariants none
    no_unwind
// SAFETY: plain data may be seen as bytes.
{ unsafe { core::slice::from_raw_parts((t as *const T).cast(), size_of::<T>()) } }

/// The bytes of a value, to be changed. Reason: any bytes are a value. Test: untyped::values.
#[inline(always)]
#[verifier::external_body]
pub fn pod_bytes_mut<T: Pod>(t: &mut T) -> (r: &mut [u8])
    opens_invariants none
    no_unwind
// SAFETY: plain data may be seen as bytes, and any bytes are a value of it.
{ unsafe { core::slice::from_raw_parts_mut((t as *mut T).cast(), size_of::<T>()) } }

} // verus!

/// Writes zeroes into all of the frame at `pa`.
///
/// # Safety
/// `pa` is a frame that nobody else accesses.
#[inline(always)]
#[verus_spec(
    with Tracked(p): Tracked<&mut RawPage<P>>
    requires old(p).paddr() == pa,
    ensures final(p).paddr() == pa,
    opens_invariants none
    no_unwind
)]
pub unsafe fn zero_raw<P: Platform>(pa: Paddr) {
    // SAFETY: the caller's promise.
    unsafe {
        proof_with!(Tracked(&mut p.page));
        page::zero_page::<P>(pa)
    }
}

macro_rules! pod {
    ($($t:ty),*) => {$(
        // SAFETY: integers have no padding and no invalid values.
        unsafe impl Pod for $t {
            fn zero() -> Self {
                0
            }
        }
    )*};
}
pod!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

// SAFETY: an array of plain data has no padding between its elements.
unsafe impl<T: Pod, const N: usize> Pod for [T; N] {
    fn zero() -> Self {
        [T::zero(); N]
    }
}

const WORD: usize = size_of::<u64>();

/// # Safety
/// `len` bytes may be read at `src` and written at `dst`.
unsafe fn copy_volatile(mut src: *const u8, mut dst: *mut u8, mut len: usize) {
    // SAFETY: both pointers advance within their runs, and words are accessed where aligned.
    unsafe {
        if src.addr() % WORD == dst.addr() % WORD {
            while len > 0 && src.addr() % WORD != 0 {
                dst.write_volatile(src.read_volatile());
                (src, dst, len) = (src.add(1), dst.add(1), len - 1);
            }
            while len >= WORD {
                dst.cast::<u64>()
                    .write_volatile(src.cast::<u64>().read_volatile());
                (src, dst, len) = (src.add(WORD), dst.add(WORD), len - WORD);
            }
        }
        while len > 0 {
            dst.write_volatile(src.read_volatile());
            (src, dst, len) = (src.add(1), dst.add(1), len - 1);
        }
    }
}

/// # Safety
/// `len` bytes may be written at `dst`.
unsafe fn fill_volatile(mut dst: *mut u8, mut len: usize, b: u8) {
    // SAFETY: the pointer advances within its run, and words are accessed where aligned.
    unsafe {
        while len > 0 && dst.addr() % WORD != 0 {
            dst.write_volatile(b);
            (dst, len) = (dst.add(1), len - 1);
        }
        while len >= WORD {
            dst.cast::<u64>()
                .write_volatile(u64::from_ne_bytes([b; WORD]));
            (dst, len) = (dst.add(WORD), len - WORD);
        }
        while len > 0 {
            dst.write_volatile(b);
            (dst, len) = (dst.add(1), len - 1);
        }
    }
}
