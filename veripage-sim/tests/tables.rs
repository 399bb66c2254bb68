//! The core's page tables on the machine, in every format: after each operation `page_walk` says what a
//! plain map says, so does the MMU of each CPU if it knows the format, and the audit finds every rule
//! kept.
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use veripage::frame::{DynFrame, DynSegment, FrameAllocOptions};
use veripage::page_table::{
    reclaim, KernelPtConfig, MappedItem, PageTable, PageTableConfig, PageTableError, PagingFormat,
    Pending, RetiredOf, Sink, Taken, UserPtConfig,
};
use veripage::paging::*;
use veripage::rcu::RcuGuard;
use veripage::{CpuSet, FlushOp, Paddr, Platform, Vaddr, PAGE_SIZE};
use veripage_sim::audit::{Audit, Format, Table};
use veripage_sim::{Access, Config, Machine, Sim};

/// A format, and what the machine and the audit call it.
trait Tested: PagingFormat {
    const FORMAT: Format;
    /// Levels of the machine's MMU, if that reads the format.
    const MMU: Option<u8> = None;
}

macro_rules! tested {
    ($($name:ident $mmu:expr),*) => {
        $(impl Tested for $name {
            const FORMAT: Format = Format::$name;
            const MMU: Option<u8> = $mmu;
        })*
    };
}

tested!(X86_64 Some(4), X86_64La57 Some(5), Sv39 None, Sv48 None, Sv57 None, Aarch64 None, LoongArch64 None);

const ID: usize = 2001;
type S = Sim<ID>;
type User<F> = UserPtConfig<S, F>;
type Kernel<F> = KernelPtConfig<S, F>;

/// The pages under test: three leaf nodes under two nodes of level 2.
const FIRST: Vaddr = 0x3f_c000_0000 - (2 << 20);
const PAGES: usize = 3 * 512;

/// What has left the table.
struct Bin<C: PageTableConfig> {
    items: Vec<Pending<C::Item>>,
    nodes: Vec<Pending<RetiredOf<C>>>,
}

impl<C: PageTableConfig> Sink<C> for Bin<C> {
    fn page(&mut self, item: Pending<C::Item>) {
        self.items.push(item);
    }

    fn nodes(&mut self, nodes: Pending<RetiredOf<C>>) {
        self.nodes.push(nodes);
    }
}

