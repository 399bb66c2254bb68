//! Nodes that leave their table: one by one, leaves first, or a whole table at once.
#[cfg(verus_only)]
use super::super::identity::*;
use super::super::lock;
#[cfg(verus_only)]
use super::super::lock::*;
#[cfg(verus_only)]
use super::super::model::is_leaf;
use super::super::node_frame;
#[cfg(verus_only)]
use super::super::node_frame::NodeFrame;
use super::super::retired::Retired;
#[cfg(verus_only)]
use super::super::retired::{dead, dead_says, dead_stocked, DeadState};
#[cfg(verus_only)]
use super::super::shares::{holds, lemma_stocked_same, said, stocked, Shares};
use super::*;
#[cfg(verus_only)]
use crate::paging::geometry::slot;
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use veripage_hw::lock::live_store_release;
use veripage_hw::page;

/// Removes the locked `child`, which has no children of its own, from entry `i` of its locked parent
/// `pa`: clears the entry, marks the child dead, unlocks it, and puts it into `out` with the leaves
/// that it still holds and the shares of what they map (`m`).
#[verus_spec(
    with Tracked(p): Tracked<&mut NodePerm<P, E>>, Tracked(c): Tracked<NodePerm<P, E>>, Tracked(m): Tracked<Shares<P>>
    requires
        old(p).wf(), old(p)@.paddr == pa, i < 512, old(p)@.own(i as int), !old(p)@.pins(i as int) || old(p).closing(),
        is_table::<E>(old(p)@.level, old(p)@.words[i as int]),
        c.inv(), c@.paddr == child, child == E::spec_paddr(old(p)@.level, old(p)@.words[i as int]),
        forall|j: int| 0 <= j < 512 ==> !is_table::<E>(c@.level, #[trigger] c@.words[j]), stocked::<P, E>(m, c@),
    ensures
        final(p).wf(), final(p).closing() == old(p).closing(),
        final(p)@ == (NodeState { words: old(p)@.words.update(i as int, 0), count: old(p)@.count - 1, ..old(p)@ }),
        final(out)@ == old(out)@.push(DeadState { paddr: child as int, words: c@.words, level: c@.level, base: c@.base }),
)]
pub fn detach<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    i: usize,
    child: Paddr,
    out: &mut Retired<P, E>,
) {
    proof_with!(Tracked(&*p));
    let mut says = meta::<P, E>(pa);
    proof_decl! {
        let ghost (p0, c0) = (*p, c);
        let ghost info = p.info();
        let ghost words = p@.words;
        let tracked mut node;
        let tracked mut s;
        let tracked mut frame;
    }
    proof! {
        p.lemma_state();
        c.lemma_state();
        s = c.res;
        E::zero_absent();
        lemma_fmt::<E>(info.level, words[i as int]);
        lemma_fmt::<E>(info.level, 0);
        lemma_child_info(info, i as int);
        lemma_share(info, i as int);
        lemma_count_update(info.table.fmt, words, i as int, 0, 512);
        node = p.res.node.tracked_take();
        node.frame.lemma_wf(pa as int);
        assert(node.links.dom().contains(i as int));
        let tracked link = node.links.tracked_remove(i as int);
        s.tok.agree(&link);
        lemma_childless::<P, E>(c0);
        let tracked NodeRes { frame: f, rights, links: _ } = s.node.tracked_take();
        frame = f;
        frame.lemma_wf(child as int);
        node.rights.combine(rights);
        s.tok.combine(link);
        s.tok.update(idle());
    }
    // SAFETY: the node is locked by the caller (`p`), which owns its words.
    unsafe {
        proof_with!(Tracked(&mut node.frame.page));
        page::pte_store::<P>(pa, i, E::new_absent().as_usize() as u64)
    };
    proof! {
        p0.node().frame.lemma_page(node.frame.page, pa as int);
    }
    says.count -= 1;
    proof_with!(Tracked(&mut node.frame));
    node_frame::write_meta::<P>(pa, says);
    proof! {
        lemma_unlinked(info, p0.node(), node, i as int, 0, pa as int);
        p.res.node = Some(node);
    }
    proof_with!(Tracked(s));
    bury::<P>(child);
    proof! {
        lemma_level_word(c0.info());
        lemma_dead_stocked::<P, E>(m, c0@, dead(frame));
    }
    proof_with!(Tracked(frame), Tracked(m));
    out.push(child);
}

