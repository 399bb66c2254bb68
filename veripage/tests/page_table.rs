//! What page tables promise, by name, on every format.
mod tables;
use tables::*;

type U<F, const ID: usize> = UserPtConfig<Sim<ID>, F>;
type K<F, const ID: usize> = KernelPtConfig<Sim<ID>, F>;

fn guard<const ID: usize>() -> RcuGuard<Sim<ID>> {
    RcuGuard::enter()
}

fn user<F: PagingFormat, const ID: usize>() -> User<F, ID> {
    User::empty().unwrap()
}

/// First and last address of a configuration's half.
fn bounds<C: PageTableConfig>() -> (Vaddr, Vaddr) {
    vaddr_range_bounds::<C::C>(&C::TOP_LEVEL_INDEX_RANGE).unwrap()
}

fn walk<C: PageTableConfig>(t: &PageTable<C>, va: Vaddr) -> Option<Paddr> {
    let guard = RcuGuard::enter();
    t.page_walk(&guard, va).unwrap().map(|(pa, _)| pa)
}

/// Entry `i` of a root, read through the linear map.
fn root_entry<F: PagingFormat, const ID: usize>(m: &At<ID>, root: Paddr, i: usize) -> F::Entry {
    F::Entry::from_usize(m.0.word(root + i * 8).unwrap() as usize)
}

fn new_kernel_page_table<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let k = Kernel::<F, ID>::new_kernel_page_table().unwrap();
    for i in 0..512 {
        let e = root_entry::<F, ID>(&m, k.root_paddr(), i);
        assert_eq!(e.is_present(), i >= 256);
        assert!(!e.is_present() || !e.is_last(F::Consts::NR_LEVELS));
    }
    assert_eq!(m.nodes(), 257);
}
each_format!(new_kernel_page_table, 200);

fn create_user_page_table<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let k = Kernel::<F, ID>::new_kernel_page_table().unwrap();
    let u = k.create_user_page_table().unwrap();
    for i in 0..512 {
        let e = root_entry::<F, ID>(&m, u.root_paddr(), i);
        assert_eq!(e.is_present(), i >= 256);
        if i >= 256 {
            let level = F::Consts::NR_LEVELS;
            assert_eq!(
                e.paddr(level),
                root_entry::<F, ID>(&m, k.root_paddr(), i).paddr(level)
            );
        }
    }
    // What the kernel maps later is seen in it.
    let (first, _) = bounds::<K<F, ID>>();
    let mut g = guard::<ID>();
    k.cursor_mut(&mut g, &(first..first + PAGE))
        .unwrap()
        .map(at(0x5000, 1, rw()))
        .unwrap();
    assert_eq!(walk(&u, first + 7), Some(0x5007));
    drop(g);
    drop(u);
    assert_eq!(walk(&k, first + 7), Some(0x5007));
}
each_format!(create_user_page_table, 210);

fn range_check<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let (_, last) = bounds::<U<F, ID>>();
    let mut g = guard::<ID>();
    for (start, end) in [(0, PAGE), (0, last + 1), (PAGE, 2 * PAGE)] {
        assert!(
            u.cursor(&mut g, &(start..end)).is_ok(),
            "{start:#x}..{end:#x}"
        );
    }
    for (start, end) in [
        (PAGE, PAGE),
        (2 * PAGE, PAGE),
        (last + 1, last + 1 + PAGE),
        (0, last + 1 + PAGE),
    ] {
        let e = u.cursor(&mut g, &(start..end)).err();
        assert_eq!(e, Some(PageTableError::InvalidVaddrRange(start, end)));
    }
    for (start, end, bad) in [(1, PAGE, 1), (0, PAGE + 8, PAGE + 8)] {
        assert_eq!(
            u.cursor(&mut g, &(start..end)).err(),
            Some(PageTableError::UnalignedVaddr(bad))
        );
    }
}
each_format!(range_check, 220);

fn overflow_boundary<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let (u, k) = (
        user::<F, ID>(),
        Kernel::<F, ID>::new_kernel_page_table().unwrap(),
    );
    let (first, _) = bounds::<K<F, ID>>();
    let (_, last) = bounds::<U<F, ID>>();
    let mut g = guard::<ID>();
    for (start, end) in [
        (last + 1 - PAGE, last + 1 + PAGE),
        (last + 1 - PAGE, 0),
        (usize::MAX - 4095, PAGE),
    ] {
        assert_eq!(
            u.cursor(&mut g, &(start..end)).err(),
            Some(PageTableError::InvalidVaddrRange(start, end))
        );
    }
    for (start, end) in [
        (0, PAGE),
        (first - PAGE, first + PAGE),
        (usize::MAX - 4095, PAGE),
    ] {
        assert_eq!(
            k.cursor(&mut g, &(start..end)).err(),
            Some(PageTableError::InvalidVaddrRange(start, end))
        );
    }
}
each_format!(overflow_boundary, 230);

