//! A write that the MMU let through is known: whatever is done to the page at the same time, the dirty flag
//! is there when somebody looks, until somebody clears it.
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use veripage::kspace::KernelSpace;
use veripage::page_table::{
    reclaim, KernelPtConfig, PageTable, Pending, RetiredOf, Sink, Taken, UserPtConfig,
};
use veripage::paging::{CachePolicy, PageFlags, PageProperty, PagingLevel, X86_64};
use veripage::rcu::RcuGuard;
use veripage::vm_space::VmSpace;
use veripage::{CpuSet, FlushOp, Paddr, Platform, Vaddr, PAGE_SIZE};
use veripage_sim::{Access, Config, Machine, Sim};

/// A level-2 page, and the part of it that the tests write.
const VA: Vaddr = 0x4000_0000;
const HUGE: usize = 2 << 20;
const PAGES: usize = 64;
const PART: Range<Vaddr> = VA..VA + PAGES * PAGE_SIZE;
/// How long each race is run.
const TIME: Duration = Duration::from_millis(250);

type User<const ID: usize> = UserPtConfig<Sim<ID>, X86_64>;
type Kernel<const ID: usize> = KernelPtConfig<Sim<ID>, X86_64>;

fn rw() -> PageProperty {
    PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback)
}

fn is_dirty(prop: PageProperty) -> bool {
    prop.flags.contains(PageFlags::DIRTY)
}

/// Which pages were dirty when they left the table, and the nodes that left it.
struct Gone<const ID: usize> {
    dirty: [bool; PAGES],
    nodes: Vec<Pending<RetiredOf<User<ID>>>>,
}

type Item<const ID: usize> = veripage::page_table::MappedItem<Sim<ID>>;

impl<const ID: usize> Sink<User<ID>> for Gone<ID> {
    fn page(&mut self, item: Pending<Item<ID>>) {
        let page = (item.range().start - VA) / PAGE_SIZE;
        if let Some(dirty) = self.dirty.get_mut(page) {
            *dirty = is_dirty(item.get().prop());
        }
    }

    fn nodes(&mut self, nodes: Pending<RetiredOf<User<ID>>>) {
        self.nodes.push(nodes);
    }
}

/// A machine with two CPUs, a user table, and RAM to map.
struct Rig<const ID: usize> {
    user: PageTable<User<ID>>,
    _kernel: PageTable<Kernel<ID>>,
    ram: Paddr,
    m: Machine<ID>,
}

impl<const ID: usize> Rig<ID> {
    fn new() -> Self {
        let m = Machine::boot_with_frames(Config::with_ram(16 << 20).cpus(2)).unwrap();
        let kernel = PageTable::new_kernel_page_table().unwrap();
        // SAFETY: the user's table is dropped first.
        let user: PageTable<User<ID>> = unsafe { kernel.create_user_page_table().unwrap() };
        for cpu in 0..2 {
            // SAFETY: `end` resets the CPUs before the table is dropped.
            m.run(cpu, || unsafe { user.activate() }).unwrap();
        }
        let ram = Sim::<ID>::alloc_frames(HUGE / PAGE_SIZE, HUGE).unwrap();
        Rig {
            user,
            _kernel: kernel,
            ram,
            m,
        }
    }

    fn end(self) {
        self.m.reset_cpus();
        assert_eq!(self.m.violations(), []);
    }

    /// Maps `len` bytes with clean pages.
    fn map(&self, len: usize, largest: PagingLevel) {
        let mut guard = RcuGuard::enter();
        let mut cursor = self.user.cursor_mut(&mut guard, &(VA..VA + len)).unwrap();
        cursor.map_range(self.ram, len, rw(), largest).unwrap();
    }

    /// Unmaps `len` bytes, all at once or one by one, flushes them, and says which pages were dirty.
    fn unmap(&self, len: usize, one_by_one: bool) -> [bool; PAGES] {
        let mut gone = Gone {
            dirty: [false; PAGES],
            nodes: Vec::new(),
        };
        let mut guard = RcuGuard::enter();
        // A cursor over all of it removes the empty node, so that the next huge page is one.
        let mut cursor = self.user.cursor_mut(&mut guard, &(VA..VA + HUGE)).unwrap();
        if !one_by_one {
            cursor.unmap(len, &mut gone).unwrap();
        }
        // Behind an unmap of all the cursor is at its end.
        loop {
            let left = VA + len - cursor.virt_addr();
            if left == 0 {
                break;
            }
            match cursor.take_next(left, &mut gone).unwrap() {
                Some(Taken::Page { item, .. }) => gone.page(item),
                Some(Taken::Table { .. }) => {}
                None => break,
            }
        }
        drop(cursor);
        drop(guard);
        Sim::<ID>::flush_wait(Sim::<ID>::flush(CpuSet(3), &FlushOp::Range(VA..VA + len)));
        for nodes in gone.nodes {
            // SAFETY: every CPU has flushed the range.
            let mut waiting = unsafe { nodes.assume_flushed() }.wait();
            loop {
                match waiting.try_expire() {
                    Ok(nodes) => break reclaim(nodes),
                    Err(w) => waiting = w,
                }
                Sim::<ID>::relax();
            }
        }
        gone.dirty
    }

