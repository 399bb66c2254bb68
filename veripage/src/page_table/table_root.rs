//! The root of a table with the right to the table: what a whole table is, but for the items mapped in it.
use super::kind::*;
use super::node;
use super::node::walk_hint::walk;
#[cfg(verus_only)]
use super::node::RootPerm;
use super::retired::Retired;
use super::PageTableError;
#[cfg(verus_only)]
use crate::paging::geometry::bytes;
#[cfg(verus_only)]
use crate::paging::vaddr::spec_sign_extend;
use crate::paging::{
    offset_mask, sign_extend, PageProperty, PageTableEntryTrait, PagingConstsTrait,
};
use crate::rcu::RcuGuard;
use crate::{Paddr, Platform, Vaddr};
use core::marker::PhantomData;
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use vstd::prelude::*;

/// The root of a table of kind `K`.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(K))]
#[derive(Debug)]
pub(crate) struct TableRoot<K: TableKind> {
    paddr: Paddr,
    kind: PhantomData<K>,
    /// The right to the table.
    #[cfg(verus_keep_ghost_body)]
    perm: Tracked<RootPerm<K::E>>,
}

#[verus_verify]
impl<K: TableKind> TableRoot<K> {
    /// A table without entries. `None`: no frame is free.
    #[verus_spec(r => ensures r matches Some(t) ==> t.pins() == Map::<int, int>::empty())]
    pub(crate) fn empty() -> Option<Self> {
        proof_decl! {
            let tracked mut perm: Option<RootPerm<K::E>>;
            let ghost t = table_of::<K>(Map::empty());
        }
        proof! { lemma_table_ok::<K>(Map::empty()); }
        proof_with!(Ghost(t) => Tracked(perm));
        let root = node::new_root::<K::P, K::E>(K::C::NR_LEVELS, root_base::<K>());
        match root {
            None => None,
            Some(paddr) => {
                proof_with! { perm: Tracked(perm.tracked_unwrap()) }
                let table = TableRoot {
                    paddr,
                    kind: PhantomData,
                };
                Some(table)
            }
        }
    }

    /// Physical address of the root node.
    #[inline(always)]
    #[verus_spec(r => ensures r == self.root())]
    pub(crate) fn paddr(&self) -> Paddr {
        self.paddr
    }

    /// What an MMU with this table would translate `va` to, at some moment during the call.
    ///
    /// # Errors
    /// `InvalidVaddr`: the address is not canonical.
    #[inline(always)]
    #[verus_spec(r =>
        ensures match r {
            Ok(found) => spec_sign_extend::<K::C>(va) == va && (found matches Some(x) ==> x.0 % 4096 == va % 4096),
            Err(e) => spec_sign_extend::<K::C>(va) != va && e == PageTableError::InvalidVaddr(va),
        },
    )]
    #[cfg_attr(verus_only, verifier::exec_allows_no_decreases_clause)]
    pub(crate) fn page_walk(
        &self,
        guard: &RcuGuard<K::P>,
        va: Vaddr,
    ) -> Result<Option<(Paddr, PageProperty)>, PageTableError> {
        if sign_extend::<K::C>(va) != va {
            return Err(PageTableError::InvalidVaddr(va));
        }
        proof! {
            use_type_invariant(self);
            self.perm.borrow().lemma_root::<K::P>();
            K::C::lemma_consts();
        }
        let mut found = walk::<K::P, K::E>(guard, self.paddr, K::C::NR_LEVELS, va / 4096);
        // A node that vanished under the walk is gone from the table: the next walk does not meet it.
        #[cfg_attr(verus_only, verus_spec(
            invariant
                has_slot::<K::P>(self.paddr as int), 3 <= K::C::NR_LEVELS <= 5,
                found matches Some(x) ==> 1 <= x.1 <= 5,
        ))]
        while found.is_none() {
            K::P::relax();
            found = walk::<K::P, K::E>(guard, self.paddr, K::C::NR_LEVELS, va / 4096);
        }
        match found {
            Some((e, level)) if e.is_present() => {
                let mask = offset_mask(level) as usize;
                proof! {
                    K::E::paddr_ok(level as int, e.bits());
                    K::E::paddr_end_aligned();
                    lemma_offset(level as int, va, mask);
                }
                Ok(Some((e.paddr(level) + (va & mask), e.prop(level))))
            }
            _ => Ok(None),
        }
    }

    /// Takes the table apart: all its own nodes, leaves first, with what they still map.
    #[verus_spec]
    pub(crate) fn retire(self) -> Retired<K::P, K::E> {
        proof! {
            use_type_invariant(&self);
            K::lemma_kind();
        }
        let own = K::TOP_LEVEL_INDEX_RANGE;
        let mut nodes = Retired::new();
        proof_with!(Tracked(self.perm.get()));
        node::retire_table::<K::P, K::E>(
            self.paddr,
            K::C::NR_LEVELS,
            own.start,
            own.end,
            &mut nodes,
        );
        nodes
    }
}

