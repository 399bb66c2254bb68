//! Memory runs out at every allocation of every operation: the operation says so, no translation has
//! changed beyond the prefix that it states, every rule holds, and nothing is lost.
use std::ops::Range;
use veripage::frame::{AllocError, FrameAllocOptions};
use veripage::kspace::{KSpaceError, KVirtArea, KernelSpace};
use veripage::page_table::PageTableError;
use veripage::paging::{CachePolicy, PageFlags, PageProperty, X86_64};
use veripage::rcu::RcuGuard;
use veripage::vm_space::VmSpace;
use veripage::{Paddr, Vaddr, PAGE_SIZE};
use veripage_sim::audit::{Areas, Audit, Format, Table};
use veripage_sim::{Access, Config, Machine, Sim};

const ID: usize = 2201;
type S = Sim<ID>;
type Kernel = KernelSpace<S, X86_64>;
type Space<'k> = VmSpace<'k, S, X86_64>;

const DYNAMIC: Range<Vaddr> = 0xffff_c000_0000_0000..0xffff_c000_0400_0000;
/// A huge page is mapped in the middle of these, and nothing else.
const WINDOW: Range<Vaddr> = 0x2000_0000_0000 - (2 << 20)..0x2000_0000_0000 + (4 << 20);
const HUGE: Vaddr = 0x2000_0000_0000;

/// Something ran out of memory.
#[derive(Debug)]
struct NoMemory;

fn rw() -> PageProperty {
    PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback)
}

fn table(e: PageTableError) -> NoMemory {
    assert!(matches!(e, PageTableError::NoMemory(_)), "{e}");
    NoMemory
}

fn alloc(e: AllocError) -> NoMemory {
    assert_eq!(e, AllocError::NoMemory);
    NoMemory
}

fn area(e: KSpaceError) -> NoMemory {
    match e {
        KSpaceError::Table(e) => table(e),
        e => panic!("{e:?}"),
    }
}

/// Runs `op` on a fresh system, again and again: memory runs out at its first allocation, its second,
/// and so on, until it succeeds. Returns how many allocations it makes. If `prefix` is true, the
/// first pages of its range may have been mapped when it fails.
fn at_every_allocation(prefix: bool, op: impl Fn(&Kernel, &Space) -> Result<(), NoMemory>) -> u64 {
    for n in 0.. {
        let m = Machine::<ID>::boot_with_frames(Config::with_ram(16 << 20)).unwrap();
        let kernel = Kernel::new(DYNAMIC).unwrap();
        let space = VmSpace::new(&kernel).unwrap();
        space.activate();
        map_huge(&space).unwrap();
        let before = translations(&m);
        m.fail_alloc_after(n);
        let done = op(&kernel, &space);
        let failed = m.stats().failed_allocations;
        m.fail_no_alloc();
        assert_eq!(done.is_err(), failed > 0, "allocation {n}");
        if failed > 0 {
            check_translations(prefix, &before, &translations(&m));
        }
        audit(&m, &kernel, &space);
        // The same succeeds when there is memory, if what it had mapped is out of the way.
        if failed > 0 && !prefix {
            op(&kernel, &space).expect("there is memory again");
            audit(&m, &kernel, &space);
        }
        drop(space);
        m.reset_cpus();
        // SAFETY: no CPU has a root.
        unsafe { kernel.destroy(RcuGuard::enter()) };
        assert_eq!(m.shutdown(), Default::default(), "allocation {n}");
        if failed == 0 {
            return n;
        }
    }
    unreachable!("the operation never succeeds")
}

fn map_huge(space: &Space) -> Result<(), NoMemory> {
    let frames = FrameAllocOptions::<S>::new()
        .align(2 << 20)
        .alloc_segment(512)
        .map_err(alloc)?;
    let mut guard = RcuGuard::enter();
    let mut cursor = space
        .cursor_mut(&mut guard, &(HUGE..HUGE + (2 << 20)))
        .map_err(table)?;
    cursor.map_segment(frames, rw()).map_err(|(e, _)| table(e))
}

/// What the CPU translates the window to, for writing.
fn translations(m: &Machine<ID>) -> Vec<Option<Paddr>> {
    let pages = WINDOW.step_by(PAGE_SIZE);
    pages
        .map(|va| m.access(va, Access::Write, true).ok())
        .collect()
}

fn check_translations(prefix: bool, before: &[Option<Paddr>], after: &[Option<Paddr>]) {
    let changed: Vec<_> = (0..before.len())
        .filter(|&i| before[i] != after[i])
        .collect();
    if !prefix {
        assert_eq!(changed, []);
        return;
    }
    // What is new is one run of new pages.
    assert!(changed.iter().all(|&i| before[i].is_none()));
    assert!(changed.windows(2).all(|w| w[0] + 1 == w[1]), "{changed:?}");
}

fn audit(m: &Machine<ID>, kernel: &Kernel, space: &Space) {
    assert!(!kernel.reclaim());
    let root = kernel.root_paddr();
    let audit = Audit {
        tables: vec![
            Table::kernel(root, Format::X86_64),
            Table::user(space.root_paddr(), Format::X86_64, root).cpus(space.cpus()),
        ],
        areas: Some(Areas {
            dynamic: DYNAMIC,
            areas: Vec::new(),
        }),
        flushed: true,
        ..Audit::default()
    };
    m.audit(&audit).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(m.violations(), []);
}

#[test]
fn machines_without_room_for_a_kernel() {
    for frames in [1, 2, 256, 257] {
        let ram = vec![
            0x10_0000..0x10_0000 + frames * PAGE_SIZE,
            0x80_0000..0x80_1000,
        ];
        let frames = frames + 1;
        let m = Machine::<ID>::boot_with_frames(Config {
            ram,
            ..Config::default()
        })
        .unwrap();
        match Kernel::new(DYNAMIC) {
            Ok(kernel) => {
                assert!(frames >= 257);
                drop(kernel);
            }
            Err(e) => {
                let NoMemory = area(e);
                assert!(frames < 257);
            }
        }
        assert_eq!(m.shutdown(), Default::default());
    }
}

