//! Kernel areas.
pub mod area_pool;
pub mod range_alloc;
