//! The metadata cell of a frame, its type word, and the way to the static array of slots.
#![allow(dead_code)] // the bodies of opaque ghost types
use crate::bytes::RawPage;
#[cfg(verus_only)]
use crate::lock::has_slot;
use crate::order::UnsafeCell;
use crate::{Paddr, Platform};
use core::any::TypeId;
use core::marker::PhantomData;
use vstd::prelude::*;

verus! {

/// What a frame is used for: up to 16 bytes in its slot, of alignment up to 8 (checked when the
/// code is compiled).
pub trait FrameMeta: Sized + Send + Sync + 'static {
    /// Are the frame's bytes plain memory that anybody who has the frame may read and write?
    const UNTYPED: bool = false;

    /// Runs once, before the metadata is dropped, when the last share of the frame goes. A panic in
    /// it, or in the destructor of the metadata, aborts.
    fn on_drop(&mut self, frame: Paddr) {
        let _ = frame;
    }
}

/// A type of metadata, as the checker sees it.
pub ghost struct MetaTy {
    /// Which type.
    pub id: int,
    /// Is its frame untyped memory?
    pub untyped: bool,
}

/// The name of type `M`.
pub uninterp spec fn meta_ty<M>() -> MetaTy;

/// The type word and the 16 bytes of metadata. Reason: opaque, so that only the operations below
/// touch it. Test: frames::meta_round_trip.
#[verifier::external_body]
#[repr(C)]
pub struct MetaCell { ty: UnsafeCell<Option<&'static MetaVtable>>, bytes: UnsafeCell<[u64; 2]> }

/// The right to a metadata cell, shared or exclusive as the reference to it is.
/// Reason: opaque, so that it is neither forged nor copied. Test: frames::meta_round_trip.
#[verifier::external_body]
pub tracked struct MetaPerm { no_copy: NoCopy }
impl MetaPerm {
    /// The cell.
    pub uninterp spec fn cell(self) -> int;
    /// The type of what is in it, if anything is.
    pub uninterp spec fn ty(self) -> Option<MetaTy>;
    /// What is in it, if it is an `M`.
    pub uninterp spec fn value<M>(self) -> M;
    /// Is there an `M` in it?
    pub open spec fn has_a<M>(self) -> bool { self.ty() == Some(meta_ty::<M>()) }
}

impl MetaCell {
    /// The cell's name.
    pub uninterp spec fn id(&self) -> int;

    /// An empty cell. Reason: a new value has no other user. Test: frames::boot_makes_frames.
    #[inline(always)]
    #[verifier::external_body]
    pub fn new() -> (r: (MetaCell, Tracked<MetaPerm>))
        ensures r.1@.cell() == r.0.id(), r.1@.ty() is None,
        opens_invariants none
        no_unwind
    { (MetaCell { ty: UnsafeCell::new(None), bytes: UnsafeCell::new([0; 2]) }, Tracked::assume_new()) }

    /// Puts `m` into the cell; what was there is forgotten, not dropped. Reason: exclusive access;
    /// size and alignment are checked when compiled. Test: frames::meta_round_trip.
    ///
    /// # Safety
    /// The `requires` clause, for callers the checker does not see: nobody else uses the cell
    /// meanwhile.
    #[inline(always)]
    #[verifier::external_body]
    pub unsafe fn write<M: FrameMeta>(&self, Tracked(p): Tracked<&mut MetaPerm>, m: M)
        requires old(p).cell() == self.id(),
        ensures final(p).cell() == self.id(), final(p).has_a::<M>(), final(p).value::<M>() == m,
        opens_invariants none
        no_unwind
    {
        const { assert!(size_of::<M>() <= 16 && align_of::<M>() <= 8) }
        // SAFETY: the permission is exclusive, and an `M` fits.
        self.bytes.with_mut(|b| unsafe { b.cast::<M>().write(m) });
        // SAFETY: the permission is exclusive.
        self.ty.with_mut(|t| unsafe { *t = Some(VtableOf::<M>::TABLE) });
    }

    /// Is there an `M` in the cell? And is the frame untyped memory? Reason: compares type identities;
    /// the second is what the type says. Test: frames::dyn_conversions.
    ///
    /// # Safety
    /// The `requires` clause, for callers the checker does not see: nobody writes to the cell
    /// meanwhile.
    #[inline(always)]
    #[verifier::external_body]
    pub unsafe fn kind<M: FrameMeta>(&self, Tracked(p): Tracked<&MetaPerm>) -> (r: (bool, bool))
        requires p.cell() == self.id(),
        ensures r.0 == p.has_a::<M>(), r.1 == (p.ty() matches Some(t) && t.untyped),
        opens_invariants none
        no_unwind
    {
        // SAFETY: the permission excludes writers.
        let ty = self.ty.with(|t| unsafe { *t });
        ty.map_or((false, false), |t| (t.id == TypeId::of::<M>(), t.untyped))
    }

