//! Walks every table and checks its nodes and entries.
use super::error::Link;
use super::{AuditError, AuditReport, Census, Format, Slot, Table};
use crate::cpu::lock;
use crate::state::State;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::Ordering::Acquire;
use veripage_hw::{Paddr, Vaddr, PAGE_SIZE};

/// Entry `index` of the node at `node`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The node's frame.
    pub node: Paddr,
    /// Index in it, below 512.
    pub index: usize,
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "entry {} of node {:#x}", self.index, self.node)
    }
}

/// A node that the walk is to visit.
struct Visit {
    node: Paddr,
    link: Link,
    level: u8,
    base: u64,
}

/// What the walk of all tables found.
pub(super) struct Tables<'a> {
    state: &'a State,
    areas: Option<&'a super::Areas>,
    /// Each node, with what links it.
    pub nodes: HashMap<Paddr, Link>,
    /// How many tracked leaves map each frame, by frame number.
    mapped: Vec<u32>,
    pub report: AuditReport,
}

impl<'a> Tables<'a> {
    pub fn new(state: &'a State, areas: Option<&'a super::Areas>) -> Self {
        Self {
            state,
            areas,
            nodes: HashMap::new(),
            mapped: vec![0; lock(&state.pool).high_water],
            report: AuditReport::default(),
        }
    }

    /// Checks one table.
    pub fn walk(&mut self, table: &Table) -> Result<(), AuditError> {
        let format = table.format;
        let (node, level) = (table.root, format.levels());
        // The root says where the table starts: at 0, or where its half of the addresses does.
        let mut visit = Visit {
            node,
            link: Link::Root,
            level,
            base: 0,
        };
        let slot = self.node(&visit, table)?;
        let whole = 1u64 << (9 * level);
        if slot.base() % whole != 0 || slot.base() >= 1 << 52 {
            let (says, base, link) = (slot.base(), 0, Link::Root);
            return Err(AuditError::WrongBase {
                node,
                link,
                base,
                says,
            });
        }
        visit.base = slot.base();
        let mut present = 0;
        for index in 0..512 {
            let w = self.word(node, index);
            present += u64::from(format.present(w));
            if table.own.contains(&index) {
                self.entry(table, &visit, index, w)?;
            } else {
                self.outside(table, Entry { node, index }, w)?;
            }
        }
        check_count(node, present, &slot)
    }

    /// An entry of the root outside the table's own half.
    fn outside(&self, table: &Table, entry: Entry, says: u64) -> Result<(), AuditError> {
        let Some(kernel) = table.kernel else {
            let present = table.format.present(says);
            return if present {
                Err(AuditError::Foreign { entry })
            } else {
                Ok(())
            };
        };
        let kernel = self.word(kernel, entry.index);
        if table.format.sans_ad(says) != table.format.sans_ad(kernel) {
            return Err(AuditError::NotTheKernels {
                entry,
                says,
                kernel,
            });
        }
        Ok(())
    }

    /// Checks a node's frame and slot, and that it was not met before.
    fn node(&mut self, v: &Visit, table: &Table) -> Result<Slot, AuditError> {
        let &Visit {
            node,
            link,
            level,
            base,
        } = v;
        let allocated = node.is_multiple_of(PAGE_SIZE)
            && self.state.is_ram(node)
            && self.state.table.is_allocated(node);
        let slot = Slot::read(self.state.id, node).filter(|_| allocated);
        let Some(slot) = slot else {
            return Err(AuditError::NodeNotAllocated { node, link });
        };
        if let Some(&first) = self.nodes.get(&node) {
            return Err(AuditError::LinkedTwice {
                node,
                first,
                second: link,
            });
        }
        let (live, root) = (slot.live, table.root);
        if live != 1 {
            return Err(AuditError::NodeNotLive { node, link, live });
        }
        if slot.lock != 0 {
            return Err(AuditError::NodeLocked { node });
        }
        if slot.root() != root {
            let says = slot.root();
            return Err(AuditError::WrongRoot {
                node,
                link,
                root,
                says,
            });
        }
        if slot.level() != u64::from(level) {
            let says = slot.level();
            return Err(AuditError::WrongLevel {
                node,
                link,
                level,
                says,
            });
        }
        if link != Link::Root && slot.base() != base {
            let says = slot.base();
            return Err(AuditError::WrongBase {
                node,
                link,
                base,
                says,
            });
        }
        self.nodes.insert(node, link);
        self.report.nodes += 1;
        Ok(slot)
    }

    /// Checks a node below the root and everything below it.
    fn below(&mut self, table: &Table, v: &Visit) -> Result<(), AuditError> {
        let slot = self.node(v, table)?;
        let mut present = 0;
        for index in 0..512 {
            let w = self.word(v.node, index);
            if table.format.present(w) {
                present += 1;
                self.entry(table, v, index, w)?;
            }
        }
        check_count(v.node, present, &slot)
    }

