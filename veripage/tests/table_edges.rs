//! More of what page tables promise: whole tables that go, pages that are split, shares, memory that runs out.
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

fn take_large_takes_subtree<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let u = user::<F, ID>();
    let mut sink = Now::<U<F, ID>>::new();
    let mut g = guard::<ID>();
    {
        let mut c = u.cursor_mut(&mut g, &(0..G1 + PAGE)).unwrap();
        c.map_range(G1, M2 + 3 * PAGE, rw(), 1).unwrap();
        let before = m.nodes();
        c.jump(0).unwrap();
        // The highest table that lies in the range, with the two below it.
        match c.take_next(G1 + PAGE, &mut sink).unwrap() {
            Some(Taken::Table { va, len, pages }) => assert_eq!((va, len, pages), (0, G1, 515)),
            _ => panic!("a whole table was mapped"),
        }
        assert_eq!((c.virt_addr(), m.nodes()), (G1, before));
        assert_eq!((walk(&u, 0), walk(&u, M2)), (None, None));
    }
    let before = m.nodes();
    drop(g);
    drop(sink);
    assert!(m.nodes() <= before - 3);
}
each_format!(take_large_takes_subtree, 370);

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
    let frame: UFrame<Sim<ID>> = FrameAllocOptions::new().alloc_frame().unwrap();
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
