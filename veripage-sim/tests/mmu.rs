//! The MMU and the TLB: what the tables allow, and what is remembered of them.
mod common;
use common::*;
use veripage_hw::{CpuSet, FlushOp, Platform, PAGE_SIZE};
use veripage_sim::{Access, Access::*, Config, FaultKind, Machine, Sim, Violation, MAX_PADDR};

const ALL: CpuSet = CpuSet(!0);

fn flush<const ID: usize>(cpus: CpuSet, op: FlushOp) {
    Sim::<ID>::flush_wait(Sim::<ID>::flush(cpus, &op));
}

#[test]
fn a_translation_stays_until_it_is_flushed() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P | W | U);
    load::<ID>(nodes[0]);
    assert_eq!(m.access(VA + 5, Read, true), Ok(page + 5));
    set::<ID>(nodes[3], index(VA, 1), 0);
    assert_eq!(m.access(VA, Read, true), Ok(page));
    assert_eq!(m.stale_translations(0).len(), 1);
    flush::<ID>(CpuSet(1), FlushOp::Range(VA..VA + PAGE_SIZE));
    let fault = m.access(VA, Read, true).unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotPresent(1));
    assert_eq!(m.stale_translations(0), []);
    assert_eq!(m.violations(), []);
}

#[test]
fn rights_of_every_level_count() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P | W | U);
    load::<ID>(nodes[0]);
    let tries = |m: &Machine<ID>| {
        let all = [
            (Read, true),
            (Write, true),
            (Execute, true),
            (Read, false),
            (Write, false),
            (Execute, false),
        ];
        flush::<ID>(CpuSet(1), FlushOp::All);
        all.map(|(access, user)| match m.access(VA, access, user) {
            Ok(pa) => pa == page,
            Err(fault) => {
                assert_eq!(fault.kind, FaultKind::Protection);
                false
            }
        })
    };
    // Supervisor code may not run user pages.
    assert_eq!(tries(&m), [true, true, true, true, true, false]);
    for (depth, level) in [4, 3, 2, 1].into_iter().enumerate() {
        let (at, whole) = (
            index(VA, level),
            m.word(nodes[depth] + index(VA, level) * 8).unwrap(),
        );
        for (word, expect) in [
            (whole & !W, [true, false, true, true, false, false]),
            (whole & !U, [false, false, false, true, true, true]),
            (whole | NX, [true, true, false, true, true, false]),
        ] {
            set::<ID>(nodes[depth], at, word);
            assert_eq!(tries(&m), expect, "level {level} word {word:#x}");
        }
        set::<ID>(nodes[depth], at, whole);
    }
    assert_eq!(m.violations(), []);
}

#[test]
fn accessed_and_dirty_bits_are_set_on_the_way() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, _) = table::<ID>(VA, P | W | U);
    load::<ID>(nodes[0]);
    let bits = || [4, 3, 2, 1].map(|l| m.word(nodes[4 - l] + index(VA, l) * 8).unwrap() & (A | D));
    assert_eq!(bits(), [0; 4]);
    m.access(VA, Read, true).unwrap();
    assert_eq!(bits(), [A; 4]);
    // Known to the TLB by now, but not as dirty.
    m.access(VA, Write, true).unwrap();
    assert_eq!(bits(), [A, A, A, A | D]);
    // The TLB knows it as dirty: the bit is not set again until a flush.
    set::<ID>(
        nodes[3],
        index(VA, 1),
        m.word(nodes[3] + index(VA, 1) * 8).unwrap() & !(A | D),
    );
    m.access(VA, Write, true).unwrap();
    assert_eq!(bits(), [A, A, A, 0]);
    flush::<ID>(CpuSet(1), FlushOp::All);
    m.access(VA, Write, true).unwrap();
    assert_eq!(bits(), [A, A, A, A | D]);
}

