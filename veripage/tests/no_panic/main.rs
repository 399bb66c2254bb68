//! Hostile arguments: no function of tables panics, whatever it is given; errors name the address; and after
//! each visit of a cursor the table is what a plain map of runs says, and the audit agrees.
mod checked;
#[path = "../model/mod.rs"]
mod model;
mod objects;
#[path = "../tables/mod.rs"]
mod tables;
mod visit;
use checked::play;
use model::*;
use proptest::prelude::*;
use tables::*;
use veripage::frame::{
    DynFrame, FrameAllocOptions, GetFrameError, Segment, UFrame, UniqueFrame, UntypedMeta,
};
use veripage::kspace::{KSpaceError, KVirtArea, KernelSpace};
use veripage::vm_space::{UserAccessError, VmSpace};
use visit::*;

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
