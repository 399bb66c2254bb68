//! Cursors of two and three threads under schedules that a model checker chooses, with loads of the
//! lock-free walks that lie, and with few frames. Needs feature `model`:
//!
//! ```text
//! cargo test --release -p veripage --features model --test shuttle
//! ```
//! Every step of a lock, a live byte or a word of a node is a scheduling point; frames are poisoned when
//! they are given back. `SCHEDULES` sets the number of schedules of each test.
#![cfg(feature = "model")]
mod schedule;
use schedule::*;
use shuttle::rand::Rng as _;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use veripage_hw::model::LIES;

fn schedules() -> usize {
    std::env::var("SCHEDULES")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(2000)
}

/// `threads` threads that each do `rounds` rounds over `ranges`, with `frames` frames.
fn body(frames: usize, threads: usize, rounds: usize, ranges: &'static [(usize, usize)]) {
    let w = Arc::new(World::new(frames));
    let all: Vec<_> = (1..=threads)
        .map(|id| {
            let w = w.clone();
            let seed = shuttle::rand::thread_rng().gen::<u64>() | 1;
            shuttle::thread::spawn(move || w.run(id, &mut Rng(seed), rounds, ranges))
        })
        .collect();
    for t in all {
        t.join().expect("no thread panics");
    }
    let w = Arc::into_inner(w).expect("all threads are done");
    w.finish();
}

fn explore(f: impl Fn() + Send + Sync + 'static) {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
    shuttle::check_random(f, schedules());
}

#[test]
fn two_threads_near() {
    explore(|| body(20, 2, 3, &NEAR));
}

#[test]
fn three_threads_near() {
    explore(|| body(20, 3, 2, &NEAR));
}

#[test]
fn two_threads_all() {
    explore(|| body(30, 2, 4, &ALL));
}

#[test]
fn three_threads_all() {
    explore(|| body(30, 3, 3, &ALL));
}

#[test]
fn three_threads_few_frames() {
    explore(|| body(8, 3, 3, &ALL));
}

#[test]
fn lying_loads() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
    LIES.store(40, Relaxed);
    let r = std::panic::catch_unwind(|| {
        shuttle::check_random(|| body(9, 3, 3, &ALL), schedules());
        shuttle::check_random(|| body(20, 3, 3, &NEAR), schedules());
        shuttle::check_random(walker_against_remover, schedules());
    });
    LIES.store(0, Relaxed);
    if let Err(e) = r {
        std::panic::resume_unwind(e);
    }
}

/// A walker against a remover, the pair that grace periods exist for.
fn walker_against_remover() {
    let w = Arc::new(World::new(20));
    let walker = {
        let w = w.clone();
        shuttle::thread::spawn(move || {
            for _ in 0..3 {
                w.put(0, 0, 7);
            }
        })
    };
    let remover = {
        let w = w.clone();
        shuttle::thread::spawn(move || {
            for _ in 0..3 {
                w.remove(0, 0, 1 << 27);
            }
        })
    };
    walker.join().expect("the walker ends");
    remover.join().expect("the remover ends");
    Arc::into_inner(w).expect("both are done").drain();
}

#[test]
fn walker_and_remover() {
    explore(walker_against_remover);
}

/// Without grace periods the poison is met: the explorer would notice.
#[test]
#[should_panic(expected = "already reused")]
fn a_missing_grace_period_is_noticed() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
    let _off = NoGrace::new();
    shuttle::check_random(walker_against_remover, 100_000);
}
