//! The 512 words of a page-table node, reached through the linear map.
//!
//! A page is named by its physical address. The MMU may read a word at any moment and may set the
//! accessed and dirty bits of a present one; nothing else changes a page behind its owner's back.
use crate::lock::point;
#[cfg(verus_only)]
use crate::lock::Readable;
use crate::{Paddr, Platform};
use core::sync::atomic::{AtomicU64, Ordering};
use vstd::prelude::*;

/// Word `i` of the page at `pa`.
#[inline(always)]
fn word<P: Platform>(pa: Paddr, i: usize) -> &'static AtomicU64 {
    // SAFETY: the linear map covers all RAM for ever (`Platform::LINEAR_BASE`), and the permissions
    // below see to it that the words of a node are accessed as atomics only.
    unsafe { &*core::ptr::with_exposed_provenance(P::LINEAR_BASE + pa + i * 8) }
}

verus! {

/// Which words the MMU may make of a word by itself. Reason: the manuals of the formats.
/// Test: formats::accessed_and_dirty_bits_are_the_cores.
///
/// # Safety
/// `same_but_ad(a, b)` must hold for each word `b` that an MMU of the machine can turn `a` into.
pub unsafe trait MmuWord {
    /// `a` and `b` are equal except for bits that the MMU sets by itself.
    spec fn same_but_ad(a: u64, b: u64) -> bool;
}

/// Which frame a permission is for, and the 512 words in it as they were last written.
pub ghost struct PageView {
    /// Address of the frame.
    pub paddr: int,
    /// Its words.
    pub words: Seq<u64>,
}

/// All of a frame's memory: the exclusive right to write its words, and to know them (but for what
/// the MMU sets).
/// Reason: opaque, so that it is neither forged nor copied. Test: frames::zeroed_allocation.
#[verifier::external_body]
#[verifier::accept_recursive_types(P)]
#[allow(dead_code)]
pub tracked struct PagePerm<P: Platform> { p: core::marker::PhantomData<P>, no_copy: NoCopy }

impl<P: Platform> PagePerm<P> {
    /// The frame and its words.
    pub uninterp spec fn view(self) -> PageView;

    /// A whole frame of RAM.
    pub open spec fn wf(self) -> bool {
        self@.words.len() == 512 && crate::lock::has_slot::<P>(self@.paddr)
    }

    /// Nobody else has the frame's memory. Reason: permissions are neither copied nor forged.
    /// Test: shuttle::three_threads_all.
    pub axiom fn is_exclusive(tracked &mut self, tracked other: &Self)
        ensures *final(self) == *old(self), old(self)@.paddr != other@.paddr;
}

/// 512 absent entries.
pub open spec fn zero_words() -> Seq<u64> {
    Seq::new(512, |i: int| 0u64)
}

} // verus!

/// A relaxed load by the page's owner: exact but for what the MMU set since.
/// Reason: nobody else writes; taking the node's lock synchronises with the last writer.
/// Test: shuttle::three_threads_all.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is a frame whose words the
/// caller owns or shares as atomics, and `i` is below 512.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(v =>
    with Tracked(p): Tracked<&PagePerm<P>>
    requires p.wf(), p@.paddr == pa, i < 512,
    ensures W::same_but_ad(p@.words[i as int], v),
    opens_invariants none
    no_unwind
)]
pub unsafe fn pte_load<P: Platform, W: MmuWord>(pa: Paddr, i: usize) -> u64 {
    word::<P>(pa, i).load(Ordering::Relaxed)
}

/// A store with Release: whoever follows the new word sees what was written before it.
/// Reason: the permission is exclusive. Test: shuttle::walker_and_remover.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is a frame whose words only
/// the caller writes, and `i` is below 512.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(
    with Tracked(p): Tracked<&mut PagePerm<P>>
    requires old(p).wf(), old(p)@.paddr == pa, i < 512,
    ensures final(p)@ == (PageView { words: old(p)@.words.update(i as int, v), ..old(p)@ }),
    opens_invariants none
    no_unwind
)]
pub unsafe fn pte_store<P: Platform>(pa: Paddr, i: usize, v: u64) {
    point();
    word::<P>(pa, i).store(v, Ordering::Release)
}

/// An exchange with AcqRel: the old word comes back with every bit that the MMU ever set in it.
/// Reason: the permission is exclusive, and the MMU's updates are atomic too. Test: vm_space::unmap_twice_is_zero.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is a frame whose words only
/// the caller writes, and `i` is below 512.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(w =>
    with Tracked(p): Tracked<&mut PagePerm<P>>
    requires old(p).wf(), old(p)@.paddr == pa, i < 512,
    ensures
        final(p)@ == (PageView { words: old(p)@.words.update(i as int, v), ..old(p)@ }),
        W::same_but_ad(old(p)@.words[i as int], w),
    opens_invariants none
    no_unwind
)]
pub unsafe fn pte_swap<P: Platform, W: MmuWord>(pa: Paddr, i: usize, v: u64) -> u64 {
    point();
    word::<P>(pa, i).swap(v, Ordering::AcqRel)
}

/// A load with Acquire by anybody who may read the page. It promises nothing about the value: the
/// owner may be writing, and the frame may have been removed from its table.
/// Reason: the frame is RAM, and is not reused while it is readable. Test: shuttle::lying_loads.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is a frame that a live section
/// keeps readable, and `i` is below 512.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(
    with Tracked(r): Tracked<&Readable<'_, P>>
    requires r.paddr() == pa, i < 512,
    opens_invariants none
    no_unwind
)]
pub unsafe fn pte_peek<P: Platform>(pa: Paddr, i: usize) -> u64 {
    point();
    let v = word::<P>(pa, i).load(Ordering::Acquire);
    #[cfg(feature = "model")]
    let v = crate::model::peeked(v);
    v
}

/// Fills the page with zeroes; no one relies on the order of these stores.
/// Reason: the permission is exclusive. Test: frames::zeroed_allocation.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is a frame that nobody else
/// accesses.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(
    with Tracked(p): Tracked<&mut PagePerm<P>>
    requires old(p)@.paddr == pa,
    ensures final(p)@ == (PageView { paddr: pa as int, words: zero_words() }),
    opens_invariants none
    no_unwind
)]
pub unsafe fn zero_page<P: Platform>(pa: Paddr) {
    // SAFETY: the caller owns the page (`PagePerm`), so nobody else accesses it.
    unsafe { core::ptr::write_bytes(word::<P>(pa, 0).as_ptr(), 0, 512) }
}

/// Fills a page for the explorer.
#[cfg(feature = "model")]
pub(crate) fn fill<P: Platform>(pa: Paddr, v: u64) {
    for i in 0..512 {
        word::<P>(pa, i).store(v, Ordering::Relaxed)
    }
}
