//! Runs of contiguous frames with one share each: [`Segment`].
use super::error::*;
use super::kind::*;
use super::shared::*;
use super::slot::*;
use core::marker::PhantomData;
use core::ops::Range;
use veripage_hw::handle::*;
use veripage_hw::meta::FrameMeta;
use veripage_hw::{Paddr, Platform, Vaddr, PAGE_SIZE};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "segment.spec.rs"]
mod spec;
#[cfg(verus_only)]
pub use spec::*;

/// The droppable part of [`Segment`]: the frames of `start..end`.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(K))]
pub(crate) struct SegCore<P: Platform, K: FrameKind> {
    start: Paddr,
    end: Paddr,
    kind: PhantomData<(P, K)>,
    #[cfg(verus_keep_ghost_body)]
    shares: Tracked<Map<int, Share<P>>>,
}

/// One share of each frame of a contiguous run, whose metadata is of kind `K`.
///
/// Dropping it gives every share up once. It may be empty only as a slice or the rest of an
/// iteration.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(K))]
pub struct Segment<P: Platform, K: FrameKind> {
    h: Handle<SegCore<P, K>>,
}

/// A run of frames with any metadata.
pub type DynSegment<P> = Segment<P, AnyMeta>;
/// A run of frames of plain memory.
pub type USegment<P> = Segment<P, UntypedMeta>;

#[verus_verify]
impl<P: Platform, K: FrameKind> SegCore<P, K> {
    #[verus_spec(r =>
        with Tracked(shares): Tracked<Map<int, Share<P>>>
        requires covers::<P, K>(shares, start as int, end as int),
        ensures r.start() == start, r.end() == end, r.shares() == shares,
        no_unwind
    )]
    fn make(start: Paddr, end: Paddr) -> SegCore<P, K> {
        proof_with! { shares: Tracked(shares) }
        SegCore {
            start,
            end,
            kind: PhantomData,
        }
    }
}

/// A segment over the frames of `from..to`, of which somebody holds shares for the whole call, by any key:
/// one share more of each.
#[verus_spec(r =>
    with Tracked(held): Tracked<&Map<int, Share<P>>>, Ghost(key): Ghost<Key>
    requires run_of::<P>(from as int, to as int), lends::<P, K>(*held, key, from as int, to as int),
    ensures r.start() == from, r.end() == to,
)]
pub(crate) fn share_run<P: Platform, K: FrameKind>(from: Paddr, to: Paddr) -> Segment<P, K> {
    proof_decl! { let tracked mut shares: Map<int, Share<P>> = Map::tracked_empty(); }
    let mut pa = from;
    #[cfg_attr(verus_only, verus_spec(
        invariant
            from <= pa <= to, pa as int % 4096 == 0, run_of::<P>(from as int, to as int),
            lends::<P, K>(*held, key, from as int, to as int),
            covers::<P, K>(shares, from as int, pa as int),
        decreases to - pa
    ))]
    while pa < to {
        proof_decl! { let tracked mut t: Share<P>; }
        proof! { assert(frames_in(pa as int, from as int, to as int)); }
        let slot = slot_of::<P>(pa);
        proof_with! { Tracked(held.tracked_borrow(key(pa as int))) => Tracked(t) }
        slot.inc();
        proof! { shares.tracked_insert(pa as int, t.retag(slot.id(), Kind::Cover)); }
        pa += PAGE_SIZE;
    }
    proof_with! { Tracked(shares) }
    let c = SegCore::make(from, to);
    Segment { h: Handle::new(c) }
}

#[verus_verify]
impl<P: Platform, K: FrameKind> Release for SegCore<P, K> {
    #[verus_spec]
    fn release(self) {
        proof! { use_type_invariant(&self); }
        let (start, end) = (self.start, self.end);
        proof_decl! { let tracked mut shares = self.shares.get(); }
        let mut pa = start;
        #[cfg_attr(verus_only, verus_spec(
            invariant start <= pa <= end, covers::<P, K>(shares, pa as int, end as int),
            decreases end - pa
        ))]
        while pa < end {
            proof! { lemma_all_first::<P, K>(shares, pa as int, end as int, Kind::Cover); }
            proof_decl! { let tracked s = shares.tracked_remove(pa as int); }
            proof_with! { Tracked(s) }
            release_share::<P>(pa);
            pa += PAGE_SIZE;
        }
    }
}

