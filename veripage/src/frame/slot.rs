//! One frame's slot: the reference-count word, the metadata cell, and the invariant that owns the
//! frame whenever nobody holds it exclusively.
//!
//! States of the word: UNUSED, UNIQUE, busy, shared `n`. All that moves between them is here.
#![allow(clippy::unused_unit)] // ghost outputs are attached to the last expression
use super::seat::Seat;
#[cfg(verus_only)]
use super::sm::*;
use core::marker::PhantomData;
#[cfg(not(any(verus_only, feature = "loom")))]
use core::mem::offset_of;
#[cfg(verus_only)]
use veripage_hw::bytes::RawPage;
use veripage_hw::count::*;
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use veripage_hw::meta::{slot, FrameMeta, MetaCell, Slot};
#[cfg(verus_only)]
use veripage_hw::meta::{slot_spec, MetaPerm};
use veripage_hw::{Paddr, Platform, SlotByte};
#[cfg(verus_only)]
use vstd::invariant::*;
use vstd::open_atomic_invariant;
use vstd::prelude::*;
#[cfg(verus_only)]
use vstd::resource::frac_opt::*;
#[cfg(verus_only)]
use vstd::resource::Loc;
#[cfg(verus_only)]
use vstd::tokens::*;

/// The slot of one frame in the static array: 32 bytes. The lock and live bytes are reached by
/// address (`veripage_hw::lock`); here they have their place. The seat says which list the frame is in.
#[allow(dead_code)]
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[repr(C)]
pub struct MetaSlot<P: Platform> {
    rc: RcCell,
    lock: SlotByte,
    live: SlotByte,
    seat: Seat<P>,
    meta: MetaCell,
    platform: PhantomData<P>,
    #[cfg(verus_keep_ghost_body)]
    g: Tracked<SlotGhost<P>>,
}

#[cfg(not(feature = "loom"))]
const _: () = assert!(size_of::<RcCell>() == 4 && size_of::<MetaCell>() == 24);

#[cfg(not(any(verus_only, feature = "loom")))]
impl<P: Platform> MetaSlot<P> {
    /// The bytes lie where `veripage_hw::lock` reaches them. Looked at in [`MetaSlot::new`], so for
    /// every machine that has a slot.
    const LAYOUT: () = {
        use veripage_hw::lock::{SLOT_LIVE, SLOT_LOCK, SLOT_SIZE};
        assert!(offset_of!(Self, rc) == 0 && offset_of!(Self, lock) == SLOT_LOCK);
        assert!(offset_of!(Self, live) == SLOT_LIVE && offset_of!(Self, meta) == 8);
        assert!(offset_of!(Self, seat) == 6);
        assert!(size_of::<Self>() == SLOT_SIZE && align_of::<Self>() == 8);
    };
}

verus! {

// SAFETY: 32 bytes in `repr(C)`; all zero is a busy frame without metadata.
unsafe impl<P: Platform> Slot<P> for MetaSlot<P> {
    open(crate) spec fn home(&self) -> int { self.id().pa }
}

} // verus!

#[cfg(verus_only)]
#[path = "slot.spec.rs"]
mod ghost;
#[cfg(verus_only)]
pub use ghost::*;

/// The slot of the frame at `pa`.
#[inline(always)]
#[verus_spec(r =>
    requires has_slot::<P>(pa as int),
    ensures *r == slot_at::<P>(pa as int), r.id().pa == pa,
    no_unwind
)]
pub(crate) fn slot_of<P: Platform>(pa: Paddr) -> &'static MetaSlot<P> {
    // SAFETY: the frame has a slot (`requires`), and slots are of this type.
    unsafe { slot::<P, MetaSlot<P>>(pa) }
}

