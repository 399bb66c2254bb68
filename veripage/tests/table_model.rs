//! Cursor operations against a plain map, on every format: after any sequence of operations, with memory
//! running out anywhere in it, the table means what the map says.
mod tables;
use proptest::prelude::*;
use std::collections::BTreeMap;
use tables::*;

/// Page number to address and property.
type Model = BTreeMap<usize, (Paddr, PageProperty)>;

#[derive(Clone, Debug)]
enum Op {
    Map {
        level: u8,
        pa: usize,
        write: bool,
    },
    MapRange {
        pages: usize,
        pa: usize,
        write: bool,
        largest: u8,
    },
    Unmap {
        pages: usize,
    },
    TakeNext {
        pages: usize,
    },
    ProtectNext {
        pages: usize,
        write: bool,
    },
    Protect {
        pages: usize,
        write: bool,
    },
    FindNext {
        pages: usize,
    },
    Query,
    Split,
    Jump {
        page: usize,
    },
}

/// Pages of the window that the tests work in, which straddles the border of two 1-GiB slots.
const WINDOW: usize = 4096;

fn base<C: PageTableConfig>() -> usize {
    let shift = 9 * (C::C::NR_LEVELS as usize - 1);
    let low = (C::TOP_LEVEL_INDEX_RANGE.start + 1) << shift;
    let high = if C::TOP_LEVEL_INDEX_RANGE.start >= 256 {
        (1 << 52) - (512 << shift)
    } else {
        0
    };
    high + low + (1 << 18) - WINDOW / 2
}

fn pages() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1usize..8, 2 => 1usize..1200, 1 => Just(512usize), 1 => Just(2048usize)]
}

fn place() -> impl Strategy<Value = usize> {
    prop_oneof![2 => 0usize..WINDOW, 2 => (0usize..WINDOW / 512).prop_map(|i| i * 512), 1 => Just(WINDOW / 2)]
}

fn op() -> impl Strategy<Value = Op> {
    let pa = prop_oneof![
        (0usize..64).prop_map(|i| i << 30),
        (0usize..64).prop_map(|i| i << 21),
        (0usize..4096).prop_map(|i| i << 12)
    ];
    prop_oneof![
        3 => (1u8..4, pa.clone(), any::<bool>()).prop_map(|(level, pa, write)| Op::Map { level, pa, write }),
        3 => (pages(), pa, any::<bool>(), 1u8..4).prop_map(|(pages, pa, write, largest)| Op::MapRange { pages, pa, write, largest }),
        3 => pages().prop_map(|pages| Op::Unmap { pages }),
        2 => pages().prop_map(|pages| Op::TakeNext { pages }),
        1 => (pages(), any::<bool>()).prop_map(|(pages, write)| Op::ProtectNext { pages, write }),
        2 => (pages(), any::<bool>()).prop_map(|(pages, write)| Op::Protect { pages, write }),
        1 => pages().prop_map(|pages| Op::FindNext { pages }),
        1 => Just(Op::Query),
        1 => Just(Op::Split),
        4 => place().prop_map(|page| Op::Jump { page }),
    ]
}

/// A range of the window, and what is done in it; `fuel` frames can be had for it.
#[derive(Clone, Debug)]
struct Visit {
    at: usize,
    len: usize,
    ops: Vec<Op>,
    fuel: Option<u64>,
}

fn visit() -> impl Strategy<Value = Visit> {
    let fuel = prop_oneof![2 => Just(None), 1 => (0u64..6).prop_map(Some)];
    (
        place(),
        prop_oneof![1 => Just(WINDOW), 2 => pages()],
        prop::collection::vec(op(), 1..12),
        fuel,
    )
        .prop_map(|(at, len, ops, fuel)| {
            let at = at.min(WINDOW - 1);
            Visit {
                at,
                len: len.min(WINDOW - at),
                ops,
                fuel,
            }
        })
}

struct Checked<'a, C: PageTableConfig> {
    table: &'a PageTable<C>,
    model: Model,
    bin: Now<C>,
}

fn flags(write: bool) -> PageProperty {
    if write {
        rw()
    } else {
        ro()
    }
}

