//! Shared frames: [`Frame`] and the borrowed [`FrameRef`].
use super::error::*;
use super::kind::*;
use super::slot::*;
use super::unique::UniqueFrame;
use core::marker::PhantomData;
use veripage_hw::handle::*;
use veripage_hw::meta::FrameMeta;
#[cfg(verus_only)]
use veripage_hw::{bytes::RawPage, lock::has_slot};
use veripage_hw::{Paddr, Platform, Vaddr, PAGE_SIZE};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "shared.spec.rs"]
mod spec;

/// The slot of the frame at `pa`, if there can be one.
///
/// # Errors
/// `NotAligned` or `OutOfBound`.
#[verus_spec(r =>
    ensures match r {
        Ok(s) => slot_ok::<P>(pa as int) && *s == slot_at::<P>(pa as int) && s.id().pa == pa,
        Err(_) => !has_slot::<P>(pa as int),
    },
    no_unwind
)]
pub(crate) fn find_slot<P: Platform>(pa: Paddr) -> Result<&'static MetaSlot<P>, GetFrameError> {
    if pa % PAGE_SIZE != 0 {
        return Err(GetFrameError::NotAligned(pa));
    }
    if pa >= P::MAX_PADDR {
        return Err(GetFrameError::OutOfBound(pa));
    }
    Ok(slot_of::<P>(pa))
}

/// Gives one share up; the last one runs the destructor of the metadata and returns the frame.
#[verus_spec(
    with Tracked(share): Tracked<Share<P>>
    requires slot_ok::<P>(pa as int), share.wf(slot_at::<P>(pa as int).id()),
    no_unwind
)]
pub(crate) fn release_share<P: Platform>(pa: Paddr) {
    let slot = slot_of::<P>(pa);
    proof_decl! { let tracked mut e: Option<Excl<P>> = None; }
    proof_with! { Tracked(share) => Tracked(e) }
    let last = slot.dec();
    if last {
        proof_with! { Tracked(e.tracked_unwrap()) }
        give_back::<P>(pa);
    }
}

/// Ends the use of a frame that the caller owns: destructor, UNUSED, back to the machine.
#[verus_spec(
    with Tracked(excl): Tracked<Excl<P>>
    requires slot_ok::<P>(pa as int), excl.wf(slot_at::<P>(pa as int).id()),
    no_unwind
)]
pub(crate) fn give_back<P: Platform>(pa: Paddr) {
    let slot = slot_of::<P>(pa);
    proof_decl! { let tracked mut e = excl; }
    proof_with! { Tracked(&mut e) }
    slot.destroy_meta(pa);
    proof_with! { Tracked(e) }
    slot.retire();
    P::dealloc_frames(pa, 1);
}

/// Takes an unused frame, puts its metadata in, and publishes the first share.
#[verus_spec(r =>
    with Ghost(k): Ghost<Kind> -> share: Tracked<Option<Share<P>>>
    ensures r is Ok ==> slot_ok::<P>(pa as int)
        && (share@ matches Some(s) && s.wf(slot_at::<P>(pa as int).id()) && s.kind() == k
            && s.meta().has_a::<M>() && s.meta().value::<M>() == meta),
)]
pub(crate) fn claim_shared<P: Platform, M: FrameMeta>(
    pa: Paddr,
    meta: M,
) -> Result<(), GetFrameError> {
    proof_decl! { let tracked mut e: Option<Excl<P>> = None; let tracked mut s: Share<P>; }
    proof_decl! { let tracked mut out: Option<Share<P>> = None; }
    let found = find_slot::<P>(pa);
    let r = match found {
        Err(err) => Err(err),
        Ok(slot) => {
            proof_with! { => Tracked(e) }
            let r = slot.claim();
            match r {
                Err(seen) => Err(why_taken(seen, pa)),
                Ok(()) => {
                    proof_decl! { let tracked mut x = e.tracked_unwrap(); }
                    proof_with! { Tracked(&mut x) }
                    slot.set_meta(meta);
                    proof_with! { Tracked(x) => Tracked(s) }
                    slot.publish();
                    proof! { out = Some(s.retag(slot.id(), k)); }
                    Ok(())
                }
            }
        }
    };
    proof_with! { |= Tracked(out) }
    r
}

