//! Hostile visits of a cursor: where, how long, and what is done there.
use super::*;

/// Addresses and lengths that are at an edge of something.
pub(super) const EDGES: [usize; 30] = [
    0,
    1,
    4095,
    PAGE,
    PAGE + 1,
    M2 - PAGE,
    M2,
    M2 + PAGE,
    2 * M2,
    G1 - PAGE,
    G1,
    1 << 33,
    1 << 38,
    1 << 39,
    (1 << 47) - PAGE,
    1 << 47,
    1 << 48,
    1 << 52,
    (1 << 56) - PAGE,
    1 << 56,
    1 << 57,
    1 << 63,
    usize::MAX << 57,
    usize::MAX << 56,
    usize::MAX << 47,
    usize::MAX << 38,
    usize::MAX << 30,
    usize::MAX << 21,
    usize::MAX - 4095,
    usize::MAX,
];

fn edge() -> impl Strategy<Value = usize> {
    prop_oneof![3 => prop::sample::select(&EDGES[..]), 1 => any::<usize>()]
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        2 => edge(),
        4 => (0usize..2000).prop_map(|n| n * PAGE),
        3 => prop::sample::select(vec![PAGE, 2 * PAGE, M2, 2 * M2, G1, 1 << 39, 1 << 48]),
    ]
}

fn level() -> impl Strategy<Value = u8> {
    prop_oneof![6 => 0u8..6, 1 => Just(6u8), 1 => Just(255u8), 1 => any::<u8>()]
}

fn property() -> impl Strategy<Value = PageProperty> {
    prop_oneof![4 => Just(rw()), 3 => Just(ro()), 1 => (any::<u8>(), any::<u8>(), 0usize..5).prop_map(|(f, p, c)| {
        let cache = [CachePolicy::Uncacheable, CachePolicy::WriteCombining, CachePolicy::WriteProtected,
            CachePolicy::Writethrough, CachePolicy::Writeback][c];
        PageProperty { flags: PageFlags::from_bits_truncate(f), cache, priv_flags: PrivilegedPageFlags::from_bits_truncate(p) }
    })]
}

/// What is done at a cursor. Positions are steps from the start of its range, or any number.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Jump(usize),
    Step(usize),
    Map(usize, u8, PageProperty),
    Frame(PageProperty),
    Frames(usize, PageProperty),
    Run(usize, usize, PageProperty, u8),
    Take(usize),
    Unmap(usize),
    Protect(usize, PageProperty),
    ProtectNext(usize, PageProperty),
    Find(usize),
    Query,
    Split,
}

fn op() -> impl Strategy<Value = Op> {
    let pa = || prop_oneof![1 => edge(), 3 => (0usize..64).prop_map(|i| (1 << 34) + (i << 30)), 2 => (0usize..64).prop_map(|i| (1 << 34) + (i << 21)), 1 => (0usize..64).prop_map(|i| i << 48)];
    prop_oneof![
        2 => edge().prop_map(Op::Jump),
        5 => length().prop_map(Op::Step),
        6 => (pa(), level(), property()).prop_map(|(pa, l, p)| Op::Map(pa, l, p)),
        2 => property().prop_map(Op::Frame),
        2 => (prop::sample::select(vec![0usize, 1, 3, 511, 512, 513]), property()).prop_map(|(n, p)| Op::Frames(n, p)),
        4 => (pa(), length(), property(), level()).prop_map(|(pa, n, p, l)| Op::Run(pa, n, p, l)),
        2 => length().prop_map(Op::Take),
        3 => length().prop_map(Op::Unmap),
        2 => (length(), property()).prop_map(|(n, p)| Op::Protect(n, p)),
        1 => (length(), property()).prop_map(|(n, p)| Op::ProtectNext(n, p)),
        1 => length().prop_map(Op::Find),
        1 => Just(Op::Query),
        2 => Just(Op::Split),
    ]
}

/// Where a range starts: a root entry of the half, 256 for its end, and bytes up or down from there.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) top: usize,
    pub(super) off: usize,
    pub(super) down: bool,
    pub(super) len: usize,
    pub(super) ops: Vec<Op>,
    pub(super) fuel: Option<u64>,
}

pub(super) fn visit() -> impl Strategy<Value = Visit> {
    let top =
        prop_oneof![3 => Just(0usize), 3 => Just(256usize), 1 => Just(255usize), 1 => Just(1usize)];
    let fuel = prop_oneof![3 => Just(None), 1 => (0u64..6).prop_map(Some)];
    let off = prop_oneof![
        Just(0),
        Just(M2),
        Just(PAGE),
        Just(G1),
        Just(1 << 39),
        length()
    ];
    (
        top,
        off,
        any::<bool>(),
        length(),
        prop::collection::vec(op(), 1..8),
        fuel,
    )
        .prop_map(|(top, off, down, len, ops, fuel)| Visit {
            top,
            off,
            down,
            len,
            ops,
            fuel,
        })
}
