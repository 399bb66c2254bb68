//! The kernel's root: born with all its children, which it keeps as long as the table lives.
use super::super::entry_word::Ad;
#[cfg(verus_only)]
use super::super::identity::*;
use super::super::identity::{pages_before, NodeMeta};
#[cfg(verus_only)]
use super::super::lock::*;
use super::super::node_frame;
#[cfg(verus_only)]
use super::super::node_frame::NodeFrame;
use super::birth::*;
use super::root::*;
use super::*;
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use veripage_hw::page;
#[cfg(verus_only)]
use veripage_hw::page::zero_words;

/// A new table whose root, at `level` with first page `base`, has a child without entries in each of its own
/// entries `lo..hi`, and pins them. All are unlocked.
///
/// # Errors
/// No frame is free, for the root (`None`) or for the child of an entry; every frame has been given back.
#[verus_spec(ret =>
    with Ghost(t): Ghost<TableInfo> -> r: Tracked<Option<RootPerm<E>>>
    requires table_ok(t), t.fmt == fmt::<E>(), t.top == level, t.base == base, t.lo == lo, t.hi == hi,
    ensures
        ret matches Ok(root) ==> (r@ matches Some(r) && {
            &&& r.wf::<P>() && r.paddr() == root
            &&& r.table() == (TableInfo { pins: r.table().pins, ..t })
            &&& forall|i: int| #[trigger] r.table().pins.dom().contains(i) <==> lo <= i < hi
        }),
        ret matches Err(Some(i)) ==> lo <= i < hi,
)]
pub fn new_kernel_root<P: Platform, E: PageTableEntryTrait>(
    level: PagingLevel,
    base: usize,
    lo: usize,
    hi: usize,
) -> Result<Paddr, Option<usize>> {
    proof_decl! {
        let tracked mut f: Option<NodeFrame<P>>;
        let tracked mut out: Option<RootPerm<E>> = None;
    }
    proof_with!(=> Tracked(f));
    let frame = take_empty::<P, E>();
    let ret = match frame {
        None => Err(None),
        Some(root) => {
            proof_decl! {
                let tracked r: Option<RootPerm<E>>;
            }
            proof_with!(Tracked(f.tracked_unwrap()), Ghost(t) => Tracked(r));
            let made = with_children::<P, E>(root, level, base, lo, hi);
            proof! { out = r; }
            match made {
                Ok(()) => Ok(root),
                Err(i) => Err(Some(i)),
            }
        }
    };
    proof_with!(|= Tracked(out));
    ret
}