    fn dirty_at(&self, va: Vaddr) -> bool {
        let mut guard = RcuGuard::enter();
        let range = va..va + PAGE_SIZE;
        let mut cursor = self.user.cursor(&mut guard, &range).unwrap();
        is_dirty(cursor.peek().unwrap().unwrap().2)
    }

    fn write(&self, va: Vaddr) -> bool {
        self.m.access(va, Access::Write, true).is_ok()
    }

    /// Rounds in which CPU 1 writes each page of `PART` once, as far as `write` gets, while CPU 0 does `work`,
    /// which is given the round, what says whether CPU 1 is done, and which pages it has written.
    fn race(&self, work: impl Fn(usize, &dyn Fn() -> bool, &[AtomicBool]) + Sync) {
        let [go, done] = [const { AtomicUsize::new(0) }; 2];
        let written = [const { AtomicBool::new(false) }; PAGES];
        let end = Instant::now() + TIME;
        let work = || {
            let mut round = 0;
            while Instant::now() < end {
                round += 1;
                self.map_for(round);
                go.store(round, SeqCst);
                work(round, &|| done.load(SeqCst) == round, &written);
            }
            assert!(round > 10, "the race was run");
            go.store(usize::MAX, SeqCst);
        };
        let write = || {
            for round in 1.. {
                while go.load(SeqCst) < round {
                    Sim::<ID>::relax();
                }
                if go.load(SeqCst) == usize::MAX {
                    return;
                }
                for (i, w) in written.iter().enumerate() {
                    w.store(self.write(VA + i * PAGE_SIZE), SeqCst);
                }
                done.store(round, SeqCst);
            }
        };
        let run = |cpu| if cpu == 0 { work() } else { write() };
        self.m.run_all(run).unwrap();
    }

    /// Odd rounds have small pages, in even ones they are parts of a huge page.
    fn map_for(&self, round: usize) {
        if is_huge(round) {
            self.map(HUGE, 2);
        } else {
            self.map(PART.len(), 1);
        }
    }
}

fn is_huge(round: usize) -> bool {
    round.is_multiple_of(2)
}

fn len_in(round: usize) -> usize {
    if is_huge(round) {
        HUGE
    } else {
        PART.len()
    }
}

/// Gives the pages a software flag or takes it away: no CPU need flush.
fn toggle(prop: &mut PageProperty) {
    let had = prop.flags.contains(PageFlags::AVAIL2);
    let flags = prop.flags.difference(PageFlags::AVAIL2);
    prop.flags = if had {
        flags
    } else {
        flags.union(PageFlags::AVAIL2)
    };
}

#[test]
fn no_write_is_lost_while_pages_are_protected_or_split() {
    let rig = Rig::<2301>::new();
    rig.race(|round, done, written| {
        while !done() {
            let mut guard = RcuGuard::enter();
            let range = VA..VA + len_in(round);
            let mut cursor = rig.user.cursor_mut(&mut guard, &range).unwrap();
            if is_huge(round) {
                cursor.split().unwrap();
            } else if round % 4 == 1 {
                cursor.protect(PART.len(), toggle).unwrap();
            } else {
                while cursor.virt_addr() < PART.end {
                    let left = PART.end - cursor.virt_addr();
                    cursor.protect_next(left, toggle).unwrap();
                }
            }
            drop(cursor);
            drop(guard);
            Sim::<2301>::relax();
        }
        for (i, written) in written.iter().enumerate() {
            assert!(written.load(SeqCst), "page {i} is mapped all the time");
            assert!(
                rig.dirty_at(VA + i * PAGE_SIZE),
                "round {round}: page {i} was written"
            );
        }
        rig.unmap(len_in(round), false);
    });
    rig.end();
}

#[test]
fn no_write_is_lost_while_pages_are_unmapped() {
    let rig = Rig::<2302>::new();
    rig.race(|round, done, written| {
        let dirty = rig.unmap(len_in(round), round % 4 < 2);
        while !done() {
            Sim::<2302>::relax();
        }
        for (i, written) in written.iter().enumerate() {
            // A huge page has one flag.
            let known = dirty[if is_huge(round) { 0 } else { i }];
            assert!(
                known || !written.load(SeqCst),
                "round {round}: page {i} was written"
            );
        }
    });
    rig.end();
}

