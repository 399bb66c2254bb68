//! New children of a locked node: allocated, filled, locked, and only then linked.
#[cfg(verus_only)]
use super::super::identity::*;
use super::super::identity::{pages_before, NodeMeta};
use super::super::lock;
#[cfg(verus_only)]
use super::super::lock::*;
use super::super::node_frame;
#[cfg(verus_only)]
use super::super::node_frame::NodeFrame;
use super::*;
#[cfg(verus_only)]
use crate::paging::entry::page_ok;
use crate::paging::{PageProperty, PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use veripage_hw::lock::live_store_release;
use veripage_hw::page;
#[cfg(verus_only)]
use veripage_hw::page::zero_words;

/// Locks the slot of the frame `pa`, which the caller owns: so it is no node.
#[inline(always)]
#[verus_spec(
    with Tracked(f): Tracked<&mut NodeFrame<P>> -> s: Tracked<SlotRes<P>>
    requires old(f).wf(pa as int),
    ensures *final(f) == *old(f), slot_ok::<P>(pa as int, s@), s@.node is None,
)]
pub(super) fn claim_slot<P: Platform>(pa: Paddr) {
    proof_decl! {
        let tracked got: Locked<P>;
    }
    proof! {
        f.lemma_wf(pa as int);
    }
    proof_with!(=> Tracked(got));
    lock::lock::<P>(pa);
    proof_decl! {
        // no node, so no shares
        let tracked (s, _none) = got;
    }
    proof! {
        if s.node is Some {
            let tracked n = s.node.tracked_borrow();
            n.frame.lemma_wf(pa as int);
            f.page.is_exclusive(&n.frame.page);
        }
    }
    proof_with!(|= Tracked(s));
    ()
}

/// Makes the frame `pa`, whose slot is locked and whose words are written, a live node with the children `links`.
#[inline(always)]
#[verus_spec(
    with Tracked(s): Tracked<SlotRes<P>>, Tracked(f): Tracked<NodeFrame<P>>, Tracked(rights): Tracked<Rights>,
        Tracked(links): Tracked<Map<int, Tok>>, Ghost(p): Ghost<NodeInfo>
        -> out: Tracked<(SlotRes<P>, Tok)>
    requires
        f.wf(pa as int), has_slot::<P>(pa as int), info_ok(p), has_slot::<P>(p.root),
        s.node is None, s.live.paddr() == pa, s.tok.id() == ids::<P>().toks[pa as int], s.tok.frac() == 1real,
        s.spare.id() == ids::<P>().rights, s.spare@.dom() =~= if p.root == pa { rest(p) } else { full(pa as int) },
        p.level == p.table.top <==> p.root == pa,
        rights.id() == ids::<P>().rights, rights@.dom() =~= region(p, f.words()),
        forall|k: Key| #[trigger] rights@.dom().contains(k) ==> rights@[k] == p.table,
        links_ok::<P>(p, f.words(), links), p.root == pa ==> pinned(p, f.words()),
        m.root == p.root, m.level == p.level, m.base == p.base,
        m.count == present_count(p.table.fmt, f.words(), 512),
    ensures
        slot_ok::<P>(pa as int, out@.0), out@.0.node is Some, out@.0.tok@ == p,
        out@.0.node->0.words() == f.words(),
        link_ok::<P>(ids::<P>(), pa as int, out@.1, p),
)]
pub(super) fn settle<P: Platform>(pa: Paddr, m: NodeMeta) {
    proof_decl! {
        let tracked mut s = s;
        let tracked mut f = f;
        let ghost f0 = f;
    }
    proof! {
        lemma_count_bound(p.table.fmt, f.words(), 512);
    }
    proof_with!(Tracked(&mut f));
    node_frame::write_meta::<P>(pa, m);
    // SAFETY: the caller has the slot's lock (`s`).
    unsafe { live_store_release::<P>(pa, 1, verus_exec_expr!(Tracked(&mut s.live))) };
    proof_decl! {
        let tracked half;
    }
    proof! {
        s.tok.update(p);
        half = s.tok.split();
        s.node = Some(NodeRes { frame: f, rights, links });
    }
    proof_decl! {
        let tracked out = (s, half);
    }
    proof_with!(|= Tracked(out));
    ()
}