    /// The `M` in the cell. Reason: the permission excludes writers and says that it is an `M`.
    /// Test: frames::meta_round_trip.
    ///
    /// # Safety
    /// The `requires` clause, for callers the checker does not see: an `M` is in the cell, and
    /// nobody writes to it during `'a`.
    #[inline(always)]
    #[verifier::external_body]
    pub unsafe fn borrow<'a, M: FrameMeta>(&'a self, Tracked(p): Tracked<&'a MetaPerm>) -> (r: &'a M)
        requires p.cell() == self.id(), p.has_a::<M>(),
        ensures *r == p.value::<M>(),
        opens_invariants none
        no_unwind
    {
        // SAFETY: an `M` is there, and nobody writes while the permission is borrowed.
        self.bytes.with(|b| unsafe { &*b.cast::<M>() })
    }

    /// The `M` in the cell, to be changed. Reason: as `borrow`, exclusively.
    /// Test: frames::unique_meta_mut.
    ///
    /// # Safety
    /// The `requires` clause, for callers the checker does not see: an `M` is in the cell, and
    /// nobody else uses it during `'a`.
    #[inline(always)]
    #[verifier::external_body]
    #[allow(clippy::mut_from_ref)] // the exclusive reference is the permission
    pub unsafe fn borrow_mut<'a, M: FrameMeta>(&'a self, Tracked(p): Tracked<&'a mut MetaPerm>) -> (r: &'a mut M)
        requires old(p).cell() == self.id(), old(p).has_a::<M>(),
        ensures *r == old(p).value::<M>(), final(p).cell() == self.id(), final(p).has_a::<M>(),
            final(p).value::<M>() == *final(r),
        opens_invariants none
        no_unwind
    {
        // SAFETY: an `M` is there, and the permission is exclusively borrowed.
        self.bytes.with_mut(|b| unsafe { &mut *b.cast::<M>() })
    }

    /// Runs the destructor of what is in the cell of frame `pa`, if anything is, and empties it.
    /// Reason: exclusive access; the type word names the destructor; it cannot unwind.
    /// Test: frames::on_drop_runs_once.
    ///
    /// # Safety
    /// The `requires` clause, for callers the checker does not see: nobody else uses the cell
    /// meanwhile, and nobody uses what was in it afterwards.
    #[inline(always)]
    #[verifier::external_body]
    pub unsafe fn destroy(&self, Tracked(p): Tracked<&mut MetaPerm>, pa: Paddr)
        requires old(p).cell() == self.id(),
        ensures final(p).cell() == self.id(), final(p).ty() is None,
        opens_invariants none
        no_unwind
    {
        // SAFETY: the permission is exclusive.
        let ty = self.ty.with_mut(|t| unsafe { (*t).take() });
        if let Some(t) = ty {
            // SAFETY: the type word belongs to the value, which nobody can reach any more.
            self.bytes.with_mut(|b| unsafe { (t.destroy)(b.cast(), pa) })
        }
    }
}

/// A type that the static array of slots holds.
///
/// # Safety
/// It is 32 bytes, of alignment at most 32, and valid (for ever busy) when all are zero.
pub unsafe trait Slot<P: Platform>: Sized + Sync + 'static {
    /// The physical address of the frame that this slot describes.
    spec fn home(&self) -> int;
}

/// The slot of the frame at `pa`: the one that was placed there, or one that stays busy for ever.
pub uninterp spec fn slot_spec<P: Platform, T: Slot<P>>(pa: int) -> T;

