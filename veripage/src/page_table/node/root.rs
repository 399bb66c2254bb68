//! New tables: their roots, and what they share with the kernel's.
use super::super::identity::NodeMeta;
#[cfg(verus_only)]
use super::super::identity::*;
#[cfg(verus_only)]
use super::super::lock::*;
use super::super::node_frame;
#[cfg(verus_only)]
use super::super::node_frame::NodeFrame;
#[cfg(verus_only)]
use super::super::shares::{lemma_stocked_none, lemma_stocked_same, stocked, Shares};
use super::birth::*;
use super::*;
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
#[cfg(verus_only)]
use veripage_hw::genesis::the_world;
use veripage_hw::page;
#[cfg(verus_only)]
use veripage_hw::page::zero_words;
#[cfg(verus_only)]
use vstd::invariant::*;
use vstd::open_atomic_invariant;

/// A table under construction: its root, locked, at `level` and first page `base`, without entries.
#[verus_spec(root =>
    with Ghost(t): Ghost<TableInfo> -> out: Tracked<Option<(RootPerm<E>, NodePerm<P, E>)>>
    requires table_ok(t), t.fmt == fmt::<E>(), t.top == level, t.base == base,
    ensures
        root matches Some(root) ==> (out@ matches Some(o) && {
            &&& o.0.wf::<P>() && o.0.paddr() == root
            &&& o.0.table() == t
            &&& o.1.wf() && o.1@.paddr == root && o.1@.info() == root_info(root as int, o.0.table())
            &&& o.1@.words == zero_words() && o.1@.count == 0
        }),
)]
fn make_root<P: Platform, E: PageTableEntryTrait>(
    level: PagingLevel,
    base: usize,
) -> Option<Paddr> {
    proof_decl! {
        let tracked mut out: Option<(RootPerm<E>, NodePerm<P, E>)> = None;
        let tracked mut f: Option<NodeFrame<P>>;
        let tracked mut s: SlotRes<P>;
        let tracked made: (SlotRes<P>, Tok);
        let tracked world = the_world::<P, World<P>>();
    }
    proof_with!(=> Tracked(f));
    let frame = node_frame::take_frame::<P, E>();
    if let Some(root) = frame {
        proof_decl! {
            let tracked mut f = f.tracked_unwrap();
            let ghost f0 = f;
            let ghost p = root_info(root as int, t);
            let ghost news = Map::<Key, TableInfo>::new(|k: Key| full(root as int).contains(k), |k: Key| t);
            let tracked mut rights;
            let tracked handle;
            let tracked own;
        }
        proof! {
            f.lemma_wf(root as int);
        }
        // SAFETY: the frame is nobody else's yet (`f`).
        unsafe {
            proof_with!(Tracked(&mut f.page));
            page::zero_page::<P>(root)
        };
        proof! {
            f0.lemma_page(f.page, root as int);
            E::zero_absent();
            lemma_count_uniform(fmt::<E>(), f.words(), 512, false);
            assert forall|j: int| 0 <= j < 512 implies !#[trigger] linked(p, f.words(), j) by {
                lemma_fmt::<E>(p.level, f.words()[j]);
            }
            lemma_region_full(p, f.words());
        }
        proof_with!(Tracked(&mut f) => Tracked(s));
        claim_slot::<P>(root);
        proof! {
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
            own = rights.split(cover(root as int, base as int, base + span(level as int), level as int));
            assert forall|k: Key| #[trigger] own@.dom().contains(k) implies own@[k] == t by {
                assert(most.dom().contains(k) && most[k] == own@[k]);
            }
            s.spare = rights;
        }
        let m = NodeMeta {
            root,
            level,
            base,
            count: 0,
        };
        proof_with!(Tracked(s), Tracked(f), Tracked(own), Ghost(p) => Tracked(made));
        settle::<P>(root, m);
        proof! {
            let tracked (s, tok) = made;
            out = Some((
                RootPerm { tok, handle, fmt: core::marker::PhantomData },
                NodePerm { res: s, fmt: core::marker::PhantomData },
            ));
        }
    }
    proof_with!(|= Tracked(out));
    frame
}

/// A new table: an unlocked root at `level` whose first page is `base`, without entries. `None`: no
/// frame is free.
#[verus_spec(root =>
    with Ghost(t): Ghost<TableInfo> -> r: Tracked<Option<RootPerm<E>>>
    requires table_ok(t), t.fmt == fmt::<E>(), t.top == level, t.base == base,
    ensures
        root matches Some(root) ==> (r@ matches Some(r) && {
            &&& r.wf::<P>() && r.paddr() == root
            &&& r.table() == t
        }),
)]
pub fn new_root<P: Platform, E: PageTableEntryTrait>(
    level: PagingLevel,
    base: usize,
) -> Option<Paddr> {
    proof_decl! {
        let tracked mut made: Option<(RootPerm<E>, NodePerm<P, E>)>;
        let tracked mut out: Option<RootPerm<E>> = None;
    }
    proof_with!(Ghost(t) => Tracked(made));
    let root = make_root::<P, E>(level, base);
    if let Some(root) = root {
        proof_decl! {
            let tracked (r, p) = made.tracked_unwrap();
        }
        proof! {
            E::zero_absent();
            lemma_stocked_none::<P, E>(p@);
        }
        proof_with!(Tracked(p), Tracked(Map::tracked_empty()));
        unlock_node::<P, E>(root);
        proof! {
            out = Some(r);
        }
    }
    proof_with!(|= Tracked(out));
    root
}

