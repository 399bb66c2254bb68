//! Specifications of `io.rs`.
use super::*;
verus! {

impl<'a> VmReader<'a> {
    /// Bytes not yet read.
    pub open(super) spec fn left(self) -> int { self.run.left() }
}

impl<'a> VmWriter<'a> {
    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool { self.run.perm().writable() }
    /// Bytes not yet written.
    pub open(super) spec fn left(self) -> int { self.run.left() }
}

} // verus!