/// Is `range` a run of frames?
///
/// # Errors
/// `NotAligned`, `OutOfBound` or `Empty` (a reversed range is empty).
#[verus_spec(r =>
    ensures r is Ok ==> run_of::<P>(range.start as int, range.end as int) && range.start < range.end,
)]
fn check_range<P: Platform>(range: &Range<Paddr>) -> Result<(), GetFrameError> {
    if range.start % PAGE_SIZE != 0 {
        return Err(GetFrameError::NotAligned(range.start));
    }
    if range.end % PAGE_SIZE != 0 {
        return Err(GetFrameError::NotAligned(range.end));
    }
    if range.end > P::MAX_PADDR {
        return Err(GetFrameError::OutOfBound(range.end));
    }
    if range.start >= range.end {
        return Err(GetFrameError::Empty(range.start));
    }
    Ok(())
}

#[verus_verify]
impl<P: Platform, M: FrameMeta> Segment<P, M> {
    /// Takes all the unused frames of `range`, each with the metadata that `meta` makes for its
    /// address, or none of them. The frames should be ones that the machine handed out, since the last
    /// drop of each returns it to the machine.
    ///
    /// # Errors
    /// `NotAligned`, `OutOfBound`, `Empty`; or that of the first frame that was not unused, after the
    /// frames before it have been given back.
    #[verus_spec(r =>
        requires forall|pa: Paddr| call_requires(meta, (pa,)),
        ensures r matches Ok(s) ==> s.start() == range.start && s.end() == range.end && s.start() < s.end(),
    )]
    pub fn from_unused(
        range: Range<Paddr>,
        meta: impl Fn(Paddr) -> M,
    ) -> Result<Self, GetFrameError> {
        check_range::<P>(&range)?;
        let (start, end) = (range.start, range.end);
        proof_decl! { let tracked mut shares: Map<int, Share<P>> = Map::tracked_empty(); }
        let mut pa = start;
        #[cfg_attr(verus_only, verus_spec(
            invariant start <= pa <= end, run_of::<P>(start as int, end as int), pa as int % 4096 == 0,
                covers::<P, M>(shares, start as int, pa as int),
                forall|pa: Paddr| call_requires(meta, (pa,)),
            decreases end - pa
        ))]
        while pa < end {
            proof_decl! { let tracked mut s: Option<Share<P>> = None; }
            let m = meta(pa);
            proof_with! { Ghost(Kind::Cover) => Tracked(s) }
            let got = claim_shared::<P, M>(pa, m);
            if let Err(e) = got {
                proof_with! { Tracked(shares) }
                let part = SegCore::<P, M>::make(start, pa);
                part.release();
                return Err(e);
            }
            proof! { shares.tracked_insert(pa as int, s.tracked_unwrap()); }
            pa += PAGE_SIZE;
        }
        proof_with! { Tracked(shares) }
        let core = SegCore::make(start, end);
        Ok(Segment {
            h: Handle::new(core),
        })
    }
}

#[verus_verify]
impl<P: Platform, K: FrameKind> Segment<P, K> {
    /// Physical address of the first frame.
    #[verus_spec(r => ensures r == self.start())]
    pub fn start_paddr(&self) -> Paddr {
        self.h.get().start
    }

    /// Physical address past the last frame.
    #[verus_spec(r => ensures r == self.end())]
    pub fn end_paddr(&self) -> Paddr {
        self.h.get().end
    }

    /// Physical addresses of the frames.
    #[verus_spec(r => ensures r.start == self.start(), r.end == self.end())]
    pub fn paddr_range(&self) -> Range<Paddr> {
        self.start_paddr()..self.end_paddr()
    }