#[test]
fn spaces() {
    let n = at_every_allocation(false, |kernel, _| {
        VmSpace::new(kernel).map(drop).map_err(table)
    });
    assert_eq!(n, 1);
}

#[test]
fn frames_and_segments() {
    let n = at_every_allocation(false, |_, _| {
        let options = FrameAllocOptions::<S>::new();
        let frame = options.alloc_frame().map_err(alloc)?;
        let segment = options.alloc_segment(10).map_err(alloc)?;
        assert!(!segment.paddr_range().contains(&frame.start_paddr()));
        Ok(())
    });
    assert_eq!(n, 2);
}

#[test]
fn mapping_a_page_far_away() {
    let far = 0x4000_0000_0000..0x4000_0000_1000;
    let n = at_every_allocation(false, |_, space| {
        let frame = FrameAllocOptions::<S>::new().alloc_frame().map_err(alloc)?;
        let mut guard = RcuGuard::enter();
        let mut cursor = space.cursor_mut(&mut guard, &far).map_err(table)?;
        cursor.map(frame, rw()).map_err(|(e, _)| table(e))?;
        cursor.jump(far.start).unwrap();
        assert_eq!(cursor.unmap(PAGE_SIZE), Ok(1));
        Ok(())
    });
    // A frame, and a node at each level below the root.
    assert_eq!(n, 4);
}

#[test]
fn mapping_a_run_up_to_a_huge_page() {
    let range = WINDOW.start + 5 * PAGE_SIZE..HUGE;
    let n = at_every_allocation(true, |_, space| {
        let frames = FrameAllocOptions::<S>::new()
            .alloc_segment(507)
            .map_err(alloc)?;
        let mut guard = RcuGuard::enter();
        let mut cursor = space.cursor_mut(&mut guard, &range).map_err(table)?;
        cursor.map_segment(frames, rw()).map_err(|(e, _)| table(e))
    });
    assert!(n >= 2, "{n}");
}

#[test]
fn mapping_io_memory_across_nodes() {
    let range = HUGE + (2 << 20)..HUGE + (2 << 20) + (2 << 20);
    let n = at_every_allocation(true, |_, space| {
        let mut guard = RcuGuard::enter();
        let mut cursor = space.cursor_mut(&mut guard, &range).map_err(table)?;
        // Not a multiple of 2 MiB, so that base pages are needed.
        cursor
            .map_iomem(0x40_0000_1000, 2 << 20, rw())
            .map_err(table)
    });
    assert_eq!(n, 1);
}

#[test]
fn unmapping_a_part_of_a_huge_page() {
    let range = HUGE + 7 * PAGE_SIZE..HUGE + 9 * PAGE_SIZE;
    let n = at_every_allocation(false, |_, space| {
        let mut guard = RcuGuard::enter();
        let mut cursor = space.cursor_mut(&mut guard, &range).map_err(table)?;
        let unmapped = cursor.unmap(2 * PAGE_SIZE).map_err(table)?;
        assert_eq!(unmapped, 2);
        Ok(())
    });
    assert_eq!(n, 1);
}

#[test]
fn protecting_a_part_of_a_huge_page() {
    let range = HUGE + 7 * PAGE_SIZE..HUGE + (3 << 20);
    let n = at_every_allocation(false, |_, space| {
        let mut guard = RcuGuard::enter();
        let mut cursor = space.cursor_mut(&mut guard, &range).map_err(table)?;
        let pages = cursor
            .protect(range.end - range.start, |p| p.flags = PageFlags::R)
            .map_err(table)?;
        assert_eq!(pages, 505);
        Ok(())
    });
    assert!(n >= 1, "{n}");
}

#[test]
fn unmapping_everything_needs_no_memory() {
    let n = at_every_allocation(false, |_, space| {
        let mut guard = RcuGuard::enter();
        let mut cursor = space.cursor_mut(&mut guard, &WINDOW).map_err(table)?;
        assert_eq!(cursor.unmap(WINDOW.end - WINDOW.start), Ok(512));
        Ok(())
    });
    assert_eq!(n, 0);
}

#[test]
fn looking_needs_no_more_than_the_covering_node() {
    let n = at_every_allocation(false, |_, space| {
        let mut guard = RcuGuard::enter();
        let mut cursor = space.cursor(&mut guard, &WINDOW).map_err(table)?;
        assert_eq!(cursor.find_next(WINDOW.end - WINDOW.start), Ok(Some(HUGE)));
        let (range, item) = cursor.query().map_err(table)?;
        assert!(item.is_some());
        assert_eq!(range, HUGE..HUGE + (2 << 20));
        Ok(())
    });
    assert_eq!(n, 0);
}

#[test]
fn areas() {
    let kernel_rw = PageProperty::new_kernel(PageFlags::RW, CachePolicy::Writeback);
    let n = at_every_allocation(false, |kernel, _| {
        let mut frames = Vec::new();
        for _ in 0..24 {
            frames.push(
                FrameAllocOptions::<S>::new()
                    .alloc_frame()
                    .map_err(alloc)?
                    .into_dyn(),
            );
        }
        let (size, offset) = (700 * PAGE_SIZE, 500 * PAGE_SIZE);
        KVirtArea::map_frames(kernel, size, offset, frames, kernel_rw)
            .map(drop)
            .map_err(area)
    });
    // The frames, and the nodes on both sides of a border.
    assert!(n >= 26, "{n}");
}
