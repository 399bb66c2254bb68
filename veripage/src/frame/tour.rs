//! The operations on frames, one after the other: a client that the checker reads as a kernel's code
//! would be read, and that the tests run.
#[cfg(verus_only)]
use super::boot::*;
#[cfg(verus_only)]
use super::slot::*;
use super::*;
use core::ops::Range;
#[cfg(verus_only)]
use veripage_hw::meta::Unclaimed;
use veripage_hw::{Paddr, Platform};
use vstd::prelude::*;

/// Metadata of the tour: a number.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(pub u64);

verus! {

impl FrameMeta for Ticket {}

} // verus!

/// Drops `_t` (the checker has no contract for the library's `drop`).
#[verus_spec]
fn end_of<T>(_t: T) {}

/// From boot on: makes the frames of `range`, and leads one through all its states.
///
/// # Errors
/// As `one_frame`.
///
/// # Safety
/// As `boot`.
#[verus_spec(r =>
    with Tracked(mem): Tracked<&mut Unclaimed<P>>
    requires old(mem).wf(), bootable(old(mem)@, range.start as int, range.end as int),
    ensures r matches Ok(n) ==> n == 9 || n == 0,
)]
pub unsafe fn from_boot<P: Platform>(range: Range<Paddr>) -> Result<u64, AllocError> {
    // SAFETY: the caller's promise.
    unsafe {
        proof_with! { Tracked(mem) }
        boot::<P>(range)
    };
    one_frame::<P>()
}

/// One frame through all its states. Gives the number that its metadata ends with (9), or 0 if
/// somebody else shared it meanwhile.
///
/// # Errors
/// `NoMemory` if the machine has no frame.
#[verus_spec(r => ensures r matches Ok(n) ==> n == 9 || n == 0)]
pub fn one_frame<P: Platform>() -> Result<u64, AllocError> {
    let f = FrameAllocOptions::<P>::new().alloc_frame_with(Ticket(7))?;
    proof! { assert(f.meta_spec() == Ticket(7)); }
    let g = f.clone();
    proof! { assert(g.meta_spec() == Ticket(7) && g.paddr() == f.paddr()); }

    // A handle whose kind was erased is what it was.
    let d = g.into_dyn();
    let g = match d.cast::<Ticket>() {
        Ok(g) => g,
        Err(d) => {
            proof! { assert(false); }
            return Err(AllocError::Frame(GetFrameError::Busy(d.start_paddr())));
        }
    };

    // Into a page-table entry, borrowed there, and back.
    proof_decl! { let tracked mut pte: Share<P>; }
    proof_with! { => Tracked(pte) }
    let pa = f.into_raw();
    // SAFETY: the entry holds the share that `into_raw` gave.
    let r = unsafe {
        proof_with! { Tracked(&pte) }
        FrameRef::<P, Ticket>::borrow_paddr(pa)
    };
    proof! { assert(r.paddr() == g.paddr()); }
    let h = r.to_frame();
    end_of(h);
    // SAFETY: given back once.
    let f = unsafe {
        proof_with! { Tracked(pte) }
        Frame::<P, Ticket>::from_raw(pa)
    };
    proof! { assert(f.meta_spec() == Ticket(7)); }
    end_of(g);

    // The only handle can own the frame, change it and give it another use.
    match f.try_into_unique() {
        Err(_) => Ok(0),
        Ok(mut u) => {
            *u.meta_mut() = Ticket(8);
            proof! { assert(u.meta_spec() == Ticket(8)); }
            u.zero();
            let v = u.repurpose(Ticket(9));
            proof! { assert(v.meta_spec() == Ticket(9) && v.paddr() == pa); }
            let f = v.into_shared();
            proof! { assert(f.meta_spec() == Ticket(9)); }
            let got = *f.meta();
            proof! { assert(got == Ticket(9)); }
            Ok(got.0)
        }
    }
}

/// Four frames as segments: split, sliced, taken out one by one. Gives the number of frames left: 3.
///
/// # Errors
/// `NoMemory` if the machine has no four frames in a row.
#[verus_spec(r => ensures r matches Ok(n) ==> n == 3)]
pub fn one_segment<P: Platform>() -> Result<usize, AllocError> {
    let s = FrameAllocOptions::<P>::new().alloc_segment(4)?;
    match s.split(4096) {
        Err(_) => {
            proof! { assert(false); }
            Ok(0)
        }
        Ok((a, b)) => {
            proof! { assert(a.end() == b.start()); }
            end_of(a);
            match b.slice(&(4096..8192)) {
                Err(_) => {
                    proof! { assert(false); }
                    Ok(0)
                }
                Ok(c) => {
                    proof! { assert(c.start() == b.start() + 4096); }
                    let mut c = c;
                    let f = c.take_first();
                    proof! { assert(f matches Some(f) && f.paddr() == b.start() + 4096); }
                    end_of(f);
                    proof! { assert(c.start() == c.end()); }
                    // Into a huge entry and back.
                    proof_decl! { let tracked mut shares: Map<int, Share<P>>; }
                    proof_with! { => Tracked(shares) }
                    let raw = b.into_raw();
                    // SAFETY: given back once.
                    let b = unsafe {
                        proof_with! { Tracked(shares) }
                        USegment::<P>::from_raw(raw)
                    };
                    Ok(b.size() / 4096)
                }
            }
        }
    }
}

/// Bytes into a frame and out again. Gives the numbers of bytes copied and left over.
///
/// # Errors
/// `NoMemory` if the machine has no frame.
#[verus_spec]
pub fn some_bytes<P: Platform>(bytes: &[u8]) -> Result<(usize, usize), AllocError> {
    let f = FrameAllocOptions::<P>::new().alloc_frame()?;
    let mut r = VmReader::from_slice(bytes);
    let mut w = f.writer();
    let n = w.write(&mut r);
    proof! { assert(n == if bytes@.len() <= 4096 { bytes@.len() as int } else { 4096 }); }
    Ok((n, r.remain()))
}
