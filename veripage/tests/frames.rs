//! Frames and unique frames: what `frame/` promises, by name.
mod common;
use common::*;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use veripage::frame::*;
use veripage::{Paddr, Platform, PAGE_SIZE};
use veripage_sim::Sim;

/// Metadata of a test.
#[derive(Debug, PartialEq)]
struct Tag(u64);
impl FrameMeta for Tag {}

/// Other metadata, of untyped frames.
#[derive(Debug, PartialEq)]
struct Blob(u32);
impl FrameMeta for Blob {
    const UNTYPED: bool = true;
}
impl UntypedKind for Blob {}

/// Writes the word of a frame's slot, to make states that would take 2^31 handles.
fn poke_count<const ID: usize>(pa: Paddr, n: u32) {
    let slot = Sim::<ID>::META_BASE + pa / PAGE_SIZE * 32;
    // SAFETY: the slot array is mapped for ever, and nobody else uses the slot now.
    unsafe { std::ptr::with_exposed_provenance_mut::<u32>(slot).write_volatile(n) }
}

#[test]
fn sizes() {
    type P = Sim<1>;
    assert_eq!(size_of::<MetaSlot<P>>(), 32);
    assert_eq!(size_of::<Frame<P, Tag>>(), 8);
    assert_eq!(size_of::<FrameRef<'_, P, Tag>>(), 8);
    assert_eq!(size_of::<UniqueFrame<P, Tag>>(), 8);
    assert_eq!(size_of::<Segment<P, Tag>>(), 16);
}

#[test]
fn boot_makes_frames() {
    let m = machine::<1>();
    for range in m.ram() {
        for pa in range.step_by(PAGE_SIZE) {
            assert_eq!(
                DynFrame::<Sim<1>>::from_in_use(pa).err(),
                Some(GetFrameError::Unused(pa))
            );
        }
    }
    at_rest(m);
}

#[test]
fn frame_allocation() {
    let m = machine::<1>();
    let f = FrameAllocOptions::<Sim<1>>::new().alloc_frame().unwrap();
    assert_eq!(f.reference_count(), 1);
    assert_eq!(f.size(), 4096);
    assert!(m.is_allocated(f.start_paddr()));
    drop(f);
    at_rest(m);
}

#[test]
fn frame_clone() {
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(7)).unwrap();
    let g = f.clone();
    assert_eq!((f.reference_count(), g.reference_count()), (2, 2));
    assert_eq!(f.start_paddr(), g.start_paddr());
    drop(f);
    assert_eq!(g.reference_count(), 1);
    assert_eq!(g.meta(), &Tag(7));
    drop(g);
    at_rest(m);
}

#[test]
fn frame_drop() {
    let m = machine::<1>();
    let pa = unused::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(pa, Tag(1)).unwrap();
    drop(f);
    assert!(!m.is_allocated(pa));
    assert_eq!(
        DynFrame::<Sim<1>>::from_in_use(pa).err(),
        Some(GetFrameError::Unused(pa))
    );
    let again = Sim::<1>::alloc_frames(1, 4096).unwrap();
    let f = Frame::<Sim<1>, Tag>::from_unused(again, Tag(2)).unwrap();
    assert_eq!(f.meta(), &Tag(2));
    drop(f);
    at_rest(m);
}

#[test]
fn dropped_while_unwinding() {
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(1)).unwrap();
    let g = f.clone();
    let r = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _held = g;
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(r.is_err());
    assert_eq!(f.reference_count(), 1);
    drop(f);
    at_rest(m);
}

#[test]
fn last_drop_is_once() {
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(1)).unwrap();
    let pa = f.start_paddr();
    let (g, h) = (f.clone(), f.clone());
    assert!(f.into_last().is_none());
    drop(g);
    let u = h.into_last().expect("the last handle gets the frame");
    assert_eq!((u.start_paddr(), u.meta()), (pa, &Tag(1)));
    drop(u);
    at_rest(m);
}

static DROPS: AtomicUsize = AtomicUsize::new(0);
static ON_DROPS: AtomicUsize = AtomicUsize::new(0);

struct Counted;
impl FrameMeta for Counted {
    fn on_drop(&mut self, frame: Paddr) {
        // The frame is still this owner's: it can be neither shared nor claimed.
        assert_eq!(
            Frame::<Sim<2>, Counted>::from_unused(frame, Counted).err(),
            Some(GetFrameError::Busy(frame))
        );
        ON_DROPS.fetch_add(1, SeqCst);
    }
}
impl Drop for Counted {
    fn drop(&mut self) {
        DROPS.fetch_add(1, SeqCst);
    }
}

