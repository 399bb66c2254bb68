//! Mapping, unmapping, and what a cursor finds.
use super::*;

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
