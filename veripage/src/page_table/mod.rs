//! Page tables.
#[cfg(not(verus_only))]
mod boot;
#[cfg(not(verus_only))]
mod config;
#[cfg(not(verus_only))]
mod cursor;
mod edit;
mod entry_word;
mod error;
mod geom;
mod identity;
#[cfg(not(verus_only))]
mod item;
mod lock;
mod lock_range;
#[cfg(verus_only)]
pub(crate) mod model;
#[cfg(verus_only)]
pub(crate) mod model_words;
pub(crate) mod node;
mod node_frame;
#[cfg(not(verus_only))]
mod over_tables;
mod path;
#[cfg(not(verus_only))]
mod pending;
mod prune;
#[cfg(not(verus_only))]
mod range;
pub(crate) mod retired;
mod runs;
#[cfg(not(verus_only))]
mod table;
#[cfg(verus_only)]
mod theorem;
mod word;

#[cfg(not(verus_only))]
pub use boot::BootPageTable;
#[cfg(not(verus_only))]
pub use config::{KernelPtConfig, PageTableConfig, PagingFormat, UserPtConfig};
#[cfg(not(verus_only))]
pub use cursor::{Cursor, CursorMut, RetiredOf, Sink, Taken};
pub use error::PageTableError;
#[cfg(not(verus_only))]
pub use item::MappedItem;
#[cfg(not(verus_only))]
pub(crate) use node::walk_hint;
#[cfg(not(verus_only))]
pub use pending::Pending;
pub use retired::{Expired, Retired, Waiting};
#[cfg(not(verus_only))]
pub use table::{reclaim, PageTable};
