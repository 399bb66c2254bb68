//! Page tables: made, changed by cursors, walked without locks, taken apart.
//!
//! A [`PageTable`] is a root node. Whoever wants to change or to read a range opens a cursor, which locks
//! the lowest node that covers the range and what lies below it; cursors over disjoint ranges go on side by
//! side. What a cursor removes comes out as [`Pending`]: CPUs may still have it in their TLBs, readers may
//! still look at it. What is mapped, in which half, and in which format is the [`PageTableConfig`]'s.
//! ```text
//!   table  cursor  boot             what a kernel calls: whole tables, ranges, the table of the boot
//!   kind  config  item              which addresses, which format; what is mapped
//!   error  pending                  what can go wrong, what waits for a flush
//!     table_root                    a table but for its items: made, shared, walked, taken apart
//!     range  lock_range             opening and closing a range: locks become ownership
//!     path  edit  runs              a position, what is found there, what is mapped from there on
//!     unmap  protect  leaf          what is taken out or changed
//!     prune  over_tables            nodes that leave, huge pages over empty tables
//!       node  node/  walk_hint      one locked node: born, written, split, detached; walks without locks
//!       retired  node_frame         nodes that left; a node as a frame
//!         lock  identity            the lock byte of a slot; where a node sits
//!         geom  word  entry_word    page numbers, questions to words, what the MMU may do to them
//!   model  model_words  theorem     ghost: what owned nodes mean; no page has two owners
//!   count  leaves                   ghost: how many pages are mapped, where leaves are
//!   shares                          ghost: the shares of frames that counted pages hold
//! ```
//! What it may touch: words of nodes, by `veripage_hw::page`; lock, live byte and metadata of their slots,
//! by `veripage_hw::lock` and `veripage_hw::meta`; frames, by taking and giving whole ones
//! (`node_frame`, `boot`). It never reads or writes what is mapped.
#[cfg(not(verus_only))]
mod boot;
mod config;
#[cfg(verus_only)]
pub(crate) mod count;
mod cursor;
mod edit;
mod entry_word;
mod error;
mod geom;
mod identity;
mod item;
mod kind;
pub(crate) mod leaf;
#[cfg(verus_only)]
pub(crate) mod leaves;
mod lock;
mod lock_range;
pub(crate) mod loose;
#[cfg(verus_only)]
pub(crate) mod model;
#[cfg(verus_only)]
pub(crate) mod model_words;
pub(crate) mod node;
mod node_frame;
mod over_tables;
mod path;
pub(crate) mod pending;
mod protect;
mod prune;
mod range;
pub(crate) mod reclaim;
pub(crate) mod retired;
mod runs;
#[cfg(verus_only)]
pub(crate) mod shares;
#[cfg(not(verus_only))]
mod table;
mod table_root;
#[cfg(verus_only)]
mod theorem;
#[doc(hidden)]
pub mod tour;
mod unmap;
mod word;

#[cfg(not(verus_only))]
pub use boot::BootPageTable;
pub use config::PageTableConfig;
pub use cursor::{Cursor, CursorMut, RetiredOf, Sink, Taken};
pub use error::PageTableError;
pub use item::MappedItem;
pub use kind::{KernelPtConfig, PagingFormat, TableKind, UserPtConfig};
pub use pending::{Flushed, Pending};
pub use reclaim::reclaim;
pub use retired::{Expired, Retired, Waiting};
#[cfg(not(verus_only))]
pub use table::PageTable;
