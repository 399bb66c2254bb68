//! A table as a plain map of runs of pages, and the audit of a table.
#![allow(dead_code)]
use super::tables::*;
use core::any::TypeId;
use core::ops::Range;
use std::collections::BTreeMap;
use veripage_sim::audit::{Audit, Format, Table};

/// What runs of pages are mapped to: first page to (page past it, physical address, property).
#[derive(Default, Clone, Debug)]
pub struct Runs(BTreeMap<usize, (usize, Paddr, PageProperty)>);

impl Runs {
    /// Makes `page` the first of its run.
    fn cut(&mut self, page: usize) {
        if let Some((&start, &(end, pa, prop))) = self.0.range(..page).next_back() {
            if page < end {
                self.0.insert(start, (page, pa, prop));
                self.0.insert(page, (end, pa + (page - start) * PAGE, prop));
            }
        }
    }

    pub fn insert(&mut self, page: usize, n: usize, pa: Paddr, prop: PageProperty) {
        if n > 0 {
            self.0.insert(page, (page + n, pa, prop.sans_ad()));
        }
    }

    pub fn get(&self, page: usize) -> Option<(Paddr, PageProperty)> {
        let (start, &(end, pa, prop)) = self.0.range(..=page).next_back()?;
        (page < end).then(|| (pa + (page - start) * PAGE, prop))
    }

    pub fn first(&self, from: usize, to: usize) -> Option<usize> {
        if from < to && self.get(from).is_some() {
            return Some(from);
        }
        self.0
            .range(from..to.max(from))
            .next()
            .map(|(start, _)| *start)
    }

    /// How many pages are mapped in the range.
    pub fn count(&self, from: usize, to: usize) -> usize {
        self.clone().remove(from, to)
    }

    pub fn remove(&mut self, from: usize, to: usize) -> usize {
        if from >= to {
            return 0;
        }
        self.cut(from);
        self.cut(to);
        let starts: Vec<_> = self.0.range(from..to).map(|(start, _)| *start).collect();
        starts
            .iter()
            .map(|start| self.0.remove(start).unwrap().0 - start)
            .sum()
    }

    pub fn set_prop(&mut self, from: usize, to: usize, prop: PageProperty) {
        if from < to {
            self.cut(from);
            self.cut(to);
            self.0
                .range_mut(from..to)
                .for_each(|(_, run)| run.2 = prop.sans_ad());
        }
    }

    /// These pages are mapped to this.
    pub fn check(&self, page: usize, n: usize, (pa, _, prop): (Paddr, PagingLevel, PageProperty)) {
        assert_eq!(self.count(page, page + n), n);
        for i in [0, n / 2, n - 1] {
            assert_eq!(
                self.get(page + i),
                Some((pa + i * PAGE, prop.sans_ad())),
                "page {:#x}",
                page + i
            );
        }
    }

    /// The table maps this and nothing else: by a cursor over all of it, and by walks to the ends of runs.
    pub fn compare<C: PageTableConfig<P = P, Item = MappedItem<P>>, P: Platform>(
        &self,
        table: &PageTable<C>,
    ) {
        let (first, last) = vaddr_range_bounds::<C::C>(&C::TOP_LEVEL_INDEX_RANGE).unwrap();
        let all = first..last.wrapping_add(1);
        let mut found = Runs::default();
        let mut guard = RcuGuard::enter();
        let mut c = table.cursor(&mut guard, &all).unwrap();
        while let Some(left) = all
            .end
            .wrapping_sub(c.virt_addr())
            .checked_sub(0)
            .filter(|left| *left > 0)
        {
            let Some(va) = c.find_next(left).unwrap() else {
                break;
            };
            let (pa, level, prop) = c.peek().unwrap().unwrap();
            let n = page_size(level) / PAGE;
            found.insert(va / PAGE, n, pa, without_kind(prop));
            c.jump(va.wrapping_add(n * PAGE)).unwrap();
        }
        drop(c);
        assert_eq!(found.joined(), self.joined());
        for (&start, &(end, ..)) in &self.0 {
            for page in [start, end - 1, start.saturating_sub(1), end] {
                let va = page.wrapping_mul(PAGE);
                if sign_extend::<C::C>(va) != va {
                    continue;
                }
                let walked = table
                    .page_walk(&guard, va + 7)
                    .unwrap()
                    .map(|(pa, prop)| (pa - 7, without_kind(prop).sans_ad()));
                assert_eq!(walked, self.get(page), "walk to {va:#x}");
            }
        }
    }

    /// Runs that continue each other as one.
    fn joined(&self) -> Vec<(usize, usize, Paddr, PageProperty)> {
        let mut out: Vec<(usize, usize, Paddr, PageProperty)> = Vec::new();
        for (&start, &(end, pa, prop)) in &self.0 {
            match out.last_mut() {
                Some(l) if l.1 == start && l.2 + (start - l.0) * PAGE == pa && l.3 == prop => {
                    l.1 = end
                }
                _ => out.push((start, end, pa, prop)),
            }
        }
        out
    }
}

/// The property without the flag that is not its owner's.
pub fn without_kind(prop: PageProperty) -> PageProperty {
    PageProperty {
        flags: prop.flags.difference(PageFlags::AVAIL1),
        ..prop
    }
}

/// End of a range, of which 0 is 2^64.
pub fn end_of(range: &Range<Vaddr>) -> u128 {
    if range.end == 0 {
        1 << 64
    } else {
        range.end as u128
    }
}

/// A position in a range that ends at `end`, which may be 2^64.
pub fn at_of(va: Vaddr, end: u128) -> u128 {
    if va == 0 && end == 1 << 64 {
        end
    } else {
        va as u128
    }
}

/// The audit's name of a format.
pub fn format<F: PagingFormat>() -> Format {
    let id = TypeId::of::<F>();
    [
        (TypeId::of::<X86_64>(), Format::X86_64),
        (TypeId::of::<X86_64La57>(), Format::X86_64La57),
        (TypeId::of::<Sv39>(), Format::Sv39),
        (TypeId::of::<Sv48>(), Format::Sv48),
        (TypeId::of::<Sv57>(), Format::Sv57),
        (TypeId::of::<Aarch64>(), Format::Aarch64),
        (TypeId::of::<LoongArch64>(), Format::LoongArch64),
    ]
    .iter()
    .find(|(t, _)| *t == id)
    .unwrap()
    .1
}

/// Audits a machine whose only table is this one, and whose frames nobody else has.
pub fn audit<F: PagingFormat, const ID: usize>(m: &At<ID>, root: Paddr, own: Range<usize>) {
    let table = Table {
        own,
        ..Table::kernel(root, format::<F>())
    };
    m.0.audit(&Audit {
        tables: vec![table],
        ..Audit::default()
    })
    .unwrap();
}
