//! Ordering checks of the frame words: every interleaving and every value that the memory model lets
//! a load return, over the transitions of a slot, with the metadata accesses watched for races.
//!
//! Each check is also run with each ordering weakened, to show that it would notice.
//! `cargo test -p veripage --features loom --lib loom_tests`
extern crate std;

use super::slot::MetaSlot;
use loom::sync::Arc;
use loom::thread;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::Mutex;
use veripage_hw::count::MAX_SHARES;
use veripage_hw::meta::FrameMeta;
use veripage_hw::order::{Site, WEAKEN};
use veripage_sim::Sim;

type Slot = MetaSlot<Sim<0>>;

struct Tag(u64);
impl FrameMeta for Tag {}

/// Reads the metadata, as the holder of a share may.
fn look(slot: &Slot) -> u64 {
    // SAFETY: a `Tag` is there, and the caller's share keeps writers away.
    let tag = unsafe {
        slot.cell()
            .borrow::<Tag>(vstd::prelude::Tracked::assume_new())
    };
    tag.0
}

/// Drops a share, and the frame with the last one.
fn release(slot: &Slot) {
    if slot.dec() {
        slot.destroy_meta(0);
        slot.retire();
    }
}

/// A frame with metadata 1 and two shares.
fn two_shares() -> Arc<Slot> {
    let slot = Arc::new(Slot::new());
    slot.claim().unwrap();
    slot.set_meta(Tag(1));
    slot.publish();
    slot.inc();
    slot
}

/// Two holders look and drop: the last one destroys what both have finished reading.
fn drops() {
    let slot = two_shares();
    let other = slot.clone();
    let t = thread::spawn(move || {
        assert_eq!(look(&other), 1);
        release(&other);
    });
    assert_eq!(look(&slot), 1);
    release(&slot);
    t.join().unwrap();
    assert_eq!(slot.count_hint(), veripage_hw::count::UNUSED);
}

/// One publishes, another finds the frame by its address and reads.
fn publishes() {
    let slot = Arc::new(Slot::new());
    let other = slot.clone();
    let t = thread::spawn(move || {
        if other.try_inc().is_ok() {
            assert_eq!(look(&other), 1);
            release(&other);
        }
    });
    slot.claim().unwrap();
    slot.set_meta(Tag(1));
    slot.publish();
    release(&slot);
    t.join().unwrap();
}

/// One drops after it looked, the other becomes the only owner and changes what was read.
fn becomes_unique() {
    let slot = two_shares();
    let other = slot.clone();
    let t = thread::spawn(move || {
        assert_eq!(look(&other), 1);
        release(&other);
    });
    if slot.try_unique() {
        slot.set_meta(Tag(2));
        slot.publish();
    }
    release(&slot);
    t.join().unwrap();
}

/// One drops the last share, another claims the frame for itself.
fn claims_again() {
    let slot = Arc::new(Slot::new());
    slot.claim().unwrap();
    slot.set_meta(Tag(1));
    slot.publish();
    let other = slot.clone();
    let t = thread::spawn(move || {
        if other.claim().is_ok() {
            other.set_meta(Tag(2));
            other.publish();
            assert_eq!(look(&other), 2);
            release(&other);
        }
    });
    release(&slot);
    t.join().unwrap();
}

/// The shares are counted: three holders, of whom one clones.
fn clones() {
    let slot = two_shares();
    let other = slot.clone();
    let t = thread::spawn(move || {
        other.inc();
        assert!((2..=MAX_SHARES).contains(&other.count_hint()));
        assert_eq!(look(&other), 1);
        release(&other);
        release(&other);
    });
    release(&slot);
    t.join().unwrap();
    assert_eq!(slot.count_hint(), veripage_hw::count::UNUSED);
}

/// One check at a time: the weakened site is global.
static ONE: Mutex<()> = Mutex::new(());

/// Does `check` hold with `site` weakened?
pub(crate) fn holds(check: fn(), site: usize) -> bool {
    let _one = ONE.lock().unwrap_or_else(|e| e.into_inner());
    WEAKEN.store(site, SeqCst);
    let ok = catch_unwind(AssertUnwindSafe(|| loom::model(check))).is_ok();
    WEAKEN.store(0, SeqCst);
    ok
}

#[test]
fn clone_drop_last() {
    assert!(holds(drops, 0));
    assert!(holds(clones, 0));
}

#[test]
fn publish_is_seen() {
    assert!(holds(publishes, 0));
}

#[test]
fn try_unique_sees_all() {
    assert!(holds(becomes_unique, 0));
}

#[test]
fn claim_after_last_drop() {
    assert!(holds(claims_again, 0));
}

#[test]
fn weaker_decrement_is_noticed() {
    assert!(!holds(drops, Site::Dec as usize));
    assert!(!holds(becomes_unique, Site::Dec as usize));
}

#[test]
fn missing_fence_is_noticed() {
    assert!(!holds(drops, Site::Fence as usize));
}

#[test]
fn weaker_store_is_noticed() {
    assert!(!holds(publishes, Site::Store as usize));
    assert!(!holds(claims_again, Site::Store as usize));
}

#[test]
fn weaker_cas_is_noticed() {
    assert!(!holds(publishes, Site::Cas as usize));
    assert!(!holds(becomes_unique, Site::Cas as usize));
    assert!(!holds(claims_again, Site::Cas as usize));
}
