//! The count word.
use veripage_hw::count::*;
use vstd::prelude::*;

verus! {

/// `Sent::recv_ref`
proof fn recv_ref<T>(tracked s: &Sent<T>, tracked l: &Lease)
    requires l.cell() == s.cell(), l.epoch() == s.epoch(),
{
    let tracked _p = s.recv_ref(l);
}

/// `Sent::recv`
proof fn recv<T>(tracked s: Sent<T>, tracked g: Ledger, tracked t: &Acq)
    requires
        g.of(s.cell(), s.epoch()), g.out() == 0, t.covers(s.cell(), s.epoch()), t.covers(s.cell(), g.due()),
{
    let tracked _p = s.recv(g, t);
}

/// `Sent::recv_last`
proof fn recv_last<T>(tracked s: Sent<T>, tracked g: Ledger, tracked l: Lease, tracked t: &Acq)
    requires
        g.of(s.cell(), s.epoch()), g.out() == 1, l.cell() == s.cell(), l.epoch() == s.epoch(),
        t.covers(s.cell(), s.epoch()), t.covers(s.cell(), g.due()),
{
    let tracked _p = s.recv_last(g, l, t);
}

/// `Ledger::lend`
proof fn lend(tracked g: &mut Ledger, tracked t: &Acq)
    requires t.covers(old(g).cell(), old(g).epoch()),
{
    let tracked _one = g.lend(t);
    let tracked _two = g.lend(t);
}

/// `Ledger::lend_from`
proof fn lend_from(tracked g: &mut Ledger, tracked l: &Lease)
    requires old(g).of(l.cell(), l.epoch()),
{
    let tracked next = g.lend_from(l);
    let tracked _other = g.lend_from(&next);
}

/// `Ledger::settle`
proof fn settle(tracked g: &mut Ledger, tracked r: Returned)
    requires old(g).of(r.cell(), r.epoch()),
{
    g.settle(r);
}

/// `Ledger::settle`: with as many leases as are returned.
proof fn settle_both(tracked g: &mut Ledger, tracked r: Returned, tracked q: Returned)
    requires old(g).of(r.cell(), r.epoch()), old(g).of(q.cell(), q.epoch()), old(g).out() == 2,
{
    g.settle(r);
    g.settle(q);
}

/// `RcCell::new`
fn new(v: u32) {
    let (_a, _pa, _sa, _ga) = RcCell::new(v, Tracked(()));
    let (_b, _pb, _sb, _gb) = RcCell::new(v, Tracked(()));
}

/// `RcCell::load_hint`
fn load_hint(c: &RcCell) {
    let _ = c.load_hint();
    let _ = c.load_hint();
}

/// `RcCell::cas_acquire`
fn cas_acquire(c: &RcCell, Tracked(p): Tracked<&mut RcPerm>, cur: u32, new: u32)
    requires old(p)@.cell == c.id(), !frozen(cur),
{
    let (r, _t) = c.cas_acquire(Tracked(p), cur, new);
    if r.is_ok() {
        proof { assert(p@.val == new); }
    } else {
        proof { assert(p@ == old(p)@); }
    }
}

/// `RcCell::store_release`
fn store_release(c: &RcCell, Tracked(p): Tracked<&mut RcPerm>, new: u32)
    requires old(p)@.cell == c.id(), frozen(old(p)@.val),
{
    let (_s, _g, _t) = c.store_release(Tracked(p), new, Tracked(()));
}

/// `RcCell::store_release`: what was published comes back, then is published again.
fn published(c: &RcCell, Tracked(p): Tracked<&mut RcPerm>)
    requires old(p)@.cell == c.id(), old(p)@.val == UNIQUE,
{
    let (Tracked(s), Tracked(g), Tracked(t)) = c.store_release(Tracked(p), UNIQUE, Tracked(7int));
    proof {
        let tracked d = s.recv(g, &t);
        assert(d == 7int);
    }
    let (_s, _g, _t) = c.store_release(Tracked(p), UNUSED, Tracked(8int));
}

/// `RcCell::inc_or_abort_relaxed`
fn inc(c: &RcCell, Tracked(p): Tracked<&mut RcPerm>)
    requires old(p)@.cell == c.id(), 1 <= old(p)@.val <= MAX_SHARES,
{
    let _ = c.inc_or_abort_relaxed(Tracked(p));
}

/// `RcCell::dec_release`
fn dec(c: &RcCell, Tracked(p): Tracked<&mut RcPerm>, Tracked(l): Tracked<Lease>)
    requires old(p)@.cell == c.id(), 1 <= old(p)@.val <= MAX_SHARES, l.cell() == c.id(),
{
    let (_n, _r, _t) = c.dec_release(Tracked(p), Tracked(l));
}

/// `RcCell::dec_release`: a life of a frame: made, shared twice, given up twice, taken back.
fn life(c: &RcCell, Tracked(p): Tracked<&mut RcPerm>)
    requires old(p)@.cell == c.id(), old(p)@.val == BUSY,
{
    let (Tracked(s), Tracked(g), Tracked(t)) = c.store_release(Tracked(p), 1, Tracked(7int));
    let tracked mut g = g;
    let tracked one = g.lend(&t);
    let _ = c.inc_or_abort_relaxed(Tracked(p));
    let tracked two = g.lend_from(&one);
    let (_, Tracked(r1), _t1) = c.dec_release(Tracked(p), Tracked(one));
    let (_, Tracked(r2), Tracked(x)) = c.dec_release(Tracked(p), Tracked(two));
    proof {
        g.settle(r1);
        g.settle(r2);
    }
    let Tracked(acq) = fence_acquire(Tracked(x));
    proof {
        let tracked d = s.recv(g, &acq);
        assert(d == 7int);
    }
}

/// `fence_acquire`
fn fence(Tracked(t): Tracked<Rlx>) {
    let _t = fence_acquire(Tracked(t));
}

} // verus!
