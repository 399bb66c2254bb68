//! Paging, as pure arithmetic: translation schemes, entry formats, ranges of addresses.
//!
//! Nothing here touches memory, is gated by the target, or is trusted. Every format compiles and is
//! tested on every host.
pub mod aarch64;
pub mod consts;
pub mod entry;
pub mod largest_pages;
pub mod loongarch64;
pub mod property;
pub mod riscv64;
pub mod vaddr;
#[allow(unused_braces)]
mod word;
pub mod x86_64;

#[cfg(any(verus_only, test))]
mod client;
#[cfg(verus_only)]
pub mod geometry;

pub use aarch64::Aarch64Pte;
pub use consts::*;
pub use entry::PageTableEntryTrait;
pub use largest_pages::{largest_pages, LargestPages, LargestPagesError};
pub use loongarch64::LoongArch64Pte;
pub use property::{CachePolicy, PageFlags, PageProperty, PrivilegedPageFlags};
pub use riscv64::RiscvPte;
pub use vaddr::{is_valid_range, sign_extend, vaddr_range, vaddr_range_bounds};
pub use x86_64::X86_64Pte;