/// The droppable part of [`Frame`].
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(K))]
pub(crate) struct FrameCore<P: Platform, K: FrameKind> {
    pa: Paddr,
    kind: PhantomData<(P, K)>,
    #[cfg(verus_keep_ghost_body)]
    share: Tracked<Share<P>>,
}

/// A shared, counted handle on one frame whose metadata is of kind `K`. Eight bytes.
///
/// Dropping the last handle runs the destructor of the metadata and returns the frame to the
/// machine, once.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(K))]
pub struct Frame<P: Platform, K: FrameKind> {
    h: Handle<FrameCore<P, K>>,
}

/// A frame with any metadata.
pub type DynFrame<P> = Frame<P, AnyMeta>;
/// A frame of plain memory.
pub type UFrame<P> = Frame<P, UntypedMeta>;
/// A frame of untyped memory, with any metadata.
pub type DynUFrame<P> = Frame<P, AnyUFrameMeta>;

#[verus_verify]
impl<P: Platform, K: FrameKind> FrameCore<P, K> {
    #[verus_spec(r =>
        with Tracked(share): Tracked<Share<P>>
        requires
            slot_ok::<P>(pa as int), share.wf(slot_at::<P>(pa as int).id()),
            share.kind() is Handle, K::admits(share.meta().ty()),
        ensures r.paddr() == pa, r.share() == share,
        no_unwind
    )]
    fn make(pa: Paddr) -> FrameCore<P, K> {
        proof_with! { share: Tracked(share) }
        FrameCore {
            pa,
            kind: PhantomData,
        }
    }
}

#[verus_verify]
impl<P: Platform, K: FrameKind> Release for FrameCore<P, K> {
    #[verus_spec]
    fn release(self) {
        proof! { use_type_invariant(&self); }
        let pa = self.pa;
        proof_decl! { let tracked share = self.share.get(); }
        proof_with! { Tracked(share) }
        release_share::<P>(pa);
    }
}

#[verus_verify]
impl<P: Platform, M: FrameMeta> Frame<P, M> {
    /// Takes the unused frame at `pa`, puts `meta` into its slot, and shares it. The frame should be
    /// one that the machine handed out, since the last drop returns it to the machine.
    ///
    /// # Errors
    /// `NotAligned`, `OutOfBound`; `InUse`, `Unique` or `Busy` if somebody has it. `meta` is dropped.
    #[verus_spec(r =>
        ensures r matches Ok(f) ==> slot_ok::<P>(pa as int) && f.paddr() == pa && f.meta_spec() == meta,
    )]
    pub fn from_unused(pa: Paddr, meta: M) -> Result<Self, GetFrameError> {
        proof_decl! { let tracked mut s: Option<Share<P>> = None; }
        proof_with! { Ghost(Kind::Handle) => Tracked(s) }
        let r = claim_shared::<P, M>(pa, meta);
        match r {
            Err(e) => Err(e),
            Ok(()) => {
                proof_with! { Tracked(s.tracked_unwrap()) }
                let core = FrameCore::make(pa);
                Ok(Frame {
                    h: Handle::new(core),
                })
            }
        }
    }

    /// The metadata.
    #[verus_spec(r => ensures *r == self.meta_spec())]
    pub fn meta(&self) -> &M {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        proof_decl! { let tracked res = core.share.borrow().res(slot_at::<P>(core.pa as int).id()); }
        let slot = slot_of::<P>(core.pa);
        // SAFETY: this share keeps writers away, and the metadata is an `M` (type invariant).
        unsafe {
            slot.cell()
                .borrow::<M>(verus_exec_expr!(Tracked(&res.meta)))
        }
    }
}