/// Maps, walks, queries and unmaps one page.
fn one_page<C: PageTableConfig<Item = MappedItem<P>, P = P>, P: Platform>(
    t: &PageTable<C>,
    va: Vaddr,
) {
    let mut sink = Now::<C>::new();
    {
        let mut g = RcuGuard::enter();
        let range = va..va.wrapping_add(PAGE);
        let mut c = t.cursor_mut(&mut g, &range).unwrap();
        assert_eq!(c.virt_addr(), va);
        c.map(at(0x7000, 1, rw())).unwrap();
        assert_eq!(c.virt_addr(), range.end);
        assert_eq!(
            c.query().err(),
            Some(PageTableError::InvalidVaddr(range.end))
        );
        c.jump(va).unwrap();
        let (r, item) = c.query().unwrap();
        assert_eq!((r, told(&item.unwrap())), (range, (0x7000, 1, rw())));
        assert_eq!(walk(t, va + 0xfff), Some(0x7fff));
        assert_eq!(c.unmap(PAGE, &mut sink), Ok(1));
    }
    assert_eq!(walk(t, va), None);
}

fn start_boundary_mapping<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    one_page(&user::<F, ID>(), 0);
    let k = Kernel::<F, ID>::new_kernel_page_table().unwrap();
    one_page(&k, bounds::<K<F, ID>>().0);
}
each_format!(start_boundary_mapping, 240);

fn end_boundary_mapping<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    one_page(&user::<F, ID>(), bounds::<U<F, ID>>().1 - 0xfff);
    let k = Kernel::<F, ID>::new_kernel_page_table().unwrap();
    assert_eq!(bounds::<K<F, ID>>().1, usize::MAX);
    one_page(&k, usize::MAX - 0xfff);
}
each_format!(end_boundary_mapping, 250);

fn map_preserves_page_property<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..G1)).unwrap();
    let policies = [
        CachePolicy::Writeback,
        CachePolicy::Writethrough,
        CachePolicy::Uncacheable,
        CachePolicy::WriteCombining,
        CachePolicy::WriteProtected,
    ];
    let mut mapped = 0;
    for bits in 0..128u8 {
        let flags = PageFlags::from_bits_truncate(bits).difference(PageFlags::AVAIL1);
        for cache in policies {
            for private in 0..4 {
                let priv_flags = PrivilegedPageFlags::from_bits_truncate(private);
                let prop = PageProperty {
                    flags,
                    cache,
                    priv_flags,
                };
                let va = c.virt_addr();
                match c.map(at(0x8000, 1, prop)) {
                    Ok(()) => {
                        c.jump(va).unwrap();
                        assert_eq!(c.query().unwrap().1.unwrap().prop(), prop);
                        c.jump(va + PAGE).unwrap();
                        mapped += 1;
                    }
                    Err(e) => assert_eq!(e, PageTableError::UnsupportedProperty(va)),
                }
            }
        }
    }
    assert!(mapped >= 64, "{mapped}");
}
each_format!(map_preserves_page_property, 260);

fn overlapping_mappings<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..2 * M2)).unwrap();
    c.map(at(0x1000, 1, rw())).unwrap();
    c.jump(0).unwrap();
    assert_eq!(
        c.map(at(0x9000, 1, ro())),
        Err(PageTableError::AlreadyMapped(0))
    );
    assert_eq!(
        c.map(at(M2, 2, ro())),
        Err(PageTableError::AlreadyMapped(0))
    );
    c.jump(M2).unwrap();
    c.map(at(M2, 2, rw())).unwrap();
    c.jump(M2 + PAGE).unwrap();
    assert_eq!(
        c.map(at(0x9000, 1, ro())),
        Err(PageTableError::AlreadyMapped(M2 + PAGE))
    );
    c.jump(0).unwrap();
    assert_eq!(
        c.map_range(0x4000_0000, 3 * PAGE, rw(), 1),
        Err(PageTableError::AlreadyMapped(0))
    );
    // A failed range says how far it got.
    c.jump(PAGE).unwrap();
    assert_eq!(
        c.map_range(0x4000_0000, M2, rw(), 1),
        Err(PageTableError::AlreadyMapped(M2))
    );
    assert_eq!(c.virt_addr(), M2);
    assert_eq!(walk(&u, PAGE), Some(0x4000_0000));
    assert_eq!(walk(&u, M2 - PAGE), Some(0x4000_0000 + M2 - 2 * PAGE));
    assert_eq!(
        (walk(&u, 0), walk(&u, M2 + 5)),
        (Some(0x1000), Some(M2 + 5))
    );
}
each_format!(overlapping_mappings, 270);

