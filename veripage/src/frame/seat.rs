//! The word of a slot that says which list its frame is in.
//!
//! ```text
//!   15     14                    0
//!  | taken | name of the list     |     0: the frame is in no list
//! ```
//! A list that has frames has a name, from 1 to 32767. Name `n` belongs to frame number `n - 1`: bit
//! 15 of *that* frame's word says that some list has the name. So names need no memory of their own,
//! and a machine has at least as many names as frames, below 128 MiB.
//!
//! Whoever has a list compares the word of *any* frame with the list's name: the word may be read
//! although the frame is somebody else's.
#![allow(clippy::redundant_pattern_matching)] // the checker thinks that `is_ok` may unwind
#![allow(clippy::unused_unit)] // ghost outputs are attached to the last expression
#[cfg(not(verus_only))]
use super::slot::slot_of;
#[cfg(verus_only)]
use super::slot::*;
use core::marker::PhantomData;
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use veripage_hw::{Platform, PAGE_SIZE};
use vstd::atomic::PAtomicU16;
#[cfg(verus_only)]
use vstd::invariant::*;
use vstd::open_atomic_invariant;
use vstd::prelude::*;
#[cfg(verus_only)]
use vstd::resource::frac::FracGhost;

#[cfg(verus_only)]
#[path = "seat.spec.rs"]
mod ghost;
#[cfg(verus_only)]
pub use ghost::*;

/// Bit 15 of the word: the frame's number is the name of a list.
#[verus_verify]
pub const TAKEN: u16 = 0x8000;

/// Names are 1 to this.
#[verus_verify]
const NAMES: usize = 0x7fff;

/// Which list a frame is in, and whether a list is named after it.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[repr(C)]
pub struct Seat<P: Platform> {
    word: PAtomicU16,
    platform: PhantomData<P>,
    #[cfg(verus_keep_ghost_body)]
    g: Tracked<AtomicInvariant<SeatId, SeatInv<P>, SeatPred>>,
}

