//! Whole tables: root entries, boot, nodes that come and go, memory running out.
use super::*;

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