/// Gives entry `i` of the locked node `pa` the child `child`, whose words are written; returns the old
/// entry with every flag that the MMU ever set in it.
#[verus_spec(was =>
    with Tracked(p): Tracked<&mut NodePerm<P, E>>, Tracked(f): Tracked<NodeFrame<P>> -> c: Tracked<NodePerm<P, E>>
    requires
        old(p).wf(), old(p)@.paddr == pa, i < 512, 2 <= old(p)@.level, old(p)@.own(i as int),
        m.root == old(p)@.root, m.level == old(p)@.level, m.base == old(p)@.base, m.count == old(p)@.count,
        !is_table::<E>(old(p)@.level, old(p)@.words[i as int]),
        f.wf(child as int), E::spec_table_ok(child as int),
        n == present_count(fmt::<E>(), f.words(), 512),
        forall|j: int| 0 <= j < 512 ==> !is_table::<E>(old(p)@.level - 1, #[trigger] f.words()[j]),
    ensures
        E::same_but_ad(old(p)@.words[i as int], was.bits()),
        final(p).wf(), c@.wf(), c@@.paddr == child, is_child(c@@, old(p)@, i as int),
        c@@.words == f.words(), c@@.count == n,
        linked_word(old(p)@, final(p)@, i as int, child as int),
        is_table::<E>(old(p)@.level, final(p)@.words[i as int]),
        E::spec_paddr(old(p)@.level, final(p)@.words[i as int]) == child,
        E::spec_present(old(p)@.words[i as int]) ==> final(p)@.count == old(p)@.count,
        !E::spec_present(old(p)@.words[i as int]) ==> final(p)@.count == old(p)@.count + 1,
)]
fn link<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    m: NodeMeta,
    i: usize,
    child: Paddr,
    n: usize,
) -> E {
    let e = E::new_pt(child);
    proof_decl! {
        let ghost p0 = *p;
        let ghost info = p.info();
        let ghost ci = child_info(info, i as int);
        let ghost words = p@.words;
        let ghost w = e.bits();
        let tracked mut f = f;
        let tracked mut node;
        let tracked rights;
        let tracked mut s: SlotRes<P>;
        let tracked out: (SlotRes<P>, Tok);
    }
    proof! {
        p.lemma_state();
        lemma_child_info(info, i as int);
        lemma_fmt::<E>(info.level, words[i as int]);
        lemma_fmt::<E>(info.level, w);
        assert(linked(info, words.update(i as int, w), i as int));
        lemma_region_link(info, words, i as int, w);
        lemma_share(info, i as int);
        lemma_count_update(info.table.fmt, words, i as int, w, 512);
        lemma_count_bound(info.table.fmt, words, 512);
        lemma_count_bound(info.table.fmt, f.words(), 512);
        f.lemma_wf(child as int);
        node = p.res.node.tracked_take();
        node.frame.lemma_wf(pa as int);
        rights = node.rights.split(share(info, i as int));
        assert forall|j: int| 0 <= j < 512 implies !#[trigger] linked(ci, f.words(), j) by {
            lemma_fmt::<E>(ci.level, f.words()[j]);
        }
        lemma_region_full(ci, f.words());
        assert forall|k: Key| #[trigger] rights@.dom().contains(k) implies rights@[k] == info.table by {
            assert(p0.node().rights@.dom().contains(k));
        }
    }
    proof_with!(Tracked(&mut f) => Tracked(s));
    claim_slot::<P>(child);
    let at = NodeMeta {
        root: m.root,
        level: m.level - 1,
        base: m.base + pages_before(m.level, i),
        count: n,
    };
    proof! {
        // a frame that is no node keeps the rights of its own table, and the root's are taken
        s.spare.disjoint(&rights);
        let k: Key = (info.root, ci.base, 0);
        assert(share(info, i as int).contains(k));
        assert(full(info.root).contains(k));
    }
    proof_with!(Tracked(s), Tracked(f), Tracked(rights), Tracked(Map::tracked_empty()), Ghost(ci) => Tracked(out));
    settle::<P>(child, at);
    // SAFETY: the node is locked by the caller (`p`), which owns its words.
    let was_w = unsafe {
        proof_with!(Tracked(&mut node.frame.page));
        page::pte_swap::<P, Ad<E>>(pa, i, e.as_usize() as u64)
    };
    let was = E::from_usize(was_w as usize);
    proof! {
        p0.node().frame.lemma_page(node.frame.page, pa as int);
        E::ad_irrelevant(info.level, words[i as int], was.bits());
    }
    let mut m = m;
    if !was.is_present() {
        m.count += 1;
    }
    proof_with!(Tracked(&mut node.frame));
    node_frame::write_meta::<P>(pa, m);
    proof_decl! {
        let tracked (cs, half) = out;
        let tracked c = NodePerm { res: cs, fmt: core::marker::PhantomData };
    }
    proof! {
        node.links.tracked_insert(i as int, half);
        lemma_linked(info, p0.node(), node, i as int, w, child as int, pa as int);
        p.res.node = Some(node);
        assert(p@.words =~= words.update(i as int, p@.words[i as int]));
    }
    proof_with!(|= Tracked(c));
    was
}

