//! What has left a table but may still be in use.
//!
//! A CPU may hold a translation to a frame until it has flushed it, and a lock-free reader may look
//! at a node until a grace period has passed. So nothing that a cursor removes is handed out as it
//! is: it comes wrapped, and only the TLB flusher unwraps it.

/// Something taken out of a page table that CPUs may still reach.
///
/// Dropping one leaks what is in it, which is safe: it is never given back to anybody.
#[must_use = "it is leaked unless it goes through the TLB flusher"]
#[derive(Debug)]
pub struct Pending<T>(core::mem::ManuallyDrop<T>);

impl<T> Pending<T> {
    /// Wraps what has just left a table.
    pub(crate) const fn new(value: T) -> Self {
        Pending(core::mem::ManuallyDrop::new(value))
    }

    /// Looks at it without giving it back.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// Unwraps it.
    ///
    /// # Safety
    /// Every CPU that may hold a translation that came from the removed entries has flushed it
    /// since they were cleared; for page-table nodes, a grace period has passed since as well.
    pub unsafe fn assume_flushed(self) -> T {
        core::mem::ManuallyDrop::into_inner(self.0)
    }
}
