//! What waits in the array.
use super::*;

verus! {

impl<P: Platform> PendingPages<P> {
    /// What must be forgotten, page by page.
    pub open(super) spec fn issues(self) -> Seq<Issue> { self.issues@ }

    /// By which log.
    pub open(super) spec fn log(self) -> Loc { self.log@ }

    pub open(super) spec fn wf(self) -> bool {
        &&& self.issues@.len() == self.leaves@.len() <= MAX_FRAMES
        &&& forall|k: int| #[trigger] self.loads@.dom().contains(k) <==> 0 <= k < self.leaves@.len()
        &&& forall|k: int| 0 <= k < self.leaves@.len() ==> (#[trigger] self.loads@[k]).of(self.leaves@[k])
    }
}

} // verus!
