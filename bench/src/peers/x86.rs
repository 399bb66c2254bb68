//! `x86_64`: `OffsetPageTable`. It has no range operations: ranges are loops.
use crate::arena;
use crate::contest::{Contestant, PA, PAGES, VA};
use std::hint::black_box;
use x86_64::structures::paging::{
    FrameAllocator, FrameDeallocator, Mapper, OffsetPageTable, Page, PageTable, PageTableFlags,
    PhysFrame, Size4KiB, Translate,
};
use x86_64::{PhysAddr, VirtAddr};

struct Arena;

// SAFETY: the arena hands out pages that nobody else uses.
unsafe impl FrameAllocator<Size4KiB> for Arena {
    fn allocate_frame(&mut self) -> Option<PhysFrame> {
        Some(PhysFrame::containing_address(PhysAddr::new(
            arena::alloc()? as u64,
        )))
    }
}

impl FrameDeallocator<Size4KiB> for Arena {
    unsafe fn deallocate_frame(&mut self, frame: PhysFrame) {
        arena::free(frame.start_address().as_u64() as usize);
    }
}

pub struct X86(OffsetPageTable<'static>);

fn page(n: usize) -> Page<Size4KiB> {
    Page::containing_address(VirtAddr::new((VA + n * 4096) as u64))
}

impl Contestant for X86 {
    const NAME: &'static str = "x86_64 0.15.5";
    fn new() -> Self {
        let root = arena::alloc_zeroed().expect("the arena has room");
        // SAFETY: the root is a zeroed page of the arena, and the arena is the physical memory.
        X86(unsafe {
            OffsetPageTable::new(
                &mut *((arena::BASE + root) as *mut PageTable),
                VirtAddr::new(arena::BASE as u64),
            )
        })
    }
    fn map_each(&mut self) {
        let flags = PageTableFlags::PRESENT | PageTableFlags::WRITABLE | PageTableFlags::NO_EXECUTE;
        for n in 0..PAGES {
            let frame = PhysFrame::containing_address(PhysAddr::new((PA + n * 4096) as u64));
            // SAFETY: the table is loaded on no processor.
            unsafe { self.0.map_to(black_box(page(n)), frame, flags, &mut Arena) }
                .expect("maps")
                .ignore();
        }
    }
    fn map_range(&mut self) {
        self.map_each();
    }
    fn translate(&mut self, vas: &[usize]) -> usize {
        vas.iter().fold(0, |sum, va| {
            let pa = self
                .0
                .translate_addr(VirtAddr::new(*va as u64))
                .expect("mapped");
            sum.wrapping_add(pa.as_u64() as usize)
        })
    }
    fn unmap_each(&mut self) {
        for n in 0..PAGES {
            self.0.unmap(black_box(page(n))).expect("unmaps").1.ignore();
        }
    }
    fn unmap_range(&mut self) {
        self.unmap_each();
    }
}
