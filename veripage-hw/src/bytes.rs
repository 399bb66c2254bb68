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
#[cfg(verus_only)]
use vstd::layout::spec_size_of_val;
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

/// A run of bytes that may be accessed during `'a`. Reason: opaque; made from what is borrowed for
/// `'a`. Test: untyped::frame_round_trip.
#[verifier::external_body]
pub tracked struct Run<'a> { no_copy: NoCopy, a: PhantomData<&'a u8> }

impl<'a> Run<'a> {
    /// First byte.
    pub uninterp spec fn lo(self) -> int;
    /// Past the last byte.
    pub uninterp spec fn hi(self) -> int;
    /// May the bytes be written, too?
    pub uninterp spec fn writable(self) -> bool;

    /// The bytes of a frame. Reason: the linear map; untyped memory may be written by several.
    /// Test: untyped::frame_round_trip.
    pub axiom fn of_page<P: Platform>(tracked p: &'a RawPage<P>) -> (tracked r: Run<'a>)
        ensures r.lo() == P::LINEAR_BASE + p.paddr(), r.hi() == r.lo() + 4096, r.writable();
}

/// The bytes at `lo..hi` may be read during `'a`, and written if they are `writable`.
pub tracked struct Bytes<'a> {
    /// The runs that they lie in, by first byte.
    runs: Map<int, Run<'a>>,
    ghost lo: int,
    ghost hi: int,
    ghost writable: bool,
}

impl<'a> Bytes<'a> {
    /// First byte.
    pub closed spec fn lo(self) -> int { self.lo }
    /// Past the last byte.
    pub closed spec fn hi(self) -> int { self.hi }
    /// May they be written, too?
    pub closed spec fn writable(self) -> bool { self.writable }

    /// Byte `x` lies in the run that starts at `k`.
    spec fn at(self, x: int, k: int) -> bool {
        self.runs.dom().contains(k) && k <= x < self.runs[k].hi()
    }

    /// Byte `x` lies in a run.
    spec fn covered(self, x: int) -> bool { exists|k: int| #[trigger] self.at(x, k) }

    #[verifier::type_invariant]
    spec fn wf(self) -> bool {
        &&& self.lo <= self.hi
        &&& forall|k: int| #[trigger] self.runs.dom().contains(k) ==> {
            &&& self.lo <= k < self.hi && self.runs[k].lo() == k
            &&& self.writable ==> self.runs[k].writable()
        }
        &&& forall|x: int| self.lo <= x < self.hi ==> #[trigger] self.covered(x)
    }

    /// No bytes.
    pub proof fn none(at: int) -> (tracked r: Bytes<'a>)
        ensures r.lo() == at, r.hi() == at, r.writable(),
    { Bytes { runs: Map::tracked_empty(), lo: at, hi: at, writable: true } }

    /// One run.
    pub proof fn of_run(tracked run: Run<'a>) -> (tracked r: Bytes<'a>)
        requires run.lo() <= run.hi(),
        ensures r.lo() == run.lo(), r.hi() == run.hi(), r.writable() == run.writable(),
    {
        let (lo, hi, writable) = (run.lo(), run.hi(), run.writable());
        let tracked mut runs = Map::tracked_empty();
        if lo < hi { runs.tracked_insert(lo, run); }
        let r = Bytes { runs, lo, hi, writable };
        assert forall|x: int| lo <= x < hi implies #[trigger] r.covered(x) by { assert(r.at(x, lo)); }
        Bytes { runs, lo, hi, writable }
    }

    /// The bytes of a frame.
    pub proof fn of_page<P: Platform>(tracked p: &'a RawPage<P>) -> (tracked r: Bytes<'a>)
        ensures r.lo() == P::LINEAR_BASE + p.paddr(), r.hi() == r.lo() + 4096, r.writable(),
    { Bytes::of_run(Run::of_page(p)) }

    /// Two adjacent runs are one.
    pub proof fn join(tracked self, tracked next: Bytes<'a>) -> (tracked r: Bytes<'a>)
        requires self.hi() == next.lo(),
        ensures r.lo() == self.lo(), r.hi() == next.hi(), r.writable() == (self.writable() && next.writable()),
    {
        use_type_invariant(&self);
        use_type_invariant(&next);
        let (a, b) = (self, next);
        let writable = self.writable && next.writable;
        let tracked Bytes { runs: mut runs, lo, hi: _, writable: _ } = self;
        let tracked Bytes { runs: more, lo: _, hi, writable: _ } = next;
        runs.tracked_union_prefer_right(more);
        let r = Bytes { runs, lo, hi, writable };
        assert forall|x: int| lo <= x < hi implies #[trigger] r.covered(x) by {
            assert(if x < a.hi { a.covered(x) } else { b.covered(x) });
            let k = if x < a.hi { choose|k: int| a.at(x, k) } else { choose|k: int| b.at(x, k) };
            assert(r.at(x, k));
        }
        Bytes { runs, lo, hi, writable }
    }
}

