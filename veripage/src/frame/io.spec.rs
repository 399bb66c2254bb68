//! Specifications of `io.rs`.
use super::*;
verus! {

impl<'a> VmReader<'a> {
    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool {
        self.perm@.lo() <= self.cursor <= self.end <= self.perm@.hi()
    }
    /// Bytes not yet read.
    pub open(super) spec fn left(self) -> int { self.end - self.cursor }
}

impl<'a> VmWriter<'a> {
    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool {
        self.perm@.lo() <= self.cursor <= self.end <= self.perm@.hi() && self.perm@.writable()
    }
    /// Bytes not yet written.
    pub open(super) spec fn left(self) -> int { self.end - self.cursor }
}

} // verus!