/// Makes the frame `root`, which has no entries, the root of a table with all its children.
///
/// # Errors
/// No frame is free for the child of that entry; every frame, the root's too, has been given back.
#[verus_spec(ret =>
    with Tracked(f): Tracked<NodeFrame<P>>, Ghost(t): Ghost<TableInfo> -> r: Tracked<Option<RootPerm<E>>>
    requires
        table_ok(t), t.fmt == fmt::<E>(), t.top == level, t.base == base, t.lo == lo, t.hi == hi,
        f.wf(root as int), f.words() == zero_words(),
    ensures
        ret is Ok ==> (r@ matches Some(r) && {
            &&& r.wf::<P>() && r.paddr() == root
            &&& r.table() == (TableInfo { pins: r.table().pins, ..t })
            &&& forall|i: int| #[trigger] r.table().pins.dom().contains(i) <==> lo <= i < hi
        }),
        ret matches Err(i) ==> lo <= i < hi,
)]
fn with_children<P: Platform, E: PageTableEntryTrait>(
    root: Paddr,
    level: PagingLevel,
    base: usize,
    lo: usize,
    hi: usize,
) -> Result<(), usize> {
    proof_decl! {
        let tracked mut f = f;
        let tracked mut kids: Map<int, NodeFrame<P>> = Map::tracked_empty();
        let tracked mut out: Option<RootPerm<E>> = None;
        let tracked mut r: RootPerm<E>;
        let ghost l = level as int;
    }
    let mut i = lo;
    let mut short = false;
    proof! {
        f.lemma_wf(root as int);
        E::zero_absent();
        lemma_count_uniform(fmt::<E>(), f.words(), lo as int, false);
    }
    #[cfg_attr(verus_only, verus_spec(
        invariant
            lo <= i <= hi <= 512, 3 <= level <= 5, l == level, f.wf(root as int), f.words().len() == 512, !E::spec_present(0),
            nursed::<P, E>(l, f.words(), kids, lo as int, i as int), short ==> i < hi,
            present_count(fmt::<E>(), f.words(), i as int) == i - lo,
        decreases hi - i + if short { 0int } else { 1 },
    ))]
    while i < hi && !short {
        proof_decl! {
            let tracked mut c: Option<NodeFrame<P>>;
            let ghost (f0, kids0) = (f, kids);
        }
        proof_with!(=> Tracked(c));
        let child = take_empty::<P, E>();
        match child {
            None => short = true,
            Some(child) => {
                proof! { f.lemma_wf(root as int); }
                let e = E::new_pt(child);
                // SAFETY: the frame is nobody else's yet (`f`).
                unsafe {
                    proof_with!(Tracked(&mut f.page));
                    page::pte_store::<P>(root, i, e.as_usize() as u64)
                };
                proof! {
                    f0.lemma_page(f.page, root as int);
                    kids.tracked_insert(i as int, c.tracked_unwrap());
                    lemma_count_update(fmt::<E>(), f0.words(), i as int, e.bits(), i + 1);
                    assert forall|j: int| lo <= j < i + 1 implies #[trigger] nursed_at::<P, E>(l, f.words(), kids, j) by {
                        if j < i {
                            assert(nursed_at::<P, E>(l, f0.words(), kids0, j));
                        }
                    }
                }
                i += 1;
            }
        }
    }
    let ret = if short {
        proof_with!(Tracked(f), Tracked(kids));
        give_back::<P, E>(root, level, lo, i);
        Err(i)
    } else {
        proof! { lemma_count_rest(fmt::<E>(), f.words(), hi as int); }
        proof_with!(Tracked(f), Tracked(kids), Ghost(t) => Tracked(r));
        settle_all::<P, E>(root, level, base, lo, hi);
        proof! { out = Some(r); }
        Ok(())
    };
    proof_with!(|= Tracked(out));
    ret
}

/// Gives the frames back that were to be the children of entries `lo..hi`, and the root's.
#[verus_spec(
    with Tracked(f): Tracked<NodeFrame<P>>, Tracked(kids): Tracked<Map<int, NodeFrame<P>>>
    requires
        f.wf(root as int), f.words().len() == 512, 3 <= level <= 5, lo <= hi <= 512,
        nursed::<P, E>(level as int, f.words(), kids, lo as int, hi as int),
)]
fn give_back<P: Platform, E: PageTableEntryTrait>(
    root: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
) {
    proof_decl! {
        let tracked mut kids = kids;
    }
    let mut i = lo;
    #[cfg_attr(verus_only, verus_spec(
        invariant
            lo <= i <= hi <= 512, 3 <= level <= 5, f.wf(root as int),
            forall|j: int| i <= j < hi ==> #[trigger] nursed_at::<P, E>(level as int, f.words(), kids, j),
            forall|j: int| #[trigger] kids.dom().contains(j) <==> i <= j < hi,
        decreases hi - i,
    ))]
    while i < hi {
        proof! { assert(nursed_at::<P, E>(level as int, f.words(), kids, i as int)); }
        proof_with!(Tracked(&f));
        let child = named::<P, E>(root, level, i);
        proof_decl! {
            let ghost kids0 = kids;
            let tracked c = kids.tracked_remove(i as int);
        }
        proof_with!(Tracked(c));
        node_frame::give_frame::<P>(child);
        i += 1;
        proof! {
            assert forall|j: int| i <= j < hi implies #[trigger] nursed_at::<P, E>(level as int, f.words(), kids, j) by {
                assert(nursed_at::<P, E>(level as int, f.words(), kids0, j));
            }
        }
    }
    proof! { assert(kids.dom() =~= Set::empty()); }
    proof_with!(Tracked(f));
    node_frame::give_frame::<P>(root);
}