/// Allocates a child without entries for the absent entry `i` of the locked node `pa` and links it,
/// already locked. `None`: no frame is free, and nothing has changed.
#[verus_spec(child =>
    with Tracked(p): Tracked<&mut NodePerm<P, E>> -> c: Tracked<Option<NodePerm<P, E>>>
    requires
        old(p).wf(), old(p)@.paddr == pa, i < 512, 2 <= old(p)@.level, old(p)@.own(i as int),
        !E::spec_present(old(p)@.words[i as int]),
    ensures
        final(p).wf(),
        child is None ==> *final(p) == *old(p) && c@ is None,
        child matches Some(child) ==> (c@ matches Some(c) && {
            &&& c.wf() && c@.paddr == child && is_child(c@, old(p)@, i as int)
            &&& c@.words == zero_words() && c@.count == 0
            &&& linked_word(old(p)@, final(p)@, i as int, child as int)
            &&& is_table::<E>(old(p)@.level, final(p)@.words[i as int])
            &&& E::spec_paddr(old(p)@.level, final(p)@.words[i as int]) == child
            &&& final(p)@.count == old(p)@.count + 1
        }),
)]
pub fn alloc_child<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize) -> Option<Paddr> {
    proof_decl! {
        let tracked mut out: Option<NodePerm<P, E>> = None;
        let tracked mut f: Option<NodeFrame<P>>;
        let tracked mut c: NodePerm<P, E>;
    }
    proof_with!(=> Tracked(f));
    let frame = node_frame::take_frame::<P, E>();
    if let Some(child) = frame {
        proof_decl! {
            let tracked mut f = f.tracked_unwrap();
            let ghost f0 = f;
        }
        proof! {
            f.lemma_wf(child as int);
        }
        // SAFETY: the frame is nobody else's yet (`f`).
        unsafe {
            proof_with!(Tracked(&mut f.page));
            page::zero_page::<P>(child)
        };
        proof! {
            f0.lemma_page(f.page, child as int);
            E::zero_absent();
            lemma_count_uniform(fmt::<E>(), f.words(), 512, false);
        }
        proof_with!(Tracked(&*p));
        let m = meta::<P, E>(pa);
        proof_with!(Tracked(&mut *p), Tracked(f) => Tracked(c));
        link::<P, E>(pa, m, i, child, 0);
        proof! {
            out = Some(c);
        }
    }
    proof_with!(|= Tracked(out));
    frame
}

/// Replaces the leaf at entry `i` of the locked node `pa`, which was read with property `prop`, by a child
/// whose 512 entries map the same pages, of address `to` on, with that property and the accessed and dirty
/// flags that the MMU has set since: of which part is not known, so all have them. The child is locked.
/// `None`: no frame is free, and nothing has changed.
#[verus_spec(child =>
    with Tracked(p): Tracked<&mut NodePerm<P, E>> -> c: Tracked<Option<NodePerm<P, E>>>
    requires
        old(p).wf(), old(p)@.paddr == pa, i < 512, 2 <= old(p)@.level, old(p)@.own(i as int),
        E::spec_present(old(p)@.words[i as int]), !is_table::<E>(old(p)@.level, old(p)@.words[i as int]),
        E::spec_supports(old(p)@.level - 1, prop),
        page_ok(E::PADDR_END as int, old(p)@.level, to as int),
    ensures
        final(p).wf(),
        child is None ==> *final(p) == *old(p) && c@ is None,
        child matches Some(child) ==> (c@ matches Some(c) && {
            &&& c.wf() && c@.paddr == child && is_child(c@, old(p)@, i as int)
            &&& parts::<E>(c@.words, old(p)@.level - 1, to as int, prop, 512) && c@.count == 512
            &&& linked_word(old(p)@, final(p)@, i as int, child as int)
            &&& is_table::<E>(old(p)@.level, final(p)@.words[i as int])
            &&& E::spec_paddr(old(p)@.level, final(p)@.words[i as int]) == child
            &&& final(p)@.count == old(p)@.count
        }),
)]
pub fn split_child<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    i: usize,
    to: Paddr,
    prop: PageProperty,
) -> Option<Paddr> {
    proof_decl! {
        let tracked mut out: Option<NodePerm<P, E>> = None;
        let tracked mut f: Option<NodeFrame<P>>;
        let tracked mut c: NodePerm<P, E>;
        let ghost l = p@.level - 1;
    }
    proof! {
        p.lemma_state();
        E::supports_wf(l, prop);
    }
    proof_with!(=> Tracked(f));
    let frame = node_frame::take_frame::<P, E>();
    if let Some(child) = frame {
        proof_decl! {
            let tracked mut f = f.tracked_unwrap();
        }
        proof_with!(Tracked(&*p));
        let m = meta::<P, E>(pa);
        proof_with!(Tracked(&mut f));
        fill_parts::<P, E>(child, m.level - 1, to, prop);
        proof! {
            lemma_count_uniform(fmt::<E>(), f.words(), 512, true);
        }
        proof_with!(Tracked(&mut *p), Tracked(f) => Tracked(c));
        let was = link::<P, E>(pa, m, i, child, 512);
        let all = with_unseen(prop, prop.flags, was.prop(m.level).flags);
        if all.flags.bits() != prop.flags.bits() {
            proof! { E::supports_ad(l, prop, all); }
            proof_with!(Tracked(&mut c), Ghost(to as int));
            set_all::<P, E>(child, m.level - 1, all);
        }
        proof! {
            out = Some(c);
        }
    }
    proof_with!(|= Tracked(out));
    frame
}

