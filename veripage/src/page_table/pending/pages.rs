//! Pages on their way out of a table, in an array while they wait: nothing is allocated.
use super::*;
use crate::page_table::leaf::Leaf;
use crate::page_table::loose::*;
use crate::page_table::PageTableConfig;
use crate::tlb::fixed::FixedList;
use crate::Platform;
use core::marker::PhantomData;

#[cfg(verus_only)]
#[path = "pages.spec.rs"]
mod spec;

/// Pages that a flusher holds back; when there are more it flushes.
#[verus_verify]
pub const MAX_FRAMES: usize = 64;

/// Pages that wait for a flush. Dropping the list leaks their shares.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
pub(crate) struct PendingPages<P: Platform> {
    leaves: FixedList<Leaf, MAX_FRAMES>,
    marker: PhantomData<P>,
    #[cfg(verus_keep_ghost_body)]
    loads: Tracked<Map<int, Load<P>>>,
    #[cfg(verus_keep_ghost_body)]
    issues: Ghost<Seq<Issue>>,
    #[cfg(verus_keep_ghost_body)]
    log: Ghost<Loc>,
}

#[verus_verify]
impl<P: Platform> PendingPages<P> {
    /// No pages.
    #[inline(always)]
    #[verus_spec(r =>
        with Ghost(log): Ghost<Loc>
        ensures r.wf(), r.issues().len() == 0, r.log() == log,
    )]
    pub(crate) fn new() -> Self {
        proof_decl! { let tracked loads = Map::tracked_empty(); }
        proof_with! { loads: Tracked(loads), issues: Ghost(Seq::empty()), log: Ghost(log) }
        PendingPages {
            leaves: FixedList::new(),
            marker: PhantomData,
        }
    }

    /// Is there no place left?
    #[inline(always)]
    #[verus_spec(r => requires self.wf(), ensures r == (self.issues().len() == MAX_FRAMES), self.issues().len() <= MAX_FRAMES)]
    pub(crate) fn is_full(&self) -> bool {
        self.leaves.is_full()
    }

    /// Holds a page back until the flush of its addresses, which are issued now.
    #[inline(always)]
    #[verus_spec(
        with Tracked(log): Tracked<&FlushLog>
        requires old(self).wf(), old(self).issues().len() < MAX_FRAMES, log.id() == old(self).log(),
        ensures
            final(self).wf(), final(self).log() == old(self).log(),
            final(self).issues() == old(self).issues().push(issue_of(page.va(), log.now())),
    )]
    pub(crate) fn push(&mut self, page: Pending<LoosePage<P>>) {
        proof_decl! {
            let tracked load: Load<P>;
            let ghost issue = issue_of(page.va(), log.now());
            let ghost n = self.issues().len() as int;
        }
        let page = ManuallyDrop::into_inner(page.value);
        proof_with! { => Tracked(load) }
        let leaf = page.into_leaf();
        self.leaves.push(leaf);
        proof! {
            self.loads.borrow_mut().tracked_insert(n, load);
            self.issues = Ghost(self.issues@.push(issue));
        }
    }

    /// Gives up the shares of all pages, since no CPU translates to them any more.
    #[verus_spec(
        with Tracked(log): Tracked<&FlushLog>
        requires old(self).wf(), log.id() == old(self).log(), all_forgotten(*log, old(self).issues()),
        ensures final(self).wf(), final(self).log() == old(self).log(), final(self).issues().len() == 0,
    )]
    pub(crate) fn let_go_all(&mut self) {
        #[cfg_attr(verus_only, verus_spec(
            invariant self.wf(), self.log() == old(self).log(),
            ensures self.issues().len() == 0,
            decreases self.issues().len(),
        ))]
        loop {
            let last = self.leaves.pop();
            let Some(leaf) = last else {
                break;
            };
            proof_decl! {
                let ghost n = self.issues().len() - 1;
                let tracked mut load = self.loads.borrow_mut().tracked_remove(n);
            }
            proof! {
                self.issues = Ghost(self.issues@.drop_last());
                assert(load.of(leaf));
            }
            proof_with! { Tracked(&mut load.shares), Ghost(load.at) }
            let_go::<P>(leaf);
        }
    }
}

#[verus_verify]
impl<I> Pending<I> {
    /// An item as the page that it was, which waits just as well.
    #[inline(always)]
    #[verus_spec(r =>
        requires C::raw(self@).1 != 0,
        ensures r.va() == self.va(), raw_of(r@.leaf()) == C::raw(self@),
    )]
    pub(crate) fn into_page<C: PageTableConfig<Item = I>>(self) -> Pending<LoosePage<C::P>> {
        let (pa, level, prop, _shares) = C::item_into_raw(ManuallyDrop::into_inner(self.value));
        proof_decl! { let tracked shares = _shares.get(); }
        proof_with! { Ghost(0), Tracked(shares) }
        let page = LoosePage::new(Leaf { pa, level, prop });
        Pending {
            value: ManuallyDrop::new(page),
            start: self.start,
            end: self.end,
        }
    }
}
