//! Hostile arguments: no function of tables panics, whatever it is given; errors name the address; and after
//! each visit of a cursor the table is what a plain map of runs says, and the audit agrees.
mod model;
mod tables;
use model::*;
use proptest::prelude::*;
use tables::*;
use veripage::frame::{
    DynFrame, FrameAllocOptions, GetFrameError, Segment, UFrame, UniqueFrame, UntypedMeta,
};
use veripage::kspace::{KSpaceError, KVirtArea, KernelSpace};
use veripage::vm_space::{UserAccessError, VmSpace};

/// Addresses and lengths that are at an edge of something.
const EDGES: [usize; 30] = [
    0,
    1,
    4095,
    PAGE,
    PAGE + 1,
    M2 - PAGE,
    M2,
    M2 + PAGE,
    2 * M2,
    G1 - PAGE,
    G1,
    1 << 33,
    1 << 38,
    1 << 39,
    (1 << 47) - PAGE,
    1 << 47,
    1 << 48,
    1 << 52,
    (1 << 56) - PAGE,
    1 << 56,
    1 << 57,
    1 << 63,
    usize::MAX << 57,
    usize::MAX << 56,
    usize::MAX << 47,
    usize::MAX << 38,
    usize::MAX << 30,
    usize::MAX << 21,
    usize::MAX - 4095,
    usize::MAX,
];

fn edge() -> impl Strategy<Value = usize> {
    prop_oneof![3 => prop::sample::select(&EDGES[..]), 1 => any::<usize>()]
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        2 => edge(),
        4 => (0usize..2000).prop_map(|n| n * PAGE),
        3 => prop::sample::select(vec![PAGE, 2 * PAGE, M2, 2 * M2, G1, 1 << 39, 1 << 48]),
    ]
}

fn level() -> impl Strategy<Value = u8> {
    prop_oneof![6 => 0u8..6, 1 => Just(6u8), 1 => Just(255u8), 1 => any::<u8>()]
}

fn property() -> impl Strategy<Value = PageProperty> {
    prop_oneof![4 => Just(rw()), 3 => Just(ro()), 1 => (any::<u8>(), any::<u8>(), 0usize..5).prop_map(|(f, p, c)| {
        let cache = [CachePolicy::Uncacheable, CachePolicy::WriteCombining, CachePolicy::WriteProtected,
            CachePolicy::Writethrough, CachePolicy::Writeback][c];
        PageProperty { flags: PageFlags::from_bits_truncate(f), cache, priv_flags: PrivilegedPageFlags::from_bits_truncate(p) }
    })]
}

/// What is done at a cursor. Positions are steps from the start of its range, or any number.
#[derive(Clone, Debug)]
enum Op {
    Jump(usize),
    Step(usize),
    Map(usize, u8, PageProperty),
    Frame(PageProperty),
    Frames(usize, PageProperty),
    Run(usize, usize, PageProperty, u8),
    Take(usize),
    Unmap(usize),
    Protect(usize, PageProperty),
    ProtectNext(usize, PageProperty),
    Find(usize),
    Query,
    Split,
}

fn op() -> impl Strategy<Value = Op> {
    let pa = || prop_oneof![1 => edge(), 3 => (0usize..64).prop_map(|i| (1 << 34) + (i << 30)), 2 => (0usize..64).prop_map(|i| (1 << 34) + (i << 21)), 1 => (0usize..64).prop_map(|i| i << 48)];
    prop_oneof![
        2 => edge().prop_map(Op::Jump),
        5 => length().prop_map(Op::Step),
        6 => (pa(), level(), property()).prop_map(|(pa, l, p)| Op::Map(pa, l, p)),
        2 => property().prop_map(Op::Frame),
        2 => (prop::sample::select(vec![0usize, 1, 3, 511, 512, 513]), property()).prop_map(|(n, p)| Op::Frames(n, p)),
        4 => (pa(), length(), property(), level()).prop_map(|(pa, n, p, l)| Op::Run(pa, n, p, l)),
        2 => length().prop_map(Op::Take),
        3 => length().prop_map(Op::Unmap),
        2 => (length(), property()).prop_map(|(n, p)| Op::Protect(n, p)),
        1 => (length(), property()).prop_map(|(n, p)| Op::ProtectNext(n, p)),
        1 => length().prop_map(Op::Find),
        1 => Just(Op::Query),
        2 => Just(Op::Split),
    ]
}