impl<C: PageTableConfig<Item = MappedItem<P>, P = P>, P: Platform> Checked<'_, C> {
    fn mapped(&self, from: usize, to: usize) -> usize {
        self.model.range(from..to).count()
    }

    fn first(&self, from: usize, to: usize) -> Option<usize> {
        self.model.range(from..to).next().map(|(k, _)| *k)
    }

    fn insert(&mut self, page: usize, n: usize, pa: Paddr, p: PageProperty) {
        for i in 0..n {
            self.model.insert(page + i, (pa + i * PAGE, p));
        }
    }

    fn remove(&mut self, from: usize, to: usize) {
        for page in from..to {
            self.model.remove(&page);
        }
    }

    /// Does one operation on both and compares what they say.
    fn step(&mut self, c: &mut CursorMut<'_, C>, start: usize, end: usize, op: &Op) {
        let here = c.virt_addr() / PAGE;
        let left = end - here;
        match *op {
            Op::Jump { page } => {
                let to = base::<C>() + page;
                assert_eq!(c.jump(to * PAGE).is_ok(), (start..=end).contains(&to));
                assert_eq!(
                    c.virt_addr() / PAGE,
                    if (start..=end).contains(&to) {
                        to
                    } else {
                        here
                    }
                );
            }
            _ if left == 0 => {
                let e = PageTableError::InvalidVaddr(end * PAGE);
                assert_eq!(c.query().unwrap_err(), e);
                assert_eq!(c.map(at(0, 1, rw())).unwrap_err(), e);
                assert_eq!(c.find_next(PAGE).unwrap_err(), e);
                assert_eq!(c.unmap(PAGE, &mut self.bin).unwrap_err(), e);
                assert_eq!(c.split().unwrap_err(), e);
            }
            Op::Map { level, pa, write } => {
                let n = 1 << (9 * (level as usize - 1));
                let bad = here % n != 0 || pa % (n * PAGE) != 0 || n > left;
                match c.map(at(pa, level, flags(write))) {
                    Ok(()) => {
                        assert!(!bad);
                        assert_eq!(self.first(here, here + n), None);
                        self.insert(here, n, pa, flags(write));
                        assert_eq!(c.virt_addr() / PAGE, here + n);
                    }
                    Err(PageTableError::AlreadyMapped(va)) => {
                        assert!(
                            self.model.contains_key(&(va / PAGE))
                                && (here..here + n).contains(&(va / PAGE))
                        );
                        assert_eq!(c.virt_addr() / PAGE, here);
                    }
                    Err(PageTableError::NoMemory(_)) => assert_eq!(c.virt_addr() / PAGE, here),
                    Err(e) => assert!(bad, "{e}"),
                }
            }
            Op::MapRange {
                pages,
                pa,
                write,
                largest,
            } => {
                let r = c.map_range(pa, pages * PAGE, flags(write), largest);
                let done = c.virt_addr() / PAGE - here;
                assert_eq!(self.first(here, here + done), None);
                self.insert(here, done, pa, flags(write));
                match r {
                    Ok(()) => assert_eq!(done, pages),
                    Err(PageTableError::AlreadyMapped(va)) => {
                        assert_eq!(va / PAGE, here + done);
                        assert!(self.model.contains_key(&(here + done)));
                    }
                    Err(PageTableError::NoMemory(_)) => {}
                    Err(e) => assert!(pages > left, "{e}"),
                }
            }
            Op::Unmap { pages } => {
                let n = pages.min(left);
                self.bin.pages.clear();
                match c.unmap(n * PAGE, &mut self.bin) {
                    Ok(count) => {
                        assert_eq!(count, self.mapped(here, here + n));
                        for (va, item) in &self.bin.pages {
                            let (page, len) =
                                (va.start / PAGE, va.end.wrapping_sub(va.start) / PAGE);
                            for i in 0..len {
                                let (pa, _, p) = told(item);
                                assert_eq!(self.model.get(&(page + i)), Some(&(pa + i * PAGE, p)));
                            }
                        }
                        self.remove(here, here + n);
                        assert_eq!(c.virt_addr() / PAGE, here + n);
                    }
                    Err(e) => assert!(matches!(e, PageTableError::NoMemory(_)), "{e}"),
                }
            }
            Op::TakeNext { pages } => {
                let to = here + pages.min(left);
                let first = self.first(here, to);
                match c.take_next((to - here) * PAGE, &mut self.bin) {
                    Ok(None) => {
                        assert_eq!(first, None);
                        assert_eq!(c.virt_addr() / PAGE, to);
                    }
                    Ok(Some(Taken::Page { va, len, item })) => {
                        // SAFETY: no CPU has loaded the table.
                        let item = unsafe { item.assume_flushed() }.into_inner();
                        assert_eq!(Some(va / PAGE), first);
                        for i in 0..len / PAGE {
                            let (pa, _, p) = told(&item);
                            assert_eq!(
                                self.model.remove(&(va / PAGE + i)),
                                Some((pa + i * PAGE, p))
                            );
                        }
                        assert_eq!(c.virt_addr(), va + len);
                    }
                    Ok(Some(Taken::Table { va, len, pages })) => {
                        let (from, n) = (va / PAGE, len / PAGE);
                        assert!(
                            from >= here
                                && from + n <= to
                                && first.is_none_or(|first| first >= from)
                        );
                        assert_eq!(pages, self.mapped(from, from + n));
                        self.remove(from, from + n);
                        assert_eq!(c.virt_addr(), va + len);
                    }
                    Err(e) => assert!(matches!(e, PageTableError::NoMemory(_)), "{e}"),
                }
            }
            Op::ProtectNext { pages, write } => {
                let to = here + pages.min(left);
                match c.protect_next((to - here) * PAGE, |p| p.flags = flags(write).flags) {
                    Ok(None) => assert_eq!(self.first(here, to), None),
                    Ok(Some(va)) => {
                        assert_eq!(self.first(here, to), Some(va.start / PAGE));
                        for page in va.start / PAGE..va.end / PAGE {
                            self.model.get_mut(&page).unwrap().1 = flags(write);
                        }
                    }
                    Err(e) => assert!(matches!(e, PageTableError::NoMemory(_)), "{e}"),
                }
            }
            Op::Protect { pages, write } => {
                let to = here + pages.min(left);
                match c.protect((to - here) * PAGE, |p| p.flags = flags(write).flags) {
                    Ok(n) => {
                        assert_eq!(n, self.mapped(here, to));
                        for (_, m) in self.model.range_mut(here..to) {
                            m.1 = flags(write);
                        }
                        assert_eq!(c.virt_addr() / PAGE, to);
                    }
                    Err(e) => assert!(matches!(e, PageTableError::NoMemory(_)), "{e}"),
                }
            }
            Op::FindNext { pages } => {
                let to = here + pages.min(left);
                let found = c.find_next((to - here) * PAGE).unwrap();
                assert_eq!(found.map(|va| va / PAGE), self.first(here, to));
                assert_eq!(c.virt_addr() / PAGE, found.map_or(to, |va| va / PAGE));
            }
            Op::Query => self.query(c, here),
            Op::Split => match c.split() {
                Ok(_) => self.query(c, here),
                Err(e) => assert!(matches!(e, PageTableError::NoMemory(_)), "{e}"),
            },
        }
    }

    fn query(&self, c: &mut CursorMut<'_, C>, page: usize) {
        let (range, item) = c.query().unwrap();
        assert!(range.start <= page * PAGE && page * PAGE <= range.end.wrapping_sub(1));
        let got = item.map(|item| {
            let (pa, level, p) = told(&item);
            assert_eq!(range.end.wrapping_sub(range.start), page_size(level));
            (pa + (page * PAGE - range.start), p)
        });
        assert_eq!(got.as_ref(), self.model.get(&page));
    }

    /// Every page of the window, by a cursor and by a walk.
    fn compare(&self) {
        let base = base::<C>();
        let guard = RcuGuard::enter();
        for page in base..base + WINDOW {
            let walked = self
                .table
                .page_walk(&guard, page * PAGE + 5)
                .unwrap()
                .map(|(pa, p)| {
                    let flags = p.flags.difference(PageFlags::AVAIL1);
                    (pa - 5, PageProperty { flags, ..p }.sans_ad())
                });
            assert_eq!(walked.as_ref(), self.model.get(&page), "page {page:#x}");
        }
    }
}

