//! Areas and CPUs broken on purpose.
use super::*;

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