    /// Checks a word of a node, which may be absent.
    fn entry(&mut self, table: &Table, v: &Visit, index: usize, w: u64) -> Result<(), AuditError> {
        if !table.format.present(w) {
            return Ok(());
        }
        let entry = Entry {
            node: v.node,
            index,
        };
        let base = v.base + ((index as u64) << (9 * (v.level - 1)));
        if table.format.leaf(v.level, w) {
            return self.leaf(table.format, entry, v.level, base, w);
        }
        let child = Visit {
            node: table.format.address(v.level, w),
            link: Link::Entry(entry),
            level: v.level - 1,
            base,
        };
        self.below(table, &child)
    }

    /// Checks a leaf.
    fn leaf(
        &mut self,
        format: Format,
        entry: Entry,
        level: u8,
        base: u64,
        w: u64,
    ) -> Result<(), AuditError> {
        let pa = format.address(level, w);
        if level > format.highest_leaf() {
            return Err(AuditError::LeafTooHigh { entry, level });
        }
        let size = crate::tlb::span(level);
        if !pa.is_multiple_of(size) {
            return Err(AuditError::LeafMisaligned { entry, level, pa });
        }
        let va = (base as usize) << 12;
        if let Some(va) = self.areas.and_then(|a| a.not_owned(va, size)) {
            return Err(AuditError::NoArea { entry, va });
        }
        self.report.leaves += 1;
        self.report.pages += size / PAGE_SIZE;
        self.count(format, entry, level, w)
    }

    /// Counts a leaf for each frame that it maps, if it is tracked.
    fn count(&mut self, format: Format, entry: Entry, level: u8, w: u64) -> Result<(), AuditError> {
        if format.untracked(w) {
            return Ok(());
        }
        let (pa, size) = (format.address(level, w), crate::tlb::span(level));
        for pa in (pa..pa + size).step_by(PAGE_SIZE) {
            if !self.state.is_ram(pa) {
                return Err(AuditError::LeafNotRam { entry, pa });
            }
            if !self.state.table.is_allocated(pa) {
                return Err(AuditError::LeafToFree { entry, pa });
            }
            if Slot::read(self.state.id, pa).is_some_and(|s| s.live != 0) {
                return Err(AuditError::LeafToNode { entry, pa });
            }
            if let Some(n) = self.mapped.get_mut(pa / PAGE_SIZE) {
                *n += 1;
            }
        }
        Ok(())
    }

    /// Counts the leaves that dead nodes still hold: their shares go when the nodes do.
    pub fn count_dead(&mut self, format: Format, census: &Census) -> Result<(), AuditError> {
        for pfn in 0..self.mapped.len() {
            let pa = pfn * PAGE_SIZE;
            if !self.state.table.is_allocated(pa) || census.names(pa) {
                continue;
            }
            let Some(slot) = Slot::read(self.state.id, pa).filter(Slot::may_be_dead_node) else {
                continue;
            };
            let level = slot.level() as u8;
            for index in 0..512 {
                let w = self.word(pa, index);
                if format.present(w) && format.leaf(level, w) {
                    let entry = Entry { node: pa, index };
                    self.count(format, entry, level, w)?;
                }
            }
        }
        Ok(())
    }

    /// How many tracked leaves map the frame at `pa`.
    pub fn mapped(&self, pa: Paddr) -> u32 {
        self.mapped.get(pa / PAGE_SIZE).copied().unwrap_or(0)
    }

    fn word(&self, node: Paddr, index: usize) -> u64 {
        self.state
            .word(node + index * 8)
            .map_or(0, |w| w.load(Acquire))
    }
}

fn check_count(node: Paddr, present: u64, slot: &Slot) -> Result<(), AuditError> {
    let says = slot.present();
    if present != says {
        return Err(AuditError::WrongCount {
            node,
            present,
            says,
        });
    }
    Ok(())
}

/// The addresses that kernel areas manage, and the areas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// The dynamic range: what is mapped here belongs to an area.
    pub dynamic: Range<Vaddr>,
    /// The areas, in any order.
    pub areas: Vec<Range<Vaddr>>,
}

impl Areas {
    /// Sorts the areas and checks each for itself and against the next.
    pub(super) fn sorted(&self) -> Result<Self, AuditError> {
        let mut sorted = self.clone();
        sorted.areas.sort_by_key(|a| a.start);
        for a in &sorted.areas {
            let aligned = a.start.is_multiple_of(PAGE_SIZE) && a.end.is_multiple_of(PAGE_SIZE);
            let inside = self.dynamic.start <= a.start && a.end <= self.dynamic.end;
            if !aligned || !inside || a.is_empty() {
                return Err(AuditError::BadArea(a.clone()));
            }
        }
        for pair in sorted.areas.windows(2) {
            if pair[0].end > pair[1].start {
                return Err(AuditError::AreasOverlap(pair[0].clone(), pair[1].clone()));
            }
        }
        Ok(sorted)
    }

    /// The first address of the page at `va` that is in the dynamic range but in no area. The areas
    /// are sorted.
    fn not_owned(&self, va: Vaddr, size: usize) -> Option<Vaddr> {
        let last = va + (size - 1);
        let mut at = va.max(self.dynamic.start);
        let end = last.min(self.dynamic.end.wrapping_sub(1));
        while !self.dynamic.is_empty() && at <= end {
            let next = self.areas.partition_point(|a| a.end <= at);
            match self.areas.get(next) {
                Some(a) if a.start <= at => at = a.end,
                _ => return Some(at),
            }
        }
        None
    }
}
