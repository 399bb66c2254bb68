//! The permissions of a frame that is a node.
use super::*;
pub use crate::frame::slot::{slot_at, Excl, FrameRes, Parked};
use crate::frame::sm::SlotSM;
use veripage_hw::bytes::RawPage;
use veripage_hw::lock::has_slot;
use veripage_hw::meta::MetaPerm;
use veripage_hw::page::PagePerm;
use vstd::resource::frac_opt::Empty;

verus! {

/// All of a frame, seen as a node: its words and its metadata, and what makes the slot UNIQUE.
#[verifier::reject_recursive_types(P)]
pub tracked struct NodeFrame<P: Platform> {
    pub page: PagePerm<P>,
    pub meta: MetaPerm,
    pub tok: SlotSM::excl,
    pub empty: Empty<Parked<P>>,
}

impl<P: Platform> NodeFrame<P> {
    pub open(super) spec fn wf(self, pa: int) -> bool {
        let id = slot_at::<P>(pa).id();
        &&& has_slot::<P>(pa)
        &&& self.page.wf() && self.page@.paddr == pa
        &&& self.meta.cell() == id.meta && self.meta.has_a::<NodeSlot>()
        &&& self.tok.instance_id() == id.inst
        &&& self.empty.id() == id.frac
        &&& id.pa == pa
    }

    /// The two words of metadata.
    pub open(super) spec fn meta(self) -> (u64, u64) {
        let m = self.meta.value::<NodeSlot>();
        (m.first, m.second)
    }

    /// The words of the page.
    pub open spec fn words(self) -> Seq<u64> {
        self.page@.words
    }

    pub proof fn lemma_facts(self, pa: int)
        requires
            self.wf(pa),
        ensures
            has_slot::<P>(pa),
            pa % 4096 == 0,
            self.page@.paddr == pa,
    {
    }

    pub proof fn lemma_wf(tracked &self, pa: int)
        requires
            self.wf(pa),
        ensures
            has_slot::<P>(pa),
            self.page.wf(),
            self.page@.paddr == pa,
            self.words().len() == 512,
    {
    }

    /// Writing the words changes nothing else.
    pub proof fn lemma_page(self, page: PagePerm<P>, pa: int)
        requires
            self.wf(pa),
            page.wf(),
            page@.paddr == pa,
        ensures
            (NodeFrame { page, ..self }).wf(pa),
            (NodeFrame { page, ..self }).meta() == self.meta(),
    {
    }

    /// An exclusively owned frame becomes a node's.
    pub proof fn of_excl(pa: int, tracked e: Excl<P>) -> (tracked r: Self)
        requires
            has_slot::<P>(pa),
            e.wf(slot_at::<P>(pa).id()),
            slot_at::<P>(pa).id().pa == pa,
            e.res.meta.has_a::<NodeSlot>(),
        ensures
            r.wf(pa),
    {
        let tracked Excl { tok, empty, res } = e;
        let tracked FrameRes { page, meta } = res;
        NodeFrame { page: page.into_words(), meta, tok, empty }
    }

    /// A former node's frame is an exclusively owned frame.
    pub proof fn into_excl(tracked self, pa: int) -> (tracked r: Excl<P>)
        requires
            self.wf(pa),
        ensures
            r.wf(slot_at::<P>(pa).id()),
            r.res.meta.has_a::<NodeSlot>(),
            has_slot::<P>(pa),
    {
        let tracked NodeFrame { page, meta, tok, empty } = self;
        Excl { tok, empty, res: FrameRes { page: RawPage::from_words(page), meta } }
    }
}

} // verus!
