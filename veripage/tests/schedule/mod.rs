//! A tiny machine for the schedule explorer, and threads that use a table on it.
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Mutex, MutexGuard, OnceLock};
use veripage::frame::boot;
use veripage::page_table::*;
use veripage::paging::{CachePolicy, PageFlags, PageProperty, X86_64};
use veripage::rcu::RcuGuard;
use veripage::{CpuSet, FlushOp, Paddr, Platform};
use veripage_hw::model::LIES;

/// Tests take turns: the machine is one.
pub static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const FRAMES: usize = 64;
const BASE: usize = 0x1d00_0000_0000;

/// A machine of 63 frames; frame 0 is a hole.
#[derive(Debug)]
pub enum Tiny {}

#[derive(Default)]
struct State {
    free: Vec<Paddr>,
    /// Read sections under way, by task: how deep, and when they began.
    readers: BTreeMap<usize, (usize, u64)>,
    clock: u64,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);
static NO_GRACE: AtomicBool = AtomicBool::new(false);

fn state<R>(f: impl FnOnce(&mut State) -> R) -> R {
    let mut s: MutexGuard<'_, _> = STATE.lock().unwrap_or_else(|e| e.into_inner());
    f(s.get_or_insert_default())
}

fn me() -> usize {
    shuttle::current::me().into()
}

/// While it lives, grace periods are over before they begin.
pub struct NoGrace(());

impl NoGrace {
    pub fn new() -> Self {
        NO_GRACE.store(true, Relaxed);
        NoGrace(())
    }
}

impl Drop for NoGrace {
    fn drop(&mut self) {
        NO_GRACE.store(false, Relaxed);
    }
}

// SAFETY: `memory` maps the linear map and the slots before any of them is used, zeroed; the rest does
// what it says, for the tasks of one exploration.
unsafe impl Platform for Tiny {
    const LINEAR_BASE: usize = BASE;
    const META_BASE: usize = BASE + FRAMES * 4096;
    const MAX_PADDR: usize = FRAMES * 4096;
    const NR_CPUS: usize = 8;

    fn is_ram(pa: Paddr) -> bool {
        pa >= 4096
    }

    fn alloc_frames(pages: usize, _align: usize) -> Option<Paddr> {
        assert_eq!(pages, 1);
        state(|s| s.free.pop())
    }

    fn dealloc_frames(pa: Paddr, pages: usize) {
        for i in 0..pages {
            state(|s| s.free.push(pa + i * 4096));
        }
    }

    fn cpu() -> usize {
        me()
    }

    fn relax() {
        shuttle::thread::yield_now();
    }

    unsafe fn load_root(_root: Paddr) {}

    fn current_root() -> Option<Paddr> {
        None
    }

    fn flush(_cpus: CpuSet, _op: &FlushOp) -> u64 {
        0
    }

    fn flush_wait(_ticket: u64) {}

    fn rcu_enter() {
        let me = me();
        state(|s| {
            let now = s.clock;
            s.readers.entry(me).or_insert((0, now)).0 += 1;
        });
    }

    fn rcu_exit() {
        let me = me();
        state(|s| {
            let r = s.readers.get_mut(&me).expect("a section is under way");
            r.0 -= 1;
            if r.0 == 0 {
                s.readers.remove(&me);
            }
        });
    }

    fn rcu_stamp() -> u64 {
        state(|s| {
            s.clock += 1;
            s.clock
        })
    }

    fn rcu_passed(stamp: u64) -> bool {
        NO_GRACE.load(Relaxed) || state(|s| s.readers.values().all(|r| r.1 >= stamp))
    }
}

/// Maps the memory once, and clears it.
fn memory() {
    static MAPPED: OnceLock<()> = OnceLock::new();
    let bytes = FRAMES * 4096 + 4096;
    MAPPED.get_or_init(|| {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        // SAFETY: a new mapping that replaces nothing.
        let got = unsafe {
            libc::mmap(
                BASE as *mut libc::c_void,
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            )
        };
        assert_eq!(got as usize, BASE);
        got.expose_provenance();
    });
    // SAFETY: mapped above, and nothing of an earlier schedule is alive.
    unsafe { std::ptr::write_bytes(BASE as *mut u8, 0, bytes) }
}

