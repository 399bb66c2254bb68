//! A place in a list: [`CursorMut`].
#[cfg(verus_only)]
use super::chain::before;
use super::chain::Refused;
#[cfg(verus_only)]
use super::item;
use super::link::Link;
use super::LinkedList;
use crate::frame::unique::UniqueFrame;
use veripage_hw::meta::FrameMeta;
use veripage_hw::{Paddr, Platform};
use vstd::prelude::*;

/// A place in a list, at one of its frames or past the back.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(M))]
pub struct CursorMut<'a, P: Platform, M: FrameMeta> {
    pub(super) list: &'a mut LinkedList<P, M>,
}

verus! {

impl<'a, P: Platform, M: FrameMeta> CursorMut<'a, P, M> {
    /// Address and metadata of each frame of the list, from front to back.
    pub open(super) spec fn view(self) -> Seq<(Paddr, M)> { (*self.list)@ }

    /// The list as it will be when the cursor has gone.
    #[verifier::prophetic]
    pub open(super) spec fn after(self) -> LinkedList<P, M> { *final(self.list) }

    /// Which frame the cursor stands at; the number of frames if past the back.
    pub open(super) spec fn pos(self) -> int { (*self.list).pos() }
}

} // verus!

#[verus_verify]
impl<'a, P: Platform, M: FrameMeta> CursorMut<'a, P, M> {
    /// Moves to the next frame towards the back; from the last one past the back, and from there to
    /// the front.
    #[verus_spec(ensures
        final(self)@ == old(self)@, final(self).after() == old(self).after(),
        final(self).pos() == if old(self).pos() == old(self)@.len() { 0 } else { old(self).pos() + 1 },
    )]
    pub fn move_next(&mut self) {
        let core = self.list.h.get_mut();
        proof! { use_type_invariant(&*core); }
        core.chain.step();
    }

    /// Moves to the frame before, towards the front; from the first one past the back, and from there
    /// to the last one.
    #[verus_spec(ensures
        final(self)@ == old(self)@, final(self).after() == old(self).after(),
        final(self).pos() == before(old(self).pos(), old(self)@.len() as int),
    )]
    pub fn move_prev(&mut self) {
        let core = self.list.h.get_mut();
        proof! { use_type_invariant(&*core); }
        core.chain.step_back();
    }

    /// The address of the frame here; none past the back.
    #[verus_spec(r => ensures match r {
        None => self.pos() == self@.len(),
        Some(pa) => 0 <= self.pos() < self@.len() && self@[self.pos()].0 == pa,
    })]
    pub fn paddr(&self) -> Option<Paddr> {
        let core = self.list.h.get();
        proof! { use_type_invariant(core); }
        core.chain.place()
    }

    /// The metadata of the frame here, to be changed; none past the back.
    #[verus_spec(r => ensures
        final(self).pos() == old(self).pos(), final(self).after() == old(self).after(),
        match r {
            None => old(self).pos() == old(self)@.len() && final(self)@ == old(self)@,
            Some(m) => {
                &&& 0 <= old(self).pos() < old(self)@.len() && *m == old(self)@[old(self).pos()].1
                &&& final(self)@ == old(self)@.update(old(self).pos(), (old(self)@[old(self).pos()].0, *final(m)))
            },
        },
    )]
    pub fn current_meta(&mut self) -> Option<&mut M> {
        let core = self.list.h.get_mut();
        proof! { use_type_invariant(&*core); }
        core.chain.current_mut()
    }

    /// Takes the frame here out of the list and moves to the next one, or past the back.
    #[verus_spec(r => ensures
        final(self).pos() == old(self).pos(), final(self).after() == old(self).after(),
        match r {
            None => old(self).pos() == old(self)@.len() && final(self)@ == old(self)@,
            Some(f) => {
                &&& 0 <= old(self).pos() < old(self)@.len() && item(f) == old(self)@[old(self).pos()]
                &&& final(self)@ == old(self)@.remove(old(self).pos())
            },
        },
    )]
    pub fn take_current(&mut self) -> Option<UniqueFrame<P, Link<M>>> {
        let core = self.list.h.get_mut();
        proof! { use_type_invariant(&*core); }
        core.chain.take()
    }

    /// Puts a frame in before the one here, at the back if the cursor is past the back. The cursor
    /// stays at its frame.
    ///
    /// # Errors
    /// `OutOfBound` for a frame from 16 TiB - 4096 on; `NoName` if 32767 lists have frames. The frame
    /// comes back.
    #[verus_spec(r => ensures
        final(self).after() == old(self).after(),
        match r {
            Ok(()) => {
                &&& final(self)@ == old(self)@.insert(old(self).pos(), item(frame))
                &&& final(self).pos() == old(self).pos() + 1
            },
            Err(e) => {
                &&& final(self)@ == old(self)@ && final(self).pos() == old(self).pos()
                &&& item(e.1) == item(frame)
            },
        },
    )]
    pub fn insert_before(&mut self, frame: UniqueFrame<P, Link<M>>) -> Result<(), Refused<P, M>> {
        let core = self.list.h.get_mut();
        proof! { use_type_invariant(&*core); }
        core.chain.insert(frame)
    }

    /// The list.
    #[verus_spec(r => ensures r@ == self@)]
    pub fn as_list(&self) -> &LinkedList<P, M> {
        self.list
    }
}
