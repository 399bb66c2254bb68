//! Read sections, as the proven code sees them.
//!
//! A guard keeps every page-table node that was seen live inside it readable. A cursor borrows its
//! guard mutably for as long as it lives, so one guard never serves two cursors; lock-free walks borrow it
//! shared. Who waits for a grace period gives his guard away for it ([`RcuGuard::wait_grace_period`]), so no
//! cursor of that guard is left. But sections nest: a CPU that enters a second one can open a second
//! cursor, and waits for itself for ever if the two lock a common node, or if it waits for a grace period in one of them. That
//! it does not is the caller's to keep. Nothing else in this crate waits for a grace period: what must wait is kept in a list until
//! a stamp has passed.
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

impl<P: Platform> RcuGuard<P> {
    /// Ends the section, and waits until every section that is under way now, on any CPU, has ended. The
    /// current CPU must not be in another one: it would wait for itself.
    ///
    /// No cursor of this section is left, since a cursor borrows the guard:
    /// ```compile_fail,E0505
    /// # use veripage::{page_table::PageTableError, rcu::RcuGuard};
    /// # use veripage::{page_table::{KernelPtConfig, PageTable, PagingFormat}, Platform};
    /// fn wait<P: Platform, F: PagingFormat>(
    ///     table: &PageTable<KernelPtConfig<P, F>>,
    ///     mut guard: RcuGuard<P>,
    /// ) -> Result<usize, PageTableError> {
    ///     let cursor = table.cursor(&mut guard, &(0..0x1000))?;
    ///     guard.wait_grace_period(); // the cursor still has it
    ///     Ok(cursor.virt_addr())
    /// }
    /// ```
    /// Once the cursor is gone, the same is in order:
    /// ```
    /// # use veripage::{page_table::PageTableError, rcu::RcuGuard};
    /// # use veripage::{page_table::{KernelPtConfig, PageTable, PagingFormat}, Platform};
    /// fn wait<P: Platform, F: PagingFormat>(
    ///     table: &PageTable<KernelPtConfig<P, F>>,
    ///     mut guard: RcuGuard<P>,
    /// ) -> Result<usize, PageTableError> {
    ///     let cursor = table.cursor(&mut guard, &(0..0x1000))?;
    ///     let va = cursor.virt_addr();
    ///     drop(cursor);
    ///     guard.wait_grace_period();
    ///     Ok(va)
    /// }
    /// ```
    pub fn wait_grace_period(self) {
        let mut stamp = None;
        self.wait_for(|| P::rcu_passed(*stamp.get_or_insert_with(P::rcu_stamp)));
    }

    /// Ends the section, and asks again and again whether what somebody waits for has happened.
    pub(crate) fn wait_for(self, mut happened: impl FnMut() -> bool) {
        drop(self);
        while !happened() {
            P::relax();
        }
    }
}
