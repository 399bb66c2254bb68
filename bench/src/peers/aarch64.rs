//! `aarch64-paging`: `RootTable` of EL1&0. Single pages are ranges of one page.
use crate::arena;
use crate::contest::{Contestant, PA, PAGES, VA};
use aarch64_paging::descriptor::{El1Attributes, PhysicalAddress};
use aarch64_paging::paging::{
    Constraints, El1And0, MemoryRegion, PageTable, RootTable, Translation, VaRange,
};
use std::hint::black_box;
use std::ptr::NonNull;

pub struct Arena;

impl Translation<El1Attributes> for Arena {
    fn allocate_table(&mut self) -> (NonNull<PageTable<El1Attributes>>, PhysicalAddress) {
        let pa = PhysicalAddress(arena::alloc_zeroed().expect("the arena has room"));
        (self.physical_to_virtual(pa), pa)
    }
    unsafe fn deallocate_table(&mut self, table: NonNull<PageTable<El1Attributes>>) {
        arena::free(table.as_ptr() as usize - arena::BASE);
    }
    fn physical_to_virtual(&self, pa: PhysicalAddress) -> NonNull<PageTable<El1Attributes>> {
        NonNull::new((arena::BASE + pa.0) as *mut _).expect("the arena is not at 0")
    }
}

pub struct Aarch64(RootTable<El1And0, Arena>);

impl Aarch64 {
    #[inline]
    fn set(&mut self, va: usize, pages: usize, pa: usize, flags: El1Attributes) {
        self.0
            .map_range(
                &MemoryRegion::new(va, va + pages * 4096),
                PhysicalAddress(pa),
                flags,
                Constraints::NO_CONTIGUOUS_HINT,
            )
            .expect("maps");
    }
}

fn flags() -> El1Attributes {
    El1Attributes::VALID | El1Attributes::ACCESSED | El1Attributes::ATTRIBUTE_INDEX_1
}

impl Contestant for Aarch64 {
    const NAME: &'static str = "aarch64-paging 0.12.3";
    fn new() -> Self {
        Aarch64(RootTable::with_va_range(Arena, 0, El1And0, VaRange::Lower))
    }
    fn map_each(&mut self) {
        for n in 0..PAGES {
            self.set(black_box(VA + n * 4096), 1, PA + n * 4096, flags());
        }
    }
    fn map_range(&mut self) {
        self.set(VA, PAGES, PA, flags());
    }
    fn translate(&mut self, vas: &[usize]) -> usize {
        let mut sum = 0usize;
        for va in vas {
            self.0
                .walk_range(&MemoryRegion::new(*va, *va + 4096), &mut |_, entry, _| {
                    sum = sum.wrapping_add(entry.output_address().0);
                    Ok(())
                })
                .expect("mapped");
        }
        sum
    }
    fn unmap_each(&mut self) {
        for n in 0..PAGES {
            self.set(black_box(VA + n * 4096), 1, 0, El1Attributes::empty());
        }
    }
    fn unmap_range(&mut self) {
        self.set(VA, PAGES, 0, El1Attributes::empty());
    }
}