fn unaligned_map<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..2 * M2)).unwrap();
    let before = m.nodes();
    assert_eq!(
        c.map(at(0x1001, 1, rw())),
        Err(PageTableError::InvalidPaddr(0x1001))
    );
    assert_eq!(
        c.map(at(0x1000, 2, rw())),
        Err(PageTableError::InvalidPaddr(0x1000))
    );
    assert_eq!(
        c.map(at(usize::MAX - 0xfff, 1, rw())),
        Err(PageTableError::InvalidPaddr(usize::MAX - 0xfff))
    );
    assert_eq!(
        c.map(at(0, 6, rw())),
        Err(PageTableError::UnsupportedProperty(0))
    );
    assert_eq!(
        c.map(at(0, 0, rw())),
        Err(PageTableError::UnsupportedProperty(0))
    );
    assert_eq!(
        c.map(at(0, 3, rw())),
        Err(PageTableError::InvalidVaddrRange(0, G1))
    );
    c.jump(PAGE).unwrap();
    assert_eq!(
        c.map(at(0, 2, rw())),
        Err(PageTableError::UnalignedVaddr(PAGE))
    );
    assert_eq!(
        c.jump(PAGE + 1),
        Err(PageTableError::UnalignedVaddr(PAGE + 1))
    );
    assert_eq!(
        c.map_range(0x1001, PAGE, rw(), 1),
        Err(PageTableError::InvalidPaddr(0x1001))
    );
    assert_eq!(
        c.map_range(0x1000, 5, rw(), 1),
        Err(PageTableError::UnalignedVaddr(5))
    );
    assert_eq!((m.nodes(), c.find_next(M2)), (before, Ok(None)));
}
each_format!(unaligned_map, 280);

fn jump_then_query<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..G1)).unwrap();
    c.jump(3 * PAGE).unwrap();
    c.map(at(0x3000, 1, rw())).unwrap();
    c.jump(M2).unwrap();
    assert!(c.query().unwrap().1.is_none());
    c.jump(3 * PAGE).unwrap();
    assert_eq!(c.query().unwrap().0, 3 * PAGE..4 * PAGE);
    assert_eq!(
        c.jump(G1 + PAGE),
        Err(PageTableError::InvalidVaddr(G1 + PAGE))
    );
    assert_eq!(c.virt_addr(), 3 * PAGE);
}
each_format!(jump_then_query, 290);

fn jump_from_end_and_query_huge_middle<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..4 * M2)).unwrap();
    c.jump(3 * M2).unwrap();
    c.map(at(M2, 2, rw())).unwrap();
    assert_eq!(c.virt_addr(), 4 * M2);
    let at_end = PageTableError::InvalidVaddr(4 * M2);
    assert_eq!(c.query().err(), Some(at_end));
    assert_eq!(c.find_next(0), Err(at_end));
    assert_eq!(c.map(at(0, 1, rw())), Err(at_end));
    assert_eq!(c.map_range(0, PAGE, rw(), 1), Err(at_end));
    let mut sink = Now::<U<F, ID>>::new();
    assert_eq!(c.unmap(0, &mut sink), Err(at_end));
    assert_eq!(c.take_next(0, &mut sink).err(), Some(at_end));
    assert_eq!(c.protect_next(0, |_| ()), Err(at_end));
    assert_eq!(c.protect(0, |_| ()), Err(at_end));
    assert_eq!(c.split(), Err(at_end));
    c.jump(4 * M2).unwrap();
    c.jump(3 * M2 + 17 * PAGE).unwrap();
    let (range, item) = c.query().unwrap();
    assert_eq!(
        (range, told(&item.unwrap())),
        (3 * M2..4 * M2, (M2, 2, rw()))
    );
}
each_format!(jump_from_end_and_query_huge_middle, 300);

