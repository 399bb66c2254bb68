//! Flushes, issued and awaited: a client that the checker reads as a cursor's code would be read, and that
//! the tests run.
use super::queue::FlushQueue;
use veripage_hw::flush::Whom;
use veripage_hw::Platform;
use vstd::prelude::*;

/// Has every CPU forget two ranges and then everything.
#[verus_spec]
pub fn three_flushes<P: Platform>() {
    let mut queue = FlushQueue::new(Whom::All);
    queue.issue(0x1000..0x3000);
    proof_decl! { let ghost first = queue.issues()[0]; }
    proof! { assert(first.lo == 0x1000 && first.hi == 0x3000); }
    queue.dispatch::<P>();
    queue.issue(0x7000..0x8000);
    proof_decl! { let ghost second = queue.issues()[1]; }
    queue.sync::<P>();
    proof! {
        assert(queue.issues()[0] == first && queue.issues()[1] == second);
        assert(queue.is_forgotten(first) && queue.is_forgotten(second));
    }
    queue.issue_all();
    proof_decl! { let ghost third = queue.issues()[2]; }
    queue.sync::<P>();
    proof! { assert(queue.issues()[2] == third && queue.is_forgotten(third)); }
}
