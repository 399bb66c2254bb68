//! Veripage in three forms: memory that nobody counts, owned frames, and one cursor a page.
use crate::contest::{Contestant, PA, PAGES, VA};
use crate::flat::Flat;
use std::hint::black_box;
use std::mem::ManuallyDrop;
use std::ops::Range;
use veripage::frame::{DynFrame, Frame, UntypedMeta};
use veripage::page_table::{
    MappedItem, PageTable, PageTableConfig, Pending, RetiredOf, Sink, UserPtConfig,
};
use veripage::paging::{CachePolicy, PageFlags, PageProperty, PrivilegedPageFlags, X86_64};
use veripage::rcu::RcuGuard;
use veripage::Vaddr;

pub type Config = UserPtConfig<Flat, X86_64>;
pub type Table = PageTable<Config>;

pub const RANGE: Range<Vaddr> = VA..VA + PAGES * 4096;

pub fn prop() -> PageProperty {
    PageProperty {
        flags: PageFlags::R.union(PageFlags::W),
        cache: CachePolicy::Writeback,
        priv_flags: PrivilegedPageFlags::USER,
    }
}

/// Frees at once what leaves the table: no CPU has it loaded.
struct Free;

impl<C: PageTableConfig> Sink<C> for Free {
    fn page(&mut self, item: Pending<C::Item>) {
        // SAFETY: no CPU ever loads the tables of a round.
        drop(unsafe { item.assume_flushed() });
    }
    fn nodes(&mut self, nodes: Pending<RetiredOf<C>>) {
        // SAFETY: no CPU ever loads the tables of a round.
        let nodes = unsafe { nodes.assume_flushed() };
        match nodes.wait().try_expire() {
            Ok(nodes) => veripage::page_table::reclaim(nodes),
            Err(_) => unreachable!("the platform's grace periods pass at once"),
        }
    }
}

fn walk(table: &Table, vas: &[usize]) -> usize {
    let guard = RcuGuard::<Flat>::enter();
    vas.iter().fold(0, |sum, va| {
        let (pa, _) = table
            .page_walk(&guard, *va)
            .expect("canonical")
            .expect("mapped");
        sum.wrapping_add(pa)
    })
}

fn unmap_each(table: &Table) {
    let mut guard = RcuGuard::enter();
    let mut cursor = table
        .cursor_mut(&mut guard, &RANGE)
        .expect("the arena has room");
    for _ in 0..PAGES {
        assert_eq!(cursor.unmap(black_box(4096), &mut Free), Ok(1));
    }
}

fn unmap_range(table: &Table) {
    let mut guard = RcuGuard::enter();
    let mut cursor = table
        .cursor_mut(&mut guard, &RANGE)
        .expect("the arena has room");
    assert_eq!(cursor.unmap(PAGES * 4096, &mut Free), Ok(PAGES));
}

/// Memory that nobody counts; the cursor is kept open.
pub struct Untracked(Table);

impl Contestant for Untracked {
    const NAME: &'static str = "veripage, untracked";
    fn new() -> Self {
        Untracked(Table::empty().expect("the arena has room"))
    }
    fn map_each(&mut self) {
        let mut guard = RcuGuard::enter();
        let mut cursor = self
            .0
            .cursor_mut(&mut guard, &RANGE)
            .expect("the arena has room");
        for n in 0..PAGES {
            let item = MappedItem::Untracked(black_box(PA + n * 4096), 1, prop());
            cursor.map(item).expect("maps");
        }
    }
    fn map_range(&mut self) {
        let mut guard = RcuGuard::enter();
        let mut cursor = self
            .0
            .cursor_mut(&mut guard, &RANGE)
            .expect("the arena has room");
        cursor.map_range(PA, PAGES * 4096, prop(), 3).expect("maps");
    }
    fn translate(&mut self, vas: &[usize]) -> usize {
        walk(&self.0, vas)
    }
    fn unmap_each(&mut self) {
        unmap_each(&self.0);
    }
    fn unmap_range(&mut self) {
        unmap_range(&self.0);
    }
}

/// Frames with reference counts: mapping moves a share into the table, unmapping drops it.
pub struct Owned(Table, Vec<DynFrame<Flat>>);

impl Contestant for Owned {
    const NAME: &'static str = "veripage, owned frames";
    fn new() -> Self {
        let frame = |n| Frame::<Flat, UntypedMeta>::from_unused(PA + n * 4096, UntypedMeta);
        let frames = (0..PAGES)
            .map(|n| frame(n).expect("unused").into_dyn())
            .collect();
        Owned(Table::empty().expect("the arena has room"), frames)
    }
    fn map_each(&mut self) {
        let mut guard = RcuGuard::enter();
        let mut cursor = self
            .0
            .cursor_mut(&mut guard, &RANGE)
            .expect("the arena has room");
        for frame in self.1.drain(..) {
            cursor
                .map(MappedItem::Tracked(black_box(frame), prop()))
                .expect("maps");
        }
    }
    fn map_range(&mut self) {
        let mut guard = RcuGuard::enter();
        let mut cursor = self
            .0
            .cursor_mut(&mut guard, &RANGE)
            .expect("the arena has room");
        for frame in self.1.drain(..) {
            let _moved = ManuallyDrop::new(frame);
        }
        // SAFETY: the shares of these frames were just given up.
        unsafe { cursor.map_frames(PA, PAGES * 4096, prop(), 1) }.expect("maps");
    }
    fn translate(&mut self, vas: &[usize]) -> usize {
        walk(&self.0, vas)
    }
    fn unmap_each(&mut self) {
        unmap_each(&self.0);
    }
    fn unmap_range(&mut self) {
        unmap_range(&self.0);
    }
}

/// A cursor is opened and dropped for each page, so each pays for its lock.
pub struct PerPage(Table);

impl Contestant for PerPage {
    const NAME: &'static str = "veripage, a cursor a page";
    fn new() -> Self {
        PerPage(Table::empty().expect("the arena has room"))
    }
    fn map_each(&mut self) {
        let mut guard = RcuGuard::enter();
        for n in 0..PAGES {
            let va = black_box(VA + n * 4096);
            let mut cursor = self
                .0
                .cursor_mut(&mut guard, &(va..va + 4096))
                .expect("locks");
            cursor
                .map(MappedItem::Untracked(PA + n * 4096, 1, prop()))
                .expect("maps");
        }
    }
    fn map_range(&mut self) {
        self.map_each();
    }
    fn translate(&mut self, vas: &[usize]) -> usize {
        let mut guard = RcuGuard::enter();
        vas.iter().fold(0, |sum, va| {
            let mut cursor = self
                .0
                .cursor(&mut guard, &(*va..*va + 4096))
                .expect("locks");
            let (pa, _, _) = cursor.peek().expect("in range").expect("mapped");
            sum.wrapping_add(pa)
        })
    }
    fn unmap_each(&mut self) {
        let mut guard = RcuGuard::enter();
        for n in 0..PAGES {
            let va = black_box(VA + n * 4096);
            let mut cursor = self
                .0
                .cursor_mut(&mut guard, &(va..va + 4096))
                .expect("locks");
            assert_eq!(cursor.unmap(4096, &mut Free), Ok(1));
        }
    }
    fn unmap_range(&mut self) {
        self.unmap_each();
    }
}