fn jump_from_guard_level_end<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    // One level-1 node covers the range.
    let mut c = u.cursor_mut(&mut g, &(PAGE..9 * PAGE)).unwrap();
    c.jump(9 * PAGE).unwrap();
    c.jump(8 * PAGE).unwrap();
    c.map(at(0x3000, 1, rw())).unwrap();
    assert_eq!(c.virt_addr(), 9 * PAGE);
    c.jump(PAGE).unwrap();
    assert_eq!(c.find_next(8 * PAGE), Ok(Some(8 * PAGE)));
    assert_eq!(c.jump(0), Err(PageTableError::InvalidVaddr(0)));
}
each_format!(jump_from_guard_level_end, 310);

fn jump_near_address_space_end<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let k = Kernel::<F, ID>::new_kernel_page_table().unwrap();
    let start = 0usize.wrapping_sub(8 * PAGE);
    let mut g = guard::<ID>();
    let mut c = k.cursor_mut(&mut g, &(start..0)).unwrap();
    c.jump(0usize.wrapping_sub(PAGE)).unwrap();
    c.map(at(0x3000, 1, rw())).unwrap();
    assert_eq!(c.virt_addr(), 0);
    assert_eq!(c.find_next(PAGE), Err(PageTableError::InvalidVaddr(0)));
    c.jump(start).unwrap();
    c.jump(0).unwrap();
    c.jump(start).unwrap();
    assert_eq!(c.find_next(8 * PAGE), Ok(Some(0usize.wrapping_sub(PAGE))));
    assert_eq!(c.query().unwrap().0, 0usize.wrapping_sub(PAGE)..0);
    assert_eq!(c.jump(PAGE), Err(PageTableError::InvalidVaddr(PAGE)));
}
each_format!(jump_near_address_space_end, 320);

fn find_next_stops_at_mappings<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..G1)).unwrap();
    for va in [5 * PAGE, M2, G1 - PAGE] {
        c.jump(va).unwrap();
        c.map(at(0x3000, 1, rw())).unwrap();
    }
    c.jump(0).unwrap();
    for va in [5 * PAGE, M2, G1 - PAGE] {
        let here = c.virt_addr();
        assert_eq!(c.find_next(G1 - here), Ok(Some(va)));
        c.jump(va + PAGE).unwrap();
    }
}
each_format!(find_next_stops_at_mappings, 330);

fn find_next_keeps_va_around_barrier<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..M2)).unwrap();
    c.jump(9 * PAGE).unwrap();
    c.map(at(0x3000, 1, rw())).unwrap();
    c.jump(0).unwrap();
    assert_eq!((c.find_next(9 * PAGE), c.virt_addr()), (Ok(None), 9 * PAGE));
    c.jump(10 * PAGE).unwrap();
    assert_eq!((c.find_next(M2 - 10 * PAGE), c.virt_addr()), (Ok(None), M2));
}
each_format!(find_next_keeps_va_around_barrier, 340);

fn find_next_rejects_overflowing_len<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(PAGE..M2)).unwrap();
    let huge = usize::MAX - 0xfff;
    assert_eq!(
        c.find_next(huge),
        Err(PageTableError::InvalidVaddrRange(PAGE, 0))
    );
    assert_eq!(
        c.find_next(M2),
        Err(PageTableError::InvalidVaddrRange(PAGE, M2 + PAGE))
    );
    assert_eq!(c.find_next(17), Err(PageTableError::UnalignedVaddr(17)));
    assert_eq!(c.virt_addr(), PAGE);
}
each_format!(find_next_rejects_overflowing_len, 350);

fn take_next_takes_something<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut sink = Now::<U<F, ID>>::new();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..M2 / 2)).unwrap();
    c.jump(6 * PAGE).unwrap();
    c.map(at(0x6000, 1, ro())).unwrap();
    c.jump(0).unwrap();
    match c.take_next(M2 / 2, &mut sink).unwrap() {
        Some(Taken::Page { va, len, item }) => {
            // SAFETY: no CPU has loaded the table.
            let item = unsafe { item.assume_flushed() };
            assert_eq!((va, len, told(&item)), (6 * PAGE, PAGE, (0x6000, 1, ro())));
        }
        _ => panic!("a page was mapped"),
    }
    assert_eq!(c.virt_addr(), 7 * PAGE);
    assert!(c.take_next(M2 / 2 - 7 * PAGE, &mut sink).unwrap().is_none());
    assert_eq!(walk(&u, 6 * PAGE), None);
}
each_format!(take_next_takes_something, 360);

