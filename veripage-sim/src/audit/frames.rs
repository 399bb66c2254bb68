//! Checks every frame against its slot: `rc == H + P + C`, and somebody accounts for it.
use super::slot::{UNIQUE, UNUSED};
use super::tables::Tables;
use super::{AuditError, Slot};
use crate::cpu::lock;
use crate::state::State;
use crate::MAX_PADDR;
use std::collections::{BTreeMap, BTreeSet};
use veripage_hw::{Paddr, PAGE_SIZE};

/// Who has what, beside the page tables: the caller counts what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Live handles of each frame, the ones in queues that wait for a flush included.
    pub handles: BTreeMap<Paddr, u32>,
    /// Live segments that cover each frame.
    pub covers: BTreeMap<Paddr, u32>,
    /// Frames that a unique handle owns.
    pub unique: BTreeSet<Paddr>,
    /// Nodes that have left their table and wait for a flush or a grace period. Leaves that they
    /// still hold count as mappings.
    pub dead_nodes: usize,
}

impl Census {
    /// Notes a handle on the frame at `pa`.
    pub fn handle(&mut self, pa: Paddr) {
        *self.handles.entry(pa).or_default() += 1;
    }

    /// Notes a segment of `pages` frames from `pa`.
    pub fn cover(&mut self, pa: Paddr, pages: usize) {
        for i in 0..pages {
            *self.covers.entry(pa + i * PAGE_SIZE).or_default() += 1;
        }
    }

    /// Notes a unique handle on the frame at `pa`.
    pub fn unique(&mut self, pa: Paddr) {
        self.unique.insert(pa);
    }

    /// Does it name the frame?
    pub(super) fn names(&self, pa: Paddr) -> bool {
        self.handles.contains_key(&pa) || self.covers.contains_key(&pa) || self.unique.contains(&pa)
    }
}

/// Up to so much RAM every slot is looked at, beyond it those below the highest frame ever owned.
const THOROUGH: usize = 64 << 20;

/// Checks all frames that were ever handed out, and all that the census names, ascending.
pub(super) fn check(state: &State, tables: &mut Tables, census: &Census) -> Result<(), AuditError> {
    let bytes: usize = state.ram().map(|r| r.len()).sum();
    let used = match lock(&state.pool).high_water {
        _ if bytes <= THOROUGH => MAX_PADDR,
        used => used * PAGE_SIZE,
    };
    // Until the core has made the slots, all are zero, which reads as busy.
    let made = |pa| Slot::read(state.id, pa).is_some_and(|s| s.count != 0);
    let free = if state
        .ram()
        .any(|mut r| r.any(|pa| pa.is_multiple_of(PAGE_SIZE) && made(pa)))
    {
        UNUSED
    } else {
        0
    };
    let mut dead = Vec::new();
    for range in state.ram() {
        for pa in range.clone().step_by(PAGE_SIZE).take_while(|&pa| pa < used) {
            frame(state, tables, census, pa, free, &mut dead)?;
        }
    }
    let named = census
        .handles
        .keys()
        .chain(census.covers.keys())
        .chain(&census.unique);
    if let Some(&pa) = named.filter(|&&pa| pa >= used || !state.is_ram(pa)).min() {
        return law(
            tables,
            census,
            pa,
            Slot::read(state.id, pa).map_or(0, |s| s.count),
        );
    }
    match dead.get(census.dead_nodes) {
        Some(&pa) => Err(AuditError::UniqueUnknown { pa }),
        None if dead.len() < census.dead_nodes => Err(AuditError::DeadNodes {
            expected: census.dead_nodes,
            found: dead.len(),
        }),
        None => Ok(()),
    }
}

/// Checks one frame of RAM; notes it in `dead` if it may be a node that has left its table. `free` is
/// what the count of a frame says that nobody has.
fn frame(
    state: &State,
    tables: &mut Tables,
    census: &Census,
    pa: Paddr,
    free: u32,
    dead: &mut Vec<Paddr>,
) -> Result<(), AuditError> {
    let Some(slot) = Slot::read(state.id, pa) else {
        return Ok(());
    };
    let Slot {
        count,
        lock,
        live,
        ty,
        ..
    } = slot;
    if !state.table.is_allocated(pa) {
        if !slot.unused(free) {
            return Err(AuditError::FreeInUse {
                pa,
                count,
                lock,
                live,
                ty,
            });
        }
        return if census.names(pa) {
            law(tables, census, pa, count)
        } else {
            Ok(())
        };
    }
    tables.report.frames += 1;
    if tables.nodes.contains_key(&pa) {
        if count != UNIQUE || census.names(pa) {
            return Err(AuditError::NodeNotUnique { node: pa, count });
        }
        return Ok(());
    }
    if live != 0 {
        return Err(AuditError::Unreachable { node: pa });
    }
    if lock != 0 {
        return Err(AuditError::FrameLocked { pa });
    }
    if census.unique.contains(&pa) && count != UNIQUE {
        return Err(AuditError::NotUnique { pa, count });
    }
    if slot.shares().is_some() || census.names(pa) || tables.mapped(pa) > 0 {
        return law(tables, census, pa, count);
    }
    if slot.may_be_dead_node() {
        dead.push(pa);
        return Ok(());
    }
    Err(match count {
        UNIQUE => AuditError::UniqueUnknown { pa },
        _ => AuditError::Unaccounted { pa, count },
    })
}

/// `rc == H + P + C`, and a unique frame has no shares.
fn law(tables: &Tables, census: &Census, pa: Paddr, count: u32) -> Result<(), AuditError> {
    let of = |map: &BTreeMap<Paddr, u32>| map.get(&pa).copied().unwrap_or(0);
    let (handles, mapped, covers) = (of(&census.handles), tables.mapped(pa), of(&census.covers));
    let shares = u64::from(handles) + u64::from(mapped) + u64::from(covers);
    let unique = census.unique.contains(&pa) && count == UNIQUE && shares == 0;
    if !unique && (shares == 0 || u64::from(count) != shares) {
        return Err(AuditError::Law {
            pa,
            count,
            handles,
            mapped,
            covers,
        });
    }
    Ok(())
}
