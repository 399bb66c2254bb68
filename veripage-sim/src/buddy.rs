//! A buddy allocator over frame numbers, out of line: it never touches the frames themselves, so
//! that free frames can be poisoned. Blocks are `2^order` frames at a multiple of their size.
use crate::frames::{FrameTable, HEAD};
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

/// Orders 0 (one frame) to `NR_ORDERS - 1` (the whole of `MAX_PADDR`).
const NR_ORDERS: usize = 22;

/// The free blocks of a machine. Its lists run through the frame table.
pub(crate) struct Buddy {
    table: FrameTable,
    /// Head of each order's list, as frame number + 1; 0 is empty.
    heads: [u32; NR_ORDERS],
    /// Bit `o`: the list of order `o` is not empty.
    some: u32,
    free: usize,
}

impl Buddy {
    /// An allocator without frames.
    pub fn new(table: FrameTable) -> Self {
        Self {
            table,
            heads: [0; NR_ORDERS],
            some: 0,
            free: 0,
        }
    }

    /// Free frames.
    pub fn free(&self) -> usize {
        self.free
    }

    /// Takes `pages` contiguous frames at a multiple of `align` frames (a power of two); the
    /// lowest that the smallest fitting block has. `None` if there are none or `pages` is 0.
    pub fn take(&mut self, pages: usize, align: usize) -> Option<usize> {
        let size = pages.checked_next_power_of_two()?.max(align);
        if pages == 0 || !align.is_power_of_two() || size >= 1 << NR_ORDERS {
            return None;
        }
        let want = size.trailing_zeros() as usize;
        let found = self.some >> want;
        if found == 0 {
            return None;
        }
        let order = want + found.trailing_zeros() as usize;
        let pfn = self.heads[order] as usize - 1;
        self.unlink(pfn, order);
        self.free -= 1 << order;
        self.put(pfn + pages..pfn + (1 << order));
        Some(pfn)
    }

    /// Adds free frames, which must not be in it, and joins them with their neighbours.
    pub fn put(&mut self, mut pfns: Range<usize>) {
        while !pfns.is_empty() {
            let fit = pfns.len().ilog2() as usize;
            let order = fit.min(pfns.start.trailing_zeros() as usize);
            self.put_block(pfns.start, order);
            pfns.start += 1 << order;
        }
    }

    fn put_block(&mut self, mut pfn: usize, mut order: usize) {
        self.free += 1 << order;
        while order + 1 < NR_ORDERS {
            let buddy = pfn ^ (1 << order);
            let Some(info) = self.table.get(buddy) else {
                break;
            };
            if info.flags.load(Relaxed) & HEAD == 0 || info.order.load(Relaxed) as usize != order {
                break;
            }
            self.unlink(buddy, order);
            pfn &= buddy;
            order += 1;
        }
        self.link(pfn, order);
    }

    fn link(&mut self, pfn: usize, order: usize) {
        let Some(info) = self.table.get(pfn) else {
            return;
        };
        let next = self.heads[order];
        info.order.store(order as u8, Relaxed);
        info.next.store(next, Relaxed);
        info.prev.store(0, Relaxed);
        info.flags.fetch_or(HEAD, Relaxed);
        if let Some(n) = self.linked(next) {
            n.prev.store(pfn as u32 + 1, Relaxed);
        }
        self.heads[order] = pfn as u32 + 1;
        self.some |= 1 << order;
    }

    fn unlink(&mut self, pfn: usize, order: usize) {
        let Some(info) = self.table.get(pfn) else {
            return;
        };
        let (next, prev) = (info.next.load(Relaxed), info.prev.load(Relaxed));
        info.flags.fetch_and(!HEAD, Relaxed);
        if let Some(n) = self.linked(next) {
            n.prev.store(prev, Relaxed);
        }
        match self.linked(prev) {
            Some(p) => p.next.store(next, Relaxed),
            None => {
                self.heads[order] = next;
                if next == 0 {
                    self.some &= !(1 << order);
                }
            }
        }
    }

    fn linked(&self, link: u32) -> Option<&'static crate::frames::FrameInfo> {
        (link as usize)
            .checked_sub(1)
            .and_then(|pfn| self.table.get(pfn))
    }

    /// The free blocks as (first frame, frames), in no order.
    pub fn blocks(&self) -> Vec<(usize, usize)> {
        let mut out = Vec::new();
        for (order, &head) in self.heads.iter().enumerate() {
            let mut link = head;
            while let Some(info) = self.linked(link) {
                out.push((link as usize - 1, 1 << order));
                link = info.next.load(Relaxed);
            }
        }
        out
    }

    /// Forgets every block.
    pub fn clear(&mut self) {
        for (pfn, _) in self.blocks() {
            if let Some(info) = self.table.get(pfn) {
                info.flags.fetch_and(!HEAD, Relaxed);
            }
        }
        *self = Self::new(self.table);
    }
}
