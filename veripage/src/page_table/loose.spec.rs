//! Which shares a page has.
use super::*;
pub use crate::page_table::item::spec::{held_by, lent, RawItem};
pub use crate::page_table::shares::{counted, share_of};
pub use crate::paging::geometry::span;

verus! {

/// The numbers of the shares of a page whose first number is `at`.
pub open(crate) spec fn numbers(at: int, leaf: Leaf) -> Set<int> {
    if counted(leaf.prop) { Set::new(|v: int| at <= v < at + span(leaf.level as int)) } else { Set::empty() }
}

/// The leaf as an item's raw form.
pub open(crate) spec fn raw_of(leaf: Leaf) -> RawItem { (leaf.pa, leaf.level, leaf.prop) }

/// The shares of a page.
#[verifier::reject_recursive_types(P)]
pub tracked struct Load<P: Platform> {
    pub ghost at: int,
    pub shares: Shares<P>,
}

impl<P: Platform> Load<P> {
    pub open(crate) spec fn of(self, leaf: Leaf) -> bool { held_by(self.shares, self.at, raw_of(leaf)) }
}

impl<P: Platform> LoosePage<P> {
    pub open(super) spec fn leaf(self) -> Leaf { self.leaf }

    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool { self.load@.of(self.leaf) }
}

/// The flag is one bit.
pub(super) proof fn lemma_flag(bits: u8)
    ensures (bits & 32 == 32) == (bits & 32 != 0),
{
    assert((bits & 32 == 32) == (bits & 32 != 0)) by (bit_vector);
}

} // verus!