/// Plain data in place: any bytes are a value, and it has no padding.
///
/// # Safety
/// As it says.
pub unsafe trait Plain {}

// SAFETY: bytes.
unsafe impl Plain for [u8] {}
// SAFETY: `Pod` says it.
unsafe impl<T: Pod> Plain for T {}

/// Address and permission of a value to read from. Reason: borrowed for `'a`.
/// Test: untyped::slice_round_trip.
#[inline(always)]
#[verifier::external_body]
pub fn readable<'a, T: Plain + ?Sized>(t: &'a T) -> (r: (Vaddr, Tracked<Run<'a>>))
    ensures r.1@.lo() == r.0, r.1@.hi() == r.0 + spec_size_of_val(t), r.1@.hi() <= usize::MAX,
    opens_invariants none
    no_unwind
{ ((t as *const T).cast::<u8>().expose_provenance(), Tracked::assume_new()) }

/// Address and permission of a value to write to. Reason: exclusively borrowed for `'a`; any bytes are
/// a value. Test: untyped::slice_round_trip.
#[inline(always)]
#[verifier::external_body]
pub fn writable<'a, T: Plain + ?Sized>(t: &'a mut T) -> (r: (Vaddr, Tracked<Run<'a>>))
    ensures r.1@.lo() == r.0, r.1@.hi() == r.0 + spec_size_of_val(old(t)), r.1@.hi() <= usize::MAX,
        r.1@.writable(), spec_size_of_val(final(t)) == spec_size_of_val(old(t)),
    opens_invariants none
    no_unwind
{ ((t as *mut T).cast::<u8>().expose_provenance(), Tracked::assume_new()) }

/// Copies `len` bytes; what arrives is unspecified if the two runs overlap or change meanwhile.
/// Reason: volatile accesses to bytes that may be read, and written. Test: untyped::copy_between.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `len` bytes may be read at `src`
/// and written at `dst`.
#[inline]
#[verifier::external_body]
pub unsafe fn copy_bytes<'a, 'b>(src: Vaddr, dst: Vaddr, len: usize, Tracked(r): Tracked<&Bytes<'a>>, Tracked(w): Tracked<&Bytes<'b>>)
    requires r.lo() <= src, src + len <= r.hi(), w.lo() <= dst, dst + len <= w.hi(), w.writable(),
    opens_invariants none
    no_unwind
// SAFETY: the permissions cover both runs.
{ unsafe { copy_volatile(with_exposed_provenance(src), with_exposed_provenance_mut(dst), len) } }

mod sealed {
    pub trait Sealed {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}

/// A word that is accessed whole: `u32` or `u64`.
pub trait Word: Copy + sealed::Sealed {
    /// Its size in bytes.
    const SIZE: usize;

    /// The word in the low bits.
    fn bits(self) -> u64;

    /// The word in the low bits of `bits`.
    fn of_bits(bits: u64) -> Self;

    /// It is one of the two sizes.
    proof fn sized()
        ensures Self::SIZE == 4 || Self::SIZE == 8;
}

impl Word for u32 {
    const SIZE: usize = 4;

    fn bits(self) -> u64 { self as u64 }

    fn of_bits(bits: u64) -> u32 { bits as u32 }

    proof fn sized() {}
}

impl Word for u64 {
    const SIZE: usize = 8;

    fn bits(self) -> u64 { self }

    fn of_bits(bits: u64) -> u64 { bits }

    proof fn sized() {}
}

/// Loads an aligned word, relaxed. Reason: an atomic access to bytes that may be read.
/// Test: untyped::once.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: a `W` may be read at `va`, a multiple of
/// its size.
#[inline]
#[verifier::external_body]
pub unsafe fn load_once<'a, W: Word>(va: Vaddr, Tracked(r): Tracked<&Bytes<'a>>) -> W
    requires r.lo() <= va, va + W::SIZE <= r.hi(), va as int % W::SIZE as int == 0,
    opens_invariants none
    no_unwind
// SAFETY: aligned, and the permission covers it.
{ W::of_bits(unsafe { if W::SIZE == 4 { half(va).load(Ordering::Relaxed) as u64 } else { whole(va).load(Ordering::Relaxed) } }) }

/// Stores an aligned word, relaxed. Reason: an atomic access to bytes that may be written.
/// Test: untyped::once.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: a `W` may be written at `va`, a multiple
/// of its size.
#[inline]
#[verifier::external_body]
pub unsafe fn store_once<'a, W: Word>(va: Vaddr, v: W, Tracked(w): Tracked<&Bytes<'a>>)
    requires w.lo() <= va, va + W::SIZE <= w.hi(), va as int % W::SIZE as int == 0, w.writable(),
    opens_invariants none
    no_unwind
// SAFETY: aligned, and the permission covers it.
{ unsafe { if W::SIZE == 4 { half(va).store(v.bits() as u32, Ordering::Relaxed) } else { whole(va).store(v.bits(), Ordering::Relaxed) } } }

/// Replaces an aligned word if it is `old`; gives what was there. Reason: an atomic access to bytes that
/// may be written. Test: untyped::atomics.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: a `W` may be read and written at `va`, a
/// multiple of its size.
#[inline]
#[verifier::external_body]
pub unsafe fn cas_once<'a, W: Word>(va: Vaddr, old: W, new: W, Tracked(w): Tracked<&Bytes<'a>>) -> Result<W, W>
    requires w.lo() <= va, va + W::SIZE <= w.hi(), va as int % W::SIZE as int == 0, w.writable(),
    opens_invariants none
    no_unwind
{
    let (old, new) = (old.bits(), new.bits());
    // SAFETY: aligned, and the permission covers it.
    let r = unsafe {
        if W::SIZE == 4 {
            half(va).compare_exchange(old as u32, new as u32, Ordering::SeqCst, Ordering::Relaxed)
                .map(u64::from).map_err(u64::from)
        } else {
            whole(va).compare_exchange(old, new, Ordering::SeqCst, Ordering::Relaxed)
        }
    };
    r.map(W::of_bits).map_err(W::of_bits)
}

/// Plain data: any bytes are a value of it, and it has no padding.
///
/// # Safety
/// As it says.
pub unsafe trait Pod: Copy + Send + Sync + 'static {
    /// A value to read into.
    fn zero() -> Self;
}

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

/// # Safety
/// A 32-bit word may be accessed at `va`, a multiple of 4.
unsafe fn half<'a>(va: Vaddr) -> &'a AtomicU32 {
    // SAFETY: the caller's promise.
    unsafe { AtomicU32::from_ptr(with_exposed_provenance_mut(va)) }
}

/// # Safety
/// A 64-bit word may be accessed at `va`, a multiple of 8.
unsafe fn whole<'a>(va: Vaddr) -> &'a AtomicU64 {
    // SAFETY: the caller's promise.
    unsafe { AtomicU64::from_ptr(with_exposed_provenance_mut(va)) }
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
