//! Frames linked through their own metadata, and a place among them: what a list is made of.
#![allow(clippy::unused_unit)] // ghost outputs are attached to the last expression
use super::link::Link;
use crate::frame::error::ListError;
use crate::frame::seat;
#[cfg(verus_only)]
use crate::frame::seat::TAKEN;
use crate::frame::slot::slot_of;
use crate::frame::unique::UniqueFrame;
use core::marker::PhantomData;
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use veripage_hw::meta::FrameMeta;
use veripage_hw::{Paddr, Platform, PAGE_SIZE};
#[cfg(verus_only)]
use vstd::modes::tracked_swap;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "chain.spec.rs"]
mod ghost;
#[cfg(verus_only)]
#[path = "chain.proof.rs"]
mod proof;
#[cfg(verus_only)]
pub use ghost::*;
#[cfg(verus_only)]
pub(super) use proof::lemma_moved;

/// Stands for no frame, where a frame's number is asked for.
#[verus_verify]
pub const NONE: u32 = u32::MAX;

/// A frame that was not taken in, and why.
pub type Refused<P, M> = (ListError, UniqueFrame<P, Link<M>>);

/// Frames in a row, by number, and the place of a cursor.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(M))]
pub struct Chain<P: Platform, M: FrameMeta> {
    pub(super) front: u32,
    pub(super) back: u32,
    /// Where the cursor stands.
    pub(super) at: u32,
    /// The name that its frames' slots say; 0 while there are none.
    pub(super) name: u16,
    pub(super) size: usize,
    pub(super) marker: PhantomData<(P, M)>,
    #[cfg(verus_keep_ghost_body)]
    pub(super) g: Tracked<ChainGhost<P>>,
}

/// The address of frame number `nr`.
#[verus_spec(r =>
    requires nr < NONE,
    ensures r == 4096 * nr,
    no_unwind
)]
#[inline(always)]
pub(super) fn addr(nr: u32) -> Paddr {
    nr as usize * PAGE_SIZE
}

/// The neighbours of frame number `nr`.
#[verus_spec(r =>
    with Tracked(frames): Tracked<&Map<int, Listed<P>>>
    requires nr < NONE, frames.dom().contains(4096 * nr), cell_ok::<P, M>(frames[4096 * nr], 4096 * nr),
    ensures
        r.0 == link_of::<P, M>(frames[4096 * nr]).prev,
        r.1 == link_of::<P, M>(frames[4096 * nr]).next,
    no_unwind
)]
#[inline(always)]
pub(super) fn neighbours<P: Platform, M: FrameMeta>(nr: u32) -> (u32, u32) {
    let pa = addr(nr);
    proof_decl! { let tracked f = frames.tracked_borrow(pa as int); }
    // SAFETY: the frame is the caller's (`frames`), and its metadata is a `Link<M>`.
    let link = unsafe {
        slot_of::<P>(pa)
            .cell()
            .borrow::<Link<M>>(verus_exec_expr!(Tracked(&f.meta)))
    };
    (link.prev, link.next)
}

/// Sets the neighbours of frame number `nr`.
#[verus_spec(
    with Tracked(frames): Tracked<&mut Map<int, Listed<P>>>
    requires nr < NONE, old(frames).dom().contains(4096 * nr), cell_ok::<P, M>(old(frames)[4096 * nr], 4096 * nr),
    ensures
        *final(frames) =~= old(frames).insert(4096 * nr, final(frames)[4096 * nr]),
        kept::<P, M>(old(frames)[4096 * nr], final(frames)[4096 * nr], prev as int, next as int),
    no_unwind
)]
#[inline(always)]
fn set_neighbours<P: Platform, M: FrameMeta>(nr: u32, prev: u32, next: u32) {
    let pa = addr(nr);
    proof_decl! { let tracked f = frames.tracked_borrow_mut(pa as int); }
    // SAFETY: the frame is the caller's (`frames`), and its metadata is a `Link<M>`.
    let link = unsafe {
        slot_of::<P>(pa)
            .cell()
            .borrow_mut::<Link<M>>(verus_exec_expr!(Tracked(&mut f.meta)))
    };
    link.prev = prev;
    link.next = next;
}