fn take_large_takes_subtree<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let u = user::<F, ID>();
    let mut sink = Now::<U<F, ID>>::new();
    let mut g = guard::<ID>();
    {
        let mut c = u.cursor_mut(&mut g, &(0..G1)).unwrap();
        c.map_range(G1, M2 + 3 * PAGE, rw(), 1).unwrap();
        let before = m.nodes();
        c.jump(0).unwrap();
        match c.take_next(G1, &mut sink).unwrap() {
            Some(Taken::Table { va, len, pages }) => assert_eq!((va, len, pages), (0, M2, 512)),
            _ => panic!("a whole table was mapped"),
        }
        assert_eq!((c.virt_addr(), m.nodes()), (M2, before));
        assert_eq!((walk(&u, 0), walk(&u, M2)), (None, Some(G1 + M2)));
    }
    let before = m.nodes();
    drop(g);
    drop(sink);
    assert_eq!(m.nodes(), before - 1);
}
each_format!(take_large_takes_subtree, 370);

fn mixed_granularity_map_unmap<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let len = 272_355 * PAGE;
    let (va, pa) = (G1 - 0x1234 * PAGE, 5 * G1 - 0x1234 * PAGE);
    for largest in [1, 2, 3] {
        let mut sink = Now::<U<F, ID>>::new();
        let mut g = guard::<ID>();
        let mut c = u.cursor_mut(&mut g, &(va..va + len)).unwrap();
        c.map_range(pa, len, rw(), largest).unwrap();
        let hole = va + 200_000 * PAGE;
        c.jump(hole).unwrap();
        assert_eq!(c.unmap(PAGE, &mut sink), Ok(1));
        assert_eq!(walk(&u, hole), None);
        assert_eq!(walk(&u, hole - PAGE), Some(pa + 199_999 * PAGE));
        assert_eq!(walk(&u, hole + PAGE), Some(pa + 200_001 * PAGE));
        c.jump(va).unwrap();
        assert_eq!(c.unmap(len, &mut sink), Ok(272_354));
        c.jump(va).unwrap();
        assert_eq!(c.find_next(len), Ok(None));
        drop(c);
        drop(g);
    }
}
each_format!(mixed_granularity_map_unmap, 380);

fn mixed_granularity_protect_query<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let (va, len) = (G1 - PAGE, 514 * M2 + 2 * PAGE);
    let mut c = u.cursor_mut(&mut g, &(va..va + len)).unwrap();
    c.map_range(3 * G1 - PAGE, len, rw(), 2).unwrap();
    let before = m.nodes();
    c.jump(va).unwrap();
    assert_eq!(c.query().unwrap().0, va..G1);
    // The last base page of the front, and the first of a huge page, which is split.
    assert_eq!(c.protect(2 * PAGE, |p| p.flags = PageFlags::R), Ok(2));
    assert_eq!(m.nodes(), before + 1);
    let expect = [
        (va, PAGE, ro()),
        (G1, PAGE, ro()),
        (G1 + PAGE, PAGE, rw()),
        (G1 + M2 - PAGE, PAGE, rw()),
        (G1 + M2, M2, rw()),
    ];
    for (va, len, prop) in expect {
        c.jump(va).unwrap();
        let (range, item) = c.query().unwrap();
        assert_eq!(
            (range, told(&item.unwrap())),
            (
                va..va + len,
                (va + 2 * G1, if len == M2 { 2 } else { 1 }, prop)
            )
        );
    }
}
each_format!(mixed_granularity_protect_query, 390);

fn base_protect_query<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..M2)).unwrap();
    c.map_range(0, 20 * PAGE, rw(), 1).unwrap();
    c.jump(18 * PAGE).unwrap();
    assert_eq!(
        c.protect_next(PAGE, |p| p.flags = PageFlags::R),
        Ok(Some(18 * PAGE..19 * PAGE))
    );
    assert_eq!(c.virt_addr(), 19 * PAGE);
    for (page, p) in [(17, rw()), (18, ro()), (19, rw())] {
        c.jump(page * PAGE).unwrap();
        assert_eq!(told(&c.query().unwrap().1.unwrap()), (page * PAGE, 1, p));
    }
}
each_format!(base_protect_query, 400);