#[verus_verify]
impl<P: Platform> Frame<P, AnyMeta> {
    /// Another share of a frame that is shared already, found by its address.
    ///
    /// # Errors
    /// `NotAligned`, `OutOfBound`; `Unused`, `Unique`, `Busy` or `Saturated` as its slot says.
    #[verus_spec(r =>
        ensures r matches Ok(f) ==> slot_ok::<P>(pa as int) && f.paddr() == pa,
    )]
    pub fn from_in_use(pa: Paddr) -> Result<Self, GetFrameError> {
        let slot = find_slot::<P>(pa)?;
        proof_decl! { let tracked mut s: Option<Share<P>> = None; }
        proof_with! { => Tracked(s) }
        let r = slot.try_inc();
        match r {
            Err(seen) => Err(why_not(seen, pa)),
            Ok(()) => {
                proof_with! { Tracked(s.tracked_unwrap()) }
                let core = FrameCore::make(pa);
                Ok(Frame {
                    h: Handle::new(core),
                })
            }
        }
    }
}

#[verus_verify]
impl<P: Platform, K: FrameKind> Frame<P, K> {
    /// A handle from a share of any of the three kinds.
    #[verus_spec(r =>
        with Tracked(share): Tracked<Share<P>>
        requires
            slot_ok::<P>(pa as int), share.wf(slot_at::<P>(pa as int).id()), K::admits(share.meta().ty()),
        ensures r.paddr() == pa, r.share().meta() == share.meta(),
    )]
    pub(crate) fn from_share(pa: Paddr) -> Self {
        proof_decl! { let tracked s = share.retag(slot_at::<P>(pa as int).id(), Kind::Handle); }
        proof_with! { Tracked(s) }
        let core = FrameCore::make(pa);
        Frame {
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

    /// Bytes of the frame: 4096.
    #[verus_spec(r => ensures r == PAGE_SIZE)]
    pub fn size(&self) -> usize {
        PAGE_SIZE
    }

    /// Shares of the frame, which may have changed already.
    #[verus_spec]
    pub fn reference_count(&self) -> u32 {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        slot_of::<P>(core.pa).count_hint()
    }

    /// Where the frame is in the linear map.
    #[verus_spec(r =>
        with -> page: Tracked<&RawPage<P>>
        ensures r == P::LINEAR_BASE + self.paddr(), page@.paddr() == self.paddr(), r + PAGE_SIZE <= usize::MAX,
    )]
    pub(crate) fn mapped(&self) -> Vaddr {
        let core = self.h.get();
        proof! { use_type_invariant(core); P::bounds(); }
        proof_decl! { let tracked res = core.share.borrow().res(slot_at::<P>(core.pa as int).id()); }
        let va = P::LINEAR_BASE + core.pa;
        proof_decl! { let tracked page = &res.page; }
        proof_with! { |= Tracked(page) }
        va
    }

    /// Is the metadata of kind `K2`?
    #[verus_spec(r => ensures r == K2::admits(self.share().meta().ty()))]
    pub fn is_a<K2: FrameKind>(&self) -> bool {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        proof_decl! { let tracked res = core.share.borrow().res(slot_at::<P>(core.pa as int).id()); }
        let slot = slot_of::<P>(core.pa);
        K2::is_in(slot.cell(), verus_exec_expr!(Tracked(&res.meta)))
    }

    /// The metadata, if it is an `M`.
    #[verus_spec]
    pub fn dyn_meta<M: FrameMeta>(&self) -> Option<&M> {
        let ok = self.is_a::<M>();
        if !ok {
            return None;
        }
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        proof_decl! { let tracked res = core.share.borrow().res(slot_at::<P>(core.pa as int).id()); }
        let slot = slot_of::<P>(core.pa);
        // SAFETY: this share keeps writers away, and the metadata is an `M` (`is_a`).
        Some(unsafe {
            slot.cell()
                .borrow::<M>(verus_exec_expr!(Tracked(&res.meta)))
        })
    }

    /// The same handle, seen as another kind; the count does not change.
    ///
    /// # Errors
    /// The handle itself, if the metadata is not of that kind.
    #[verus_spec(r =>
        ensures match r {
            Ok(f) => f.paddr() == self.paddr() && f.share() == self.share(),
            Err(f) => f == self && !K2::admits(self.share().meta().ty()),
        },
    )]
    pub fn cast<K2: FrameKind>(self) -> Result<Frame<P, K2>, Self> {
        let ok = self.is_a::<K2>();
        if !ok {
            return Err(self);
        }
        let core = self.h.into_inner();
        proof! { use_type_invariant(&core); }
        let pa = core.pa;
        proof_decl! { let tracked s = core.share.get(); }
        proof_with! { Tracked(s) }
        let c = FrameCore::make(pa);
        Ok(Frame { h: Handle::new(c) })
    }

    /// The same handle, with the kind erased.
    #[verus_spec(r =>
        ensures r.paddr() == self.paddr(), r.share() == self.share(), K::admits(r.share().meta().ty()),
    )]
    pub fn into_dyn(self) -> DynFrame<P> {
        let core = self.h.into_inner();
        proof! { use_type_invariant(&core); }
        let pa = core.pa;
        proof_decl! { let tracked s = core.share.get(); }
        proof_with! { Tracked(s) }
        let c = FrameCore::make(pa);
        Frame { h: Handle::new(c) }
    }

    /// Moves this handle into a page-table entry; the count does not change.
    #[verus_spec(r =>
        with -> share: Tracked<Share<P>>
        ensures r == self.paddr(), slot_ok::<P>(r as int), share@.wf(slot_at::<P>(r as int).id()),
            share@.kind() is Pte, share@.meta() == self.share().meta(), K::admits(share@.meta().ty()),
    )]
    pub fn into_raw(self) -> Paddr {
        let core = self.h.into_inner();
        proof! { use_type_invariant(&core); }
        let pa = core.pa;
        proof_decl! { let tracked s = core.share.get().retag(slot_at::<P>(pa as int).id(), Kind::Pte); }
        proof_with! { |= Tracked(s) }
        pa
    }

    /// The inverse of [`Frame::into_raw`].
    ///
    /// # Safety
    /// `pa` came from `into_raw` of a handle of this kind (or `AnyMeta` is asked for), and is given
    /// back once.
    #[verus_spec(r =>
        with Tracked(share): Tracked<Share<P>>
        requires
            slot_ok::<P>(pa as int), share.wf(slot_at::<P>(pa as int).id()), K::admits(share.meta().ty()),
        ensures r.paddr() == pa, r.share().meta() == share.meta(),
    )]
    pub unsafe fn from_raw(pa: Paddr) -> Self {
        proof_with! { Tracked(share) }
        Self::from_share(pa)
    }

    /// A handle that borrows this one's share and does not touch the count.
    #[verus_spec(r => ensures r.paddr() == self.paddr())]
    pub fn borrow(&self) -> FrameRef<'_, P, K> {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        proof_with! { share: Tracked(core.share.borrow()) }
        FrameRef {
            pa: core.pa,
            kind: PhantomData,
        }
    }

    /// The frame exclusively, if this is the only share.
    ///
    /// # Errors
    /// The handle itself, if there is another share.
    #[verus_spec(r =>
        ensures match r {
            Ok(u) => u.paddr() == self.paddr() && u.meta_perm() == self.share().meta(),
            Err(f) => f.paddr() == self.paddr() && f.share() == self.share(),
        },
    )]
    pub fn try_into_unique(self) -> Result<UniqueFrame<P, K>, Self> {
        let core = self.h.into_inner();
        proof! { use_type_invariant(&core); }
        let pa = core.pa;
        proof_decl! { let tracked s = core.share.get(); let tracked mut out: Result<Excl<P>, Share<P>>; }
        proof_with! { Tracked(s) => Tracked(out) }
        let ok = slot_of::<P>(pa).try_unique();
        if ok {
            proof_decl! { let tracked e = match out { Ok(e) => e, Err(_) => proof_from_false() }; }
            proof_with! { Tracked(e) }
            let u = UniqueFrame::from_parts(pa);
            Ok(u)
        } else {
            proof_decl! { let tracked e = match out { Err(e) => e, Ok(_) => proof_from_false() }; }
            proof_with! { Tracked(e) }
            let c = FrameCore::make(pa);
            Err(Frame { h: Handle::new(c) })
        }
    }

    /// Drops this handle; of all who drop, exactly the last one gets the frame, exclusively.
    #[verus_spec(r => ensures r matches Some(u) ==> u.paddr() == self.paddr())]
    pub fn into_last(self) -> Option<UniqueFrame<P, K>> {
        let core = self.h.into_inner();
        proof! { use_type_invariant(&core); }
        let pa = core.pa;
        let slot = slot_of::<P>(pa);
        proof_decl! {
            let tracked s = core.share.get();
            let tracked mut e: Option<Excl<P>> = None;
            let tracked mut u: Excl<P>;
        }
        proof_with! { Tracked(s) => Tracked(e) }
        let last = slot.dec();
        if last {
            proof_with! { Tracked(e.tracked_unwrap()) => Tracked(u) }
            slot.make_unique();
            proof_with! { Tracked(u) }
            let u = UniqueFrame::from_parts(pa);
            Some(u)
        } else {
            None
        }
    }
}