/// The child that entry `i` of the frame `root` names.
#[verus_spec(child =>
    with Tracked(f): Tracked<&NodeFrame<P>>
    requires f.wf(root as int), i < 512, is_table::<E>(level as int, f.words()[i as int]),
    ensures child == E::spec_paddr(level as int, f.words()[i as int]),
)]
fn named<P: Platform, E: PageTableEntryTrait>(root: Paddr, level: PagingLevel, i: usize) -> Paddr {
    proof! { f.lemma_wf(root as int); }
    // SAFETY: the frame is nobody else's yet (`f`).
    let w = unsafe {
        proof_with!(Tracked(&f.page));
        page::pte_load::<P, Ad<E>>(root, i)
    };
    proof! { E::ad_irrelevant(level as int, f.words()[i as int], w); }
    E::from_usize(w as usize).paddr(level)
}

/// Makes the frames live nodes: first the children, then the root.
#[verus_spec(
    with Tracked(f): Tracked<NodeFrame<P>>, Tracked(kids): Tracked<Map<int, NodeFrame<P>>>, Ghost(t): Ghost<TableInfo>
        -> r: Tracked<RootPerm<E>>
    requires
        table_ok(t), t.fmt == fmt::<E>(), t.top == level, t.base == base, t.lo == lo, t.hi == hi,
        f.wf(root as int), f.words().len() == 512, present_count(fmt::<E>(), f.words(), 512) == hi - lo,
        nursed::<P, E>(level as int, f.words(), kids, lo as int, hi as int), !E::spec_present(0),
    ensures
        r@.wf::<P>(), r@.paddr() == root, r@.table() == (TableInfo { pins: r@.table().pins, ..t }),
        forall|i: int| #[trigger] r@.table().pins.dom().contains(i) <==> lo <= i < hi,
)]
fn settle_all<P: Platform, E: PageTableEntryTrait>(
    root: Paddr,
    level: PagingLevel,
    base: usize,
    lo: usize,
    hi: usize,
) {
    proof_decl! {
        let ghost words = f.words();
        let ghost t = TableInfo { pins: Map::new(|i: int| lo <= i < hi, |i: int| E::spec_paddr(level as int, words[i])), ..t };
        let ghost p = root_info(root as int, t);
        let ghost mut seen = zero_words();
        let tracked mut f = f;
        let tracked mut kids = kids;
        let tracked mut links: Map<int, Tok> = Map::tracked_empty();
        let tracked mut named_root: Named<P>;
        let tracked r: RootPerm<E>;
    }
    proof! {
        lemma_empty::<E>(p, seen);
        assert forall|j: int| lo <= j < hi implies is_table::<E>(level as int, #[trigger] words[j]) by {
            assert(nursed_at::<P, E>(level as int, words, kids, j));
        }
    }
    proof_with!(Tracked(&mut f), Ghost(t) => Tracked(named_root));
    name_root::<P>(root);
    let mut i = lo;
    #[cfg_attr(verus_only, verus_spec(
        invariant
            lo <= i <= hi <= 512, table_ok(t), t.fmt == fmt::<E>(), t.top == level, t.base == base, t.lo == lo, t.hi == hi,
            p == root_info(root as int, t), info_ok(p), f.wf(root as int), f.words() == words, words.len() == 512, !E::spec_present(0),
            forall|j: int| i <= j < hi ==> #[trigger] nursed_at::<P, E>(level as int, words, kids, j),
            forall|j: int| lo <= j < hi ==> is_table::<E>(level as int, #[trigger] words[j]),
            forall|j: int| #[trigger] kids.dom().contains(j) <==> i <= j < hi,
            seen.len() == 512, forall|j: int| 0 <= j < 512 ==> #[trigger] seen[j] == if lo <= j < i { words[j] } else { 0 },
            named_root.wf(root as int, t, region(p, seen)), links_ok::<P>(p, seen, links),
        decreases hi - i,
    ))]
    while i < hi {
        proof! { assert(nursed_at::<P, E>(level as int, words, kids, i as int)); }
        proof_with!(Tracked(&f));
        let child = named::<P, E>(root, level, i);
        proof_decl! {
            let ghost kids0 = kids;
            let tracked c = kids.tracked_remove(i as int);
            let tracked half: Tok;
        }
        proof! {
            lemma_fmt::<E>(p.level, words[i as int]);
            lemma_fmt::<E>(p.level, 0);
            assert(linked(p, seen.update(i as int, words[i as int]), i as int));
            lemma_region_link(p, seen, i as int, words[i as int]);
        }
        proof_decl! {
            let ghost own0 = named_root.own@;
            let tracked rights = named_root.own.split(share(p, i as int));
        }
        proof! {
            assert forall|k: Key| #[trigger] rights@.dom().contains(k) implies rights@[k] == t by {
                assert(own0.dom().contains(k));
            }
            assert forall|k: Key| #[trigger] named_root.own@.dom().contains(k) implies named_root.own@[k] == t by {
                assert(own0.dom().contains(k));
            }
        }
        proof_with!(Tracked(c), Tracked(rights), Ghost(p), Ghost(i as int) => Tracked(half));
        open_child::<P, E>(child, root, level, base, i);
        proof! {
            let seen0 = seen;
            seen = seen.update(i as int, words[i as int]);
            links.tracked_insert(i as int, half);
            lemma_links_more::<P>(p, seen0, seen, links, i as int);
            assert forall|j: int| i < j < hi implies #[trigger] nursed_at::<P, E>(level as int, words, kids, j) by {
                assert(nursed_at::<P, E>(level as int, words, kids0, j));
            }
        }
        i += 1;
    }
    proof! {
        assert(seen =~= words);
        assert forall|j: int| #[trigger] t.pins.dom().contains(j) implies pin_ok(p, words, j) by {
            lemma_fmt::<E>(p.level, words[j]);
        }
    }
    proof_with!(Tracked(named_root), Tracked(f), Tracked(links), Ghost(t) => Tracked(r));
    open_root::<P, E>(root, level, base, hi - lo);
    proof_with!(|= Tracked(r));
    ()
}

