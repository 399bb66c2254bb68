//! `page-table-generic`: four levels, with the plainest entry that its traits allow.
use crate::arena;
use crate::contest::{Contestant, PA, PAGES, VA};
use page_table_generic::{
    FrameAllocator, MapConfig, PageTable, PageTableEntry, PhysAddr, TableMeta, VirtAddr,
};
use std::hint::black_box;

#[derive(Clone, Copy, Debug)]
pub struct Entry(u64);

impl PageTableEntry for Entry {
    type PteConfig = u64;
    fn new_page(pa: PhysAddr, config: u64, is_huge: bool) -> Self {
        Entry(pa.as_usize() as u64 | config | if is_huge { 0x80 } else { 0 })
    }
    fn new_table(pa: PhysAddr) -> Self {
        Entry(pa.as_usize() as u64 | 7)
    }
    fn paddr(&self, _: bool) -> PhysAddr {
        PhysAddr::from_usize(self.0 as usize & 0xf_ffff_ffff_f000)
    }
    fn config(&self, _: bool) -> u64 {
        self.0 & 0xfff0_0000_0000_0f7f
    }
    fn present(&self) -> bool {
        self.0 & 1 != 0
    }
    fn huge(&self, is_dir: bool) -> bool {
        is_dir && self.0 & 0x80 != 0
    }
    fn unused(&self) -> bool {
        self.0 == 0
    }
    fn clear(&mut self) {
        self.0 = 0;
    }
}

#[derive(Clone, Copy)]
pub struct Meta;

impl TableMeta for Meta {
    type P = Entry;
    const PAGE_SIZE: usize = 4096;
    const LEVEL_BITS: &[usize] = &[9, 9, 9, 9];
    const MAX_BLOCK_LEVEL: usize = 3;
    fn flush(_: Option<VirtAddr>) {}
}

#[derive(Clone)]
pub struct Arena;

impl FrameAllocator for Arena {
    fn alloc_frame(&self) -> Option<PhysAddr> {
        arena::alloc().map(PhysAddr::from_usize)
    }
    fn dealloc_frame(&self, frame: PhysAddr) {
        arena::free(frame.as_usize());
    }
    fn phys_to_virt(&self, pa: PhysAddr) -> *mut u8 {
        (arena::BASE + pa.as_usize()) as *mut u8
    }
}

pub struct Generic(PageTable<Meta, Arena>);

const FLAGS: u64 = 0x8000_0000_0000_0063;

impl Contestant for Generic {
    const NAME: &'static str = "page-table-generic 0.9.1";
    fn new() -> Self {
        Generic(PageTable::new(Arena).expect("the arena has room"))
    }
    fn map_each(&mut self) {
        for n in 0..PAGES {
            let (va, pa) = (VA + n * 4096, PA + n * 4096);
            self.0
                .map_page(black_box(va).into(), pa.into(), 4096, FLAGS)
                .expect("maps");
        }
    }
    fn map_range(&mut self) {
        self.0
            .map(&MapConfig {
                vaddr: VA.into(),
                paddr: PA.into(),
                size: PAGES * 4096,
                pte: FLAGS,
                allow_huge: true,
                flush: false,
            })
            .expect("maps");
    }
    fn translate(&mut self, vas: &[usize]) -> usize {
        vas.iter().fold(0, |sum, va| {
            let pa = self.0.translate_phys((*va).into()).expect("mapped");
            sum.wrapping_add(pa.as_usize())
        })
    }
    fn unmap_each(&mut self) {
        for n in 0..PAGES {
            self.0
                .unmap_page(black_box(VA + n * 4096).into())
                .expect("unmaps");
        }
    }
    fn unmap_range(&mut self) {
        self.0.unmap(VA.into(), PAGES * 4096).expect("unmaps");
    }
}
