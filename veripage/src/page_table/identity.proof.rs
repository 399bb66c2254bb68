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

/// Slot numbers inside a node: the node's own number, then the entry's index.
pub proof fn lemma_slots(l: int, b: int, v: int)
    requires
        1 <= l <= 5,
        aligned(l, b),
        0 <= b <= v < b + span(l),
    ensures
        slot(l + 1, v) == slot(l + 1, b),
        slot(l, v) == slot(l + 1, b) * 512 + in_node(l, v - b),
        0 <= in_node(l, v - b) < 512,
        base(l + 1, slot(l + 1, b)) == b,
        v / es(l) == slot(l, v),
{
    if l == 1 {
        let k = b / 512;
        let q = (v - b) / 1;
        assert(b == 512 * k);
        assert(v / 512 == k);
        assert(v / 1 == 512 * k + q);
        assert(slot(2, v) == k && slot(2, b) == k && slot(1, v) == v / 1 && base(2, k) == k * 512) by {
            reveal(slot);
            reveal(base);
        }
    } else if l == 2 {
        let k = b / 262144;
        let q = (v - b) / 512;
        assert(b == 262144 * k);
        assert(v / 262144 == k);
        assert(v / 512 == 512 * k + q);
        assert(slot(3, v) == k && slot(3, b) == k && slot(2, v) == v / 512 && base(3, k) == k * 262144) by {
            reveal(slot);
            reveal(base);
        }
    } else if l == 3 {
        let k = b / 134217728;
        let q = (v - b) / 262144;
        assert(b == 134217728 * k);
        assert(v / 134217728 == k);
        assert(v / 262144 == 512 * k + q);
        assert(slot(4, v) == k && slot(4, b) == k && slot(3, v) == v / 262144 && base(4, k) == k * 134217728) by {
            reveal(slot);
            reveal(base);
        }
    } else if l == 4 {
        let k = b / 68719476736;
        let q = (v - b) / 134217728;
        assert(b == 68719476736 * k);
        assert(v / 68719476736 == k);
        assert(v / 134217728 == 512 * k + q);
        assert(slot(5, v) == k && slot(5, b) == k && slot(4, v) == v / 134217728 && base(5, k) == k * 68719476736) by {
            reveal(slot);
            reveal(base);
        }
    } else {
        let k = b / 35184372088832;
        let q = (v - b) / 68719476736;
        assert(b == 35184372088832 * k);
        assert(v / 35184372088832 == k);
        assert(v / 68719476736 == 512 * k + q);
        assert(slot(6, v) == k && slot(6, b) == k && slot(5, v) == v / 68719476736 && base(6, k) == k * 35184372088832) by {
            reveal(slot);
            reveal(base);
        }
    }
}

/// The pages of entry `i` in a node whose first page is `b`.
proof fn child_part(l: int, b: int, i: int)
    requires
        2 <= l <= 5,
        aligned(l, b),
        0 <= i < 512,
    ensures
        aligned(l - 1, b + off(l, i)),
        span(l - 1) == es(l),
        off(l, i + 1) == off(l, i) + es(l),
        0 <= off(l, i),
        off(l, i) + es(l) <= span(l),
        in_node(l, off(l, i)) == i,
{
    // by cases on the level
    if l == 2 {
    } else if l == 3 {
    } else if l == 4 {
    }
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
        own(p, i) ==> 0 <= p.base,
{
    child_part(p.level, p.base, i);
    lemma_slots(p.level, p.base, p.base + off(p.level, i));
}

/// A page is in a node iff its slot number says so.
pub proof fn lemma_prefix(p: NodeInfo, v: int)
    requires
        info_ok(p),
    ensures
        slot(p.level + 1, v) == prefix(p) <==> p.base <= v < p.base + span(p.level),
        p.base <= v < p.base + span(p.level) ==> slot(p.level, v) % 512 == idx(p, v),
        base(p.level + 1, prefix(p)) == p.base,
{
    lemma_slots(p.level, p.base, p.base);
    slot_iff(p.level + 1, v, prefix(p));
    if p.base <= v < p.base + span(p.level) {
        lemma_slots(p.level, p.base, v);
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
