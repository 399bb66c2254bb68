//! Flushes, issued and awaited: a client that the checker reads as a cursor's code would be read, and that
//! the tests run.
use super::batch::Batch;
use super::queue::FlushQueue;
#[cfg(verus_only)]
use crate::frame::slot::Share;
use crate::frame::{AllocError, FrameAllocOptions};
use crate::page_table::leaf::Leaf;
use crate::page_table::loose::*;
use crate::page_table::Pending;
use crate::paging::{CachePolicy, PageFlags, PageProperty, X86_64Pte};
use core::ops::Range;
use veripage_hw::flush::Whom;
use veripage_hw::{Platform, Vaddr};
use vstd::prelude::*;

/// Has every CPU forget two ranges and then everything.
#[verus_spec]
pub fn three_flushes<P: Platform>() {
    let mut queue = FlushQueue::new(Whom::All);
    queue.issue(0x1000..0x3000);
    proof_decl! { let ghost first = queue.issues()[0]; }
    proof! { assert(first.lo == 0x1000 && first.hi == 0x3000); }
    queue.dispatch::<P>();
    queue.issue(0x7000..0x8000);
    proof_decl! { let ghost second = queue.issues()[1]; }
    queue.sync::<P>();
    proof! {
        assert(queue.issues()[0] == first && queue.issues()[1] == second);
        assert(queue.is_forgotten(first) && queue.is_forgotten(second));
    }
    queue.issue_all();
    proof_decl! { let ghost third = queue.issues()[2]; }
    queue.sync::<P>();
    proof! { assert(queue.issues()[2] == third && queue.is_forgotten(third)); }
}

/// Leads `n` frames through a batch as if they had been unmapped two pages apart: more than it has places for, and
/// more ranges than its queue lists, if `n` is large.
///
/// # Errors
/// `NoMemory` if the machine has not so many frames; those that it had are let go.
#[verus_spec(r => ensures r is Ok ==> r->Ok_0 == n)]
pub fn many_pages<P: Platform>(n: usize) -> Result<usize, AllocError> {
    let mut batch = Batch::<P, X86_64Pte>::new(Whom::All);
    let mut made = Ok(n);
    let mut i = 0;
    #[cfg_attr(verus_only, verus_spec(
        invariant batch.wf(), batch.whom() == Whom::All, made is Ok ==> made->Ok_0 == n,
        decreases n - i,
    ))]
    while i < n && made.is_ok() {
        let va = (i % 0x1000_0000) * 0x2000;
        match loose_page::<P>(va..va + 0x1000) {
            Ok(page) => batch.hold_page(page),
            Err(e) => made = Err(e),
        }
        i += 1;
    }
    let nodes = batch.sync();
    proof! { assert(batch.idle() && batch.settled()); }
    let _none = nodes;
    made
}

/// A frame of its own, as it would come out of a table.
#[verus_spec(r => ensures r matches Ok(page) ==> page.va() == va)]
fn loose_page<P: Platform>(va: Range<Vaddr>) -> Result<Pending<LoosePage<P>>, AllocError> {
    let frame = FrameAllocOptions::<P>::new().alloc_frame()?;
    proof_decl! { let tracked share: Share<P>; let tracked mut shares = Map::tracked_empty(); }
    proof_with! { => Tracked(share) }
    let pa = frame.into_raw();
    let prop = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
    let leaf = Leaf { pa, level: 1, prop };
    proof! {
        assert(3u8 & 32 == 0) by (bit_vector);
        shares.tracked_insert(0, share);
    }
    proof_with! { Ghost(0), Tracked(shares) }
    let page = LoosePage::new(leaf);
    Ok(Pending::new(page, va))
}
