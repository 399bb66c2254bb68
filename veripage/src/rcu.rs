//! Read sections, as the proven code sees them.
//!
//! A guard keeps every page-table node that was seen live inside it readable. A cursor borrows its
//! guard mutably for as long as it lives, so one guard never serves two cursors; lock-free walks borrow it
//! shared. But sections nest: a CPU that enters a second one can open a second cursor, and waits for itself
//! for ever if the two lock a common node. That it does not is the caller's to keep. Nothing in this crate waits for a grace period: what
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