/// Where a range starts: a root entry of the half, 256 for its end, and bytes up or down from there.
#[derive(Clone, Debug)]
struct Visit {
    top: usize,
    off: usize,
    down: bool,
    len: usize,
    ops: Vec<Op>,
    fuel: Option<u64>,
}

fn visit() -> impl Strategy<Value = Visit> {
    let top =
        prop_oneof![3 => Just(0usize), 3 => Just(256usize), 1 => Just(255usize), 1 => Just(1usize)];
    let fuel = prop_oneof![3 => Just(None), 1 => (0u64..6).prop_map(Some)];
    let off = prop_oneof![
        Just(0),
        Just(M2),
        Just(PAGE),
        Just(G1),
        Just(1 << 39),
        length()
    ];
    (
        top,
        off,
        any::<bool>(),
        length(),
        prop::collection::vec(op(), 1..8),
        fuel,
    )
        .prop_map(|(top, off, down, len, ops, fuel)| Visit {
            top,
            off,
            down,
            len,
            ops,
            fuel,
        })
}

struct Checked<C: PageTableConfig> {
    model: Runs,
    bin: Now<C>,
}

impl<P: Platform, C: PageTableConfig<P = P, Item = MappedItem<P>>> Checked<C> {
    fn map(&mut self, c: &mut CursorMut<'_, C>, end: u128, item: MappedItem<P>) {
        let (pa, level, prop) = (item.paddr(), item.level(), item.prop());
        let prop = PageProperty {
            flags: prop.flags.difference(PageFlags::AVAIL1),
            ..prop
        };
        let va = c.virt_addr();
        let here = at_of(va, end);
        let want = if here == end {
            Err(PageTableError::InvalidVaddr(va))
        } else if level == 0
            || level > C::C::HIGHEST_TRANSLATION_LEVEL
            || !C::E::supports(level, prop)
        {
            Err(PageTableError::UnsupportedProperty(va))
        } else if va % page_size(level) != 0 {
            Err(PageTableError::UnalignedVaddr(va))
        } else if !C::E::fits_page(pa, level) {
            Err(PageTableError::InvalidPaddr(pa))
        } else if here + page_size(level) as u128 > end {
            Err(PageTableError::InvalidVaddrRange(
                va,
                va.wrapping_add(page_size(level)),
            ))
        } else {
            let (page, n) = (va / PAGE, page_size(level) / PAGE);
            match self.model.first(page, page + n) {
                Some(first) => Err(PageTableError::AlreadyMapped(first * PAGE)),
                None => Ok((page, n)),
            }
        };
        match (c.map(item), want) {
            (Ok(()), Ok((page, n))) => {
                self.model.insert(page, n, pa, prop);
                assert_eq!(at_of(c.virt_addr(), end), here + n as u128 * 4096);
            }
            (Err(PageTableError::NoMemory(at)), Ok(_)) => {
                assert_eq!((c.virt_addr(), at), (va, va));
            }
            (got, want) => {
                assert_eq!(got.err(), want.err());
                assert_eq!(c.virt_addr(), va);
            }
        }
    }

