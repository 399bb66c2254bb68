//! The page tables of one replayed process: a [`VmSpace`], spoken to in pages and permissions.
//!
//! Every change is flushed from all CPUs before the function returns: its cursor is dropped then.
use super::kernel::{Trouble, P};
use super::machine::Host;
use super::page::Page;
use super::region::{Prot, PAGE};
use std::ops::Range;
use veripage::frame::{DynFrame, UFrame};
use veripage::page_table::MappedItem;
use veripage::paging::{PageFlags, PageProperty, PrivilegedPageFlags, X86_64};
use veripage::rcu::RcuGuard;
use veripage::vm_space::VmSpace;
use veripage::{CpuSet, Paddr};
use veripage_sim::Access;

/// The page tables of one process. A page that is there with `Prot::NONE` is mapped, but no program
/// gets at it.
pub struct Space<'k> {
    vm: VmSpace<'k, P, X86_64>,
    host: &'k Host,
}

impl<'k> Space<'k> {
    /// Page tables without a page.
    ///
    /// # Errors
    /// `NoMemory`.
    pub fn new(host: &'k Host) -> Result<Space<'k>, Trouble> {
        let vm = VmSpace::new(host.kernel())?;
        Ok(Space { vm, host })
    }

    /// Makes this the space of the current CPU.
    pub fn activate(&self) {
        self.vm.activate();
    }

    /// The root node, and the CPUs that may have it loaded.
    pub fn root(&self) -> (Paddr, CpuSet) {
        (self.vm.root_paddr(), self.vm.cpus())
    }

    /// Maps a page where none is.
    ///
    /// # Errors
    /// `NoMemory`.
    pub fn map(&self, at: usize, page: Page, prot: Prot) -> Result<(), Trouble> {
        let mut guard = RcuGuard::enter();
        let mut cursor = self.vm.cursor_mut(&mut guard, &(at..at + PAGE))?;
        cursor
            .map(page.0, property(prot))
            .map_err(|(e, _)| e.into())
    }

    /// Maps a page in place of another.
    ///
    /// # Errors
    /// `NoMemory`; then neither is mapped.
    pub fn replace(&self, at: usize, page: Page, prot: Prot) -> Result<(), Trouble> {
        let mut guard = RcuGuard::enter();
        let mut cursor = self.vm.cursor_mut(&mut guard, &(at..at + PAGE))?;
        cursor.unmap(PAGE)?;
        // No CPU may go on with the old page while another writes the new one.
        cursor.flusher().sync_tlb_flush();
        cursor.jump(at)?;
        cursor
            .map(page.0, property(prot))
            .map_err(|(e, _)| e.into())
    }

    /// Unmaps what is mapped in `range`, and answers how many pages that was.
    ///
    /// # Errors
    /// `NoMemory` if there is no frame for the node that covers the range.
    pub fn unmap(&self, range: Range<usize>) -> Result<usize, Trouble> {
        let mut guard = RcuGuard::enter();
        let mut cursor = self.vm.cursor_mut(&mut guard, &range)?;
        Ok(cursor.unmap(range.end - range.start)?)
    }

    /// Gives every page in `range` the permissions that `change` makes of its own.
    ///
    /// # Errors
    /// As for [`Space::unmap`].
    pub fn protect(
        &self,
        range: Range<usize>,
        change: impl Fn(Prot) -> Prot,
    ) -> Result<(), Trouble> {
        let mut guard = RcuGuard::enter();
        let mut cursor = self.vm.cursor_mut(&mut guard, &range)?;
        cursor.protect(range.end - range.start, |p| {
            let new = property(change(prot(p)));
            let kept = p.flags.difference(PageFlags::RWX);
            p.flags = kept.union(new.flags);
            p.priv_flags = new.priv_flags;
        })?;
        Ok(())
    }

    /// The page at `at`, with its permissions.
    ///
    /// # Errors
    /// As for [`Space::unmap`].
    pub fn query(&self, at: usize) -> Result<Option<(Page, Prot)>, Trouble> {
        let mut guard = RcuGuard::enter();
        let mut cursor = self.vm.cursor(&mut guard, &(at..at + PAGE))?;
        cursor.query()?.1.map(|item| page_of(at, item)).transpose()
    }

    /// All pages in `range`, ascending.
    ///
    /// # Errors
    /// As for [`Space::unmap`].
    pub fn mapped(&self, range: Range<usize>) -> Result<Vec<(usize, Page, Prot)>, Trouble> {
        let mut guard = RcuGuard::enter();
        let mut cursor = self.vm.cursor(&mut guard, &range)?;
        let mut pages = Vec::new();
        while cursor.virt_addr() < range.end {
            let Some(at) = cursor.find_next(range.end - cursor.virt_addr())? else {
                break;
            };
            if let Some(item) = cursor.query()?.1 {
                let (page, prot) = page_of(at, item)?;
                pages.push((at, page, prot));
            }
            cursor.jump(at + PAGE)?;
        }
        Ok(pages)
    }

    /// The program on the current CPU loads, stores `word` in, or executes the word at `at`: through
    /// that CPU's TLB. Answers the word that is there then, or none if the CPU faults.
    pub fn access(&self, at: usize, how: Prot, word: u64) -> Option<u64> {
        let machine = self.host.machine();
        if how == Prot::WRITE {
            machine.write(at, &word.to_ne_bytes(), true).ok()?;
            Some(word)
        } else if how == Prot::EXEC {
            let pa = machine.access(at, Access::Execute, true).ok()?;
            machine.word(pa)
        } else {
            let mut bytes = [0; 8];
            machine.read(at, &mut bytes, true).ok()?;
            Some(u64::from_ne_bytes(bytes))
        }
    }
}

fn page_of(at: usize, item: MappedItem<P>) -> Result<(Page, Prot), Trouble> {
    let allowed = prot(&item.prop());
    match item {
        MappedItem::Tracked(frame, _) => {
            let frame: Result<UFrame<P>, DynFrame<P>> = frame.cast();
            let frame = frame.map_err(|_| Trouble::Foreign(at))?;
            Ok((Page(frame), allowed))
        }
        MappedItem::TrackedHuge(..) | MappedItem::Untracked(..) => Err(Trouble::Foreign(at)),
    }
}

/// The property of a page with these permissions: whatever is permitted at all can be read.
fn property(prot: Prot) -> PageProperty {
    let mut flags = PageFlags::R;
    if prot.allows(Prot::WRITE) {
        flags = flags.union(PageFlags::W);
    }
    if prot.allows(Prot::EXEC) {
        flags = flags.union(PageFlags::X);
    }
    let priv_flags = if prot == Prot::NONE {
        PrivilegedPageFlags::default()
    } else {
        PrivilegedPageFlags::USER
    };
    PageProperty {
        flags,
        priv_flags,
        ..PageProperty::default()
    }
}

/// The permissions of a page with this property.
fn prot(property: &PageProperty) -> Prot {
    if property.priv_flags.contains(PrivilegedPageFlags::USER) {
        Prot::from_bits(property.flags.bits())
    } else {
        Prot::NONE
    }
}
