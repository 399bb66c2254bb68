//! What a run of bytes is.
use super::*;
verus! {

impl<'a> Run<'a> {
    #[verifier::type_invariant]
    pub open(in super::super) spec fn wf(self) -> bool {
        self.perm().lo() <= self.at() <= self.at() + self.left() <= self.perm().hi()
            && self.left() >= 0 && self.at() + self.left() <= usize::MAX
    }
    /// The right to the bytes, and to more.
    pub open(in super::super) spec fn perm(self) -> Bytes<'a> { self.perm@ }
    /// Address of the first byte.
    pub open(in super::super) spec fn at(self) -> usize { self.cursor }
    /// Number of bytes.
    pub open(in super::super) spec fn left(self) -> int { self.end - self.cursor }
}

} // verus!
