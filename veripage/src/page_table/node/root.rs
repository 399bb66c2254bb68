//! New tables: their roots, and what they share with the kernel's.
use super::super::identity::NodeMeta;
#[cfg(verus_only)]
use super::super::identity::*;
#[cfg(verus_only)]
use super::super::lock::*;
#[cfg(verus_only)]
use super::super::model::is_leaf;
use super::super::node_frame;
#[cfg(verus_only)]
use super::super::node_frame::NodeFrame;
#[cfg(verus_only)]
use super::super::shares::{holds, said, stocked, Shares};
use super::birth::*;
use super::*;
#[cfg(verus_only)]
use crate::frame::slot::Share;
#[cfg(verus_only)]
use crate::paging::geometry::slot;
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
#[cfg(verus_only)]
use veripage_hw::genesis::the_world;
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use veripage_hw::page;
#[cfg(verus_only)]
use veripage_hw::page::zero_words;
#[cfg(verus_only)]
use vstd::invariant::*;
use vstd::open_atomic_invariant;

/// A frame for a node without entries. `None`: no frame is free.
#[verus_spec(r =>
    with -> f: Tracked<Option<NodeFrame<P>>>
    ensures
        r matches Some(pa) ==> (f@ matches Some(f) && f.wf(pa as int) && E::spec_table_ok(pa as int) && f.words() == zero_words()),
)]
pub(super) fn take_empty<P: Platform, E: PageTableEntryTrait>() -> Option<Paddr> {
    proof_decl! {
        let tracked mut f: Option<NodeFrame<P>>;
        let tracked mut out: Option<NodeFrame<P>> = None;
    }
    proof_with!(=> Tracked(f));
    let frame = node_frame::take_frame::<P, E>();
    if let Some(pa) = frame {
        proof_decl! {
            let tracked mut f = f.tracked_unwrap();
            let ghost f0 = f;
        }
        proof! {
            f.lemma_wf(pa as int);
        }
        // SAFETY: the frame is nobody else's yet (`f`).
        unsafe {
            proof_with!(Tracked(&mut f.page));
            page::zero_page::<P>(pa)
        };
        proof! {
            f0.lemma_page(f.page, pa as int);
            out = Some(f);
        }
    }
    proof_with!(|= Tracked(out));
    frame
}

/// Locks the slot of the frame `root`, which the caller owns, and makes all of its rights those of table `t`.
#[verus_spec(
    with Tracked(f): Tracked<&mut NodeFrame<P>>, Ghost(t): Ghost<TableInfo> -> out: Tracked<Named<P>>
    requires old(f).wf(root as int), table_ok(t),
    ensures *final(f) == *old(f), out@.wf(root as int, t, cover(root as int, t.base, t.base + span(t.top), t.top)),
)]
pub(super) fn name_root<P: Platform>(root: Paddr) {
    proof_decl! {
        let tracked mut s: SlotRes<P>;
        let tracked world = the_world::<P, World<P>>();
        let ghost news = Map::<Key, TableInfo>::new(|k: Key| full(root as int).contains(k), |k: Key| t);
        let tracked mut rights;
        let tracked handle;
        let tracked own;
    }
    proof_with!(Tracked(&mut *f) => Tracked(s));
    claim_slot::<P>(root);
    proof! {
        f.lemma_wf(root as int);
        rights = s.spare.take();
    }
    open_atomic_invariant!(&world.rights => a => {
        proof {
            assert(RightsPred::inv(ids::<P>().rights, a));
            let tracked mut b = a;
            rights.agree(&b);
            rights.update(&mut b, news);
            a = b;
        }
    });
    proof! {
        let all = rights@;
        assert forall|k: Key| #[trigger] all.dom().contains(k) implies all[k] == t by {
            assert(news.dom().contains(k));
        }
        handle = rights.split(set![handle_key(root as int)]);
        assert(handle@.dom().contains(handle_key(root as int)));
        assert(all.dom().contains(handle_key(root as int)));
        let most = rights@;
        assert forall|k: Key| #[trigger] most.dom().contains(k) implies most[k] == t by {
            assert(all.dom().contains(k) && all[k] == most[k]);
        }
        own = rights.split(cover(root as int, t.base, t.base + span(t.top), t.top));
        assert forall|k: Key| #[trigger] own@.dom().contains(k) implies own@[k] == t by {
            assert(most.dom().contains(k) && most[k] == own@[k]);
        }
        s.spare = rights;
    }
    proof_decl! {
        let tracked out = Named { s, handle, own };
    }
    proof_with!(|= Tracked(out));
    ()
}

