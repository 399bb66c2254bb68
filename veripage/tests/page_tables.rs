//! What page tables do, named by its contract, on every format.
mod model;
mod tables;
use model::{audit, format, without_kind};
use tables::*;
use veripage::frame::FrameAllocOptions;
use veripage_sim::audit::{Audit, Table};
use PageTableError::*;

/// First address and first address past the half (0 for 2^64) of a table.
fn half<C: PageTableConfig>() -> (Vaddr, Vaddr) {
    let (first, last) = vaddr_range_bounds::<C::C>(&C::TOP_LEVEL_INDEX_RANGE).unwrap();
    (first, last.wrapping_add(1))
}

fn user<F: PagingFormat, const ID: usize>() -> User<F, ID> {
    User::<F, ID>::empty().unwrap()
}

/// What a walk finds, without the flag that is not the caller's.
fn walked<C: PageTableConfig>(table: &PageTable<C>, va: Vaddr) -> Option<(Paddr, PageProperty)> {
    let found = table.page_walk(&RcuGuard::enter(), va).unwrap();
    found.map(|(pa, prop)| (pa, without_kind(prop)))
}

/// Maps one page of the level at `va`.
fn map<C: PageTableConfig<Item = MappedItem<P>, P = P>, P: Platform>(
    table: &PageTable<C>,
    va: Vaddr,
    pa: Paddr,
    level: u8,
    prop: PageProperty,
) -> Result<(), PageTableError> {
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(va..va.wrapping_add(page_size(level))))?;
    c.map(at(pa, level, prop))
}

/// Unmaps a range; returns how many pages were there.
fn unmap<C: PageTableConfig>(table: &PageTable<C>, va: Vaddr, len: usize) -> usize {
    let mut bin = Now::<C>::new();
    let mut guard = RcuGuard::enter();
    let mut c = table
        .cursor_mut(&mut guard, &(va..va.wrapping_add(len)))
        .unwrap();
    c.unmap(len, &mut bin).unwrap()
}

fn create_user_page_table<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let kernel = Kernel::<F, ID>::new_kernel_page_table().unwrap();
    // SAFETY: the user's table is dropped first.
    let table = unsafe { kernel.create_user_page_table() }.unwrap();
    let word = |root: Paddr, i: usize| m.0.word(root + i * 8).unwrap();
    for i in 0..256 {
        assert_eq!(word(table.root_paddr(), i), 0);
        assert_ne!(word(kernel.root_paddr(), 256 + i), 0);
        assert_eq!(
            word(table.root_paddr(), 256 + i),
            word(kernel.root_paddr(), 256 + i)
        );
    }
    // What the kernel maps from now on is seen.
    let (first, _) = half::<KernelPtConfig<Sim<ID>, F>>();
    map(&kernel, first, 0x5000, 1, ro()).unwrap();
    assert_eq!(walked(&table, first + 9), Some((0x5009, ro())));
    drop(table);
    unmap(&kernel, first, PAGE);
}
each_format!(create_user_page_table, 3000);

fn new_kernel_page_table<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let kernel = Kernel::<F, ID>::new_kernel_page_table().unwrap();
    assert_eq!(
        m.nodes(),
        257,
        "the root, and a node for each entry of its half"
    );
    for i in 0..512 {
        let w = m.0.word(kernel.root_paddr() + i * 8).unwrap();
        assert_eq!(format::<F>().present(w), i >= 256);
        assert!(i < 256 || !format::<F>().leaf(F::Consts::NR_LEVELS, w));
    }
    // They stay when what is under them goes.
    let (first, _) = half::<KernelPtConfig<Sim<ID>, F>>();
    map(&kernel, first, 0x5000, 1, ro()).unwrap();
    assert_eq!(unmap(&kernel, first, page_size(F::Consts::NR_LEVELS)), 1);
    assert_eq!(m.nodes(), 257);
    audit::<F, ID>(&m, kernel.root_paddr(), 256..512);
}
each_format!(new_kernel_page_table, 3010);

