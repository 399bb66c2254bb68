//! Addresses: what a table takes, what it refuses, and the ends of the address space.
use super::*;

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
