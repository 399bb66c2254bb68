//! Lists of frames: [`LinkedList`], [`CursorMut`] and [`Link`].
//!
//! A list is made of the metadata of its frames and allocates nothing. It owns them exclusively, so a
//! frame is in at most one list, at most once; nobody else gets a share of it meanwhile.
//!
//! The neighbours are frame numbers of 32 bits: frames from 16 TiB - 4096 on are refused, and eight of
//! the sixteen bytes of metadata are left for others. Which list a frame is in stands in two bytes of
//! its slot that anybody may read, so [`LinkedList::contains`] looks at one word, whoever has the frame:
//! see `seat.rs`. At most 32767 lists can have frames at a time.
//! ```
//! use veripage::frame::{boot, FrameAllocOptions, Link, LinkedList, UntypedMeta};
//! use veripage_sim::{Config, Machine, Sim};
//!
//! type P = Sim<8>;
//! let machine = Machine::<8>::boot(Config::with_ram(1 << 20))?;
//! let ram = machine.ram();
//! // SAFETY: once, before anybody uses frames.
//! unsafe { boot::<P>(ram[0].start..ram[1].end) };
//!
//! let mut list = LinkedList::<P, UntypedMeta>::new();
//! for _ in 0..3 {
//!     let frame = FrameAllocOptions::new().alloc_unique(Link::new(UntypedMeta)).expect("there is RAM");
//!     assert!(list.push_back(frame).is_ok());
//! }
//! let first = list.cursor_front_mut().paddr().expect("there are three");
//! let mut cursor = list.cursor_mut_at(first).expect("it is in the list");
//! let frame = cursor.take_current().expect("it is there");
//! assert_eq!(frame.start_paddr(), first);
//! assert_eq!((list.size(), list.contains(first)), (2, false));
//! # drop((list, frame));
//! # assert_eq!(machine.stats().allocated, 0);
//! # Ok::<(), veripage_sim::SimError>(())
//! ```
mod chain;
mod cursor;
mod link;
mod place;
#[doc(hidden)] // a client for the checker and the tests
pub mod tour;

pub use chain::Refused;
pub use cursor::CursorMut;
pub use link::Link;

use super::unique::UniqueFrame;
#[cfg(verus_only)]
use chain::before;
use chain::Chain;
use veripage_hw::handle::*;
use veripage_hw::meta::FrameMeta;
use veripage_hw::{Paddr, Platform};
use vstd::prelude::*;

/// The droppable part of [`LinkedList`].
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(M))]
pub(crate) struct ListCore<P: Platform, M: FrameMeta> {
    chain: Chain<P, M>,
}

/// Frames in a row, owned exclusively and linked through their own metadata.
///
/// Dropping the list gives every frame back.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
#[cfg_attr(verus_only, verifier::reject_recursive_types(M))]
pub struct LinkedList<P: Platform, M: FrameMeta> {
    h: Handle<ListCore<P, M>>,
}

verus! {

impl<P: Platform, M: FrameMeta> ListCore<P, M> {
    #[verifier::type_invariant]
    pub closed spec fn wf(self) -> bool { self.chain.wf() }
    closed spec fn chain(self) -> Chain<P, M> { self.chain }
}

impl<P: Platform, M: FrameMeta> LinkedList<P, M> {
    /// Address and metadata of each frame, from front to back.
    pub closed spec fn view(self) -> Seq<(Paddr, M)> { self.h@.chain()@ }

    /// Where the cursor stands, as long as there is one.
    pub closed spec fn pos(self) -> int { self.h@.chain().pos() }

    /// Is the frame at `pa` in the list?
    pub open spec fn holds(self, pa: Paddr) -> bool {
        exists|k: int| 0 <= k < self@.len() && #[trigger] self@[k].0 == pa
    }
}

/// No frame is there twice.
pub open spec fn once<M>(s: Seq<(Paddr, M)>) -> bool {
    forall|i: int, j: int| 0 <= i < j < s.len() ==> (#[trigger] s[i]).0 != (#[trigger] s[j]).0
}

/// What a list entry says of a frame.
pub open spec fn item<P: Platform, M: FrameMeta>(f: UniqueFrame<P, Link<M>>) -> (Paddr, M) {
    (f.paddr(), f.meta_spec().value())
}

} // verus!

#[verus_verify]
impl<P: Platform, M: FrameMeta> Release for ListCore<P, M> {
    #[verus_spec]
    fn release(self) {
        proof! { use_type_invariant(&self); }
        let mut chain = self.chain;
        chain.go_front();
        #[cfg_attr(verus_only, verus_spec(
            invariant chain.wf(), chain.pos() == 0,
            decreases chain@.len()
        ))]
        loop {
            match chain.take() {
                None => return,
                Some(_frame) => {}
            }
        }
    }
}

#[verus_verify]
impl<P: Platform, M: FrameMeta> LinkedList<P, M> {
    /// A list without frames.
    #[verus_spec(r => ensures r@ =~= Seq::<(Paddr, M)>::empty())]
    pub fn new() -> Self {
        let core = ListCore {
            chain: Chain::new(),
        };
        LinkedList {
            h: Handle::new(core),
        }
    }

    /// Number of frames.
    #[verus_spec(r => ensures r == self@.len())]
    pub fn size(&self) -> usize {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        core.chain.size
    }

    /// Are there none?
    #[verus_spec(r => ensures r == (self@.len() == 0))]
    pub fn is_empty(&self) -> bool {
        self.size() == 0
    }