fn range_check<F: PagingFormat, const ID: usize>() {
    fn check<C: PageTableConfig>(table: &PageTable<C>) {
        let (first, end) = half::<C>();
        let last = end.wrapping_sub(PAGE);
        for (a, b) in [(first, first + PAGE), (first, end), (last, end)] {
            assert!(table.cursor_mut(&mut RcuGuard::enter(), &(a..b)).is_ok());
        }
        for (a, b) in [
            (first + PAGE, first + PAGE),
            (first + 2 * PAGE, first + PAGE),
            (first.wrapping_sub(PAGE), first + PAGE),
            (last, end.wrapping_add(PAGE)),
            (end, end.wrapping_add(PAGE)),
        ] {
            let got = table.cursor_mut(&mut RcuGuard::enter(), &(a..b)).err();
            assert_eq!(got, Some(InvalidVaddrRange(a, b)));
        }
        for (a, b, bad) in [
            (first + 1, first + PAGE, first + 1),
            (first, first + 4097, first + 4097),
        ] {
            assert_eq!(
                table.cursor(&mut RcuGuard::enter(), &(a..b)).err(),
                Some(UnalignedVaddr(bad))
            );
        }
    }
    let _m = machine::<ID>();
    check(&user::<F, ID>());
    check(&Kernel::<F, ID>::new_kernel_page_table().unwrap());
}
each_format!(range_check, 3020);

fn boundary_mapping<F: PagingFormat, const ID: usize>() {
    fn check<C: PageTableConfig<Item = MappedItem<Sim<ID>>, P = Sim<ID>>, const ID: usize>(
        table: &PageTable<C>,
    ) {
        let (first, end) = half::<C>();
        let last = end.wrapping_sub(PAGE);
        for (va, pa) in [(first, 0x1000), (last, 0x2000)] {
            map(table, va, pa, 1, ro()).unwrap();
            assert_eq!(walked(table, va + 4095), Some((pa + 4095, ro())));
            let mut guard = RcuGuard::enter();
            let mut c = table
                .cursor(&mut guard, &(va..va.wrapping_add(PAGE)))
                .unwrap();
            let (range, item) = c.query().unwrap();
            assert_eq!(
                (range, told(&item.unwrap())),
                (va..va.wrapping_add(PAGE), (pa, 1, ro()))
            );
        }
        assert_eq!(unmap(table, first, end.wrapping_sub(first)), 2);
        assert_eq!((walked(table, first), walked(table, last)), (None, None));
    }
    let _m = machine::<ID>();
    check(&user::<F, ID>());
    check(&Kernel::<F, ID>::new_kernel_page_table().unwrap());
}
each_format!(boundary_mapping, 3030);

fn overflow_boundary<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    let (_, end) = half::<UserPtConfig<Sim<ID>, F>>();
    for (a, b) in [
        (end - PAGE, end + PAGE),
        (end, 0),
        (PAGE, 0),
        (0usize.wrapping_sub(PAGE), PAGE),
        (0usize.wrapping_sub(PAGE), 0),
    ] {
        assert_eq!(
            table.cursor_mut(&mut RcuGuard::enter(), &(a..b)).err(),
            Some(InvalidVaddrRange(a, b))
        );
    }
    let mut bin = Now::new();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(end - PAGE..end)).unwrap();
    let (va, len) = (end - PAGE, 0usize.wrapping_sub(PAGE));
    assert_eq!(
        c.find_next(len),
        Err(InvalidVaddrRange(va, va.wrapping_add(len)))
    );
    assert_eq!(
        c.unmap(2 * PAGE, &mut bin),
        Err(InvalidVaddrRange(va, end + PAGE))
    );
    assert_eq!(
        c.map_range(0, 2 * PAGE, rw(), 1),
        Err(InvalidVaddrRange(va, end + PAGE))
    );
    assert_eq!(c.jump(end + PAGE), Err(InvalidVaddr(end + PAGE)));
}
each_format!(overflow_boundary, 3040);

fn map_preserves_page_property<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    let mut tried = 0;
    for flags in 0..=u8::MAX {
        for cache in [
            CachePolicy::Uncacheable,
            CachePolicy::WriteCombining,
            CachePolicy::WriteProtected,
            CachePolicy::Writethrough,
            CachePolicy::Writeback,
        ] {
            for privileged in 0..4 {
                let prop = PageProperty {
                    flags: PageFlags::from_bits_truncate(flags).difference(PageFlags::AVAIL1),
                    cache,
                    priv_flags: PrivilegedPageFlags::from_bits_truncate(privileged),
                };
                for level in [1, 2] {
                    let mut bin = Now::new();
                    let mut guard = RcuGuard::enter();
                    let mut c = table.cursor_mut(&mut guard, &(M2..2 * M2)).unwrap();
                    let mapped = c.map(at(M2, level, prop));
                    assert_eq!(mapped.is_ok(), F::Entry::supports(level, prop));
                    if mapped.is_err() {
                        assert_eq!(mapped, Err(UnsupportedProperty(M2)));
                        continue;
                    }
                    tried += 1;
                    c.jump(M2).unwrap();
                    let item = c.query().unwrap().1.unwrap();
                    assert_eq!((item.paddr(), item.level(), item.prop()), (M2, level, prop));
                    assert!(c.unmap(M2, &mut bin).is_ok());
                }
            }
        }
    }
    assert!(tried > 100, "only {tried} properties");
}
each_format!(map_preserves_page_property, 3050);