/// Marks a node that has just been taken apart dead, and unlocks it.
#[inline(always)]
#[verus_spec(
    with Tracked(s): Tracked<SlotRes<P>>
    requires
        has_slot::<P>(pa as int), s.live.paddr() == pa, s.node is None, s.tok.id() == ids::<P>().toks[pa as int],
        s.tok.frac() == 1real, s.tok@.level == 0, s.spare.id() == ids::<P>().rights, s.spare@.dom() =~= full(pa as int),
)]
fn bury<P: Platform>(pa: Paddr) {
    proof_decl! {
        let tracked mut s = s;
    }
    // SAFETY: the caller has the slot's lock (`s`).
    unsafe { live_store_release::<P>(pa, 0, verus_exec_expr!(Tracked(&mut s.live))) };
    proof_with!(Tracked(s), Tracked(Map::tracked_empty()));
    lock::unlock::<P>(pa);
}

/// Takes a whole table apart: every node of it goes into `out`, leaves first, with the leaf entries
/// that it still holds. Entries `lo..hi` of the root, which is at `level`, are the table's own; the others are
/// cleared, since what they map is for another table to let go of.
#[verus_spec(
    with Tracked(r): Tracked<RootPerm<E>>
    requires
        r.wf::<P>(), r.paddr() == root, level == r.table().top, lo == r.table().lo, hi == r.table().hi,
)]
pub fn retire_table<P: Platform, E: PageTableEntryTrait>(
    root: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
    out: &mut Retired<P, E>,
) {
    proof_decl! {
        let tracked got: (NodePerm<P, E>, Shares<P>);
        let tracked mut frame;
        let tracked mut s;
        let tracked half;
    }
    proof_with!(Tracked(&r) => Tracked(got));
    lock_root::<P, E>(root);
    proof_decl! {
        let tracked (mut p, m) = got;
    }
    proof! {
        p.lemma_state();
        r.lemma_root::<P>();
        // the table has its name back: its pins may go
        let tracked RootPerm { tok, handle, fmt: _ } = r;
        p.res.spare.combine(handle);
        half = tok;
    }
    proof_with!(Tracked(&mut p), Ghost(m));
    retire_below::<P, E>(root, level, lo, hi, out);
    proof_with!(Tracked(&mut p), Ghost(m));
    forget::<P, E>(root, 0, lo);
    proof_with!(Tracked(&mut p), Ghost(m));
    forget::<P, E>(root, hi, 512);
    proof! {
        p.lemma_state();
        let ghost p0 = p;
        let info = p.info();
        assert forall|j: int| 0 <= j < 512 implies !#[trigger] linked(info, p0@.words, j) by {
            lemma_fmt::<E>(info.level, p0@.words[j]);
        }
        lemma_region_full(info, p0@.words);
        s = p.res;
        let tracked NodeRes { frame: f, rights, links: _ } = s.node.tracked_take();
        frame = f;
        frame.lemma_wf(root as int);
        s.spare.combine(rights);
        s.tok.combine(half);
        s.tok.update(idle());
        lemma_level_word(info);
        E::zero_absent();
        lemma_dead_stocked::<P, E>(m, p0@, dead(frame));
    }
    proof_with!(Tracked(s));
    bury::<P>(root);
    proof_with!(Tracked(frame), Tracked(m));
    out.push(root);
}