#[verus_verify]
impl<P: Platform> Seat<P> {
    /// The word of a frame that is in no list.
    #[verus_spec(r =>
        with Ghost(pa): Ghost<int>, Ghost(names): Ghost<Names>
        ensures r.id().pa == pa, r.id().names == names,
    )]
    pub(crate) fn new() -> Self {
        let (word, _perm) = PAtomicU16::new(0);
        proof_decl! {
            let tracked perm = _perm.get();
            let tracked (auth, _none) = Members::new(Map::empty());
            let tracked list = FracGhost::new(0int);
            let ghost id = SeatId { word: word.id(), list: list.id(), auth: auth.id(), pa, names };
            let tracked v = SeatInv { perm, list, auth: Some(auth), held: None };
            let tracked inv = AtomicInvariant::new(id, v, 0);
        }
        proof_with! { g: Tracked(inv) }
        Seat {
            word,
            platform: PhantomData,
        }
    }

    /// Is the frame in the list `name`?
    #[verus_spec(r =>
        with Tracked(auth): Tracked<&Members>, Tracked(mine): Tracked<Option<&FracGhost<int>>>
        requires self.id().knows(*auth, mine, name as int), 0 < name < TAKEN,
        ensures r == (mine is Some),
        no_unwind
    )]
    pub(crate) fn is_in(&self, name: u16) -> bool {
        proof! { use_type_invariant(self); }
        let w;
        open_atomic_invariant!(self.g.borrow() => v => {
            proof { assert(SeatPred::inv(self.id(), v)); } // also orders the proof after the impl of `SeatPred`
            w = self.word.load(Tracked(&v.perm));
            proof {
                if mine is Some {
                    mine.tracked_unwrap().agree(&v.list);
                } else if v.list@ == name {
                    v.held.tracked_borrow().member.agree(auth);
                }
            }
        });
        w % TAKEN == name
    }

    /// Enters the frame into the list `name`.
    #[verus_spec(
        with Tracked(e): Tracked<Excl<P>>, Tracked(auth): Tracked<&mut Members>,
            Tracked(mine): Tracked<Option<&FracGhost<int>>> -> out: Tracked<Listed<P>>
        requires
            self.id().knows(*old(auth), mine, name as int), 0 < name < TAKEN,
            e.res.page.paddr() == self.id().pa,
        ensures
            mine is None,
            final(auth).id() == old(auth).id(), final(auth)@ == old(auth)@.insert(self.id().pa, ()),
            out@.of(e), out@.seated(self.id(), name as int),
        no_unwind
    )]
    pub(crate) fn enter(&self, name: u16) {
        proof! { use_type_invariant(self); }
        proof_decl! {
            let tracked Excl { tok, empty, res } = e;
            let tracked FrameRes { mut page, meta } = res;
            let tracked mut half: Option<FracGhost<int>> = None;
        }
        open_atomic_invariant!(self.g.borrow() => v => {
            proof { assert(SeatPred::inv(self.id(), v)); } // also orders the proof after the impl of `SeatPred`
            let tracked SeatInv { mut perm, mut list, auth: own, held } = v;
            proof {
                if mine is Some {
                    mine.tracked_unwrap().agree(&list);
                }
                if held is Some {
                    page = one_owner(page, held.tracked_unwrap().page);
                }
            }
            let _ = self.word.fetch_add(Tracked(&mut perm), name);
            proof {
                list.update(name as int);
                half = Some(list.split());
                let tracked member = auth.insert(self.id().pa, ());
                v = SeatInv { perm, list, auth: own, held: Some(Held { member, page }) };
            }
        });
        proof_decl! { let tracked out = Listed { meta, tok, empty, list: half.tracked_unwrap() }; }
        proof_with! { |= Tracked(out) }
        ()
    }

    /// Takes the frame out of the list `name`.
    #[verus_spec(
        with Tracked(f): Tracked<Listed<P>>, Tracked(auth): Tracked<&mut Members> -> out: Tracked<Excl<P>>
        requires
            f.seated(self.id(), name as int), 0 < name < TAKEN,
            old(auth).id() == (self.id().names)(name as int),
        ensures
            final(auth).id() == old(auth).id(), final(auth)@ == old(auth)@.remove(self.id().pa),
            f.of(out@), out@.res.page.paddr() == self.id().pa,
        no_unwind
    )]
    pub(crate) fn leave(&self, name: u16) {
        proof! { use_type_invariant(self); }
        proof_decl! {
            let tracked Listed { meta, tok, empty, list: half } = f;
            let tracked mut got: Option<RawPage<P>> = None;
        }
        open_atomic_invariant!(self.g.borrow() => v => {
            proof { assert(SeatPred::inv(self.id(), v)); } // also orders the proof after the impl of `SeatPred`
            let tracked SeatInv { mut perm, mut list, auth: own, held } = v;
            proof { list.agree(&half); }
            let _ = self.word.fetch_sub(Tracked(&mut perm), name);
            proof {
                list.combine(half);
                list.update(0);
                let tracked Held { member, page } = held.tracked_unwrap();
                auth.delete_points_to(member);
                got = Some(page);
                v = SeatInv { perm, list, auth: own, held: None };
            }
        });
        proof_decl! {
            let tracked page = got.tracked_unwrap();
            let tracked out = Excl { tok, empty, res: FrameRes { page, meta } };
        }
        proof_with! { |= Tracked(out) }
        ()
    }

    /// Names a list after the frame, unless one is. May fail for no reason when another CPU moves
    /// the frame from list to list meanwhile.
    #[verus_spec(r =>
        with -> auth: Tracked<Option<Members>>
        ensures r ==> (auth@ matches Some(a) && a.id() == self.id().auth && a@ =~= Map::empty()),
        no_unwind
    )]
    pub(crate) fn take_name(&self) -> bool {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked mut out: Option<Members> = None; }
        let w;
        open_atomic_invariant!(self.g.borrow() => v => {
            proof { assert(SeatPred::inv(self.id(), v)); } // also orders the proof after the impl of `SeatPred`
            w = self.word.load(Tracked(&v.perm));
        });
        let mut ok = false;
        if w < TAKEN {
            let r;
            open_atomic_invariant!(self.g.borrow() => v => {
                proof { assert(SeatPred::inv(self.id(), v)); } // also orders the proof after the impl of `SeatPred`
                let tracked SeatInv { mut perm, list, auth, held } = v;
                let res = self.word.compare_exchange(Tracked(&mut perm), w, w + TAKEN);
                proof {
                    if res is Ok {
                        out = auth;
                        v = SeatInv { perm, list, auth: None, held };
                    } else {
                        v = SeatInv { perm, list, auth, held };
                    }
                }
                r = res;
            });
            ok = matches!(r, Ok(_));
        }
        proof_with! { |= Tracked(out) }
        ok
    }

    /// Gives the name back, which no list has any more.
    #[verus_spec(
        with Tracked(auth): Tracked<Members>
        requires auth.id() == self.id().auth, auth@ =~= Map::empty(),
        no_unwind
    )]
    pub(crate) fn give_name(&self) {
        proof! { use_type_invariant(self); }
        proof_decl! { let tracked mut auth = auth; }
        open_atomic_invariant!(self.g.borrow() => v => {
            proof { assert(SeatPred::inv(self.id(), v)); } // also orders the proof after the impl of `SeatPred`
            let tracked SeatInv { mut perm, list, auth: other, held } = v;
            proof {
                if other is Some {
                    let tracked p = auth.insert(0, ());
                    p.agree(other.tracked_borrow());
                }
            }
            let _ = self.word.fetch_sub(Tracked(&mut perm), TAKEN);
            proof { v = SeatInv { perm, list, auth: Some(auth), held }; }
        });
    }
}

/// A name that no list has, or 0. The first to be tried is that of frame number `nr`.
#[verus_spec(r =>
    with -> auth: Tracked<Option<Members>>
    ensures
        r != 0 ==> r < TAKEN && has_slot::<P>(4096 * (r - 1)),
        r != 0 ==> (auth@ matches Some(a) && a.id() == (names::<P>())(r as int) && a@ =~= Map::empty()),
        r == 0 ==> auth@ is None,
    no_unwind
)]
pub(crate) fn find_name<P: Platform>(nr: usize) -> u16 {
    proof_decl! {
        let tracked mut out: Option<Members> = None;
        let tracked mut got: Option<Members> = None;
    }
    let frames = P::MAX_PADDR / PAGE_SIZE;
    let end = if frames < NAMES { frames } else { NAMES };
    let mut tried = 0;
    let mut at = nr % NAMES;
    let mut found = 0;
    #[cfg_attr(verus_only, verus_spec(
        invariant_except_break
            end <= NAMES, end <= P::MAX_PADDR / 4096, tried <= end, found == 0, out is None,
        ensures
            found != 0 ==> found < TAKEN && has_slot::<P>(4096 * (found - 1)),
            found != 0 ==> (out matches Some(a) && a.id() == (names::<P>())(found as int) && a@ =~= Map::empty()),
            found == 0 ==> out is None,
        decreases end - tried
    ))]
    while tried < end {
        if at >= end {
            at = 0;
        }
        let seat = slot_of::<P>(at * PAGE_SIZE).seat();
        proof_with! { => Tracked(got) }
        let ok = seat.take_name();
        if ok {
            proof! { out = got; }
            found = at as u16 + 1;
            break;
        }
        at += 1;
        tried += 1;
    }
    proof_with! { |= Tracked(out) }
    found
}