fn overlapping_mappings<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    map(&table, 2 * M2, 4 * M2, 2, rw()).unwrap();
    map(&table, M2 + PAGE, PAGE, 1, rw()).unwrap();
    // The same address, another one, a smaller page in a large one, a larger one over small ones.
    for (va, level, found) in [
        (2 * M2, 2, 2 * M2),
        (2 * M2, 1, 2 * M2),
        (2 * M2 + 5 * PAGE, 1, 2 * M2 + 5 * PAGE),
        (M2 + PAGE, 1, M2 + PAGE),
        (M2, 2, M2 + PAGE),
    ] {
        for pa in [4 * M2, 8 * M2] {
            assert_eq!(map(&table, va, pa, level, ro()), Err(AlreadyMapped(found)));
        }
    }
    assert_eq!(
        walked(&table, 2 * M2 + 5 * PAGE),
        Some((4 * M2 + 5 * PAGE, rw()))
    );
    assert_eq!(walked(&table, M2 + PAGE), Some((PAGE, rw())));
    assert_eq!(walked(&table, M2), None);
    assert_eq!(unmap(&table, 0, G1), 513);
}
each_format!(overlapping_mappings, 3060);

fn unaligned_map<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(0..G1)).unwrap();
    c.jump(PAGE).unwrap();
    assert_eq!(c.map(at(M2, 2, rw())), Err(UnalignedVaddr(PAGE)));
    assert_eq!(c.map(at(PAGE + 1, 1, rw())), Err(InvalidPaddr(PAGE + 1)));
    c.jump(M2).unwrap();
    assert_eq!(c.map(at(PAGE, 2, rw())), Err(InvalidPaddr(PAGE)));
    assert_eq!(
        c.map_range(M2, PAGE + 1, rw(), 2),
        Err(UnalignedVaddr(PAGE + 1))
    );
    assert_eq!(c.jump(M2 + 1), Err(UnalignedVaddr(M2 + 1)));
    assert_eq!(c.virt_addr(), M2);
    c.jump(0).unwrap();
    assert_eq!(c.find_next(G1), Ok(None));
}
each_format!(unaligned_map, 3070);

fn jump_and_query<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    map(&table, 2 * M2, 4 * M2, 2, rw()).unwrap();
    map(&table, 0, PAGE, 1, ro()).unwrap();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(0..3 * M2)).unwrap();
    // jump_from_end_and_query_huge_middle
    c.jump(3 * M2).unwrap();
    assert_eq!(c.query().err(), Some(InvalidVaddr(3 * M2)));
    c.jump(2 * M2 + 7 * PAGE).unwrap();
    let (range, item) = c.query().unwrap();
    assert_eq!(
        (range, told(&item.unwrap())),
        (2 * M2..3 * M2, (4 * M2, 2, rw()))
    );
    // jump_then_query, from a node below the one that covers the range
    c.jump(0).unwrap();
    assert_eq!(c.query().unwrap().0, 0..PAGE);
    c.jump(M2).unwrap();
    let (range, item) = c.query().unwrap();
    assert!(item.is_none() && range == (M2..2 * M2), "one absent entry");
    for va in [3 * M2 + PAGE, 0usize.wrapping_sub(PAGE)] {
        assert_eq!(c.jump(va), Err(InvalidVaddr(va)));
    }
    assert_eq!(c.virt_addr(), M2);
    drop(c);
    drop(guard);
    assert_eq!(unmap(&table, 0, G1), 513);
}
each_format!(jump_and_query, 3080);

