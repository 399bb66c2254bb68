//! The replayed space beside `/proc/PID/maps`: extent and permissions, page by page; and the page
//! table beside the replayed space.
use super::kernel::Trouble;
use super::messages::Messages;
use super::process::{prot, Process};
use super::region::{Backing, Prot, PAGE, USER_END};
use crate::trace::{self, RegionKind};
use std::collections::BTreeSet;
use std::ops::Range;

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Pages that Linux or the replay has.
    pub pages: u64,
    /// Pages that only one of them has, or with other permissions.
    pub different: u64,
    /// Pages that the page table maps although no region covers them, or with more permissions.
    pub too_wide: u64,
    /// The differences, a line for each run of pages.
    pub lines: Messages,
}

impl Comparison {
    /// Adds what another comparison found.
    pub fn add(&mut self, other: &Comparison) {
        self.pages += other.pages;
        self.different += other.different;
        self.too_wide += other.too_wide;
        self.lines.append(&other.lines);
    }
}

/// What counts of a page: its permissions, and whether stores reach other mappers.
type Look = (Prot, bool);

/// Compares a process with what Linux showed of it. Its stack is first grown to the size that it
/// has in `maps`, for no call tells that.
///
/// # Errors
/// What the page tables answer to a query; none is expected.
pub fn compare(process: &mut Process<'_>, maps: &[trace::Region]) -> Result<Comparison, Trouble> {
    for r in maps.iter().filter(|r| r.kind == RegionKind::Stack) {
        process.grow_stack(r.start as usize, r.end as usize);
    }
    let linux: Vec<(Range<usize>, Look)> = maps
        .iter()
        .filter(|r| r.kind != RegionKind::Vsyscall)
        .map(|r| (r.start as usize..r.end as usize, (prot(r.prot), r.shared)))
        .collect();
    let ours: Vec<(Range<usize>, Look)> = process
        .regions()
        .iter()
        .map(|(range, r)| (range, (r.prot, matches!(r.backing, Backing::Shared(_)))))
        .collect();
    let mut found = sweep(&linux, &ours);
    too_wide(process, &mut found)?;
    Ok(found)
}

/// Both lists are ascending and disjoint.
fn sweep(linux: &[(Range<usize>, Look)], ours: &[(Range<usize>, Look)]) -> Comparison {
    let mut found = Comparison::default();
    let ends = |list: &[(Range<usize>, Look)]| -> Vec<usize> {
        list.iter().flat_map(|(r, _)| [r.start, r.end]).collect()
    };
    let cuts: BTreeSet<usize> = ends(linux).into_iter().chain(ends(ours)).collect();
    let cuts: Vec<usize> = cuts.into_iter().collect();
    for pair in cuts.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        let (theirs, mine) = (at(linux, start), at(ours, start));
        let pages = ((end - start) / PAGE) as u64;
        if theirs.is_some() || mine.is_some() {
            found.pages += pages;
        }
        if theirs != mine {
            found.different += pages;
            let (theirs, mine) = (show(theirs), show(mine));
            found
                .lines
                .add(|| format!("{start:#x}..{end:#x}: Linux has {theirs}, the replay has {mine}"));
        }
    }
    found
}

fn at(list: &[(Range<usize>, Look)], address: usize) -> Option<Look> {
    let after = list.partition_point(|(r, _)| r.start <= address);
    let (range, look) = list[..after].last()?;
    range.contains(&address).then_some(*look)
}

fn show(look: Option<Look>) -> String {
    match look {
        None => "nothing".to_string(),
        Some((prot, shared)) => format!("{prot}{}", if shared { 's' } else { 'p' }),
    }
}

/// Notes the pages in the page table that their regions do not allow.
fn too_wide(process: &Process<'_>, found: &mut Comparison) -> Result<(), Trouble> {
    for (at, _, mapped) in process.space.mapped(0..USER_END)? {
        let region = process.regions().find(at).map(|(_, r)| r.effective());
        if !region.is_some_and(|allowed| allowed.allows(mapped)) {
            let allowed = region.map_or("nothing".to_string(), |p| p.to_string());
            found.too_wide += 1;
            found.lines.add(|| {
                format!("{at:#x} is in the page table with {mapped}, its region allows {allowed}")
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(bits: u8) -> Look {
        (Prot::from_bits(bits), false)
    }

    #[test]
    fn equal_extents_cut_differently_are_equal() {
        let linux = [(0x1000..0x3000, look(1)), (0x3000..0x5000, look(1))];
        let ours = [(0x1000..0x2000, look(1)), (0x2000..0x5000, look(1))];
        let found = sweep(&linux, &ours);
        assert_eq!((found.pages, found.different), (4, 0));
        assert_eq!(found.lines.count(), 0);
    }

    #[test]
    fn missing_surplus_and_other_permissions_are_counted_by_page() {
        let linux = [(0x1000..0x3000, look(1)), (0x8000..0x9000, look(7))];
        let ours = [(0x2000..0x4000, look(1)), (0x8000..0x9000, look(5))];
        let found = sweep(&linux, &ours);
        assert_eq!((found.pages, found.different), (4, 3));
        assert_eq!(found.lines.count(), 3);
        let shared = [(0x8000..0x9000, (Prot::from_bits(7), true))];
        assert_eq!(sweep(&linux[1..], &shared).different, 1);
    }
}