#[verus_verify]
impl<P: Platform, M: FrameMeta> Chain<P, M> {
    #[verus_spec(r => ensures r.wf(), r@ =~= Seq::<(Paddr, M)>::empty())]
    pub(super) fn new() -> Self {
        proof_decl! { let tracked g = ChainGhost::none(); }
        proof_with! { g: Tracked(g) }
        Chain {
            front: NONE,
            back: NONE,
            at: NONE,
            name: 0,
            size: 0,
            marker: PhantomData,
        }
    }

    /// Is the frame at `pa` in the chain? Its slot says so.
    #[verus_spec(r =>
        requires self.wf(),
        ensures r == self.order().contains(pa as int), r ==> pa as int % 4096 == 0 && pa as int / 4096 < NONE,
        no_unwind
    )]
    pub(super) fn contains(&self, pa: Paddr) -> bool {
        proof! {
            if self.order().contains(pa as int) {
                let k = choose|k: int| 0 <= k < self.order().len() && self.order()[k] == pa;
                assert(self.g@.node_ok::<M>(k, self.name as int));
            }
        }
        if self.size == 0 || pa % PAGE_SIZE != 0 || pa >= P::MAX_PADDR {
            return false;
        }
        let seat = slot_of::<P>(pa).seat();
        proof_decl! {
            let tracked g = self.g.borrow();
            let tracked mine = if g.frames.dom().contains(pa as int) {
                Some(&g.frames.tracked_borrow(pa as int).list)
            } else {
                None
            };
        }
        proof_with! { Tracked(g.auth.tracked_borrow()), Tracked(mine) }
        seat.is_in(self.name)
    }

    /// Gives a chain that has no frame a name.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).g@.order == old(self).g@.order, final(self).g@.pos == old(self).g@.pos,
            final(self).g@.frames == old(self).g@.frames,
            r ==> final(self).linked() && final(self).g@.named(final(self).name as int),
            !r ==> final(self).wf(),
        no_unwind
    )]
    fn name_it(&mut self, nr: usize) -> bool {
        if self.size != 0 {
            return true;
        }
        proof_decl! { let tracked auth: Option<Members>; }
        proof_with! { => Tracked(auth) }
        let name = seat::find_name::<P>(nr);
        if name == 0 {
            return false;
        }
        self.name = name;
        proof! {
            self.g.borrow_mut().auth = auth;
            assert forall|x: int| !self.g@.frames.dom().contains(x) by {
                if self.g@.frames.dom().contains(x) {
                    assert(self.g@.order.contains(x));
                }
            }
        }
        true
    }

    /// Puts a frame in before the one where the cursor stands, which stays there.
    ///
    /// # Errors
    /// `OutOfBound`, `NoName`: nothing has changed.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(),
            match r {
                Ok(()) => {
                    &&& final(self)@ == old(self)@.insert(old(self).pos(), (frame.paddr(), frame.meta_spec().value()))
                    &&& final(self).pos() == old(self).pos() + 1
                },
                Err(e) => {
                    &&& final(self)@ == old(self)@ && final(self).pos() == old(self).pos()
                    &&& e.1.paddr() == frame.paddr() && e.1.meta_spec() == frame.meta_spec()
                },
            },
        no_unwind
    )]
    pub(super) fn insert(&mut self, frame: UniqueFrame<P, Link<M>>) -> Result<(), Refused<P, M>> {
        proof_decl! { let tracked e: Excl<P>; }
        proof_with! { => Tracked(e) }
        let pa = frame.into_parts();
        if pa / PAGE_SIZE >= NONE as usize {
            proof_with! { Tracked(e) }
            let back = UniqueFrame::from_parts(pa);
            return Err((ListError::OutOfBound(pa), back));
        }
        if !self.name_it(pa / PAGE_SIZE) {
            proof_with! { Tracked(e) }
            let back = UniqueFrame::from_parts(pa);
            return Err((ListError::NoName, back));
        }
        let nr = (pa / PAGE_SIZE) as u32;
        proof_decl! {
            let ghost a = self.g@;
            let ghost i = self.g@.pos;
            let ghost name = self.name as int;
            let tracked mut g = ChainGhost::none();
        }
        proof! { tracked_swap(&mut g, self.g.borrow_mut()); }
        proof_decl! {
            let tracked mut auth = g.auth.tracked_take();
            let tracked mine = if g.frames.dom().contains(pa as int) {
                Some(&g.frames.tracked_borrow(pa as int).list)
            } else {
                None
            };
            let tracked f: Listed<P>;
        }
        let seat = slot_of::<P>(pa).seat();
        proof! {
            if a.frames.dom().contains(pa as int) {
                let k = choose|k: int| 0 <= k < a.order.len() && a.order[k] == pa;
                assert(a.node_ok::<M>(k, name));
            }
        }
        proof_with! { Tracked(e), Tracked(&mut auth), Tracked(mine) => Tracked(f) }
        seat.enter(self.name);
        proof! {
            g.auth = Some(auth);
            g.frames.tracked_insert(pa as int, f);
            a.lemma_len::<M>(name);
            if i < a.order.len() {
                assert(a.node_ok::<M>(i, name));
            }
            if 0 < i {
                assert(a.node_ok::<M>(i - 1, name));
            }
        }
        let next = self.at;
        let mut prev = self.back;
        if next == NONE {
            self.back = nr;
        } else {
            proof_with! { Tracked(&g.frames) }
            let old = neighbours::<P, M>(next);
            prev = old.0;
            proof_with! { Tracked(&mut g.frames) }
            set_neighbours::<P, M>(next, nr, old.1);
        }
        if prev == NONE {
            self.front = nr;
        } else {
            proof_with! { Tracked(&g.frames) }
            let old = neighbours::<P, M>(prev);
            proof_with! { Tracked(&mut g.frames) }
            set_neighbours::<P, M>(prev, old.0, nr);
        }
        proof_with! { Tracked(&mut g.frames) }
        set_neighbours::<P, M>(nr, prev, next);
        self.size += 1;
        proof! {
            g.order = a.order.insert(i, pa as int);
            g.pos = i + 1;
            assert forall|k: int| 0 <= k < a.order.len() implies {
                let f = #[trigger] a.at(k);
                kept::<P, M>(f, g.frames[a.order[k]],
                    if k == i { nr as int } else { a.num(k - 1) },
                    if k == i - 1 { nr as int } else { a.num(k + 1) })
            } by {
                assert(a.node_ok::<M>(k, name));
            }
            a.lemma_insert::<M>(g, i, pa as int, name);
            tracked_swap(&mut g, self.g.borrow_mut());
        }
        Ok(())
    }

    /// Takes the frame out where the cursor stands, which moves on to the next one.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(),
            final(self).pos() == old(self).pos(),
            match r {
                None => old(self).pos() == old(self)@.len() && final(self)@ == old(self)@,
                Some(f) => {
                    &&& old(self).pos() < old(self)@.len()
                    &&& old(self)@[old(self).pos()] == (f.paddr(), f.meta_spec().value())
                    &&& final(self)@ == old(self)@.remove(old(self).pos())
                },
            },
        no_unwind
    )]
    pub(super) fn take(&mut self) -> Option<UniqueFrame<P, Link<M>>> {
        proof_decl! {
            let ghost a = self.g@;
            let ghost i = self.g@.pos;
            let ghost name = self.name as int;
            let tracked mut g = ChainGhost::none();
        }
        proof! {
            if i < a.order.len() {
                assert(a.node_ok::<M>(i, name));
            }
        }
        let nr = self.at;
        if nr == NONE {
            return None;
        }
        let pa = addr(nr);
        proof! {
            if i + 1 < a.order.len() {
                assert(a.node_ok::<M>(i + 1, name));
            }
            if 0 < i {
                assert(a.node_ok::<M>(i - 1, name));
            }
            tracked_swap(&mut g, self.g.borrow_mut());
        }
        proof_with! { Tracked(&g.frames) }
        let links = neighbours::<P, M>(nr);
        let (prev, next) = links;
        if prev == NONE {
            self.front = next;
        } else {
            proof_with! { Tracked(&g.frames) }
            let old = neighbours::<P, M>(prev);
            proof_with! { Tracked(&mut g.frames) }
            set_neighbours::<P, M>(prev, old.0, next);
        }
        if next == NONE {
            self.back = prev;
        } else {
            proof_with! { Tracked(&g.frames) }
            let old = neighbours::<P, M>(next);
            proof_with! { Tracked(&mut g.frames) }
            set_neighbours::<P, M>(next, prev, old.1);
        }
        self.at = next;
        self.size -= 1;
        proof_decl! {
            let tracked f = g.frames.tracked_remove(pa as int);
            let tracked mut auth = g.auth.tracked_take();
            let tracked e: Excl<P>;
        }
        let seat = slot_of::<P>(pa).seat();
        proof_with! { Tracked(f), Tracked(&mut auth) => Tracked(e) }
        seat.leave(self.name);
        proof! {
            g.order = a.order.remove(i);
            assert forall|k: int| 0 <= k < a.order.len() && k != i implies {
                let f = #[trigger] a.at(k);
                kept::<P, M>(f, g.frames[a.order[k]],
                    if k == i + 1 { a.num(i - 1) } else { a.num(k - 1) },
                    if k == i - 1 { a.num(i + 1) } else { a.num(k + 1) })
            } by {
                assert(a.node_ok::<M>(k, name));
            }
            assert(auth@.dom() =~= g.frames.dom());
            g.auth = Some(auth);
            a.lemma_remove::<M>(g, i, name);
        }
        if self.size == 0 {
            proof_decl! { let tracked auth = g.auth.tracked_take(); }
            let seat = slot_of::<P>((self.name as usize - 1) * PAGE_SIZE).seat();
            proof! {
                assert forall|x: int| !auth@.dom().contains(x) by {
                    if auth@.dom().contains(x) {
                        assert(g.frames.dom().contains(x));
                    }
                }
                assert(auth@ =~= Map::empty());
            }
            proof_with! { Tracked(auth) }
            seat.give_name();
            self.name = 0;
        }
        proof! { tracked_swap(&mut g, self.g.borrow_mut()); }
        proof_with! { Tracked(e) }
        let frame = UniqueFrame::from_parts(pa);
        Some(frame)
    }

    /// The metadata where the cursor stands.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).pos() == old(self).pos(),
            match r {
                None => old(self).pos() == old(self)@.len() && final(self)@ == old(self)@,
                Some(m) => {
                    &&& old(self).pos() < old(self)@.len()
                    &&& *m == old(self)@[old(self).pos()].1
                    &&& final(self)@ == old(self)@.update(old(self).pos(), (old(self)@[old(self).pos()].0, *final(m)))
                },
            },
        no_unwind
    )]
    pub(super) fn current_mut(&mut self) -> Option<&mut M> {
        proof_decl! {
            let ghost a = self.g@;
            let ghost i = self.g@.pos;
            let ghost name = self.name as int;
        }
        proof! {
            if i < a.order.len() {
                assert(a.node_ok::<M>(i, name));
                a.lemma_changed::<M>(i, name);
            }
        }
        let nr = self.at;
        if nr == NONE {
            return None;
        }
        let pa = addr(nr);
        // SAFETY: the frame is this list's, and its metadata is a `Link<M>`.
        let link = unsafe {
            slot_of::<P>(pa)
                .cell()
                .borrow_mut::<Link<M>>(verus_exec_expr!(Tracked(
                    &mut self
                        .g
                        .borrow_mut()
                        .frames
                        .tracked_borrow_mut(pa as int)
                        .meta
                )))
        };
        Some(&mut link.meta)
    }

    /// The metadata of the frame with number `nr`, which is at position `k`.
    #[verus_spec(r =>
        with Ghost(k): Ghost<int>
        requires self.wf(), 0 <= k < self@.len(), nr == self.num(k),
        ensures *r == self@[k].1,
        no_unwind
    )]
    pub(super) fn meta_of(&self, nr: u32) -> &M {
        proof! { assert(self.g@.node_ok::<M>(k, self.name as int)); }
        // SAFETY: the frame is this list's, and its metadata is a `Link<M>`.
        let link = unsafe {
            slot_of::<P>(addr(nr))
                .cell()
                .borrow::<Link<M>>(verus_exec_expr!(Tracked(
                    &self.g.borrow().frames.tracked_borrow(4096 * nr as int).meta
                )))
        };
        &link.meta
    }
}