/// Makes the frame `root`, whose words are written and map nothing, the root of table `t`: unlocked.
#[verus_spec(
    with Tracked(n): Tracked<Named<P>>, Tracked(f): Tracked<NodeFrame<P>>, Tracked(links): Tracked<Map<int, Tok>>,
        Ghost(t): Ghost<TableInfo> -> r: Tracked<RootPerm<E>>
    requires
        table_ok(t), t.fmt == fmt::<E>(), t.top == level, t.base == base, f.wf(root as int),
        n.wf(root as int, t, region(root_info(root as int, t), f.words())),
        links_ok::<P>(root_info(root as int, t), f.words(), links), pinned(root_info(root as int, t), f.words()),
        count == present_count(t.fmt, f.words(), 512),
        forall|j: int| t.lo <= j < t.hi ==> !is_leaf::<E>(t.top, #[trigger] f.words()[j]),
    ensures r@.wf::<P>(), r@.paddr() == root, r@.table() == t,
)]
pub(super) fn open_root<P: Platform, E: PageTableEntryTrait>(
    root: Paddr,
    level: PagingLevel,
    base: usize,
    count: usize,
) {
    proof_decl! {
        let ghost p = root_info(root as int, t);
        let tracked Named { s, handle, own } = n;
        let tracked made: (SlotRes<P>, Tok);
    }
    let m = NodeMeta {
        root,
        level,
        base,
        count,
    };
    proof_with!(Tracked(s), Tracked(f), Tracked(own), Tracked(links), Ghost(p) => Tracked(made));
    settle::<P>(root, m);
    proof_decl! {
        let tracked (s, tok) = made;
        let tracked node = NodePerm::<P, E> { res: s, fmt: core::marker::PhantomData };
        let tracked r = RootPerm::<E> { tok, handle, fmt: core::marker::PhantomData };
    }
    proof! {
        lemma_stocked_no_leaf::<P, E>(node@);
    }
    proof_with!(Tracked(node), Tracked(Map::tracked_empty()));
    unlock_node::<P, E>(root);
    proof_with!(|= Tracked(r));
    ()
}

/// A new table: an unlocked root at `level` whose first page is `base`, without entries. `None`: no
/// frame is free.
#[verus_spec(root =>
    with Ghost(t): Ghost<TableInfo> -> r: Tracked<Option<RootPerm<E>>>
    requires table_ok(t), t.fmt == fmt::<E>(), t.top == level, t.base == base, t.pins == Map::<int, int>::empty(),
    ensures
        root matches Some(root) ==> (r@ matches Some(r) && r.wf::<P>() && r.paddr() == root && r.table() == t),
)]
pub fn new_root<P: Platform, E: PageTableEntryTrait>(
    level: PagingLevel,
    base: usize,
) -> Option<Paddr> {
    proof_decl! {
        let tracked mut f: Option<NodeFrame<P>>;
        let tracked mut named: Named<P>;
        let tracked mut r: RootPerm<E>;
        let tracked mut out: Option<RootPerm<E>> = None;
    }
    proof_with!(=> Tracked(f));
    let frame = take_empty::<P, E>();
    if let Some(root) = frame {
        proof_decl! {
            let tracked mut f = f.tracked_unwrap();
            let ghost p = root_info(root as int, t);
        }
        proof! {
            lemma_empty::<E>(p, f.words());
        }
        proof_with!(Tracked(&mut f), Ghost(t) => Tracked(named));
        name_root::<P>(root);
        proof_with!(Tracked(named), Tracked(f), Tracked(Map::tracked_empty()), Ghost(t) => Tracked(r));
        open_root::<P, E>(root, level, base, 0);
        proof! {
            out = Some(r);
        }
    }
    proof_with!(|= Tracked(out));
    frame
}

