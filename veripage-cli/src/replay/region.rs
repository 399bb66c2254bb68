//! The region map of one address space: which addresses a process may use, how, and what is behind
//! them. It knows nothing of page tables; it is the plain meaning of `mmap`, `munmap`, `mprotect`,
//! `mremap` and `madvise` as Linux defines them, on whole pages.
//!
//! Regions are kept in a map by start address, never overlap, and neighbours that differ in nothing
//! are one region. A reservation of many GiB is one entry.
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// Bytes in a page.
pub const PAGE: usize = 4096;

/// First address past the user half.
pub const USER_END: usize = 1 << 47;

/// What a program may do with a page: any of read, write, execute.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Prot(u8);

impl Prot {
    /// No access.
    pub const NONE: Prot = Prot(0);
    /// Loads.
    pub const READ: Prot = Prot(1);
    /// Stores.
    pub const WRITE: Prot = Prot(2);
    /// Instruction fetches.
    pub const EXEC: Prot = Prot(4);
    /// Loads and stores.
    pub const RW: Prot = Prot(3);

    /// The permissions of the three lowest bits of `bits`, which mean what `PROT_READ`,
    /// `PROT_WRITE` and `PROT_EXEC` mean.
    pub const fn from_bits(bits: u8) -> Prot {
        Prot(bits & 7)
    }

    /// Everything that `self` or `other` allows.
    pub const fn or(self, other: Prot) -> Prot {
        Prot(self.0 | other.0)
    }

    /// What is left of `self` without what `other` allows.
    pub const fn without(self, other: Prot) -> Prot {
        Prot(self.0 & !other.0)
    }

    /// Does `self` allow all that `other` allows?
    pub const fn allows(self, other: Prot) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Debug for Prot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bit = |p, c| if self.allows(p) { c } else { '-' };
        write!(
            f,
            "{}{}{}",
            bit(Prot::READ, 'r'),
            bit(Prot::WRITE, 'w'),
            bit(Prot::EXEC, 'x')
        )
    }
}

impl fmt::Display for Prot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Something that outlives a mapping and whose pages may be seen from several: a file, or the
/// memory behind one shared anonymous mapping.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ObjectId(pub u64);

/// What is behind the pages of a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backing {
    /// Private memory that starts as zeroes.
    Anon,
    /// A private view of an object: its pages are shared until they are written.
    Private(ObjectId),
    /// The object itself.
    Shared(ObjectId),
}

/// Where a region came from. Tells the heap and the stack from the rest; regions of different roles
/// are never merged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `mmap`.
    Mapping,
    /// `brk`.
    Heap,
    /// The first stack; grows downwards.
    Stack,
    /// What `execve` maps: the program, its loader, pages of the kernel.
    Image,
    /// No call of the log made it, but a later call or fault shows that it is there.
    Unseen,
}

/// The attributes of a run of pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// What the program may do.
    pub prot: Prot,
    /// What is behind the pages.
    pub backing: Backing,
    /// Offset of the first page in the object, in bytes; 0 for `Backing::Anon`.
    pub offset: u64,
    /// Where it came from.
    pub role: Role,
    /// A child of `fork` does not get it (`MADV_DONTFORK`).
    pub dont_fork: bool,
    /// A child of `fork` finds zeroes in it (`MADV_WIPEONFORK`).
    pub wipe_on_fork: bool,
}

impl Region {
    /// A region with nothing special about it.
    pub fn new(prot: Prot, backing: Backing, offset: u64, role: Role) -> Region {
        let offset = if backing == Backing::Anon { 0 } else { offset };
        Region {
            prot,
            backing,
            offset,
            role,
            dont_fork: false,
            wipe_on_fork: false,
        }
    }

    /// Private zero-filled memory.
    pub fn anon(prot: Prot, role: Role) -> Region {
        Region::new(prot, Backing::Anon, 0, role)
    }

    /// The same region, seen from `by` bytes after its start.
    fn skip(mut self, by: usize) -> Region {
        if self.backing != Backing::Anon {
            self.offset = self.offset_at(by);
        }
        self
    }

    /// Could a region of these attributes, `len` bytes long, go on as `next`?
    fn continues_as(self, len: usize, next: Region) -> bool {
        self.skip(len) == next
    }