fn jump_near_address_space_end<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let kernel = Kernel::<F, ID>::new_kernel_page_table().unwrap();
    let (last, huge) = (0usize.wrapping_sub(PAGE), 0usize.wrapping_sub(M2));
    map(&kernel, last, PAGE, 1, ro()).unwrap();
    let mut bin = Now::new();
    let mut guard = RcuGuard::enter();
    let mut c = kernel.cursor_mut(&mut guard, &(huge..0)).unwrap();
    c.jump(0).unwrap();
    assert_eq!((c.virt_addr(), c.query().err()), (0, Some(InvalidVaddr(0))));
    c.jump(last).unwrap();
    assert_eq!(c.query().unwrap().0, last..0);
    c.jump(huge).unwrap();
    assert_eq!(c.find_next(M2), Ok(Some(last)));
    assert_eq!(
        c.protect_next(PAGE, |p| p.flags = PageFlags::RW),
        Ok(Some(last..0))
    );
    assert_eq!(c.virt_addr(), 0);
    assert_eq!(c.find_next(PAGE), Err(InvalidVaddr(0)));
    c.jump(huge).unwrap();
    assert_eq!(c.unmap(M2, &mut bin), Ok(1));
    assert_eq!(c.virt_addr(), 0);
    // A huge page there, exactly the range.
    c.jump(huge).unwrap();
    c.map(at(M2, 2, rw())).unwrap();
    assert_eq!(c.virt_addr(), 0);
    c.jump(last).unwrap();
    assert_eq!(c.query().unwrap().0, huge..0);
    assert_eq!(c.unmap(PAGE, &mut bin), Ok(1));
    c.jump(huge).unwrap();
    assert_eq!(c.unmap(M2, &mut bin), Ok(511));
}
each_format!(jump_near_address_space_end, 3090);

fn find_next<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    map(&table, 5 * PAGE, PAGE, 1, ro()).unwrap();
    map(&table, 3 * M2, 3 * M2, 2, ro()).unwrap();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(0..G1)).unwrap();
    assert_eq!(c.find_next(G1), Ok(Some(5 * PAGE)));
    assert_eq!(
        c.find_next(G1 - 5 * PAGE),
        Ok(Some(5 * PAGE)),
        "it stays at what it found"
    );
    c.jump(6 * PAGE).unwrap();
    // find_next_keeps_va_around_barrier
    assert_eq!(c.find_next(M2), Ok(None));
    assert_eq!(c.virt_addr(), M2 + 6 * PAGE);
    assert_eq!(c.find_next(G1 - M2 - 6 * PAGE), Ok(Some(3 * M2)));
    // find_next_rejects_overflowing_len
    for len in [G1, 0usize.wrapping_sub(PAGE), 1 << 63] {
        assert_eq!(
            c.find_next(len),
            Err(InvalidVaddrRange(3 * M2, (3 * M2).wrapping_add(len)))
        );
    }
    assert_eq!(c.find_next(1), Err(UnalignedVaddr(1)));
    assert_eq!(c.virt_addr(), 3 * M2);
    drop(c);
    drop(guard);
    unmap(&table, 0, G1);
}
each_format!(find_next, 3100);

fn take_next_takes_something<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let table = user::<F, ID>();
    let mut bin = Now::new();
    map(&table, M2 + 3 * PAGE, 7 * PAGE, 1, ro()).unwrap();
    map(&table, 4 * M2, 8 * M2, 2, rw()).unwrap();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(M2 + PAGE..G1)).unwrap();
    let Ok(Some(Taken::Page { va, len, item })) = c.take_next(M2, &mut bin) else {
        panic!("a page is there")
    };
    assert_eq!(
        (va, len, told(item.get())),
        (M2 + 3 * PAGE, PAGE, (7 * PAGE, 1, ro()))
    );
    assert_eq!(c.virt_addr(), M2 + 4 * PAGE);
    let Ok(Some(Taken::Page { va, len, item })) = c.take_next(G1 - c.virt_addr(), &mut bin) else {
        panic!("a page is there")
    };
    assert_eq!((va, len, told(item.get())), (4 * M2, M2, (8 * M2, 2, rw())));
    assert!(c.take_next(G1 - c.virt_addr(), &mut bin).unwrap().is_none());
    assert_eq!(c.virt_addr(), G1);
    // take_large_takes_subtree: a whole covered table at once, with its count.
    c.jump(2 * M2).unwrap();
    c.map_range(0, M2, rw(), 1).unwrap();
    // Looking at it first makes no difference.
    c.jump(2 * M2).unwrap();
    assert_eq!(c.peek().unwrap().unwrap().1, 1);
    let Ok(Some(Taken::Table { va, len, pages })) = c.take_next(4 * M2, &mut bin) else {
        panic!("a table is there")
    };
    assert_eq!((va, len, pages), (2 * M2, M2, 512));
    drop(c);
    drop(guard);
    drop(bin);
    assert_eq!(
        m.nodes(),
        1 + F::Consts::NR_LEVELS as usize - 2,
        "down to the node of the range, no further"
    );
}
each_format!(take_next_takes_something, 3110);