/// Detaches every node below entries `lo..hi` of the locked node `pa`.
#[verus_spec(
    with Tracked(p): Tracked<&mut NodePerm<P, E>>, Ghost(m): Ghost<Shares<P>>
    requires
        old(p).wf(), old(p)@.paddr == pa, level == old(p)@.level, hi <= 512, stocked::<P, E>(m, old(p)@),
        old(p)@.level < old(p)@.table.top || old(p).closing(),
        forall|j: int| lo <= j < hi ==> #[trigger] own(old(p)@.info(), j),
    ensures
        final(p).wf(), final(p)@.paddr == pa, final(p)@.info() == old(p)@.info(), stocked::<P, E>(m, final(p)@),
        final(p).closing() == old(p).closing(),
        forall|j: int| lo <= j < hi ==> !is_table::<E>(old(p)@.level, #[trigger] final(p)@.words[j]),
    decreases level,
)]
fn retire_below<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
    out: &mut Retired<P, E>,
) {
    if level == 1 {
        return;
    }
    let mut i = lo;
    proof! {
        E::zero_absent();
        p.lemma_state();
    }
    #[cfg_attr(verus_only, verus_spec(
        invariant
            lo <= i, hi <= 512, p.wf(), p@.paddr == pa, p@.info() == old(p)@.info(), level == p@.level, 2 <= level <= 5,
            stocked::<P, E>(m, p@), p@.words.len() == 512, !E::spec_present(0),
            p.closing() == old(p).closing(), level < p@.table.top || p.closing(),
            forall|j: int| lo <= j < hi ==> #[trigger] own(old(p)@.info(), j),
            forall|j: int| lo <= j < i && j < hi ==> !is_table::<E>(level as int, #[trigger] p@.words[j]),
        decreases hi - i,
    ))]
    while i < hi {
        proof_with!(Tracked(&*p));
        let e = load::<P, E>(pa, i);
        proof! {
            E::ad_irrelevant(level as int, p@.words[i as int], e.bits());
        }
        if e.is_present() && !e.is_last(level) {
            proof_decl! {
                let ghost p0 = p@;
                let tracked got: (NodePerm<P, E>, Shares<P>);
            }
            proof_with!(Tracked(&*p) => Tracked(got));
            let child = lock_child::<P, E>(pa, level, i);
            proof_decl! {
                let tracked (mut c, mc) = got;
            }
            proof! {
                p.lemma_state();
                c.lemma_state();
            }
            proof_with!(Tracked(&mut c), Ghost(mc));
            retire_below::<P, E>(child, level - 1, 0, 512, out);
            proof_with!(Tracked(&mut *p), Tracked(c), Tracked(mc));
            detach::<P, E>(pa, i, child, out);
            proof! {
                lemma_stocked_same::<P, E>(m, p0, p@, i as int);
            }
        }
        i += 1;
    }
}

/// Clears the entries `from..to` of the locked root `pa`, which belong to another table.
#[verus_spec(
    with Tracked(p): Tracked<&mut NodePerm<P, E>>, Ghost(m): Ghost<Shares<P>>
    requires
        old(p).inv(), old(p)@.paddr == pa, to <= 512, stocked::<P, E>(m, old(p)@), old(p).closing(),
        forall|j: int| from <= j < to ==> !#[trigger] own(old(p)@.info(), j),
    ensures
        final(p).inv(), final(p)@.paddr == pa, final(p)@.info() == old(p)@.info(), stocked::<P, E>(m, final(p)@), final(p).closing(),
        forall|j: int| 0 <= j < 512 ==> #[trigger] final(p)@.words[j] == if from <= j < to { 0 } else { old(p)@.words[j] },
)]
fn forget<P: Platform, E: PageTableEntryTrait>(pa: Paddr, from: usize, to: usize) {
    let mut i = from;
    proof! {
        p.lemma_state();
    }
    #[cfg_attr(verus_only, verus_spec(
        invariant
            from <= i, to <= 512, p.inv(), p.closing(), p@.paddr == pa, p@.info() == old(p)@.info(), p@.words.len() == 512, stocked::<P, E>(m, p@),
            forall|j: int| from <= j < to ==> !#[trigger] own(old(p)@.info(), j),
            forall|j: int| 0 <= j < 512 ==> #[trigger] p@.words[j] == if from <= j < i && j < to { 0 } else { old(p)@.words[j] },
        decreases to - i,
    ))]
    while i < to {
        proof_decl! {
            let ghost p0 = p@;
        }
        proof! {
            assert(!own(old(p)@.info(), i as int));
        }
        proof_with!(Tracked(&mut *p));
        put::<P, E>(pa, i, E::new_absent().as_usize() as u64);
        proof! {
            lemma_stocked_same::<P, E>(m, p0, p@, i as int);
        }
        i += 1;
    }
}

#[cfg(verus_only)]
verus! {

/// What a node without children takes with it, if it has no words of another table that map anything.
proof fn lemma_dead_stocked<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, s: NodeState, d: DeadState)
    requires
        stocked::<P, E>(m, s), s.prefix == prefix(s.info()), d.words == s.words, d.level == s.level, d.base == s.base,
        forall|j: int| 0 <= j < 512 ==> #[trigger] own(s.info(), j) || !is_leaf::<E>(s.level, s.words[j]),
    ensures dead_stocked::<P, E>(m, d),
{
    assert forall|v: int| slot(d.level + 1, v) == s.prefix implies #[trigger] holds(m, v, dead_says::<E>(d, v)) by {
        assert(holds(m, v, said::<E>(s, v)));
        assert(own(s.info(), slot(s.level, v) % 512) || !is_leaf::<E>(s.level, s.words[slot(s.level, v) % 512]));
    }
}

} // verus!
