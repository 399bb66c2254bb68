//! The audit: a small sound system, and each rule broken on purpose.
//!
//! The system is built by hand, through raw words and slots: two spaces under one kernel table.
mod common;
use common::{index, node, set, A, P, PS, U, VA, W};
use veripage_hw::{CpuSet, FlushOp, Paddr, Platform, Vaddr, PAGE_SIZE};
use veripage_sim::audit::{Areas, Audit, AuditError, AuditReport, Entry, Format, Link, Table};
use veripage_sim::audit::{UNIQUE, UNUSED};
use veripage_sim::{Access, Config, Machine, Sim};

const ID: usize = line!() as usize;
type S = Sim<ID>;

/// An entry that nobody counts.
const UNTRACKED: u64 = 1 << 9;
/// The kernel's dynamic range, and an area in it.
const AREA: Vaddr = 0xffff_9000_0000_0000;

/// A sound system.
struct World {
    m: Machine<ID>,
    audit: Audit,
    /// The kernel's nodes from the root down, towards `AREA`.
    kernel: Vec<Paddr>,
    /// A user table's nodes, towards `VA`.
    user: Vec<Paddr>,
    /// A frame that `VA` maps and that has a handle.
    shared: Paddr,
    /// A frame that the area maps, covered by a segment.
    covered: Paddr,
    /// A frame with a unique handle.
    unique: Paddr,
}

fn slot(pa: Paddr) -> usize {
    S::META_BASE + pa / PAGE_SIZE * 32
}

fn set_byte(pa: Paddr, offset: usize, v: u8) {
    // SAFETY: the slot array of a running machine is mapped.
    unsafe { ((slot(pa) + offset) as *mut u8).write_volatile(v) }
}

fn set_count(pa: Paddr, v: u32) {
    // SAFETY: as above; slots are aligned.
    unsafe { (slot(pa) as *mut u32).write_volatile(v) }
}

fn set_meta(pa: Paddr, k: usize, v: u64) {
    // SAFETY: as above.
    unsafe { ((slot(pa) + 16 + 8 * k) as *mut u64).write_volatile(v) }
}

fn frame(count: u32) -> Paddr {
    let pa = S::alloc_frames(1, PAGE_SIZE).unwrap();
    set_count(pa, count);
    pa
}

/// The slot of a node.
fn describe(pa: Paddr, root: Paddr, level: u64, base: u64, present: u64) {
    set_count(pa, UNIQUE);
    set_byte(pa, 5, 1);
    set_meta(pa, 0, base | level);
    set_meta(pa, 1, root as u64 | present);
}

/// A table whose nodes lead to `va`, with `leaf` as the last entry: its nodes from the root.
fn tree(va: Vaddr, root_base: u64, leaf: u64) -> Vec<Paddr> {
    let nodes: Vec<_> = (0..4).map(|_| node::<ID>()).collect();
    for (i, level) in [4usize, 3, 2, 1].into_iter().enumerate() {
        let next = nodes.get(i + 1).map_or(leaf, |&n| n as u64 | P | W | U);
        set::<ID>(nodes[i], index(va, level), next);
        let base = (va as u64 >> 12) & !((1 << (9 * level)) - 1);
        let base = if level == 4 { root_base } else { base };
        describe(nodes[i], nodes[0], level as u64, base, 1);
    }
    nodes
}