/// 1 GiB and 2 MiB and 4 KiB pages side by side; one page goes, its neighbours stay.
fn mixed_granularity_map_unmap<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    let (start, pa) = (G1 - 3 * PAGE - 18 * M2, 4 * G1 - 3 * PAGE - 18 * M2);
    let pages = 3 + 18 * 512 + 262144 + 500;
    let range = start..start + pages * PAGE;
    let mut bin = Now::new();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &range).unwrap();
    c.map_range(pa, pages * PAGE, rw(), 3).unwrap();
    let gone = G1 + 77 * M2 + 5 * PAGE;
    for (va, level) in [(start, 1), (start + 3 * PAGE, 2), (gone, 3), (2 * G1, 1)] {
        c.jump(va).unwrap();
        assert_eq!(c.peek().unwrap().unwrap().1, level, "{va:#x}");
    }
    c.jump(gone).unwrap();
    assert_eq!(c.unmap(PAGE, &mut bin), Ok(1));
    for (va, level) in [
        (gone - PAGE, 1),
        (gone + PAGE, 1),
        (gone + M2, 2),
        (G1, 2),
        (G1 - M2, 2),
    ] {
        c.jump(va).unwrap();
        let (at, l, p) = c.peek().unwrap().unwrap();
        assert_eq!(
            (at + va % page_size(l), l, without_kind(p)),
            (pa + (va - start), level, rw())
        );
    }
    assert!(c.jump(gone).is_ok() && c.peek().unwrap().is_none());
    c.jump(start).unwrap();
    assert_eq!(c.unmap(pages * PAGE, &mut bin), Ok(pages - 1));
}
each_format!(mixed_granularity_map_unmap, 3120);

/// 514 pages of 2 MiB and 2 of 4 KiB; protecting 2 small pages splits what it must and nothing else.
fn mixed_granularity_protect_query<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let table = user::<F, ID>();
    let (start, pages) = (G1 - PAGE, 2 + 514 * 512);
    let end = start + pages * PAGE;
    let mut bin = Now::new();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(start..end)).unwrap();
    c.map_range(8 * G1 - PAGE, pages * PAGE, rw(), 2).unwrap();
    let nodes = m.nodes();
    let cut = G1 + 9 * M2 - PAGE;
    c.jump(cut).unwrap();
    assert_eq!(c.protect(2 * PAGE, |p| p.flags = PageFlags::R), Ok(2));
    assert_eq!(m.nodes(), nodes + 2, "two huge pages were split");
    let mut at = start;
    while at < end {
        c.jump(at).unwrap();
        let (pa, level, p) = c.peek().unwrap().unwrap();
        assert_eq!(pa, 7 * G1 + at);
        assert_eq!(
            without_kind(p),
            if (cut..cut + 2 * PAGE).contains(&at) {
                ro()
            } else {
                rw()
            }
        );
        let split = (G1 + 8 * M2..G1 + 10 * M2).contains(&at) || at == start || at == end - PAGE;
        assert_eq!(level, if split { 1 } else { 2 }, "{at:#x}");
        at += page_size(level);
    }
    c.jump(start).unwrap();
    assert_eq!(c.unmap(pages * PAGE, &mut bin), Ok(pages));
}
each_format!(mixed_granularity_protect_query, 3130);

fn protect_next<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    map(&table, 3 * PAGE, PAGE, 1, rw()).unwrap();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(0..M2)).unwrap();
    // protect_next_empty_entry
    assert_eq!(
        c.protect_next(PAGE, |_| panic!("nothing is there")),
        Ok(None)
    );
    assert_eq!(c.virt_addr(), PAGE);
    // base_protect_query; protect_next_touches_empty_range: the mapped part comes back.
    assert_eq!(
        c.protect_next(M2 - PAGE, |p| p.flags = PageFlags::R),
        Ok(Some(3 * PAGE..4 * PAGE))
    );
    assert_eq!(c.virt_addr(), 4 * PAGE);
    c.jump(3 * PAGE).unwrap();
    assert_eq!(told(&c.query().unwrap().1.unwrap()), (PAGE, 1, ro()));
    drop(c);
    drop(guard);
    unmap(&table, 0, M2);
}
each_format!(protect_next, 3140);

/// The table that a kernel boots on: pages one by one, an error for the second and for what is not there.
fn boot_page_table<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let kernel = Kernel::<F, ID>::new_kernel_page_table().unwrap();
    let (va, _) = half::<KernelPtConfig<Sim<ID>, F>>();
    map(&kernel, va, 0x7000, 1, rw()).unwrap();
    assert_eq!(map(&kernel, va, 0x7000, 1, rw()), Err(AlreadyMapped(va)));
    let mut guard = RcuGuard::enter();
    let mut c = kernel.cursor_mut(&mut guard, &(va..va + 2 * PAGE)).unwrap();
    assert_eq!(c.protect(PAGE, |p| p.flags = PageFlags::R), Ok(1));
    assert_eq!(c.protect(PAGE, |_| panic!("nothing is there")), Ok(0));
    drop(c);
    drop(guard);
    assert_eq!(walked(&kernel, va), Some((0x7000, ro())));
    assert_eq!(unmap(&kernel, va, PAGE), 1);
}
each_format!(boot_page_table, 3150);