    fn step(&mut self, c: &mut CursorMut<'_, C>, start: usize, end: u128, op: &Op) {
        let va = c.virt_addr();
        let page = (at_of(va, end) / 4096) as usize;
        let no_memory =
            |e: PageTableError| assert!(matches!(e, PageTableError::NoMemory(_)), "{e}");
        match *op {
            Op::Jump(to) | Op::Step(to) => {
                let to = if matches!(op, Op::Step(_)) {
                    start.wrapping_add(to)
                } else {
                    to
                };
                let want = if to % PAGE != 0 {
                    Err(PageTableError::UnalignedVaddr(to))
                } else if at_of(to, end) < start as u128 || at_of(to, end) > end {
                    Err(PageTableError::InvalidVaddr(to))
                } else {
                    Ok(())
                };
                assert_eq!(c.jump(to), want);
                assert_eq!(c.virt_addr(), if want.is_ok() { to } else { va });
            }
            Op::Map(pa, level, prop) => self.map(c, end, at(pa, level, prop)),
            Op::Frame(prop) => {
                if let Ok(frame) = FrameAllocOptions::<P>::new().alloc_frame() {
                    self.map(c, end, MappedItem::Tracked(frame.into_dyn(), prop));
                }
            }
            Op::Frames(n, prop) => {
                let got = FrameAllocOptions::<P>::new()
                    .align(M2)
                    .alloc_segment(n.max(1));
                if let Ok(frames) = got {
                    let part = frames.slice(&(0..n * PAGE)).unwrap();
                    drop(frames);
                    self.map(c, end, MappedItem::TrackedHuge(part.into_dyn(), prop));
                }
            }
            // Millions of base pages prove nothing more.
            Op::Run(pa, len, _, largest)
                if len > G1 >> 3 && ((pa ^ va) % G1 != 0 || largest < 3) => {}
            Op::Run(pa, len, prop, largest) => {
                let prop = PageProperty {
                    flags: prop.flags.difference(PageFlags::AVAIL1),
                    ..prop
                };
                let fits = |pa: Option<usize>| pa.is_some_and(|pa| C::E::fits_page(pa, 1));
                let last = pa.checked_add(len).and_then(|e| e.checked_sub(PAGE));
                let want = Self::want(va, end, len).and_then(|to| {
                    if len > 0 && !(fits(Some(pa)) && fits(last)) {
                        Err(PageTableError::InvalidPaddr(pa))
                    } else if !C::E::supports(1, prop) {
                        Err(PageTableError::UnsupportedProperty(va))
                    } else {
                        Ok(to)
                    }
                });
                let got = c.map_range(pa, len, prop, largest);
                let done = (at_of(c.virt_addr(), end) / 4096) as usize - page;
                if want.is_ok() {
                    assert_eq!(self.model.first(page, page + done), None);
                    self.model.insert(page, done, pa, prop);
                } else {
                    assert_eq!(done, 0);
                }
                match (got, want) {
                    (Ok(()), Ok(to)) => assert_eq!(page + done, to),
                    (Err(PageTableError::AlreadyMapped(at)), Ok(to)) => {
                        assert_eq!(at, c.virt_addr());
                        assert!(at / PAGE < to && self.model.get(at / PAGE).is_some());
                    }
                    (Err(PageTableError::NoMemory(at)), Ok(_)) => assert_eq!(at, c.virt_addr()),
                    (got, want) => assert_eq!(got.err(), want.err()),
                }
            }
            Op::Take(len) => match (c.take_next(len, &mut self.bin), Self::want(va, end, len)) {
                (Ok(None), Ok(to)) => {
                    assert_eq!(self.model.first(page, to), None);
                    assert_eq!((at_of(c.virt_addr(), end) / 4096) as usize, to);
                }
                (Ok(Some(Taken::Page { va, len, item })), Ok(to)) => {
                    assert_eq!(self.model.first(page, to), Some(va / PAGE));
                    // SAFETY: no CPU has loaded the table.
                    let item = unsafe { item.assume_flushed() };
                    self.model.check(va / PAGE, len / PAGE, told(&item));
                    self.model.remove(va / PAGE, va / PAGE + len / PAGE);
                    assert_eq!(c.virt_addr(), va.wrapping_add(len));
                }
                (Ok(Some(Taken::Table { va, len, pages })), Ok(to)) => {
                    let (from, n) = (va / PAGE, len / PAGE);
                    assert!(page <= from && from + n <= to);
                    assert!(self.model.first(page, to).is_none_or(|first| first >= from));
                    assert_eq!(self.model.remove(from, from + n), pages);
                }
                (Err(e), Ok(_)) => no_memory(e),
                (got, want) => assert_eq!(got.err(), want.err()),
            },
            Op::Unmap(len) => {
                self.bin.pages.clear();
                match (c.unmap(len, &mut self.bin), Self::want(va, end, len)) {
                    (Ok(n), Ok(to)) => {
                        for (range, item) in self.bin.pages.drain(..) {
                            let pages = range.end.wrapping_sub(range.start) / PAGE;
                            self.model.check(range.start / PAGE, pages, told(&item));
                        }
                        assert_eq!(self.model.remove(page, to), n);
                    }
                    (Err(e), Ok(_)) => {
                        no_memory(e);
                        assert_eq!(c.virt_addr(), va);
                    }
                    (got, want) => assert_eq!(got.err(), want.err()),
                }
            }
            Op::Protect(len, prop) => {
                let got = c.protect(len, |p| *p = prop);
                let now = (at_of(c.virt_addr(), end) / 4096) as usize;
                match (got, Self::want(va, end, len)) {
                    (Ok(n), Ok(to)) => {
                        assert_eq!((n, now), (self.model.count(page, to), to));
                        self.model.set_prop(page, to, without_kind(prop));
                    }
                    (Err(PageTableError::UnsupportedProperty(at)), Ok(to)) => {
                        assert_eq!((at, self.model.first(page, to)), (c.virt_addr(), Some(now)));
                    }
                    (Err(e), Ok(_)) => {
                        no_memory(e);
                        assert_eq!(c.virt_addr(), va);
                    }
                    (got, want) => assert_eq!(got.err(), want.err()),
                }
            }
            Op::ProtectNext(len, prop) => {
                let got = c.protect_next(len, |p| *p = prop);
                let want = Self::want(va, end, len);
                match (got, want) {
                    (Ok(None), Ok(to)) => assert_eq!(self.model.first(page, to), None),
                    (Ok(Some(range)), Ok(to)) => {
                        let from = range.start / PAGE;
                        assert_eq!(self.model.first(page, to), Some(from));
                        let n = range.end.wrapping_sub(range.start) / PAGE;
                        self.model.set_prop(from, from + n, without_kind(prop));
                    }
                    (Err(PageTableError::UnsupportedProperty(at)), Ok(to)) => {
                        assert_eq!(self.model.first(page, to), Some(at / PAGE));
                    }
                    (Err(e), Ok(_)) => no_memory(e),
                    (got, want) => assert_eq!(got.err(), want.err()),
                }
            }
            Op::Find(len) => match (c.find_next(len), Self::want(va, end, len)) {
                (Ok(found), Ok(to)) => {
                    assert_eq!(found.map(|va| va / PAGE), self.model.first(page, to));
                    assert_eq!(
                        (at_of(c.virt_addr(), end) / 4096) as usize,
                        found.map_or(to, |va| va / PAGE)
                    );
                }
                (got, want) => assert_eq!(got.err(), want.err()),
            },
            Op::Query => self.query(c, end),
            Op::Split => match c.split() {
                Ok(_) => self.query(c, end),
                Err(PageTableError::InvalidVaddr(at)) => {
                    assert_eq!((at, at_of(va, end)), (va, end))
                }
                Err(e) => no_memory(e),
            },
        }
    }

