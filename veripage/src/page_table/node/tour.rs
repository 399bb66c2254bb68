//! The life of a table, by the operations on its nodes alone: checked as a client of their contracts, and
//! run by the test below.
use super::super::retired::Retired;
#[cfg(verus_only)]
use super::super::shares::{lemma_stocked_none, lemma_stocked_same, stocked, Shares};
use super::walk_hint::*;
use super::*;
#[cfg(verus_only)]
use crate::paging::entry::page_ok;
use crate::paging::PageProperty;
use crate::rcu::RcuGuard;

/// What [`tour`] saw of the page that it mapped: by the owner's load, and when it was taken out.
type Seen<E> = Option<(E, E)>;

/// Makes a table, maps page 5 to `to` in it and takes it out again, adds and removes a node by hand, and
/// takes the table apart into `out`. `None`: no frame was free.
#[verus_spec(r =>
    requires E::spec_supports(1, prop), page_ok(E::PADDR_END as int, 1, to as int),
    ensures r matches Some(x) ==> E::spec_paddr(1, x.0.bits()) == to && E::spec_paddr(1, x.1.bits()) == to,
)]
fn tour<P: Platform, E: PageTableEntryTrait>(
    to: Paddr,
    prop: PageProperty,
    out: &mut Retired<P, E>,
) -> Seen<E> {
    proof_decl! {
        let ghost table = TableInfo { fmt: fmt::<E>(), top: 4, base: 0, lo: 0, hi: 256, pins: Map::empty() };
    }
    proof_with!(Ghost(table) => Tracked(r));
    let made = new_root::<P, E>(4, 0);
    let root = made?;
    proof_decl! {
        let tracked r = r.tracked_unwrap();
    }
    let guard = RcuGuard::<P>::enter();
    proof_with!(Tracked(&r) => Tracked(found));
    let covering = lock_covering::<P, E>(&guard, root, 4, 5, 5, true);
    let seen = match covering {
        Err(_) => None,
        Ok(node) => {
            proof_decl! {
                let tracked (p, m) = found.tracked_unwrap();
            }
            proof_with!(Tracked(p), Tracked(m));
            map_and_take::<P, E>(node.paddr, node.level, to, prop)
        }
    };
    proof_with!(Tracked(&r));
    by_hand::<P, E>(root, out);
    proof_with!(Tracked(r));
    retire_table::<P, E>(root, 4, 0, 256, out);
    seen
}

/// Maps page 5 in its locked leaf node, looks, takes it out, and unlocks.
#[verus_spec(r =>
    with Tracked(p): Tracked<NodePerm<P, E>>, Tracked(m): Tracked<Shares<P>>
    requires
        p.wf(), p@.paddr == pa, p@.level == level, p@.own(5), stocked::<P, E>(m, p@),
        E::spec_supports(1, prop), page_ok(E::PADDR_END as int, 1, to as int),
    ensures r matches Some(x) ==> E::spec_paddr(1, x.0.bits()) == to && E::spec_paddr(1, x.1.bits()) == to,
)]
fn map_and_take<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    to: Paddr,
    prop: PageProperty,
) -> Seen<E> {
    proof_decl! {
        let tracked mut p = p;
        let ghost p0 = p@;
        let ghost words = p@.words;
    }
    proof! {
        p.lemma_state();
        lemma_count_bound(fmt::<E>(), words, 512);
    }
    proof_with!(Tracked(&p));
    let was = load::<P, E>(pa, 5);
    proof! {
        E::ad_irrelevant(level as int, words[5], was.bits());
    }
    if level != 1 || was.is_present() {
        proof_with!(Tracked(p), Tracked(m));
        unlock_node::<P, E>(pa);
        return None;
    }
    let leaf = E::new_page(to, 1, prop);
    proof_with!(Tracked(&p));
    let n = count::<P, E>(pa);
    proof! {
        lemma_count_update(fmt::<E>(), words, 5, leaf.bits(), 512);
        lemma_count_update(fmt::<E>(), words.update(5, leaf.bits()), 5, 0, 512);
        E::zero_absent();
    }
    proof_with!(Tracked(&mut p));
    store::<P, E>(pa, 5, leaf);
    proof_with!(Tracked(&mut p));
    set_count::<P, E>(pa, n + 1);
    proof_with!(Tracked(&p));
    let looked = load::<P, E>(pa, 5);
    proof_with!(Tracked(&mut p));
    let taken = swap::<P, E>(pa, 5, E::new_absent());
    proof_with!(Tracked(&mut p));
    set_count::<P, E>(pa, n);
    proof! {
        E::ad_irrelevant(1, leaf.bits(), looked.bits());
        E::ad_irrelevant(1, leaf.bits(), taken.bits());
        assert(p@.words =~= words.update(5, 0));
        lemma_stocked_same::<P, E>(m, p0, p@, 5);
    }
    proof_with!(Tracked(p), Tracked(m));
    unlock_node::<P, E>(pa);
    Some((looked, taken))
}

