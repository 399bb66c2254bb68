//! Changes of a leaf that the MMU may be using.
//!
//! The MMU sets accessed and dirty flags at any time, so a word that was read may have more of them when
//! another is written over it. Only an exchange tells; what it brings to light goes into the new word. The
//! page is mapped all the time: nobody who translates without locks sees it absent.
use super::*;
use crate::paging::{PageFlags, PageProperty};

/// `prop`, and the accessed and dirty flags that are in `now` but were not in `seen`.
#[inline(always)]
#[verus_spec(ret =>
    requires prop.wf(),
    ensures
        ret.wf(), ret.spec_sans_ad() == prop.spec_sans_ad(),
        ret.flags.bits == prop.flags.bits ==> ret == prop,
        ret.flags.bits != prop.flags.bits ==> (ret.flags.bits & 0x18) > (prop.flags.bits & 0x18),
)]
pub(super) fn with_unseen(prop: PageProperty, seen: PageFlags, now: PageFlags) -> PageProperty {
    let new = now.difference(seen);
    let ad = new.difference(new.sans_ad());
    proof! {
        let (p, n, a) = (prop.flags.bits, new.bits, ad.bits);
        assert((p | a) & 0xe7 == p & 0xe7 && (p < 128 ==> (p | a) < 128) && (p | a != p ==> ((p | a) & 0x18) > (p & 0x18))) by (bit_vector)
            requires a == n & !(n & 0xe7);
    }
    PageProperty {
        flags: prop.flags.union(ad),
        cache: prop.cache,
        priv_flags: prop.priv_flags,
    }
}

/// Gives the leaf at entry `i` of the locked node `pa` the property `prop`, together with the accessed and
/// dirty flags that the MMU has set since the leaf was read as `was`.
///
/// One exchange, as a rule; each further one has found a flag that was not known.
#[inline(always)]
#[verus_spec(
    with Tracked(p): Tracked<&mut NodePerm<P, E>>
    requires
        old(p).inv(), old(p)@.paddr == pa, i < 512, level == old(p)@.level,
        E::spec_present(old(p)@.words[i as int]), !is_table::<E>(level as int, old(p)@.words[i as int]),
        E::spec_last(level as int, was.bits()), E::spec_supports(level as int, prop),
    ensures
        final(p).inv(), put_word(old(p)@, final(p)@, i as int, final(p)@.words[i as int]),
        E::spec_present(final(p)@.words[i as int]), E::spec_last(level as int, final(p)@.words[i as int]),
        E::spec_paddr(level as int, final(p)@.words[i as int]) == E::spec_paddr(level as int, was.bits()),
        E::spec_prop(level as int, final(p)@.words[i as int]).spec_sans_ad() == prop.spec_sans_ad(),
)]
pub fn set_leaf_prop<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    i: usize,
    was: E,
    prop: PageProperty,
) {
    let mut seen = was.prop(level).flags;
    let mut next = prop;
    proof_decl! {
        let ghost p0 = p@;
    }
    proof! {
        p.lemma_state();
        E::supports_wf(level as int, prop);
        assert(p0.words.update(i as int, p0.words[i as int]) =~= p0.words);
    }
    #[cfg_attr(verus_only, verus_spec(
        invariant
            p.inv(), p@.paddr == pa, i < 512, level == p@.level, put_word(p0, p@, i as int, p@.words[i as int]), p0.words.len() == 512,
            !is_table::<E>(level as int, p@.words[i as int]), E::spec_last(level as int, was.bits()),
            E::spec_supports(level as int, next), next.wf(), next.spec_sans_ad() == prop.spec_sans_ad(), p0 == old(p)@,
        decreases 24 - (next.flags.bits & 0x18),
    ))]
    loop {
        let e = was.set_prop(level, next);
        proof_decl! {
            let ghost p1 = p@;
        }
        proof_with!(Tracked(&mut *p));
        let old = swap::<P, E>(pa, i, e);
        proof! {
            assert(p1.words.update(i as int, e.bits()) =~= p0.words.update(i as int, e.bits()));
        }
        let all = with_unseen(next, seen, old.prop(level).flags);
        if all.flags.bits() == next.flags.bits() {
            return;
        }
        proof! {
            E::supports_ad(level as int, next, all);
            let (a, b) = (all.flags.bits, next.flags.bits);
            assert((a & 0x18) <= 24) by (bit_vector);
        }
        seen = next.flags;
        next = all;
    }
}
