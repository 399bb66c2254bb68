//! How many pages of a range are mapped.
use super::identity::{fmt, lemma_fmt, present_count};
use super::model::*;
use crate::paging::geometry::*;
use crate::paging::PageTableEntryTrait;
use crate::Platform;
use vstd::prelude::*;

verus! {

/// How many of the pages `[v, v + n)` the view maps.
pub open spec fn mapped(view: Map<int, Tr>, v: int, n: int) -> int
    decreases n,
{
    if n <= 0 { 0 } else { mapped(view, v, n - 1) + if view.dom().contains(v + n - 1) { 1int } else { 0 } }
}

/// No more than there are.
pub proof fn mapped_bound(view: Map<int, Tr>, v: int, n: int)
    requires 0 <= n,
    ensures 0 <= mapped(view, v, n) <= n,
    decreases n,
{
    if n > 0 { mapped_bound(view, v, n - 1); }
}

/// Two ranges that meet.
pub proof fn mapped_join(view: Map<int, Tr>, v: int, m: int, n: int)
    requires 0 <= m, 0 <= n,
    ensures mapped(view, v, m + n) == mapped(view, v, m) + mapped(view, v + m, n),
    decreases n,
{
    if n > 0 { mapped_join(view, v, m, n - 1); }
}

/// What is mapped elsewhere does not count.
pub proof fn mapped_same(a: Map<int, Tr>, b: Map<int, Tr>, v: int, n: int)
    requires forall|x: int| v <= x < v + n ==> (#[trigger] a.dom().contains(x) <==> b.dom().contains(x)),
    ensures mapped(a, v, n) == mapped(b, v, n),
    decreases n,
{
    if n > 0 {
        mapped_same(a, b, v, n - 1);
        assert(a.dom().contains(v + n - 1) <==> b.dom().contains(v + n - 1));
    }
}

/// All or none.
pub proof fn mapped_uniform(view: Map<int, Tr>, v: int, n: int, all: bool)
    requires 0 <= n, forall|x: int| v <= x < v + n ==> #[trigger] view.dom().contains(x) == all,
    ensures mapped(view, v, n) == if all { n } else { 0 },
    decreases n,
{
    if n > 0 {
        mapped_uniform(view, v, n - 1, all);
        assert(view.dom().contains(v + n - 1) == all);
    }
}

/// A word that is no table's maps all pages of its slot, or none.
pub proof fn mapped_slot<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, l: int, v: int)
    requires
        o.wf(), o.under(v), 1 <= l <= o.top, node_at(o.nodes, l, v), first(l, v) == v, !is_table::<E>(l, entry(o.nodes, l, v)),
    ensures mapped(o.view(), v, span(l)) == if present::<E>(entry(o.nodes, l, v)) { span(l) } else { 0 },
{
    let w = entry(o.nodes, l, v);
    slot_bounds(l, v);
    assert forall|x: int| v <= x < v + span(l) implies #[trigger] o.view().dom().contains(x) == present::<E>(w) by {
        slot_iff(l, x, slot(l, v));
        at_word::<P, E>(o, l, v, x);
    }
    mapped_uniform(o.view(), v, span(l), present::<E>(w));
}

/// `n` words of one node, none of them a table's.
pub proof fn mapped_words<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, l: int, v0: int, n: int)
    requires
        o.wf(), o.under(v0), 1 <= l <= o.top, node_at(o.nodes, l, v0), first(l, v0) == v0, 0 <= n, slot(l, v0) % 512 + n <= 512,
        forall|j: int| slot(l, v0) % 512 <= j < slot(l, v0) % 512 + n ==> !is_table::<E>(l, #[trigger] o.nodes[key(l, v0)]@.words[j]),
    ensures
        mapped(o.view(), v0, base(l, n)) == base(l, present_in::<E>(o.nodes[key(l, v0)]@.words, slot(l, v0) % 512, n)),
    decreases n,
{
    let (words, s) = (o.nodes[key(l, v0)]@.words, slot(l, v0));
    let i = s % 512;
    base_add(l, 0, 0);
    if n > 0 {
        mapped_words::<P, E>(o, l, v0, n - 1);
        let v = v0 + base(l, n - 1);
        base_add(l, s, n - 1);
        base_add(l, n - 1, 1);
        slot_iff(l, v, s + n - 1);
        slot_up(l, v);
        slot_up(l, v0);
        slot_eq_up(l + 1, o.top + 1, v, v0);
        assert(slot(l, v) % 512 == i + n - 1);
        assert(entry(o.nodes, l, v) == words[i + n - 1]);
        mapped_slot::<P, E>(o, l, v);
        mapped_join(o.view(), v0, base(l, n - 1), span(l));
        lemma_fmt::<E>(l, words[i + n - 1]);
        base_add(l, present_in::<E>(words, i, n - 1), 1);
    }
}

/// How many of the `n` words from `i` on are present.
pub open spec fn present_in<E: PageTableEntryTrait>(w: Seq<u64>, i: int, n: int) -> int {
    present_count(fmt::<E>(), w, i + n) - present_count(fmt::<E>(), w, i)
}

/// A range operation that has removed `[v0, v1)` passes pages that are not mapped.
pub proof fn skipped(all: Map<int, Tr>, left: Map<int, Tr>, v0: int, v1: int, v2: int)
    requires v0 <= v1 <= v2, left == all.remove_keys(pages(v0, v1 - v0)), forall|x: int| v1 <= x < v2 ==> !#[trigger] left.dom().contains(x),
    ensures left == all.remove_keys(pages(v0, v2 - v0)), mapped(all, v0, v2 - v0) == mapped(all, v0, v1 - v0),
{
    assert forall|x: int| v1 <= x < v2 implies #[trigger] all.dom().contains(x) == false by {
        assert(!left.dom().contains(x));
        assert(!pages(v0, v1 - v0).contains(x));
    }
    assert(left =~= all.remove_keys(pages(v0, v2 - v0)));
    mapped_join(all, v0, v1 - v0, v2 - v1);
    mapped_uniform(all, v1, v2 - v1, false);
}

/// A range operation that has removed `[v0, v1)` removes `[v1, v2)`.
pub proof fn removed(all: Map<int, Tr>, left: Map<int, Tr>, now: Map<int, Tr>, v0: int, v1: int, v2: int)
    requires v0 <= v1 <= v2, left == all.remove_keys(pages(v0, v1 - v0)), now == left.remove_keys(pages(v1, v2 - v1)),
    ensures now == all.remove_keys(pages(v0, v2 - v0)), mapped(all, v0, v2 - v0) == mapped(all, v0, v1 - v0) + mapped(left, v1, v2 - v1),
{
    assert(now =~= all.remove_keys(pages(v0, v2 - v0)));
    mapped_join(all, v0, v1 - v0, v2 - v1);
    mapped_same(all, left, v1, v2 - v1);
}

} // verus!
