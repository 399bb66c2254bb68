//! Nodes that every CPU has flushed, until no reader can look at them any more.
//!
//! Two lists, nothing allocated: one whose grace period has begun, and one that collects what comes
//! meanwhile. Nobody waits: the lists are looked at whenever a flusher syncs.
use crate::page_table::{reclaim, Expired, Flushed, Retired, Waiting};
use crate::paging::PageTableEntryTrait;
use crate::spin::{Kept, SpinLock};
use crate::Platform;
use core::mem::swap;
use core::sync::atomic::{AtomicBool, Ordering};
use vstd::prelude::*;

/// The two lists.
#[verus_verify]
#[cfg_attr(
    verus_only,
    verifier::reject_recursive_types(P),
    verifier::reject_recursive_types(E)
)]
struct Lists<P: Platform, E: PageTableEntryTrait> {
    waiting: Option<Waiting<P, E>>,
    next: Flushed<Retired<P, E>>,
}

verus! {

impl<P: Platform, E: PageTableEntryTrait> Kept<()> for Lists<P, E> {
    /// Nothing lies there without a grace period that runs.
    closed spec fn kept(&self, key: ()) -> bool {
        self.waiting is None ==> self.next@@.len() == 0
    }
}

} // verus!

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Lists<P, E> {
    /// Takes out what may be freed.
    #[verus_spec(ensures final(self).next == old(self).next)]
    fn expire(&mut self) -> Option<Expired<P, E>> {
        match self.waiting.take() {
            None => None,
            Some(waiting) => match waiting.try_expire() {
                Ok(expired) => Some(expired),
                Err(waiting) => {
                    self.waiting = Some(waiting);
                    None
                }
            },
        }
    }

    /// Starts a grace period for what has collected, if none is under way.
    #[verus_spec(ensures final(self).kept(()))]
    fn start(&mut self) {
        if self.waiting.is_none() && !self.next.is_empty() {
            let mut next = Flushed::none();
            swap(&mut self.next, &mut next);
            self.waiting = Some(next.wait());
        }
    }
}

/// Nodes that wait for a grace period. All tables of a kind share one list.
#[verus_verify]
#[cfg_attr(
    verus_only,
    verifier::reject_recursive_types(P),
    verifier::reject_recursive_types(E)
)]
pub struct DeferredNodes<P: Platform, E: PageTableEntryTrait> {
    lists: SpinLock<(), Lists<P, E>>,
    /// May be true without reason; what is deferred by this CPU is never overlooked.
    any: AtomicBool,
}

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> DeferredNodes<P, E> {
    /// No nodes.
    #[verus_spec]
    pub(crate) fn new() -> Self {
        let lists = Lists {
            waiting: None,
            next: Flushed::none(),
        };
        DeferredNodes {
            lists: SpinLock::new(lists, verus_exec_expr!(Ghost(()))),
            any: AtomicBool::new(false),
        }
    }

    /// Takes nodes over, which every CPU that may walk through them has flushed.
    #[verus_spec]
    pub(crate) fn defer(&self, nodes: Flushed<Retired<P, E>>) {
        if nodes.is_empty() {
            return;
        }
        let mut held = self.lists.acquire::<P>();
        let lists = self.lists.value(&mut held);
        lists.next.append(nodes);
        lists.start();
        self.any.store(true, Ordering::Relaxed);
        self.lists.release(held);
    }

    /// Frees the nodes whose grace period is over, with the frames that they still map, and starts
    /// the next one. Never waits. Returns whether nodes are left.
    #[verus_spec]
    pub(crate) fn poll(&self) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let mut held = self.lists.acquire::<P>();
        let lists = self.lists.value(&mut held);
        let expired = lists.expire();
        lists.start();
        let left = lists.waiting.is_some();
        self.any.store(left, Ordering::Relaxed);
        self.lists.release(held);
        if let Some(expired) = expired {
            reclaim(expired);
        }
        left
    }
}