    /// What `find_next` and its like say to a length before they look at anything, or the page that they may reach.
    fn want(va: Vaddr, end: u128, len: usize) -> Result<usize, PageTableError> {
        let here = at_of(va, end);
        if here == end {
            return Err(PageTableError::InvalidVaddr(va));
        }
        if len % PAGE != 0 {
            return Err(PageTableError::UnalignedVaddr(len));
        }
        if here + len as u128 > end {
            return Err(PageTableError::InvalidVaddrRange(va, va.wrapping_add(len)));
        }
        Ok(((here + len as u128) / 4096) as usize)
    }

    fn query(&self, c: &mut CursorMut<'_, C>, end: u128) {
        let va = c.virt_addr();
        if at_of(va, end) == end {
            assert_eq!(c.query().err(), Some(PageTableError::InvalidVaddr(va)));
            assert_eq!(c.peek().err(), Some(PageTableError::InvalidVaddr(va)));
            return;
        }
        let (range, item) = c.query().unwrap();
        assert!(range.start <= va && va <= range.end.wrapping_sub(1));
        let size = range.end.wrapping_sub(range.start);
        match item {
            Some(item) => {
                let (pa, level, prop) = told(&item);
                assert_eq!(size, page_size(level));
                self.model
                    .check(range.start / PAGE, size / PAGE, (pa, level, prop));
            }
            None => assert_eq!(
                self.model
                    .first(range.start / PAGE, range.start / PAGE + size / PAGE),
                None
            ),
        }
    }
}