#[verus_verify]
impl<P: Platform, F: PagingFormat> TableRoot<KernelPtConfig<P, F>> {
    /// A kernel table: nothing is mapped, and every root entry of the kernel half has its node, for good.
    ///
    /// # Errors
    /// No frame is free for the root (`None`) or for the node of that entry; every frame has been given back.
    #[verus_spec(r =>
        ensures
            r matches Ok(t) ==> forall|i: int| #[trigger] t.pins().dom().contains(i) <==> 256 <= i < 512,
            r matches Err(Some(i)) ==> 256 <= i < 512,
    )]
    pub(crate) fn new_kernel() -> Result<Self, Option<usize>> {
        proof_decl! {
            let tracked mut perm: Option<RootPerm<F::Entry>>;
            let ghost t = table_of::<KernelPtConfig<P, F>>(Map::empty());
        }
        proof! {
            lemma_table_ok::<KernelPtConfig<P, F>>(Map::empty());
            lemma_halves::<P, F>();
        }
        let own = KernelPtConfig::<P, F>::TOP_LEVEL_INDEX_RANGE;
        let (level, base) = (F::Consts::NR_LEVELS, root_base::<KernelPtConfig<P, F>>());
        proof_with!(Ghost(t) => Tracked(perm));
        let root = node::new_kernel_root::<P, F::Entry>(level, base, own.start, own.end);
        match root {
            Err(e) => Err(e),
            Ok(paddr) => {
                proof_with! { perm: Tracked(perm.tracked_unwrap()) }
                let table = TableRoot {
                    paddr,
                    kind: PhantomData,
                };
                Ok(table)
            }
        }
    }

    /// A user table that has this table's nodes in the kernel half. `None`: no frame is free.
    #[verus_spec(r => ensures r matches Some(t) ==> t.pins() == self.pins())]
    pub(crate) fn new_user(&self) -> Option<TableRoot<UserPtConfig<P, F>>> {
        proof_decl! {
            let tracked mut perm: Option<RootPerm<F::Entry>>;
            let ghost t = table_of::<UserPtConfig<P, F>>(self.pins());
        }
        proof! {
            use_type_invariant(self);
            lemma_table_ok::<UserPtConfig<P, F>>(self.pins());
            lemma_halves::<P, F>();
        }
        let from = KernelPtConfig::<P, F>::TOP_LEVEL_INDEX_RANGE.start;
        let (level, base) = (F::Consts::NR_LEVELS, root_base::<UserPtConfig<P, F>>());
        proof_with!(Tracked(self.perm.borrow()), Ghost(t) => Tracked(perm));
        let root = node::new_user_root::<P, F::Entry>(level, base, self.paddr, from);
        match root {
            None => None,
            Some(paddr) => {
                proof_with! { perm: Tracked(perm.tracked_unwrap()) }
                let table = TableRoot {
                    paddr,
                    kind: PhantomData,
                };
                Some(table)
            }
        }
    }
}

#[cfg(verus_only)]
verus! {

impl<K: TableKind> TableRoot<K> {
    #[verifier::type_invariant]
    pub(super) closed spec fn inv(self) -> bool {
        &&& self.perm@.wf::<K::P>() && self.perm@.paddr() == self.paddr
        &&& self.perm@.table() == table_of::<K>(self.perm@.table().pins)
        &&& pins_ok::<K>(self.perm@.table().pins)
    }

    /// The right to the table, and what it says: for whoever opens a range.
    pub(super) proof fn tracked_perm(tracked &self) -> (tracked r: &RootPerm<K::E>)
        ensures
            r.wf::<K::P>(),
            r.paddr() == self.root(),
            r.table() == table_of::<K>(self.pins()),
            pins_ok::<K>(self.pins()),
    {
        use_type_invariant(self);
        self.perm.borrow()
    }

    /// Frame of the root.
    pub closed spec fn root(self) -> Paddr {
        self.paddr
    }

    /// The root entries that keep their children, and these.
    pub closed spec fn pins(self) -> Map<int, int> {
        self.perm@.table().pins
    }
}

/// The offset into a page.
proof fn lemma_offset(l: int, va: usize, mask: usize)
    requires 1 <= l <= 5, mask == crate::paging::geometry::spec_offset_mask(l),
    ensures (va & mask) as int == va as int % bytes(l), va & mask < 0x1_0000_0000_0000, (va & mask) % 4096 == va % 4096,
{
    assert(va & 0xfff == va % 0x1000 && va & 0x1f_ffff == va % 0x20_0000 && va & 0x3fff_ffff == va % 0x4000_0000
        && va & 0x7f_ffff_ffff == va % 0x80_0000_0000 && va & 0xffff_ffff_ffff == va % 0x1_0000_0000_0000) by (bit_vector);
    assert(va % 0x20_0000 % 0x1000 == va % 0x1000 && va % 0x4000_0000 % 0x1000 == va % 0x1000
        && va % 0x80_0000_0000 % 0x1000 == va % 0x1000 && va % 0x1_0000_0000_0000 % 0x1000 == va % 0x1000) by (bit_vector);
}

} // verus!
