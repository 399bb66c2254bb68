//! What a node's position means: its pages, its entries, its children, and who decides a page.
use super::super::shares::word_counts;
use crate::paging::geometry::slot;
use crate::paging::PageTableEntryTrait;
use vstd::prelude::*;

verus! {

/// How a format tells tables from other words, as a value.
pub ghost struct Fmt {
    /// The table that a word of a level points to, if it points to one.
    pub child: spec_fn(int, u64) -> Option<int>,
    /// Does the word say anything?
    pub present: spec_fn(u64) -> bool,
    /// The frame of which a page holds a share by a word of a level, if it holds one.
    pub counts: spec_fn(int, u64, int) -> Option<int>,
}

/// Does word `w` of a level-`l` node point to a table?
pub open spec fn is_table<E: PageTableEntryTrait>(l: int, w: u64) -> bool {
    E::spec_present(w) && l > 1 && !E::spec_last(l, w)
}

/// Format `E` as a value.
pub open spec fn fmt<E: PageTableEntryTrait>() -> Fmt {
    Fmt {
        child: |l: int, w: u64| if is_table::<E>(l, w) { Some(E::spec_paddr(l, w)) } else { None },
        present: |w: u64| E::spec_present(w),
        counts: |l: int, w: u64, v: int| word_counts::<E>(l, w, v),
    }
}

pub open spec fn child_of(f: Fmt, l: int, w: u64) -> Option<int> {
    (f.child)(l, w)
}

/// Number of present words among the first `k`.
pub open spec fn present_count(f: Fmt, w: Seq<u64>, k: int) -> int
    decreases k,
{
    if k <= 0 { 0 } else { present_count(f, w, k - 1) + if (f.present)(w[k - 1]) { 1int } else { 0 } }
}

/// What all nodes of a table agree on.
pub ghost struct TableInfo {
    pub fmt: Fmt,
    /// Level of the root.
    pub top: int,
    /// First page of the root.
    pub base: int,
    /// The root's entries `lo..hi` are the table's own; the others belong to another table.
    pub lo: int,
    pub hi: int,
    /// Root entries that name the same child as long as the table lives, and that child's frame.
    pub pins: Map<int, int>,
}

/// Where a node sits.
pub ghost struct NodeInfo {
    /// The root node's frame.
    pub root: int,
    pub level: int,
    /// First page.
    pub base: int,
    pub table: TableInfo,
}

/// Pages covered by one entry of a level-`l` node.
pub open spec fn es(l: int) -> int {
    if l <= 1 { 1 } else if l == 2 { 512 } else if l == 3 { 262144 } else if l == 4 { 134217728 } else { 68719476736 }
}

/// Pages before entry `i` of a level-`l` node, by cases so that the arithmetic is linear.
pub open spec fn off(l: int, i: int) -> int {
    if l <= 1 { i } else if l == 2 { i * 512 } else if l == 3 { i * 262144 } else if l == 4 { i * 134217728 }
    else { i * 68719476736 }
}

/// Pages covered by a level-`l` node.
pub open spec fn span(l: int) -> int {
    es(l) * 512
}

/// A level-`l` node may start at page `b`.
pub open spec fn aligned(l: int, b: int) -> bool {
    if l <= 1 { b % 512 == 0 } else if l == 2 { b % 262144 == 0 } else if l == 3 { b % 134217728 == 0 }
    else if l == 4 { b % 68719476736 == 0 } else { b % 35184372088832 == 0 }
}

/// Index of the entry that covers the page `d` pages into a level-`l` node.
pub open spec fn in_node(l: int, d: int) -> int {
    if l <= 1 { d } else if l == 2 { d / 512 } else if l == 3 { d / 262144 } else if l == 4 { d / 134217728 }
    else { d / 68719476736 }
}

/// Index in node `p` of the entry that covers page `v`.
pub open spec fn idx(p: NodeInfo, v: int) -> int {
    in_node(p.level, v - p.base)
}

/// Pages are numbered below this.
pub open spec fn page_end() -> int {
    0x10_0000_0000_0000
}

pub open spec fn table_ok(t: TableInfo) -> bool {
    &&& 3 <= t.top <= 5
    &&& 0 <= t.lo <= t.hi <= 512
    &&& 0 <= t.base && aligned(t.top, t.base)
    &&& t.base + span(t.top) <= page_end()
}

pub open spec fn info_ok(p: NodeInfo) -> bool {
    &&& table_ok(p.table)
    &&& 1 <= p.level <= p.table.top
    &&& aligned(p.level, p.base)
    &&& p.table.base <= p.base
    &&& p.base + span(p.level) <= p.table.base + span(p.table.top)
}

/// Position of the child at entry `i`.
pub open spec fn child_info(p: NodeInfo, i: int) -> NodeInfo {
    NodeInfo { level: p.level - 1, base: p.base + off(p.level, i), ..p }
}

/// Position of a table's root.
pub open spec fn root_info(root: int, t: TableInfo) -> NodeInfo {
    NodeInfo { root, level: t.top, base: t.base, table: t }
}

/// The position of a frame that is no node.
pub open spec fn idle() -> NodeInfo {
    NodeInfo { root: 0, level: 0, base: 0, table: arbitrary() }
}

/// Number of the node among those of its level: the key by which models of tables know it.
pub open spec fn prefix(p: NodeInfo) -> int {
    slot(p.level + 1, p.base)
}

/// Entry `i` of node `p` is the table's own.
pub open spec fn own(p: NodeInfo, i: int) -> bool {
    0 <= i < 512 && (p.level < p.table.top || p.table.lo <= i < p.table.hi)
}

/// Entry `i` links a child of the same table.
pub open spec fn linked(p: NodeInfo, words: Seq<u64>, i: int) -> bool {
    own(p, i) && p.level >= 2 && child_of(p.table.fmt, p.level, words[i]) is Some
}

/// The root entries that the table pins name the children that it says.
pub open spec fn pinned(p: NodeInfo, words: Seq<u64>) -> bool {
    forall|i: int| #[trigger] p.table.pins.dom().contains(i) ==> pin_ok(p, words, i)
}

/// Root entry `i` names the child that the table says.
pub open spec fn pin_ok(p: NodeInfo, words: Seq<u64>, i: int) -> bool {
    0 <= i < 512 && child_of(p.table.fmt, p.level, words[i]) == Some(p.table.pins[i])
}

/// No entry of the table's own part is pinned: all its nodes may go.
pub open spec fn loose(t: TableInfo) -> bool {
    forall|i: int| t.lo <= i < t.hi ==> !#[trigger] t.pins.dom().contains(i)
}

/// The frame of which page `v` holds a share by a word of node `p`, if it holds one.
pub open spec fn frame_of(p: NodeInfo, words: Seq<u64>, v: int) -> Option<int> {
    let i = slot(p.level, v) % 512;
    if own(p, i) { (p.table.fmt.counts)(p.level, words[i], v) } else { None }
}

/// A right to decide: of a table (named by its root's frame), for a page, at a level.
pub type Key = (int, int, int);

/// The rights for pages `lo..hi` at levels `0..=m`.
pub open spec fn cover(root: int, lo: int, hi: int, m: int) -> Set<Key> {
    Set::new(|k: Key| k.0 == root && lo <= k.1 < hi && 0 <= k.2 <= m)
}

/// The right that names the table; its handle keeps it.
pub open spec fn handle_key(root: int) -> Key {
    (root, -1, 0)
}

/// All the rights of the table that frame `pa` might become the root of.
pub open spec fn full(pa: int) -> Set<Key> {
    Set::new(|k: Key| k.0 == pa && -1 <= k.1 < page_end() && 0 <= k.2 <= 5)
}

/// What a root node's frame keeps of the rights: those for pages outside the table.
pub open spec fn rest(p: NodeInfo) -> Set<Key> {
    full(p.root) - cover(p.root, p.base, p.base + span(p.level), p.level) - set![handle_key(p.root)]
}

/// The rights of node `p`: its own level, and below it what it has not given to a child.
pub open spec fn region(p: NodeInfo, words: Seq<u64>) -> Set<Key> {
    Set::new(|k: Key| {
        &&& k.0 == p.root && p.base <= k.1 < p.base + span(p.level) && 0 <= k.2 <= p.level
        &&& k.2 == p.level || !linked(p, words, idx(p, k.1))
    })
}

/// What a child at entry `i` is given.
pub open spec fn share(p: NodeInfo, i: int) -> Set<Key> {
    cover(p.root, p.base + off(p.level, i), p.base + off(p.level, i + 1), p.level - 1)
}

/// Words of slot metadata that say position and count.
pub open spec fn says(m: (u64, u64), p: NodeInfo, count: int) -> bool {
    &&& m.0 == p.base + p.level
    &&& m.1 == p.root + count
}

} // verus!