/// Makes the frame `child`, which has no entries, the node below root entry `i`: unlocked.
#[verus_spec(
    with Tracked(f): Tracked<NodeFrame<P>>, Tracked(rights): Tracked<Rights>, Ghost(p): Ghost<NodeInfo>, Ghost(at): Ghost<int>
        -> half: Tracked<Tok>
    requires
        f.wf(child as int), f.words() == zero_words(), info_ok(p), p.root == root, p.level == level, p.base == base, at == i, i < 512,
        p.level == p.table.top, p.table.fmt == fmt::<E>(), has_slot::<P>(root as int),
        rights.id() == ids::<P>().rights, rights@.dom() =~= share(p, i as int),
        forall|k: Key| #[trigger] rights@.dom().contains(k) ==> rights@[k] == p.table,
    ensures link_ok::<P>(ids::<P>(), child as int, half@, child_info(p, i as int)),
)]
fn open_child<P: Platform, E: PageTableEntryTrait>(
    child: Paddr,
    root: Paddr,
    level: PagingLevel,
    base: usize,
    i: usize,
) {
    proof_decl! {
        let tracked mut f = f;
        let tracked mut s: SlotRes<P>;
        let tracked made: (SlotRes<P>, Tok);
        let ghost ci = child_info(p, i as int);
    }
    proof! {
        lemma_child_info(p, i as int);
        lemma_share(p, i as int);
        lemma_empty::<E>(ci, f.words());
    }
    proof_with!(Tracked(&mut f) => Tracked(s));
    claim_slot::<P>(child);
    proof! {
        f.lemma_wf(child as int);
        // a frame that is no node keeps the rights of its own table, and the root's are taken
        s.spare.disjoint(&rights);
        let k: Key = (p.root, ci.base, 0);
        assert(share(p, i as int).contains(k));
        assert(full(p.root).contains(k));
    }
    let m = NodeMeta {
        root,
        level: level - 1,
        base: base + pages_before(level, i),
        count: 0,
    };
    proof_with!(Tracked(s), Tracked(f), Tracked(rights), Tracked(Map::tracked_empty()), Ghost(ci) => Tracked(made));
    settle::<P>(child, m);
    proof_decl! {
        let tracked (s, half) = made;
        let tracked c = NodePerm::<P, E> { res: s, fmt: core::marker::PhantomData };
    }
    proof! {
        E::zero_absent();
        lemma_stocked_no_leaf::<P, E>(c@);
    }
    proof_with!(Tracked(c), Tracked(Map::tracked_empty()));
    unlock_node::<P, E>(child);
    proof_with!(|= Tracked(half));
    ()
}