#[test]
fn a_write_between_look_and_change_is_kept() {
    let rig = Rig::<2303>::new();
    rig.map(PART.len(), 1);
    let mut guard = RcuGuard::enter();
    let mut cursor = rig.user.cursor_mut(&mut guard, &PART).unwrap();
    let mut at = VA;
    let changed = cursor.protect(PART.len(), |prop| {
        // The MMU does not wait for the cursor's lock; every other page is written.
        if at / PAGE_SIZE % 2 == 0 {
            assert!(!is_dirty(*prop) && rig.write(at));
        }
        prop.flags = PageFlags::R;
        at += PAGE_SIZE;
    });
    assert_eq!(changed, Ok(PAGES));
    cursor.jump(VA + PAGE_SIZE).unwrap();
    let changed = cursor.protect_next(PAGE_SIZE, |prop| prop.flags = PageFlags::RW);
    assert!(changed.unwrap().is_some());
    cursor.jump(VA + PAGE_SIZE).unwrap();
    let changed = cursor.protect_next(PAGE_SIZE, |prop| {
        assert!(!is_dirty(*prop) && rig.write(VA + PAGE_SIZE));
        prop.flags = PageFlags::R;
    });
    assert!(changed.unwrap().is_some());
    for i in 0..PAGES {
        cursor.jump(VA + i * PAGE_SIZE).unwrap();
        let (_, _, prop) = cursor.peek().unwrap().unwrap();
        let written = i % 2 == 0 || i == 1;
        assert_eq!(is_dirty(prop), written, "page {i}");
        assert_eq!(prop.flags.contains(PageFlags::ACCESSED), written);
        assert!(!prop.flags.contains(PageFlags::W));
    }
    // A flag that was seen is cleared if that is what is asked for.
    cursor.jump(VA).unwrap();
    let changed = cursor.protect_next(PAGE_SIZE, |prop| {
        assert!(is_dirty(*prop));
        prop.flags = prop.flags.sans_ad();
    });
    assert!(changed.unwrap().is_some());
    drop(cursor);
    drop(guard);
    assert!(!rig.dirty_at(VA));
    let dirty = rig.unmap(PART.len(), false);
    assert!((0..PAGES).all(|i| dirty[i] == (i > 0 && (i % 2 == 0 || i == 1))));
    rig.end();
}

#[test]
fn what_the_kernel_writes_for_a_user_is_dirty() {
    const ID: usize = 2304;
    let m = Machine::<ID>::boot_with_frames(Config::with_ram(16 << 20)).unwrap();
    let range = 0xffff_c000_0000_0000..0xffff_c000_0400_0000;
    let kernel = KernelSpace::<Sim<ID>, X86_64>::new(range).unwrap();
    let space = VmSpace::new(&kernel).unwrap();
    space.activate();
    let options = veripage::frame::FrameAllocOptions::new();
    let frames = (0..2).map(|_| options.alloc_frame().unwrap());
    let pages = VA..VA + 2 * PAGE_SIZE;
    let mut guard = RcuGuard::enter();
    let mut cursor = space.cursor_mut(&mut guard, &pages).unwrap();
    for frame in frames {
        cursor.map(frame, rw()).map_err(|(e, _)| e).unwrap();
    }
    drop(cursor);
    drop(guard);
    let mut reader = space.reader(VA + PAGE_SIZE, 8).unwrap();
    assert_eq!(reader.read_val::<u64>(), Ok(0));
    let mut writer = space.writer(VA + 8, 8).unwrap();
    assert_eq!(writer.write_val(&7u64), Ok(()));
    let mut guard = RcuGuard::enter();
    let mut cursor = space.cursor(&mut guard, &pages).unwrap();
    for written in [true, false] {
        let (_, _, prop) = cursor.peek().unwrap().unwrap();
        assert_eq!(is_dirty(prop), written);
        assert_eq!(prop.flags.contains(PageFlags::ACCESSED), written);
        assert_eq!(prop.flags.sans_ad(), PageFlags::RW);
        cursor.jump(VA + PAGE_SIZE).unwrap();
    }
    drop(cursor);
    drop(guard);
    assert_eq!(m.violations(), []);
    m.reset_cpus();
    drop(space);
    // SAFETY: no CPU has a root.
    unsafe { kernel.destroy(RcuGuard::enter()) };
    assert_eq!(m.shutdown(), Default::default());
}
