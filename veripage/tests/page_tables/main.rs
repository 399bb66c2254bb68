//! What page tables do, named by its contract, on every format.
mod addresses;
mod client;
mod huge;
mod mapping;
#[path = "../model/mod.rs"]
mod model;
#[path = "../tables/mod.rs"]
mod tables;
mod whole;
use model::{audit, format, without_kind};
use tables::*;
use veripage::frame::FrameAllocOptions;
use veripage_sim::audit::{Audit, Table};
use PageTableError::*;

/// First address and first address past the half (0 for 2^64) of a table.
fn half<C: PageTableConfig>() -> (Vaddr, Vaddr) {
    let (first, last) = vaddr_range_bounds::<C::C>(&C::TOP_LEVEL_INDEX_RANGE).unwrap();
    (first, last.wrapping_add(1))
}

fn user<F: PagingFormat, const ID: usize>() -> User<F, ID> {
    User::<F, ID>::empty().unwrap()
}

/// What a walk finds, without the flag that is not the caller's.
fn walked<C: PageTableConfig>(table: &PageTable<C>, va: Vaddr) -> Option<(Paddr, PageProperty)> {
    let found = table.page_walk(&RcuGuard::enter(), va).unwrap();
    found.map(|(pa, prop)| (pa, without_kind(prop)))
}

/// Maps one page of the level at `va`.
fn map<C: PageTableConfig<Item = MappedItem<P>, P = P>, P: Platform>(
    table: &PageTable<C>,
    va: Vaddr,
    pa: Paddr,
    level: u8,
    prop: PageProperty,
) -> Result<(), PageTableError> {
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(va..va.wrapping_add(page_size(level))))?;
    c.map(at(pa, level, prop))
}

/// Unmaps a range; returns how many pages were there.
fn unmap<C: PageTableConfig>(table: &PageTable<C>, va: Vaddr, len: usize) -> usize {
    let mut bin = Now::<C>::new();
    let mut guard = RcuGuard::enter();
    let mut c = table
        .cursor_mut(&mut guard, &(va..va.wrapping_add(len)))
        .unwrap();
    c.unmap(len, &mut bin).unwrap()
}