fn play<C: PageTableConfig<Item = MappedItem<Sim<ID>>, P = Sim<ID>>, const ID: usize>(
    m: &At<ID>,
    table: PageTable<C>,
    visits: &[Visit],
) {
    let base = base::<C>();
    let mut t = Checked {
        table: &table,
        model: Model::new(),
        bin: Now::new(),
    };
    for v in visits {
        let (start, end) = (base + v.at, base + v.at + v.len);
        let mut guard = RcuGuard::enter();
        match v.fuel {
            Some(n) => m.0.fail_alloc_after(n),
            None => m.0.fail_no_alloc(),
        }
        match table.cursor_mut(&mut guard, &(start * PAGE..end * PAGE)) {
            Ok(mut c) => v.ops.iter().for_each(|op| t.step(&mut c, start, end, op)),
            Err(e) => assert!(matches!(e, PageTableError::NoMemory(_)) && v.fuel.is_some()),
        }
        m.0.fail_no_alloc();
        drop(guard);
        t.bin = Now::new();
        t.compare();
    }
    let mut guard = RcuGuard::enter();
    let mut c = table
        .cursor_mut(&mut guard, &(base * PAGE..(base + WINDOW) * PAGE))
        .unwrap();
    for page in base..base + WINDOW {
        c.jump(page * PAGE).unwrap();
        t.query(&mut c, page);
    }
}

fn runner() -> proptest::test_runner::TestRunner {
    proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 24,
        max_shrink_time: 5000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

fn user_table_means_what_the_map_says<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    runner()
        .run(&prop::collection::vec(visit(), 1..10), |visits| {
            play(&m, User::<F, ID>::empty().unwrap(), &visits);
            prop_assert_eq!(m.0.allocated_frames(), Vec::<Paddr>::new());
            Ok(())
        })
        .unwrap();
}
each_format!(user_table_means_what_the_map_says, 100);

fn kernel_table_means_what_the_map_says<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    runner()
        .run(&prop::collection::vec(visit(), 1..10), |visits| {
            play(
                &m,
                Kernel::<F, ID>::new_kernel_page_table().unwrap(),
                &visits,
            );
            prop_assert_eq!(m.0.allocated_frames(), Vec::<Paddr>::new());
            Ok(())
        })
        .unwrap();
}
each_format!(kernel_table_means_what_the_map_says, 110);