/// Gives root entry 1 a node, if it has none and there is a frame, and takes it away again.
#[verus_spec(
    with Tracked(r): Tracked<&RootPerm<E>>
    requires r.wf::<P>(), r.paddr() == root, r.table().lo <= 1 < r.table().hi, loose(r.table()),
)]
fn by_hand<P: Platform, E: PageTableEntryTrait>(root: Paddr, out: &mut Retired<P, E>) {
    proof_decl! {
        let tracked got: (NodePerm<P, E>, Shares<P>);
    }
    proof_with!(Tracked(r) => Tracked(got));
    lock_root::<P, E>(root);
    proof_decl! {
        let tracked (mut p, m) = got;
        let ghost p0 = p@;
        let ghost words = p@.words;
    }
    proof! {
        p.lemma_state();
        r.lemma_root::<P>();
    }
    proof_with!(Tracked(&p));
    let was = load::<P, E>(root, 1);
    proof! {
        E::ad_irrelevant(p@.level, words[1], was.bits());
    }
    if !was.is_present() {
        proof_with!(Tracked(&mut p) => Tracked(made));
        let child = alloc_child::<P, E>(root, 1);
        if let Some(child) = child {
            proof_decl! {
                let tracked c = made.tracked_unwrap();
            }
            proof! {
                E::zero_absent();
                lemma_stocked_none::<P, E>(c@);
                assert(!r.table().pins.dom().contains(1));
            }
            proof_with!(Tracked(&mut p), Tracked(c), Tracked(Map::tracked_empty()));
            detach::<P, E>(root, 1, child, out);
            proof! {
                assert(p@.words =~= words.update(1, 0));
                lemma_stocked_same::<P, E>(m, p0, p@, 1);
            }
        }
    }
    proof_with!(Tracked(p), Tracked(m));
    unlock_node::<P, E>(root);
}

#[cfg(all(test, not(feature = "loom")))] // whose slots are no 32 bytes
mod tests {
    use super::*;
    use crate::frame::boot;
    use crate::page_table::{reclaim, Pending};
    use crate::paging::{Aarch64Pte, CachePolicy, LoongArch64Pte, PageFlags, RiscvPte, X86_64Pte};
    use veripage_sim::{Config, Machine, Sim};

    fn run<E: PageTableEntryTrait, const ID: usize>() {
        let machine = Machine::<ID>::boot(Config::with_ram(1 << 20)).expect("the machine boots");
        // SAFETY: once, before anybody uses frames.
        unsafe { boot::<Sim<ID>>(0..Sim::<ID>::MAX_PADDR) };
        let to = Sim::<ID>::alloc_frames(1, 4096).expect("there is RAM");
        let prop = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
        let mut out = Retired::new();
        let (looked, taken) = tour::<Sim<ID>, E>(to, prop, &mut out).expect("there is RAM");
        assert_eq!((looked.paddr(1), taken.paddr(1)), (to, to));
        // SAFETY: no CPU has loaded the table.
        let out = unsafe { Pending::new(out, 0..0).assume_flushed() };
        let Ok(gone) = out.wait().try_expire() else {
            panic!("nobody reads");
        };
        reclaim(gone);
        Sim::<ID>::dealloc_frames(to, 1);
        let end = machine.shutdown();
        assert!(end.lost.is_empty());
        assert!(end.violations.is_empty());
    }

    #[test]
    fn tour_of_each_format() {
        run::<X86_64Pte, 20>();
        run::<RiscvPte, 21>();
        run::<Aarch64Pte, 22>();
        run::<LoongArch64Pte, 23>();
    }
}
