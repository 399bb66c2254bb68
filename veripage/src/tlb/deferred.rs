//! Nodes that every CPU has flushed, until no reader can look at them any more.
//!
//! Two lists, nothing allocated: one whose grace period has begun, and one that collects what comes
//! meanwhile. Nobody waits: the lists are looked at whenever a flusher syncs.
use crate::page_table::retired::{Retired, Waiting};
use crate::page_table::{reclaim, PageTableConfig, RetiredOf};
use crate::spin::{Kept, SpinLock};
use core::mem::take;
use core::sync::atomic::{AtomicBool, Ordering};
use vstd::prelude::*;

/// The two lists.
struct Lists<C: PageTableConfig> {
    waiting: Option<Waiting<C::P, C::E>>,
    next: RetiredOf<C>,
}

impl<C: PageTableConfig> Lists<C> {
    /// Starts a grace period for what has collected, if none is under way.
    fn start(&mut self) {
        if self.waiting.is_none() && !self.next.is_empty() {
            self.waiting = Some(take(&mut self.next).wait());
        }
    }
}

verus! {

impl<C: PageTableConfig> Kept<()> for Lists<C> {
    spec fn kept(&self, key: ()) -> bool { true }
}

} // verus!

/// The nodes of tables of kind `C` that wait for a grace period. All tables of a kind share one.
pub struct DeferredNodes<C: PageTableConfig> {
    lists: SpinLock<(), Lists<C>>,
    /// May be true without reason; what is deferred by this CPU is never overlooked.
    any: AtomicBool,
}

impl<C: PageTableConfig> DeferredNodes<C> {
    /// No nodes.
    pub(crate) fn new() -> Self {
        let lists = Lists {
            waiting: None,
            next: Retired::new(),
        };
        DeferredNodes {
            lists: SpinLock::new(lists, verus_exec_expr!(Ghost(()))),
            any: AtomicBool::new(false),
        }
    }

    /// Takes nodes over, which every CPU that may walk through them has flushed.
    pub(crate) fn defer(&self, nodes: RetiredOf<C>) {
        if nodes.is_empty() {
            return;
        }
        self.with(|lists| {
            lists.next.append(nodes);
            lists.start();
            self.any.store(true, Ordering::Relaxed);
        });
    }

    /// Frees the nodes whose grace period is over, with the frames that they still map, and starts
    /// the next one. Never waits. Returns whether nodes are left.
    pub(crate) fn poll(&self) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let (expired, left) = self.with(|lists| {
            let expired = match lists.waiting.take().map(Waiting::try_expire) {
                Some(Ok(expired)) => Some(expired),
                Some(Err(waiting)) => {
                    lists.waiting = Some(waiting);
                    None
                }
                None => None,
            };
            lists.start();
            let left = lists.waiting.is_some();
            self.any.store(left, Ordering::Relaxed);
            (expired, left)
        });
        if let Some(expired) = expired {
            reclaim::<C>(expired);
        }
        left
    }

    fn with<R>(&self, f: impl FnOnce(&mut Lists<C>) -> R) -> R {
        let mut held = self.lists.acquire::<C::P>();
        let r = f(self.lists.value(&mut held));
        self.lists.release(held);
        r
    }
}