fn play<C, F, const ID: usize>(m: &At<ID>, table: PageTable<C>, visits: &[Visit])
where
    F: PagingFormat,
    C: PageTableConfig<P = Sim<ID>, Item = MappedItem<Sim<ID>>>,
{
    let top = C::TOP_LEVEL_INDEX_RANGE;
    let (first, last) = vaddr_range_bounds::<C::C>(&top).unwrap();
    let root_entry = page_size(C::C::NR_LEVELS);
    let mut t = Checked::<C> {
        model: Runs::default(),
        bin: Now::new(),
    };
    for v in visits {
        let anchor = if v.top == 256 {
            last.wrapping_add(1)
        } else {
            first + v.top * root_entry
        };
        let start = if v.down {
            anchor.wrapping_sub(v.off)
        } else {
            anchor.wrapping_add(v.off)
        };
        let range = start..start.wrapping_add(v.len);
        let mut guard = RcuGuard::enter();
        match v.fuel {
            Some(n) => m.0.fail_alloc_after(n),
            None => m.0.fail_no_alloc(),
        }
        let want = if let Some(&va) = [range.start, range.end].iter().find(|va| **va % PAGE != 0) {
            Some(PageTableError::UnalignedVaddr(va))
        } else if v.len == 0
            || range.start < first
            || end_of(&range) > last as u128 + 1
            || end_of(&range) <= start as u128
        {
            Some(PageTableError::InvalidVaddrRange(range.start, range.end))
        } else {
            None
        };
        match (table.cursor_mut(&mut guard, &range), want) {
            (Ok(mut c), None) => v
                .ops
                .iter()
                .for_each(|op| t.step(&mut c, start, end_of(&range), op)),
            (Err(PageTableError::NoMemory(at)), None) => assert_eq!(at, start),
            (got, want) => assert_eq!(got.err(), want),
        }
        m.0.fail_no_alloc();
        drop(guard);
        t.bin = Now::new();
        t.model.compare(&table);
        audit::<F, ID>(m, table.root_paddr(), top.clone());
    }
}

fn runner() -> proptest::test_runner::TestRunner {
    proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 32,
        max_shrink_time: 10_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

fn no_argument_makes_a_user_table_panic<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    runner()
        .run(&prop::collection::vec(visit(), 1..8), |visits| {
            play::<_, F, ID>(&m, User::<F, ID>::empty().unwrap(), &visits);
            prop_assert_eq!(m.0.allocated_frames(), Vec::<Paddr>::new());
            Ok(())
        })
        .unwrap();
}
each_format!(no_argument_makes_a_user_table_panic, 1000);

fn no_argument_makes_a_kernel_table_panic<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    runner()
        .run(&prop::collection::vec(visit(), 1..8), |visits| {
            play::<_, F, ID>(
                &m,
                Kernel::<F, ID>::new_kernel_page_table().unwrap(),
                &visits,
            );
            prop_assert_eq!(m.0.allocated_frames(), Vec::<Paddr>::new());
            Ok(())
        })
        .unwrap();
}
each_format!(no_argument_makes_a_kernel_table_panic, 1010);

/// Cursors at every pair of edges, and walks to every edge.
fn edges_of_ranges_and_walks<F: PagingFormat, const ID: usize>() {
    fn check<C: PageTableConfig>(table: &PageTable<C>) {
        let (first, last) = vaddr_range_bounds::<C::C>(&C::TOP_LEVEL_INDEX_RANGE).unwrap();
        for start in EDGES {
            for end in EDGES {
                let mut guard = RcuGuard::enter();
                let ok = start % PAGE == 0
                    && end % PAGE == 0
                    && first <= start
                    && start <= end.wrapping_sub(1)
                    && end.wrapping_sub(1) <= last;
                let got = table.cursor(&mut guard, &(start..end));
                assert_eq!(got.is_ok(), ok, "{start:#x}..{end:#x}");
                match got.err() {
                    Some(PageTableError::UnalignedVaddr(va)) => {
                        assert!(va % PAGE != 0 && (va == start || va == end))
                    }
                    Some(PageTableError::InvalidVaddrRange(a, b)) => {
                        assert_eq!((a, b), (start, end))
                    }
                    e => assert_eq!(e, None),
                }
            }
            let guard = RcuGuard::enter();
            let canonical = sign_extend::<C::C>(start) == start;
            assert_eq!(
                table.page_walk(&guard, start).err(),
                (!canonical).then_some(PageTableError::InvalidVaddr(start))
            );
        }
    }
    let m = machine::<ID>();
    check(&User::<F, ID>::empty().unwrap());
    check(&Kernel::<F, ID>::new_kernel_page_table().unwrap());
    drop(m);
}
each_format!(edges_of_ranges_and_walks, 1020);