    /// Where the frames are in the linear map.
    #[verus_spec(r =>
        with -> shares: Tracked<&Map<int, Share<P>>>
        ensures
            r == P::LINEAR_BASE + self.start(), P::LINEAR_BASE + self.end() <= usize::MAX,
            covers::<P, K>(*shares@, self.start() as int, self.end() as int),
    )]
    pub(crate) fn mapped(&self) -> Vaddr {
        let core = self.h.get();
        proof! { use_type_invariant(core); P::bounds(); }
        let va = P::LINEAR_BASE + core.start;
        proof_decl! { let tracked shares = core.shares.borrow(); }
        proof_with! { |= Tracked(shares) }
        va
    }

    /// Bytes of the frames.
    #[verus_spec(r => ensures r == self.end() - self.start())]
    pub fn size(&self) -> usize {
        let c = self.h.get();
        proof! { use_type_invariant(c); }
        c.end - c.start
    }

    /// Splits at `offset` bytes from the start.
    ///
    /// # Errors
    /// The segment itself, if `offset` is not a multiple of 4096, 0, or not below the size.
    #[verus_spec(r =>
        ensures match r {
            Ok((a, b)) => 0 < offset < self.end() - self.start()
                && a.start() == self.start() && a.end() == self.start() + offset
                && b.start() == self.start() + offset && b.end() == self.end(),
            Err(s) => s == self && !(offset as int % 4096 == 0 && 0 < offset < self.end() - self.start()),
        },
    )]
    pub fn split(self, offset: usize) -> Result<(Self, Self), Self> {
        let size = self.size();
        if offset % PAGE_SIZE != 0 || offset == 0 || offset >= size {
            return Err(self);
        }
        let core = self.h.into_inner();
        proof! { use_type_invariant(&core); }
        let (start, end) = (core.start, core.end);
        let mid = start + offset;
        proof_decl! {
            let tracked mut hi = core.shares.get();
            let tracked lo = hi.tracked_remove_keys(Set::new(|i: int| frames_in(i, start as int, mid as int)));
        }
        proof_with! { Tracked(lo) }
        let a = SegCore::make(start, mid);
        proof_with! { Tracked(hi) }
        let b = SegCore::make(mid, end);
        Ok((Segment { h: Handle::new(a) }, Segment { h: Handle::new(b) }))
    }

    /// A second segment over the bytes `range`, counted from the start: one share more of each of its
    /// frames. An empty range gives a segment that has nothing.
    ///
    /// # Errors
    /// `NotAligned` or `OutOfBound` with the address that was meant.
    #[verus_spec(r =>
        ensures
            r matches Ok(s) ==> s.start() == self.start() + range.start && s.end() == self.start() + range.end,
            r is Ok <==> range.start <= range.end <= self.end() - self.start()
                && range.start as int % 4096 == 0 && range.end as int % 4096 == 0,
    )]
    pub fn slice(&self, range: &Range<usize>) -> Result<Self, GetFrameError> {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        let (start, end) = (core.start, core.end);
        if range.start > range.end || range.end > end - start {
            return Err(GetFrameError::OutOfBound(start.saturating_add(range.end)));
        }
        let (from, to) = (start + range.start, start + range.end);
        if from % PAGE_SIZE != 0 {
            return Err(GetFrameError::NotAligned(from));
        }
        if to % PAGE_SIZE != 0 {
            return Err(GetFrameError::NotAligned(to));
        }
        proof! { assert(lends::<P, K>(core.shares@, |pa: int| pa, from as int, to as int)); }
        proof_with! { Tracked(core.shares.borrow()), Ghost(|pa: int| pa) }
        let s = share_run(from, to);
        Ok(s)
    }

    /// Takes the first frame out as a handle of its own; the count does not change.
    #[verus_spec(r =>
        ensures match r {
            Some(f) => old(self).start() < old(self).end() && f.paddr() == old(self).start()
                && final(self).start() == old(self).start() + 4096 && final(self).end() == old(self).end(),
            None => old(self).start() >= old(self).end() && final(self).start() == old(self).start()
                && final(self).end() == old(self).end(),
        },
    )]
    pub fn take_first(&mut self) -> Option<Frame<P, K>> {
        let core = self.h.get_mut();
        proof! { use_type_invariant(&*core); }
        if core.start >= core.end {
            return None;
        }
        let (start, end) = (core.start, core.end);
        proof_decl! { let tracked none: Map<int, Share<P>> = Map::tracked_empty(); }
        proof_with! { Tracked(none) }
        let mut full = SegCore::make(end, end);
        core::mem::swap(core, &mut full);
        proof! { lemma_all_first::<P, K>(full.shares@, start as int, end as int, Kind::Cover); }
        proof_decl! { let tracked mut sh = full.shares.get(); let tracked s = sh.tracked_remove(start as int); }
        proof_with! { Tracked(sh) }
        let rest = SegCore::make(start + PAGE_SIZE, end);
        *core = rest;
        proof_with! { Tracked(s) }
        let f = Frame::from_share(start);
        Some(f)
    }

    /// Moves the segment into page-table entries: each frame keeps its share.
    #[verus_spec(r =>
        with -> shares: Tracked<Map<int, Share<P>>>
        ensures r.start == self.start(), r.end == self.end(),
            all_of::<P, K>(shares@, r.start as int, r.end as int, Kind::Pte),
    )]
    pub fn into_raw(self) -> Range<Paddr> {
        let core = self.h.into_inner();
        proof! { use_type_invariant(&core); }
        let r = core.start..core.end;
        proof_decl! { let tracked s = retag_all::<P, K>(core.shares.get(), r.start as int, r.end as int, Kind::Cover, Kind::Pte); }
        proof_with! { |= Tracked(s) }
        r
    }

    /// The inverse of [`Segment::into_raw`].
    ///
    /// # Safety
    /// `range` came from `into_raw` of segments of this kind (or `AnyMeta` is asked for), or is a part
    /// or union of such ranges, and each frame is given back once.
    #[verus_spec(r =>
        with Tracked(shares): Tracked<Map<int, Share<P>>>
        requires all_of::<P, K>(shares, range.start as int, range.end as int, Kind::Pte),
        ensures r.start() == range.start, r.end() == range.end,
    )]
    pub unsafe fn from_raw(range: Range<Paddr>) -> Self {
        proof_decl! { let tracked shares = retag_all::<P, K>(shares, range.start as int, range.end as int, Kind::Pte, Kind::Cover); }
        proof_with! { Tracked(shares) }
        let core = SegCore::make(range.start, range.end);
        Segment {
            h: Handle::new(core),
        }
    }

    /// The same segment, with the kind erased.
    #[verus_spec(r => ensures r.start() == self.start(), r.end() == self.end())]
    pub fn into_dyn(self) -> DynSegment<P> {
        let core = self.h.into_inner();
        proof! { use_type_invariant(&core); }
        let (start, end) = (core.start, core.end);
        proof_decl! { let tracked s = core.shares.get(); }
        proof_with! { Tracked(s) }
        let core = SegCore::make(start, end);
        Segment {
            h: Handle::new(core),
        }
    }

    /// The same segment, seen as another kind; the counts do not change.
    ///
    /// # Errors
    /// The segment itself, if the metadata of some frame is not of that kind.
    #[verus_spec(r =>
        ensures match r {
            Ok(s) => s.start() == self.start() && s.end() == self.end(),
            Err(s) => s == self,
        },
    )]
    pub fn cast<K2: FrameKind>(self) -> Result<Segment<P, K2>, Self> {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        let (start, end) = (core.start, core.end);
        let mut pa = start;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                start <= pa <= end, pa as int % 4096 == 0, covers::<P, K>(core.shares@, start as int, end as int),
                all_admit::<P, K2>(core.shares@, start as int, pa as int),
            decreases end - pa
        ))]
        while pa < end {
            proof! { assert(core.shares@.contains_key(pa as int)); }
            proof_decl! {
                let tracked res = core.shares.borrow().tracked_borrow(pa as int).res(slot_at::<P>(pa as int).id());
            }
            let slot = slot_of::<P>(pa);
            let ok = K2::is_in(slot.cell(), verus_exec_expr!(Tracked(&res.meta)));
            if !ok {
                return Err(self);
            }
            pa += PAGE_SIZE;
        }
        let _core = self.h.into_inner();
        proof_decl! { let tracked s = _core.shares.get(); }
        proof_with! { Tracked(s) }
        let c = SegCore::make(start, end);
        Ok(Segment { h: Handle::new(c) })
    }
}