/// A range that is exactly one huge page, at every level that has them, at the first and the last slot of
/// a node: map, query, protect, unmap.
fn exactly_huge_range<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    for level in 2..=F::Consts::HIGHEST_TRANSLATION_LEVEL {
        let size = page_size(level);
        let entries = if level == F::Consts::NR_LEVELS {
            256
        } else {
            512
        };
        for i in [0, 1, entries - 1] {
            let (va, pa) = (i * size, 64 * size);
            if !F::Entry::fits_page(pa, level) || va == 0 && level == 5 {
                continue;
            }
            let table = user::<F, ID>();
            let mut guard = RcuGuard::enter();
            let mut c = table.cursor_mut(&mut guard, &(va..va + size)).unwrap();
            c.map(at(pa, level, rw())).unwrap();
            c.jump(va + size - PAGE).unwrap();
            let (range, item) = c.query().unwrap();
            assert_eq!(
                (range, told(&item.unwrap())),
                (va..va + size, (pa, level, rw()))
            );
            c.jump(va).unwrap();
            assert_eq!(
                c.protect_next(size, |p| p.flags = PageFlags::R),
                Ok(Some(va..va + size))
            );
            drop(c);
            drop(guard);
            assert_eq!(walked(&table, va + size - 1), Some((pa + size - 1, ro())));
            // A page at either end is split off; the middle stays.
            for cut in [va, va + size - PAGE] {
                assert_eq!(unmap(&table, cut, PAGE), 1);
                assert_eq!(walked(&table, cut), None);
            }
            let middle = va + size / 2;
            assert_eq!(walked(&table, middle), Some((pa + size / 2, ro())));
            assert_eq!(unmap(&table, va, size), size / PAGE - 2);
            audit::<F, ID>(&m, table.root_paddr(), 0..256);
        }
    }
}
each_format!(exactly_huge_range, 3160);

/// A 4-KiB page in a range that one level-1 node covers.
fn base_page_in_a_covered_range<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let table = user::<F, ID>();
    map(&table, M2 + PAGE, 0x9000, 1, rw()).unwrap();
    assert_eq!(m.nodes(), F::Consts::NR_LEVELS as usize);
    assert_eq!(walked(&table, M2 + PAGE), Some((0x9000, rw())));
    assert_eq!(unmap(&table, M2 + PAGE, PAGE), 1);
}
each_format!(base_page_in_a_covered_range, 3170);

fn end_of_range_is_an_error<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    let mut bin = Now::new();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(PAGE..3 * PAGE)).unwrap();
    c.jump(3 * PAGE).unwrap();
    let e = Some(InvalidVaddr(3 * PAGE));
    assert_eq!(c.query().err(), e);
    assert_eq!(c.peek().err(), e);
    assert_eq!(c.map(at(0, 1, rw())).err(), e);
    for len in [0, PAGE] {
        assert_eq!(c.find_next(len).err(), e);
        assert_eq!(c.map_range(0, len, rw(), 1).err(), e);
        assert_eq!(c.take_next(len, &mut bin).err(), e);
        assert_eq!(c.unmap(len, &mut bin).err(), e);
        assert_eq!(c.protect_next(len, |_| ()).err(), e);
        assert_eq!(c.protect(len, |_| ()).err(), e);
    }
    assert_eq!(c.split().err(), e);
    assert_eq!(c.virt_addr(), 3 * PAGE);
}
each_format!(end_of_range_is_an_error, 3180);

/// Unmapping over holes of every size leaves nothing.
fn unmap_over_holes<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    for (va, level) in [
        (M2 + 7 * PAGE, 1),
        (2 * M2 - PAGE, 1),
        (5 * M2, 2),
        (2 * G1 + 3 * M2, 2),
        (3 * G1, 3),
    ] {
        map(&table, va, 16 * G1 + va, level, rw()).unwrap();
    }
    // The first slot is a hole, the second is mapped.
    assert_eq!(unmap(&table, 0, 2 * M2), 2);
    assert_eq!(
        unmap(&table, 3 * M2 + PAGE, 4 * G1 - 3 * M2 - PAGE),
        2 * 512 + 262144
    );
    assert_eq!(unmap(&table, 0, 8 * G1), 0);
    let mut guard = RcuGuard::enter();
    assert_eq!(
        table
            .cursor(&mut guard, &(0..8 * G1))
            .unwrap()
            .find_next(8 * G1),
        Ok(None)
    );
}
each_format!(unmap_over_holes, 3190);

