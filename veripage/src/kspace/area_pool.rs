//! The kernel addresses that areas are made of, shared by all CPUs: the range allocator behind a lock.
//! A range is owned by whoever holds its `AreaRange`; two of them never share an address.
use super::range_alloc::{RangeAllocError, RangeAllocator};
use crate::spin::SpinLock;
use core::ops::Range;
#[cfg(verus_only)]
use veripage_hw::PAGE_SIZE;
use veripage_hw::{Platform, Vaddr};
use vstd::prelude::*;
#[cfg(verus_only)]
use vstd::resource::set::{GhostSetAuth, GhostSingleton, GhostSubset};

#[path = "area_pool.spec.rs"]
mod spec;
#[cfg(not(verus_only))]
use spec::PoolKey;
#[cfg(verus_only)]
pub(crate) use spec::*;

/// The allocator, with the tokens of all addresses that no area owns and the register of areas.
#[verus_verify]
pub(crate) struct Pool<const N: usize> {
    ranges: RangeAllocator<N>,
    #[cfg(verus_keep_ghost_body)]
    addrs: Tracked<GhostSubset<int>>,
    #[cfg(verus_keep_ghost_body)]
    areas: Tracked<GhostSetAuth<(int, int)>>,
}

/// A range of kernel addresses that its holder alone owns. Dropping it leaks the range.
#[must_use = "the range is leaked unless it is given back to its pool"]
#[verus_verify]
pub(crate) struct AreaRange {
    start: Vaddr,
    end: Vaddr,
    #[cfg(verus_keep_ghost_body)]
    addrs: Tracked<GhostSubset<int>>,
    #[cfg(verus_keep_ghost_body)]
    area: Tracked<GhostSingleton<(int, int)>>,
}

#[verus_verify]
impl AreaRange {
    /// First address; a multiple of the page size.
    #[verus_spec(r => ensures r == self.lo())]
    pub(crate) fn start(&self) -> Vaddr {
        self.start
    }

    /// First address past the range; a multiple of the page size.
    #[verus_spec(r => ensures r == self.hi())]
    pub(crate) fn end(&self) -> Vaddr {
        self.end
    }
}

/// The kernel addresses that areas are made of. `N` is the number of pieces that the table holds; at
/// least half as many areas can live at a time.
#[verus_verify]
pub(crate) struct AreaPool<const N: usize> {
    lock: SpinLock<PoolKey, Pool<N>>,
}

#[verus_verify]
impl<const N: usize> AreaPool<N> {
    /// A pool of all addresses of `range`.
    ///
    /// # Errors
    /// [`RangeAllocError::BadRange`].
    #[verus_spec(r => ensures r matches Ok(p) ==> p.key().low == range.start && p.key().high == range.end)]
    pub(crate) fn new(range: Range<Vaddr>) -> Result<Self, RangeAllocError> {
        proof_decl! {
            let ghost (low, high) = (range.start as int, range.end as int);
            let tracked (_, addrs) = GhostSetAuth::new(addrs(low, high));
            let tracked (areas, _) = GhostSetAuth::new(Set::empty());
            let ghost key = PoolKey { low, high, addrs: addrs.id(), areas: areas.id() };
        }
        let ranges = RangeAllocator::<N>::new(range)?;
        proof_with! { addrs: Tracked(addrs), areas: Tracked(areas) }
        let pool = Pool { ranges };
        let lock = SpinLock::new(pool, verus_exec_expr!(Ghost(key)));
        Ok(AreaPool { lock })
    }

    /// Takes `size` bytes at an address that is `phase` modulo `align`.
    ///
    /// # Errors
    /// As [`RangeAllocator::alloc`].
    #[verus_spec(r =>
        ensures r matches Ok(a) ==> a.of(self.key()) && a.hi() - a.lo() == size && self.key().low <= a.lo()
            && a.hi() <= self.key().high && a.lo() % PAGE_SIZE as int == 0,
    )]
    pub(crate) fn take<P: Platform>(
        &self,
        size: usize,
        align: usize,
        phase: usize,
    ) -> Result<AreaRange, RangeAllocError> {
        let mut held = self.lock.acquire::<P>();
        let pool = self.lock.value(&mut held);
        proof_decl! { let ghost before = *pool; }
        let got = pool.ranges.alloc(size, align, phase);
        let taken = match got {
            Err(e) => Err(e),
            Ok(range) => {
                proof_decl! { let ghost (lo, hi) = (range.start as int, range.end as int); }
                proof! { lemma_free_addrs(before, self.key(), lo, hi); }
                proof_decl! {
                    let tracked addrs = pool.addrs.borrow_mut().split(addrs(lo, hi));
                    let tracked area = pool.areas.borrow_mut().insert((lo, hi));
                }
                proof! { lemma_taken(before, *pool, self.key(), lo, hi); }
                proof_with! { addrs: Tracked(addrs), area: Tracked(area) }
                let range = AreaRange {
                    start: range.start,
                    end: range.end,
                };
                Ok(range)
            }
        };
        self.lock.release(held);
        taken
    }

    /// Takes a range back.
    #[verus_spec(requires range.of(self.key()))]
    pub(crate) fn give_back<P: Platform>(&self, range: AreaRange) {
        proof! { use_type_invariant(&range); }
        let (start, end) = (range.start, range.end);
        let mut held = self.lock.acquire::<P>();
        let pool = self.lock.value(&mut held);
        proof_decl! {
            let ghost before = *pool;
            let tracked AreaRange { addrs, area, .. } = range;
        }
        proof! {
            area.borrow().agree(pool.areas.borrow());
            assert(pool.ranges.is_area(start as int, end as int));
        }
        let _freed = pool.ranges.free(start, end);
        proof! {
            assert(_freed is Ok);
            pool.areas.borrow_mut().delete_singleton(area.get());
            pool.addrs.borrow_mut().combine(addrs.get());
            lemma_given_back(before, *pool, self.key(), start as int, end as int);
        }
        self.lock.release(held);
    }
}
