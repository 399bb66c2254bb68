//! What the range lock costs where nobody waits for it.
use crate::contest::VA;
use crate::flat::Flat;
use crate::ours::{prop, Table};
use crate::report::LockCost;
use std::hint::black_box;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;
use veripage::page_table::MappedItem;
use veripage::rcu::RcuGuard;

const TIMES: usize = 1_000_000;

fn each(f: impl Fn()) -> f64 {
    let start = Instant::now();
    for _ in 0..TIMES {
        f();
    }
    start.elapsed().as_nanos() as f64 / TIMES as f64
}

fn bare() -> f64 {
    let lock = AtomicU8::new(0);
    each(|| {
        let lock = black_box(&lock);
        let taken = lock.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
        assert!(taken.is_ok());
        lock.store(0, Ordering::Release);
    })
}

fn cursor() -> f64 {
    crate::arena::reset();
    let table = Table::empty().expect("the arena has room");
    let range = VA..VA + 4096;
    let mut guard = RcuGuard::<Flat>::enter();
    let mut c = table.cursor_mut(&mut guard, &range).expect("locks");
    c.map(MappedItem::Untracked(0x1000, 1, prop()))
        .expect("maps");
    drop(c);
    let start = Instant::now();
    for _ in 0..TIMES {
        let c = table
            .cursor_mut(&mut guard, black_box(&range))
            .expect("locks");
        drop(black_box(c));
    }
    start.elapsed().as_nanos() as f64 / TIMES as f64
}

/// The least of so many rounds.
pub fn measure(rounds: u32) -> LockCost {
    let least = |f: fn() -> f64| (0..rounds).map(|_| f()).fold(f64::INFINITY, f64::min);
    LockCost {
        bare: least(bare),
        cursor: least(cursor),
    }
}