/// The slot of the frame at `pa`. Reason: the array has a slot for each frame below `MAX_PADDR`;
/// a slot that was never placed is zero, which reads as busy, and whose owner is nobody.
/// Test: frames::get_frame_errors.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is the address of a frame that
/// has a slot, and the machine's slots are of type `T`.
#[inline(always)]
#[verifier::external_body]
pub unsafe fn slot<P: Platform, T: Slot<P>>(pa: Paddr) -> (r: &'static T)
    requires has_slot::<P>(pa as int),
    ensures *r == slot_spec::<P, T>(pa as int), r.home() == pa,
    opens_invariants none
    no_unwind
{
    const { assert!(size_of::<T>() == 32 && align_of::<T>() <= 32) }
    let p = core::ptr::with_exposed_provenance::<T>(P::META_BASE + (pa >> 7));
    // SAFETY: in the array, by the precondition; the array lives for ever.
    unsafe { &*p }
}

/// The right to fill the slot of one frame, once. Reason: opaque; comes from `Unclaimed` only.
/// Test: frames::boot_makes_frames.
#[verifier::external_body]
#[verifier::accept_recursive_types(P)]
pub tracked struct Vacant<P: Platform> { no_copy: NoCopy, p: PhantomData<P> }

impl<P: Platform> Vacant<P> {
    /// The frame.
    pub uninterp spec fn paddr(self) -> int;
}

/// Frames that nobody has owned yet, by address, with the right to fill their slots. Whoever boots the
/// machine gives it, once.
#[verifier::reject_recursive_types(P)]
pub tracked struct Unclaimed<P: Platform> {
    /// Memory and slot of each.
    pub frames: Map<int, (RawPage<P>, Vacant<P>)>,
}

impl<P: Platform> Unclaimed<P> {
    /// Addresses of the frames.
    pub open spec fn view(self) -> Set<int> { self.frames.dom() }

    /// Each is what its address says, and has a slot.
    pub open spec fn wf(self) -> bool {
        forall|pa: int| #[trigger] self.frames.dom().contains(pa) ==> {
            &&& has_slot::<P>(pa)
            &&& self.frames[pa].0.paddr() == pa && self.frames[pa].1.paddr() == pa
        }
    }

    /// Takes one frame out, with its slot.
    pub proof fn take(tracked &mut self, pa: int) -> (tracked r: (RawPage<P>, Vacant<P>))
        requires old(self).wf(), old(self)@.contains(pa),
        ensures final(self).wf(), final(self)@ == old(self)@.remove(pa),
            r.0.paddr() == pa, r.1.paddr() == pa, has_slot::<P>(pa),
    {
        self.frames.tracked_remove(pa)
    }
}

/// Puts `t` into the array as the slot of the frame at `pa`. Reason: `Vacant` makes it happen once,
/// and before anybody else looks at the slot. Test: frames::boot_makes_frames.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is the address of a frame
/// whose slot nobody uses yet.
#[verifier::external_body]
pub unsafe fn place<P: Platform, T: Slot<P>>(pa: Paddr, t: T, Tracked(v): Tracked<Vacant<P>>)
    requires v.paddr() == pa, t.home() == pa,
    ensures t == slot_spec::<P, T>(pa as int),
    opens_invariants none
    no_unwind
{
    const { assert!(size_of::<T>() == 32 && align_of::<T>() <= 32) }
    const {
        assert!(P::MAX_PADDR % 4096 == 0 && P::MAX_PADDR <= 1 << 52 && P::META_BASE % 32 == 0);
        assert!(P::LINEAR_BASE % 4096 == 0 && P::LINEAR_BASE > 0 && P::LINEAR_BASE <= usize::MAX - P::MAX_PADDR);
        assert!(1 <= P::NR_CPUS && P::NR_CPUS <= 64);
    }
    let p = core::ptr::with_exposed_provenance_mut::<T>(P::META_BASE + (pa >> 7));
    // SAFETY: in the array, and nobody else uses this slot yet.
    unsafe { p.write(t) }
}

} // verus!

/// What the type word points at.
struct MetaVtable {
    id: TypeId,
    untyped: bool,
    destroy: unsafe extern "C" fn(*mut u8, Paddr),
}

/// Where the table of `M` is.
struct VtableOf<M>(PhantomData<M>);

impl<M: FrameMeta> VtableOf<M> {
    const TABLE: &'static MetaVtable = &MetaVtable {
        id: TypeId::of::<M>(),
        untyped: M::UNTYPED,
        destroy: destroy_meta::<M>,
    };
}

/// `extern "C"`, so that a panic aborts and never unwinds through a drop.
///
/// # Safety
/// `p` points at an `M` that nobody uses afterwards.
unsafe extern "C" fn destroy_meta<M: FrameMeta>(p: *mut u8, pa: Paddr) {
    // SAFETY: the caller's promise.
    unsafe {
        (*p.cast::<M>()).on_drop(pa);
        p.cast::<M>().drop_in_place()
    }
}

#[cfg(not(feature = "loom"))]
const _: () = assert!(core::mem::offset_of!(MetaCell, bytes) == 8 && size_of::<MetaCell>() == 24);

// SAFETY: every access needs a `MetaPerm`, which is shared only as `&MetaPerm`; what is in the cell
// is `Send` and `Sync`.
unsafe impl Sync for MetaCell {}
// SAFETY: as above.
unsafe impl Send for MetaCell {}
