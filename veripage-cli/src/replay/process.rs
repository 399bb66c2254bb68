//! A replayed process: a region map, the page tables that follow it, and what the log's calls do to
//! both. Faults and accesses are in `fault.rs`.
//!
//! The rules that tie the two together:
//! - a page is in the page table only if a region covers it, and the page table never allows more
//!   than the region;
//! - a page of private memory is writable in the page table only if no other space and no object has
//!   its frame; so a store to a shared one faults, and is copied then.
use super::kernel::Trouble;
use super::object::Object;
use super::page::Page;
use super::region::{
    pages, round_up, Backing, ObjectId, Prot, RangeError, Region, RegionMap, Role, PAGE, USER_END,
};
use super::space::Space;
use super::world::World;
use crate::trace::{self, Advice, EventKind, MapFlags, RegionKind, RemapFlags};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use veripage::{CpuSet, Paddr};

const MADV_POPULATE_READ: u32 = 22;
const MADV_POPULATE_WRITE: u32 = 23;

/// Top of the stack that a program gets whose image is not known.
const STACK_TOP: usize = USER_END - PAGE;
/// Size of that stack.
const STACK_SIZE: usize = 33 * PAGE;

/// An address space and all that belongs to it.
pub struct Process<'k> {
    pub(super) regions: RegionMap,
    pub(super) space: Space<'k>,
    pub(super) objects: BTreeMap<ObjectId, Arc<Object>>,
    /// What the first word of each written private page must be, by address.
    pub(super) words: BTreeMap<usize, u64>,
    pub(super) world: Arc<World<'k>>,
    /// Line of the log that is being replayed.
    pub(super) line: u64,
    /// Nodes of its page table, when they were last counted.
    nodes: usize,
    heap: Option<Range<usize>>,
    last_file: Option<(i32, ObjectId)>,
}

