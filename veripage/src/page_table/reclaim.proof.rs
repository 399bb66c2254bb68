//! Why reclaiming a node loses no share and gives none up twice.
use super::*;
use crate::page_table::model::{is_leaf, meaning, page_prop, pte_pa};
use crate::page_table::shares::holds;
use crate::paging::geometry::*;
use crate::paging::PageProperty;

verus! {

/// First page below word `i` of a dead node.
pub open spec fn first_at(d: DeadState, i: int) -> int {
    base(d.level, slot(d.level + 1, d.base) * 512 + i)
}

/// `v` lies under the node.
pub open spec fn under(d: DeadState, v: int) -> bool {
    slot(d.level + 1, v) == slot(d.level + 1, d.base)
}

/// `m` has what the pages below the words from `i` on hold, and nothing else.
pub open spec fn left<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, d: DeadState, i: int) -> bool {
    &&& forall|v: int| under(d, v) && slot(d.level, v) % 512 >= i ==> #[trigger] holds(m, v, dead_says::<E>(d, v))
    &&& forall|v: int| #[trigger] m.dom().contains(v) ==> under(d, v) && slot(d.level, v) % 512 >= i
}

/// The leaf that word `w` of a level-`l` node is.
pub open(crate) spec fn leaf_of<E: PageTableEntryTrait>(l: int, w: u64) -> Leaf {
    Leaf { pa: E::spec_paddr(l, w) as usize, level: l as u8, prop: E::spec_prop(l, w) }
}

/// Where the pages below a word are.
proof fn lemma_below(d: DeadState, i: int, v: int)
    requires 1 <= d.level <= 5, 0 <= i < 512,
    ensures
        under(d, v) && slot(d.level, v) % 512 == i <==> first_at(d, i) <= v < first_at(d, i) + span(d.level),
        under(d, v) && slot(d.level, v) % 512 == i ==> off(d.level, v) == v - first_at(d, i),
{
    let p = slot(d.level + 1, d.base);
    let s = p * 512 + i;
    slot_iff(d.level, v, s);
    slot_up(d.level, v);
    assert(s / 512 == p && s % 512 == i) by (nonlinear_arith) requires s == p * 512 + i, 0 <= i < 512;
    let q = slot(d.level, v);
    assert(q == q / 512 * 512 + q % 512) by (nonlinear_arith);
}

/// Accessed and dirty bits do not tell counted pages from others.
proof fn lemma_counted_sans_ad(prop: PageProperty)
    ensures counted(prop.spec_sans_ad()) == counted(prop),
{
    let b = prop.flags.bits;
    assert((b & 0xe7) & 32 == b & 32) by (bit_vector);
}

/// The pool has the shares of the leaf that comes next.
pub(super) proof fn lemma_leaf<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, d: DeadState, i: int, w: u64, leaf: Leaf)
    requires
        left::<P, E>(m, d, i), 1 <= d.level <= 5, 0 <= i < 512, E::same_but_ad(d.words[i], w), is_leaf::<E>(d.level, w),
        leaf.pa == E::spec_paddr(d.level, w), leaf.level == d.level, leaf.prop == E::spec_prop(d.level, w),
    ensures lent(m, first_at(d, i), raw_of(leaf)),
{
    E::ad_irrelevant(d.level, d.words[i], w);
    lemma_counted_sans_ad(E::spec_prop(d.level, w));
    lemma_counted_sans_ad(E::spec_prop(d.level, d.words[i]));
    if counted(leaf.prop) {
        let at = first_at(d, i);
        assert forall|v: int| at <= v < at + span(leaf.level as int) implies
            #[trigger] m.dom().contains(v) && share_of(m[v], leaf.pa + (v - at) * 4096) by {
            lemma_below(d, i, v);
            assert(holds(m, v, dead_says::<E>(d, v)));
        }
    }
}

/// When they are gone, the pool has what the words behind it hold.
pub(super) proof fn lemma_next<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, n: Shares<P>, d: DeadState, i: int, w: u64)
    requires
        left::<P, E>(m, d, i), 1 <= d.level <= 5, 0 <= i < 512, E::same_but_ad(d.words[i], w),
        n == if is_leaf::<E>(d.level, w) { m.remove_keys(numbers(first_at(d, i), leaf_of::<E>(d.level, w))) } else { m },
    ensures left::<P, E>(n, d, i + 1),
{
    E::ad_irrelevant(d.level, d.words[i], w);
    lemma_counted_sans_ad(E::spec_prop(d.level, w));
    lemma_counted_sans_ad(E::spec_prop(d.level, d.words[i]));
    assert forall|v: int| under(d, v) && slot(d.level, v) % 512 >= i + 1 implies #[trigger] holds(n, v, dead_says::<E>(d, v)) by {
        lemma_below(d, i, v);
        assert(holds(m, v, dead_says::<E>(d, v)));
    }
    assert forall|v: int| #[trigger] n.dom().contains(v) implies under(d, v) && slot(d.level, v) % 512 >= i + 1 by {
        assert(m.dom().contains(v));
        lemma_below(d, i, v);
        assert(holds(m, v, dead_says::<E>(d, v)));
    }
}

/// Behind the last word nothing is left.
pub(super) proof fn lemma_empty<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, d: DeadState)
    requires left::<P, E>(m, d, 512),
    ensures m =~= Map::<int, crate::frame::slot::Share<P>>::empty(),
{
}

} // verus!
