//! A memory-management core for kernels: frames, page tables, kernel areas and user spaces.
#![no_std]
#![cfg_attr(verus_only, feature(proc_macro_hygiene))]
#![cfg_attr(verus_only, allow(missing_docs))]

pub use veripage_hw::cpu_set::AtomicCpuSet;
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
