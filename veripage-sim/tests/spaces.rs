//! The whole system on the machine: a kernel with areas and three user spaces, on two CPUs.
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::Barrier;
use veripage::frame::{FrameAllocOptions, UFrame, USegment};
use veripage::kspace::{KSpaceError, KVirtArea, KernelSpace};
use veripage::page_table::PageTableError;
use veripage::paging::{CachePolicy, PageFlags, PageProperty, X86_64};
use veripage::rcu::RcuGuard;
use veripage::vm_space::VmSpace;
use veripage::{Paddr, Platform, Vaddr, PAGE_SIZE};
use veripage_sim::audit::{Areas, Audit, Format, Table};
use veripage_sim::{Access, Config, FaultKind, Machine, Sim};

type Kernel<const ID: usize> = KernelSpace<Sim<ID>, X86_64>;
type Space<'k, const ID: usize> = VmSpace<'k, Sim<ID>, X86_64>;
type Area<'k, const ID: usize> = KVirtArea<'k, Sim<ID>, X86_64>;

/// Where areas come from.
const DYNAMIC: Range<Vaddr> = 0xffff_c000_0000_0000..0xffff_c000_0400_0000;
/// The user pages under test: they lie below three leaf nodes.
const FIRST: Vaddr = 0x5555_4000_0000 - (1 << 21);
const PAGES: usize = 3 * 512;

fn user(flags: PageFlags) -> PageProperty {
    PageProperty::new_user(flags, CachePolicy::Writeback)
}

fn kernel_rw() -> PageProperty {
    PageProperty::new_kernel(PageFlags::RW, CachePolicy::Writeback)
}

fn va(page: usize) -> Vaddr {
    FIRST + page * PAGE_SIZE
}

fn out_of_memory(e: &PageTableError) -> bool {
    matches!(e, PageTableError::NoMemory(_))
}

