//! The start of the machine: every slot's lock owns its live byte, its identity and its spare rights.
use super::super::identity::*;
use super::ghost::*;
use crate::Platform;
use veripage_hw::genesis::{Genesis, Seeds};
use veripage_hw::lock::has_slot;
use vstd::invariant::{AtomicInvariant, InvariantPredicate};
use vstd::prelude::*;
use vstd::resource::frac::FracGhost;
use vstd::resource::map::GhostMapAuth;
use vstd::resource::Loc;

verus! {

/// Identity tokens for the slots below `n`.
proof fn make_toks<P: Platform>(n: int) -> (tracked r: Map<int, Tok>)
    requires
        n >= 0,
    ensures
        forall|pa: int| 0 <= pa < n <==> #[trigger] r.dom().contains(pa),
        forall|pa: int| #[trigger] r.dom().contains(pa) ==> r[pa].frac() == 1real && r[pa]@ == idle(),
    decreases n,
{
    if n == 0 {
        Map::tracked_empty()
    } else {
        let tracked mut r = make_toks::<P>(n - 1);
        r.tracked_insert(n - 1, FracGhost::new(idle()));
        r
    }
}

/// What frame `pa`'s slot is made of is there.
spec fn seeded<P: Platform>(seeds: Seeds<P>, toks: Map<int, Tok>, rights: Rights, g: Ids, pa: int) -> bool {
    &&& seeds.locks.dom().contains(pa)
    &&& seeds.locks[pa].paddr() == pa && seeds.locks[pa].value() == 0
    &&& seeds.lives.dom().contains(pa)
    &&& seeds.lives[pa].paddr() == pa && seeds.lives[pa].value() == 0
    &&& toks.dom().contains(pa) && toks[pa].frac() == 1real && toks[pa]@ == idle() && toks[pa].id() == g.toks[pa]
    &&& full(pa).subset_of(rights@.dom())
}

/// The locks of the slots below `n`.
proof fn make_locks<P: Platform>(
    n: int,
    tracked seeds: &mut Seeds<P>,
    tracked toks: &mut Map<int, Tok>,
    tracked rights: &mut Rights,
    g: Ids,
) -> (tracked r: Map<int, LockInv<P>>)
    requires
        0 <= n <= P::MAX_PADDR,
        forall|pa: int| 0 <= pa < n && has_slot::<P>(pa) ==> #[trigger] seeded(*old(seeds), *old(toks), *old(rights), g, pa),
        old(rights).id() == g.rights,
    ensures
        forall|pa: int| 0 <= pa < n && #[trigger] has_slot::<P>(pa) ==> r.dom().contains(pa) && r[pa].constant() == (LockKey {
            pa,
            ids: g,
        }),
    decreases n,
{
    if n == 0 {
        Map::tracked_empty()
    } else {
        let pa = n - 1;
        let (seeds0, toks0, rights0) = (*seeds, *toks, *rights);
        if has_slot::<P>(pa) {
            assert(seeded(*seeds, *toks, *rights, g, pa));
            let tracked lock = seeds.locks.tracked_remove(pa);
            let tracked live = seeds.lives.tracked_remove(pa);
            let tracked tok = toks.tracked_remove(pa);
            let tracked spare = rights.split(full(pa));
            let tracked s = SlotRes { live, tok, spare, node: None };
            let tracked none = Map::tracked_empty();
            let tracked i = AtomicInvariant::<_, _, LockPred>::new(LockKey { pa, ids: g }, (lock, Some((s, none))), 0);
            assert forall|q: int| 0 <= q < n - 1 && has_slot::<P>(q) implies #[trigger] seeded(*seeds, *toks, *rights, g, q) by {
                assert(seeded(seeds0, toks0, rights0, g, q));
            }
            let tracked mut r = make_locks::<P>(n - 1, seeds, toks, rights, g);
            r.tracked_insert(pa, i);
            r
        } else {
            make_locks::<P>(n - 1, seeds, toks, rights, g)
        }
    }
}

// SAFETY: nothing else implements `Genesis`.
unsafe impl<P: Platform> Genesis<P> for World<P> {
    open spec fn wf(self) -> bool {
        self.ok()
    }

    proof fn genesis(tracked seeds: Seeds<P>) -> (tracked r: Self) {
        let n = P::MAX_PADDR as int;
        let tracked mut seeds = seeds;
        let tracked mut toks = make_toks::<P>(n);
        let t: TableInfo = arbitrary();
        let all = Map::<Key, TableInfo>::new(|k: Key| full(k.0).contains(k), |k: Key| t);
        let tracked (auth, mut rights) = GhostMapAuth::new(all);
        let ids = Ids { toks: Map::new(|pa: int| toks.dom().contains(pa), |pa: int| toks[pa].id()), rights: auth.id() };
        let tracked rights_inv = AtomicInvariant::<_, _, RightsPred>::new(auth.id(), auth, 1);
        assert forall|pa: int| 0 <= pa < n && has_slot::<P>(pa) implies #[trigger] seeded(seeds, toks, rights, ids, pa) by {
            assert(toks.dom().contains(pa));
            assert(ids.toks.dom().contains(pa));
        }
        let tracked locks = make_locks::<P>(n, &mut seeds, &mut toks, &mut rights, ids);
        World { locks, rights: rights_inv, ids }
    }
}

/// The content of one lock exists once.
pub proof fn lemma_slot_exclusive<P: Platform>(pa: int, tracked a: &mut SlotRes<P>, tracked b: &SlotRes<P>)
    requires
        slot_core::<P>(ids::<P>(), pa, *old(a)),
        slot_core::<P>(ids::<P>(), pa, *b),
    ensures
        false,
{
    a.spare.disjoint(&b.spare);
    let k: Key = (pa, -1, 5);
    assert(full(pa).contains(k));
    assert(a.spare@.dom().contains(k) && b.spare@.dom().contains(k));
}

} // verus!
