//! Page tables.
mod entry_word;
mod identity;
mod lock;
pub mod node;
mod node_frame;
pub mod retired;

pub use node::walk_hint;