#[test]
fn huge_pages_translate_as_a_whole() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, _) = table::<ID>(VA, P);
    load::<ID>(nodes[0]);
    for (depth, level, pa) in [(2, 2, 0x1_4020_0000), (1, 3, 0x1_4000_0000)] {
        let span = PAGE_SIZE << (9 * (level - 1));
        let at = VA & !(span - 1);
        let word = pa as u64 | P | W | U | PS;
        // The PAT bit is not reserved; an address bit below the page size is.
        set::<ID>(nodes[depth], index(VA, level), word | 1 << 12);
        assert_eq!(m.access(at + span - 1, Write, true), Ok(pa + span - 1));
        let t = m.tlb(0).pop().unwrap();
        assert_eq!((t.va, t.pa, usize::from(t.level)), (at, pa, level));
        set::<ID>(nodes[depth], index(VA, level), 0);
        flush::<ID>(CpuSet(1), FlushOp::Range(VA..VA + 1));
        assert_eq!(m.tlb(0), []);
        set::<ID>(nodes[depth], index(VA, level), word | 1 << 13);
        let kind = m.access(VA, Read, true).unwrap_err().kind;
        assert_eq!(kind, FaultKind::Reserved(level as u8));
    }
    set::<ID>(nodes[0], index(VA, 4), P | W | U | PS);
    let kind = m.access(VA, Read, true).unwrap_err().kind;
    assert_eq!(kind, FaultKind::Reserved(4));
    assert_eq!(m.violations(), []);
}

#[test]
fn faults_say_why() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let kind = |va| m.access(va, Read, false).unwrap_err().kind;
    assert_eq!(kind(VA), FaultKind::NoRoot);
    let (nodes, _) = table::<ID>(VA, P);
    load::<ID>(nodes[0]);
    assert_eq!(kind(1 << 47), FaultKind::NonCanonical);
    assert_eq!(kind(!(1 << 47)), FaultKind::NonCanonical);
    assert_eq!(kind(!0), FaultKind::NotPresent(4));
    assert_eq!(kind(VA ^ 1 << 30), FaultKind::NotPresent(3));
    assert_eq!(kind(VA ^ 1 << 21), FaultKind::NotPresent(2));
    let fault = m.access(VA + 4096, Write, true).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "page fault at 0x12345678a000: Write as user: NotPresent(1)"
    );
    assert_eq!(m.violations(), []);
    set::<ID>(nodes[0], index(VA, 4), (MAX_PADDR as u64) | P);
    assert_eq!(kind(VA), FaultKind::Bus(MAX_PADDR));
    let (cpu, va, node, level) = (0, VA, MAX_PADDR, 3);
    assert_eq!(
        m.violations(),
        [Violation::WalkThroughFreed {
            cpu,
            va,
            node,
            level
        }]
    );
}

#[test]
fn five_levels() {
    const ID: usize = line!() as usize;
    let m = Machine::<ID>::boot(Config {
        levels: 5,
        ..Config::default()
    })
    .unwrap();
    let (nodes, page) = table::<ID>(VA, P);
    let root = node::<ID>();
    set::<ID>(root, 3, nodes[0] as u64 | P);
    load::<ID>(root);
    let high = 3 << 48 | VA;
    assert_eq!(m.access(high + 1, Read, false), Ok(page + 1));
    assert_eq!(
        m.access(VA, Read, false).unwrap_err().kind,
        FaultKind::NotPresent(5)
    );
    assert_eq!(
        m.access(1 << 56, Read, false).unwrap_err().kind,
        FaultKind::NonCanonical
    );
}

#[test]
fn only_global_translations_survive_another_root() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P);
    let second = Sim::<ID>::alloc_frames(1, PAGE_SIZE).unwrap();
    set::<ID>(nodes[3], index(VA + PAGE_SIZE, 1), second as u64 | P | G);
    load::<ID>(nodes[0]);
    m.access(VA, Read, false).unwrap();
    m.access(VA + PAGE_SIZE, Read, false).unwrap();
    let empty = node::<ID>();
    load::<ID>(empty);
    assert_eq!(Sim::<ID>::current_root(), Some(empty));
    assert_eq!(
        m.access(VA, Read, false).unwrap_err().kind,
        FaultKind::NotPresent(4)
    );
    assert_eq!(m.access(VA + PAGE_SIZE, Read, false), Ok(second));
    load::<ID>(nodes[0]);
    assert_eq!(m.access(VA, Read, false), Ok(page));
    flush::<ID>(CpuSet(1), FlushOp::LeaveRoot(nodes[0], empty));
    assert_eq!((Sim::<ID>::current_root(), m.tlb(0)), (Some(empty), vec![]));
    flush::<ID>(CpuSet(1), FlushOp::LeaveRoot(nodes[0], nodes[1]));
    assert_eq!(Sim::<ID>::current_root(), Some(empty));
}