#[test]
fn on_drop_runs_once() {
    let m = machine::<2>();
    let f = Frame::<Sim<2>, Counted>::from_unused(unused::<2>(), Counted).unwrap();
    let g = f.clone().into_dyn();
    drop(f);
    assert_eq!((ON_DROPS.load(SeqCst), DROPS.load(SeqCst)), (0, 0));
    drop(g);
    // The value that `on_drop` itself failed to place was dropped too.
    assert_eq!((ON_DROPS.load(SeqCst), DROPS.load(SeqCst)), (1, 2));
    at_rest(m);
}

#[test]
fn meta_round_trip() {
    let m = machine::<1>();
    struct Full(u64, u64);
    impl FrameMeta for Full {}
    let f = Frame::<Sim<1>, Full>::from_unused(unused::<1>(), Full(u64::MAX, 3)).unwrap();
    assert_eq!((f.meta().0, f.meta().1), (u64::MAX, 3));
    assert_eq!((f.borrow().meta().0, f.borrow().meta().1), (u64::MAX, 3));
    drop(f);
    at_rest(m);
}

#[test]
fn dyn_conversions() {
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(9)).unwrap();
    let pa = f.start_paddr();
    let d = f.into_dyn();
    assert_eq!(d.reference_count(), 1);
    assert!(d.is_a::<Tag>() && !d.is_a::<Blob>() && !d.is_a::<AnyUFrameMeta>());
    assert_eq!(d.dyn_meta::<Tag>(), Some(&Tag(9)));
    assert_eq!(d.dyn_meta::<Blob>(), None);
    // A failed conversion gives the frame back.
    let d = d.cast::<Blob>().err().expect("it is no blob");
    let d = d.cast::<AnyUFrameMeta>().err().expect("nor is it untyped");
    assert_eq!((d.start_paddr(), d.reference_count()), (pa, 1));
    let f = d.cast::<Tag>().ok().expect("it is a tag");
    assert_eq!((f.meta(), f.reference_count()), (&Tag(9), 1));
    drop(f);
    at_rest(m);
}

#[test]
fn untyped_conversions() {
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Blob>::from_unused(unused::<1>(), Blob(4)).unwrap();
    let u: DynUFrame<Sim<1>> = f.cast().ok().expect("blobs are untyped");
    assert_eq!(u.reference_count(), 1);
    let f = u.into_dyn().cast::<Blob>().ok().expect("it is a blob");
    assert_eq!(f.meta(), &Blob(4));
    drop(f);
    at_rest(m);
}

#[test]
fn get_frame_errors() {
    type P = Sim<1>;
    let m = machine::<1>();
    let pa = unused::<1>();
    let in_use = |pa| DynFrame::<P>::from_in_use(pa).err();
    let claim = |pa| Frame::<P, Tag>::from_unused(pa, Tag(0)).err();
    let unique = |pa| UniqueFrame::<P, Tag>::from_unused(pa, Tag(0)).err();

    assert_eq!(in_use(pa), Some(GetFrameError::Unused(pa)));
    for get in [&in_use as &dyn Fn(_) -> _, &claim, &unique] {
        assert_eq!(get(pa + 1), Some(GetFrameError::NotAligned(pa + 1)));
        let past = P::MAX_PADDR;
        assert_eq!(get(past), Some(GetFrameError::OutOfBound(past)));
        let top = usize::MAX - 4095;
        assert_eq!(get(top), Some(GetFrameError::OutOfBound(top)));
        // A hole can be neither claimed nor shared.
        assert_eq!(get(0), Some(GetFrameError::Busy(0)));
    }
    let f = Frame::<P, Tag>::from_unused(pa, Tag(1)).unwrap();
    assert_eq!(claim(pa), Some(GetFrameError::InUse(pa)));
    assert_eq!(unique(pa), Some(GetFrameError::InUse(pa)));
    let u = f.try_into_unique().ok().expect("the only handle");
    assert_eq!(claim(pa), Some(GetFrameError::Unique(pa)));
    assert_eq!(unique(pa), Some(GetFrameError::Unique(pa)));
    assert_eq!(in_use(pa), Some(GetFrameError::Unique(pa)));
    drop(u);
    at_rest(m);
}

