//! The TLB flusher: what leaves a table waits in it until no CPU can hold a translation to it.
//!
//! ```text
//!   cursor --Pending--> listed --dispatch--> asked --sync--> frames: let go
//!                                                       \--> nodes: deferred, for a grace period
//! ```
//! Flushes are eager: nothing outlives the flusher, which syncs when it is dropped. It allocates
//! nothing; what does not fit is flushed at once. It never waits for a grace period, since its user
//! may be in a read section: nodes go on to `deferred`.
mod batch;
pub(crate) mod deferred;
pub(crate) mod fixed;
mod flusher;
#[cfg(all(test, feature = "loom"))]
mod loom_tests;
pub(crate) mod queue;
#[cfg(not(verus_only))]
mod sink;
#[cfg(verus_only)]
pub mod theorem;
#[doc(hidden)] // a client for the checker and the tests
pub mod tour;

pub use crate::page_table::pending::pages::MAX_FRAMES;
pub use flusher::TlbFlusher;
pub use queue::MAX_RANGES;
