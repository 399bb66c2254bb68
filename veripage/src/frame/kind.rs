//! Kinds of frames: the type of the metadata, or that it is any type.
#[cfg(verus_only)]
use veripage_hw::meta::{meta_ty, MetaTy};
use veripage_hw::meta::{FrameMeta, MetaCell, MetaPerm};
use vstd::prelude::*;

verus! {

/// What a handle knows of its frame's metadata. Each type of metadata is a kind; [`AnyMeta`] and
/// [`AnyUFrameMeta`] are the erased ones.
pub trait FrameKind: Send + Sync + 'static {
    /// May a handle of this kind be on a frame whose metadata has type `ty`?
    spec fn admits(ty: Option<MetaTy>) -> bool;

    /// Is the metadata in the cell of this kind?
    fn is_in(cell: &MetaCell, Tracked(p): Tracked<&MetaPerm>) -> (r: bool)
        requires p.cell() == cell.id(),
        ensures r == Self::admits(p.ty()),
        no_unwind;
}

impl<M: FrameMeta> FrameKind for M {
    open spec fn admits(ty: Option<MetaTy>) -> bool { ty == Some(meta_ty::<M>()) }

    fn is_in(cell: &MetaCell, Tracked(p): Tracked<&MetaPerm>) -> (r: bool)
    // SAFETY: the permission is this cell's (`requires`).
    { unsafe { cell.kind::<M>(Tracked(p)).0 } }
}

/// Any metadata.
pub struct AnyMeta;

impl FrameKind for AnyMeta {
    open spec fn admits(ty: Option<MetaTy>) -> bool { true }

    fn is_in(_cell: &MetaCell, Tracked(p): Tracked<&MetaPerm>) -> (r: bool)
    { true }
}

/// Any metadata of a frame that is untyped memory.
pub struct AnyUFrameMeta;

impl FrameKind for AnyUFrameMeta {
    open spec fn admits(ty: Option<MetaTy>) -> bool { ty matches Some(t) && t.untyped }

    fn is_in(cell: &MetaCell, Tracked(p): Tracked<&MetaPerm>) -> (r: bool)
    // SAFETY: as above.
    { unsafe { cell.kind::<UntypedMeta>(Tracked(p)).1 } }
}

} // verus!

/// The metadata of plain memory: nothing.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UntypedMeta;

verus! {

impl FrameMeta for UntypedMeta {
    const UNTYPED: bool = true;
}

} // verus!

/// A kind whose frames are untyped memory, to be read and written by whoever has them.
#[verus_verify]
pub trait UntypedKind: FrameKind {}

#[verus_verify]
impl UntypedKind for UntypedMeta {}
#[verus_verify]
impl UntypedKind for AnyUFrameMeta {}
