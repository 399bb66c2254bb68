//! Who owns which address: an area's range has a token for each, the pool has the others.
use super::*;
use crate::spin::Kept;
use vstd::resource::Loc;

verus! {

/// What is known of a pool from outside: its bounds, and which tokens are its own.
#[allow(dead_code)] // ghost
pub(crate) ghost struct PoolKey {
    /// First address.
    pub low: int,
    /// First address past it.
    pub high: int,
    /// Whose the tokens of addresses are.
    pub addrs: Loc,
    /// Whose the register of areas is.
    pub areas: Loc,
}

/// The addresses `lo..hi`.
pub(crate) open spec fn addrs(lo: int, hi: int) -> Set<int> {
    Set::new(|x: int| lo <= x < hi)
}

impl<const N: usize> Kept<PoolKey> for Pool<N> {
    open(super) spec fn kept(&self, key: PoolKey) -> bool {
        &&& self.ranges.wf() && self.ranges.low() == key.low && self.ranges.high() == key.high
        &&& self.addrs@.id() == key.addrs && self.areas@.id() == key.areas
        &&& forall|lo: int, hi: int| #[trigger] self.ranges.is_area(lo, hi) <==> self.areas@@.contains((lo, hi))
        &&& self.has_free(key)
    }
}

impl<const N: usize> Pool<N> {
    /// It has the token of every address that no area owns.
    pub(super) open(super) spec fn has_free(&self, key: PoolKey) -> bool {
        forall|x: int| key.low <= x < key.high && self.ranges.unused(x, x + 1) ==> #[trigger] self.addrs@@.contains(x)
    }
}

impl<const N: usize> AreaPool<N> {
    /// What is known of it.
    pub open(super) spec fn key(&self) -> PoolKey { self.lock.key() }
}

impl AreaRange {
    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool {
        &&& self.start < self.end && self.start as int % PAGE_SIZE as int == 0 && self.end as int % PAGE_SIZE as int == 0
        &&& self.addrs@@ == addrs(self.start as int, self.end as int)
        &&& self.area@@ == (self.start as int, self.end as int)
    }

    /// First address.
    pub open(super) spec fn lo(&self) -> int { self.start as int }
    /// First address past the range.
    pub open(super) spec fn hi(&self) -> int { self.end as int }
    /// It is part of the pool with this key.
    pub open(super) spec fn of(&self, key: PoolKey) -> bool {
        self.addrs@.id() == key.addrs && self.area@.id() == key.areas
    }

    /// **Theorem**: two live areas of one pool share no address.
    pub proof fn theorem_areas_are_disjoint(tracked &mut self, tracked other: &Self, key: PoolKey)
        requires old(self).of(key), other.of(key),
        ensures
            final(self).lo() == old(self).lo(), final(self).hi() == old(self).hi(), final(self).of(key),
            old(self).hi() <= other.lo() || other.hi() <= old(self).lo(),
    {
        use_type_invariant(&*self);
        use_type_invariant(other);
        let (lo, hi) = (self.start as int, self.end as int);
        let (a, b) = (other.start as int, other.end as int);
        tokens_are_disjoint(&mut self.addrs, &other.addrs);
        if !(hi <= a || b <= lo) {
            let x = if lo < a { a } else { lo };
            assert(addrs(lo, hi).contains(x) && addrs(a, b).contains(x));
        }
    }
}

proof fn tokens_are_disjoint(tracked one: &mut Tracked<GhostSubset<int>>, tracked other: &Tracked<GhostSubset<int>>)
    requires old(one)@.id() == other@.id(),
    ensures final(one)@.id() == old(one)@.id(), final(one)@@ == old(one)@@, old(one)@@.disjoint(other@@),
{
    one.borrow_mut().disjoint(other.borrow());
}

/// The pool has the tokens of a range that is free, and the range is no area.
pub(super) proof fn lemma_free_addrs<const N: usize>(pool: Pool<N>, key: PoolKey, lo: int, hi: int)
    requires pool.kept(key), key.low <= lo < hi <= key.high, pool.ranges.unused(lo, hi),
    ensures addrs(lo, hi) <= pool.addrs@@, !pool.areas@@.contains((lo, hi)),
{
    assert forall|x: int| lo <= x < hi implies #[trigger] pool.addrs@@.contains(x) by {
        assert(pool.ranges.unused(x, x + 1));
    }
    assert(!pool.ranges.is_area(lo, hi));
}

/// What the pool has to have when `lo..hi` has become an area.
pub(super) proof fn lemma_taken<const N: usize>(before: Pool<N>, pool: Pool<N>, key: PoolKey, lo: int, hi: int)
    requires
        before.has_free(key), pool.addrs@@ == before.addrs@@ - addrs(lo, hi),
        forall|a: int, b: int| #[trigger] pool.ranges.is_area(a, b) <==> before.ranges.is_area(a, b) || (a == lo && b == hi),
    ensures pool.has_free(key),
{
    assert forall|x: int| key.low <= x < key.high && pool.ranges.unused(x, x + 1) implies #[trigger] pool.addrs@@.contains(x) by {
        assert(pool.ranges.is_area(lo, hi));
        assert forall|a: int, b: int| #[trigger] before.ranges.is_area(a, b) implies b <= x || x + 1 <= a by {
            assert(pool.ranges.is_area(a, b));
        }
        assert(before.ranges.unused(x, x + 1));
    }
}

/// What the pool has to have when `lo..hi` is no area any more.
pub(super) proof fn lemma_given_back<const N: usize>(before: Pool<N>, pool: Pool<N>, key: PoolKey, lo: int, hi: int)
    requires
        before.has_free(key), pool.addrs@@ == before.addrs@@.union(addrs(lo, hi)),
        forall|a: int, b: int| #[trigger] pool.ranges.is_area(a, b) <==> before.ranges.is_area(a, b) && !(a == lo && b == hi),
    ensures pool.has_free(key),
{
    assert forall|x: int| key.low <= x < key.high && pool.ranges.unused(x, x + 1) implies #[trigger] pool.addrs@@.contains(x) by {
        if !(lo <= x < hi) {
            assert forall|a: int, b: int| #[trigger] before.ranges.is_area(a, b) implies b <= x || x + 1 <= a by {
                if !(a == lo && b == hi) { assert(pool.ranges.is_area(a, b)); }
            }
            assert(before.ranges.unused(x, x + 1));
        }
    }
}

} // verus!