fn world() -> World {
    let m = Machine::<ID>::boot_with_frames(Config::with_ram(8 << 20)).unwrap();
    let (shared, covered, unique) = (frame(2), frame(2), frame(UNIQUE));
    let kernel = tree(AREA, 0xffff << 36, covered as u64 | P | W);
    let user = tree(VA, 0, shared as u64 | P | U);
    let other = node::<ID>();
    let at = index(AREA, 4);
    for root in [user[0], other] {
        // The MMU has used the kernel's half through one of the roots only.
        set::<ID>(root, at, kernel[1] as u64 | P | W | U | A);
    }
    describe(user[0], user[0], 4, 0, 2);
    describe(other, other, 4, 0, 1);
    // I/O memory, which is no RAM and not counted.
    set::<ID>(user[3], 3, 0xfee0_0000 | P | U | UNTRACKED);
    describe(user[3], user[0], 1, (VA as u64 >> 12) & !511, 2);
    let mut audit = Audit {
        tables: vec![
            Table::kernel(kernel[0], Format::X86_64),
            Table::user(user[0], Format::X86_64, kernel[0]).cpus(CpuSet(1)),
            Table::user(other, Format::X86_64, kernel[0]),
        ],
        areas: Some(Areas {
            dynamic: AREA..AREA + (1 << 30),
            areas: vec![AREA + (1 << 20)..AREA + (2 << 20), AREA..AREA + 8192],
        }),
        flushed: true,
        ..Audit::default()
    };
    audit.census.handle(shared);
    audit.census.cover(covered, 1);
    audit.census.unique(unique);
    // SAFETY: a table until the machine stops.
    unsafe { S::load_root(user[0]) };
    m.access(VA, Access::Read, true).unwrap();
    World {
        m,
        audit,
        kernel,
        user,
        shared,
        covered,
        unique,
    }
}

/// What the audit says after `harm` was done to a sound system.
fn after(harm: impl FnOnce(&mut World) -> AuditError) {
    let mut w = world();
    w.m.audit(&w.audit).expect("the system is sound before");
    let expected = harm(&mut w);
    let said = w.m.audit(&w.audit).expect_err("a rule is broken");
    assert_eq!(said, expected, "{said}");
    assert_eq!(w.m.violations(), []);
}

fn entry(node: Paddr, index: usize) -> Entry {
    Entry { node, index }
}

#[test]
fn a_sound_system_passes() {
    let w = world();
    let (nodes, leaves, pages, frames) = (9, 3, 3, 12);
    let report = w.m.audit(&w.audit).unwrap();
    assert_eq!(
        report,
        AuditReport {
            nodes,
            leaves,
            pages,
            frames
        }
    );
    // So does an empty machine.
    drop(w);
    let m = Machine::<ID>::boot(Config::default()).unwrap();
    assert_eq!(m.audit(&Audit::default()), Ok(AuditReport::default()));
}

#[test]
fn nodes_are_allocated_live_and_unlocked() {
    after(|w| {
        let at = index(VA, 3);
        set::<ID>(w.user[1], at, 0x7000_0000 | P);
        let (node, link) = (0x7000_0000, Link::Entry(entry(w.user[1], at)));
        AuditError::NodeNotAllocated { node, link }
    });
    after(|w| {
        S::flush_wait(S::flush(CpuSet(1), &FlushOp::All));
        S::dealloc_frames(w.user[3], 1);
        let (node, link) = (w.user[3], Link::Entry(entry(w.user[2], index(VA, 2))));
        AuditError::NodeNotAllocated { node, link }
    });
    after(|w| {
        w.audit.tables[0].root = w.unique + 8;
        AuditError::NodeNotAllocated {
            node: w.unique + 8,
            link: Link::Root,
        }
    });
    after(|w| {
        set_byte(w.user[2], 5, 0);
        let (node, link) = (w.user[2], Link::Entry(entry(w.user[1], index(VA, 3))));
        AuditError::NodeNotLive {
            node,
            link,
            live: 0,
        }
    });
    after(|w| {
        set_byte(w.kernel[1], 4, 1);
        AuditError::NodeLocked { node: w.kernel[1] }
    });
}

#[test]
fn nodes_know_where_they_are() {
    let link =
        |w: &World, level: usize| Link::Entry(entry(w.user[3 - level], index(VA, level + 1)));
    after(|w| {
        let (node, root, says) = (w.user[3], w.user[0], w.kernel[0]);
        set_meta(node, 1, says as u64 | 2);
        AuditError::WrongRoot {
            node,
            link: link(w, 1),
            root,
            says,
        }
    });
    after(|w| {
        let node = w.user[2];
        let base = (VA as u64 >> 12) & !((1 << 18) - 1);
        set_meta(node, 0, base | 3);
        AuditError::WrongLevel {
            node,
            link: link(w, 2),
            level: 2,
            says: 3,
        }
    });
    after(|w| {
        let node = w.user[3];
        let base = (VA as u64 >> 12) & !511;
        set_meta(node, 0, (base + 512) | 1);
        AuditError::WrongBase {
            node,
            link: link(w, 1),
            base,
            says: base + 512,
        }
    });
    after(|w| {
        let node = w.user[0];
        set_meta(node, 0, 512 | 4);
        AuditError::WrongBase {
            node,
            link: Link::Root,
            base: 0,
            says: 512,
        }
    });
    after(|w| {
        let node = w.user[3];
        set_meta(node, 1, w.user[0] as u64 | 3);
        AuditError::WrongCount {
            node,
            present: 2,
            says: 3,
        }
    });
    after(|w| {
        let node = w.user[0];
        set_meta(node, 1, node as u64 | 1);
        AuditError::WrongCount {
            node,
            present: 2,
            says: 1,
        }
    });
}