#[cfg(verus_only)]
verus! {

/// Entry `j` names the frame that is to be the child there.
spec fn nursed_at<P: Platform, E: PageTableEntryTrait>(l: int, words: Seq<u64>, kids: Map<int, NodeFrame<P>>, j: int) -> bool {
    &&& is_table::<E>(l, words[j]) && kids.dom().contains(j)
    &&& kids[j].wf(E::spec_paddr(l, words[j])) && kids[j].words() == zero_words()
}

/// Entries `lo..hi` name the frames that are to be their children, the others nothing.
spec fn nursed<P: Platform, E: PageTableEntryTrait>(l: int, words: Seq<u64>, kids: Map<int, NodeFrame<P>>, lo: int, hi: int) -> bool {
    &&& forall|j: int| lo <= j < hi ==> #[trigger] nursed_at::<P, E>(l, words, kids, j)
    &&& forall|j: int| #[trigger] kids.dom().contains(j) <==> lo <= j < hi
    &&& forall|j: int| 0 <= j < 512 && !(lo <= j < hi) ==> #[trigger] words[j] == 0
}

/// Absent entries at the end do not count.
proof fn lemma_count_rest(f: Fmt, w: Seq<u64>, k: int)
    requires 0 <= k <= 512, w.len() == 512, forall|j: int| k <= j < 512 ==> !(f.present)(#[trigger] w[j]),
    ensures present_count(f, w, 512) == present_count(f, w, k),
    decreases 512 - k,
{
    if k < 512 {
        lemma_count_rest(f, w, k + 1);
        assert(!(f.present)(w[k]));
    }
}

/// One more child.
proof fn lemma_links_more<P: Platform>(p: NodeInfo, a: Seq<u64>, b: Seq<u64>, links: Map<int, Tok>, i: int)
    requires
        0 <= i < 512, a.len() == 512, b == a.update(i, b[i]), links_ok::<P>(p, a, links.remove(i)), !linked(p, a, i), linked(p, b, i),
        links.dom().contains(i), link_ok::<P>(ids::<P>(), child_at(p, b, i), links[i], child_info(p, i)),
    ensures links_ok::<P>(p, b, links),
{
    let rest = links.remove(i);
    assert forall|j: int| #[trigger] links.dom().contains(j) <==> linked(p, b, j) by {
        assert(rest.dom().contains(j) <==> linked(p, a, j));
    }
    assert forall|j: int| #[trigger] links.dom().contains(j) implies link_ok::<P>(ids::<P>(), child_at(p, b, j), links[j], child_info(p, j)) by {
        if j != i {
            assert(rest.dom().contains(j));
        }
    }
}

} // verus!
