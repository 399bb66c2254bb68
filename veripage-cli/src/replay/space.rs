//! The page tables of one replayed process: a [`VmSpace`], spoken to in pages and permissions.
//!
//! Every change is flushed from all CPUs before the function returns: its cursor is dropped then.
use super::machine::{Host, P};
use super::region::{Prot, RangeError, PAGE};
use std::ops::Range;
use veripage::frame::{AllocError, DynFrame, FrameAllocOptions, GetFrameError, IoError, UFrame};
use veripage::kspace::{KSpaceError, KernelSpace};
use veripage::page_table::{MappedItem, PageTableError};
use veripage::paging::{PageFlags, PageProperty, PrivilegedPageFlags, X86_64};
use veripage::rcu::RcuGuard;
use veripage::vm_space::VmSpace;
use veripage::{CpuSet, Paddr};
use veripage_sim::Access;

/// The kernel half.
pub type Kernel = KernelSpace<P, X86_64>;

/// Why an operation could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No frame was left.
    #[error("out of simulated memory")]
    NoMemory,
    /// The numbers of a call are not ones that Linux would have accepted.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The page tables refused what they must not refuse.
    #[error("page tables: {0}")]
    Table(PageTableError),
    /// A frame is not in the state that it must be in.
    #[error("frame: {0:?}")]
    Frame(GetFrameError),
    /// What is mapped is not what was mapped.
    #[error("a page at {0:#x} that nobody mapped")]
    Foreign(usize),
    /// The memory of a frame cannot be read or written.
    #[error("frame {0:#x}: {1:?}")]
    Io(Paddr, IoError),
    /// The kernel half cannot be made.
    #[error("kernel half: {0}")]
    Kernel(KSpaceError),
}

impl From<PageTableError> for Trouble {
    fn from(e: PageTableError) -> Trouble {
        match e {
            PageTableError::NoMemory(_) => Trouble::NoMemory,
            e => Trouble::Table(e),
        }
    }
}

impl From<AllocError> for Trouble {
    fn from(e: AllocError) -> Trouble {
        match e {
            AllocError::NoMemory | AllocError::InvalidArgs => Trouble::NoMemory,
            AllocError::Frame(e) => Trouble::Frame(e),
        }
    }
}

impl From<KSpaceError> for Trouble {
    fn from(e: KSpaceError) -> Trouble {
        match e {
            KSpaceError::Table(e) => e.into(),
            e => Trouble::Kernel(e),
        }
    }
}

/// A handle on a frame of memory that programs see.
#[derive(Clone)]
pub struct Page(UFrame<P>);

impl Page {
    /// A fresh frame: `first`, then zeroes.
    ///
    /// # Errors
    /// `NoMemory`.
    pub fn filled(first: u64) -> Result<Page, Trouble> {
        let page = Page(FrameAllocOptions::new().alloc_frame()?);
        if first != 0 {
            page.write_first(first)?;
        }
        Ok(page)
    }

    /// A fresh frame with the same contents.
    ///
    /// # Errors
    /// `NoMemory`.
    pub fn copy(&self) -> Result<Page, Trouble> {
        let copy = FrameAllocOptions::new().zeroed(false).alloc_frame()?;
        copy.writer().write(&mut self.0.reader());
        Ok(Page(copy))
    }

    /// The first word.
    ///
    /// # Errors
    /// None is expected.
    pub fn first(&self) -> Result<u64, Trouble> {
        let read = self.0.read_val(0);
        read.map_err(|e| Trouble::Io(self.paddr(), e))
    }

    /// Writes the first word.
    ///
    /// # Errors
    /// None is expected.
    pub fn write_first(&self, word: u64) -> Result<(), Trouble> {
        let written = self.0.write_val(0, &word);
        written.map_err(|e| Trouble::Io(self.paddr(), e))
    }

    /// How many handles and mappings the frame has, this one included.
    pub fn references(&self) -> u32 {
        self.0.reference_count()
    }

    /// Where it is.
    pub fn paddr(&self) -> Paddr {
        self.0.start_paddr()
    }
}

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
