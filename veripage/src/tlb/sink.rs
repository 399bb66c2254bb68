//! A flusher takes what a cursor removes.
use super::TlbFlusher;
use crate::page_table::{PageTableConfig, Pending, RetiredOf, Sink};

impl<C: PageTableConfig> Sink<C> for TlbFlusher<'_, C> {
    #[inline(always)]
    fn page(&mut self, item: Pending<C::Item>) {
        self.hold_page(item.into_page::<C>());
    }

    fn nodes(&mut self, nodes: Pending<RetiredOf<C>>) {
        self.hold_nodes(nodes);
    }
}