fn protect_next_empty_entry<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..M2)).unwrap();
    assert_eq!(
        c.protect_next(PAGE, |_| panic!("nothing is mapped")),
        Ok(None)
    );
    assert_eq!(c.virt_addr(), PAGE);
}
each_format!(protect_next_empty_entry, 410);

fn protect_next_touches_empty_range<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..M2)).unwrap();
    c.jump(7 * PAGE).unwrap();
    c.map(at(0, 1, rw())).unwrap();
    c.jump(PAGE).unwrap();
    assert_eq!(
        c.protect_next(M2 - PAGE, |p| p.flags = PageFlags::R),
        Ok(Some(7 * PAGE..8 * PAGE))
    );
}
each_format!(protect_next_touches_empty_range, 420);

fn boot_page_table<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let mut t = BootPageTable::<Sim<ID>, F>::new().unwrap();
    let va = bounds::<K<F, ID>>().0 + 5 * PAGE;
    assert_eq!(
        t.protect_base_page(va, |_| ()),
        Err(PageTableError::NotMapped(va))
    );
    t.map_base_page(va, 0x9000, rw()).unwrap();
    assert_eq!(t.query(va), Ok((0x9000, rw())));
    assert_eq!(
        t.map_base_page(va, 0xa000, rw()),
        Err(PageTableError::AlreadyMapped(va))
    );
    t.protect_base_page(va, |p| p.flags = PageFlags::R).unwrap();
    assert_eq!(t.query(va), Ok((0x9000, ro())));
    assert_eq!(
        t.query(va + PAGE),
        Err(PageTableError::NotMapped(va + PAGE))
    );
    assert_eq!(
        t.map_base_page(va + 1, 0, rw()),
        Err(PageTableError::UnalignedVaddr(va + 1))
    );
    assert_eq!(
        t.map_base_page(1 << 60, 0, rw()),
        Err(PageTableError::InvalidVaddr(1 << 60))
    );
    assert_eq!(
        t.map_base_page(va, 9, rw()),
        Err(PageTableError::InvalidPaddr(9))
    );
    assert_eq!(m.nodes(), F::Consts::NR_LEVELS as usize);
}
each_format!(boot_page_table, 430);

fn exactly_huge_page_sized_range<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    for (level, size, last) in [(2, M2, 511), (3, G1, 255)] {
        // In the middle of its node, and at its ends.
        for va in [size, 0, last * size] {
            let u = user::<F, ID>();
            let mut sink = Now::<U<F, ID>>::new();
            let mut g = guard::<ID>();
            let mut c = u.cursor_mut(&mut g, &(va..va + size)).unwrap();
            c.map(at(7 * G1, level, rw())).unwrap();
            c.jump(va).unwrap();
            let (range, item) = c.query().unwrap();
            assert_eq!(
                (range, told(&item.unwrap())),
                (va..va + size, (7 * G1, level, rw()))
            );
            assert_eq!(
                c.protect_next(size, |p| p.flags = PageFlags::R),
                Ok(Some(va..va + size))
            );
            c.jump(va).unwrap();
            assert_eq!(c.unmap(size, &mut sink), Ok(size / PAGE));
            assert_eq!(walk(&u, va), None);
            drop(c);
            drop(g);
        }
    }
}
each_format!(exactly_huge_page_sized_range, 440);

fn base_page_in_a_range_of_one_node<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    one_page(&user::<F, ID>(), 77 * PAGE);
}
each_format!(base_page_in_a_range_of_one_node, 450);

fn base_unmap_and_protect_split_a_huge_page<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let u = user::<F, ID>();
    let mut sink = Now::<U<F, ID>>::new();
    let mut g = guard::<ID>();
    {
        let mut c = u.cursor_mut(&mut g, &(0..2 * G1)).unwrap();
        c.map(at(4 * G1, 3, rw())).unwrap();
        c.map(at(8 * G1, 3, rw())).unwrap();
    }
    // Cursors over a single page in the middle of each.
    let (a, b) = (33 * M2 + 17 * PAGE, G1 + 33 * M2 + 17 * PAGE);
    assert_eq!(
        u.cursor_mut(&mut g, &(a..a + PAGE))
            .unwrap()
            .unmap(PAGE, &mut sink),
        Ok(1)
    );
    assert_eq!(
        u.cursor_mut(&mut g, &(b..b + PAGE))
            .unwrap()
            .protect(PAGE, |p| p.flags = PageFlags::R),
        Ok(1)
    );
    let walked = RcuGuard::<Sim<ID>>::enter();
    for va in (0..2 * G1).step_by(PAGE) {
        let got = u.page_walk(&walked, va).unwrap();
        let pa = if va < G1 { 4 * G1 + va } else { 7 * G1 + va };
        match va {
            _ if va == a => assert_eq!(got, None),
            _ => {
                let (at, p) = got.unwrap();
                assert_eq!(
                    (at, p.flags.contains(PageFlags::W)),
                    (pa, va != b),
                    "{va:#x}"
                );
            }
        }
    }
    drop(walked);
    let mut c = u.cursor_mut(&mut g, &(0..2 * G1)).unwrap();
    c.jump(a - PAGE).unwrap();
    assert_eq!(c.query().unwrap().0, a - PAGE..a);
    c.jump(M2).unwrap();
    assert_eq!(c.query().unwrap().0, M2..2 * M2);
    assert_eq!(m.nodes(), F::Consts::NR_LEVELS as usize + 2);
}
each_format!(base_unmap_and_protect_split_a_huge_page, 460);