#[verus_verify]
impl<P: Platform, K: FrameKind> Segment<P, K> {
    /// The segment of one frame; the count does not change.
    #[verus_spec(r => ensures r.start() == frame.paddr(), r.end() == frame.paddr() + 4096)]
    pub fn from_frame(frame: Frame<P, K>) -> Self {
        proof_decl! { let tracked mut s: Share<P>; }
        proof_decl! { let tracked mut shares: Map<int, Share<P>> = Map::tracked_empty(); }
        proof_with! { => Tracked(s) }
        let pa = frame.into_raw();
        proof! { shares.tracked_insert(pa as int, s.retag(slot_at::<P>(pa as int).id(), Kind::Cover)); }
        proof! { P::bounds(); }
        proof_with! { Tracked(shares) }
        let core = SegCore::make(pa, pa + PAGE_SIZE);
        Segment {
            h: Handle::new(core),
        }
    }
}

impl<P: Platform, K: FrameKind> From<Frame<P, K>> for Segment<P, K> {
    fn from(frame: Frame<P, K>) -> Self {
        Self::from_frame(frame)
    }
}

impl<P: Platform, K: FrameKind> Iterator for Segment<P, K> {
    type Item = Frame<P, K>;

    fn next(&mut self) -> Option<Frame<P, K>> {
        self.take_first()
    }
}

impl<P: Platform, M: FrameMeta> From<Segment<P, M>> for DynSegment<P> {
    fn from(segment: Segment<P, M>) -> Self {
        segment.into_dyn()
    }
}

impl<P: Platform, M: FrameMeta> TryFrom<DynSegment<P>> for Segment<P, M> {
    type Error = DynSegment<P>;

    fn try_from(segment: DynSegment<P>) -> Result<Self, DynSegment<P>> {
        segment.cast()
    }
}
