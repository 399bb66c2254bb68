//! Ghost state and specifications of `slot.rs`.
use super::*;
verus! {

/// Constants that tie a slot's pieces together.
pub ghost struct SlotId {
    pub rc: int,
    pub meta: int,
    pub inst: InstanceId,
    pub frac: Loc,
    pub pa: int,
}

/// What a frame's owner owns: its memory and its metadata.
#[verifier::reject_recursive_types(P)]
pub tracked struct FrameRes<P: Platform> {
    pub page: RawPage<P>,
    pub meta: MetaPerm,
}

impl<P: Platform> FrameRes<P> {
    pub open spec fn wf(self, id: SlotId) -> bool {
        &&& self.page.paddr() == id.pa
        &&& self.meta.cell() == id.meta
    }
}

pub type Parked<P> = Sent<FrameRes<P>>;

pub open spec fn parked_wf<P: Platform>(p: Parked<P>, id: SlotId) -> bool { p.cell() == id.rc && p@.wf(id) }

/// Fraction of the frame's resources that one share holds.
pub open spec fn delta() -> real { 1real / 18446744073709551616real }

/// Fraction left in the slot when `n` shares are out.
pub closed spec fn rest(n: nat) -> real { 1real - (n as real) * delta() }

pub proof fn lemma_rest(n: nat)
    ensures
        rest(0) == 1real,
        rest(n + 1) == rest(n) - delta(),
        n <= MAX_SHARES ==> 0real < delta() < rest(n),
{
    let d = delta();
    let x = n as real;
    assert((n + 1) as real == x + 1real);
    assert((x + 1real) * d == x * d + d) by (nonlinear_arith);
    if n <= MAX_SHARES {
        assert(x <= 2147483647real);
        assert(x * d <= 2147483647real * d) by (nonlinear_arith)
            requires x <= 2147483647real, d > 0real;
    }
}

/// Contents of the slot invariant.
#[verifier::reject_recursive_types(P)]
pub tracked struct SlotInv<P: Platform> {
    pub perm: RcPerm,
    pub st: SlotSM::st,
    pub frac: Option<Frac<Parked<P>>>,
    pub ledger: Option<Ledger>,
}

pub struct SlotPred;
impl<P: Platform> InvariantPredicate<SlotId, SlotInv<P>> for SlotPred {
    open spec fn inv(id: SlotId, v: SlotInv<P>) -> bool {
        &&& v.perm@.cell == id.rc
        &&& v.st.instance_id() == id.inst
        &&& v.perm@.val == word(v.st.value())
        &&& (v.frac is Some <==> v.ledger is Some)
        &&& (v.ledger matches Some(g) ==> {
            &&& g.of(id.rc, v.frac->Some_0.resource().epoch())
            &&& v.perm@.base <= g.epoch() <= g.due() <= v.perm@.epoch
            &&& g.out() == (match v.st.value() { St::Shared(n) => n, _ => 0 })
        })
        &&& match v.st.value() {
            St::Unused => v.frac matches Some(f) && f.frac() == 1real,
            St::Busy | St::Unique => v.frac is None,
            St::Shared(n) => 1 <= n <= MAX_SHARES
                && (v.frac matches Some(f) && f.frac() == rest(n)),
        }
        &&& (v.frac matches Some(f) ==> f.id() == id.frac && parked_wf(f.resource(), id))
    }
}

/// Value of the word in each state.
pub open spec fn word(s: St) -> u32 {
    match s {
        St::Unused => UNUSED,
        St::Busy => BUSY,
        St::Unique => UNIQUE,
        St::Shared(n) => n as u32,
    }
}

/// Who holds a share; the three terms of the accounting law.
pub ghost enum Kind { Handle, Pte, Cover }
pub tracked enum STok { H(SlotSM::handles), P(SlotSM::ptes), C(SlotSM::covers) }

impl STok {
    pub open spec fn kind(self) -> Kind {
        match self { STok::H(_) => Kind::Handle, STok::P(_) => Kind::Pte, STok::C(_) => Kind::Cover }
    }
    pub open spec fn wf(self, inst: InstanceId) -> bool {
        match self {
            STok::H(t) => t.instance_id() == inst && t.count() == 1,
            STok::P(t) => t.instance_id() == inst && t.count() == 1,
            STok::C(t) => t.instance_id() == inst && t.count() == 1,
        }
    }

    pub proof fn handle(tracked self, tracked inst: &SlotSM::Instance) -> (tracked t: SlotSM::handles)
        requires self.wf(inst.id()),
        ensures t.instance_id() == inst.id(), t.count() == 1,
    {
        match self { STok::H(t) => t, STok::P(t) => inst.p_to_h(t), STok::C(t) => inst.c_to_h(t) }
    }

    pub proof fn retag(tracked self, tracked inst: &SlotSM::Instance, k: Kind) -> (tracked t: STok)
        requires self.wf(inst.id()),
        ensures t.wf(inst.id()), t.kind() == k,
    {
        let tracked h = self.handle(inst);
        match k {
            Kind::Handle => STok::H(h),
            Kind::Pte => STok::P(inst.h_to_p(h)),
            Kind::Cover => STok::C(inst.h_to_c(h)),
        }
    }

    pub proof fn is_shared(tracked &self, tracked inst: &SlotSM::Instance, tracked st: &SlotSM::st)
        requires self.wf(inst.id()), st.instance_id() == inst.id(),
        ensures st.value() is Shared, st.value()->Shared_0 >= 1,
    {
        match self {
            STok::H(t) => inst.handle_is_shared(st, t),
            STok::P(t) => inst.pte_is_shared(st, t),
            STok::C(t) => inst.cover_is_shared(st, t),
        }
    }
}

/// One share of a frame: 1 of the count, `delta` of the memory, and the fact that this
/// holder has synchronised with the frame's publication.
#[verifier::reject_recursive_types(P)]
pub tracked struct Share<P: Platform> {
    pub tok: STok,
    pub frac: Frac<Parked<P>>,
    pub lease: Lease,
    pub inst: SlotSM::Instance,
}

impl<P: Platform> Share<P> {
    pub open spec fn kind(self) -> Kind { self.tok.kind() }
    /// The metadata's permission, which all shares have together.
    pub open spec fn meta(self) -> MetaPerm { self.frac.resource()@.meta }
    pub open spec fn wf(self, id: SlotId) -> bool {
        &&& self.tok.wf(id.inst) && self.inst.id() == id.inst
        &&& self.frac.frac() == delta() && self.frac.id() == id.frac
        &&& parked_wf(self.frac.resource(), id)
        &&& self.lease.cell() == id.rc && self.lease.epoch() == self.frac.resource().epoch()
    }
    /// Shared access to the frame's memory and metadata for as long as the share lives.
    pub proof fn res<'a>(tracked &'a self, id: SlotId) -> (tracked r: &'a FrameRes<P>)
        requires self.wf(id),
        ensures r.wf(id), *r == self.frac.resource()@,
    { self.frac.borrow().recv_ref(&self.lease) }

    /// Moves a share between the terms of `rc == H + P + C`.
    pub proof fn retag(tracked self, id: SlotId, k: Kind) -> (tracked r: Self)
        requires self.wf(id),
        ensures r.wf(id), r.kind() == k, r.meta() == self.meta(),
    {
        let tracked Share { tok, frac, lease, inst } = self;
        Share { tok: tok.retag(&inst, k), frac, lease, inst }
    }
}

/// Exclusive ownership of a Busy or Unique slot, including the memory itself.
#[verifier::reject_recursive_types(P)]
pub tracked struct Excl<P: Platform> { pub tok: SlotSM::excl, pub empty: Empty<Parked<P>>, pub res: FrameRes<P> }
impl<P: Platform> Excl<P> { pub open spec fn wf(self, id: SlotId) -> bool {
    self.tok.instance_id() == id.inst && self.empty.id() == id.frac && self.res.wf(id)
} }

#[verifier::reject_recursive_types(P)]
pub tracked struct SlotGhost<P: Platform> {
    pub inst: SlotSM::Instance,
    pub inv: AtomicInvariant<SlotId, SlotInv<P>, SlotPred>,
}

impl<P: Platform> MetaSlot<P> {
    pub open(super) spec fn id(&self) -> SlotId { self.g@.inv.constant() }

    #[verifier::type_invariant]
    pub open(super) spec fn wf(&self) -> bool {
        &&& self.id().rc == self.rc.id()
        &&& self.id().meta == self.meta.id()
        &&& self.id().inst == self.g@.inst.id()
        &&& self.seat.id().pa == self.id().pa
        &&& self.seat.id().names == names::<P>()
    }

    pub open(super) spec fn seat_spec(&self) -> Seat<P> { self.seat }
}

/// The members of the list with name `n`: the name belongs to frame number `n - 1`.
pub open spec fn names<P: Platform>() -> spec_fn(int) -> Loc {
    |n: int| slot_at::<P>(4096 * (n - 1)).seat_spec().id().auth
}

/// `pa` is the address of a frame, and its slot describes it.
pub open spec fn slot_ok<P: Platform>(pa: int) -> bool { has_slot::<P>(pa) && slot_at::<P>(pa).id().pa == pa }

/// The slot of the frame at `pa`.
pub open spec fn slot_at<P: Platform>(pa: int) -> MetaSlot<P> { slot_spec::<P, MetaSlot<P>>(pa) }

} // verus!