/// Gives all leaves of the locked node `pa` the property `prop`, and keeps what the MMU sets meanwhile.
#[verus_spec(
    with Tracked(c): Tracked<&mut NodePerm<P, E>>, Ghost(to): Ghost<int>
    requires
        old(c).wf(), old(c)@.paddr == pa, level == old(c)@.level, E::spec_supports(level as int, prop),
        parts::<E>(old(c)@.words, level as int, to, prop, 512),
    ensures
        final(c).wf(), final(c)@ == (NodeState { words: final(c)@.words, ..old(c)@ }),
        parts::<E>(final(c)@.words, level as int, to, prop, 512),
)]
#[cold]
fn set_all<P: Platform, E: PageTableEntryTrait>(pa: Paddr, level: PagingLevel, prop: PageProperty) {
    proof_decl! {
        let ghost c0 = c@;
    }
    proof! {
        c.lemma_wf();
        c.lemma_state();
    }
    let mut j: usize = 0;
    #[cfg_attr(verus_only, verus_spec(
        invariant
            j <= 512, c.inv(), c0 == old(c)@, c@ == (NodeState { words: c@.words, ..c0 }), c@.paddr == pa, level == c@.level,
            E::spec_supports(level as int, prop), c@.words.len() == 512, parts::<E>(c@.words, level as int, to, prop, 512),
            c0.count == present_count(fmt::<E>(), c@.words, 512),
        decreases 512 - j,
    ))]
    while j < 512 {
        proof_decl! {
            let ghost words = c@.words;
        }
        proof! {
            assert(E::spec_present(words[j as int]));
        }
        proof_with!(Tracked(&*c));
        let e = load::<P, E>(pa, j);
        proof! {
            E::ad_irrelevant(level as int, words[j as int], e.bits());
        }
        proof_with!(Tracked(&mut *c));
        set_leaf_prop::<P, E>(pa, level, j, e, prop);
        proof! {
            lemma_count_update(fmt::<E>(), words, j as int, c@.words[j as int], 512);
            assert forall|k: int| 0 <= k < 512 && k != j implies #[trigger] c@.words[k] == words[k] by {}
        }
        j += 1;
    }
    proof! {
        c.lemma_state();
    }
}

/// Writes 512 leaves of level `level`, for the pages of address `to` on.
#[verus_spec(
    with Tracked(f): Tracked<&mut NodeFrame<P>>
    requires
        old(f).wf(pa as int), 1 <= level <= 4, E::spec_supports(level as int, prop),
        page_ok(E::PADDR_END as int, level + 1, to as int),
    ensures
        final(f).wf(pa as int), final(f).words().len() == 512,
        parts::<E>(final(f).words(), level as int, to as int, prop, 512),
)]
fn fill_parts<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    to: Paddr,
    prop: PageProperty,
) {
    let mut j: usize = 0;
    proof! {
        f.lemma_wf(pa as int);
    }
    #[cfg_attr(verus_only, verus_spec(
        invariant
            j <= 512, f.wf(pa as int), f.page.wf(), f.page@.paddr == pa, 1 <= level <= 4, E::spec_supports(level as int, prop),
            page_ok(E::PADDR_END as int, level + 1, to as int),
            parts::<E>(f.words(), level as int, to as int, prop, j as int),
        decreases 512 - j,
    ))]
    while j < 512 {
        proof_decl! {
            let ghost f0 = *f;
        }
        proof! {
            lemma_part_ok::<E>(level as int, to as int, j as int);
        }
        let e = E::new_page(to + pages_before(level, j) * 4096, level, prop);
        // SAFETY: the frame is nobody else's yet (`f`).
        unsafe {
            proof_with!(Tracked(&mut f.page));
            page::pte_store::<P>(pa, j, e.as_usize() as u64)
        };
        proof! {
            f0.lemma_page(f.page, pa as int);
        }
        j += 1;
    }
}
