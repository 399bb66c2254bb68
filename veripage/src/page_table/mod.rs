//! Page tables.
mod entry_word;
mod error;
mod geom;
mod identity;
mod lock;
#[cfg(verus_only)]
pub mod model;
pub mod node;
mod node_frame;
mod path;
mod pending;
pub mod retired;
pub mod walk_hint;
mod word;

pub use error::PageTableError;
pub use pending::Pending;
