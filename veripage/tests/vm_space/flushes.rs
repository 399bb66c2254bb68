//! Flushes: what waits for them, and how many there are.
use super::*;

#[test]
fn flusher_keeps_mappings_until_it_is_synced() {
    let m = machine::<7>();
    let k = kernel::<7>();
    let s = Space::<7>::new(&k).unwrap();
    s.activate();
    let pa = map(&s, VA, 2);
    m.access(VA, Access::Read, true).unwrap();
    let before = m.stats().flushes;
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + MIB)).unwrap();
    assert_eq!(cursor.unmap(PAGE_SIZE).unwrap(), 1);
    assert!(m.is_allocated(pa));
    assert_eq!(m.stats().flushes, before);
    cursor.flusher().dispatch_tlb_flush();
    assert!(m.is_allocated(pa));
    cursor.flusher().sync_tlb_flush();
    assert!(!m.is_allocated(pa));
    assert_eq!(m.stats().flushes, before + 1);
    // The next page is still there.
    assert!(cursor.query().unwrap().1.is_some());
    drop(cursor);
    assert_eq!(m.stats().flushes, before + 1);
    drop(guard);
    drop(s);
    over(m, k);
}

/// Metadata of a frame whose end looks at the space that it was mapped in.
struct Nosy;
/// The space, as an address.
static NOSY_SPACE: AtomicUsize = AtomicUsize::new(0);

impl FrameMeta for Nosy {
    const UNTYPED: bool = true;

    fn on_drop(&mut self, _frame: usize) {
        // SAFETY: the test below keeps the space until the frame is gone.
        let space = unsafe { &*(NOSY_SPACE.load(SeqCst) as *const Space<'_, 20>) };
        assert_eq!(at(space, VA), None);
        NOSY_SPACE.store(0, SeqCst);
    }
}

#[test]
fn destructors_of_frames_run_when_the_range_is_unlocked() {
    let m = machine::<20>();
    let k = kernel::<20>();
    let s = Space::<20>::new(&k).unwrap();
    NOSY_SPACE.store(&raw const s as usize, SeqCst);
    let frame = FrameAllocOptions::new().alloc_frame_with(Nosy).unwrap();
    let frame = frame.cast::<AnyUFrameMeta>().ok().unwrap();
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + MIB)).unwrap();
    cursor.map(frame, rw()).map_err(|(e, _)| e).unwrap();
    cursor.jump(VA).unwrap();
    assert_eq!(cursor.unmap(MIB), Ok(1));
    drop(cursor);
    drop(guard);
    assert_eq!(NOSY_SPACE.load(SeqCst), 0);
    drop(s);
    over(m, k);
}

#[test]
fn tlb_flushes_are_batched_and_counted() {
    let m = machine::<16>();
    let k = kernel::<16>();
    let s = Space::<16>::new(&k).unwrap();
    let flushes = |f: &dyn Fn()| {
        let before = m.stats().flushes;
        f();
        m.stats().flushes - before
    };
    // Nobody has the space: nobody is asked.
    map(&s, VA, 40);
    assert_eq!(flushes(&|| _ = unmap(&s, VA, 40)), 0);
    s.activate();
    // A new mapping needs no flush.
    assert_eq!(flushes(&|| _ = map(&s, VA, 40)), 0);
    // A run is one range, whatever its length.
    assert_eq!(flushes(&|| _ = unmap(&s, VA, 40)), 1);
    // Single pages far apart are a range each, up to the threshold; then everything at once.
    for (pages, expected) in [(5, 5), (32, 32), (33, 1), (60, 1)] {
        for i in 0..pages {
            map(&s, VA + 2 * i * PAGE_SIZE, 1);
        }
        assert_eq!(flushes(&|| _ = unmap(&s, VA, 2 * pages)), expected);
    }
    drop(s);
    over(m, k);
}

#[test]
fn more_frames_than_a_batch_holds() {
    let m = machine::<17>();
    let k = kernel::<17>();
    let s = Space::<17>::new(&k).unwrap();
    s.activate();
    // Not a whole node's range, so that the pages come one by one.
    map(&s, VA, 300);
    for i in 0..300 {
        m.access(VA + i * PAGE_SIZE, Access::Write, true).unwrap();
    }
    assert_eq!(unmap(&s, VA, 300), 300);
    assert_eq!(m.stale_translations(0), []);
    drop(s);
    over(m, k);
}
