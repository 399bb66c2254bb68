//! The region map against a model that keeps each page apart.
use super::*;
use proptest::prelude::*;

const BASE: usize = 0x10_0000;
const SPAN: usize = 24;

/// One page: the region cut to it.
type Model = BTreeMap<usize, Region>;

#[derive(Clone, Debug)]
enum Op {
    Map(usize, usize, Region),
    Unmap(usize, usize),
    Protect(usize, usize, Prot),
    DontFork(usize, usize),
    Remap(usize, usize, usize, usize, bool),
}

fn region() -> impl Strategy<Value = Region> {
    let backing = prop_oneof![
        Just(Backing::Anon),
        (0..2u64).prop_map(|o| Backing::Private(ObjectId(o))),
        (0..2u64).prop_map(|o| Backing::Shared(ObjectId(o))),
    ];
    (0..8u8, backing, 0..4u64, any::<bool>()).prop_map(|(prot, backing, page, heap)| {
        let role = if heap { Role::Heap } else { Role::Mapping };
        Region::new(Prot::from_bits(prot), backing, page * PAGE as u64, role)
    })
}

fn op() -> impl Strategy<Value = Op> {
    let at = || 0..SPAN;
    let len = || 1..=SPAN / 2;
    prop_oneof![
        3 => (at(), len(), region()).prop_map(|(a, n, r)| Op::Map(a, n, r)),
        2 => (at(), len()).prop_map(|(a, n)| Op::Unmap(a, n)),
        3 => (at(), len(), 0..8u8).prop_map(|(a, n, p)| Op::Protect(a, n, Prot::from_bits(p))),
        1 => (at(), len()).prop_map(|(a, n)| Op::DontFork(a, n)),
        2 => (at(), 0..=SPAN / 2, at(), len(), any::<bool>())
            .prop_map(|(a, n, b, m, keep)| Op::Remap(a, n, b, m, keep)),
    ]
}

fn addr(page: usize) -> usize {
    BASE + page * PAGE
}

fn remap_model(m: &mut Model, old: usize, n: usize, new: usize, k: usize, keep: bool) -> bool {
    let last = if n == 0 { old } else { old + n - 1 };
    let Some(&last_region) = m.get(&last) else {
        return false;
    };
    if n == 0 {
        for i in 0..k {
            m.insert(new + i, last_region.skip(i * PAGE));
        }
        return true;
    }
    let source: Vec<Option<Region>> = (0..n).map(|i| m.get(&(old + i)).copied()).collect();
    if !keep {
        m.retain(|p, _| !(old..old + n).contains(p));
    }
    for i in 0..k {
        let region = match source.get(i) {
            Some(r) => *r,
            None => Some(last_region.skip((i - n + 1) * PAGE)),
        };
        match region {
            Some(r) => m.insert(new + i, r),
            None => m.remove(&(new + i)),
        };
    }
    true
}

fn step(map: &mut RegionMap, m: &mut Model, op: &Op) -> Result<(), TestCaseError> {
    match *op {
        Op::Map(a, n, r) => {
            map.map(addr(a)..addr(a + n), r);
            m.extend((0..n).map(|i| (a + i, r.skip(i * PAGE))));
        }
        Op::Unmap(a, n) => {
            map.unmap(addr(a)..addr(a + n));
            m.retain(|p, _| !(a..a + n).contains(p));
        }
        Op::Protect(a, n, prot) => {
            let hole = (a..a + n).find(|p| !m.contains_key(p));
            let got = map.protect(addr(a)..addr(a + n), prot);
            prop_assert_eq!(got.err(), hole.map(|p| RangeError::Hole(addr(p))));
            for p in a..hole.unwrap_or(a + n) {
                m.entry(p).and_modify(|r| r.prot = prot);
            }
        }
        Op::DontFork(a, n) => {
            map.update(addr(a)..addr(a + n), |r| r.dont_fork = true);
            for p in a..a + n {
                m.entry(p).and_modify(|r| r.dont_fork = true);
            }
        }
        Op::Remap(a, n, b, k, keep) => {
            let done = map.remap(addr(a), n * PAGE, addr(b), k * PAGE, keep);
            prop_assert_eq!(done.is_ok(), remap_model(m, a, n, b, k, keep));
        }
    }
    Ok(())
}

