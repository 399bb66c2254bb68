//! The metadata of frames that can be in a list: [`Link`].
use core::ops::{Deref, DerefMut};
use veripage_hw::meta::FrameMeta;
use veripage_hw::Paddr;
use vstd::prelude::*;

use crate::frame::kind::UntypedKind;

/// Metadata `M` of a frame that can be in a [`LinkedList`](super::LinkedList): `M` of at most eight
/// bytes, and the numbers of the neighbours, of four bytes each.
#[verus_verify(external_derive)]
#[derive(Debug)]
pub struct Link<M> {
    pub(super) prev: u32,
    pub(super) next: u32,
    pub(super) meta: M,
}

verus! {

impl<M> Link<M> {
    /// The metadata besides the links.
    pub open(super) spec fn value(self) -> M { self.meta }
}

impl<M: FrameMeta> FrameMeta for Link<M> {
    const UNTYPED: bool = M::UNTYPED;

    fn on_drop(&mut self, frame: Paddr) {
        self.meta.on_drop(frame)
    }
}

} // verus!

#[verus_verify]
impl<M> Link<M> {
    /// Metadata of a frame that is in no list yet.
    #[verus_spec(r => ensures r.value() == meta)]
    pub const fn new(meta: M) -> Self {
        Link {
            prev: 0,
            next: 0,
            meta,
        }
    }

    /// The metadata besides the links.
    #[verus_spec(r => ensures *r == self.value())]
    pub fn meta(&self) -> &M {
        &self.meta
    }

    /// The metadata besides the links, to be changed.
    #[verus_spec(r => ensures *r == old(self).value(), final(self).value() == *final(r))]
    pub fn meta_mut(&mut self) -> &mut M {
        &mut self.meta
    }

    /// The metadata alone.
    #[verus_spec(r => ensures r == self.value())]
    pub fn into_meta(self) -> M {
        self.meta
    }
}

#[verus_verify]
impl<M: FrameMeta + UntypedKind> UntypedKind for Link<M> {}

impl<M> Deref for Link<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.meta
    }
}

impl<M> DerefMut for Link<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.meta
    }
}