/// Addresses that are not canonical are errors, never another address.
fn non_canonical_addresses<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    map(&table, 0, 0x3000, 1, ro()).unwrap();
    let width = F::Consts::ADDRESS_WIDTH;
    for va in [
        1 << (width - 1),
        1 << width,
        1usize << 63,
        (usize::MAX << width) | 0x1000,
    ] {
        let range = va..va + PAGE;
        assert_eq!(
            table.cursor(&mut RcuGuard::enter(), &range).err(),
            Some(InvalidVaddrRange(va, va + PAGE))
        );
        assert_eq!(
            table.page_walk(&RcuGuard::enter(), va),
            Err(InvalidVaddr(va))
        );
    }
    assert_eq!(unmap(&table, 0, PAGE), 1);
}
each_format!(non_canonical_addresses, 3200);

/// What a range operation does not finish it says: everything before its new position is mapped.
fn map_range_stops_at_what_is_there<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let table = user::<F, ID>();
    map(&table, 2 * M2 + 9 * PAGE, 0x3000, 1, ro()).unwrap();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(0..G1)).unwrap();
    assert_eq!(
        c.map_range(G1, 4 * M2, rw(), 2),
        Err(AlreadyMapped(2 * M2 + 9 * PAGE))
    );
    assert_eq!(c.virt_addr(), 2 * M2 + 9 * PAGE);
    drop(c);
    drop(guard);
    assert_eq!(
        walked(&table, 2 * M2 + 8 * PAGE),
        Some((G1 + 2 * M2 + 8 * PAGE, rw()))
    );
    assert_eq!(walked(&table, 2 * M2 + 9 * PAGE), Some((0x3000, ro())));
    assert_eq!(walked(&table, 2 * M2 + 10 * PAGE), None);
    assert_eq!(unmap(&table, 0, G1), 2 * 512 + 10);
}
each_format!(map_range_stops_at_what_is_there, 3210);

/// Nodes go when their last entry does, and a huge page fits where they were; over empty ones it is
/// mapped in parts.
fn empty_nodes_are_reclaimed<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let table = user::<F, ID>();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(0..2 * G1)).unwrap();
    let before = m.nodes();
    for va in [5 * M2, 5 * M2 + 8 * PAGE, 7 * M2] {
        c.jump(va).unwrap();
        c.map(at(G1 + va, 1, rw())).unwrap();
    }
    assert_eq!(m.nodes(), before + 3);
    for (va, nodes) in [(5 * M2, 3), (5 * M2 + 8 * PAGE, 2), (7 * M2, 0)] {
        let mut bin = Now::new();
        c.jump(va).unwrap();
        assert_eq!(c.unmap(PAGE, &mut bin), Ok(1));
        drop(c);
        drop(guard);
        drop(bin);
        assert_eq!(m.nodes(), before + nodes);
        guard = RcuGuard::enter();
        c = table.cursor_mut(&mut guard, &(0..2 * G1)).unwrap();
    }
    drop(c);
    let mut bin = Now::new();
    // A cursor keeps the node that covers its range, empty or not: a huge page over it comes in parts.
    let mut c = table
        .cursor_mut(&mut guard, &(3 * M2..3 * M2 + PAGE))
        .unwrap();
    c.map(at(0, 1, rw())).unwrap();
    c.jump(3 * M2).unwrap();
    assert_eq!(c.unmap(PAGE, &mut bin), Ok(1));
    drop(c);
    let mut c = table.cursor_mut(&mut guard, &(0..2 * G1)).unwrap();
    c.map(at(4 * G1, 3, rw())).unwrap();
    for (va, level) in [(0, 2), (3 * M2, 1), (4 * M2, 2)] {
        c.jump(va).unwrap();
        assert_eq!(
            c.peek().unwrap().map(|(pa, l, _)| (pa, l)),
            Some((4 * G1 + va, level))
        );
    }
    c.jump(0).unwrap();
    assert_eq!(c.unmap(2 * G1, &mut bin), Ok(262144));
    drop(c);
    drop(guard);
    drop(bin);
    audit::<F, ID>(&m, table.root_paddr(), 0..256);
}
each_format!(empty_nodes_are_reclaimed, 3220);

