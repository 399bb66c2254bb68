//! What the tests of tables share: every format by one macro, a sink, properties.
#![allow(dead_code, unused_imports, unused_macros)]
use core::ops::Range;
pub use veripage::page_table::*;
pub use veripage::paging::*;
pub use veripage::rcu::RcuGuard;
pub use veripage::{Paddr, Platform, Vaddr};
pub use veripage_sim::{Config, Machine, Sim};

/// Runs the generic test function of this name on every format, each on a machine of its own.
macro_rules! each_format {
    ($name:ident, $id:literal) => {
        mod $name {
            use super::*;
            #[test]
            fn x86_64() {
                super::$name::<X86_64, { $id }>()
            }
            #[test]
            fn x86_64_la57() {
                super::$name::<X86_64La57, { $id + 1 }>()
            }
            #[test]
            fn riscv_sv39() {
                super::$name::<Sv39, { $id + 2 }>()
            }
            #[test]
            fn riscv_sv48() {
                super::$name::<Sv48, { $id + 3 }>()
            }
            #[test]
            fn riscv_sv57() {
                super::$name::<Sv57, { $id + 4 }>()
            }
            #[test]
            fn aarch64() {
                super::$name::<Aarch64, { $id + 5 }>()
            }
            #[test]
            fn loongarch64() {
                super::$name::<LoongArch64, { $id + 6 }>()
            }
        }
    };
}
pub(crate) use each_format;

pub type User<F, const ID: usize> = PageTable<UserPtConfig<Sim<ID>, F>>;
pub type Kernel<F, const ID: usize> = PageTable<KernelPtConfig<Sim<ID>, F>>;

pub const PAGE: usize = 4096;
pub const M2: usize = 2 << 20;
pub const G1: usize = 1 << 30;

/// A booted machine that must be whole and empty at the end.
pub struct At<const ID: usize>(pub Machine<ID>);

pub fn machine<const ID: usize>() -> At<ID> {
    let machine = Machine::boot(Config::with_ram(16 << 20)).unwrap();
    // SAFETY: once, before anybody uses frames.
    unsafe { veripage::frame::boot::<Sim<ID>>(0..Sim::<ID>::MAX_PADDR) };
    At(machine)
}

impl<const ID: usize> At<ID> {
    pub fn nodes(&self) -> usize {
        self.0.stats().allocated
    }
}

impl<const ID: usize> Drop for At<ID> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.0.allocated_frames(), [], "frames lost");
            assert_eq!(self.0.violations(), []);
        }
    }
}

pub fn prop(flags: PageFlags) -> PageProperty {
    PageProperty::new_user(flags, CachePolicy::Writeback)
}

pub fn rw() -> PageProperty {
    prop(PageFlags::RW)
}

pub fn ro() -> PageProperty {
    prop(PageFlags::R)
}

/// An item of memory that nobody counts.
pub fn at<P: Platform>(pa: Paddr, level: PagingLevel, prop: PageProperty) -> MappedItem<P> {
    MappedItem::Untracked(pa, level, prop)
}

/// (address, level, property without accessed and dirty) of an item.
pub fn told<P: Platform>(item: &MappedItem<P>) -> (Paddr, PagingLevel, PageProperty) {
    (item.paddr(), item.level(), item.prop().sans_ad())
}

/// Keeps pages until it is asked for them, and nodes until it is dropped, which must not be in a read
/// section: these tests have no CPU that has loaded the table.
pub struct Now<C: PageTableConfig> {
    pub pages: Vec<(Range<Vaddr>, C::Item)>,
    nodes: Flushed<RetiredOf<C>>,
}

impl<C: PageTableConfig> Default for Now<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: PageTableConfig> Now<C> {
    pub fn new() -> Self {
        Now {
            pages: Vec::new(),
            nodes: Flushed::none(),
        }
    }
}

impl<C: PageTableConfig> Sink<C> for Now<C> {
    fn page(&mut self, item: Pending<C::Item>) {
        let va = item.range();
        // SAFETY: no CPU has loaded the table.
        self.pages
            .push((va, unsafe { item.assume_flushed() }.into_inner()));
    }

    fn nodes(&mut self, nodes: Pending<RetiredOf<C>>) {
        // SAFETY: as above.
        self.nodes.append(unsafe { nodes.assume_flushed() });
    }
}

impl<C: PageTableConfig> Drop for Now<C> {
    fn drop(&mut self) {
        if self.nodes.is_empty() {
            return;
        }
        let nodes = core::mem::replace(&mut self.nodes, Flushed::none());
        let mut waiting = nodes.wait();
        loop {
            match waiting.try_expire() {
                Ok(expired) => return reclaim(expired),
                Err(w) => waiting = w,
            }
            C::P::relax();
        }
    }
}
