//! Huge pages: alone, beside small ones, and split.
use super::*;

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
