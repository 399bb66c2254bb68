//! Geometry of positions, and how rights move when a child is linked or unlinked.
use super::ghost::*;
use crate::paging::geometry::{base, slot, slot_iff};
use crate::paging::PageTableEntryTrait;
use vstd::prelude::*;

verus! {

pub proof fn lemma_shr(v: usize, level: u8)
    requires
        1 <= level <= 5,
    ensures
        v >> ((9 * (level - 1)) as usize) == v as int / es(level as int),
{
    if level == 1 {
        assert(v >> 0usize == v) by (bit_vector);
    } else if level == 2 {
        assert(v >> 9usize == v / 512) by (bit_vector);
    } else if level == 3 {
        assert(v >> 18usize == v / 262144) by (bit_vector);
    } else if level == 4 {
        assert(v >> 27usize == v / 134217728) by (bit_vector);
    } else {
        assert(v >> 36usize == v / 68719476736) by (bit_vector);
    }
}

pub proof fn lemma_shl(i: usize, level: u8)
    requires
        1 <= level <= 5,
        i <= 512,
    ensures
        i << ((9 * (level - 1)) as usize) == off(level as int, i as int),
{
    if level == 1 {
        assert(i << 0usize == i) by (bit_vector);
    } else if level == 2 {
        assert(i << 9usize == i * 512) by (bit_vector)
            requires
                i <= 512,
        ;
    } else if level == 3 {
        assert(i << 18usize == i * 262144) by (bit_vector)
            requires
                i <= 512,
        ;
    } else if level == 4 {
        assert(i << 27usize == i * 134217728) by (bit_vector)
            requires
                i <= 512,
        ;
    } else {
        assert(i << 36usize == i * 68719476736) by (bit_vector)
            requires
                i <= 512,
        ;
    }
}

/// `idx` is the interval that covers the page.
pub proof fn lemma_idx(p: NodeInfo, v: int, i: int)
    requires
        1 <= p.level <= 5,
    ensures
        (p.base + off(p.level, i) <= v < p.base + off(p.level, i + 1)) <==> idx(p, v) == i,
        p.base <= v < p.base + span(p.level) <==> 0 <= idx(p, v) < 512,
{
}

pub proof fn lemma_child_info(p: NodeInfo, i: int)
    requires
        info_ok(p),
        p.level >= 2,
        0 <= i < 512,
    ensures
        info_ok(child_info(p, i)),
        span(p.level - 1) == es(p.level),
        off(p.level, i + 1) == off(p.level, i) + es(p.level),
        p.base <= child_info(p, i).base,
        child_info(p, i).base + es(p.level) <= p.base + span(p.level),
        prefix(child_info(p, i)) == prefix(p) * 512 + i,
{
    assert(prefix(child_info(p, i)) == prefix(p) * 512 + i) by {
        reveal(slot);
    }
}

/// A page is in a node iff its slot number says so.
pub proof fn lemma_prefix(p: NodeInfo, v: int)
    requires
        info_ok(p),
    ensures
        slot(p.level + 1, v) == prefix(p) <==> p.base <= v < p.base + span(p.level),
        slot(p.level, v) % 512 == idx(p, v) || !(p.base <= v < p.base + span(p.level)),
        base(p.level + 1, prefix(p)) == p.base,
{
    slot_iff(p.level + 1, v, prefix(p));
    assert(base(p.level + 1, prefix(p)) == p.base) by {
        reveal(slot);
        reveal(base);
    }
    if p.base <= v < p.base + span(p.level) {
        assert(slot(p.level, v) % 512 == idx(p, v)) by {
            reveal(slot);
        }
    }
}

/// An index in the table's own part, for pages of that part.
pub proof fn lemma_own(p: NodeInfo, v: int)
    requires
        info_ok(p),
        p.base <= v < p.base + span(p.level),
        p.table.base + off(p.table.top, p.table.lo) <= v < p.table.base + off(p.table.top, p.table.hi),
    ensures
        own(p, idx(p, v)),
{
    lemma_idx(p, v, idx(p, v));
}

/// A node without children decides its whole span.
pub proof fn lemma_region_full(p: NodeInfo, words: Seq<u64>)
    requires
        info_ok(p),
        words.len() == 512,
        forall|j: int| 0 <= j < 512 ==> !#[trigger] linked(p, words, j),
    ensures
        region(p, words) =~= cover(p.root, p.base, p.base + span(p.level), p.level),
{
    assert forall|k: Key| region(p, words).contains(k) <==> cover(
        p.root,
        p.base,
        p.base + span(p.level),
        p.level,
    ).contains(k) by {
        lemma_idx(p, k.1, 0);
    }
}

/// Linking a child gives it exactly the entry's share.
pub proof fn lemma_region_link(p: NodeInfo, words: Seq<u64>, i: int, w: u64)
    requires
        info_ok(p),
        words.len() == 512,
        0 <= i < 512,
        p.level >= 2,
        !linked(p, words, i),
        linked(p, words.update(i, w), i),
    ensures
        share(p, i).subset_of(region(p, words)),
        region(p, words.update(i, w)) =~= region(p, words) - share(p, i),
{
    assert forall|k: Key| #[trigger] share(p, i).contains(k) implies region(p, words).contains(k) by {
        lemma_idx(p, k.1, i);
    }
    assert forall|k: Key| #[trigger]
        region(p, words.update(i, w)).contains(k) <==> (region(p, words) - share(p, i)).contains(k) by {
        lemma_idx(p, k.1, i);
    }
}

