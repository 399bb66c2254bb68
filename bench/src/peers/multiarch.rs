//! `page_table_multiarch`: `PageTable64` with x86-64 entries, its cursor kept open.
use crate::arena;
use crate::contest::{Contestant, PA, PAGES, VA};
use memory_addr::{PhysAddr, VirtAddr};
use page_table_entry::{x86_64::X64PTE, MappingFlags};
use page_table_multiarch::{PageSize, PageTable64, PagingHandler, PagingMetaData};
use std::hint::black_box;

pub struct Meta;

impl PagingMetaData for Meta {
    const LEVELS: usize = 4;
    const PA_MAX_BITS: usize = 52;
    const VA_MAX_BITS: usize = 48;
    type VirtAddr = VirtAddr;
    fn flush_tlb(_: Option<VirtAddr>) {}
}

pub struct Handler;

impl PagingHandler for Handler {
    fn alloc_frames(num: usize, _: usize) -> Option<PhysAddr> {
        (num == 1).then(arena::alloc).flatten().map(PhysAddr::from)
    }
    fn dealloc_frames(pa: PhysAddr, _: usize) {
        arena::free(pa.into());
    }
    fn phys_to_virt(pa: PhysAddr) -> VirtAddr {
        VirtAddr::from(arena::BASE + usize::from(pa))
    }
}

pub struct Multiarch(PageTable64<Meta, X64PTE, Handler>);

impl Contestant for Multiarch {
    const NAME: &'static str = "page_table_multiarch 0.6.2";
    fn new() -> Self {
        Multiarch(PageTable64::try_new().expect("the arena has room"))
    }
    fn map_each(&mut self) {
        let mut cursor = self.0.cursor();
        for n in 0..PAGES {
            let (va, pa) = (VirtAddr::from(VA + n * 4096), PhysAddr::from(PA + n * 4096));
            cursor
                .map(
                    black_box(va),
                    pa,
                    PageSize::Size4K,
                    MappingFlags::READ | MappingFlags::WRITE,
                )
                .expect("maps");
        }
    }
    fn map_range(&mut self) {
        let flags = MappingFlags::READ | MappingFlags::WRITE;
        let to = |va: VirtAddr| PhysAddr::from(usize::from(va) - VA + PA);
        self.0
            .cursor()
            .map_region(VirtAddr::from(VA), to, PAGES * 4096, flags, true)
            .expect("maps");
    }
    fn translate(&mut self, vas: &[usize]) -> usize {
        vas.iter().fold(0, |sum, va| {
            let (pa, _, _) = self.0.query(VirtAddr::from(*va)).expect("mapped");
            sum.wrapping_add(usize::from(pa))
        })
    }
    fn unmap_each(&mut self) {
        let mut cursor = self.0.cursor();
        for n in 0..PAGES {
            cursor
                .unmap(black_box(VirtAddr::from(VA + n * 4096)))
                .expect("unmaps");
        }
    }
    fn unmap_range(&mut self) {
        self.0
            .cursor()
            .unmap_region(VirtAddr::from(VA), PAGES * 4096)
            .expect("unmaps");
    }
}
