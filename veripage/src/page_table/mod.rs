//! Page tables.
mod entry_word;
mod identity;
mod lock;
#[cfg(not(verus_only))]
pub mod node;
mod node_frame;
#[cfg(not(verus_only))]
pub mod retired;
#[cfg(not(verus_only))]
pub mod walk_hint;
