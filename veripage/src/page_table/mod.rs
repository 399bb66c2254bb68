//! Page tables.
mod config;
mod cursor;
mod edit;
mod entry_word;
mod error;
mod geom;
mod identity;
mod item;
mod lock;
mod lock_range;
#[cfg(verus_only)]
pub mod model;
pub mod node;
mod node_frame;
mod path;
mod pending;
pub mod retired;
mod runs;
mod table;
pub mod walk_hint;
mod word;

pub use config::{KernelPtConfig, PageTableConfig, PagingFormat, UserPtConfig};
pub use cursor::{Cursor, CursorMut, RetiredOf, Sink, Taken};
pub use item::MappedItem;
pub use retired::Retired;
pub(crate) use table::reclaim;
pub use table::PageTable;
pub use error::PageTableError;
pub use pending::Pending;
