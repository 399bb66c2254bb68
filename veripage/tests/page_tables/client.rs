//! The client that the checker reads, run.
use super::*;
use veripage::page_table::tour;

fn huge_page_of_a_client<F: PagingFormat, const ID: usize>() {
    let _m = machine::<ID>();
    let pa = 0x20_0000;
    assert_eq!(
        tour::one_huge_page::<Sim<ID>, F>(pa),
        Ok((Some((pa, true)), Some((pa, false)), 512))
    );
}
each_format!(huge_page_of_a_client, 1200);

fn client_without_memory<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    for frames in 0..1000 {
        m.0.fail_alloc_after(frames);
        let got = tour::one_huge_page::<Sim<ID>, F>(0x20_0000);
        assert_eq!(m.nodes(), 0);
        match got {
            Err(e) => assert!(matches!(e, NoMemory(_)), "{e:?}"),
            Ok(_) => return assert!(frames > 4),
        }
    }
    panic!("no memory is enough");
}
each_format!(client_without_memory, 1207);

fn two_cursors_of_a_client<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let pa = 0x20_0000;
    assert_eq!(
        tour::two_pages::<Sim<ID>, F>(pa),
        Ok((Some((pa, true)), Some((pa, false))))
    );
    assert_eq!(m.nodes(), 0);
}
each_format!(two_cursors_of_a_client, 1214);

fn frame_of_two_tables<F: PagingFormat, const ID: usize>() {
    let m = machine::<ID>();
    let (parent, child) = tour::fork::<Sim<ID>, F>().unwrap();
    let (pa, writable) = parent.expect("the parent maps it");
    assert!(writable);
    assert_eq!(child, Some((pa, false)));
    assert_eq!(m.nodes(), 0);
}
each_format!(frame_of_two_tables, 1221);
