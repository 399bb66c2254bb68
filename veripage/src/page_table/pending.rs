//! What has left a table but may still be in use.
//!
//! A CPU may hold a translation to a frame until it has flushed it, and a lock-free reader may look
//! at a node until a grace period has passed. So nothing that a cursor removes is handed out as it
//! is. It comes apart in steps, each of which needs the evidence of the one before:
//! ```text
//!   Pending   the addresses that it was mapped at, which some CPU may still translate to it
//!   Issued    these addresses are among those that a flusher has to have flushed
//!   Flushed   a flush of them was asked for after they were issued, and every CPU has carried it out
//! ```
//! Frames are let go then (`pages`). Nodes wait for a grace period on top (`retired`).
use crate::Vaddr;
use core::mem::ManuallyDrop;
use core::ops::{Deref, Range};
#[cfg(verus_only)]
use veripage_hw::flush::FlushLog;
use vstd::prelude::*;
#[cfg(verus_only)]
use vstd::resource::Loc;

mod nodes;
pub(crate) mod pages;
#[cfg(verus_only)]
#[path = "pending.spec.rs"]
mod spec;
#[cfg(verus_only)]
pub use spec::*;

/// Something taken out of a page table that CPUs may still reach.
///
/// Dropping one leaks what is in it, which is safe: it is never given back to anybody. Safe code cannot open one:
/// ```compile_fail,E0133
/// # use veripage::page_table::Pending;
/// fn open<T>(removed: Pending<T>) -> T {
///     removed.assume_flushed().into_inner()
/// }
/// ```
/// ```compile_fail,E0616
/// # use veripage::page_table::Pending;
/// fn open<T>(removed: Pending<T>) -> T {
///     core::mem::ManuallyDrop::into_inner(removed.value)
/// }
/// ```
/// nor make one up, nor have it flushed at other addresses than its own:
/// ```compile_fail,E0624
/// # use veripage::page_table::Pending;
/// fn elsewhere<T>(value: T) -> Pending<T> {
///     Pending::new(value, 0..0x1000)
/// }
/// ```
#[must_use = "it is leaked unless it goes through the TLB flusher"]
#[verus_verify(external_derive)]
#[cfg_attr(verus_only, verifier::reject_recursive_types(T))]
#[derive(Debug)]
pub struct Pending<T> {
    value: ManuallyDrop<T>,
    start: Vaddr,
    end: Vaddr,
}

#[verus_verify]
impl<T> Pending<T> {
    /// Wraps what has just left a table, where it was mapped at the addresses `va`. An end of 0 stands for 2^64.
    #[inline(always)]
    #[verus_spec(r => ensures r@ == value, r.va() == va)]
    pub(crate) fn new(value: T, va: Range<Vaddr>) -> Self {
        Pending {
            value: ManuallyDrop::new(value),
            start: va.start,
            end: va.end,
        }
    }

    /// Looks at it without giving it back.
    #[verus_spec(r => ensures *r == self@)]
    pub fn get(&self) -> &T {
        self.value.deref()
    }

    /// The addresses that it was taken from. An end of 0 stands for 2^64.
    #[inline(always)]
    #[verus_spec(r => ensures r == self.va())]
    pub fn range(&self) -> Range<Vaddr> {
        self.start..self.end
    }

    /// Goes on waiting in a flusher. Whatever is asked for from now on, by this log, is asked for after it left
    /// its table.
    #[inline(always)]
    #[verus_spec(r =>
        with Tracked(log): Tracked<&FlushLog>
        ensures r@ == self@, r.log() == log.id(), r.issues() == Seq::empty().push(issue_of(self.va(), log.now())),
    )]
    pub(crate) fn issued(self) -> Issued<T> {
        proof_decl! { let ghost issue = issue_of(self.va(), log.now()); }
        proof_with! { issues: Ghost(Seq::empty().push(issue)), log: Ghost(log.id()) }
        Issued { value: self.value }
    }
}

#[cfg(not(verus_only))]
impl<T> Pending<T> {
    /// For kernels that flush by themselves. The checker does not see it: what it proves was flushed through
    /// `Issued`.
    ///
    /// # Safety
    /// Every CPU that may hold a translation that came from the removed entries has flushed it
    /// since they were cleared.
    pub unsafe fn assume_flushed(self) -> Flushed<T> {
        Flushed {
            value: ManuallyDrop::into_inner(self.value),
        }
    }
}

/// Something taken out of a page table, while a flusher is to flush its addresses.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(T))]
pub(crate) struct Issued<T> {
    value: ManuallyDrop<T>,
    #[cfg(verus_keep_ghost_body)]
    issues: Ghost<Seq<Issue>>,
    #[cfg(verus_keep_ghost_body)]
    log: Ghost<Loc>,
}

#[verus_verify]
impl<T> Issued<T> {
    /// Comes out, since no CPU can translate to it any more.
    #[inline(always)]
    #[verus_spec(r =>
        with Tracked(log): Tracked<&FlushLog>
        requires log.id() == self.log(), all_forgotten(*log, self.issues()),
        ensures r@ == self@, r.by() == evidence(*log, self.issues()),
    )]
    pub(crate) fn flushed(self) -> Flushed<T> {
        proof_with! { by: Ghost(evidence(*log, self.issues())) }
        Flushed {
            value: ManuallyDrop::into_inner(self.value),
        }
    }
}

/// Something taken out of a page table that no CPU can translate to any more.
#[must_use = "it is leaked unless it is let go"]
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(T))]
pub struct Flushed<T> {
    value: T,
    #[cfg(verus_keep_ghost_body)]
    by: Ghost<Seq<Evidence>>,
}

#[verus_verify]
impl<T> Flushed<T> {
    /// What it is.
    #[inline(always)]
    #[verus_spec(r => ensures r == self@)]
    pub fn into_inner(self) -> T {
        self.value
    }
}