/// Counted huge pages: each frame has its share through splitting and unmapping in parts.
fn tracked_huge_pages<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let table = user::<F, ID>();
    let frames = FrameAllocOptions::<Sim<ID>>::new()
        .align(M2)
        .alloc_segment(512)
        .unwrap();
    let pa = frames.start_paddr();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(M2..2 * M2)).unwrap();
    let clone = frames.slice(&(0..M2)).unwrap();
    c.map(MappedItem::TrackedHuge(clone.into_dyn(), rw()))
        .unwrap();
    c.jump(M2).unwrap();
    let Some(MappedItem::TrackedHuge(seen, p)) = c.query().unwrap().1 else {
        panic!("it is mapped")
    };
    assert_eq!((seen.paddr_range(), p), (pa..pa + M2, rw()));
    drop(seen);
    // A page at each end goes, the middle changes.
    let mut bin = Now::new();
    for cut in [M2, 2 * M2 - PAGE] {
        c.jump(cut).unwrap();
        assert_eq!(c.unmap(PAGE, &mut bin), Ok(1));
    }
    assert_eq!(bin.pages.len(), 2);
    bin.pages.clear();
    c.jump(M2).unwrap();
    assert_eq!(c.protect(M2, |p| p.flags = PageFlags::R), Ok(510));
    drop(c);
    drop(guard);
    let mut audit = Audit {
        tables: vec![Table {
            own: 0..256,
            ..Table::kernel(table.root_paddr(), format::<F>())
        }],
        ..Audit::default()
    };
    audit.census.cover(pa, 512);
    m.0.audit(&audit).unwrap();
    assert!(m.0.slot(pa).unwrap().count == 1 && m.0.slot(pa + PAGE).unwrap().count == 2);
    assert_eq!(unmap(&table, 0, G1), 510);
    assert_eq!(m.0.slot(pa + PAGE).unwrap().count, 1);
    drop(bin);
}
each_format!(tracked_huge_pages, 3230);

/// Memory runs out at each allocation of a deep map, a split, and of making tables: an error that names
/// the address, no entry changed, no node lost.
fn out_of_memory_leaves_things_as_they_were<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    for n in 0..257 {
        m.0.fail_nth_alloc(n);
        let got = Kernel::<F, ID>::new_kernel_page_table().map(drop);
        let (first, _) = half::<KernelPtConfig<Sim<ID>, F>>();
        let missing = first.wrapping_add((n.max(1) as usize - 1) * page_size(F::Consts::NR_LEVELS));
        assert_eq!(got, Err(NoMemory(if n == 0 { 0 } else { missing })));
        assert_eq!(m.nodes(), 0);
    }
    m.0.fail_no_alloc();
    let table = user::<F, ID>();
    let depth = F::Consts::NR_LEVELS as u64 - 1;
    let va = G1 + M2 + PAGE;
    for n in 0..depth {
        m.0.fail_nth_alloc(n);
        let mut guard = RcuGuard::enter();
        match table.cursor_mut(&mut guard, &(0..2 * G1)) {
            Err(e) => assert_eq!(e, NoMemory(0)),
            Ok(mut c) => {
                c.jump(va).unwrap();
                assert_eq!(c.map(at(0, 1, rw())), Err(NoMemory(va)));
                assert_eq!(c.virt_addr(), va);
            }
        }
        m.0.fail_no_alloc();
        assert_eq!(walked(&table, va), None);
        audit::<F, ID>(&m, table.root_paddr(), 0..256);
        // What was allocated stays, empty; the whole half's cursor takes it away again.
        let mut bin = Now::new();
        let (_, end) = half::<UserPtConfig<Sim<ID>, F>>();
        assert_eq!(
            table
                .cursor_mut(&mut guard, &(0..end))
                .unwrap()
                .unmap(end, &mut bin),
            Ok(0)
        );
        drop(guard);
        drop(bin);
        assert_eq!(m.nodes(), 1, "{n}");
    }
    map(&table, M2, M2, 2, rw()).unwrap();
    m.0.fail_nth_alloc(0);
    let mut bin = Now::new();
    let mut guard = RcuGuard::enter();
    let mut c = table
        .cursor_mut(&mut guard, &(M2 + PAGE..M2 + 2 * PAGE))
        .unwrap();
    assert_eq!(c.unmap(PAGE, &mut bin), Err(NoMemory(M2 + PAGE)));
    assert_eq!(c.virt_addr(), M2 + PAGE);
    drop(c);
    drop(guard);
    m.0.fail_no_alloc();
    assert_eq!(walked(&table, M2 + PAGE), Some((M2 + PAGE, rw())));
    assert_eq!(unmap(&table, 0, G1), 512);
}
each_format!(out_of_memory_leaves_things_as_they_were, 3240);