#[test]
fn a_range_flush_takes_what_it_touches_and_nothing_else() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let base = VA & !0x1f_ffff;
    let (nodes, page) = table::<ID>(base, P);
    (1..512).for_each(|i| set::<ID>(nodes[3], i, page as u64 | P));
    load::<ID>(nodes[0]);
    let left = |range: std::ops::Range<usize>| {
        flush::<ID>(CpuSet(1), FlushOp::All);
        for i in 0..100 {
            m.access(base + i * PAGE_SIZE, Read, false).unwrap();
        }
        flush::<ID>(CpuSet(1), FlushOp::Range(range));
        let mut pages: Vec<_> = m.tlb(0).iter().map(|t| (t.va - base) / PAGE_SIZE).collect();
        pages.sort_unstable();
        pages
    };
    let page = |n: usize| base + n * PAGE_SIZE;
    let all: Vec<_> = (0..100).collect();
    assert_eq!(left(page(3)..page(3)), all);
    assert_eq!(left(page(5)..page(4)), all);
    assert_eq!(left(page(3)..page(98)), [0, 1, 2, 98, 99]);
    assert_eq!(left(page(3) + 1..page(97) + 1), [0, 1, 2, 98, 99]);
    assert_eq!(left(page(2)..page(500)), [0, 1]);
    assert_eq!(left(page(50)..0), (0..50).collect::<Vec<_>>());
    assert_eq!(left(0..page(50)), (50..100).collect::<Vec<_>>());
}

#[test]
fn a_full_tlb_forgets_but_counts_right() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P);
    let leaves: Vec<_> = (0..4).map(|_| node::<ID>()).collect();
    for (i, &leaf) in leaves.iter().enumerate() {
        set::<ID>(nodes[2], i, leaf as u64 | P);
        (0..512).for_each(|j| set::<ID>(leaf, j, page as u64 | P));
    }
    load::<ID>(nodes[0]);
    let base = VA & !0x3fff_ffff;
    for i in 0..2048 {
        m.access(base + i * PAGE_SIZE, Read, false).unwrap();
    }
    let known = m.tlb(0).len();
    assert!((256..2048).contains(&known), "{known}");
    assert_eq!(m.stats().walks, 2048);
    flush::<ID>(CpuSet(1), FlushOp::All);
    // Nothing leads to the frames any more.
    Sim::<ID>::dealloc_frames(page, 1);
    leaves
        .iter()
        .for_each(|&pa| Sim::<ID>::dealloc_frames(pa, 1));
    assert_eq!(m.violations(), []);
}

#[test]
fn freeing_what_a_tlb_translates_is_reported() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P | U);
    m.run(1, || {
        load::<ID>(nodes[0]);
        m.access(VA, Read, true).unwrap();
    })
    .unwrap();
    set::<ID>(nodes[3], index(VA, 1), 0);
    Sim::<ID>::dealloc_frames(page, 1);
    let (pa, cpu, va) = (page, 1, VA);
    assert_eq!(
        m.take_violations(),
        [Violation::FreedWhileTranslated { pa, cpu, va }]
    );
    set::<ID>(nodes[2], index(VA, 2), 0);
    Sim::<ID>::dealloc_frames(nodes[3], 1);
    let pa = nodes[3];
    assert_eq!(
        m.take_violations(),
        [Violation::FreedNodeInUse { pa, cpu, va }]
    );
    flush::<ID>(ALL, FlushOp::Range(VA..VA + 1));
    Sim::<ID>::dealloc_frames(nodes[2], 1);
    assert_eq!(m.take_violations(), []);
    Sim::<ID>::dealloc_frames(nodes[0], 1);
    let pa = nodes[0];
    assert_eq!(m.take_violations(), [Violation::FreedRoot { pa, cpu }]);
    let other = node::<ID>();
    flush::<ID>(ALL, FlushOp::LeaveRoot(nodes[0], other));
    assert_eq!(m.root_of(1), Some(other));
}

