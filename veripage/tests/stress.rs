//! Frames under four threads: everything that is handed around is counted, and all of it comes back.
mod common;
use common::*;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::Mutex;
use veripage::frame::*;
use veripage::{Paddr, PAGE_SIZE};
use veripage_sim::Sim;

const THREADS: u64 = 4;
const ROUNDS: usize = 4000;

/// Who the frame is for, and a number that must not change while anybody has it.
struct Tag(u64, u64);
static MADE: AtomicUsize = AtomicUsize::new(0);
static GONE: AtomicUsize = AtomicUsize::new(0);

impl Tag {
    fn new(n: u64) -> Self {
        MADE.fetch_add(1, SeqCst);
        Tag(n, !n)
    }
}
impl FrameMeta for Tag {
    fn on_drop(&mut self, _frame: Paddr) {
        assert_eq!(self.0, !self.1);
        self.1 = self.0;
        GONE.fetch_add(1, SeqCst);
    }
}

/// A small generator of its own, so that a run can be repeated.
struct Rng(u64);
impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// A table of 8 entries, each with a share of a frame in it or none, as a page table would have.
struct Table<const ID: usize>(Mutex<[Option<Paddr>; 8]>);

impl<const ID: usize> Table<ID> {
    fn new() -> Self {
        Table(Mutex::new([None; 8]))
    }

    fn put(&self, i: usize, f: Option<Frame<Sim<ID>, Tag>>) -> Option<Frame<Sim<ID>, Tag>> {
        let new = f.map(|f| f.into_raw());
        let old = std::mem::replace(&mut self.0.lock().unwrap()[i], new);
        // SAFETY: it was in the table once, and is not any more.
        old.map(|pa| unsafe { Frame::from_raw(pa) })
    }

    /// A share of what entry `i` maps.
    fn look(&self, i: usize) -> Option<Frame<Sim<ID>, Tag>> {
        let table = self.0.lock().unwrap();
        // SAFETY: the entry keeps its share while the table is locked.
        table[i].map(|pa| unsafe { FrameRef::<Sim<ID>, Tag>::borrow_paddr(pa) }.to_frame())
    }
}

#[test]
fn four_threads() {
    let m = machine::<6>();
    let table = Table::<6>::new();
    std::thread::scope(|s| {
        for t in 1..=THREADS {
            let table = &table;
            s.spawn(move || {
                let mut rng = Rng(t.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let mut mine: Vec<Frame<Sim<6>, Tag>> = Vec::new();
                for n in 0..ROUNDS as u64 {
                    step(&mut rng, &mut mine, table, n);
                    mine.iter()
                        .for_each(|f| assert_eq!(f.meta().0, !f.meta().1));
                }
            });
        }
    });
    (0..8).for_each(|i| drop(table.put(i, None)));
    assert_eq!(MADE.load(SeqCst), GONE.load(SeqCst));
    assert!(MADE.load(SeqCst) > ROUNDS / 4);
    at_rest(m);
}

fn step(rng: &mut Rng, mine: &mut Vec<Frame<Sim<6>, Tag>>, table: &Table<6>, n: u64) {
    let i = rng.below(8);
    match rng.below(9) {
        0 | 1 => {
            let new = FrameAllocOptions::new().zeroed(false);
            mine.extend(new.alloc_frame_with(Tag::new(n)));
        }
        2 => mine.extend(table.put(i, mine.first().cloned())),
        3 => mine.extend(table.look(i)),
        4 => {
            // By address, racing with the last drop: an error or a frame that stays.
            if let Some(pa) = mine.last().map(|f| f.start_paddr()) {
                mine.truncate(mine.len() - 1);
                if let Ok(f) = DynFrame::<Sim<6>>::from_in_use(pa) {
                    mine.extend(f.cast::<Tag>());
                }
            }
        }
        5 => {
            if let Some(f) = mine.pop() {
                match f.try_into_unique() {
                    Err(f) => drop(f),
                    Ok(mut u) => {
                        *u.meta_mut() = Tag(n + 1, !(n + 1));
                        mine.push(u.into_shared());
                    }
                }
            }
        }
        6 => {
            let s = FrameAllocOptions::<Sim<6>>::new()
                .zeroed(false)
                .alloc_segment(1 + i);
            if let Ok(s) = s {
                let part = s.slice(&(0..PAGE_SIZE)).unwrap();
                drop(s);
                drop(part);
            }
        }
        _ => mine.truncate(mine.len() / 2),
    }
}

/// Of all who drop the handles of a frame at once, exactly one gets the frame.
#[test]
fn one_last_owner() {
    let m = machine::<7>();
    for _ in 0..200 {
        let f = FrameAllocOptions::<Sim<7>>::new()
            .zeroed(false)
            .alloc_frame()
            .unwrap();
        let winners = AtomicUsize::new(0);
        std::thread::scope(|s| {
            for _ in 0..THREADS {
                let (f, winners) = (f.clone(), &winners);
                s.spawn(move || winners.fetch_add(usize::from(f.into_last().is_some()), SeqCst));
            }
            winners.fetch_add(usize::from(f.into_last().is_some()), SeqCst);
        });
        assert_eq!(winners.load(SeqCst), 1);
    }
    at_rest(m);
}

/// Of all who claim an unused frame at once, exactly one gets it.
#[test]
fn one_claimer() {
    let m = machine::<8>();
    for _ in 0..200 {
        let pa = unused::<8>();
        let claim = || UniqueFrame::<Sim<8>, _>::from_unused(pa, UntypedMeta);
        let got: Vec<_> = std::thread::scope(|s| {
            let all: Vec<_> = (0..THREADS).map(|_| s.spawn(claim)).collect();
            all.into_iter().map(|t| t.join().unwrap()).collect()
        });
        for r in &got {
            let lost = [GetFrameError::Unique(pa), GetFrameError::Busy(pa)];
            assert!(r
                .as_ref()
                .map_or_else(|e| lost.contains(e), |u| u.start_paddr() == pa));
        }
        assert_eq!(got.iter().filter(|r| r.is_ok()).count(), 1);
    }
    at_rest(m);
}
