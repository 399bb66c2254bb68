//! What a list holds.
use super::*;
use vstd::std_specs::maybe_uninit::MaybeUninitAdditionalSpecFns;

verus! {

impl<T: Copy, const N: usize> FixedList<T, N> {
    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool {
        &&& self.len <= N
        &&& forall|i: int| 0 <= i < self.len ==> (#[trigger] self.places@[i]).mem_contents().is_init()
    }

    pub open(super) spec fn view(self) -> Seq<T> {
        Seq::new(self.len as nat, |i: int| self.places@[i].mem_contents().value())
    }
}

} // verus!
