//! The kernel addresses that areas are made of, shared by all CPUs: the range allocator behind a
//! lock. A range is owned by whoever holds its [`AreaRange`]; two of them never share an address.
#![allow(dead_code, non_shorthand_field_patterns)] // ghost fields are read by proofs only
use super::range_alloc::{RangeAllocError, RangeAllocator};
use crate::spin::{Kept, SpinLock};
use core::ops::Range;
#[cfg(verus_only)]
use veripage_hw::PAGE_SIZE;
use veripage_hw::{Platform, Vaddr};
use vstd::prelude::*;
use vstd::resource::set::{GhostSetAuth, GhostSingleton, GhostSubset};
use vstd::resource::Loc;

verus! {

/// What is known of a pool from outside: its bounds, and which tokens are its own.
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

/// The allocator, with the tokens of all addresses that no area owns and the register of areas.
struct Pool<const N: usize> {
    ranges: RangeAllocator<N>,
    addrs: Tracked<GhostSubset<int>>,
    areas: Tracked<GhostSetAuth<(int, int)>>,
}

impl<const N: usize> Kept<PoolKey> for Pool<N> {
    closed spec fn kept(&self, key: PoolKey) -> bool {
        &&& self.ranges.wf() && self.ranges.low() == key.low && self.ranges.high() == key.high
        &&& self.addrs@.id() == key.addrs && self.areas@.id() == key.areas
        &&& forall|lo: int, hi: int| #[trigger] self.ranges.is_area(lo, hi) <==> self.areas@@.contains((lo, hi))
        &&& forall|x: int| key.low <= x < key.high && self.ranges.unused(x, x + 1) ==> #[trigger] self.addrs@@.contains(x)
    }
}

/// The addresses `lo..hi`.
pub open spec fn addrs(lo: int, hi: int) -> Set<int> {
    Set::new(|x: int| lo <= x < hi)
}

/// A range of kernel addresses that its holder alone owns. Dropping it leaks the range.
#[must_use = "the range is leaked unless it is given back to its pool"]
pub(crate) struct AreaRange {
    start: Vaddr,
    end: Vaddr,
    addrs: Tracked<GhostSubset<int>>,
    area: Tracked<GhostSingleton<(int, int)>>,
}

impl AreaRange {
    #[verifier::type_invariant]
    closed spec fn wf(self) -> bool {
        &&& self.start < self.end && self.start as int % PAGE_SIZE as int == 0 && self.end as int % PAGE_SIZE as int == 0
        &&& self.addrs@@ == addrs(self.start as int, self.end as int)
        &&& self.area@@ == (self.start as int, self.end as int)
    }

    /// First address.
    pub closed spec fn lo(&self) -> int { self.start as int }
    /// First address past the range.
    pub closed spec fn hi(&self) -> int { self.end as int }
    /// It is part of the pool with this key.
    pub closed spec fn of(&self, key: PoolKey) -> bool {
        self.addrs@.id() == key.addrs && self.area@.id() == key.areas
    }

    /// First address; a multiple of the page size.
    pub fn start(&self) -> (r: Vaddr)
        ensures r == self.lo(),
    {
        self.start
    }

    /// First address past the range; a multiple of the page size.
    pub fn end(&self) -> (r: Vaddr)
        ensures r == self.hi(),
    {
        self.end
    }

    /// **Theorem**: two live areas of one pool share no address.
    pub proof fn theorem_areas_are_disjoint(tracked &mut self, tracked other: &Self, key: PoolKey)
        requires old(self).of(key), other.of(key),
        ensures final(self).lo() == old(self).lo(), final(self).hi() == old(self).hi(), final(self).of(key), old(self).hi() <= other.lo() || other.hi() <= old(self).lo(),
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

/// The kernel addresses that areas are made of. `N` is the number of pieces that the table holds;
/// at least half as many areas can live at a time.
pub(crate) struct AreaPool<const N: usize> {
    lock: SpinLock<PoolKey, Pool<N>>,
}

impl<const N: usize> AreaPool<N> {
    /// What is known of it.
    pub closed spec fn key(&self) -> PoolKey { self.lock.key() }

    /// A pool of all addresses of `range`.
    ///
    /// # Errors
    /// [`RangeAllocError::BadRange`].
    pub(crate) fn new(range: Range<Vaddr>) -> (r: Result<Self, RangeAllocError>)
        ensures r matches Ok(p) ==> p.key().low == range.start && p.key().high == range.end,
    {
        let ghost (low, high) = (range.start as int, range.end as int);
        let ranges = RangeAllocator::<N>::new(range)?;
        let tracked (_, addrs) = GhostSetAuth::new(addrs(low, high));
        let tracked (areas, _) = GhostSetAuth::new(Set::empty());
        let ghost key = PoolKey { low, high, addrs: addrs.id(), areas: areas.id() };
        let pool = Pool { ranges, addrs: Tracked(addrs), areas: Tracked(areas) };
        Ok(AreaPool { lock: SpinLock::new(pool, Ghost(key)) })
    }

    /// Takes `size` bytes at an address that is `phase` modulo `align`.
    ///
    /// # Errors
    /// As [`RangeAllocator::alloc`].
    pub(crate) fn take<P: Platform>(&self, size: usize, align: usize, phase: usize) -> (r: Result<AreaRange, RangeAllocError>)
        ensures r matches Ok(a) ==> a.of(self.key()) && a.hi() - a.lo() == size && self.key().low <= a.lo()
            && a.hi() <= self.key().high && a.lo() % PAGE_SIZE as int == 0,
    {
        let mut held = self.lock.acquire::<P>();
        let pool = self.lock.value(&mut held);
        let ghost before = *pool;
        let got = pool.ranges.alloc(size, align, phase);
        let r = match got {
            Err(e) => Err(e),
            Ok(range) => {
                let ghost (lo, hi) = (range.start as int, range.end as int);
                proof {
                    assert forall|x: int| lo <= x < hi implies #[trigger] before.addrs@@.contains(x) by {
                        assert(before.ranges.unused(x, x + 1));
                    }
                    assert(!before.ranges.is_area(lo, hi));
                }
                let tracked addrs = pool.addrs.borrow_mut().split(addrs(lo, hi));
                let tracked area = pool.areas.borrow_mut().insert((lo, hi));
                proof {
                    assert forall|x: int| self.key().low <= x < self.key().high && pool.ranges.unused(x, x + 1)
                        implies #[trigger] pool.addrs@@.contains(x) by {
                        assert(pool.ranges.is_area(lo, hi));
                        assert forall|a: int, b: int| #[trigger] before.ranges.is_area(a, b) implies b <= x || x + 1 <= a by {
                            assert(pool.ranges.is_area(a, b));
                        }
                        assert(before.ranges.unused(x, x + 1));
                    }
                }
                Ok(AreaRange { start: range.start, end: range.end, addrs: Tracked(addrs), area: Tracked(area) })
            },
        };
        self.lock.release(held);
        r
    }

    /// Takes a range back.
    pub(crate) fn give_back<P: Platform>(&self, range: AreaRange)
        requires range.of(self.key()),
    {
        proof { use_type_invariant(&range); }
        let mut held = self.lock.acquire::<P>();
        let pool = self.lock.value(&mut held);
        let AreaRange { start, end, addrs: Tracked(addrs), area: Tracked(area) } = range;
        let ghost before = *pool;
        proof {
            area.agree(pool.areas.borrow());
            assert(pool.ranges.is_area(start as int, end as int));
        }
        let _freed = pool.ranges.free(start, end);
        proof {
            assert(_freed is Ok);
            pool.areas.borrow_mut().delete_singleton(area);
            pool.addrs.borrow_mut().combine(addrs);
            assert forall|x: int| self.key().low <= x < self.key().high && pool.ranges.unused(x, x + 1)
                implies #[trigger] pool.addrs@@.contains(x) by {
                if !(start <= x < end) {
                    assert forall|a: int, b: int| #[trigger] before.ranges.is_area(a, b) implies b <= x || x + 1 <= a by {
                        if !(a == start && b == end) { assert(pool.ranges.is_area(a, b)); }
                    }
                    assert(before.ranges.unused(x, x + 1));
                }
            }
        }
        self.lock.release(held);
    }
}

} // verus!
