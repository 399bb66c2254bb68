//! How a node's facts survive a write: plain words, links made, links undone.
use super::*;
use crate::paging::entry::page_ok;
use crate::paging::geometry::{bytes, lemma_part};
use crate::paging::PageTableEntryTrait;
use vstd::arithmetic::div_mod::lemma_mod_mod;

verus! {

/// Replacing a word that links nothing by another such keeps what a node is.
pub proof fn lemma_links_kept<P: Platform>(p: NodeInfo, a: NodeRes<P>, b: NodeRes<P>, i: int, w: u64, pa: int)
    requires
        a.core(ids::<P>(), pa, p),
        a.words().len() == 512,
        0 <= i < 512,
        !linked(p, a.words(), i),
        !linked(p, a.words().update(i, w), i),
        b.rights == a.rights,
        b.links == a.links,
        b.frame.wf(pa),
        b.frame.meta() == a.frame.meta(),
        b.words() == a.words().update(i, w),
    ensures
        b.core(ids::<P>(), pa, p),
{
    lemma_region_leaf(p, a.words(), i, w);
    assert forall|j: int| #[trigger] b.links.dom().contains(j) <==> linked(p, b.words(), j) by {
        assert(a.links.dom().contains(j) <==> linked(p, a.words(), j));
    }
    assert forall|j: int| #[trigger] b.links.dom().contains(j) implies link_ok::<P>(
        ids::<P>(),
        child_at(p, b.words(), j),
        b.links[j],
        child_info(p, j),
    ) by {
        assert(a.links.dom().contains(j));
    }
}

/// The parts of a page are pages.
pub proof fn lemma_part_ok<E: PageTableEntryTrait>(l: int, to: int, j: int)
    requires
        1 <= l <= 4,
        page_ok(E::PADDR_END as int, l + 1, to),
        0 <= j < 512,
    ensures
        page_ok(E::PADDR_END as int, l, to + off(l, j) * 4096),
        0 <= off(l, j) * 4096 < span(l) * 4096,
        to + span(l) * 4096 <= E::PADDR_END <= 0x100_0000_0000_0000,
{
    E::paddr_end_aligned();
    lemma_part(E::PADDR_END as int, l + 1, to, j);
    assert(j * bytes(l) == off(l, j) * 4096) by (nonlinear_arith)
        requires
            1 <= l <= 4,
    ;
    assert(bytes(l + 1) == span(l) * 4096);
}

/// Linking a child gives away its share of the rights and keeps half of its identity.
pub proof fn lemma_linked<P: Platform>(p: NodeInfo, a: NodeRes<P>, b: NodeRes<P>, i: int, w: u64, c: int, pa: int)
    requires
        a.core(ids::<P>(), pa, p),
        a.words().len() == 512,
        0 <= i < 512,
        p.level >= 2,
        own(p, i),
        !linked(p, a.words(), i),
        child_of(p.table.fmt, p.level, w) == Some(c),
        b.rights.id() == a.rights.id(),
        b.rights@.dom() =~= a.rights@.dom() - share(p, i),
        forall|k: Key| #[trigger] b.rights@.dom().contains(k) ==> b.rights@[k] == a.rights@[k],
        b.links == a.links.insert(i, b.links[i]),
        link_ok::<P>(ids::<P>(), c, b.links[i], child_info(p, i)),
        b.frame.wf(pa),
        says(b.frame.meta(), p, b.count(p)),
        0 <= b.count(p) <= 512,
        b.words() == a.words().update(i, w),
    ensures
        b.core(ids::<P>(), pa, p),
{
    lemma_region_link(p, a.words(), i, w);
    assert forall|j: int| #[trigger] b.links.dom().contains(j) <==> linked(p, b.words(), j) by {
        assert(a.links.dom().contains(j) <==> linked(p, a.words(), j));
    }
    assert forall|j: int| #[trigger] b.links.dom().contains(j) implies link_ok::<P>(
        ids::<P>(),
        child_at(p, b.words(), j),
        b.links[j],
        child_info(p, j),
    ) by {
        if j != i {
            assert(a.links.dom().contains(j));
        }
    }
}

/// A node whose words point to no table decides all its pages.
pub proof fn lemma_childless<P: Platform, E: PageTableEntryTrait>(c: NodePerm<P, E>)
    requires
        c.inv(),
        c@.words.len() == 512,
        forall|j: int| 0 <= j < 512 ==> !is_table::<E>(c@.level, #[trigger] c@.words[j]),
    ensures
        region(c.info(), c@.words) =~= cover(c.info().root, c.info().base, c.info().base + span(c.info().level), c.info().level),
{
    assert forall|j: int| 0 <= j < 512 implies !#[trigger] linked(c.info(), c@.words, j) by {
        lemma_fmt::<E>(c.info().level, c@.words[j]);
    }
    lemma_region_full(c.info(), c@.words);
}

/// A dead node's slot still says its level.
pub proof fn lemma_level_word(p: NodeInfo)
    requires
        info_ok(p),
    ensures
        (p.base + p.level) % 512 == p.level,
{
    if p.level == 2 {
        lemma_mod_mod(p.base, 512, 512);
    } else if p.level == 3 {
        lemma_mod_mod(p.base, 512, 262144);
    } else if p.level == 4 {
        lemma_mod_mod(p.base, 512, 134217728);
    } else if p.level == 5 {
        lemma_mod_mod(p.base, 512, 68719476736);
    }
    low_bits(p.base, p.level);
}

proof fn low_bits(b: int, l: int)
    requires
        b % 512 == 0,
        0 <= l < 512,
    ensures
        (b + l) % 512 == l,
{
}

/// Unlinking a childless child brings its share of the rights back.
pub proof fn lemma_unlinked<P: Platform>(p: NodeInfo, a: NodeRes<P>, b: NodeRes<P>, i: int, w: u64, pa: int)
    requires
        a.core(ids::<P>(), pa, p),
        a.words().len() == 512,
        0 <= i < 512,
        p.level >= 2,
        linked(p, a.words(), i),
        child_of(p.table.fmt, p.level, w) is None,
        b.rights.id() == a.rights.id(),
        b.rights@.dom() =~= a.rights@.dom().union(share(p, i)),
        forall|k: Key| #[trigger] b.rights@.dom().contains(k) ==> b.rights@[k] == p.table,
        b.links == a.links.remove(i),
        b.frame.wf(pa),
        says(b.frame.meta(), p, b.count(p)),
        0 <= b.count(p) <= 512,
        b.words() == a.words().update(i, w),
    ensures
        b.core(ids::<P>(), pa, p),
{
    lemma_region_unlink(p, a.words(), i, w);
    assert forall|j: int| #[trigger] b.links.dom().contains(j) <==> linked(p, b.words(), j) by {
        assert(a.links.dom().contains(j) <==> linked(p, a.words(), j));
    }
    assert forall|j: int| #[trigger] b.links.dom().contains(j) implies link_ok::<P>(
        ids::<P>(),
        child_at(p, b.words(), j),
        b.links[j],
        child_info(p, j),
    ) by {
        assert(a.links.dom().contains(j));
    }
}

} // verus!
