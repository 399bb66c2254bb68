//! Nodes on their way out of a table, collected while they wait.
use super::*;
use crate::page_table::retired::Retired;
use crate::paging::PageTableEntryTrait;
use crate::Platform;
use core::mem::swap;

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Issued<Retired<P, E>> {
    /// No nodes, which wait for nothing.
    #[verus_spec(r =>
        with Ghost(log): Ghost<Loc>
        ensures r@@.len() == 0, r.issues().len() == 0, r.log() == log,
    )]
    pub(crate) fn none() -> Self {
        proof_with! { issues: Ghost(Seq::empty()), log: Ghost(log) }
        Issued {
            value: ManuallyDrop::new(Retired::new()),
        }
    }

    /// Adds nodes that wait in the same flusher.
    #[verus_spec(
        requires old(self).log() == other.log(),
        ensures
            final(self).log() == old(self).log(), final(self).issues() == old(self).issues() + other.issues(),
            final(self)@@ == old(self)@@ + other@@,
    )]
    pub(crate) fn append(&mut self, other: Self) {
        proof_with! { Ghost(self.log()) }
        let mut me = Issued::none();
        swap(self, &mut me);
        proof_decl! {
            let ghost log = me.log();
            let ghost issues = me.issues() + other.issues();
        }
        let mut all = ManuallyDrop::into_inner(me.value);
        all.append(ManuallyDrop::into_inner(other.value));
        proof_with! { issues: Ghost(issues), log: Ghost(log) }
        let all = Issued {
            value: ManuallyDrop::new(all),
        };
        *self = all;
    }
}

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Flushed<Retired<P, E>> {
    /// No nodes.
    #[verus_spec(r => ensures r@@.len() == 0, r.by().len() == 0)]
    pub fn none() -> Self {
        proof_with! { by: Ghost(Seq::empty()) }
        Flushed {
            value: Retired::new(),
        }
    }

    /// Are there none?
    #[verus_spec(r => ensures r == (self@@.len() == 0))]
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Adds nodes that have been flushed as well.
    #[verus_spec(ensures final(self)@@ == old(self)@@ + other@@, final(self).by() == old(self).by() + other.by())]
    pub fn append(&mut self, other: Self) {
        let mut me = Flushed::none();
        swap(self, &mut me);
        proof! {
            use_type_invariant(&me);
            use_type_invariant(&other);
        }
        proof_decl! { let ghost by = me.by() + other.by(); }
        let mut all = me.value;
        all.append(other.value);
        proof! {
            assert forall|k: int| 0 <= k < by.len() implies forgotten((#[trigger] by[k]).log, by[k].issue) by {
                if k >= me.by().len() { assert(by[k] == other.by()[k - me.by().len()]); }
            }
        }
        proof_with! { by: Ghost(by) }
        let all = Flushed { value: all };
        *self = all;
    }
}
