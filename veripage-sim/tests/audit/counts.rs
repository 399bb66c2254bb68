//! Frames broken on purpose: unused ones, counts, shares.
use super::*;

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