#[test]
fn from_in_use_shares() {
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(3)).unwrap();
    let d = DynFrame::<Sim<1>>::from_in_use(f.start_paddr()).unwrap();
    assert_eq!(f.reference_count(), 2);
    assert_eq!(d.dyn_meta::<Tag>(), Some(&Tag(3)));
    drop(f);
    drop(d);
    at_rest(m);
}

#[test]
fn saturation() {
    const MOST: u32 = 0x7fff_ffff;
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(3)).unwrap();
    let pa = f.start_paddr();
    for n in [MOST, MOST + 1, MOST + 1000] {
        poke_count::<1>(pa, n);
        assert_eq!(
            DynFrame::<Sim<1>>::from_in_use(pa).err(),
            Some(GetFrameError::Saturated(pa))
        );
        assert_eq!(f.reference_count(), n, "a refusal changes nothing");
    }
    poke_count::<1>(pa, MOST - 1);
    let last = DynFrame::<Sim<1>>::from_in_use(pa).unwrap();
    assert_eq!(f.reference_count(), MOST);
    drop(last);
    poke_count::<1>(pa, 1);
    drop(f);
    at_rest(m);
}

/// Run by `clone_aborts_when_saturated` in a process of its own.
#[test]
#[ignore = "aborts the process"]
fn aborting_clone() {
    let _m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(3)).unwrap();
    poke_count::<1>(f.start_paddr(), 0x7fff_ffff);
    let _g = f.clone();
}

#[test]
fn clone_aborts_when_saturated() {
    use std::os::unix::process::ExitStatusExt;
    let me = std::env::current_exe().unwrap();
    let out = std::process::Command::new(me)
        .args(["--ignored", "--exact", "aborting_clone"])
        .output()
        .unwrap();
    const SIGABRT: i32 = 6;
    assert_eq!(out.status.signal(), Some(SIGABRT), "{out:?}");
}

#[test]
fn borrow_does_not_count() {
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(3)).unwrap();
    let r = f.borrow();
    assert_eq!(f.reference_count(), 1);
    let g = r.to_frame();
    assert_eq!((r.start_paddr(), f.reference_count()), (g.start_paddr(), 2));
    drop((f, g));
    at_rest(m);
}

#[test]
fn into_raw_keeps_the_share() {
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(3)).unwrap();
    let g = f.clone();
    let pa = f.into_raw();
    assert_eq!(g.reference_count(), 2);
    // SAFETY: given back once.
    let f = unsafe { Frame::<Sim<1>, Tag>::from_raw(pa) };
    assert_eq!((f.reference_count(), f.meta()), (2, &Tag(3)));
    drop((f, g));
    at_rest(m);
}

#[test]
fn unique_only_at_one() {
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(3)).unwrap();
    let g = f.clone();
    let f = f.try_into_unique().err().expect("there are two handles");
    assert_eq!(f.reference_count(), 2);
    drop(g);
    let u = f.try_into_unique().ok().expect("there is one handle");
    let f = u.into_shared();
    assert_eq!((f.reference_count(), f.meta()), (1, &Tag(3)));
    drop(f);
    at_rest(m);
}

#[test]
fn unique_meta_mut() {
    let m = machine::<1>();
    let mut u = UniqueFrame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(3)).unwrap();
    u.meta_mut().0 += 1;
    assert_eq!(u.meta(), &Tag(4));
    let f = u.into_shared();
    assert_eq!(f.meta(), &Tag(4));
    drop(f);
    at_rest(m);
}

static REPURPOSED: AtomicUsize = AtomicUsize::new(0);
struct Old;
impl FrameMeta for Old {
    fn on_drop(&mut self, _frame: Paddr) {
        REPURPOSED.fetch_add(1, SeqCst);
    }
}

#[test]
fn unique_repurpose() {
    let m = machine::<1>();
    let u = UniqueFrame::<Sim<1>, Old>::from_unused(unused::<1>(), Old).unwrap();
    let pa = u.start_paddr();
    let u = u.repurpose(Tag(8));
    assert_eq!(REPURPOSED.load(SeqCst), 1);
    assert_eq!((u.start_paddr(), u.meta()), (pa, &Tag(8)));
    let f = u.into_shared().into_dyn();
    assert!(f.is_a::<Tag>() && !f.is_a::<Old>());
    drop(f);
    assert_eq!(REPURPOSED.load(SeqCst), 1);
    at_rest(m);
}

#[test]
fn unique_reset() {
    let m = machine::<1>();
    let u = UniqueFrame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(1)).unwrap();
    let pa = u.reset();
    assert!(m.is_allocated(pa), "the machine has not got it back");
    let u = UniqueFrame::<Sim<1>, Tag>::from_unused(pa, Tag(2)).unwrap();
    drop(u);
    at_rest(m);
}

