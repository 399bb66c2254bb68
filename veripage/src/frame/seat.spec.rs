//! Who knows which list a frame is in.
use super::*;
pub use crate::frame::slot::{Excl, FrameRes, Parked};
use crate::frame::sm::SlotSM;
pub use veripage_hw::bytes::RawPage;
use veripage_hw::meta::MetaPerm;
use vstd::atomic::PermissionU16;
use vstd::resource::frac_opt::Empty;
use vstd::resource::map::{GhostMapAuth, GhostPointsTo};
pub use vstd::resource::Loc;

verus! {

/// The frames of the list that has a name, by address; the list has it, or the seat that the name
/// belongs to.
pub type Members = GhostMapAuth<int, ()>;

/// Which name stands for which list's members.
pub type Names = spec_fn(int) -> Loc;

/// Constants that tie a seat's pieces together.
pub ghost struct SeatId {
    pub word: int,
    pub list: Loc,
    pub auth: Loc,
    pub pa: int,
    /// The members of the list with a given name.
    pub names: Names,
}

/// What the seat keeps of a frame that is in a list: evidence for the list's members, and the frame's
/// memory, so that nobody else is its owner.
#[verifier::reject_recursive_types(P)]
pub tracked struct Held<P: Platform> {
    pub member: GhostPointsTo<int, ()>,
    pub page: RawPage<P>,
}

#[verifier::reject_recursive_types(P)]
pub tracked struct SeatInv<P: Platform> {
    pub perm: PermissionU16,
    /// The name of the frame's list, or 0. The list has half of it.
    pub list: FracGhost<int>,
    pub auth: Option<Members>,
    pub held: Option<Held<P>>,
}

pub struct SeatPred;

impl<P: Platform> InvariantPredicate<SeatId, SeatInv<P>> for SeatPred {
    open spec fn inv(id: SeatId, v: SeatInv<P>) -> bool {
        let name = v.list@;
        &&& v.perm@.patomic == id.word
        &&& v.list.id() == id.list
        &&& 0 <= name < TAKEN
        &&& v.perm@.value == name + if v.auth is None { TAKEN as int } else { 0 }
        &&& (v.auth matches Some(a) ==> a.id() == id.auth && a@ =~= Map::empty())
        &&& v.list.frac() == if name == 0 { 1real } else { 0.5real }
        &&& (name == 0 <==> v.held is None)
        &&& (v.held matches Some(h) ==> {
            &&& h.member.id() == (id.names)(name) && h.member@.0 == id.pa
            &&& h.page.paddr() == id.pa
        })
    }
}

impl SeatId {
    /// `auth` has the members of list `name`, and `mine` is that list's knowledge of this frame, if
    /// the frame is in it.
    pub open spec fn knows(self, auth: Members, mine: Option<&FracGhost<int>>, name: int) -> bool {
        &&& auth.id() == (self.names)(name)
        &&& match mine {
            Some(h) => h.id() == self.list && h@ == name,
            None => !auth@.dom().contains(self.pa),
        }
    }
}

/// What a list has of its frame: all but the memory, which the seat keeps.
#[verifier::reject_recursive_types(P)]
pub tracked struct Listed<P: Platform> {
    pub meta: MetaPerm,
    pub tok: SlotSM::excl,
    pub empty: Empty<Parked<P>>,
    pub list: FracGhost<int>,
}

impl<P: Platform> Listed<P> {
    pub open spec fn of(self, e: Excl<P>) -> bool {
        self.meta == e.res.meta && self.tok == e.tok && self.empty == e.empty
    }

    pub open spec fn seated(self, id: SeatId, name: int) -> bool {
        self.list.id() == id.list && self.list@ == name && self.list.frac() == 0.5real
    }
}

impl<P: Platform> Seat<P> {
    pub open(super) spec fn id(&self) -> SeatId {
        self.g@.constant()
    }

    #[verifier::type_invariant]
    pub open(super) spec fn wf(&self) -> bool {
        self.id().word == self.word.id()
    }
}

/// A frame's memory has one owner.
pub proof fn one_owner<P: Platform>(tracked a: RawPage<P>, tracked b: RawPage<P>) -> (tracked r: RawPage<P>)
    requires
        a.paddr() == b.paddr(),
    ensures
        false,
{
    let tracked mut p = a.into_words();
    p.is_exclusive(&b.into_words());
    RawPage::from_words(p)
}

} // verus!