    /// What an access may do here. As on x86-64, whatever is permitted at all can be read.
    pub fn effective(&self) -> Prot {
        if self.prot == Prot::NONE {
            Prot::NONE
        } else {
            self.prot.or(Prot::READ)
        }
    }

    /// Offset in the object of what lies `by` bytes after the region's start.
    pub fn offset_at(&self, by: usize) -> u64 {
        self.offset.wrapping_add(by as u64)
    }
}

/// Why a range of a call is not one that Linux would accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RangeError {
    /// The start is not a multiple of the page size.
    #[error("address {0:#x} is not a multiple of {PAGE}")]
    Unaligned(usize),
    /// The length is 0.
    #[error("length 0 at {0:#x}")]
    Empty(usize),
    /// The range ends past the user half.
    #[error("{len:#x} bytes at {start:#x} end past {USER_END:#x}")]
    OutOfRange {
        /// Start of the range.
        start: usize,
        /// Its length, in bytes.
        len: usize,
    },
    /// Nothing is mapped where something must be.
    #[error("nothing is mapped at {0:#x}")]
    Hole(usize),
}

/// The pages that `len` bytes at `start` lie in; the length is rounded up as Linux does.
///
/// # Errors
/// `Unaligned`, `Empty`, `OutOfRange`: see [`RangeError`].
pub fn pages(start: usize, len: usize) -> Result<Range<usize>, RangeError> {
    if start % PAGE != 0 {
        return Err(RangeError::Unaligned(start));
    }
    if len == 0 {
        return Err(RangeError::Empty(start));
    }
    let out = RangeError::OutOfRange { start, len };
    let end = start.checked_add(len).ok_or(out)?;
    if end > USER_END {
        return Err(out);
    }
    Ok(start..round_up(end))
}

/// `at` rounded up to a page; `at` is at most [`USER_END`].
pub fn round_up(at: usize) -> usize {
    at.saturating_add(PAGE - 1) & !(PAGE - 1)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    end: usize,
    region: Region,
}

/// The regions of an address space. Every range given to a method must come from [`pages`] (or be
/// page-aligned, not reversed, and end at or below [`USER_END`]).
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct RegionMap {
    map: BTreeMap<usize, Entry>,
}

impl RegionMap {
    /// An empty map.
    pub fn new() -> RegionMap {
        RegionMap::default()
    }

    /// The region that `at` lies in, with its range.
    pub fn find(&self, at: usize) -> Option<(Range<usize>, Region)> {
        let (&start, e) = self.map.range(..=at).next_back()?;
        (at < e.end).then_some((start..e.end, e.region))
    }