/// A new table whose entries `from..512` are those of the kernel's root `kernel`: its nodes, which
/// are locked through the kernel table only. Its own entries are below `from`. What the kernel's table pins, it
/// pins too. `None`: no frame is free.
#[verus_spec(root =>
    with Tracked(k): Tracked<&RootPerm<E>>, Ghost(t): Ghost<TableInfo>
        -> r: Tracked<Option<RootPerm<E>>>
    requires
        table_ok(t), t.fmt == fmt::<E>(), t.top == level, t.base == base,
        k.wf::<P>(), k.paddr() == kernel, k.table().top == t.top, t.hi <= from <= 512,
        t.pins == k.table().pins, forall|i: int| #[trigger] t.pins.dom().contains(i) ==> from <= i < 512,
    ensures
        root matches Some(root) ==> (r@ matches Some(r) && r.wf::<P>() && r.paddr() == root && r.table() == t),
)]
pub fn new_user_root<P: Platform, E: PageTableEntryTrait>(
    level: PagingLevel,
    base: usize,
    kernel: Paddr,
    from: usize,
) -> Option<Paddr> {
    proof_decl! {
        let tracked mut f: Option<NodeFrame<P>>;
        let tracked mut named: Named<P>;
        let tracked mut r: RootPerm<E>;
        let tracked mut out: Option<RootPerm<E>> = None;
        let tracked other: (NodePerm<P, E>, Shares<P>);
    }
    proof_with!(=> Tracked(f));
    let frame = take_empty::<P, E>();
    if let Some(root) = frame {
        proof_decl! {
            let tracked mut f = f.tracked_unwrap();
            let ghost p = root_info(root as int, t);
        }
        proof_with!(Tracked(k) => Tracked(other));
        lock_root::<P, E>(kernel);
        proof_decl! {
            let tracked (mut kp, km) = other;
        }
        proof! {
            k.lemma_pins::<P>(&mut kp);
            kp.lemma_wf();
            kp.lemma_state();
        }
        proof_with!(Tracked(&mut f), Tracked(&kp));
        let count = copy_entries::<P, E>(root, kernel, from);
        proof! {
            assert forall|i: int| #[trigger] t.pins.dom().contains(i) implies pin_ok(p, f.words(), i) by {
                let (a, b) = (kp@.words[i], f.words()[i]);
                assert(pin_ok(kp@.info(), kp@.words, i));
                E::ad_irrelevant(t.top, a, b);
                lemma_fmt::<E>(t.top, a);
                lemma_fmt::<E>(t.top, b);
            }
            E::zero_absent();
            assert forall|j: int| 0 <= j < 512 implies !#[trigger] linked(p, f.words(), j) by {
                if own(p, j) {
                    assert(f.words()[j] == 0);
                }
                lemma_fmt::<E>(p.level, f.words()[j]);
            }
            f.lemma_wf(root as int);
            lemma_region_full(p, f.words());
        }
        proof_with!(Tracked(kp), Tracked(km));
        unlock_node::<P, E>(kernel);
        proof_with!(Tracked(&mut f), Ghost(t) => Tracked(named));
        name_root::<P>(root);
        proof_with!(Tracked(named), Tracked(f), Tracked(Map::tracked_empty()), Ghost(t) => Tracked(r));
        open_root::<P, E>(root, level, base, count);
        proof! {
            out = Some(r);
        }
    }
    proof_with!(|= Tracked(out));
    frame
}