#[test]
fn zeroed_allocation() {
    type P = Sim<1>;
    let m = machine::<1>();
    // The machine poisons free frames, so a frame that is not zeroed shows the poison.
    let f = FrameAllocOptions::<P>::new()
        .zeroed(false)
        .alloc_frame()
        .unwrap();
    assert_ne!(f.read_val::<u64>(0).unwrap(), 0);
    let g = FrameAllocOptions::<P>::new().alloc_frame().unwrap();
    let mut bytes = [1; PAGE_SIZE];
    g.read_bytes(0, &mut bytes).unwrap();
    assert_eq!(bytes, [0; PAGE_SIZE]);
    let mut u = f.try_into_unique().ok().expect("the only handle");
    u.zero();
    u.into_shared().read_bytes(0, &mut bytes).unwrap();
    assert_eq!(bytes, [0; PAGE_SIZE]);
    drop(g);
    at_rest(m);
}

#[test]
fn allocation_errors() {
    type P = Sim<1>;
    let m = machine::<1>();
    let new = FrameAllocOptions::<P>::new;
    let segment = |n| new().alloc_segment(n).err();
    assert_eq!(segment(0), Some(AllocError::InvalidArgs));
    assert_eq!(segment(usize::MAX), Some(AllocError::InvalidArgs));
    for align in [0, 1, 2048, 4095, 4097, 3 * 4096] {
        let r = new().align(align).alloc_frame();
        assert_eq!(r.err(), Some(AllocError::InvalidArgs), "{align}");
    }
    let mut all = Vec::new();
    while let Ok(f) = new().alloc_frame_with(Tag(0)) {
        all.push(f);
    }
    assert_eq!(all.len(), 1024);
    assert_eq!(new().alloc_frame().err(), Some(AllocError::NoMemory));
    assert_eq!(segment(1), Some(AllocError::NoMemory));
    drop(all);
    at_rest(m);
}

#[test]
fn wrong_allocator_is_found_out() {
    let m = machine::<1>();
    let f = Frame::<Sim<1>, Tag>::from_unused(unused::<1>(), Tag(1)).unwrap();
    let pa = f.start_paddr();
    // The machine's allocator is told that the frame is free, though it is in use.
    Sim::<1>::dealloc_frames(pa, 1);
    let mut got = Vec::new();
    let err = loop {
        match FrameAllocOptions::<Sim<1>>::new().alloc_frame() {
            Ok(f) => got.push(f),
            Err(e) => break e,
        }
    };
    assert_eq!(err, AllocError::Frame(GetFrameError::InUse(pa)));
    assert_eq!((f.meta(), f.reference_count()), (&Tag(1), 1));
    drop((f, got));
    at_rest(m);
}

#[test]
fn verified_tour_runs() {
    let m = machine::<5>();
    assert_eq!(tour::one_frame::<Sim<5>>(), Ok(9));
    assert_eq!(tour::one_segment::<Sim<5>>(), Ok(3));
    assert_eq!(tour::some_bytes::<Sim<5>>(&[1; 10]), Ok((10, 0)));
    assert_eq!(tour::some_bytes::<Sim<5>>(&[1; 5000]), Ok((4096, 904)));
    at_rest(m);
}

#[test]
fn verified_tour_from_boot() {
    let m = veripage_sim::Machine::<5>::boot(veripage_sim::Config::with_ram(1 << 20)).unwrap();
    let ram = m.ram();
    // SAFETY: once, before anybody uses frames. The range has a hole in it and ragged ends.
    let r = unsafe { tour::from_boot::<Sim<5>>(ram[0].start - 1..ram[1].end + 1) };
    assert_eq!(r, Ok(9));
    let hole = ram[0].end;
    assert_eq!(
        DynFrame::<Sim<5>>::from_in_use(hole).err(),
        Some(GetFrameError::Busy(hole))
    );
    at_rest(m);
}

#[test]
fn verified_tour_without_memory() {
    let m = machine::<5>();
    m.fail_alloc_after(0);
    assert_eq!(tour::one_frame::<Sim<5>>(), Err(AllocError::NoMemory));
    assert_eq!(tour::one_segment::<Sim<5>>(), Err(AllocError::NoMemory));
    assert_eq!(tour::some_bytes::<Sim<5>>(&[]), Err(AllocError::NoMemory));
    at_rest(m);
}
