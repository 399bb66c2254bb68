//! Exclusively owned frames: [`UniqueFrame`].
use super::error::*;
use super::kind::*;
use super::shared::*;
use super::slot::*;
use core::marker::PhantomData;
use veripage_hw::bytes;
use veripage_hw::handle::*;
use veripage_hw::meta::FrameMeta;
#[cfg(verus_only)]
use veripage_hw::meta::MetaPerm;
use veripage_hw::{Paddr, Platform};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "unique.spec.rs"]
mod spec;

/// The droppable part of [`UniqueFrame`].
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(K))]
pub(crate) struct UniqueCore<P: Platform, K: FrameKind> {
    pa: Paddr,
    kind: PhantomData<(P, K)>,
    #[cfg(verus_keep_ghost_body)]
    excl: Tracked<Excl<P>>,
}

/// A frame that this handle alone owns, memory and metadata. Eight bytes.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(K))]
pub struct UniqueFrame<P: Platform, K: FrameKind> {
    h: Handle<UniqueCore<P, K>>,
}

#[verus_verify]
impl<P: Platform, K: FrameKind> UniqueCore<P, K> {
    #[verus_spec(r =>
        with Tracked(excl): Tracked<Excl<P>>
        requires
            slot_ok::<P>(pa as int), excl.wf(slot_at::<P>(pa as int).id()), K::admits(excl.res.meta.ty()),
        ensures r.paddr() == pa, r.excl() == excl,
        no_unwind
    )]
    fn make(pa: Paddr) -> UniqueCore<P, K> {
        proof_with! { excl: Tracked(excl) }
        UniqueCore {
            pa,
            kind: PhantomData,
        }
    }
}

#[verus_verify]
impl<P: Platform, K: FrameKind> Release for UniqueCore<P, K> {
    #[verus_spec]
    fn release(self) {
        proof! { use_type_invariant(&self); }
        let pa = self.pa;
        proof_decl! { let tracked e = self.excl.get(); }
        proof_with! { Tracked(e) }
        give_back::<P>(pa);
    }
}

#[verus_verify]
impl<P: Platform, M: FrameMeta> UniqueFrame<P, M> {
    /// Takes the unused frame at `pa` and puts `meta` into its slot. The frame should be one that the
    /// machine handed out, since the last drop returns it to the machine.
    ///
    /// # Errors
    /// `NotAligned`, `OutOfBound`; `InUse`, `Unique` or `Busy` if somebody has it. `meta` is dropped.
    #[verus_spec(r =>
        ensures r matches Ok(f) ==> slot_ok::<P>(pa as int) && f.paddr() == pa && f.meta_spec() == meta,
    )]
    pub fn from_unused(pa: Paddr, meta: M) -> Result<Self, GetFrameError> {
        let slot = find_slot::<P>(pa)?;
        proof_decl! { let tracked mut e: Option<Excl<P>> = None; let tracked mut u: Excl<P>; }
        proof_with! { => Tracked(e) }
        let r = slot.claim();
        match r {
            Err(seen) => Err(why_taken(seen, pa)),
            Ok(()) => {
                proof_decl! { let tracked mut e = e.tracked_unwrap(); }
                proof_with! { Tracked(&mut e) }
                slot.set_meta(meta);
                proof_with! { Tracked(e) => Tracked(u) }
                slot.make_unique();
                proof_with! { Tracked(u) }
                let f = UniqueFrame::from_parts(pa);
                Ok(f)
            }
        }
    }

    /// The metadata.
    #[verus_spec(r => ensures *r == self.meta_spec())]
    pub fn meta(&self) -> &M {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        let slot = slot_of::<P>(core.pa);
        // SAFETY: the frame is this handle's, and its metadata is an `M` (type invariant).
        unsafe {
            slot.cell()
                .borrow::<M>(verus_exec_expr!(Tracked(&core.excl.borrow().res.meta)))
        }
    }

    /// The metadata, to be changed.
    #[verus_spec(r =>
        ensures *r == old(self).meta_spec(), final(self).meta_spec() == *final(r),
            final(self).paddr() == old(self).paddr(),
    )]
    pub fn meta_mut(&mut self) -> &mut M {
        let core = self.h.get_mut();
        proof! { use_type_invariant(&*core); }
        let slot = slot_of::<P>(core.pa);
        // SAFETY: as in `meta`, and this handle is borrowed exclusively.
        unsafe {
            slot.cell().borrow_mut::<M>(verus_exec_expr!(Tracked(
                &mut core.excl.borrow_mut().res.meta
            )))
        }
    }
}