/// Copies the entries `from..512` of the locked root `other` into the frame `pa`, which has no entries; returns how
/// many are present.
#[verus_spec(n =>
    with Tracked(f): Tracked<&mut NodeFrame<P>>, Tracked(o): Tracked<&NodePerm<P, E>>
    requires old(f).wf(pa as int), old(f).words() == zero_words(), o.inv(), o@.paddr == other, from <= 512,
    ensures
        final(f).wf(pa as int), shares::<E>(final(f).words(), o@.words, from as int, 512),
        n == present_count(fmt::<E>(), final(f).words(), 512),
)]
fn copy_entries<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    other: Paddr,
    from: usize,
) -> usize {
    let mut i = from;
    let mut n: usize = 0;
    proof! {
        E::zero_absent();
        f.lemma_wf(pa as int);
        lemma_count_uniform(fmt::<E>(), f.words(), from as int, false);
    }
    #[cfg_attr(verus_only, verus_spec(
        invariant
            from <= i <= 512, f.wf(pa as int), f.page.wf(), f.page@.paddr == pa, o.inv(), o@.paddr == other, f.words().len() == 512,
            !E::spec_present(0), n <= i, n == present_count(fmt::<E>(), f.words(), i as int),
            forall|j: int| i <= j < 512 ==> f.words()[j] == 0, shares::<E>(f.words(), o@.words, from as int, i as int),
        decreases 512 - i,
    ))]
    while i < 512 {
        proof_decl! {
            let ghost f0 = *f;
        }
        proof_with!(Tracked(o));
        let e = load::<P, E>(other, i);
        // SAFETY: the frame is nobody else's yet (`f`).
        unsafe {
            proof_with!(Tracked(&mut f.page));
            page::pte_store::<P>(pa, i, e.as_usize() as u64)
        };
        proof! {
            f0.lemma_page(f.page, pa as int);
            lemma_count_update(fmt::<E>(), f0.words(), i as int, e.bits(), i as int);
        }
        if e.is_present() {
            n += 1;
        }
        i += 1;
    }
    n
}

#[cfg(verus_only)]
verus! {

/// What a frame is given to become the root of a table: its slot, locked, the table's name, and the
/// rights of the table's pages.
#[verifier::reject_recursive_types(P)]
pub tracked struct Named<P: Platform> {
    pub s: SlotRes<P>,
    pub handle: Rights,
    pub own: Rights,
}

impl<P: Platform> Named<P> {
    /// It is for the root of table `t` at `root`, with the rights `own`.
    pub open spec fn wf(self, root: int, t: TableInfo, own: Set<Key>) -> bool {
        let g = ids::<P>();
        &&& has_slot::<P>(root) && self.s.live.paddr() == root && self.s.node is None
        &&& self.s.tok.id() == g.toks[root] && self.s.tok.frac() == 1real
        &&& self.s.spare.id() == g.rights && self.s.spare@.dom() =~= rest(root_info(root, t))
        &&& self.handle.id() == g.rights && self.handle@.dom() =~= set![handle_key(root)]
        &&& self.handle@[handle_key(root)] == t
        &&& self.own.id() == g.rights && self.own@.dom() =~= own
        &&& forall|k: Key| #[trigger] self.own@.dom().contains(k) ==> self.own@[k] == t
    }
}

/// A node without entries decides all its pages.
pub proof fn lemma_empty<E: PageTableEntryTrait>(p: NodeInfo, words: Seq<u64>)
    requires info_ok(p), p.table.fmt == fmt::<E>(), words == zero_words(),
    ensures
        !E::spec_present(0),
        forall|j: int| 0 <= j < 512 ==> !#[trigger] linked(p, words, j),
        region(p, words) =~= cover(p.root, p.base, p.base + span(p.level), p.level),
        present_count(p.table.fmt, words, 512) == 0,
{
    E::zero_absent();
    lemma_count_uniform(p.table.fmt, words, 512, false);
    assert forall|j: int| 0 <= j < 512 implies !#[trigger] linked(p, words, j) by {
        lemma_fmt::<E>(p.level, words[j]);
    }
    lemma_region_full(p, words);
}

/// A node whose own words map nothing holds nothing.
pub proof fn lemma_stocked_no_leaf<P: Platform, E: PageTableEntryTrait>(s: NodeState)
    requires forall|j: int| 0 <= j < 512 && s.own(j) ==> !is_leaf::<E>(s.level, #[trigger] s.words[j]),
    ensures stocked::<P, E>(Map::empty(), s),
{
    assert forall|v: int| slot(s.level + 1, v) == s.prefix implies #[trigger] holds(Map::<int, Share<P>>::empty(), v, said::<E>(s, v)) by {
        assert(s.own(slot(s.level, v) % 512) ==> !is_leaf::<E>(s.level, s.words[slot(s.level, v) % 512]));
    }
}

} // verus!
