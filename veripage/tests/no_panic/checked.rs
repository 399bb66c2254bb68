//! A cursor beside a plain map of runs: every answer is foreseen.
use super::*;

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
                    let item = unsafe { item.assume_flushed() }.into_inner();
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

pub(super) fn play<C, F, const ID: usize>(m: &At<ID>, table: PageTable<C>, visits: &[Visit])
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
