//! Page tables.
mod pending;

pub use pending::Pending;