/// Pages whose exclusivity and contents are checked.
pub const PAGES: [usize; 8] = [0, 5, 511, 512, 1023, 262144, 262144 + 512, 134217728];
/// Ranges that threads lock, all around the first pages.
pub const NEAR: [(usize, usize); 5] = [(0, 1), (0, 512), (5, 513), (0, 262144), (0, 134217728)];
/// Single pages, leaf nodes, ranges across borders, whole subtrees, everything.
pub const ALL: [(usize, usize); 12] = [
    (0, 1),
    (5, 6),
    (0, 512),
    (5, 513),
    (512, 1024),
    (0, 1024),
    (1023, 262145),
    (0, 262144),
    (262144, 524288),
    (0, 134217728),
    (134217728, 134217728 + 512),
    (0, 1 << 35),
];

/// A small generator, so that a schedule's choices are its seed's.
pub struct Rng(pub u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n as u64) as usize
    }
}

type Config = UserPtConfig<Tiny, X86_64>;
type Nodes = Vec<Pending<RetiredOf<Config>>>;

#[derive(Default)]
struct Bin {
    nodes: Nodes,
}

impl Sink<Config> for Bin {
    fn page(&mut self, item: Pending<MappedItem<Tiny>>) {
        // SAFETY: there is no TLB here, and nobody owns the memory.
        drop(unsafe { item.assume_flushed() });
    }

    fn nodes(&mut self, nodes: Pending<RetiredOf<Config>>) {
        self.nodes.push(nodes);
    }
}

/// Two tables, who owns which page of them, and what they should say.
pub struct World {
    tables: [PageTable<Config>; 2],
    frames: usize,
    owner: [[AtomicUsize; 8]; 2],
    shadow: [[AtomicU64; 8]; 2],
}

fn bytes(lo: usize, hi: usize) -> std::ops::Range<usize> {
    lo * 4096..hi * 4096
}

impl World {
    /// A fresh machine that has `frames` frames, and two tables on it.
    pub fn new(frames: usize) -> Self {
        memory();
        // SAFETY: once a schedule, in fresh memory.
        let made = unsafe { boot::<Tiny>(0..Tiny::MAX_PADDR) };
        assert_eq!(made, FRAMES - 1);
        state(|s| {
            *s = State {
                free: (1..=frames).map(|i| i * 4096).collect(),
                ..State::default()
            }
        });
        World {
            tables: [0; 2].map(|_| PageTable::empty().expect("a root fits")),
            frames,
            owner: Default::default(),
            shadow: Default::default(),
        }
    }