/// A new table whose entries `from..512` are those of the kernel's root `kernel`: its nodes, which
/// are locked through the kernel table only. Its own entries are below `from`. `None`: no frame is free.
#[verus_spec(root =>
    with Tracked(k): Tracked<&RootPerm<E>>, Ghost(t): Ghost<TableInfo>
        -> r: Tracked<Option<RootPerm<E>>>
    requires
        table_ok(t), t.fmt == fmt::<E>(), t.top == level, t.base == base,
        k.wf::<P>(), k.paddr() == kernel, t.hi <= from <= 512,
    ensures
        root matches Some(root) ==> (r@ matches Some(r) && {
            &&& r.wf::<P>() && r.paddr() == root
            &&& r.table() == t
        }),
)]
pub fn new_user_root<P: Platform, E: PageTableEntryTrait>(
    level: PagingLevel,
    base: usize,
    kernel: Paddr,
    from: usize,
) -> Option<Paddr> {
    proof_decl! {
        let tracked mut made: Option<(RootPerm<E>, NodePerm<P, E>)>;
        let tracked mut out: Option<RootPerm<E>> = None;
        let tracked other: (NodePerm<P, E>, Shares<P>);
    }
    proof_with!(Ghost(t) => Tracked(made));
    let root = make_root::<P, E>(level, base);
    if let Some(root) = root {
        proof_decl! {
            let tracked (r, mut p) = made.tracked_unwrap();
        }
        proof_with!(Tracked(k) => Tracked(other));
        lock_root::<P, E>(kernel);
        proof_decl! {
            let tracked (kp, km) = other;
        }
        proof_with!(Tracked(&mut p), Tracked(&kp));
        copy_entries::<P, E>(root, kernel, from);
        proof_with!(Tracked(kp), Tracked(km));
        unlock_node::<P, E>(kernel);
        proof_with!(Tracked(p), Tracked(Map::tracked_empty()));
        unlock_node::<P, E>(root);
        proof! {
            out = Some(r);
        }
    }
    proof_with!(|= Tracked(out));
    root
}

/// Copies the entries `from..512` of `other`'s locked root into the locked root `pa`, which has none
/// and whose own entries are below `from`.
#[verus_spec(
    with Tracked(p): Tracked<&mut NodePerm<P, E>>, Tracked(o): Tracked<&NodePerm<P, E>>
    requires
        old(p).wf(), old(p)@.paddr == pa, old(p)@.words == zero_words(), old(p)@.level == old(p)@.table.top,
        o.inv(), o@.paddr == other, old(p)@.table.hi <= from <= 512,
    ensures
        final(p).wf(), final(p)@.paddr == pa, final(p)@.info() == old(p)@.info(), stocked::<P, E>(Map::empty(), final(p)@),
        shares::<E>(final(p)@.words, o@.words, from as int, 512),
)]
fn copy_entries<P: Platform, E: PageTableEntryTrait>(pa: Paddr, other: Paddr, from: usize) {
    let mut i = from;
    let mut n: usize = 0;
    proof! {
        E::zero_absent();
        p.lemma_state();
        lemma_count_uniform(fmt::<E>(), p@.words, from as int, false);
        lemma_stocked_none::<P, E>(p@);
    }
    #[cfg_attr(verus_only, verus_spec(
        invariant
            from <= i <= 512, p.inv(), p@.paddr == pa, p@.level == p@.table.top, p@.table.hi <= from, o.inv(), o@.paddr == other,
            p@.words.len() == 512, p@.table.fmt == fmt::<E>(), !E::spec_present(0),
            n <= i, n == present_count(fmt::<E>(), p@.words, i as int),
            forall|j: int| i <= j < 512 ==> p@.words[j] == 0,
            p@.info() == old(p)@.info(), stocked::<P, E>(Map::empty(), p@), shares::<E>(p@.words, o@.words, from as int, i as int),
        decreases 512 - i,
    ))]
    while i < 512 {
        proof_with!(Tracked(o));
        let e = load::<P, E>(other, i);
        proof! {
            assert(!own(p@.info(), i as int));
            lemma_count_update(fmt::<E>(), p@.words, i as int, e.bits(), i as int);
        }
        proof_decl! {
            let ghost p0 = p@;
        }
        proof_with!(Tracked(&mut *p));
        put::<P, E>(pa, i, e.as_usize() as u64);
        proof! {
            lemma_stocked_same::<P, E>(Map::empty(), p0, p@, i as int);
        }
        if e.is_present() {
            n += 1;
        }
        i += 1;
    }
    proof_decl! {
        let ghost p0 = p@;
    }
    proof_with!(Tracked(&mut *p));
    set_count::<P, E>(pa, n);
    proof! {
        assert(p@.words =~= p0.words.update(0, p@.words[0]));
    }
}