#[test]
fn freeing_inside_a_huge_page_that_a_tlb_translates_is_reported() {
    const ID: usize = line!() as usize;
    let m = Machine::<ID>::boot(Config::with_ram(16 << 20)).unwrap();
    let (nodes, _) = table::<ID>(VA, P);
    let huge = Sim::<ID>::alloc_frames(512, 2 << 20).unwrap();
    set::<ID>(nodes[2], index(VA, 2), huge as u64 | P | PS);
    load::<ID>(nodes[0]);
    m.access(VA, Read, false).unwrap();
    let pa = huge + 77 * PAGE_SIZE;
    Sim::<ID>::dealloc_frames(pa, 1);
    let va = VA & !0x1f_ffff;
    assert_eq!(
        m.take_violations(),
        [Violation::FreedWhileTranslated { pa, cpu: 0, va }]
    );
    m.access(va, Read, false).unwrap();
    assert_eq!(m.take_violations(), []);
    let va = va + 77 * PAGE_SIZE + 3;
    m.access(va, Read, false).unwrap();
    let stale = Violation::StaleAccess {
        cpu: 0,
        va,
        pa: pa + 3,
        reused: false,
    };
    assert_eq!(m.take_violations(), [stale]);
}

#[test]
fn an_access_through_a_stale_translation_is_reported() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P | W | U);
    load::<ID>(nodes[0]);
    m.access(VA, Read, true).unwrap();
    set::<ID>(nodes[3], index(VA, 1), 0);
    // The flush is forgotten.
    Sim::<ID>::dealloc_frames(page, 1);
    m.take_violations();
    let stale = |reused| Violation::StaleAccess {
        cpu: 0,
        va: VA,
        pa: page,
        reused,
    };
    assert_eq!(m.access(VA, Read, true), Ok(page));
    assert_eq!(m.take_violations(), [stale(false)]);
    assert_eq!(Sim::<ID>::alloc_frames(1, PAGE_SIZE), Some(page));
    assert_eq!(m.access(VA, Read, true), Ok(page));
    assert_eq!(m.take_violations(), [stale(true)]);
    // A translation that is learned now is no stale one.
    flush::<ID>(CpuSet(1), FlushOp::All);
    set::<ID>(nodes[3], index(VA, 1), page as u64 | P | W | U);
    assert_eq!(m.access(VA, Read, true), Ok(page));
    assert_eq!(m.take_violations(), []);
}

#[test]
fn entries_that_lead_to_free_frames_are_reported() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P);
    load::<ID>(nodes[0]);
    Sim::<ID>::dealloc_frames(page, 1);
    m.access(VA, Read, false).unwrap();
    let (cpu, va, pa) = (0, VA, page);
    assert_eq!(m.take_violations(), [Violation::MappedFree { cpu, va, pa }]);
    flush::<ID>(CpuSet(1), FlushOp::All);
    Sim::<ID>::dealloc_frames(nodes[3], 1);
    // The node is poison now, which no processor takes for an entry.
    assert_eq!(
        m.access(VA, Read, false).unwrap_err().kind,
        FaultKind::NotPresent(1)
    );
    let (node, level) = (nodes[3], 1);
    assert_eq!(
        m.take_violations(),
        [Violation::WalkThroughFreed {
            cpu,
            va,
            node,
            level
        }]
    );
    load::<ID>(node);
    assert_eq!(
        m.take_violations(),
        [Violation::BadRoot { cpu, root: node }]
    );
}

#[test]
fn bytes_are_read_and_written_across_pages() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, first) = table::<ID>(VA, P | W | U);
    let second = node::<ID>();
    set::<ID>(
        nodes[3],
        index(VA + PAGE_SIZE, 1),
        second as u64 | P | W | U,
    );
    load::<ID>(nodes[0]);
    let text = b"across the border";
    m.write(VA + 4090, text, true).unwrap();
    let mut back = [0; 17];
    m.read(VA + 4090, &mut back, true).unwrap();
    assert_eq!(&back, text);
    assert_eq!(m.word(second).map(u64::to_le_bytes), Some(*b" the bor"));
    assert_eq!(
        m.word(first + 4088).map(u64::to_le_bytes).unwrap()[2..],
        *b"across"
    );
    let fault = m.write(VA + 8190, b"1234", true).unwrap_err();
    assert_eq!((fault.va, fault.access), (VA + 8192, Access::Write));
    assert_eq!(
        m.word(second + 4088).map(u64::to_le_bytes).unwrap()[6..],
        *b"12"
    );
    // A device answers with a bus error.
    set::<ID>(nodes[3], index(VA + 8192, 1), MAX_PADDR as u64 | P | W | U);
    let fault = m.read(VA + 8192, &mut back, true).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Bus(MAX_PADDR));
    assert_eq!(m.violations(), []);
}