    /// One thread's life: lock a random range, act inside it, unlock, free what was removed.
    pub fn run(&self, id: usize, rng: &mut Rng, rounds: usize, ranges: &[(usize, usize)]) {
        for _ in 0..rounds {
            let (lo, hi) = ranges[rng.below(ranges.len())];
            let t = usize::from(rng.below(4) == 0);
            let mut bin = Bin::default();
            let mut guard = RcuGuard::<Tiny>::enter();
            if let Ok(mut c) = self.tables[t].cursor_mut(&mut guard, &bytes(lo, hi)) {
                self.act(id, t, lo, hi, &mut c, rng, &mut bin);
            }
            drop(guard);
            free(bin.nodes);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn act(
        &self,
        id: usize,
        t: usize,
        lo: usize,
        hi: usize,
        c: &mut CursorMut<'_, Config>,
        rng: &mut Rng,
        bin: &mut Bin,
    ) {
        let (owner, shadow) = (&self.owner[t], &self.shadow[t]);
        let inside: Vec<usize> = (0..8)
            .filter(|&k| lo <= PAGES[k] && PAGES[k] < hi)
            .collect();
        for &k in &inside {
            let was = owner[k].swap(id, AcqRel);
            assert_eq!(was, 0, "page {} owned by two cursors", PAGES[k]);
        }
        for &k in &inside {
            assert_eq!(
                read(c, PAGES[k]),
                shadow[k].load(Relaxed),
                "page {}",
                PAGES[k]
            );
        }
        for _ in 0..1 + rng.below(3) {
            if inside.is_empty() {
                break;
            }
            let k = inside[rng.below(inside.len())];
            c.jump(PAGES[k] * 4096).expect("it is inside");
            if rng.below(3) != 0 {
                let frame = 1 + rng.below(1000) as u64;
                match c.map(item(frame)) {
                    Ok(()) => assert_eq!(shadow[k].swap(frame, Relaxed), 0, "mapped over"),
                    Err(PageTableError::AlreadyMapped(_)) => {
                        assert_ne!(shadow[k].load(Relaxed), 0, "a phantom");
                    }
                    Err(PageTableError::NoMemory(_)) => {}
                    Err(e) => panic!("{e:?}"),
                }
            } else {
                let span = 512usize.pow(1 + rng.below(3) as u32);
                let from = lo.max(PAGES[k] / span * span);
                let to = hi.min(PAGES[k] / span * span + span);
                c.jump(from * 4096).expect("it is inside");
                c.unmap((to - from) * 4096, bin).expect("needs no memory");
                for j in 0..8 {
                    if from <= PAGES[j] && PAGES[j] < to {
                        shadow[j].store(0, Relaxed);
                    }
                }
            }
        }
        for &k in &inside {
            assert_eq!(owner[k].swap(0, AcqRel), id);
        }
    }

    /// Maps page `page` of table `t`, if there is memory and it is free, and looks at it without a lock.
    pub fn put(&self, t: usize, page: usize, frame: u64) {
        let mut guard = RcuGuard::<Tiny>::enter();
        if let Ok(mut c) = self.tables[t].cursor_mut(&mut guard, &bytes(page, page + 1)) {
            let _ = c.map(item(frame));
        }
        let seen = self.tables[t].page_walk(&guard, page * 4096);
        if let Some((pa, _)) = seen.expect("the address is canonical") {
            assert!(LIES.load(Relaxed) > 0 || pa == frame as usize * 4096);
        }
    }

    /// Unmaps the pages `lo..hi` of table `t`, and everything around them is locked.
    pub fn remove(&self, t: usize, lo: usize, hi: usize) {
        let mut bin = Bin::default();
        let mut guard = RcuGuard::<Tiny>::enter();
        let mut c = self.tables[t]
            .cursor_mut(&mut guard, &bytes(0, 1 << 35))
            .expect("the root is there");
        c.jump(lo * 4096).expect("it is inside");
        c.unmap((hi - lo) * 4096, &mut bin)
            .expect("needs no memory");
        drop(c);
        drop(guard);
        free(bin.nodes);
    }

    /// The tables say what they should, and no frame is lost.
    pub fn finish(self) {
        for t in 0..2 {
            let mut guard = RcuGuard::<Tiny>::enter();
            let mut c = self.tables[t]
                .cursor_mut(&mut guard, &bytes(0, 1 << 35))
                .expect("the root is there");
            for k in 0..8 {
                let want = self.shadow[t][k].load(Relaxed);
                assert_eq!(read(&mut c, PAGES[k]), want, "page {}", PAGES[k]);
            }
        }
        self.drain();
    }

    /// Drops the tables; no frame is lost.
    pub fn drain(self) {
        let frames = self.frames;
        drop(self.tables);
        assert_eq!(state(|s| s.free.len()), frames, "frames are lost");
    }
}

fn item(frame: u64) -> MappedItem<Tiny> {
    let prop = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
    MappedItem::Untracked(frame as usize * 4096, 1, prop)
}

/// The frame that the page is mapped to, or 0.
fn read(c: &mut CursorMut<'_, Config>, page: usize) -> u64 {
    c.jump(page * 4096).expect("it is inside");
    match c.peek().expect("not at the end") {
        Some((pa, level, _)) => {
            assert_eq!(level, 1);
            (pa / 4096) as u64
        }
        None => 0,
    }
}

/// Waits for the grace periods of the nodes and gives them back.
fn free(nodes: Nodes) {
    for nodes in nodes {
        // SAFETY: there is no TLB here; the grace period follows.
        let mut waiting = unsafe { nodes.assume_flushed() }.wait();
        let expired = loop {
            match waiting.try_expire() {
                Ok(expired) => break expired,
                Err(w) => waiting = w,
            }
            Tiny::relax();
        };
        reclaim(expired);
    }
}
