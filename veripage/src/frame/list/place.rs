//! Where a chain's cursor stands, and how it moves.
use super::chain::{self, addr, Chain, NONE};
#[cfg(verus_only)]
use super::chain::{before, lemma_moved};
use veripage_hw::meta::FrameMeta;
use veripage_hw::{Paddr, Platform, PAGE_SIZE};
use vstd::prelude::*;

#[verus_verify]
impl<P: Platform, M: FrameMeta> Chain<P, M> {
    /// The address of the frame where the cursor stands.
    #[verus_spec(r =>
        requires self.wf(),
        ensures match r {
            None => self.pos() == self@.len(),
            Some(pa) => self.pos() < self@.len() && self@[self.pos()].0 == pa,
        },
        no_unwind
    )]
    pub(super) fn place(&self) -> Option<Paddr> {
        proof! {
            if self.pos() < self@.len() {
                assert(self.g@.node_ok::<M>(self.pos(), self.name as int));
            }
        }
        if self.at == NONE {
            return None;
        }
        Some(addr(self.at))
    }

    /// Moves the cursor to the front; past the back if there are no frames.
    #[verus_spec(
        requires old(self).wf(),
        ensures final(self).wf(), final(self)@ == old(self)@, final(self).pos() == 0,
        no_unwind
    )]
    pub(super) fn go_front(&mut self) {
        self.at = self.front;
        proof! { self.g.borrow_mut().pos = 0; lemma_moved::<P, M>(old(self).g@, self.g@, self.name as int); }
    }

    /// Moves the cursor to the back.
    #[verus_spec(
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self)@ == old(self)@,
            final(self).pos() == if old(self)@.len() == 0 { 0 } else { old(self)@.len() - 1 },
        no_unwind
    )]
    pub(super) fn go_back(&mut self) {
        self.at = self.back;
        proof! {
            let n = self.g@.order.len() as int;
            self.g.borrow_mut().pos = if n == 0 { 0 } else { n - 1 };
            lemma_moved::<P, M>(old(self).g@, self.g@, self.name as int);
        }
    }

    /// Moves the cursor past the back.
    #[verus_spec(
        requires old(self).wf(),
        ensures final(self).wf(), final(self)@ == old(self)@, final(self).pos() == old(self)@.len(),
        no_unwind
    )]
    pub(super) fn go_end(&mut self) {
        self.at = NONE;
        proof! {
            self.g.borrow_mut().pos = self.g@.order.len() as int;
            lemma_moved::<P, M>(old(self).g@, self.g@, self.name as int);
        }
    }

    /// Moves the cursor to the frame at `pa`, if that is in the chain.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self)@ == old(self)@, r == old(self).order().contains(pa as int),
            !r ==> final(self).pos() == old(self).pos(),
            r ==> final(self).pos() < old(self)@.len() && old(self)@[final(self).pos()].0 == pa,
        no_unwind
    )]
    pub(super) fn go_to(&mut self, pa: Paddr) -> bool {
        if !self.contains(pa) {
            return false;
        }
        self.at = (pa / PAGE_SIZE) as u32;
        proof! {
            let k = choose|k: int| 0 <= k < self.g@.order.len() && self.g@.order[k] == pa;
            self.g.borrow_mut().pos = k;
            lemma_moved::<P, M>(old(self).g@, self.g@, self.name as int);
        }
        true
    }

    /// Moves the cursor towards the back; from past the back to the front.
    #[verus_spec(
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self)@ == old(self)@,
            final(self).pos() == if old(self).pos() == old(self)@.len() { 0 } else { old(self).pos() + 1 },
        no_unwind
    )]
    pub(super) fn step(&mut self) {
        proof! {
            if self.pos() < self@.len() {
                assert(self.g@.node_ok::<M>(self.pos(), self.name as int));
            }
        }
        if self.at == NONE {
            self.go_front();
            return;
        }
        proof_with! { Tracked(&self.g.borrow().frames) }
        let links = chain::neighbours::<P, M>(self.at);
        self.at = links.1;
        proof! {
            self.g.borrow_mut().pos = self.g@.pos + 1;
            lemma_moved::<P, M>(old(self).g@, self.g@, self.name as int);
        }
    }

    /// Moves the cursor towards the front; from the front past the back, and from there to the back.
    #[verus_spec(
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self)@ == old(self)@,
            final(self).pos() == before(old(self).pos(), old(self)@.len() as int),
        no_unwind
    )]
    pub(super) fn step_back(&mut self) {
        proof! {
            if self.pos() < self@.len() {
                assert(self.g@.node_ok::<M>(self.pos(), self.name as int));
            }
        }
        if self.at == NONE {
            self.go_back();
            return;
        }
        proof_with! { Tracked(&self.g.borrow().frames) }
        let links = chain::neighbours::<P, M>(self.at);
        self.at = links.0;
        proof! {
            self.g.borrow_mut().pos = before(self.g@.pos, self.g@.order.len() as int);
            lemma_moved::<P, M>(old(self).g@, self.g@, self.name as int);
        }
    }
}