impl<'k> Process<'k> {
    /// A process with an empty space.
    ///
    /// # Errors
    /// `NoMemory` if there is no frame for the page tables.
    pub fn new(world: &Arc<World<'k>>) -> Result<Process<'k>, Trouble> {
        Ok(Process {
            regions: RegionMap::new(),
            space: Space::new(world.host)?,
            objects: BTreeMap::new(),
            words: BTreeMap::new(),
            world: world.clone(),
            line: 0,
            nodes: 0,
            heap: None,
            last_file: None,
        })
    }

    /// The regions as they are.
    pub fn regions(&self) -> &RegionMap {
        &self.regions
    }

    /// Makes this the space of the current CPU.
    pub fn activate(&self) {
        self.space.activate();
    }

    /// Sets the line of the log that messages name.
    pub fn at_line(&mut self, line: u64) {
        self.line = line;
    }

    /// Maps what `execve` maps: the regions of `image`, or a stack if the image is not known.
    ///
    /// # Errors
    /// `Range` if a region is not one that Linux would map; `NoMemory`.
    pub fn load(&mut self, image: Option<&[trace::Region]>) -> Result<(), Trouble> {
        let Some(image) = image else {
            let stack = STACK_TOP - STACK_SIZE..STACK_TOP;
            self.regions
                .map(stack.clone(), Region::anon(Prot::RW, Role::Stack));
            return self.touch_new(stack);
        };
        for r in image.iter().filter(|r| r.kind != RegionKind::Vsyscall) {
            let range = pages(r.start as usize, r.end.saturating_sub(r.start) as usize)?;
            let role = match r.kind {
                RegionKind::Stack => Role::Stack,
                _ => Role::Image,
            };
            let backing = match (r.shared, r.kind) {
                (true, kind) => Backing::Shared(self.new_object(kind != RegionKind::File)),
                (false, RegionKind::File) => Backing::Private(self.new_object(false)),
                (false, _) => Backing::Anon,
            };
            let region = Region::new(prot(r.prot), backing, r.offset, role);
            self.regions.map(range.clone(), region);
            self.touch_new(range)?;
        }
        Ok(())
    }

    /// Does what `call` did. Events that concern tasks, not spaces, change nothing.
    ///
    /// # Errors
    /// `Range` if the call's numbers are not ones that Linux would have accepted, and nothing is
    /// changed; `NoMemory`.
    pub fn apply(&mut self, call: &EventKind) -> Result<(), Trouble> {
        match *call {
            EventKind::Mmap {
                len,
                prot: p,
                flags,
                fd,
                offset,
                result,
                ..
            } => {
                let len = huge_len(len as usize, flags);
                let range = pages(result as usize, len)?;
                self.mmap(range, prot(p), flags, fd, offset)
            }
            EventKind::Munmap { addr, len } => {
                let range = pages(addr as usize, len as usize)?;
                self.munmap(range)
            }
            EventKind::Mprotect { addr, len: 0, .. } | EventKind::Madvise { addr, len: 0, .. } => {
                match addr as usize % PAGE {
                    0 => Ok(()),
                    _ => Err(RangeError::Unaligned(addr as usize).into()),
                }
            }
            EventKind::Mprotect { addr, len, prot: p } => {
                let mut range = pages(addr as usize, len as usize)?;
                if p.contains(trace::Prot::GROWSDOWN) {
                    if let Some((r, _)) = self.regions.find(range.start) {
                        range.start = r.start;
                    }
                }
                self.mprotect(range, prot(p))
            }
            EventKind::Brk { result, .. } => self.brk(result as usize),
            EventKind::Mremap {
                addr,
                old_len,
                new_len,
                flags,
                result,
                ..
            } => {
                let keep = flags.contains(RemapFlags::DONTUNMAP);
                let (old, new) = (addr as usize, result as usize);
                self.mremap(old, old_len as usize, new, new_len as usize, keep)
            }
            EventKind::Madvise { addr, len, advice } => {
                let range = pages(addr as usize, len as usize)?;
                self.madvise(range, advice)
            }
            EventKind::Fault { addr, access, .. } => self.logged_fault(addr as usize, access),
            _ => Ok(()),
        }
    }

    fn mmap(
        &mut self,
        range: Range<usize>,
        prot: Prot,
        flags: MapFlags,
        fd: Option<i32>,
        offset: u64,
    ) -> Result<(), Trouble> {
        let anonymous = fd.is_none() || flags.contains(MapFlags::ANONYMOUS);
        let backing = match (flags.is_shared(), anonymous) {
            (false, true) => Backing::Anon,
            (true, true) => Backing::Shared(self.new_object(true)),
            (shared, false) => {
                let object = self.file(fd.unwrap_or(-1));
                if shared {
                    Backing::Shared(object)
                } else {
                    Backing::Private(object)
                }
            }
        };
        let role = if flags.contains(MapFlags::GROWSDOWN) {
            Role::Stack
        } else {
            Role::Mapping
        };
        let offset = if anonymous { 0 } else { offset };
        let in_the_way = self.regions.within(range.clone());
        if !flags.contains(MapFlags::FIXED)
            && in_the_way.iter().any(|(_, r)| r.role != Role::Unseen)
        {
            self.contradiction(|| format!("mmap answered {:#x}, which is in use", range.start));
        }
        self.discard(range.clone())?;
        let region = Region::new(prot, backing, offset, role);
        self.regions.map(range.clone(), region);
        if !in_the_way.is_empty() {
            self.drop_unused_objects();
        }
        if flags.contains(MapFlags::POPULATE) || flags.contains(MapFlags::LOCKED) {
            self.populate_all(range)
        } else {
            self.touch_new(range)
        }
    }

    fn munmap(&mut self, range: Range<usize>) -> Result<(), Trouble> {
        self.discard(range.clone())?;
        self.regions.unmap(range.clone());
        self.drop_unused_objects();
        self.must_refuse(range, Prot::READ);
        Ok(())
    }

    fn mprotect(&mut self, range: Range<usize>, prot: Prot) -> Result<(), Trouble> {
        for hole in self.regions.holes(range.clone()) {
            self.regions.map(hole, Region::anon(prot, Role::Unseen));
        }
        self.regions.protect(range.clone(), prot)?;
        for (part, region) in self.regions.within(range.clone()) {
            let allowed = region.effective();
            let shared = matches!(region.backing, Backing::Shared(_));
            self.space.protect(part, |now| {
                if shared || now.allows(Prot::WRITE) {
                    allowed
                } else {
                    allowed.without(Prot::WRITE)
                }
            })?;
        }
        if !prot.allows(Prot::WRITE) {
            let how = if prot == Prot::NONE {
                Prot::READ
            } else {
                Prot::WRITE
            };
            self.must_refuse(range.clone(), how);
        }
        self.touch_new(range)
    }

    fn brk(&mut self, result: usize) -> Result<(), Trouble> {
        if result > USER_END {
            let (start, len) = (result, 0);
            return Err(RangeError::OutOfRange { start, len }.into());
        }
        let Some(heap) = &mut self.heap else {
            self.heap = Some(result..result);
            return Ok(());
        };
        let old = round_up(heap.end);
        heap.end = result.max(heap.start);
        let new = round_up(heap.end);
        if new > old {
            self.discard(old..new)?;
            self.regions
                .map(old..new, Region::anon(Prot::RW, Role::Heap));
            self.drop_unused_objects();
            self.touch_new(old..new)
        } else if new < old {
            self.munmap(new..old)
        } else {
            Ok(())
        }
    }

    fn mremap(
        &mut self,
        old: usize,
        old_len: usize,
        new: usize,
        new_len: usize,
        keep_old: bool,
    ) -> Result<(), Trouble> {
        let target = pages(new, new_len)?;
        if old_len == 0 {
            pages(old, PAGE)?;
            self.regions.remap(old, 0, new, new_len, keep_old)?;
            self.discard(target.clone())?;
            return self.touch_new(target);
        }
        let source = pages(old, old_len)?;
        if let Some(at) = self.regions.first_hole(source.end - PAGE..source.end) {
            return Err(RangeError::Hole(at).into());
        }
        let (from, to) = (source.end - source.start, target.end - target.start);
        let kept = from.min(to);
        if old == new {
            self.discard(source.start + kept..source.end)?;
            self.discard(target.start + kept..target.end)?;
        } else {
            self.discard(source.start + kept..source.end)?;
            let taken = self.take(source.start..source.start + kept)?;
            self.discard(target.clone())?;
            self.give(taken, new)?;
        }
        self.regions.remap(old, old_len, new, new_len, keep_old)?;
        self.drop_unused_objects();
        if old != new && !keep_old {
            let gone = self.regions.holes(source.clone());
            for hole in gone {
                self.must_refuse(hole, Prot::READ);
            }
        }
        if old != new {
            self.read_again(target.start..target.start + kept)?;
        }
        self.touch_new(target.start + kept..target.end)
    }

    fn madvise(&mut self, range: Range<usize>, advice: Advice) -> Result<(), Trouble> {
        match advice {
            Advice::DontNeed => self.discard(range),
            Advice::Free => {
                for (part, region) in self.regions.within(range) {
                    if region.backing == Backing::Anon {
                        self.discard(part)?;
                    }
                }
                Ok(())
            }
            Advice::Remove => {
                for (part, region) in self.regions.within(range) {
                    if let Backing::Shared(id) | Backing::Private(id) = region.backing {
                        if let Some(object) = self.objects.get(&id) {
                            object.punch(region.offset, (part.end - part.start) as u64)?;
                        }
                    }
                }
                Ok(())
            }
            Advice::DontFork => self.mark(range, |r| r.dont_fork = true),
            Advice::DoFork => self.mark(range, |r| r.dont_fork = false),
            Advice::WipeOnFork => self.mark(range, |r| r.wipe_on_fork = true),
            Advice::KeepOnFork => self.mark(range, |r| r.wipe_on_fork = false),
            Advice::Hint(MADV_POPULATE_READ | MADV_POPULATE_WRITE) => self.populate_all(range),
            Advice::Hint(_) => Ok(()),
        }
    }

    fn mark(&mut self, range: Range<usize>, change: impl Fn(&mut Region)) -> Result<(), Trouble> {
        self.regions.update(range, change);
        Ok(())
    }

    /// A child of `fork`: the same regions, and every page of private memory shared until one of the
    /// two writes it. Pages of shared memory are left to the child's first touch.
    ///
    /// # Errors
    /// `NoMemory`.
    pub fn fork(&mut self) -> Result<Process<'k>, Trouble> {
        let mut child = Process::new(&self.world)?;
        child.regions = self.regions.forked();
        child.objects = self.objects.clone();
        child.heap = self.heap.clone();
        child.last_file = self.last_file;
        child.line = self.line;
        let parts: Vec<_> = child.regions.iter().collect();
        for (part, region) in parts {
            if matches!(region.backing, Backing::Shared(_)) || region.wipe_on_fork {
                continue;
            }
            for (at, page, allowed) in self.space.mapped(part.clone())? {
                child.map(at, page, allowed.without(Prot::WRITE))?;
            }
            self.space
                .protect(part.clone(), |now| now.without(Prot::WRITE))?;
            let words = self.words.range(part);
            child.words.extend(words.map(|(&at, &word)| (at, word)));
        }
        Ok(child)
    }

