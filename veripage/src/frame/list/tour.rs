//! A list from its first frame to its last: a client for the checker and the tests.
use super::*;
use crate::frame::{AllocError, FrameAllocOptions};

/// Metadata of the tour: a number.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark(pub u64);

verus! {

impl FrameMeta for Mark {}

} // verus!

/// Drops `_t` (the checker has no contract for the library's `drop`).
#[verus_spec]
fn end_of<T>(_t: T) {}

/// A frame marked `n`.
#[verus_spec(r => ensures r matches Ok(f) ==> f.meta_spec().value() == Mark(n))]
fn frame<P: Platform>(n: u64) -> Result<UniqueFrame<P, Link<Mark>>, AllocError> {
    let link = Link::new(Mark(n));
    FrameAllocOptions::<P>::new().alloc_unique(link)
}

/// Three frames in and out at both ends, in the middle, by address. Gives the marks as they came out,
/// 3, 2, 4, or none if a list refused a frame.
///
/// # Errors
/// `NoMemory` if the machine has no four frames.
#[verus_spec(r => ensures r matches Ok(Some(m)) ==> m == (3u64, 2u64, 4u64))]
pub fn one_list<P: Platform>() -> Result<Option<(u64, u64, u64)>, AllocError> {
    let (one, two, three, four) = (
        frame::<P>(1)?,
        frame::<P>(2)?,
        frame::<P>(3)?,
        frame::<P>(40)?,
    );
    let pa = one.start_paddr();
    let mut list = LinkedList::<P, Mark>::new();
    if list.push_back(one).is_err()
        || list.push_back(two).is_err()
        || list.push_front(three).is_err()
    {
        return Ok(None);
    }
    proof! {
        assert(list@[0].1 == Mark(3) && list@[1] == (pa, Mark(1)) && list@[2].1 == Mark(2) && list@.len() == 3);
        assert(list@[1].0 == pa && list.holds(pa));
    }
    if !list.contains(pa) {
        proof! { assert(false); }
        return Ok(None);
    }

    // From the frame in the middle, by its address: one comes in before it, and it goes.
    match list.cursor_mut_at(pa) {
        None => {
            proof! { assert(false); }
            return Ok(None);
        }
        Some(mut c) => {
            proof! { assert(c.pos() == 1); }
            if c.insert_before(four).is_err() {
                return Ok(None);
            }
            end_of(c.take_current());
            c.move_prev();
            proof! { assert(c@.len() == 3 && c.pos() == 1 && c@[0].1 == Mark(3) && c@[2].1 == Mark(2)); }
            if let Some(m) = c.current_meta() {
                *m = Mark(4);
            }
            proof! { assert(c@[1].1 == Mark(4)); }
        }
    }
    proof! { assert(list@.len() == 3 && list@[0].1 == Mark(3) && list@[1].1 == Mark(4) && list@[2].1 == Mark(2)); }
    let front = list.pop_front();
    let back = list.pop_back();
    let middle = list.pop_back();
    proof! { assert(list@.len() == 0); }
    match (front, back, middle) {
        (Some(f), Some(b), Some(m)) => Ok(Some((
            f.meta().meta().0,
            b.meta().meta().0,
            m.meta().meta().0,
        ))),
        _ => Ok(None),
    }
}