#[test]
fn nodes_are_linked_once_and_not_shared() {
    after(|w| {
        // A second entry, elsewhere, to the same leaf node.
        let (node, from) = (w.user[3], w.user[2]);
        let second = index(VA, 2) + 1;
        set::<ID>(from, second, node as u64 | P | W | U);
        AuditError::LinkedTwice {
            node,
            first: Link::Entry(entry(from, index(VA, 2))),
            second: Link::Entry(entry(from, second)),
        }
    });
    after(|w| {
        // Cut off, but not marked dead.
        set::<ID>(w.kernel[2], index(AREA, 2), 0);
        describe(
            w.kernel[2],
            w.kernel[0],
            2,
            (AREA as u64 >> 12) & !((1 << 18) - 1),
            0,
        );
        set_count(w.covered, 1);
        AuditError::Unreachable { node: w.kernel[3] }
    });
    after(|w| {
        set_count(w.kernel[2], 1);
        AuditError::NodeNotUnique {
            node: w.kernel[2],
            count: 1,
        }
    });
    after(|w| {
        w.audit.census.handle(w.kernel[3]);
        AuditError::NodeNotUnique {
            node: w.kernel[3],
            count: UNIQUE,
        }
    });
}

#[test]
fn leaves_fit_their_level_and_lead_to_ram() {
    let at = |w: &World, depth: usize, level: usize| entry(w.user[depth], index(VA, level) + 1);
    let put = |e: Entry, word: u64| set::<ID>(e.node, e.index, word | P);
    after(|w| {
        let entry = at(w, 0, 4);
        put(entry, UNTRACKED | PS);
        AuditError::LeafTooHigh { entry, level: 4 }
    });
    after(|w| {
        let entry = at(w, 2, 2);
        put(entry, 0x4020_2000 | UNTRACKED | PS);
        let (level, pa) = (2, 0x4020_2000);
        AuditError::LeafMisaligned { entry, level, pa }
    });
    after(|w| {
        let entry = at(w, 3, 1);
        put(entry, 0xfee0_0000);
        AuditError::LeafNotRam {
            entry,
            pa: 0xfee0_0000,
        }
    });
    after(|w| {
        let entry = at(w, 3, 1);
        let pa = w.m.ram()[1].end - PAGE_SIZE;
        put(entry, pa as u64);
        AuditError::LeafToFree { entry, pa }
    });
    after(|w| {
        let entry = at(w, 3, 1);
        put(entry, w.kernel[3] as u64);
        AuditError::LeafToNode {
            entry,
            pa: w.kernel[3],
        }
    });
    after(|w| {
        // A huge page of which one frame is free.
        let entry = at(w, 2, 2);
        let pa = S::alloc_frames(512, 512 * PAGE_SIZE).unwrap();
        (0..512).for_each(|i| set_count(pa + i * PAGE_SIZE, 1));
        let free = pa + 300 * PAGE_SIZE;
        set_count(free, UNUSED);
        S::dealloc_frames(free, 1);
        put(entry, pa as u64 | PS);
        AuditError::LeafToFree { entry, pa: free }
    });
}

#[test]
fn the_kernels_half_is_the_kernels() {
    after(|w| {
        let entry = entry(w.user[0], index(AREA, 4));
        let kernel = w.m.word(w.kernel[0] + entry.index * 8).unwrap();
        set::<ID>(entry.node, entry.index, 0);
        AuditError::NotTheKernels {
            entry,
            says: 0,
            kernel,
        }
    });
    after(|w| {
        // A kernel mapping that a space does not see.
        let entry = entry(w.user[0], 400);
        set::<ID>(w.user[0], 400, UNTRACKED | P);
        AuditError::NotTheKernels {
            entry,
            says: UNTRACKED | P,
            kernel: 0,
        }
    });
    after(|w| {
        let entry = entry(w.kernel[0], 255);
        set::<ID>(w.kernel[0], 255, 0x1000 | P);
        AuditError::Foreign { entry }
    });
}

