//! What every contestant does, and how it is timed.
use rand::{rngs::SmallRng, Rng, SeedableRng};
use serde::Serialize;
use std::{hint::black_box, time::Instant};

/// Base pages of a round: 1 GiB of addresses.
pub const PAGES: usize = 262_144;
/// Random lookups of a round.
pub const LOOKUPS: usize = 524_288;
/// First virtual address.
pub const VA: usize = 0x40_0000_0000;
/// First physical address: off by one page, so that no huge page fits.
pub const PA: usize = 0x8000_1000;

/// A page table under measurement. One value is one table, empty at first.
pub trait Contestant: Sized {
    /// Name in the report.
    const NAME: &'static str;
    /// An empty table.
    fn new() -> Self;
    /// Maps `PAGES` base pages, one call each.
    fn map_each(&mut self);
    /// Maps them as one range.
    fn map_range(&mut self);
    /// The sum of the physical addresses that the addresses translate to.
    fn translate(&mut self, vas: &[usize]) -> usize;
    /// Unmaps `PAGES` base pages, one call each.
    fn unmap_each(&mut self);
    /// Unmaps them as one range.
    fn unmap_range(&mut self);
    /// Frees everything that the table still has.
    fn destroy(self) {}
}

/// Nanoseconds a page, the least of all rounds.
#[derive(Clone, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub map_each: f64,
    pub map_range: f64,
    pub translate: f64,
    pub unmap_each: f64,
    pub unmap_range: f64,
}

fn time(per: usize, f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_nanos() as f64 / per as f64
}

/// Random addresses of mapped pages, the same for every contestant.
pub fn addresses() -> Vec<usize> {
    let mut rng = SmallRng::seed_from_u64(1);
    (0..LOOKUPS)
        .map(|_| VA + rng.random_range(0..PAGES) * 4096)
        .collect()
}

/// What the lookups must add up to.
pub fn expected(vas: &[usize]) -> usize {
    vas.iter().fold(0, |s, va| s.wrapping_add(PA + (va - VA)))
}

/// Measures one contestant for one round.
pub fn round<T: Contestant>(vas: &[usize]) -> Row {
    crate::arena::reset();
    let mut table = T::new();
    let map_each = time(PAGES, || table.map_each());
    let mut sum = 0;
    let translate = time(LOOKUPS, || {
        sum = black_box(&mut table).translate(black_box(vas))
    });
    assert_eq!(sum, expected(vas), "{} translates wrongly", T::NAME);
    let unmap_each = time(PAGES, || table.unmap_each());
    table.destroy();
    crate::arena::reset();
    let mut table = T::new();
    let map_range = time(PAGES, || table.map_range());
    let unmap_range = time(PAGES, || table.unmap_range());
    table.destroy();
    Row {
        name: T::NAME,
        map_each,
        map_range,
        translate,
        unmap_each,
        unmap_range,
    }
}

/// The better of two rounds, figure by figure.
pub fn least(a: &Row, b: &Row) -> Row {
    Row {
        name: a.name,
        map_each: a.map_each.min(b.map_each),
        map_range: a.map_range.min(b.map_range),
        translate: a.translate.min(b.translate),
        unmap_each: a.unmap_each.min(b.unmap_each),
        unmap_range: a.unmap_range.min(b.unmap_range),
    }
}