#[verus_verify]
impl<P: Platform> MetaSlot<P> {
    /// The slot of an unused frame, which owns the frame.
    #[verus_spec(r =>
        with Tracked(page): Tracked<RawPage<P>>
        ensures r.id().pa == page.paddr(),
    )]
    pub(crate) fn new() -> MetaSlot<P> {
        #[cfg(not(any(verus_only, feature = "loom")))]
        const {
            Self::LAYOUT
        }
        let (meta, _mp) = MetaCell::new();
        proof_decl! { let tracked mp = _mp.get(); }
        proof_decl! { let tracked res = FrameRes { page, meta: mp }; }
        let (rc, _perm, _parked, _ledger) = RcCell::new(UNUSED, verus_exec_expr!(Tracked(res)));
        proof_decl! { let tracked (perm, parked, ledger) = (_perm.get(), _parked.get(), _ledger.get()); }
        proof_decl! {
            let tracked (Tracked(inst), Tracked(st), _, _, _, _) = SlotSM::Instance::boot();
            let ghost pa = parked@.page.paddr();
            let tracked frac = Frac::new(parked);
            let ghost id = SlotId {
                rc: rc.id(), meta: meta.id(), inst: inst.id(), frac: frac.id(), pa,
            };
            let tracked v = SlotInv { perm, st, frac: Some(frac), ledger: Some(ledger) };
            let tracked inv = AtomicInvariant::new(id, v, 0);
        }
        proof_with! { Ghost(pa), Ghost(names::<P>()) }
        let seat = Seat::new();
        proof_with! { g: Tracked(SlotGhost { inst, inv }) }
        MetaSlot {
            rc,
            lock: SlotByte::new(),
            live: SlotByte::new(),
            seat,
            meta,
            platform: PhantomData,
        }
    }

    /// UNUSED -> busy: the caller becomes the exclusive owner. An error gives the word seen.
    #[verus_spec(r =>
        with -> excl: Tracked<Option<Excl<P>>>
        ensures r is Ok ==> (excl@ matches Some(e) && e.wf(self.id())),
    )]
    pub(crate) fn claim(&self) -> Result<(), u32> {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked mut out: Option<Excl<P>> = None; }
        let r;
        open_atomic_invariant!(&self.g.borrow().inv => v => {
            proof { assert(SlotPred::inv(self.id(), v)); } // also orders the proof after the impl of `SlotPred`
            let tracked SlotInv { mut perm, mut st, mut frac, mut ledger } = v;
            let (res, Tracked(acq)) = self.rc.cas_acquire(Tracked(&mut perm), UNUSED, BUSY);
            proof {
                if res is Ok {
                    let tracked tok = self.g.borrow().inst.claim(&mut st);
                    let tracked (parked, empty) = frac.tracked_unwrap().take_resource();
                    out = Some(Excl { tok, empty, res: parked.recv(ledger.tracked_unwrap(), None, &acq) });
                    frac = None;
                    ledger = None;
                }
                v = SlotInv { perm, st, frac, ledger };
            }
            r = res;
        });
        proof_with! { |= Tracked(out) }
        match r {
            Ok(_) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Busy -> UNIQUE: the claimer stays the exclusive owner.
    #[verus_spec(
        with Tracked(excl): Tracked<Excl<P>> -> out: Tracked<Excl<P>>
        requires excl.wf(self.id()),
        ensures out@.wf(self.id()), out@.res == excl.res,
        no_unwind
    )]
    pub(crate) fn make_unique(&self) {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked Excl { mut tok, empty, res } = excl; }
        open_atomic_invariant!(&self.g.borrow().inv => v => {
            proof { assert(SlotPred::inv(self.id(), v)); } // also orders the proof after the impl of `SlotPred`
            let tracked SlotInv { mut perm, mut st, mut frac, mut ledger } = v;
            proof { self.g.borrow().inst.excl_is_excl(&st, &tok); }
            let _ = self.rc.store_release(Tracked(&mut perm), UNIQUE, Tracked(()));
            proof {
                self.g.borrow().inst.be_unique(&mut st, &tok);
                v = SlotInv { perm, st, frac, ledger };
            }
        });
        proof_decl! { let tracked out = Excl { tok, empty, res }; }
        proof_with! { |= Tracked(out) }
        ()
    }

    /// Busy or UNIQUE -> 1: the exclusive owner becomes the first share.
    #[verus_spec(
        with Tracked(excl): Tracked<Excl<P>> -> share: Tracked<Share<P>>
        requires excl.wf(self.id()),
        ensures share@.wf(self.id()), share@.kind() is Handle, share@.meta() == excl.res.meta,
        no_unwind
    )]
    pub(crate) fn publish(&self) {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked Excl { mut tok, empty, res } = excl; }
        proof_decl! { let tracked mut out: Option<Share<P>> = None; }
        open_atomic_invariant!(&self.g.borrow().inv => v => {
            proof { assert(SlotPred::inv(self.id(), v)); } // also orders the proof after the impl of `SlotPred`
            let tracked SlotInv { mut perm, mut st, mut frac, mut ledger } = v;
            proof { self.g.borrow().inst.excl_is_excl(&st, &tok); }
            let (Tracked(parked), Tracked(led), Tracked(acq)) = self.rc.store_release(Tracked(&mut perm), 1, Tracked(res));
            proof {
                let w: nat = 0;
                let tracked h = self.g.borrow().inst.share(&mut st, tok);
                let tracked mut f = empty.put_resource(parked);
                lemma_rest(w);
                let tracked mine = f.split_to(delta());
                let tracked mut g = led;
                out = Some(Share { tok: STok::H(h), frac: mine, lease: g.lend(&acq), inst: self.g.borrow().inst.clone() });
                v = SlotInv { perm, st, frac: Some(f), ledger: Some(g) };
            }
        });
        proof_decl! { let tracked share = out.tracked_unwrap(); }
        proof_with! { |= Tracked(share) }
        ()
    }

    /// Busy or UNIQUE -> UNUSED: the frame goes back to the slot.
    #[verus_spec(
        with Tracked(excl): Tracked<Excl<P>>
        requires excl.wf(self.id()),
        no_unwind
    )]
    pub(crate) fn retire(&self) {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked Excl { mut tok, empty, res } = excl; }
        open_atomic_invariant!(&self.g.borrow().inv => v => {
            proof { assert(SlotPred::inv(self.id(), v)); } // also orders the proof after the impl of `SlotPred`
            let tracked SlotInv { mut perm, mut st, mut frac, mut ledger } = v;
            proof { self.g.borrow().inst.excl_is_excl(&st, &tok); }
            let (Tracked(parked), Tracked(g), _) = self.rc.store_release(Tracked(&mut perm), UNUSED, Tracked(res));
            proof {
                self.g.borrow().inst.retire(&mut st, tok);
                v = SlotInv { perm, st, frac: Some(empty.put_resource(parked)), ledger: Some(g) };
            }
        });
    }

    /// n -> n + 1 by somebody who has a share already. Aborts at [`MAX_SHARES`].
    #[verus_spec(
        with Tracked(share): Tracked<&Share<P>> -> new: Tracked<Share<P>>
        requires share.wf(self.id()),
        ensures new@.wf(self.id()), new@.kind() is Handle, new@.meta() == share.meta(),
        no_unwind
    )]
    pub(crate) fn inc(&self) {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked mut out: Option<Share<P>> = None; }
        open_atomic_invariant!(&self.g.borrow().inv => v => {
            proof { assert(SlotPred::inv(self.id(), v)); } // also orders the proof after the impl of `SlotPred`
            let tracked SlotInv { mut perm, mut st, mut frac, mut ledger } = v;
            proof { share.tok.is_shared(&self.g.borrow().inst, &st); }
            let tracked mut f = frac.tracked_unwrap();
            let tracked mut g = ledger.tracked_unwrap();
            proof { f.agree(&share.frac); }
            let (_, Tracked(lease)) = self.rc.inc_or_abort_relaxed(Tracked(&mut perm), Tracked(&mut g), Tracked(&share.lease));
            proof {
                let w = st.value()->Shared_0;
                let tracked tok = self.g.borrow().inst.inc(&mut st);
                lemma_rest(w);
                let tracked mine = f.split_to(delta());
                out = Some(Share { tok: STok::H(tok), frac: mine, lease, inst: self.g.borrow().inst.clone() });
                v = SlotInv { perm, st, frac: Some(f), ledger: Some(g) };
            }
        });
        proof_decl! { let tracked new = out.tracked_unwrap(); }
        proof_with! { |= Tracked(new) }
        ()
    }

    /// n -> n + 1 by somebody who has nothing. An error gives the word seen.
    #[verus_spec(r =>
        with -> new: Tracked<Option<Share<P>>>
        ensures r is Ok ==> (new@ matches Some(s) && s.wf(self.id()) && s.kind() is Handle),
    )]
    #[cfg_attr(verus_only, verifier::exec_allows_no_decreases_clause)]
    pub(crate) fn try_inc(&self) -> Result<(), u32> {
        proof_decl! { let tracked mut out: Option<Share<P>> = None; }
        let mut seen = self.rc.load_hint();
        let ret: Result<(), u32>;
        #[cfg_attr(verus_only, verus_spec(
            invariant_except_break out is None,
            ensures ret is Ok ==> (out matches Some(s) && s.wf(self.id()) && s.kind() is Handle)
        ))]
        loop {
            proof! { use_type_invariant(self); }
            if seen == BUSY || seen >= MAX_SHARES {
                ret = Err(seen);
                break;
            }
            let r;
            open_atomic_invariant!(&self.g.borrow().inv => v => {
                proof { assert(SlotPred::inv(self.id(), v)); } // also orders the proof after the impl of `SlotPred`
                let tracked SlotInv { mut perm, mut st, mut frac, mut ledger } = v;
                let (res, Tracked(acq)) = self.rc.cas_acquire(Tracked(&mut perm), seen, seen + 1);
                proof {
                    if res is Ok {
                        let w = st.value()->Shared_0;
                        let tracked tok = self.g.borrow().inst.inc(&mut st);
                        let tracked mut f = frac.tracked_unwrap();
                        lemma_rest(w);
                        let tracked mine = f.split_to(delta());
                        let tracked mut g = ledger.tracked_unwrap();
                        out = Some(Share { tok: STok::H(tok), frac: mine, lease: g.lend(&acq), inst: self.g.borrow().inst.clone() });
                        frac = Some(f);
                        ledger = Some(g);
                    }
                    v = SlotInv { perm, st, frac, ledger };
                }
                r = res;
            });
            match r {
                Ok(_) => {
                    ret = Ok(());
                    break;
                }
                Err(now) => seen = now,
            }
        }
        proof_with! { |= Tracked(out) }
        ret
    }

    /// n -> n - 1; true if this was the last share, and the caller is now the exclusive owner.
    #[verus_spec(r =>
        with Tracked(share): Tracked<Share<P>> -> excl: Tracked<Option<Excl<P>>>
        requires share.wf(self.id()),
        ensures r ==> (excl@ matches Some(e) && e.wf(self.id()) && e.res.meta == share.meta()),
        no_unwind
    )]
    pub(crate) fn dec(&self) -> bool {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked Share { tok, frac: mine, lease, .. } = share; }
        proof_decl! { let tracked tok = tok.handle(&self.g.borrow().inst); }
        proof_decl! { let tracked mut last: Option<(SlotSM::excl, Parked<P>, Empty<Parked<P>>, Ledger)> = None; }
        let old;
        let _saw;
        open_atomic_invariant!(&self.g.borrow().inv => v => {
            proof { assert(SlotPred::inv(self.id(), v)); } // also orders the proof after the impl of `SlotPred`
            let tracked SlotInv { mut perm, mut st, mut frac, mut ledger } = v;
            proof { self.g.borrow().inst.handle_is_shared(&st, &tok); }
            let tracked mut f = frac.tracked_unwrap();
            let tracked mut g = ledger.tracked_unwrap();
            proof { f.agree(&mine); }
            let (o, acq) = self.rc.dec_release(Tracked(&mut perm), Tracked(&mut g), Tracked(lease));
            proof {
                lemma_rest((st.value()->Shared_0 - 1) as nat);
                lemma_rest(0);
                f.combine(mine);
                if o == 1 {
                    let tracked e = self.g.borrow().inst.last(false, &mut st, tok);
                    let tracked (parked, empty) = f.take_resource();
                    last = Some((e, parked, empty, g));
                    frac = None;
                    ledger = None;
                } else {
                    self.g.borrow().inst.dec(&mut st, tok);
                    frac = Some(f);
                    ledger = Some(g);
                }
                v = SlotInv { perm, st, frac, ledger };
            }
            old = o;
            _saw = acq;
        });
        let was_last = old == 1;
        proof_decl! {
            let tracked excl = if was_last {
                let tracked (tok, parked, empty, g) = last.tracked_unwrap();
                Some(Excl { tok, empty, res: parked.recv(g, None, _saw.borrow()) })
            } else {
                None
            };
        }
        proof_with! { |= Tracked(excl) }
        was_last
    }

    /// 1 -> UNIQUE if the caller's share is the only one.
    #[verus_spec(r =>
        with Tracked(share): Tracked<Share<P>> -> out: Tracked<Result<Excl<P>, Share<P>>>
        requires share.wf(self.id()),
        ensures
            r ==> (out@ matches Ok(e) && e.wf(self.id()) && e.res.meta == share.meta()),
            !r ==> (out@ matches Err(s) && s == share),
    )]
    pub(crate) fn try_unique(&self) -> bool {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked mut back: Option<Share<P>> = None; }
        proof_decl! { let tracked mut got: Option<Excl<P>> = None; }
        let r;
        open_atomic_invariant!(&self.g.borrow().inv => v => {
            proof { assert(SlotPred::inv(self.id(), v)); } // also orders the proof after the impl of `SlotPred`
            let tracked SlotInv { mut perm, mut st, mut frac, mut ledger } = v;
            let (res, Tracked(acq)) = self.rc.cas_acquire(Tracked(&mut perm), 1, UNIQUE);
            proof {
                share.tok.is_shared(&self.g.borrow().inst, &st);
                if res is Ok {
                    let tracked Share { tok, frac: mine, lease, .. } = share;
                    let tracked tok = tok.handle(&self.g.borrow().inst);
                    let tracked e = self.g.borrow().inst.last(true, &mut st, tok);
                    lemma_rest(0);
                    let tracked mut f = frac.tracked_unwrap();
                    f.combine(mine);
                    let tracked (parked, empty) = f.take_resource();
                    got = Some(Excl { tok: e, empty, res: parked.recv(ledger.tracked_unwrap(), Some(lease), &acq) });
                    frac = None;
                    ledger = None;
                } else {
                    back = Some(share);
                }
                v = SlotInv { perm, st, frac, ledger };
            }
            r = res;
        });
        let ok = r.is_ok();
        proof_decl! {
            let tracked out: Result<Excl<P>, Share<P>> = if ok { Ok(got.tracked_unwrap()) } else { Err(back.tracked_unwrap()) };
        }
        proof_with! { |= Tracked(out) }
        ok
    }

    /// The word, which may have changed already.
    #[verus_spec]
    pub(crate) fn count_hint(&self) -> u32 {
        self.rc.load_hint()
    }

    /// Which list the frame is in.
    #[verus_spec(r =>
        ensures *r == self.seat_spec(), r.id().pa == self.id().pa, r.id().names == names::<P>(),
        no_unwind
    )]
    #[inline(always)]
    pub(crate) fn seat(&self) -> &Seat<P> {
        proof! { use_type_invariant(self); }
        &self.seat
    }

    /// The metadata cell; its permission is with the frame's owner or shares.
    #[verus_spec(r => ensures r.id() == self.id().meta, no_unwind)]
    #[inline(always)]
    pub(crate) fn cell(&self) -> &MetaCell {
        proof! { use_type_invariant(self); }
        &self.meta
    }

    /// Puts `m` into the metadata; what was there is forgotten.
    #[verus_spec(
        with Tracked(excl): Tracked<&mut Excl<P>>
        requires old(excl).wf(self.id()),
        ensures final(excl).wf(self.id()), final(excl).res.meta.has_a::<M>(), final(excl).res.meta.value::<M>() == m,
            final(excl).res.page == old(excl).res.page,
        no_unwind
    )]
    #[inline(always)]
    pub(crate) fn set_meta<M: FrameMeta>(&self, m: M) {
        proof! { use_type_invariant(self); }
        // SAFETY: the caller owns the frame (`excl`).
        unsafe {
            self.meta
                .write(verus_exec_expr!(Tracked(&mut excl.res.meta)), m)
        }
    }

    /// Runs the destructor of the metadata of this slot's frame, `pa`.
    #[verus_spec(
        with Tracked(excl): Tracked<&mut Excl<P>>
        requires old(excl).wf(self.id()),
        ensures final(excl).wf(self.id()), final(excl).res.meta.ty() is None,
            final(excl).res.page == old(excl).res.page,
        no_unwind
    )]
    #[inline(always)]
    pub(crate) fn destroy_meta(&self, pa: Paddr) {
        proof! { use_type_invariant(self); }
        // SAFETY: the caller owns the frame (`excl`), and with it what is in the cell.
        unsafe {
            self.meta
                .destroy(verus_exec_expr!(Tracked(&mut excl.res.meta)), pa)
        }
    }
}
