//! Kernel areas.
pub mod range_alloc;