#[test]
fn free_frames_are_unused() {
    type Harm = (fn(Paddr), fn(u32, u8, u8, u64) -> bool);
    let harms: [Harm; 4] = [
        (|pa| set_count(pa, 1), |count, _, _, _| count == 1),
        (|pa| set_byte(pa, 4, 1), |_, lock, _, _| lock == 1),
        (|pa| set_byte(pa, 5, 1), |_, _, live, _| live == 1),
        (|pa| set_byte(pa, 9, 1), |_, _, _, ty| ty == 256),
    ];
    for (harm, told) in harms {
        let w = world();
        let pa = frame(UNUSED);
        S::dealloc_frames(pa, 1);
        w.m.audit(&w.audit).unwrap();
        harm(pa);
        match w.m.audit(&w.audit) {
            Err(AuditError::FreeInUse {
                pa: at,
                count,
                lock,
                live,
                ty,
            }) => {
                assert_eq!(at, pa);
                assert!(told(count, lock, live, ty));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn frames_that_nobody_ever_had_are_unused() {
    after(|w| {
        let pa = w.m.ram()[1].end - PAGE_SIZE;
        set_byte(pa, 5, 1);
        let (count, lock, live, ty) = (UNUSED, 0, 1, 0);
        AuditError::FreeInUse {
            pa,
            count,
            lock,
            live,
            ty,
        }
    });
}

#[test]
fn counts_are_handles_and_mappings_and_covers() {
    let law = |pa, count, [handles, mapped, covers]: [u32; 3]| AuditError::Law {
        pa,
        count,
        handles,
        mapped,
        covers,
    };
    after(|w| {
        set_count(w.shared, 3);
        law(w.shared, 3, [1, 1, 0])
    });
    after(|w| {
        set_count(w.covered, 1);
        law(w.covered, 1, [0, 1, 1])
    });
    after(|w| {
        w.audit.census.handle(w.shared);
        law(w.shared, 2, [2, 1, 0])
    });
    after(|w| {
        w.audit.census.covers.clear();
        law(w.covered, 2, [0, 1, 0])
    });
    after(|w| {
        // Mapped, but counted as unused: the next drop would free it under the mapping.
        set_count(w.shared, UNUSED);
        law(w.shared, UNUSED, [1, 1, 0])
    });
    after(|w| {
        // A handle to a frame that is free.
        let pa = w.m.ram()[1].end - PAGE_SIZE;
        w.audit.census.handle(pa);
        law(pa, UNUSED, [1, 0, 0])
    });
    after(|w| {
        // A handle to what is no RAM.
        w.audit.census.handle(0xfee0_0000);
        law(0xfee0_0000, 0, [1, 0, 0])
    });
    after(|w| {
        // Unique, and mapped.
        set::<ID>(w.user[3], 4, w.unique as u64 | P | U);
        describe(w.user[3], w.user[0], 1, (VA as u64 >> 12) & !511, 3);
        law(w.unique, UNIQUE, [0, 1, 0])
    });
}

#[test]
fn every_frame_is_accounted_for() {
    after(|_| {
        let pa = frame(UNUSED);
        AuditError::Unaccounted { pa, count: UNUSED }
    });
    after(|w| {
        // Free, but stuck in the middle of a change: nobody could ever have it again.
        let pa = frame(0);
        S::dealloc_frames(pa, 1);
        let (count, lock, live, ty) = (0, 0, 0, 0);
        assert!(!w.m.is_allocated(pa));
        AuditError::FreeInUse {
            pa,
            count,
            lock,
            live,
            ty,
        }
    });
    after(|w| {
        set_meta(frame(UNIQUE), 0, 512 | 1);
        w.audit.census.dead_nodes = 1;
        w.m.audit(&w.audit)
            .expect("a node that waits for its grace period");
        w.audit.census.dead_nodes = 2;
        let (expected, found) = (2, 1);
        AuditError::DeadNodes { expected, found }
    });
    after(|w| {
        w.audit.census.unique.clear();
        AuditError::UniqueUnknown { pa: w.unique }
    });
    after(|w| {
        set_count(w.unique, 1);
        AuditError::NotUnique {
            pa: w.unique,
            count: 1,
        }
    });
    after(|w| {
        set_byte(w.shared, 4, 1);
        AuditError::FrameLocked { pa: w.shared }
    });
}

#[test]
fn dead_nodes_keep_their_shares() {
    let mut w = world();
    let level_2 = |present| {
        describe(
            w.user[2],
            w.user[0],
            2,
            (VA as u64 >> 12) & !((1 << 18) - 1),
            present,
        )
    };
    // The leaf node of `VA` is removed with what it maps, and waits.
    set::<ID>(w.user[2], index(VA, 2), 0);
    level_2(0);
    S::flush_wait(S::flush(CpuSet(1), &FlushOp::All));
    set_byte(w.user[3], 5, 0);
    let pa = w.user[3];
    let law = AuditError::Law {
        pa: w.shared,
        count: 2,
        handles: 1,
        mapped: 0,
        covers: 0,
    };
    assert_eq!(w.m.audit(&w.audit), Err(law));
    w.audit.census.dead_nodes = 1;
    w.m.audit(&w.audit).unwrap();
    // What a dead node leads to must not be freed before it.
    set_count(w.shared, 1);
    let law = AuditError::Law {
        pa: w.shared,
        count: 1,
        handles: 1,
        mapped: 1,
        covers: 0,
    };
    assert_eq!(w.m.audit(&w.audit), Err(law));
    set_count(w.shared, 2);
    (0..512).for_each(|i| set::<ID>(w.user[3], i, 0));
    set_count(w.shared, 1);
    w.m.audit(&w.audit).unwrap();
    w.audit.census.dead_nodes = 0;
    assert_eq!(w.m.audit(&w.audit), Err(AuditError::UniqueUnknown { pa }));
}

#[test]
fn areas_are_disjoint_and_own_what_is_mapped() {
    fn areas(w: &mut World) -> &mut Areas {
        w.audit.areas.as_mut().unwrap()
    }
    for bad in [
        AREA + 8192..AREA + 8192,
        AREA + 8192..AREA + 12289,
        AREA - 4096..AREA,
        0..4096,
    ] {
        after(|w| {
            areas(w).areas.push(bad.clone());
            AuditError::BadArea(bad)
        });
    }
    after(|w| {
        let new = AREA + 4096..AREA + 12288;
        areas(w).areas.push(new.clone());
        AuditError::AreasOverlap(AREA..AREA + 8192, new)
    });
    after(|w| {
        areas(w).areas.pop();
        let entry = entry(w.kernel[3], index(AREA, 1));
        AuditError::NoArea { entry, va: AREA }
    });
    after(|w| {
        // A huge page that an area owns in part.
        let entry = entry(w.kernel[2], 1);
        set::<ID>(entry.node, entry.index, 0x4000_0000 | UNTRACKED | PS | P);
        areas(w).areas.push(AREA + (2 << 20)..AREA + (3 << 20));
        AuditError::NoArea {
            entry,
            va: AREA + (3 << 20),
        }
    });
}

#[test]
fn cpus_run_on_known_tables_and_believe_them() {
    after(|w| {
        let root = w.user[0];
        w.audit.tables[1].cpus = Some(CpuSet(2));
        AuditError::NotInCpuSet { cpu: 0, root }
    });
    after(|w| {
        let root = w.unique;
        // SAFETY: nothing is accessed through it.
        w.m.run(1, || unsafe { S::load_root(root) }).unwrap();
        AuditError::UnknownRoot { cpu: 1, root }
    });
    after(|w| {
        // Unmapped without a flush.
        set::<ID>(w.user[3], index(VA, 1), 0);
        describe(w.user[3], w.user[0], 1, (VA as u64 >> 12) & !511, 1);
        set_count(w.shared, 1);
        AuditError::Stale {
            cpu: 0,
            va: VA,
            pa: w.shared,
        }
    });
}
