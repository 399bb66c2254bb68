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
    let tracked _p = s.recv(g, None, t);
}

/// `Sent::recv`: by the holder of the only lease.
proof fn recv_last<T>(tracked s: Sent<T>, tracked g: Ledger, tracked l: Lease, tracked t: &Acq)
    requires
        g.of(s.cell(), s.epoch()), g.out() == 1, l.cell() == s.cell(), l.epoch() == s.epoch(),
        t.covers(s.cell(), s.epoch()), t.covers(s.cell(), g.due()),
{
    let tracked _p = s.recv(g, Some(l), t);
}

/// `Ledger::lend`
proof fn lend(tracked g: &mut Ledger, tracked t: &Acq)
    requires t.covers(old(g).cell(), old(g).epoch()),
{
    let tracked _one = g.lend(t);
    let tracked _two = g.lend(t);
}

/// `RcCell::new`
fn new(v: u32) {
    let (_a, _pa, _sa, _ga) = RcCell::new(v, Tracked(()));
    let (_b, _pb, _sb, _gb) = RcCell::new(v, Tracked(()));
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
        let tracked d = s.recv(g, None, &t);
        assert(d == 7int);
    }
    let (_s, _g, _t) = c.store_release(Tracked(p), UNUSED, Tracked(8int));
}

/// `RcCell::inc_or_abort_relaxed`
fn inc(c: &RcCell, Tracked(p): Tracked<&mut RcPerm>, Tracked(g): Tracked<&mut Ledger>, Tracked(l): Tracked<&Lease>)
    requires old(p)@.cell == c.id(), 1 <= old(p)@.val <= MAX_SHARES, l.cell() == c.id(), old(g).of(c.id(), l.epoch()),
{
    let (_n, _l) = c.inc_or_abort_relaxed(Tracked(p), Tracked(g), Tracked(l));
}

/// `RcCell::dec_release`
fn dec(c: &RcCell, Tracked(p): Tracked<&mut RcPerm>, Tracked(g): Tracked<&mut Ledger>, Tracked(l): Tracked<Lease>)
    requires
        old(p)@.cell == c.id(), 1 <= old(p)@.val <= MAX_SHARES, l.cell() == c.id(), old(g).of(c.id(), l.epoch()),
        old(g).due() <= old(p)@.epoch,
{
    let (_n, _t) = c.dec_release(Tracked(p), Tracked(g), Tracked(l));
}

/// `RcCell::dec_release`: a life of a frame: made, shared, given up by both, taken back.
fn life(c: &RcCell, Tracked(p): Tracked<&mut RcPerm>)
    requires old(p)@.cell == c.id(), old(p)@.val == BUSY,
{
    let (Tracked(s), Tracked(g), Tracked(t)) = c.store_release(Tracked(p), 1, Tracked(7int));
    let tracked mut g = g;
    let tracked one = g.lend(&t);
    let (_, Tracked(two)) = c.inc_or_abort_relaxed(Tracked(p), Tracked(&mut g), Tracked(&one));
    let (_, _t1) = c.dec_release(Tracked(p), Tracked(&mut g), Tracked(one));
    let (_, Tracked(acq)) = c.dec_release(Tracked(p), Tracked(&mut g), Tracked(two));
    proof {
        let tracked d = s.recv(g, None, &acq);
        assert(d == 7int);
    }
}

} // verus!
