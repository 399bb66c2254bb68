//! Read sections, as the proven code sees them.
//!
//! A guard keeps every page-table node that was seen live inside it readable. A cursor borrows its
//! guard mutably while it waits for locks (so one CPU never waits for a lock while it owns another
//! cursor's), lock-free walks borrow it shared. Nothing in this crate waits for a grace period: what
//! must wait is kept in a list until a stamp has passed.
use crate::Platform;
use veripage_hw::rcu::Section;
use vstd::prelude::*;

/// A read section of the current CPU. It ends when the guard is dropped, on the CPU that entered it.
#[verus_verify]
#[must_use = "the read section ends as soon as the guard is dropped"]
pub struct RcuGuard<P: Platform> {
    section: Section<P>,
}

#[verus_verify]
impl<P: Platform> RcuGuard<P> {
    /// Enters a read section on this CPU; sections nest.
    #[inline(always)]
    #[verus_spec]
    pub fn enter() -> Self {
        RcuGuard {
            section: Section::enter(),
        }
    }

    /// The section, for loads that need one.
    #[inline(always)]
    #[verus_spec]
    pub(crate) fn section(&self) -> &Section<P> {
        &self.section
    }
}