    /// All regions in order.
    pub fn iter(&self) -> impl Iterator<Item = (Range<usize>, Region)> + '_ {
        self.map.iter().map(|(&start, e)| (start..e.end, e.region))
    }

    /// Number of regions.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Is nothing mapped?
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The regions that overlap `range`, each cut to it.
    pub fn within(&self, range: Range<usize>) -> Vec<(Range<usize>, Region)> {
        if range.is_empty() {
            return Vec::new();
        }
        let first = match self.find(range.start) {
            Some((r, _)) => r.start,
            None => range.start,
        };
        self.map
            .range(first..range.end)
            .map(|(&start, e)| {
                let cut = start.max(range.start);
                (cut..e.end.min(range.end), e.region.skip(cut - start))
            })
            .collect()
    }

    /// The first address of `range` that no region covers.
    pub fn first_hole(&self, range: Range<usize>) -> Option<usize> {
        let mut at = range.start;
        for (r, _) in self.within(range.clone()) {
            if r.start > at {
                break;
            }
            at = r.end;
        }
        (at < range.end).then_some(at)
    }

    /// The parts of `range` that no region covers.
    pub fn holes(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut holes = Vec::new();
        let mut at = range.start;
        for (r, _) in self.within(range.clone()) {
            if r.start > at {
                holes.push(at..r.start);
            }
            at = r.end;
        }
        if at < range.end {
            holes.push(at..range.end);
        }
        holes
    }

    /// Makes `range` one region, in place of whatever was there.
    pub fn map(&mut self, range: Range<usize>, region: Region) {
        self.unmap(range.clone());
        self.put(range.clone(), region);
        self.merge(range);
    }

    /// Removes everything in `range`.
    pub fn unmap(&mut self, range: Range<usize>) {
        self.split(range.start);
        self.split(range.end);
        let gone: Vec<usize> = self.map.range(range).map(|(&start, _)| start).collect();
        for start in gone {
            self.map.remove(&start);
        }
    }

    /// Gives the regions in `range` the permissions `prot`. At a hole it stops, as Linux does.
    ///
    /// # Errors
    /// `Hole`, with everything before the hole done.
    pub fn protect(&mut self, range: Range<usize>, prot: Prot) -> Result<(), RangeError> {
        let hole = self.first_hole(range.clone());
        let done = range.start..hole.unwrap_or(range.end);
        self.update(done, |r| r.prot = prot);
        match hole {
            Some(at) => Err(RangeError::Hole(at)),
            None => Ok(()),
        }
    }

    /// Changes the attributes of every region in `range`, skipping holes.
    pub fn update(&mut self, range: Range<usize>, change: impl Fn(&mut Region)) {
        self.split(range.start);
        self.split(range.end);
        for (_, e) in self.map.range_mut(range.clone()) {
            change(&mut e.region);
        }
        self.merge(range);
    }

    /// Moves or resizes the `old_len` bytes at `old` to `new_len` bytes at `new`, as `mremap` does
    /// when it answers `new`. An `old_len` of 0 makes a second view of the shared pages at `old`.
    /// With `keep_old` the old range stays mapped (`MREMAP_DONTUNMAP`). What was in the way at
    /// `new` goes.
    ///
    /// # Errors
    /// Errors of [`pages`], and `Hole` if nothing is mapped at `old`; nothing has changed then.
    pub fn remap(
        &mut self,
        old: usize,
        old_len: usize,
        new: usize,
        new_len: usize,
        keep_old: bool,
    ) -> Result<(), RangeError> {
        let target = pages(new, new_len)?;
        if old_len == 0 {
            let (range, region) = self.find(old).ok_or(RangeError::Hole(old))?;
            self.map(target, region.skip(old - range.start));
            return Ok(());
        }
        let source = pages(old, old_len)?;
        let (_, last) = self
            .within(source.end - PAGE..source.end)
            .first()
            .cloned()
            .ok_or(RangeError::Hole(source.end - PAGE))?;
        let moved = self.within(source.clone());
        if !keep_old {
            self.unmap(source.clone());
        }
        self.unmap(target.clone());
        for (r, region) in moved {
            let start = target.start + (r.start - source.start);
            if start < target.end {
                let end = (start + (r.end - r.start)).min(target.end);
                self.put(start..end, region);
            }
        }
        let len = source.end - source.start;
        if target.end - target.start > len {
            self.put(target.start + len..target.end, last.skip(PAGE));
        }
        self.merge(source);
        self.merge(target);
        Ok(())
    }

    /// What a child of `fork` gets.
    pub fn forked(&self) -> RegionMap {
        let mut child = RegionMap::new();
        for (&start, e) in &self.map {
            if !e.region.dont_fork {
                child.map.insert(start, *e);
            }
        }
        child
    }

    fn put(&mut self, range: Range<usize>, region: Region) {
        if range.start < range.end {
            let end = range.end;
            self.map.insert(range.start, Entry { end, region });
        }
    }

    /// Makes `at` a boundary if a region lies across it.
    fn split(&mut self, at: usize) {
        let Some((&start, e)) = self.map.range_mut(..at).next_back() else {
            return;
        };
        if at < e.end {
            let (end, region) = (e.end, e.region.skip(at - start));
            e.end = at;
            self.map.insert(at, Entry { end, region });
        }
    }

    /// Joins equal neighbours in and around `range`.
    fn merge(&mut self, range: Range<usize>) {
        let first = match self.map.range(..range.start).next_back() {
            Some((&start, _)) => start,
            None => range.start,
        };
        let starts: Vec<usize> = self
            .map
            .range(first..=range.end.max(first))
            .map(|(&start, _)| start)
            .collect();
        let Some((&head, rest)) = starts.split_first() else {
            return;
        };
        let mut left = head;
        for &start in rest {
            let (l, r) = (self.map[&left], self.map[&start]);
            if l.end == start && l.region.continues_as(start - left, r.region) {
                self.map.remove(&start);
                self.map.insert(left, Entry { end: r.end, ..l });
            } else {
                left = start;
            }
        }
    }
}

#[cfg(test)]
#[path = "region_tests.rs"]
mod tests;
