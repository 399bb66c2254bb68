//! Segments: what `frame/` promises, by name.
mod common;
use common::*;
use std::cell::Cell;
use veripage::frame::*;
use veripage::{Paddr, Platform, PAGE_SIZE};
use veripage_sim::Sim;

type P = Sim<3>;

struct Tag(usize);
impl FrameMeta for Tag {}

fn run(n: usize) -> std::ops::Range<Paddr> {
    let pa = P::alloc_frames(n, 4096).expect("there is RAM");
    pa..pa + n * PAGE_SIZE
}

fn count(pa: Paddr) -> u32 {
    let f = DynFrame::<P>::from_in_use(pa).expect("the frame is shared");
    f.reference_count() - 1
}

#[test]
fn segment_creation() {
    let m = machine::<3>();
    let r = run(5);
    let s = Segment::<P, Tag>::from_unused(r.clone(), Tag).unwrap();
    assert_eq!((s.paddr_range(), s.size()), (r.clone(), 5 * PAGE_SIZE));
    for pa in r.step_by(PAGE_SIZE) {
        assert_eq!(count(pa), 1);
        let f = DynFrame::<P>::from_in_use(pa).unwrap();
        assert_eq!(f.dyn_meta::<Tag>().map(|t| t.0), Some(pa));
    }
    drop(s);
    at_rest(m);
}

#[test]
fn segment_bad_ranges() {
    let m = machine::<3>();
    let make = |r| Segment::<P, Tag>::from_unused(r, Tag).err();
    let top = P::MAX_PADDR;
    assert_eq!(make(4096..4096), Some(GetFrameError::Empty(4096)));
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = 8192..4096;
    assert_eq!(make(reversed), Some(GetFrameError::Empty(8192)));
    assert_eq!(make(4097..8192), Some(GetFrameError::NotAligned(4097)));
    assert_eq!(make(4096..8191), Some(GetFrameError::NotAligned(8191)));
    assert_eq!(
        make(0..top + 4096),
        Some(GetFrameError::OutOfBound(top + 4096))
    );
    at_rest(m);
}

#[test]
fn segment_rollback() {
    let m = machine::<3>();
    let r = run(4);
    let third = r.start + 2 * PAGE_SIZE;
    let taken = Frame::<P, Tag>::from_unused(third, Tag(0)).unwrap();
    let err = Segment::<P, Tag>::from_unused(r.clone(), Tag).err();
    assert_eq!(err, Some(GetFrameError::InUse(third)));
    // The frames before the taken one went back to the machine, the one behind was never touched.
    assert!(!m.is_allocated(r.start) && !m.is_allocated(r.start + PAGE_SIZE));
    assert!(m.is_allocated(third + PAGE_SIZE));
    assert_eq!(taken.reference_count(), 1);
    P::dealloc_frames(third + PAGE_SIZE, 1);
    drop(taken);
    at_rest(m);
}

#[test]
fn segment_split() {
    let m = machine::<3>();
    let r = run(4);
    let mut s = Segment::<P, Tag>::from_unused(r.clone(), Tag).unwrap();
    for bad in [
        0,
        1,
        4095,
        4097,
        4 * PAGE_SIZE,
        5 * PAGE_SIZE,
        usize::MAX - 4095,
    ] {
        s = s.split(bad).err().expect("it cannot be split there");
    }
    let (a, b) = s.split(PAGE_SIZE).ok().expect("it can be split here");
    let mid = r.start + PAGE_SIZE;
    assert_eq!(
        (a.paddr_range(), b.paddr_range()),
        (r.start..mid, mid..r.end)
    );
    assert!(r.clone().step_by(PAGE_SIZE).all(|pa| count(pa) == 1));
    drop(a);
    assert!(!m.is_allocated(r.start) && m.is_allocated(mid));
    drop(b);
    at_rest(m);
}

#[test]
fn segment_slice() {
    let m = machine::<3>();
    let r = run(4);
    let s = Segment::<P, Tag>::from_unused(r.clone(), Tag).unwrap();
    let t = s.slice(&(PAGE_SIZE..3 * PAGE_SIZE)).unwrap();
    let counts =
        |r: &std::ops::Range<Paddr>| r.clone().step_by(PAGE_SIZE).map(count).collect::<Vec<_>>();
    assert_eq!(counts(&r), [1, 2, 2, 1]);
    assert_eq!(
        t.paddr_range(),
        r.start + PAGE_SIZE..r.start + 3 * PAGE_SIZE
    );
    let err = |r| s.slice(&r).err();
    assert_eq!(
        err(0..5 * PAGE_SIZE),
        Some(GetFrameError::OutOfBound(r.start + 5 * PAGE_SIZE))
    );
    assert_eq!(
        err(0..usize::MAX),
        Some(GetFrameError::OutOfBound(usize::MAX))
    );
    assert_eq!(
        err(1..PAGE_SIZE),
        Some(GetFrameError::NotAligned(r.start + 1))
    );
    assert_eq!(
        err(0..PAGE_SIZE + 1),
        Some(GetFrameError::NotAligned(r.start + PAGE_SIZE + 1))
    );
    // An empty slice is allowed, and has nothing.
    let none = s.slice(&(PAGE_SIZE..PAGE_SIZE)).unwrap();
    assert_eq!(none.size(), 0);
    assert_eq!(counts(&r), [1, 2, 2, 1]);
    drop(none);
    drop(s);
    assert!(!m.is_allocated(r.start) && m.is_allocated(r.start + PAGE_SIZE));
    drop(t);
    at_rest(m);
}