fn unmap_over_a_hole_leaves_nothing<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let u = user::<F, ID>();
    let mut sink = Now::<U<F, ID>>::new();
    let mut g = guard::<ID>();
    let mut c = u.cursor_mut(&mut g, &(0..4 * M2)).unwrap();
    c.jump(M2).unwrap();
    c.map_range(0, M2, rw(), 1).unwrap();
    c.jump(0).unwrap();
    assert_eq!(c.unmap(2 * M2, &mut sink), Ok(512));
    c.jump(0).unwrap();
    assert_eq!(c.find_next(4 * M2), Ok(None));
}
each_format!(unmap_over_a_hole_leaves_nothing, 470);

fn non_canonical_addresses_are_errors<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let (u, k) = (
        user::<F, ID>(),
        Kernel::<F, ID>::new_kernel_page_table().unwrap(),
    );
    let va = 1usize << F::Consts::ADDRESS_WIDTH;
    let mut g = guard::<ID>();
    u.cursor_mut(&mut g, &(0..PAGE))
        .unwrap()
        .map(at(0x3000, 1, rw()))
        .unwrap();
    let e = PageTableError::InvalidVaddrRange(va, va + PAGE);
    assert_eq!(u.cursor(&mut g, &(va..va + PAGE)).err(), Some(e));
    assert_eq!(k.cursor(&mut g, &(va..va + PAGE)).err(), Some(e));
    assert_eq!(u.page_walk(&g, va), Err(PageTableError::InvalidVaddr(va)));
    assert_eq!(
        u.page_walk(&g, va - 1),
        Err(PageTableError::InvalidVaddr(va - 1))
    );
}
each_format!(non_canonical_addresses_are_errors, 480);

fn empty_nodes_are_reclaimed<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let u = user::<F, ID>();
    let mut sink = Now::<U<F, ID>>::new();
    let mut g = guard::<ID>();
    let (_, last) = bounds::<U<F, ID>>();
    {
        let mut c = u.cursor_mut(&mut g, &(0..last + 1)).unwrap();
        for va in [0, M2, G1, last - 0xfff] {
            c.jump(va).unwrap();
            c.map(at(0x3000, 1, rw())).unwrap();
        }
        // Each goes by itself, from the middle of its node.
        for va in [0, M2, G1, last - 0xfff] {
            c.jump(va).unwrap();
            assert_eq!(c.unmap(PAGE, &mut sink), Ok(1));
        }
    }
    drop(g);
    drop(sink);
    assert_eq!(m.nodes(), 1);
}
each_format!(empty_nodes_are_reclaimed, 490);