    /// Counts the nodes of the page table anew.
    pub fn count_nodes(&mut self) {
        let host = self.world.host;
        let now = host.nodes_of(self.space.root().0);
        host.count_nodes(self.nodes, now);
        self.nodes = now;
    }

    /// Empties the space.
    ///
    /// # Errors
    /// Whatever the page tables answer to unmapping; none is expected.
    pub fn clear(&mut self) -> Result<(), Trouble> {
        self.discard(0..USER_END)?;
        self.regions = RegionMap::new();
        self.objects.clear();
        self.world.host.count_nodes(self.nodes, 0);
        self.nodes = 0;
        Ok(())
    }

    /// Grows the stack down to `to`, if it ends at `end` and nothing is in the way. Linux grows it on
    /// a fault, which a log of calls does not tell.
    pub fn grow_stack(&mut self, to: usize, end: usize) {
        let Some((stack, region)) = end.checked_sub(1).and_then(|at| self.regions.find(at)) else {
            return;
        };
        let fits = to % PAGE == 0 && to < stack.start && stack.end == end;
        if region.role == Role::Stack && fits && self.regions.within(to..stack.start).is_empty() {
            self.regions.map(to..stack.start, region);
        }
    }

    /// The objects whose pages this process can see.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectId, &Arc<Object>)> {
        self.objects.iter().map(|(&id, object)| (id, object))
    }

    /// The root node of its page table, and the CPUs that may have it loaded.
    pub fn root(&self) -> (Paddr, CpuSet) {
        self.space.root()
    }

    pub(super) fn map(&mut self, at: usize, page: Page, allowed: Prot) -> Result<(), Trouble> {
        self.space.map(at, page, allowed)?;
        self.world.mapped(1);
        Ok(())
    }

    pub(super) fn contradiction(&self, what: impl FnOnce() -> String) {
        let line = self.line;
        self.world
            .contradictions
            .add(|| format!("line {line}: {}", what()));
    }

    /// Drops every page in `range`, with its contents.
    fn discard(&mut self, range: Range<usize>) -> Result<(), Trouble> {
        if self.regions.within(range.clone()).is_empty() {
            return Ok(());
        }
        self.world.unmapped(self.space.unmap(range.clone())?);
        remove(&mut self.words, &range);
        Ok(())
    }

    /// Takes the pages of `range` out, with their contents, for [`Process::give`].
    fn take(&mut self, range: Range<usize>) -> Result<Taken, Trouble> {
        let mapped = self.space.mapped(range.clone())?;
        self.world.unmapped(self.space.unmap(range.clone())?);
        Ok(Taken {
            from: range.start,
            mapped,
            words: remove(&mut self.words, &range),
        })
    }

    /// Puts what was taken at `to`, where nothing is.
    fn give(&mut self, taken: Taken, to: usize) -> Result<(), Trouble> {
        let moved = |at: usize| at - taken.from + to;
        for (at, page, allowed) in taken.mapped {
            self.map(moved(at), page, allowed)?;
        }
        let words = taken.words.into_iter();
        self.words.extend(words.map(|(at, word)| (moved(at), word)));
        Ok(())
    }

    fn new_object(&mut self, zeroed: bool) -> ObjectId {
        let (id, object) = self.world.object(zeroed);
        self.objects.insert(id, object);
        id
    }

    /// The object of a file mapping. A log names descriptors, not files: mappings made one after
    /// another from one descriptor are taken to be of one file, as a loader makes them.
    fn file(&mut self, fd: i32) -> ObjectId {
        match self.last_file {
            Some((last, id)) if last == fd && self.objects.contains_key(&id) => id,
            _ => {
                let id = self.new_object(false);
                self.last_file = Some((fd, id));
                id
            }
        }
    }

    /// Forgets objects that no region shows any more.
    fn drop_unused_objects(&mut self) {
        if self.objects.is_empty() {
            return;
        }
        let mut used: Vec<ObjectId> = Vec::new();
        for (_, region) in self.regions.iter() {
            if let Backing::Private(id) | Backing::Shared(id) = region.backing {
                used.push(id);
            }
        }
        used.sort_unstable();
        self.objects.retain(|id, _| used.binary_search(id).is_ok());
    }
}

/// Pages on their way from one address to another.
struct Taken {
    from: usize,
    mapped: Vec<(usize, Page, Prot)>,
    words: Vec<(usize, u64)>,
}

/// Removes and returns the entries of `map` in `range`.
fn remove<T>(map: &mut BTreeMap<usize, T>, range: &Range<usize>) -> Vec<(usize, T)> {
    let mut rest = map.split_off(&range.start);
    let mut above = rest.split_off(&range.end);
    map.append(&mut above);
    rest.into_iter().collect()
}

/// The permissions that a log shows.
pub(super) fn prot(logged: trace::Prot) -> Prot {
    Prot::from_bits(logged.rwx().0 as u8)
}

/// The length of a mapping, which for explicit huge pages is rounded up to theirs.
fn huge_len(len: usize, flags: MapFlags) -> usize {
    if !flags.contains(MapFlags::HUGETLB) {
        return len;
    }
    let size = match flags.0 >> 26 & 0x3f {
        0 => 21,
        bits => bits as u32,
    };
    1usize
        .checked_shl(size)
        .and_then(|size| len.checked_next_multiple_of(size))
        .unwrap_or(usize::MAX)
}