impl<C: PageTableConfig<P = S>> Bin<C> {
    fn new() -> Self {
        Self {
            items: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// Flushes every CPU, then gives everything back.
    fn empty(self, range: Range<Vaddr>) {
        S::flush_wait(S::flush(CpuSet(3), &FlushOp::Range(range)));
        for item in self.items {
            // SAFETY: every CPU has flushed the range.
            drop(unsafe { item.assume_flushed() });
        }
        for nodes in self.nodes {
            // SAFETY: as above; the grace period is waited for below.
            let waiting = unsafe { nodes.assume_flushed() }.wait();
            let Ok(nodes) = waiting.try_expire() else {
                panic!("nobody reads");
            };
            reclaim(nodes);
        }
    }
}

/// What a page maps to.
type Page = (Paddr, PageProperty);

struct World<F: Tested> {
    user: PageTable<User<F>>,
    kernel: PageTable<Kernel<F>>,
    model: BTreeMap<usize, Page>,
    frames: Vec<DynFrame<S>>,
    segments: Vec<DynSegment<S>>,
    /// Dropped last, also when a test fails.
    m: Machine<ID>,
}

#[derive(Clone, Debug)]
enum Op {
    Map {
        page: usize,
        huge: bool,
        tracked: bool,
        prop: PageProperty,
        keep: bool,
    },
    Unmap {
        page: usize,
        len: usize,
    },
    Take {
        page: usize,
        len: usize,
    },
    Protect {
        page: usize,
        len: usize,
        prop: PageProperty,
    },
    Forget,
}

/// A step, and after how many allocations memory runs out.
type Step = (Op, Option<u64>);

fn step() -> impl Strategy<Value = Step> {
    let page = || {
        prop_oneof![
            0..PAGES,
            (0..3usize).prop_map(|n| n * 512),
            Just(511),
            Just(1023)
        ]
    };
    let len = || prop_oneof![1..5usize, 500..1500usize, Just(512usize), Just(PAGES)];
    let rights = prop_oneof![
        Just(PageFlags::R),
        Just(PageFlags::RW),
        Just(PageFlags::RX),
        Just(PageFlags::empty())
    ];
    let prop = move || {
        rights
            .clone()
            .prop_map(|f| PageProperty::new_user(f, CachePolicy::Writeback))
    };
    let map = (page(), any::<bool>(), any::<bool>(), prop(), any::<bool>()).prop_map(
        |(page, huge, tracked, prop, keep)| Op::Map {
            page,
            huge,
            tracked,
            prop,
            keep,
        },
    );
    let op = prop_oneof![
        6 => map,
        2 => (page(), len()).prop_map(|(page, len)| Op::Unmap { page, len }),
        2 => (page(), len()).prop_map(|(page, len)| Op::Take { page, len }),
        2 => (page(), len(), prop()).prop_map(|(page, len, prop)| Op::Protect { page, len, prop }),
        1 => Just(Op::Forget),
    ];
    (op, prop::option::weighted(0.2, 0..5u64))
}

fn va(page: usize) -> Vaddr {
    FIRST + page * PAGE_SIZE
}

impl<F: Tested> World<F> {
    fn new() -> Self {
        let config = Config::with_ram(24 << 20);
        let levels = F::MMU.unwrap_or(config.levels);
        let m = Machine::boot_with_frames(Config { levels, ..config }).unwrap();
        let kernel = PageTable::<Kernel<F>>::new_kernel_page_table().unwrap();
        // SAFETY: the user's table is dropped first.
        let user = unsafe { kernel.create_user_page_table().unwrap() };
        for cpu in 0..2 {
            // SAFETY: the table outlives its use: `end` resets the CPUs first.
            m.run(cpu, || unsafe { user.activate() }).unwrap();
        }
        let (model, frames, segments) = Default::default();
        Self {
            m,
            user,
            kernel,
            model,
            frames,
            segments,
        }
    }

    /// A new item, of which the world keeps a handle if `keep` is true.
    fn item(
        &mut self,
        huge: bool,
        tracked: bool,
        prop: PageProperty,
        keep: bool,
    ) -> Option<MappedItem<S>> {
        let level = 1 + u8::from(huge);
        if !tracked {
            return Some(MappedItem::Untracked(0x40_0000_0000, level, prop));
        }
        let options = FrameAllocOptions::<S>::new();
        if huge {
            let segment = options
                .align(512 * PAGE_SIZE)
                .alloc_segment(512)
                .ok()?
                .into_dyn();
            if keep {
                self.segments
                    .push(segment.slice(&(0..segment.size())).unwrap());
            }
            return Some(MappedItem::TrackedHuge(segment, prop));
        }
        let frame = options.alloc_frame().ok()?.into_dyn();
        if keep {
            self.frames.push(frame.clone());
        }
        Some(MappedItem::Tracked(frame, prop))
    }

    fn run(&mut self, (op, fail): &Step) {
        match op.clone() {
            Op::Map {
                page,
                huge,
                tracked,
                prop,
                keep,
            } => {
                let page = if huge { page & !511 } else { page };
                let Some(item) = self.item(huge, tracked, prop, keep) else {
                    return;
                };
                let pa = item.paddr();
                let pages = if huge { 512 } else { 1 };
                self.fail(fail);
                let mut guard = RcuGuard::<S>::enter();
                let range = va(page)..va(page + pages);
                let done = self
                    .user
                    .cursor_mut(&mut guard, &range)
                    .and_then(|mut c| c.map(item));
                let taken = self.model.range(page..page + pages).next();
                match done {
                    Ok(()) => {
                        assert_eq!(taken, None);
                        self.model
                            .extend((0..pages).map(|i| (page + i, (pa + i * PAGE_SIZE, prop))));
                    }
                    Err(PageTableError::AlreadyMapped(_)) => assert!(taken.is_some()),
                    Err(PageTableError::NoMemory(_)) => {
                        assert!(fail.is_some() || self.m.stats().free < 512)
                    }
                    Err(e) => panic!("{e}"),
                }
            }
            Op::Unmap { page, len } => self.remove(page, len, fail, false),
            Op::Take { page, len } => self.remove(page, len, fail, true),
            Op::Protect { page, len, prop } => {
                let end = (page + len).min(PAGES);
                self.fail(fail);
                let mut guard = RcuGuard::<S>::enter();
                let done = self
                    .user
                    .cursor_mut(&mut guard, &(va(page)..va(end)))
                    .and_then(|mut c| {
                        c.protect(va(end) - va(page), |p| {
                            p.flags = prop.flags.union(if p.flags.contains(PageFlags::AVAIL1) {
                                PageFlags::AVAIL1
                            } else {
                                PageFlags::empty()
                            })
                        })
                    });
                drop(guard);
                match done {
                    Ok(n) => {
                        let mut seen = 0;
                        for (_, p) in self.model.range_mut(page..end) {
                            p.1 = prop;
                            seen += 1;
                        }
                        assert_eq!(n, seen);
                    }
                    Err(PageTableError::NoMemory(_)) => {
                        assert!(fail.is_some() || self.m.stats().free < 512)
                    }
                    Err(e) => panic!("{e}"),
                }
                Bin::<User<F>>::new().empty(va(page)..va(end));
            }
            Op::Forget => {
                self.frames.clear();
                self.segments.clear();
            }
        }
        self.m.fail_no_alloc();
    }

    fn fail(&self, fail: &Option<u64>) {
        if let Some(n) = fail {
            self.m.fail_alloc_after(*n);
        }
    }

    /// Unmaps, at once or one after another.
    fn remove(&mut self, page: usize, len: usize, fail: &Option<u64>, one_by_one: bool) {
        let end = (page + len).min(PAGES);
        let range = va(page)..va(end);
        self.fail(fail);
        let mut bin = Bin::<User<F>>::new();
        let mut guard = RcuGuard::<S>::enter();
        let done = self.user.cursor_mut(&mut guard, &range).and_then(|mut c| {
            if !one_by_one {
                return c
                    .unmap(range.end - range.start, &mut bin)
                    .map(|n| (n, range.end));
            }
            let mut n = 0;
            loop {
                match c.take_next(range.end - c.virt_addr(), &mut bin) {
                    Ok(Some(Taken::Page { len, item, .. })) => {
                        bin.items.push(item);
                        n += len / PAGE_SIZE;
                    }
                    Ok(Some(Taken::Table { pages, .. })) => n += pages,
                    Ok(None) => return Ok((n, range.end)),
                    Err(PageTableError::InvalidVaddr(at)) if at == range.end => return Ok((n, at)),
                    Err(PageTableError::NoMemory(_)) => return Ok((n, c.virt_addr())),
                    Err(e) => return Err(e),
                }
            }
        });
        drop(guard);
        bin.empty(range);
        match done {
            Ok((n, to)) => {
                let to = (to - FIRST) / PAGE_SIZE;
                let gone: Vec<_> = self.model.range(page..to).map(|(p, _)| *p).collect();
                assert_eq!(gone.len(), n);
                self.model.retain(|p, _| !gone.contains(p));
            }
            Err(PageTableError::NoMemory(_)) => {
                assert!(fail.is_some() || self.m.stats().free < 512)
            }
            Err(e) => panic!("{e}"),
        }
    }

    /// Compares what `page_walk` and each CPU's MMU say with the model, at both sides of each border.
    fn compare(&self) {
        let mut pages = vec![0, PAGES - 1];
        let mut last = None;
        for (&p, &(pa, prop)) in &self.model {
            if last != Some((p.wrapping_sub(1), pa.wrapping_sub(PAGE_SIZE), prop)) || p % 512 == 511
            {
                pages.extend([p.saturating_sub(1), p]);
            }
            last = Some((p, pa, prop));
        }
        let guard = RcuGuard::<S>::enter();
        for &p in &pages {
            let walked = self.user.page_walk(&guard, va(p) + 5).unwrap();
            let walked = walked
                .map(|(pa, prop)| (pa - 5, prop.sans_ad().flags.difference(PageFlags::AVAIL1)));
            let expected = self.model.get(&p).map(|(pa, prop)| (*pa, prop.flags));
            assert_eq!(walked, expected, "page {p}");
        }
        if F::MMU.is_none() {
            return;
        }
        for cpu in 0..2 {
            let check = || {
                for &p in &pages {
                    let at = va(p) + 8 * cpu;
                    for (access, flag) in
                        [(Access::Read, PageFlags::R), (Access::Write, PageFlags::W)]
                    {
                        let expected = self
                            .model
                            .get(&p)
                            .filter(|(_, prop)| prop.flags.contains(flag));
                        let got = self.m.access(at, access, true).ok();
                        assert_eq!(
                            got,
                            expected.map(|(pa, _)| pa + 8 * cpu),
                            "{access:?} page {p} on CPU {cpu}"
                        );
                    }
                }
            };
            self.m.run(cpu, check).unwrap();
        }
    }

    fn audit(&self) {
        let root = self.kernel.root_paddr();
        let mut audit = Audit {
            tables: vec![
                Table::kernel(root, F::FORMAT),
                Table::user(self.user.root_paddr(), F::FORMAT, root).cpus(CpuSet(3)),
            ],
            flushed: true,
            ..Audit::default()
        };
        self.frames
            .iter()
            .for_each(|f| audit.census.handle(f.start_paddr()));
        for s in &self.segments {
            audit.census.cover(s.start_paddr(), s.size() / PAGE_SIZE);
        }
        let report = self.m.audit(&audit).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(report.pages, self.model.len());
        assert_eq!(self.m.violations(), []);
    }

    /// Takes everything apart; nothing is left.
    fn end(self) {
        let Self {
            m,
            user,
            kernel,
            frames,
            segments,
            ..
        } = self;
        m.reset_cpus();
        drop((frames, segments, user));
        drop(kernel);
        assert_eq!(m.stats().allocated, 0);
        assert_eq!(m.shutdown(), Default::default());
    }
}

macro_rules! every_format {
    ($($name:ident: $format:ident),*) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..Default::default() })]
            $(#[test]
            fn $name(steps in prop::collection::vec(step(), 1..30)) {
                let mut world = World::<$format>::new();
                world.audit();
                for step in &steps {
                    world.run(step);
                    world.audit();
                    world.compare();
                }
                world.end();
            })*
        }
    };
}

every_format!(
    x86_64_tables: X86_64,
    x86_64_la57_tables: X86_64La57,
    sv39_tables: Sv39,
    sv48_tables: Sv48,
    sv57_tables: Sv57,
    aarch64_tables: Aarch64,
    loongarch64_tables: LoongArch64
);
