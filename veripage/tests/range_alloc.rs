//! The range allocator against a model that keeps a set of pages.
use std::collections::BTreeMap;
use veripage::kspace::range_alloc::{RangeAllocError, RangeAllocator};
use veripage::PAGE_SIZE;

const LOW: usize = 0xffff_c000_0000_0000;
const PAGES: usize = 64;

fn at(page: usize) -> usize {
    LOW + page * PAGE_SIZE
}

fn random(seed: &mut u64) -> usize {
    *seed = seed
        .wrapping_mul(6364136223846793005)
        .wrapping_add(1442695040888963407);
    (*seed >> 33) as usize
}

/// The lowest page from which `size` pages are free at `phase` modulo `align`.
fn model_alloc(busy: &[bool], size: usize, align: usize, phase: usize) -> Option<usize> {
    (0..PAGES).find(|&p| {
        (LOW / PAGE_SIZE + p) % align == phase
            && p + size <= PAGES
            && busy[p..p + size].iter().all(|b| !b)
    })
}

#[test]
fn agrees_with_the_model() {
    for round in 0..50u64 {
        let mut seed = round + 1;
        let mut ranges = RangeAllocator::<129>::new(LOW..at(PAGES)).unwrap();
        let mut busy = [false; PAGES];
        let mut live: BTreeMap<usize, usize> = BTreeMap::new();
        for _ in 0..400 {
            if random(&mut seed) % 5 < 3 {
                let size = 1 + random(&mut seed) % 9;
                let align = 1 << (random(&mut seed) % 4);
                let phase = random(&mut seed) % align;
                let got = ranges.alloc(size * PAGE_SIZE, align * PAGE_SIZE, phase * PAGE_SIZE);
                match model_alloc(&busy, size, align, phase) {
                    Some(p) => {
                        assert_eq!(got, Ok(at(p)..at(p + size)));
                        busy[p..p + size].fill(true);
                        live.insert(p, size);
                    }
                    None => assert_eq!(got, Err(RangeAllocError::Exhausted(size * PAGE_SIZE))),
                }
            } else if !live.is_empty() {
                let nth = random(&mut seed) % live.len();
                let (&p, &size) = live.iter().nth(nth).unwrap();
                assert_eq!(ranges.free(at(p), at(p + size)), Ok(()));
                assert_eq!(
                    ranges.free(at(p), at(p + size)),
                    Err(RangeAllocError::NotAllocated(at(p), at(p + size)))
                );
                busy[p..p + size].fill(false);
                live.remove(&p);
            }
            assert_eq!(ranges.areas(), live.len());
        }
        for (p, size) in live {
            assert_eq!(ranges.free(at(p), at(p + size)), Ok(()));
        }
        // Everything has coalesced into one piece again.
        assert_eq!(ranges.alloc(PAGES * PAGE_SIZE, 4096, 0), Ok(LOW..at(PAGES)));
    }
}

#[test]
fn exhaustion_is_an_error() {
    let mut ranges = RangeAllocator::<3>::new(LOW..at(4)).unwrap();
    let first = ranges.alloc(PAGE_SIZE, PAGE_SIZE, 0).unwrap();
    ranges.alloc(PAGE_SIZE, PAGE_SIZE, 0).unwrap();
    assert_eq!(
        ranges.alloc(PAGE_SIZE, PAGE_SIZE, 0),
        Err(RangeAllocError::TooManyAreas(PAGE_SIZE))
    );
    // What fits a free piece exactly needs no new one, and a full table can always be given back to.
    assert_eq!(ranges.alloc(2 * PAGE_SIZE, PAGE_SIZE, 0), Ok(at(2)..at(4)));
    assert_eq!(
        ranges.alloc(PAGE_SIZE, PAGE_SIZE, 0),
        Err(RangeAllocError::Exhausted(PAGE_SIZE))
    );
    assert_eq!(ranges.free(first.start, first.end), Ok(()));
    assert_eq!(ranges.free(at(1), at(2)), Ok(()));
    assert_eq!(ranges.free(at(2), at(4)), Ok(()));
    assert_eq!(ranges.areas(), 0);
}

#[test]
fn bad_input_is_an_error() {
    for (a, b) in [
        (LOW, LOW),
        (at(2), at(1)),
        (LOW + 1, at(2)),
        (LOW, at(2) - 1),
    ] {
        assert_eq!(
            RangeAllocator::<8>::new(a..b).err(),
            Some(RangeAllocError::BadRange(a, b))
        );
    }
    assert_eq!(
        RangeAllocator::<0>::new(LOW..at(1)).err(),
        Some(RangeAllocError::BadRange(LOW, at(1)))
    );
    let mut ranges = RangeAllocator::<8>::new(LOW..at(8)).unwrap();
    for size in [0, 1, PAGE_SIZE + 1, usize::MAX] {
        assert_eq!(
            ranges.alloc(size, PAGE_SIZE, 0),
            Err(RangeAllocError::BadSize(size))
        );
    }
    assert_eq!(
        ranges.alloc(PAGE_SIZE, 0, 0),
        Err(RangeAllocError::BadAlign(0))
    );
    assert_eq!(
        ranges.alloc(PAGE_SIZE, PAGE_SIZE, PAGE_SIZE),
        Err(RangeAllocError::BadAlign(PAGE_SIZE))
    );
    let huge = usize::MAX - PAGE_SIZE + 1;
    assert_eq!(
        ranges.alloc(huge, PAGE_SIZE, 0),
        Err(RangeAllocError::Exhausted(huge))
    );
    // A part of an area, or two of them, is no area.
    let a = ranges.alloc(2 * PAGE_SIZE, PAGE_SIZE, 0).unwrap();
    assert!(ranges.free(a.start, a.start + PAGE_SIZE).is_err());
    assert!(ranges.free(a.start, a.end + PAGE_SIZE).is_err());
    assert_eq!(ranges.areas(), 1);
}