fn expand(map: &RegionMap) -> Model {
    let mut m = Model::new();
    for (r, region) in map.iter() {
        for at in (r.start..r.end).step_by(PAGE) {
            m.insert((at - BASE) / PAGE, region.skip(at - r.start));
        }
    }
    m
}

fn check(map: &RegionMap, m: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(&expand(map), m);
    let all: Vec<_> = map.iter().collect();
    for pair in all.windows(2) {
        let ((a, ra), (b, rb)) = (&pair[0], &pair[1]);
        prop_assert!(a.end <= b.start);
        prop_assert!(!(a.end == b.start && ra.continues_as(a.end - a.start, *rb)));
    }
    Ok(())
}

proptest! {
    #[test]
    fn equals_a_map_of_single_pages(ops in prop::collection::vec(op(), 1..40)) {
        let (mut map, mut m) = (RegionMap::new(), Model::new());
        for op in &ops {
            step(&mut map, &mut m, op)?;
            check(&map, &m)?;
        }
        let child: Model = m.iter().filter(|(_, r)| !r.dont_fork).map(|(p, r)| (*p, *r)).collect();
        prop_assert_eq!(expand(&map.forked()), child);
    }

    #[test]
    fn queries_agree_with_the_model(
        ops in prop::collection::vec(op(), 1..20), a in 0..SPAN * 2, n in 0..SPAN
    ) {
        let (mut map, mut m) = (RegionMap::new(), Model::new());
        for op in &ops {
            step(&mut map, &mut m, op)?;
        }
        let range = addr(a)..addr(a + n);
        let hole = (a..a + n).find(|p| !m.contains_key(p));
        prop_assert_eq!(map.first_hole(range.clone()), hole.map(addr));
        let mut covered = Model::new();
        for (r, region) in map.within(range.clone()) {
            prop_assert!(range.start <= r.start && r.start < r.end && r.end <= range.end);
            for at in (r.start..r.end).step_by(PAGE) {
                covered.insert((at - BASE) / PAGE, region.skip(at - r.start));
            }
        }
        let expected: Model = m.range(a..a + n).map(|(p, r)| (*p, *r)).collect();
        prop_assert_eq!(covered, expected);
        let mut open: Vec<usize> = Vec::new();
        for r in map.holes(range) {
            open.extend((r.start..r.end).step_by(PAGE));
        }
        let free: Vec<usize> = (a..a + n).filter(|p| !m.contains_key(p)).map(addr).collect();
        prop_assert_eq!(open, free);
        prop_assert_eq!(map.find(addr(a) + 17).is_some(), m.contains_key(&a));
    }
}

#[test]
fn lengths_are_rounded_up_and_bad_ranges_named() {
    assert_eq!(pages(0x1000, 1), Ok(0x1000..0x2000));
    assert_eq!(pages(0x1000, 0x1001), Ok(0x1000..0x3000));
    assert_eq!(pages(0x1001, 1), Err(RangeError::Unaligned(0x1001)));
    assert_eq!(pages(0x1000, 0), Err(RangeError::Empty(0x1000)));
    let (start, len) = (USER_END - PAGE, PAGE + 1);
    assert_eq!(
        pages(start, len),
        Err(RangeError::OutOfRange { start, len })
    );
    assert_eq!(pages(start, PAGE), Ok(start..USER_END));
    let (start, len) = (PAGE, usize::MAX);
    assert_eq!(
        pages(start, len),
        Err(RangeError::OutOfRange { start, len })
    );
}

#[test]
fn a_reservation_of_many_gib_is_one_region() {
    let mut map = RegionMap::new();
    let all = pages(0x7000_0000_0000, 64 << 30).unwrap();
    map.map(all.clone(), Region::anon(Prot::NONE, Role::Mapping));
    assert_eq!(map.len(), 1);
    map.protect(all.start + PAGE..all.start + 3 * PAGE, Prot::RW)
        .unwrap();
    assert_eq!(map.len(), 3);
    map.protect(all.start + PAGE..all.start + 3 * PAGE, Prot::NONE)
        .unwrap();
    assert_eq!(map.len(), 1);
}