/// Audits a system at rest in which nobody but `frames` and `segments` has handles.
fn audit<const ID: usize>(
    m: &Machine<ID>,
    kernel: &Kernel<ID>,
    spaces: &[&Space<'_, ID>],
    areas: &[&Area<'_, ID>],
    frames: &[UFrame<Sim<ID>>],
    segments: &[USegment<Sim<ID>>],
) {
    assert!(!kernel.reclaim(), "nobody reads, so no node waits");
    let root = kernel.root_paddr();
    let user =
        |s: &&Space<'_, ID>| Table::user(s.root_paddr(), Format::X86_64, root).cpus(s.cpus());
    let mut audit = Audit {
        tables: [Table::kernel(root, Format::X86_64)]
            .into_iter()
            .chain(spaces.iter().map(user))
            .collect(),
        areas: Some(Areas {
            dynamic: DYNAMIC,
            areas: areas.iter().map(|a| a.range()).collect(),
        }),
        flushed: true,
        ..Audit::default()
    };
    frames
        .iter()
        .for_each(|f| audit.census.handle(f.start_paddr()));
    for s in segments {
        audit.census.cover(s.start_paddr(), s.size() / PAGE_SIZE);
    }
    m.audit(&audit).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(m.violations(), []);
}

#[derive(Clone, Debug)]
enum Op {
    Activate {
        cpu: usize,
        space: usize,
    },
    Map {
        space: usize,
        page: usize,
        flags: PageFlags,
        keep: bool,
    },
    MapSegment {
        space: usize,
        page: usize,
        pages: usize,
        flags: PageFlags,
    },
    Unmap {
        space: usize,
        page: usize,
        pages: usize,
    },
    Protect {
        space: usize,
        page: usize,
        pages: usize,
        flags: PageFlags,
    },
    Touch {
        cpu: usize,
        page: usize,
        write: bool,
    },
    Recreate {
        space: usize,
    },
    Area {
        pages: usize,
        offset: usize,
    },
    DropArea {
        which: usize,
    },
    Forget,
}

fn op() -> impl Strategy<Value = Op> {
    let space = || 0..3usize;
    let cpu = || 0..2usize;
    let page = || prop_oneof![0..PAGES, (0..3usize).prop_map(|n| n * 512), 500..520usize];
    let pages = || prop_oneof![1..5usize, 300..1500usize, Just(512usize)];
    let flags = || {
        prop::sample::select(vec![
            PageFlags::R,
            PageFlags::RW,
            PageFlags::RX,
            PageFlags::empty(),
        ])
    };
    prop_oneof![
        3 => (cpu(), space()).prop_map(|(cpu, space)| Op::Activate { cpu, space }),
        4 => (space(), page(), flags(), any::<bool>()).prop_map(|(space, page, flags, keep)| Op::Map { space, page, flags, keep }),
        3 => (space(), page(), pages(), flags()).prop_map(|(space, page, pages, flags)| Op::MapSegment { space, page, pages, flags }),
        3 => (space(), page(), pages()).prop_map(|(space, page, pages)| Op::Unmap { space, page, pages }),
        3 => (space(), page(), pages(), flags()).prop_map(|(space, page, pages, flags)| Op::Protect { space, page, pages, flags }),
        5 => (cpu(), page(), any::<bool>()).prop_map(|(cpu, page, write)| Op::Touch { cpu, page, write }),
        1 => space().prop_map(|space| Op::Recreate { space }),
        2 => (1..20usize, 0..4usize).prop_map(|(pages, offset)| Op::Area { pages, offset }),
        1 => (0..5usize).prop_map(|which| Op::DropArea { which }),
        1 => Just(Op::Forget),
    ]
}

type Model = BTreeMap<usize, (Paddr, PageFlags)>;

struct World<'k, const ID: usize> {
    m: &'k Machine<ID>,
    kernel: &'k Kernel<ID>,
    spaces: Vec<Space<'k, ID>>,
    /// What each space maps.
    models: Vec<Model>,
    /// The space that each CPU runs.
    active: [Option<usize>; 2],
    /// Areas, with their frames in order and the offset of the first.
    areas: Vec<(Area<'k, ID>, usize, Vec<Paddr>)>,
    frames: Vec<UFrame<Sim<ID>>>,
}

impl<'k, const ID: usize> World<'k, ID> {
    fn new(m: &'k Machine<ID>, kernel: &'k Kernel<ID>) -> Self {
        Self {
            m,
            kernel,
            spaces: (0..3).map(|_| VmSpace::new(kernel).unwrap()).collect(),
            models: vec![Model::new(); 3],
            active: [None; 2],
            areas: Vec::new(),
            frames: Vec::new(),
        }
    }

    fn range(page: usize, pages: usize) -> (usize, Range<Vaddr>) {
        let end = (page + pages).min(PAGES);
        (end, va(page)..va(end))
    }

    /// Runs one operation, which may run out of memory; what it says decides what the model does.
    fn run(&mut self, op: &Op) {
        let options = FrameAllocOptions::<Sim<ID>>::new();
        let mut guard = RcuGuard::enter();
        match *op {
            Op::Activate { cpu, space } => {
                self.m.run(cpu, || self.spaces[space].activate()).unwrap();
                self.active[cpu] = Some(space);
            }
            Op::Map {
                space,
                page,
                flags,
                keep,
            } => {
                let Ok(frame) = options.alloc_frame() else {
                    return;
                };
                let pa = frame.start_paddr();
                if keep {
                    self.frames.push(frame.clone());
                }
                let (_, range) = Self::range(page, 1);
                let mut cursor = match self.spaces[space].cursor_mut(&mut guard, &range) {
                    Ok(cursor) => cursor,
                    Err(e) => return assert!(out_of_memory(&e), "{e}"),
                };
                match cursor.map(frame, user(flags)) {
                    Ok(()) => assert_eq!(self.models[space].insert(page, (pa, flags)), None),
                    Err((PageTableError::AlreadyMapped(at), _)) => {
                        assert!(at == va(page) && self.models[space].contains_key(&page));
                    }
                    Err((e, _)) => assert!(out_of_memory(&e), "{e}"),
                }
            }
            Op::MapSegment {
                space,
                page,
                pages,
                flags,
            } => {
                let (end, range) = Self::range(page, pages);
                let Ok(segment) = options.align(1 << 21).alloc_segment(end - page) else {
                    return;
                };
                let pa = segment.start_paddr();
                let model = &mut self.models[space];
                let free = model.range(page..end).next().map_or(end, |(p, _)| *p);
                let mut cursor = match self.spaces[space].cursor_mut(&mut guard, &range) {
                    Ok(cursor) => cursor,
                    Err(e) => return assert!(out_of_memory(&e), "{e}"),
                };
                let (mapped, rest) = match cursor.map_segment(segment, user(flags)) {
                    Ok(()) => (end, None),
                    Err((e, rest)) => {
                        let to = (cursor.virt_addr() - FIRST) / PAGE_SIZE;
                        assert!(
                            out_of_memory(&e) || matches!(e, PageTableError::AlreadyMapped(_)),
                            "{e}"
                        );
                        (to, Some(rest))
                    }
                };
                assert!(mapped <= free);
                let rest = rest.map_or(0, |r| r.size() / PAGE_SIZE);
                assert_eq!(mapped + rest, end);
                model.extend((page..mapped).map(|p| (p, (pa + (p - page) * PAGE_SIZE, flags))));
            }
            Op::Unmap { space, page, pages } => {
                let (end, range) = Self::range(page, pages);
                let mut cursor = match self.spaces[space].cursor_mut(&mut guard, &range) {
                    Ok(cursor) => cursor,
                    Err(e) => return assert!(out_of_memory(&e), "{e}"),
                };
                match cursor.unmap(range.end - range.start) {
                    Ok(n) => {
                        let before = self.models[space].len();
                        self.models[space].retain(|p, _| !(page..end).contains(p));
                        assert_eq!(n, before - self.models[space].len());
                    }
                    Err(e) => assert!(out_of_memory(&e), "{e}"),
                }
            }
            Op::Protect {
                space,
                page,
                pages,
                flags,
            } => {
                let (end, range) = Self::range(page, pages);
                let mut cursor = match self.spaces[space].cursor_mut(&mut guard, &range) {
                    Ok(cursor) => cursor,
                    Err(e) => return assert!(out_of_memory(&e), "{e}"),
                };
                match cursor.protect(range.end - range.start, |p| p.flags = flags) {
                    Ok(n) => {
                        let changed = self.models[space].range_mut(page..end);
                        assert_eq!(changed.map(|(_, entry)| entry.1 = flags).count(), n);
                    }
                    Err(e) => assert!(out_of_memory(&e), "{e}"),
                }
            }
            Op::Touch { cpu, page, write } => self.touch(cpu, page, write),
            Op::Recreate { space } => {
                let Ok(new) = VmSpace::new(self.kernel) else {
                    return;
                };
                drop(guard);
                self.spaces[space] = new;
                self.models[space].clear();
                for a in &mut self.active {
                    *a = a.filter(|a| *a != space);
                }
            }
            Op::Area { pages, offset } => {
                let frames: Vec<_> = (0..pages)
                    .map_while(|_| options.alloc_frame().ok())
                    .collect();
                let pas: Vec<_> = frames.iter().map(|f| f.start_paddr()).collect();
                let frames = frames.into_iter().map(|f| f.into_dyn());
                let size = (pas.len() + offset + 1) * PAGE_SIZE;
                match KVirtArea::map_frames(
                    self.kernel,
                    size,
                    offset * PAGE_SIZE,
                    frames,
                    kernel_rw(),
                ) {
                    Ok(area) => self.areas.push((area, offset, pas)),
                    Err(KSpaceError::Table(e)) => assert!(out_of_memory(&e), "{e}"),
                    Err(e) => panic!("{e:?}"),
                }
            }
            Op::DropArea { which } => {
                if which < self.areas.len() {
                    self.areas.swap_remove(which);
                }
            }
            Op::Forget => self.frames.clear(),
        }
    }

    /// Accesses a page as the user of a CPU and compares with the model.
    fn touch(&self, cpu: usize, page: usize, write: bool) {
        let access = if write { Access::Write } else { Access::Read };
        let got = self
            .m
            .run(cpu, || self.m.access(va(page) + 8, access, true))
            .unwrap();
        let needed = if write { PageFlags::RW } else { PageFlags::R };
        let entry = self.active[cpu].and_then(|s| self.models[s].get(&page));
        let allowed = entry.filter(|(_, flags)| flags.contains(needed));
        assert_eq!(
            got.ok(),
            allowed.map(|(pa, _)| pa + 8),
            "{access:?} page {page} on CPU {cpu}"
        );
    }

    /// What every CPU sees of the areas, and that everything is sound.
    fn check(&self) {
        for cpu in 0..2 {
            let look = || {
                for (area, offset, pas) in &self.areas {
                    for (i, va) in area.range().step_by(PAGE_SIZE).enumerate() {
                        let pa = i.checked_sub(*offset).and_then(|i| pas.get(i).copied());
                        assert_eq!(self.m.access(va, Access::Write, false).ok(), pa);
                        let denied = self.m.access(va, Access::Read, true).unwrap_err().kind;
                        assert!(matches!(
                            denied,
                            FaultKind::Protection | FaultKind::NotPresent(_)
                        ));
                    }
                }
            };
            if self.m.root_of(cpu).is_some() {
                self.m.run(cpu, look).unwrap();
            }
        }
        let spaces: Vec<_> = self.spaces.iter().collect();
        let areas: Vec<_> = self.areas.iter().map(|(a, _, _)| a).collect();
        audit(self.m, self.kernel, &spaces, &areas, &self.frames, &[]);
    }
}

/// Boots a machine and a kernel, runs `f`, takes everything apart, and sees that nothing is left.
fn with_kernel<const ID: usize>(
    bytes: usize,
    cpus: usize,
    f: impl FnOnce(&Machine<ID>, &Kernel<ID>),
) {
    let m = Machine::<ID>::boot_with_frames(Config::with_ram(bytes).cpus(cpus)).unwrap();
    let kernel = Kernel::<ID>::new(DYNAMIC).unwrap();
    f(&m, &kernel);
    m.reset_cpus();
    // SAFETY: no CPU has a root.
    unsafe { kernel.destroy(RcuGuard::enter()) };
    assert_eq!(m.shutdown(), Default::default());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]
    /// Every access is answered as a plain map would, and every rule holds after every operation;
    /// some of which run out of memory, at any allocation.
    #[test]
    fn spaces_and_areas_are_what_the_cpus_see(ops in prop::collection::vec((op(), prop::option::weighted(0.2, 0..6u64)), 1..40)) {
        with_kernel::<2101>(24 << 20, 2, |m, kernel| {
            let mut world = World::new(m, kernel);
            for (op, fail) in &ops {
                if let Some(n) = fail {
                    m.fail_alloc_after(*n);
                }
                world.run(op);
                m.fail_no_alloc();
                world.check();
            }
        });
    }
}

/// A reader on another CPU keeps the nodes of a removed subtree, and what they still map, until its
/// section ends; the flush alone does not free them.
#[test]
fn a_removed_subtree_waits_for_readers() {
    const ID: usize = 2103;
    with_kernel::<ID>(4 << 20, 2, |m, kernel| {
        let space = VmSpace::new(kernel).unwrap();
        space.activate();
        let nodes = m.stats().allocated;
        let mut guard = RcuGuard::<Sim<ID>>::enter();
        for page in [0, 512, 1024] {
            let frame = FrameAllocOptions::<Sim<ID>>::new().alloc_frame().unwrap();
            let range = va(page)..va(page + 1);
            let mut cursor = space.cursor_mut(&mut guard, &range).unwrap();
            cursor
                .map(frame, user(PageFlags::R))
                .map_err(|(e, _)| e)
                .unwrap();
        }
        m.run(1, Sim::<ID>::rcu_enter).unwrap();
        let range = va(0)..va(PAGES);
        let unmapped = space
            .cursor_mut(&mut guard, &range)
            .unwrap()
            .unmap(PAGES * PAGE_SIZE);
        assert_eq!(unmapped, Ok(3));
        drop(guard);
        assert!(kernel.reclaim(), "CPU 1 is still reading");
        assert_eq!(
            m.access(va(0), Access::Read, true).unwrap_err().access,
            Access::Read
        );
        let waiting = m.stats().allocated - nodes;
        assert!(waiting >= 3, "{waiting} frames wait");
        m.run(1, Sim::<ID>::rcu_exit).unwrap();
        assert!(!kernel.reclaim());
        assert!(m.stats().allocated < nodes + waiting);
        audit(m, kernel, &[&space], &[], &[], &[]);
    });
}

/// Two CPUs map, unmap, protect and touch the same pages of one space, all at once, while a third
/// makes and drops other spaces and kernel areas. Which of them wins is open; that nobody reaches what
/// is gone, and that all is sound in the end, is not.
#[test]
fn three_cpus_at_once() {
    const ID: usize = 2102;
    with_kernel::<ID>(16 << 20, 3, |m, kernel| {
        let space = VmSpace::new(kernel).unwrap();
        let (start, finished) = (Barrier::new(3), AtomicUsize::new(0));
        let done = m
            .run_all(|cpu| {
                start.wait();
                let mut random = 0x9e37_79b9_7f4a_7c15u64 ^ cpu as u64;
                let mut next = || {
                    random = random
                        .wrapping_mul(0x5851_f42d_4c95_7f2d)
                        .wrapping_add(0x1405_7b7e_f767_814f);
                    (random >> 33) as usize
                };
                let done: usize = if cpu == 2 {
                    (0..200)
                        .map(|_| come_and_go(m, kernel, &space, next()))
                        .sum()
                } else {
                    space.activate();
                    (0..1500).map(|_| work(m, &space, next())).sum()
                };
                // The CPU stays awake until all have finished, so that flushes are messages.
                finished.fetch_add(1, SeqCst);
                while finished.load(SeqCst) < 3 {
                    Sim::<ID>::relax();
                }
                done
            })
            .unwrap();
        assert!(done.iter().all(|&n| n > 0), "{done:?}");
        audit(m, kernel, &[&space], &[], &[], &[]);
        assert!(m.stats().messages > 0);
    });
}

/// A space and an area that live for a moment, on a CPU that also visits `space`; returns how many
/// pages it saw in them.
fn come_and_go<const ID: usize>(
    m: &Machine<ID>,
    kernel: &Kernel<ID>,
    space: &Space<'_, ID>,
    random: usize,
) -> usize {
    let options = FrameAllocOptions::<Sim<ID>>::new();
    let Ok(own) = VmSpace::new(kernel) else {
        return 0;
    };
    own.activate();
    let frames: Vec<_> = (0..random % 9)
        .map_while(|_| options.alloc_frame().ok())
        .collect();
    let shared = frames.iter().map(|f| f.clone().into_dyn());
    let Ok(area) = KVirtArea::map_frames(kernel, 10 * PAGE_SIZE, 0, shared, kernel_rw()) else {
        return 0;
    };
    let mut seen = 0;
    for (i, frame) in frames.into_iter().enumerate() {
        let (pa, page) = (frame.start_paddr(), va(random / 16 % 1000 + i));
        let mut guard = RcuGuard::enter();
        let mut cursor = own
            .cursor_mut(&mut guard, &(page..page + PAGE_SIZE))
            .unwrap();
        if cursor.map(frame, user(PageFlags::RW)).is_err() {
            continue;
        }
        drop(cursor);
        assert_eq!(m.access(page, Access::Write, true), Ok(pa));
        assert_eq!(
            m.access(area.start() + i * PAGE_SIZE, Access::Write, false),
            Ok(pa)
        );
        seen += 1;
    }
    if random.is_multiple_of(3) {
        space.activate_from(&own);
        let _may_fault = m.read(va(random / 16 % 1000), &mut [0], true);
    }
    seen
}

/// One step of a CPU; returns how many pages it mapped.
fn work<const ID: usize>(m: &Machine<ID>, space: &Space<'_, ID>, random: usize) -> usize {
    let (page, what) = (random / 8 % 40 * 38, random % 8);
    let pages = 1 + random / 512 % 30;
    let range = va(page)..va(page + pages);
    let mut guard = RcuGuard::enter();
    match what {
        0 | 1 => {
            let Ok(frame) = FrameAllocOptions::<Sim<ID>>::new().alloc_frame() else {
                return 0;
            };
            let mut cursor = space.cursor_mut(&mut guard, &range).unwrap();
            usize::from(cursor.map(frame, user(PageFlags::RW)).is_ok())
        }
        2 => {
            let Ok(frames) = FrameAllocOptions::<Sim<ID>>::new().alloc_segment(pages) else {
                return 0;
            };
            let mut cursor = space.cursor_mut(&mut guard, &range).unwrap();
            let _taken = cursor.map_segment(frames, user(PageFlags::RW));
            (cursor.virt_addr() - range.start) / PAGE_SIZE
        }
        3 => {
            space
                .cursor_mut(&mut guard, &range)
                .unwrap()
                .unmap(range.end - range.start)
                .unwrap();
            0
        }
        4 => {
            let mut cursor = space.cursor_mut(&mut guard, &range).unwrap();
            cursor
                .protect(range.end - range.start, |p| p.flags = PageFlags::R)
                .unwrap();
            0
        }
        _ => {
            drop(guard);
            let _may_fault = m.write(range.start, &random.to_le_bytes(), true);
            let _may_fault = m.read(range.start, &mut [0; 16], true);
            0
        }
    }
}
