//! What a page-table entry format offers, and what each must prove.
#[cfg(verus_only)]
use super::{geometry::*, property::Rights};
use super::{PageProperty, PagingLevel};
use crate::Paddr;
use vstd::prelude::*;

verus! {

/// `pa` may stand in a level-`level` leaf of a format whose addresses are below `end`.
pub open spec fn page_ok(end: int, level: int, pa: int) -> bool {
    0 <= pa < end && aligned(level, pa)
}

/// An entry of a page table: one 64-bit word whose meaning depends on the level that it stands at.
///
/// The spec functions speak about words, so that the owner of a table can reason about memory; the
/// functions on entries compute them. No function panics or has preconditions: with arguments that a
/// format cannot express (see [`supports`](Self::supports), [`fits_page`](Self::fits_page),
/// [`fits_table`](Self::fits_table)) the word that comes out still has no bit outside the
/// manual's fields, but says something else.
pub trait PageTableEntryTrait: Copy + Send + Sync + 'static {
    /// First physical address past what an entry can hold.
    const PADDR_END: usize;

    /// The word.
    spec fn bits(self) -> u64;

    /// The word maps a page or points to a table.
    spec fn spec_present(w: u64) -> bool;

    /// A present word maps a page (and does not point to a table).
    spec fn spec_last(level: int, w: u64) -> bool;

    /// Address of the page or table.
    spec fn spec_paddr(level: int, w: u64) -> int;

    /// What a leaf says beside the address.
    spec fn spec_prop(level: int, w: u64) -> PageProperty;

    /// What the manual says that the MMU lets user mode do through a leaf, once the accessed and dirty flags
    /// are set (where these are missing, an access may raise an exception that tells the kernel to set them).
    spec fn mmu_user(w: u64) -> Rights;

    /// The format has leaves at this level, and they can express the property exactly.
    spec fn spec_supports(level: int, p: PageProperty) -> bool;

    /// A table may be at `pa`.
    spec fn spec_table_ok(pa: int) -> bool;

    /// The words differ at most in what hardware sets by itself.
    spec fn same_but_ad(a: u64, b: u64) -> bool;

    /// The bits that the manual gives a meaning in a leaf, and those left to software.
    spec fn leaf_fields(level: int) -> u64;

    /// The bits that the manual gives a meaning in a pointer to a table, and those left to software.
    spec fn table_fields() -> u64;

    /// Zeroed memory is a node without entries.
    proof fn zero_absent()
        ensures
            !Self::spec_present(0),
    ;

    /// What hardware changes by itself moves nothing but the accessed and dirty flags.
    proof fn ad_irrelevant(level: int, a: u64, b: u64)
        requires
            Self::same_but_ad(a, b),
        ensures
            Self::same_but_ad(b, a),
            Self::spec_present(a) == Self::spec_present(b),
            Self::spec_last(level, a) == Self::spec_last(level, b),
            Self::spec_paddr(level, a) == Self::spec_paddr(level, b),
            Self::spec_prop(level, a).spec_sans_ad() == Self::spec_prop(level, b).spec_sans_ad(),
    ;

    /// Hardware may leave a word alone.
    proof fn ad_refl(w: u64)
        ensures
            Self::same_but_ad(w, w),
    ;

    /// Hardware may change a word more than once.
    proof fn ad_trans(a: u64, b: u64, c: u64)
        requires
            Self::same_but_ad(a, b),
            Self::same_but_ad(b, c),
        ensures
            Self::same_but_ad(a, c),
    ;

    /// At level 1 there is nothing but pages.
    proof fn base_is_last(w: u64)
        ensures
            Self::spec_last(1, w),
    ;

    /// The address in a leaf, whatever the word, is one that a leaf may have.
    proof fn leaf_paddr_ok(level: int, w: u64)
        requires
            1 <= level <= 5,
            Self::spec_last(level, w),
        ensures
            page_ok(Self::PADDR_END as int, level, Self::spec_paddr(level, w)),
    ;

    /// The address in any word is the address of a frame.
    proof fn paddr_ok(level: int, w: u64)
        requires
            1 <= level <= 5,
        ensures
            page_ok(Self::PADDR_END as int, 1, Self::spec_paddr(level, w)),
    ;

    /// Physical memory ends with a page of every size.
    proof fn paddr_end_aligned()
        ensures
            aligned(5, Self::PADDR_END as int),
            Self::PADDR_END as int % 0x1_0000_0000_0000 == 0,
            0 < Self::PADDR_END <= 0x100_0000_0000_0000,
    ;

    /// The property of any word has only bits with a meaning.
    proof fn prop_wf(level: int, w: u64)
        ensures
            Self::spec_prop(level, w).wf(),
    ;

    /// Only levels and properties that exist are supported.
    proof fn supports_wf(level: int, p: PageProperty)
        requires
            Self::spec_supports(level, p),
        ensures
            1 <= level <= 5,
            p.wf(),
    ;

    /// A page can be split into smaller ones with the same property.
    proof fn supports_lower(level: int, p: PageProperty)
        requires
            Self::spec_supports(level, p),
            level > 1,
        ensures
            Self::spec_supports(level - 1, p),
    ;

    /// Whether a property can be expressed does not depend on the accessed and dirty flags.
    proof fn supports_ad(level: int, p: PageProperty, q: PageProperty)
        requires
            Self::spec_supports(level, p),
            p.spec_sans_ad() == q.spec_sans_ad(),
            q.wf(),
        ensures
            Self::spec_supports(level, q),
    ;

    /// The entry with this word.
    fn from_usize(w: usize) -> (r: Self)
        ensures
            r.bits() == w as u64,
    ;

    /// The entry's word.
    fn as_usize(self) -> (r: usize)
        ensures
            r as u64 == self.bits(),
    ;

    /// The entry that maps nothing: zero.
    fn new_absent() -> (r: Self)
        ensures
            r.bits() == 0,
            !Self::spec_present(r.bits()),
    ;

    /// Does the entry map a page or point to a table?
    fn is_present(self) -> (r: bool)
        ensures
            r == Self::spec_present(self.bits()),
    ;

    /// Does the entry, if present, map a page (and not point to a table)? Always so at level 1.
    fn is_last(self, level: PagingLevel) -> (r: bool)
        ensures
            r == Self::spec_last(level as int, self.bits()),
    ;

    /// Address of the page or table.
    fn paddr(self, level: PagingLevel) -> (r: Paddr)
        ensures
            r == Self::spec_paddr(level as int, self.bits()),
    ;

    /// What a leaf says beside the address.
    fn prop(self, level: PagingLevel) -> (r: PageProperty)
        ensures
            r == Self::spec_prop(level as int, self.bits()),
    ;

    /// Has the format leaves at this level, and can they express the property exactly?
    fn supports(level: PagingLevel, prop: PageProperty) -> (r: bool)
        ensures
            r == Self::spec_supports(level as int, prop),
    ;

    /// May a level-`level` leaf hold `pa`: aligned to the level's page size and below `PADDR_END`?
    fn fits_page(pa: Paddr, level: PagingLevel) -> (r: bool)
        ensures
            r == page_ok(Self::PADDR_END as int, level as int, pa as int),
    ;

    /// May a table be at `pa`?
    fn fits_table(pa: Paddr) -> (r: bool)
        ensures
            r == Self::spec_table_ok(pa as int),
    ;

    /// A leaf that maps the page at `pa`.
    fn new_page(pa: Paddr, level: PagingLevel, prop: PageProperty) -> (r: Self)
        ensures
            r.bits() & !Self::leaf_fields(level as int) == 0,
            page_ok(Self::PADDR_END as int, level as int, pa as int) && Self::spec_supports(level as int, prop) ==> {
                &&& Self::spec_present(r.bits())
                &&& Self::spec_last(level as int, r.bits())
                &&& Self::spec_paddr(level as int, r.bits()) == pa
                &&& Self::spec_prop(level as int, r.bits()) == prop
                &&& Self::mmu_user(r.bits()) == prop.user_rights()
            },
    ;

    /// An entry that points to the table at `pa`, for any level above 1.
    fn new_pt(pa: Paddr) -> (r: Self)
        ensures
            r.bits() & !Self::table_fields() == 0,
            Self::spec_table_ok(pa as int) ==> {
                &&& Self::spec_present(r.bits())
                &&& forall|l: int| 2 <= l <= 5 ==> !#[trigger] Self::spec_last(l, r.bits())
                &&& forall|l: int| 2 <= l <= 5 ==> #[trigger] Self::spec_paddr(l, r.bits()) == pa
            },
    ;

    /// A leaf with the same address and another property.
    fn set_prop(self, level: PagingLevel, prop: PageProperty) -> (r: Self)
        ensures
            r.bits() & !Self::leaf_fields(level as int) == 0,
            Self::spec_last(level as int, self.bits()) && Self::spec_supports(level as int, prop) ==> {
                &&& Self::spec_present(r.bits())
                &&& Self::spec_last(level as int, r.bits())
                &&& Self::spec_paddr(level as int, r.bits()) == Self::spec_paddr(level as int, self.bits())
                &&& Self::spec_prop(level as int, r.bits()) == prop
                &&& Self::mmu_user(r.bits()) == prop.user_rights()
            },
    ;
}

} // verus!
