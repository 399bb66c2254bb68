//! The 16 bytes of metadata in the slot of a page-table node, as two words.
use crate::lock::{slot_addr, SLOT_META};
use crate::{Paddr, Platform};
use vstd::prelude::*;

#[inline(always)]
fn meta_ptr<P: Platform>(pa: Paddr, k: usize) -> *mut u64 {
    core::ptr::with_exposed_provenance_mut(slot_addr::<P>(pa) + SLOT_META + k * 8)
}

verus! {

/// The right to read and write a slot's metadata, and to know it.
#[verifier::external_body]
#[verifier::reject_recursive_types(P)]
#[allow(dead_code)]
pub tracked struct NodeMetaPerm<P: Platform> { p: core::marker::PhantomData<P>, no_copy: NoCopy }

impl<P: Platform> NodeMetaPerm<P> {
    /// The frame.
    pub uninterp spec fn paddr(self) -> int;
    /// The two words.
    pub uninterp spec fn view(self) -> (u64, u64);
}

} // verus!

/// The first word.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(v =>
    with Tracked(p): Tracked<&NodeMetaPerm<P>>
    requires p.paddr() == pa,
    ensures v == p@.0,
    opens_invariants none
    no_unwind
)]
pub fn meta_first<P: Platform>(pa: Paddr) -> u64 {
    // SAFETY: `NodeMetaPerm` says that the metadata is the caller's.
    unsafe { *meta_ptr::<P>(pa, 0) }
}

/// The second word.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(v =>
    with Tracked(p): Tracked<&NodeMetaPerm<P>>
    requires p.paddr() == pa,
    ensures v == p@.1,
    opens_invariants none
    no_unwind
)]
pub fn meta_second<P: Platform>(pa: Paddr) -> u64 {
    // SAFETY: as above.
    unsafe { *meta_ptr::<P>(pa, 1) }
}

/// Writes the first word.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(
    with Tracked(p): Tracked<&mut NodeMetaPerm<P>>
    requires old(p).paddr() == pa,
    ensures final(p).paddr() == pa, final(p)@ == (v, old(p)@.1),
    opens_invariants none
    no_unwind
)]
pub fn meta_set_first<P: Platform>(pa: Paddr, v: u64) {
    // SAFETY: as above.
    unsafe { *meta_ptr::<P>(pa, 0) = v }
}

/// Writes the second word.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(
    with Tracked(p): Tracked<&mut NodeMetaPerm<P>>
    requires old(p).paddr() == pa,
    ensures final(p).paddr() == pa, final(p)@ == (old(p)@.0, v),
    opens_invariants none
    no_unwind
)]
pub fn meta_set_second<P: Platform>(pa: Paddr, v: u64) {
    // SAFETY: as above.
    unsafe { *meta_ptr::<P>(pa, 1) = v }
}
