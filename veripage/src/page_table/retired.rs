//! Nodes that left their table: listed through their own metadata, so that nothing is allocated.
use super::entry_word::Ad;
use super::node_frame::{next_of, read_meta, set_next};
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use core::marker::PhantomData;
use veripage_hw::page::pte_load;

/// End of a list: no frame is there, since it is no multiple of 4096.
const NONE: usize = 1;

/// Nodes that no table links any more. Readers that saw them live may still look at them.
///
/// Dropping the list leaks its frames.
#[must_use = "the frames are leaked unless they wait for their grace period"]
pub struct Retired<P: Platform, E: PageTableEntryTrait> {
    head: Paddr,
    tail: Paddr,
    len: usize,
    marker: PhantomData<(P, E)>,
}

impl<P: Platform, E: PageTableEntryTrait> Retired<P, E> {
    /// No nodes.
    pub const fn new() -> Self {
        Retired {
            head: NONE,
            tail: NONE,
            len: 0,
            marker: PhantomData,
        }
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a node that has been detached.
    pub(super) fn push(&mut self, pa: Paddr) {
        set_next::<P>(pa, self.head as u64);
        if self.len == 0 {
            self.tail = pa;
        }
        self.head = pa;
        self.len += 1;
    }

    /// Adds all nodes of another list.
    pub fn append(&mut self, other: Self) {
        if other.len == 0 {
            return;
        }
        set_next::<P>(other.tail, self.head as u64);
        if self.len == 0 {
            self.tail = other.tail;
        }
        self.head = other.head;
        self.len += other.len;
    }

    /// The nodes of a table that nobody can reach any more, not even a reader.
    ///
    /// # Safety
    /// The caller owns the whole table that they were part of.
    pub(super) unsafe fn assume_unseen(self) -> Expired<P, E> {
        Expired { list: self }
    }

    /// Starts the grace period after which the nodes may be used for other things.
    pub fn wait(self) -> Waiting<P, E> {
        Waiting {
            stamp: P::rcu_stamp(),
            list: self,
        }
    }
}
impl<P: Platform, E: PageTableEntryTrait> Default for Retired<P, E> {
    fn default() -> Self {
        Self::new()
    }
}

/// Retired nodes whose grace period has begun.
#[must_use = "the frames are leaked unless they are reclaimed"]
pub struct Waiting<P: Platform, E: PageTableEntryTrait> {
    stamp: u64,
    list: Retired<P, E>,
}

impl<P: Platform, E: PageTableEntryTrait> Waiting<P, E> {
    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.list.len
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.list.len == 0
    }

    /// Is the grace period over? Never waits.
    pub fn try_expire(self) -> Result<Expired<P, E>, Self> {
        if P::rcu_passed(self.stamp) {
            Ok(Expired { list: self.list })
        } else {
            Err(self)
        }
    }
}

/// Retired nodes that no reader can see.
#[must_use = "the frames are leaked unless they are reclaimed"]
pub struct Expired<P: Platform, E: PageTableEntryTrait> {
    list: Retired<P, E>,
}

impl<P: Platform, E: PageTableEntryTrait> Expired<P, E> {
    /// Takes a node out: its frame and its level.
    pub fn pop(&mut self) -> Option<(Paddr, PagingLevel)> {
        let l = &mut self.list;
        if l.len == 0 {
            return None;
        }
        let pa = l.head;
        l.head = next_of::<P>(pa) as usize;
        l.len -= 1;
        Some((pa, read_meta::<P>(pa).level))
    }

    /// Frees every node.
    pub fn reclaim(mut self) {
        while let Some((pa, _)) = self.pop() {
            free_node::<P, E>(pa);
        }
    }
}

/// An entry that a node held when it was detached.
pub fn load_dead<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize) -> E {
    E::from_usize(pte_load::<P, Ad<E>>(pa, i) as usize)
}

/// Gives the frame of a dead node back.
pub fn free_node<P: Platform, E: PageTableEntryTrait>(pa: Paddr) {
    super::node_frame::give_frame::<P>(pa)
}
