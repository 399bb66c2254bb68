//! A memory-management core for kernels: frames, page tables, kernel areas and user spaces.
//!
//! It touches memory only through the trusted words of `veripage-hw`, and the machine only through
//! [`Platform`], which the kernel implements. It allocates nothing but frames, has no global state, and
//! answers bad input with an error that names the address. `docs/design.md` says what a kernel must supply.
//! ```
//! use veripage::frame::{FrameAllocOptions, UFrame};
//! use veripage::paging::{CachePolicy, PageFlags, PageProperty, X86_64};
//! use veripage::{kspace::KernelSpace, rcu::RcuGuard, vm_space::VmSpace};
//! use veripage_sim::{Config, Machine, Sim};
//!
//! type P = Sim<8>; // a kernel names its own machine here
//! let machine = Machine::<8>::boot_with_frames(Config::default())?;
//! let kernel = KernelSpace::<P, X86_64>::new(0xffff_c000_0000_0000..0xffff_c000_4000_0000)?;
//! let space = VmSpace::new(&kernel)?;
//!
//! let frame: UFrame<P> = FrameAllocOptions::new().alloc_frame()?;
//! let prop = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
//! {
//!     let mut guard = RcuGuard::enter();
//!     let mut cursor = space.cursor_mut(&mut guard, &(0x40_0000..0x40_2000))?;
//!     cursor.map(frame, prop).map_err(|(e, _frame)| e)?;
//!     assert_eq!(cursor.virt_addr(), 0x40_1000);
//! } // here the range is unlocked, and what was removed is flushed everywhere
//!
//! space.activate();
//! space.writer(0x40_0ff8, 8)?.write_val(&0x1234_u64)?;
//! assert_eq!(space.reader(0x40_0ff8, 8)?.read_val::<u64>()?, 0x1234);
//!
//! drop(space);
//! while kernel.reclaim() {} // nodes wait until no reader can look at them
//! assert!(machine.violations().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![cfg_attr(verus_only, feature(proc_macro_hygiene))]
#![cfg_attr(verus_only, allow(missing_docs))]

pub use veripage_hw::{CpuSet, FlushOp, Paddr, Platform, Vaddr, PAGE_SIZE};

pub mod frame;
pub mod kspace;
pub mod page_table;
pub mod paging;
pub mod rcu;
mod spin;
pub mod tlb;
#[cfg(not(verus_only))]
pub mod vm_space;