    /// Puts a frame in at the front.
    ///
    /// # Errors
    /// `OutOfBound` for a frame from 16 TiB - 4096 on; `NoName` if 32767 lists have frames. The frame
    /// comes back.
    #[verus_spec(r => ensures match r {
        Ok(()) => final(self)@ =~= seq![item(frame)] + old(self)@,
        Err(e) => final(self)@ == old(self)@ && item(e.1) == item(frame),
    })]
    pub fn push_front(&mut self, frame: UniqueFrame<P, Link<M>>) -> Result<(), Refused<P, M>> {
        self.cursor_front_mut().insert_before(frame)
    }

    /// Puts a frame in at the back.
    ///
    /// # Errors
    /// As `push_front`.
    #[verus_spec(r => ensures match r {
        Ok(()) => final(self)@ =~= old(self)@.push(item(frame)),
        Err(e) => final(self)@ == old(self)@ && item(e.1) == item(frame),
    })]
    pub fn push_back(&mut self, frame: UniqueFrame<P, Link<M>>) -> Result<(), Refused<P, M>> {
        self.cursor_end_mut().insert_before(frame)
    }

    /// Takes the frame at the front out.
    #[verus_spec(r => ensures match r {
        None => old(self)@.len() == 0 && final(self)@ == old(self)@,
        Some(f) => old(self)@ =~= seq![item(f)] + final(self)@,
    })]
    pub fn pop_front(&mut self) -> Option<UniqueFrame<P, Link<M>>> {
        self.cursor_front_mut().take_current()
    }

    /// Takes the frame at the back out.
    #[verus_spec(r => ensures match r {
        None => old(self)@.len() == 0 && final(self)@ == old(self)@,
        Some(f) => old(self)@ =~= final(self)@.push(item(f)),
    })]
    pub fn pop_back(&mut self) -> Option<UniqueFrame<P, Link<M>>> {
        self.cursor_back_mut().take_current()
    }

    /// The metadata of the frame at the front.
    #[verus_spec(r => ensures match r {
        None => self@.len() == 0,
        Some(m) => self@.len() > 0 && *m == self@[0].1,
    })]
    pub fn front(&self) -> Option<&M> {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        if core.chain.size == 0 {
            return None;
        }
        proof_with! { Ghost(0) }
        let m = core.chain.meta_of(core.chain.front);
        Some(m)
    }

    /// The metadata of the frame at the back.
    #[verus_spec(r => ensures match r {
        None => self@.len() == 0,
        Some(m) => self@.len() > 0 && *m == self@.last().1,
    })]
    pub fn back(&self) -> Option<&M> {
        let core = self.h.get();
        proof! { use_type_invariant(core); }
        if core.chain.size == 0 {
            return None;
        }
        proof_with! { Ghost(self@.len() - 1) }
        let m = core.chain.meta_of(core.chain.back);
        Some(m)
    }

    /// Is the frame at `pa` in this list? One look at its slot; any address will do.
    #[verus_spec(r => ensures r == self.holds(pa), once(self@))]
    pub fn contains(&self, pa: Paddr) -> bool {
        let core = self.h.get();
        proof! {
            use_type_invariant(core);
            core.chain.lemma_holds(pa);
            assert(self@ == core.chain@);
        }
        core.chain.contains(pa)
    }

    /// A cursor at the front; past the back if there are no frames.
    #[verus_spec(r => ensures r@ == old(self)@, r.pos() == 0, r.after() == *final(self))]
    pub fn cursor_front_mut(&mut self) -> CursorMut<'_, P, M> {
        let core = self.h.get_mut();
        proof! { use_type_invariant(&*core); }
        core.chain.go_front();
        CursorMut { list: self }
    }

    /// A cursor at the back; past the back if there are no frames.
    #[verus_spec(r => ensures
        r@ == old(self)@, r.after() == *final(self),
        r.pos() == if old(self)@.len() == 0 { 0 } else { old(self)@.len() - 1 },
    )]
    pub fn cursor_back_mut(&mut self) -> CursorMut<'_, P, M> {
        let core = self.h.get_mut();
        proof! { use_type_invariant(&*core); }
        core.chain.go_back();
        CursorMut { list: self }
    }

    /// A cursor past the back.
    #[verus_spec(r => ensures r@ == old(self)@, r.pos() == old(self)@.len(), r.after() == *final(self))]
    fn cursor_end_mut(&mut self) -> CursorMut<'_, P, M> {
        let core = self.h.get_mut();
        proof! { use_type_invariant(&*core); }
        core.chain.go_end();
        CursorMut { list: self }
    }

    /// A cursor at the frame at `pa`, if that is in this list.
    #[verus_spec(r => ensures once(old(self)@), match r {
        None => !old(self).holds(pa) && final(self)@ == old(self)@,
        Some(c) => {
            &&& c@ == old(self)@ && c.after() == *final(self)
            &&& 0 <= c.pos() < old(self)@.len() && old(self)@[c.pos()].0 == pa
        },
    })]
    pub fn cursor_mut_at(&mut self, pa: Paddr) -> Option<CursorMut<'_, P, M>> {
        let core = self.h.get_mut();
        proof! {
            use_type_invariant(&*core);
            core.chain.lemma_holds(pa);
        }
        let found = core.chain.go_to(pa);
        if found {
            Some(CursorMut { list: self })
        } else {
            None
        }
    }
}

impl<P: Platform, M: FrameMeta> Default for LinkedList<P, M> {
    fn default() -> Self {
        Self::new()
    }
}