/// A segment that is no page's size is refused, and each of its frames is let go exactly once.
#[test]
fn segments_of_odd_sizes_are_refused_and_let_go() {
    const ID: usize = 1030;
    let m = machine::<ID>();
    let table = User::<X86_64, ID>::empty().unwrap();
    for n in [0usize, 1, 2, 3, 511, 513, 1024] {
        let frames = FrameAllocOptions::<Sim<ID>>::new()
            .align(M2)
            .alloc_segment(n.max(1))
            .unwrap();
        let part = frames.slice(&(0..n * PAGE)).unwrap();
        let count = |i| {
            veripage::frame::DynFrame::<Sim<ID>>::from_in_use(frames.start_paddr() + i * PAGE)
                .unwrap()
                .reference_count()
                - 1
        };
        let mut guard = RcuGuard::enter();
        let mut c = table.cursor_mut(&mut guard, &(0..G1)).unwrap();
        let item = MappedItem::TrackedHuge(part.into_dyn(), rw());
        if n == 1 {
            c.map(item).unwrap();
            c.jump(0).unwrap();
            let mut bin = Now::<UserPtConfig<Sim<ID>, X86_64>>::new();
            assert_eq!(c.unmap(PAGE, &mut bin), Ok(1));
            drop(c);
            drop(guard);
        } else {
            assert_eq!(
                c.map(item),
                Err(PageTableError::UnsupportedProperty(0)),
                "{n} frames"
            );
        }
        for i in 0..n.max(1) {
            assert_eq!(count(i), 1, "{n} frames, number {i}");
        }
    }
    drop(table);
    drop(m);
}

/// `map_range` with a largest level that no format has.
fn any_largest_level_will_do<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let table = User::<F, ID>::empty().unwrap();
    for largest in [0u8, 1, 2, 3, 4, 5, 6, 255] {
        let mut bin = Now::new();
        let mut guard = RcuGuard::enter();
        let mut c = table.cursor_mut(&mut guard, &(0..2 * G1)).unwrap();
        c.map_range(1 << 34, G1 + M2 + PAGE, rw(), largest).unwrap();
        assert_eq!(c.virt_addr(), G1 + M2 + PAGE);
        c.jump(G1).unwrap();
        let level = c.peek().unwrap().unwrap().1;
        assert_eq!(level, largest.clamp(1, 2));
        c.jump(0).unwrap();
        assert_eq!(c.unmap(2 * G1, &mut bin), Ok((G1 + M2 + PAGE) / PAGE));
        drop(c);
        drop(guard);
    }
    drop(table);
    drop(m);
}
each_format!(any_largest_level_will_do, 1040);

/// A segment of the wrong frames for its address keeps them.
#[test]
fn a_misaligned_segment_is_refused_and_let_go() {
    const ID: usize = 1050;
    let m = machine::<ID>();
    let table = User::<X86_64, ID>::empty().unwrap();
    let all = FrameAllocOptions::<Sim<ID>>::new()
        .align(M2)
        .alloc_segment(1024)
        .unwrap();
    let shifted: Segment<_, _> = all.slice(&(PAGE..M2 + PAGE)).unwrap();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(0..G1)).unwrap();
    let pa = shifted.start_paddr();
    let item = MappedItem::TrackedHuge(shifted.into_dyn(), rw());
    assert_eq!(c.map(item), Err(PageTableError::InvalidPaddr(pa)));
    drop(c);
    drop(guard);
    drop(all);
    assert_eq!(m.nodes(), 2, "the root and the node of the range");
    drop(table);
    drop(m);
}

