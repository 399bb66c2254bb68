//! The trusted base of Veripage: everything that is believed without proof.
//!
//! It is what touches the machine: words of page-table nodes, counts, lock bytes and metadata in the slots,
//! the bytes of frames, and the trait [`Platform`] that a kernel implements. One line a primitive. Each
//! has a contract, a reason and a test, listed in `TRUSTED.md`.
//!
//! Its functions are for callers that the checker reads: what they require is proven there, and not
//! looked at when they run. Where a wrong call could touch memory it must not, the function is `unsafe`.
#![no_std]
#![cfg_attr(verus_only, feature(proc_macro_hygiene))]
#![cfg_attr(verus_only, allow(missing_docs))]

pub mod bytes;
pub mod count;
pub mod cpu_set;
pub mod flush;
#[cfg(verus_only)]
pub mod genesis;
pub mod handle;
pub mod lock;
pub mod meta;
#[cfg(feature = "model")]
pub mod model;
pub mod order;
pub mod page;
pub mod platform;
pub mod rcu;

pub use lock::SlotByte;
pub use page::PagePerm;
pub use platform::{CpuSet, FlushOp, Platform};

/// Physical address in bytes.
pub type Paddr = usize;
/// Virtual address in bytes.
pub type Vaddr = usize;
vstd::prelude::verus! {
/// Bytes of a base page, the same for every format that Veripage knows.
pub const PAGE_SIZE: usize = 4096;
}