/// Maps at several places with memory running out after `n` frames, and unmaps.
fn out_of_memory<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let u = user::<F, ID>();
    let range = 0..2 * G1;
    for n in 0..12 {
        for op in 0..5 {
            let mut sink = Now::<U<F, ID>>::new();
            {
                let mut g = guard::<ID>();
                let mut c = u.cursor_mut(&mut g, &range).unwrap();
                c.map_range(2 * G1, G1, rw(), 3).unwrap();
                c.jump(G1 - 5 * PAGE).unwrap();
                m.0.fail_alloc_after(n);
                let failed = match op {
                    0 => c.split().err(),
                    1 => c.unmap(PAGE, &mut sink).err(),
                    2 => c.protect(PAGE, |p| p.flags = PageFlags::R).err(),
                    3 => {
                        c.jump(G1).unwrap();
                        c.map_range(8 * G1, 3 * M2 + 2 * PAGE, rw(), 1).err()
                    }
                    _ => {
                        c.jump(G1).unwrap();
                        c.map(at(8 * G1, 1, rw())).err()
                    }
                };
                m.0.fail_no_alloc();
                let stop = c.virt_addr();
                if let Some(e) = failed {
                    assert!(matches!(e, PageTableError::NoMemory(_)), "{e}");
                    assert_eq!(walk(&u, G1 - 5 * PAGE), Some(3 * G1 - 5 * PAGE));
                    assert_eq!(walk(&u, G1 - PAGE), Some(3 * G1 - PAGE));
                    if op >= 3 {
                        // Exactly what is before the position is mapped.
                        for va in (G1..G1 + 4 * M2).step_by(PAGE) {
                            assert_eq!(walk(&u, va).is_some(), va < stop);
                        }
                    }
                }
                c.jump(0).unwrap();
                c.unmap(2 * G1, &mut sink).unwrap();
            }
            drop(sink);
            assert!(m.nodes() <= 2 + F::Consts::NR_LEVELS as usize);
        }
    }
    let mut g = guard::<ID>();
    for n in 0..2 {
        let u = user::<F, ID>();
        m.0.fail_alloc_after(n);
        let e = u.cursor_mut(&mut g, &(G1..G1 + PAGE)).err();
        assert_eq!(e, Some(PageTableError::NoMemory(G1)));
        m.0.fail_no_alloc();
    }
    for n in [0, 1, 100, 256] {
        m.0.fail_alloc_after(n);
        let before = m.nodes();
        assert!(matches!(
            Kernel::<F, ID>::new_kernel_page_table(),
            Err(PageTableError::NoMemory(_))
        ));
        assert_eq!(m.nodes(), before);
        m.0.fail_no_alloc();
    }
}
each_format!(out_of_memory, 500);

fn a_huge_page_over_empty_tables<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let u = user::<F, ID>();
    let mut g = guard::<ID>();
    // Opening a cursor over a part leaves an empty table behind.
    drop(u.cursor(&mut g, &(M2..M2 + PAGE)).unwrap());
    let mut c = u.cursor_mut(&mut g, &(0..G1)).unwrap();
    c.map(at(2 * G1, 3, rw())).unwrap();
    assert_eq!(c.virt_addr(), G1);
    for va in [0, M2, M2 + PAGE, 2 * M2, G1 - PAGE] {
        assert_eq!(walk(&u, va), Some(2 * G1 + va));
    }
    assert!(m.nodes() <= F::Consts::NR_LEVELS as usize + 1);
}
each_format!(a_huge_page_over_empty_tables, 510);

fn tracked_frames_are_shared_and_returned<F: PagingFormat, const ID: usize>() {
    use veripage::frame::{FrameAllocOptions, UFrame};
    let m = machine::<ID>();
    let frame: UFrame<Sim<ID>> = FrameAllocOptions::new().alloc_frame().unwrap().into();
    let pa = frame.start_paddr();
    {
        let u = user::<F, ID>();
        let mut sink = Now::<U<F, ID>>::new();
        let mut g = guard::<ID>();
        let mut c = u.cursor_mut(&mut g, &(0..G1)).unwrap();
        for _ in 0..3 {
            c.map(MappedItem::Tracked(frame.clone().into_dyn(), rw()))
                .unwrap();
        }
        assert_eq!(frame.reference_count(), 4);
        c.jump(0).unwrap();
        let held = c.query().unwrap().1.unwrap();
        assert_eq!((told(&held), frame.reference_count()), ((pa, 1, rw()), 5));
        drop(held);
        // A refused item is dropped.
        assert!(c
            .map(MappedItem::Tracked(frame.clone().into_dyn(), rw()))
            .is_err());
        assert_eq!(c.protect(PAGE, |p| p.flags = PageFlags::R), Ok(1));
        assert_eq!(frame.reference_count(), 4);
        c.jump(0).unwrap();
        assert_eq!(c.unmap(PAGE, &mut sink), Ok(1));
        assert_eq!(frame.reference_count(), 4);
        sink.pages.clear();
        assert_eq!(frame.reference_count(), 3);
        drop(c);
        drop(g);
    }
    // The table was dropped with two pages mapped.
    assert_eq!(frame.reference_count(), 1);
    drop(frame);
    assert_eq!(m.nodes(), 0);
}
each_format!(tracked_frames_are_shared_and_returned, 520);