/// Frames and segments at every edge: an error that names the address, and nothing is taken.
#[test]
fn no_argument_makes_frames_panic() {
    const ID: usize = 1060;
    type P = Sim<ID>;
    let m = machine::<ID>();
    let named = |e: GetFrameError, of: &[Paddr]| match e {
        GetFrameError::NotAligned(pa) => assert!(pa % PAGE != 0 && of.contains(&pa)),
        GetFrameError::OutOfBound(pa) => assert!(pa >= P::MAX_PADDR && of.contains(&pa)),
        GetFrameError::Busy(pa) => assert!(!P::is_ram(pa)),
        GetFrameError::Empty(pa) | GetFrameError::Unused(pa) => assert!(of.contains(&pa)),
        e => panic!("{e}"),
    };
    let held = FrameAllocOptions::<P>::new().alloc_segment(8).unwrap();
    for a in EDGES {
        named(DynFrame::<P>::from_in_use(a).err().unwrap(), &[a]);
        if a % PAGE != 0 || !P::is_ram(a) {
            named(
                UFrame::<P>::from_unused(a, UntypedMeta).err().unwrap(),
                &[a],
            );
            named(
                UniqueFrame::<P, _>::from_unused(a, UntypedMeta)
                    .err()
                    .unwrap(),
                &[a],
            );
        }
        for b in EDGES {
            if a >= b || a % PAGE != 0 || b % PAGE != 0 || b > P::MAX_PADDR || !P::is_ram(a) {
                let got = Segment::<P, _>::from_unused(a..b, |_| UntypedMeta);
                named(got.err().unwrap(), &[a, b]);
            }
            let inside = a <= b && b <= held.size() && a % PAGE == 0 && b % PAGE == 0;
            assert_eq!(held.slice(&(a..b)).is_ok(), inside, "{a:#x}..{b:#x}");
            if a > 1 << 14 {
                assert!(FrameAllocOptions::<P>::new()
                    .align(b)
                    .alloc_segment(a)
                    .is_err());
            }
        }
        let part = held.slice(&(0..held.size())).unwrap();
        assert_eq!(part.split(a).is_ok(), a == PAGE);
        let mut byte = [0];
        assert_eq!(held.read_bytes(a, &mut byte).is_ok(), a < held.size());
        assert_eq!(held.write_bytes(a, &byte).is_ok(), a < held.size());
        let (mut r, mut w) = (held.reader(), held.writer());
        assert_eq!(r.skip(a).is_ok(), a <= held.size());
        assert_eq!(w.skip(a).is_ok(), a <= held.size());
        r.limit(a);
        w.limit(a);
        assert!(r.remain() <= a && w.avail() <= a);
    }
    drop(held);
    drop(m);
}

/// Areas and spaces at every edge: errors, nothing kept, and soon.
#[test]
fn no_argument_makes_areas_or_spaces_panic() {
    const ID: usize = 1070;
    const LOW: usize = 0xffff_c000_0000_0000;
    let m = machine::<ID>();
    for a in EDGES {
        for b in EDGES {
            let inside =
                LOW >> 1 < a && a < b && a % PAGE == 0 && b % PAGE == 0 && a >= usize::MAX << 47;
            assert_eq!(KernelSpace::<Sim<ID>, X86_64, 8>::new(a..b).is_ok(), inside);
        }
    }
    let k = KernelSpace::<Sim<ID>, X86_64>::new(LOW..LOW + G1).unwrap();
    let space = VmSpace::new(&k).unwrap();
    let nodes = m.nodes();
    for a in EDGES {
        for b in EDGES {
            let (pa, end) = (
                (1usize << 34).wrapping_add(a),
                (1usize << 34).wrapping_add(b),
            );
            // SAFETY: nobody accesses the area.
            let area = unsafe { KVirtArea::map_untracked_frames(&k, a, b, pa..end, ro_kernel()) };
            if let Ok(area) = area {
                assert!(
                    area.len() == a
                        && b <= a
                        && area.range().start >= LOW
                        && area.range().end <= LOW + G1
                );
                assert_eq!(area.query(a).err(), Some(KSpaceError::OutOfArea(a)));
            }
            let none = KVirtArea::map_frames(&k, a, b, [], ro_kernel());
            assert_eq!(
                none.is_ok(),
                a % PAGE == 0 && b % PAGE == 0 && b <= a && 0 < a && a <= G1
            );
            drop(none);
            assert_eq!(space.reader(a, b).err(), Some(UserAccessError::NotActive));
            let mut guard = RcuGuard::enter();
            let mut c = space.cursor_mut(&mut guard, &(0..M2)).unwrap();
            let got = c.map_iomem(a, b, ro());
            if got.is_ok() {
                c.jump(0).unwrap();
                assert_eq!(c.unmap(M2), Ok(b / PAGE));
            }
            c.jump(0).unwrap();
            assert!(c.unmap(b).is_ok() == (b % PAGE == 0 && b <= M2));
        }
    }
    while k.reclaim() {
        std::thread::yield_now();
    }
    assert!(m.nodes() < nodes + 16, "a few empty nodes");
    assert_eq!(m.0.violations(), []);
    drop(space);
    drop(k);
    drop(m);
}

fn ro_kernel() -> PageProperty {
    PageProperty {
        priv_flags: PrivilegedPageFlags::GLOBAL,
        ..ro()
    }
}
