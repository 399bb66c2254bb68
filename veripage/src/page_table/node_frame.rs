//! A node is a frame: all of an exclusively owned frame becomes the memory and the metadata of a
//! node, and back. The frame's slot stays UNIQUE in between, so a node needs no reference count.
use super::identity::NodeMeta;
#[cfg(verus_only)]
use super::identity::*;
use crate::frame::{slot_of, FrameAllocOptions, FrameMeta, UniqueFrame};
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "node_frame.spec.rs"]
mod ghost;
#[cfg(verus_only)]
pub use ghost::*;

/// What the slot of a node says, in 16 bytes.
///
/// ```text
/// first word:   base page (a multiple of 512) | level (below 512)
/// second word:  root frame (a multiple of 4096) | present entries (0 to 512)
/// ```
/// In a node that left its table, the second word is the frame of the next such node.
#[verus_verify(external_derive)]
#[derive(Debug)]
pub struct NodeSlot {
    pub(super) first: u64,
    pub(super) second: u64,
}

verus! {

impl FrameMeta for NodeSlot {
    const UNTYPED: bool = false;
}

} // verus!

/// A frame for a node of format `E`; its contents are arbitrary.
#[verus_spec(r =>
    with -> f: Tracked<Option<NodeFrame<P>>>
    ensures r matches Some(pa) ==> (f@ matches Some(f) && f.wf(pa as int) && E::spec_table_ok(pa as int)),
)]
pub fn take_frame<P: Platform, E: PageTableEntryTrait>() -> Option<Paddr> {
    proof_decl! {
        let tracked mut out: Option<NodeFrame<P>> = None;
        let tracked excl: Excl<P>;
    }
    let empty = NodeSlot {
        first: 0,
        second: 0,
    };
    let unique = FrameAllocOptions::<P>::new()
        .zeroed(false)
        .alloc_unique(empty);
    let r = match unique {
        Err(_) => None,
        Ok(unique) => {
            if E::fits_table(unique.start_paddr()) {
                proof_with!(=> Tracked(excl));
                let pa = unique.into_parts();
                proof! {
                    out = Some(NodeFrame::of_excl(pa as int, excl));
                }
                Some(pa)
            } else {
                None
            }
        }
    };
    proof_with!(|= Tracked(out));
    r
}

/// Gives the frame of a former node back.
#[verus_spec(
    with Tracked(f): Tracked<NodeFrame<P>>
    requires f.wf(pa as int),
)]
pub fn give_frame<P: Platform>(pa: Paddr) {
    #[cfg(feature = "model")]
    // SAFETY: the frame is the caller's (`f`).
    unsafe {
        veripage_hw::model::poison::<P>(pa)
    };
    proof_decl! {
        let tracked excl = f.into_excl(pa as int);
    }
    proof_with!(Tracked(excl));
    let _frame = UniqueFrame::<P, NodeSlot>::from_parts(pa);
}

/// Reads a node's metadata.
#[inline(always)]
#[verus_spec(r =>
    with Tracked(f): Tracked<&NodeFrame<P>>, Ghost(p): Ghost<NodeInfo>, Ghost(n): Ghost<int>
    requires f.wf(pa as int), says(f.meta(), p, n), 0 <= n <= 512, info_ok(p), p.root % 4096 == 0,
    ensures r.root == p.root, r.level == p.level, r.base == p.base, r.count == n,
)]
pub fn read_meta<P: Platform>(pa: Paddr) -> NodeMeta {
    // SAFETY: the frame is the caller's (`f`), and its metadata is a `NodeSlot`.
    let m = unsafe {
        slot_of::<P>(pa)
            .cell()
            .borrow::<NodeSlot>(verus_exec_expr!(Tracked(&f.meta)))
    };
    let (a, b) = (m.first, m.second);
    proof! {
        assert(p.base % 512 == 0);
    }
    NodeMeta {
        root: (b - b % 4096) as usize,
        level: (a % 512) as PagingLevel,
        base: (a - a % 512) as usize,
        count: (b % 4096) as usize,
    }
}

/// Writes a node's metadata.
#[inline(always)]
#[verus_spec(
    with Tracked(f): Tracked<&mut NodeFrame<P>>
    requires old(f).wf(pa as int), v.count <= 512, v.root <= usize::MAX - 512, v.base <= usize::MAX - 255,
    ensures
        final(f).wf(pa as int), final(f).page == old(f).page,
        final(f).meta() == ((v.base + v.level) as u64, (v.root + v.count) as u64),
)]
pub fn write_meta<P: Platform>(pa: Paddr, v: NodeMeta) {
    // SAFETY: the frame is the caller's (`f`), and its metadata is a `NodeSlot`.
    let m = unsafe {
        slot_of::<P>(pa)
            .cell()
            .borrow_mut::<NodeSlot>(verus_exec_expr!(Tracked(&mut f.meta)))
    };
    m.first = v.base as u64 + v.level as u64;
    m.second = v.root as u64 + v.count as u64;
}

/// The level of a node that left its table.
#[inline(always)]
#[verus_spec(r =>
    with Tracked(f): Tracked<&NodeFrame<P>>
    requires f.wf(pa as int), f.meta().0 % 512 <= 5,
    ensures r == f.meta().0 % 512,
)]
pub fn level_of<P: Platform>(pa: Paddr) -> PagingLevel {
    // SAFETY: the frame is the caller's (`f`), and its metadata is a `NodeSlot`.
    let m = unsafe {
        slot_of::<P>(pa)
            .cell()
            .borrow::<NodeSlot>(verus_exec_expr!(Tracked(&f.meta)))
    };
    (m.first % 512) as PagingLevel
}

/// The second word of a node's metadata: in a node that left its table, the next such node.
#[inline(always)]
#[verus_spec(r =>
    with Tracked(f): Tracked<&NodeFrame<P>>
    requires f.wf(pa as int),
    ensures r == f.meta().1,
)]
pub fn next_of<P: Platform>(pa: Paddr) -> u64 {
    // SAFETY: the frame is the caller's (`f`), and its metadata is a `NodeSlot`.
    let m = unsafe {
        slot_of::<P>(pa)
            .cell()
            .borrow::<NodeSlot>(verus_exec_expr!(Tracked(&f.meta)))
    };
    m.second
}

/// Sets the next node of one that left its table.
#[inline(always)]
#[verus_spec(
    with Tracked(f): Tracked<&mut NodeFrame<P>>
    requires old(f).wf(pa as int),
    ensures final(f).wf(pa as int), final(f).page == old(f).page, final(f).meta() == (old(f).meta().0, next),
)]
pub fn set_next<P: Platform>(pa: Paddr, next: u64) {
    // SAFETY: the frame is the caller's (`f`), and its metadata is a `NodeSlot`.
    let m = unsafe {
        slot_of::<P>(pa)
            .cell()
            .borrow_mut::<NodeSlot>(verus_exec_expr!(Tracked(&mut f.meta)))
    };
    m.second = next;
}