/// Unlinking a child gives its share back.
pub proof fn lemma_region_unlink(p: NodeInfo, words: Seq<u64>, i: int, w: u64)
    requires
        info_ok(p),
        words.len() == 512,
        0 <= i < 512,
        p.level >= 2,
        linked(p, words, i),
        !linked(p, words.update(i, w), i),
    ensures
        region(p, words.update(i, w)) =~= region(p, words).union(share(p, i)),
{
    assert forall|k: Key| #[trigger]
        region(p, words.update(i, w)).contains(k) <==> region(p, words).union(share(p, i)).contains(k) by {
        lemma_idx(p, k.1, i);
    }
}

/// Storing a word that links nothing over one that links nothing moves no right.
pub proof fn lemma_region_leaf(p: NodeInfo, words: Seq<u64>, i: int, w: u64)
    requires
        info_ok(p),
        words.len() == 512,
        0 <= i < 512,
        !linked(p, words, i),
        !linked(p, words.update(i, w), i),
    ensures
        region(p, words.update(i, w)) =~= region(p, words),
{
    assert forall|k: Key| #[trigger] region(p, words.update(i, w)).contains(k) <==> region(p, words).contains(k) by {
        lemma_idx(p, k.1, i);
    }
}

/// The share of a child is all that the child decides when it has no children.
pub proof fn lemma_share(p: NodeInfo, i: int)
    requires
        info_ok(p),
        p.level >= 2,
        0 <= i < 512,
    ensures
        ({
            let c = child_info(p, i);
            share(p, i) == cover(c.root, c.base, c.base + span(c.level), c.level)
        }),
{
    lemma_child_info(p, i);
}

pub proof fn lemma_count_bound(f: Fmt, w: Seq<u64>, k: int)
    requires
        0 <= k,
    ensures
        0 <= present_count(f, w, k) <= k,
    decreases k,
{
    if k > 0 {
        lemma_count_bound(f, w, k - 1);
    }
}

/// One store changes the count by one at most.
pub proof fn lemma_count_update(f: Fmt, w: Seq<u64>, i: int, x: u64, k: int)
    requires
        0 <= i < w.len(),
        0 <= k <= w.len(),
    ensures
        present_count(f, w.update(i, x), k) == present_count(f, w, k) + if i < k {
            (if (f.present)(x) { 1int } else { 0 }) - (if (f.present)(w[i]) { 1int } else { 0 })
        } else {
            0
        },
        i < k && (f.present)(w[i]) ==> present_count(f, w, k) >= 1,
        i < k && !(f.present)(w[i]) ==> present_count(f, w, k) < k,
    decreases k,
{
    lemma_count_bound(f, w, k);
    if k > 0 {
        lemma_count_bound(f, w, k - 1);
        lemma_count_update(f, w, i, x, k - 1);
    }
}

pub proof fn lemma_count_uniform(f: Fmt, w: Seq<u64>, k: int, p: bool)
    requires
        0 <= k <= w.len(),
        forall|j: int| 0 <= j < k ==> (f.present)(#[trigger] w[j]) == p,
    ensures
        present_count(f, w, k) == if p { k } else { 0 },
    decreases k,
{
    if k > 0 {
        lemma_count_uniform(f, w, k - 1, p);
    }
}

/// A format told as a value says what the format says.
pub proof fn lemma_fmt<E: PageTableEntryTrait>(l: int, w: u64)
    ensures
        child_of(fmt::<E>(), l, w) == (if is_table::<E>(l, w) { Some(E::spec_paddr(l, w)) } else { None::<int> }),
        (fmt::<E>().present)(w) == E::spec_present(w),
{
}

} // verus!