#[test]
fn segment_iteration() {
    let m = machine::<3>();
    let r = run(3);
    let mut s = Segment::<P, Tag>::from_unused(r.clone(), Tag).unwrap();
    let first = s.next().unwrap();
    assert_eq!(
        (first.start_paddr(), first.reference_count(), first.meta().0),
        (r.start, 1, r.start)
    );
    assert_eq!(s.size(), 2 * PAGE_SIZE);
    let rest: Vec<_> = s.map(|f| f.start_paddr()).collect();
    assert_eq!(rest, [r.start + PAGE_SIZE, r.start + 2 * PAGE_SIZE]);
    drop(first);
    at_rest(m);
}

#[test]
fn segment_drop() {
    let m = machine::<3>();
    let r = run(8);
    let s = Segment::<P, Tag>::from_unused(r.clone(), Tag).unwrap();
    let kept = DynFrame::<P>::from_in_use(r.start + PAGE_SIZE).unwrap();
    drop(s);
    assert_eq!(m.allocated_frames(), [r.start + PAGE_SIZE]);
    drop(kept);
    at_rest(m);
}

#[test]
fn segment_conversions() {
    let m = machine::<3>();
    let r = run(2);
    let s = Segment::<P, Tag>::from_unused(r.clone(), Tag)
        .unwrap()
        .into_dyn();
    let s = s.cast::<UntypedMeta>().err().expect("its frames are tags");
    let s = s.cast::<Tag>().ok().expect("its frames are tags");
    assert_eq!((s.paddr_range(), count(r.start)), (r.clone(), 1));
    let (a, b) = s.split(PAGE_SIZE).ok().expect("two frames");
    let f = { a }.next().expect("one frame");
    let one = Segment::from(f);
    assert_eq!(
        (one.paddr_range(), count(r.start)),
        (r.start..r.start + PAGE_SIZE, 1)
    );
    drop((one, b));
    at_rest(m);
}

#[test]
fn empty_segment_conversions() {
    let m = machine::<3>();
    let s = FrameAllocOptions::<P>::new().alloc_segment(1).unwrap();
    let empty = s.slice(&(0..0)).unwrap();
    // It has nothing, so it is of every kind, and gives nothing back.
    let empty = empty
        .cast::<Tag>()
        .ok()
        .expect("no frame is of another kind");
    let raw = DynSegment::from(empty).into_raw();
    assert!(raw.is_empty());
    // SAFETY: no frame is given back.
    drop(unsafe { Segment::<P, Tag>::from_raw(raw) });
    assert_eq!(count(s.start_paddr()), 1);
    drop(s);
    at_rest(m);
}

#[test]
fn segment_of_mixed_frames() {
    let m = machine::<3>();
    let r = run(2);
    // Two frames of different kinds, side by side, as one segment of any kind.
    let a = Frame::<P, Tag>::from_unused(r.start, Tag(1)).unwrap();
    let b = Frame::<P, UntypedMeta>::from_unused(r.start + PAGE_SIZE, UntypedMeta).unwrap();
    assert_eq!((a.into_raw(), b.into_raw()), (r.start, r.start + PAGE_SIZE));
    // SAFETY: both frames are given back once, by this segment of any kind.
    let s = unsafe { DynSegment::<P>::from_raw(r) };
    let s = s.cast::<Tag>().err().expect("one frame is no tag");
    let s = s
        .cast::<UntypedMeta>()
        .err()
        .expect("one frame is not untyped");
    drop(s);
    at_rest(m);
}

#[test]
fn segment_raw() {
    let m = machine::<3>();
    let r = run(512);
    let s = Segment::<P, Tag>::from_unused(r.clone(), Tag).unwrap();
    let raw = s.into_raw();
    assert_eq!(raw, r);
    assert_eq!(count(r.start + 511 * PAGE_SIZE), 1);
    // A part of what a huge page covers comes back on its own.
    let mid = r.start + 100 * PAGE_SIZE;
    // SAFETY: the two parts give each frame back once.
    let (a, b) = unsafe {
        (
            Segment::<P, Tag>::from_raw(r.start..mid),
            Segment::<P, Tag>::from_raw(mid..r.end),
        )
    };
    drop(a);
    assert_eq!(m.stats().allocated, 412);
    drop(b);
    at_rest(m);
}

#[test]
fn segment_allocation() {
    let m = machine::<3>();
    let s = FrameAllocOptions::<P>::new().alloc_segment(3).unwrap();
    let mut bytes = vec![1; s.size()];
    s.read_bytes(0, &mut bytes).unwrap();
    assert!(bytes.iter().all(|b| *b == 0));
    let huge = FrameAllocOptions::<P>::new()
        .zeroed(false)
        .align(1 << 20)
        .alloc_segment(256)
        .unwrap();
    assert_eq!((huge.start_paddr() % (1 << 20), huge.size()), (0, 1 << 20));
    drop((s, huge));
    at_rest(m);
}

#[test]
fn segment_meta_is_made_in_order() {
    let m = machine::<3>();
    let r = run(3);
    let seen = Cell::new(0);
    let s = Segment::<P, Tag>::from_unused(r.clone(), |pa| {
        seen.set(seen.get() + 1);
        Tag(pa / PAGE_SIZE * 10 + seen.get())
    })
    .unwrap();
    let tags: Vec<_> = s.map(|f| f.meta().0 % 10).collect();
    assert_eq!(tags, [1, 2, 3]);
    at_rest(m);
}