#[verus_verify]
impl<P: Platform, K: FrameKind> UniqueFrame<P, K> {
    /// Takes the handle apart: the frame stays UNIQUE, and the caller owns it.
    #[verus_spec(r =>
        with -> excl: Tracked<Excl<P>>
        ensures r == self.paddr(), slot_ok::<P>(r as int), excl@.wf(slot_at::<P>(r as int).id()),
            K::admits(excl@.res.meta.ty()), excl@.res.meta == self.meta_perm(),
        no_unwind
    )]
    pub(crate) fn into_parts(self) -> Paddr {
        let core = self.h.into_inner();
        proof! { use_type_invariant(&core); }
        let pa = core.pa;
        proof_decl! { let tracked e = core.excl.get(); }
        proof_with! { |= Tracked(e) }
        pa
    }

    /// The inverse of [`UniqueFrame::into_parts`].
    #[verus_spec(r =>
        with Tracked(excl): Tracked<Excl<P>>
        requires
            slot_ok::<P>(pa as int), excl.wf(slot_at::<P>(pa as int).id()), K::admits(excl.res.meta.ty()),
        ensures r.paddr() == pa, r.meta_perm() == excl.res.meta,
        no_unwind
    )]
    pub(crate) fn from_parts(pa: Paddr) -> Self {
        proof_with! { Tracked(excl) }
        let core = UniqueCore::make(pa);
        UniqueFrame {
            h: Handle::new(core),
        }
    }

    /// Physical address of the frame.
    #[verus_spec(r => ensures r == self.paddr(), slot_ok::<P>(r as int))]
    pub fn start_paddr(&self) -> Paddr {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        core.pa
    }

    /// Writes zeroes into all of the frame.
    #[verus_spec(
        ensures final(self).paddr() == old(self).paddr(), final(self).meta_perm() == old(self).meta_perm(),
    )]
    pub fn zero(&mut self) {
        let core = self.h.get_mut();
        proof! { use_type_invariant(&*core); }
        // SAFETY: the frame is this handle's alone (type invariant).
        unsafe {
            proof_with!(Tracked(&mut core.excl.borrow_mut().res.page));
            bytes::zero_raw::<P>(core.pa)
        };
    }

    /// Gives the frame another use: drops its metadata and puts `meta` there.
    #[verus_spec(r => ensures r.paddr() == self.paddr(), r.meta_spec() == meta)]
    pub fn repurpose<M2: FrameMeta>(self, meta: M2) -> UniqueFrame<P, M2> {
        proof_decl! { let tracked mut e: Excl<P>; }
        proof_with! { => Tracked(e) }
        let pa = self.into_parts();
        let slot = slot_of::<P>(pa);
        proof_with! { Tracked(&mut e) }
        slot.destroy_meta(pa);
        proof_with! { Tracked(&mut e) }
        slot.set_meta(meta);
        proof_with! { Tracked(e) }
        UniqueFrame::from_parts(pa)
    }

    /// Drops the metadata and leaves the frame unused, without returning it to the machine: whoever
    /// gave the address out decides what becomes of it.
    #[verus_spec(r => ensures r == self.paddr())]
    pub fn reset(self) -> Paddr {
        proof_decl! { let tracked mut e: Excl<P>; }
        proof_with! { => Tracked(e) }
        let pa = self.into_parts();
        let slot = slot_of::<P>(pa);
        proof_with! { Tracked(&mut e) }
        slot.destroy_meta(pa);
        proof_with! { Tracked(e) }
        slot.retire();
        pa
    }

    /// Shares the frame.
    #[verus_spec(r => ensures r.paddr() == self.paddr(), r.share().meta() == self.meta_perm())]
    pub fn into_shared(self) -> Frame<P, K> {
        proof_decl! { let tracked mut e: Excl<P>; let tracked mut t: Share<P>; }
        proof_with! { => Tracked(e) }
        let pa = self.into_parts();
        proof_with! { Tracked(e) => Tracked(t) }
        slot_of::<P>(pa).publish();
        proof_with! { Tracked(t) }
        Frame::from_share(pa)
    }
}
