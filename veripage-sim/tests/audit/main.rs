//! The audit: a small sound system, and each rule broken on purpose.
//!
//! The system is built by hand, through raw words and slots: two spaces under one kernel table.
#[path = "../common/mod.rs"]
mod common;
mod counts;
mod nodes;
mod users;
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
