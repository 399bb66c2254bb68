//! A model of an address space for these tests alone: which pages are mapped, and with which access.
//!
//! It is independent of the replay: ranges in a map, no tables, no frames.

use std::collections::{BTreeMap, HashMap};

use veripage_cli::trace::{
    CloneFlags, EventKind, Prot, Region, RegionKind, RemapFlags, Snapshot, When,
};

/// `start -> (end, access)`, disjoint.
#[derive(Clone, Default)]
struct Space {
    ranges: BTreeMap<u64, (u64, u64)>,
    brk: Option<u64>,
    /// Whether the image of its program is known.
    complete: bool,
}

fn pages(addr: u64, len: u64) -> (u64, u64) {
    (
        addr & !4095,
        addr.saturating_add(len).saturating_add(4095) & !4095,
    )
}

impl Space {
    fn of(snapshot: Option<&Snapshot>) -> Self {
        let mut space = Self {
            complete: snapshot.is_some(),
            ..Self::default()
        };
        for region in snapshot
            .iter()
            .flat_map(|s| &s.regions)
            .filter(|r| counts(r))
        {
            space
                .ranges
                .insert(region.start, (region.end, region.prot.0));
        }
        space
    }

    /// Cuts what crosses `at`.
    fn cut(&mut self, at: u64) {
        if let Some((_, (end, prot))) = self.ranges.range_mut(..at).next_back() {
            if *end > at {
                let upper = (*end, *prot);
                *end = at;
                self.ranges.insert(at, upper);
            }
        }
    }

    fn remove(&mut self, start: u64, end: u64) -> Vec<(u64, u64, u64)> {
        self.cut(start);
        self.cut(end);
        let gone: Vec<_> = self
            .ranges
            .range(start..end)
            .map(|(&s, &(e, p))| (s, e, p))
            .collect();
        for (start, ..) in &gone {
            self.ranges.remove(start);
        }
        gone
    }

    fn map(&mut self, start: u64, end: u64, prot: u64) {
        self.remove(start, end);
        if start < end {
            self.ranges.insert(start, (end, prot));
        }
    }

    fn brk(&mut self, result: u64) {
        let (old, new) = (pages(self.brk.unwrap_or(result), 0).1, pages(result, 0).1);
        match old < new {
            true => self.map(old, new, 3),
            false => drop(self.remove(new, old)),
        }
        self.brk = Some(result);
    }

    /// The pages that differ from a snapshot. The stack may have grown, which no call tells.
    fn different(&mut self, snapshot: &Snapshot) -> u64 {
        for stack in snapshot
            .regions
            .iter()
            .filter(|r| r.kind == RegionKind::Stack)
        {
            let mine = self
                .ranges
                .range(stack.start..stack.end)
                .next()
                .map(|(&start, _)| start);
            if let Some(grown) = mine.filter(|&start| start > stack.start) {
                self.map(stack.start, grown, stack.prot.0);
            }
        }
        let mut other = Self::of(Some(snapshot));
        let mut edges: Vec<u64> = Vec::new();
        for space in [&*self, &other] {
            edges.extend(
                space
                    .ranges
                    .iter()
                    .flat_map(|(&start, &(end, _))| [start, end]),
            );
        }
        edges.sort_unstable();
        edges.dedup();
        edges.iter().for_each(|&edge| {
            self.cut(edge);
            other.cut(edge);
        });
        let mut starts: Vec<u64> = self
            .ranges
            .keys()
            .chain(other.ranges.keys())
            .copied()
            .collect();
        starts.sort_unstable();
        starts.dedup();
        let differs = |start: &u64| self.ranges.get(start) != other.ranges.get(start);
        let length = |start: u64| {
            let (end, _) = self
                .ranges
                .get(&start)
                .or(other.ranges.get(&start))
                .expect("a range");
            (end - start) / 4096
        };
        starts.into_iter().filter(differs).map(length).sum()
    }
}

/// The page above the user half is in every process, and in no space.
fn counts(region: &Region) -> bool {
    region.kind != RegionKind::Vsyscall
}

/// The tasks of a log and their spaces.
pub(crate) struct Tasks<'a> {
    spaces: Vec<Space>,
    of: HashMap<u32, usize>,
    snapshots: &'a [Snapshot],
    /// Snapshots of ends that were compared, and pages that differed in them.
    pub(crate) compared: (usize, u64),
}

impl<'a> Tasks<'a> {
    pub(crate) fn new(snapshots: &'a [Snapshot]) -> Self {
        Self {
            spaces: Vec::new(),
            of: HashMap::new(),
            snapshots,
            compared: (0, 0),
        }
    }

    fn snapshot(&self, when: When, pid: u32, line: u64) -> Option<&'a Snapshot> {
        self.snapshots
            .iter()
            .find(|s| (s.when, s.pid, s.line) == (when, pid, line))
    }

    fn enter(&mut self, pid: u32, space: Space) {
        self.spaces.push(space);
        self.of.insert(pid, self.spaces.len() - 1);
    }

    pub(crate) fn apply(&mut self, line: u64, pid: u32, kind: &EventKind) {
        if !self.of.contains_key(&pid) {
            self.enter(pid, Space::of(self.snapshot(When::Start, pid, 0)));
        }
        let index = self.of[&pid];
        match *kind {
            EventKind::Execve => self.enter(pid, Space::of(self.snapshot(When::Start, pid, line))),
            EventKind::Clone { flags, child } if flags.contains(CloneFlags::VM) => {
                self.of.insert(child, index);
            }
            EventKind::Clone { child, .. } => self.enter(child, self.spaces[index].clone()),
            EventKind::ExitGroup => {
                if let Some(end) = self.snapshot(When::End, pid, line) {
                    let space = &mut self.spaces[index];
                    assert!(
                        space.complete,
                        "line {line}: the start of task {pid} is not known"
                    );
                    let different = space.different(end);
                    self.compared = (self.compared.0 + 1, self.compared.1 + different);
                }
            }
            _ => call(&mut self.spaces[index], kind),
        }
    }
}

fn call(space: &mut Space, kind: &EventKind) {
    match *kind {
        EventKind::Mmap {
            len, prot, result, ..
        } => {
            let (start, end) = pages(result, len);
            space.map(start, end, prot.rwx().0);
        }
        EventKind::Munmap { addr, len } => {
            drop(space.remove(pages(addr, len).0, pages(addr, len).1))
        }
        EventKind::Mprotect { addr, len, prot } => {
            assert!(!prot.contains(Prot::GROWSDOWN), "not in the shipped logs");
            let (start, end) = pages(addr, len);
            for (start, end, _) in space.remove(start, end) {
                space.map(start, end, prot.rwx().0);
            }
        }
        EventKind::Brk { result, .. } => space.brk(result),
        EventKind::Mremap {
            addr,
            old_len,
            new_len,
            flags,
            result,
            ..
        } => {
            assert!(
                !flags.contains(RemapFlags::DONTUNMAP),
                "not in the shipped logs"
            );
            let (start, end) = pages(addr, old_len);
            let Some(&(.., prot)) = space.remove(start, end).first() else {
                return; // only where a test leaves calls out
            };
            let (start, end) = pages(result, new_len);
            space.map(start, end, prot);
        }
        _ => {}
    }
}