#[verus_verify]
impl<P: Platform, K: FrameKind> Clone for Frame<P, K> {
    #[verus_spec(r => ensures r.paddr() == self.paddr(), r.share().meta() == self.share().meta())]
    fn clone(&self) -> Self {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        proof_decl! { let tracked mut t: Share<P>; }
        proof_with! { Tracked(core.share.borrow()) => Tracked(t) }
        slot_of::<P>(core.pa).inc();
        proof_with! { Tracked(t) }
        let c = FrameCore::make(core.pa);
        Frame { h: Handle::new(c) }
    }
}

/// A frame whose share is held elsewhere for `'a`: by a handle or by a page-table entry.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(K))]
pub struct FrameRef<'a, P: Platform, K: FrameKind> {
    pa: Paddr,
    kind: PhantomData<(&'a (), P, K)>,
    #[cfg(verus_keep_ghost_body)]
    share: Tracked<&'a Share<P>>,
}

#[verus_verify]
impl<'a, P: Platform, K: FrameKind> FrameRef<'a, P, K> {
    /// Borrows the frame of a mapped page-table entry.
    ///
    /// # Safety
    /// The entry holds a share of a frame of this kind (or `AnyMeta` is asked for) during `'a`.
    #[verus_spec(r =>
        with Tracked(share): Tracked<&'a Share<P>>
        requires
            slot_ok::<P>(pa as int), share.wf(slot_at::<P>(pa as int).id()), K::admits(share.meta().ty()),
        ensures r.paddr() == pa,
    )]
    pub unsafe fn borrow_paddr(pa: Paddr) -> Self {
        proof_with! { share: Tracked(share) }
        FrameRef {
            pa,
            kind: PhantomData,
        }
    }

    /// Physical address of the frame.
    #[verus_spec(r => ensures r == self.paddr())]
    pub fn start_paddr(&self) -> Paddr {
        self.pa
    }

    /// A handle of its own, with one share more.
    #[verus_spec(r => ensures r.paddr() == self.paddr())]
    pub fn to_frame(&self) -> Frame<P, K> {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked mut t: Share<P>; }
        proof_with! { Tracked(*self.share.borrow()) => Tracked(t) }
        slot_of::<P>(self.pa).inc();
        proof_with! { Tracked(t) }
        let c = FrameCore::make(self.pa);
        Frame { h: Handle::new(c) }
    }
}

#[verus_verify]
impl<'a, P: Platform, M: FrameMeta> FrameRef<'a, P, M> {
    /// The metadata.
    #[verus_spec]
    pub fn meta(&self) -> &M {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked res = (*self.share.borrow()).res(slot_at::<P>(self.pa as int).id()); }
        let slot = slot_of::<P>(self.pa);
        // SAFETY: this share keeps writers away, and the metadata is an `M` (type invariant).
        unsafe {
            slot.cell()
                .borrow::<M>(verus_exec_expr!(Tracked(&res.meta)))
        }
    }
}

impl<P: Platform, M: FrameMeta> From<Frame<P, M>> for DynFrame<P> {
    fn from(frame: Frame<P, M>) -> Self {
        frame.into_dyn()
    }
}

impl<P: Platform, M: FrameMeta> TryFrom<DynFrame<P>> for Frame<P, M> {
    type Error = DynFrame<P>;

    fn try_from(frame: DynFrame<P>) -> Result<Self, DynFrame<P>> {
        frame.cast()
    }
}
