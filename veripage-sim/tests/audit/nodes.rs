//! Nodes broken on purpose: their slots, their places, their links, their leaves.
use super::*;

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
