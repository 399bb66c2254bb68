//! Linked lists of frames: what `frame/list` promises, by name.
mod common;
use common::*;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use veripage::frame::*;
use veripage::{Paddr, Platform, PAGE_SIZE};
use veripage_sim::Sim;

/// Metadata of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tag(u64);
impl FrameMeta for Tag {}

type List<const ID: usize> = LinkedList<Sim<ID>, Tag>;
type Item<const ID: usize> = UniqueFrame<Sim<ID>, Link<Tag>>;

fn frame<const ID: usize>(n: u64) -> Item<ID> {
    FrameAllocOptions::new()
        .zeroed(false)
        .alloc_unique(Link::new(Tag(n)))
        .expect("there is RAM")
}

/// The list `1..=n`, and the addresses of its frames.
fn list_of<const ID: usize>(n: u64) -> (List<ID>, Vec<Paddr>) {
    let mut list = List::new();
    let mut pas = Vec::new();
    for i in 1..=n {
        let f = frame(i);
        pas.push(f.start_paddr());
        assert!(list.push_back(f).is_ok());
    }
    (list, pas)
}

/// What is in the list, read in both directions.
fn tags<const ID: usize>(list: &mut List<ID>) -> Vec<u64> {
    let mut there = Vec::new();
    let mut c = list.cursor_front_mut();
    while let Some(tag) = c.current_meta().copied() {
        there.push(tag.0);
        c.move_next();
    }
    let mut back = Vec::new();
    c.move_prev();
    while let Some(tag) = c.current_meta().copied() {
        back.push(tag.0);
        c.move_prev();
    }
    back.reverse();
    assert_eq!(there, back);
    assert_eq!(list.size(), there.len());
    assert_eq!(list.front().map(|t| t.0), there.first().copied());
    assert_eq!(list.back().map(|t| t.0), there.last().copied());
    there
}

fn tag<const ID: usize>(f: Option<Item<ID>>) -> Option<u64> {
    f.map(|f| f.meta().meta().0)
}

#[test]
fn list_starts_empty() {
    let m = machine::<1>();
    let mut list = List::<1>::default();
    assert!(list.is_empty());
    assert_eq!(tags(&mut list), []);
    assert!(list.pop_front().is_none() && list.pop_back().is_none());
    let mut c = list.cursor_back_mut();
    assert_eq!(c.paddr(), None);
    assert!(c.take_current().is_none());
    c.move_next();
    c.move_prev();
    assert!(c.current_meta().is_none() && c.as_list().is_empty());
    drop(list);
    at_rest(m);
}

#[test]
fn push_and_pop_at_both_ends() {
    let m = machine::<1>();
    let (mut list, _) = list_of::<1>(2);
    assert!(list.push_front(frame(0)).is_ok());
    assert_eq!(tags(&mut list), [0, 1, 2]);
    assert_eq!(tag(list.pop_front()), Some(0));
    assert_eq!(tag(list.pop_back()), Some(2));
    assert_eq!(tags(&mut list), [1]);
    assert_eq!(tag(list.pop_back()), Some(1));
    assert_eq!(tag(list.pop_front()), None);
    assert!(list.push_front(frame(7)).is_ok());
    assert_eq!(tags(&mut list), [7]);
    drop(list);
    at_rest(m);
}

#[test]
fn cursor_at_an_address() {
    let m = machine::<1>();
    let (mut list, pas) = list_of::<1>(5);
    for (i, &pa) in pas.iter().enumerate() {
        let mut c = list.cursor_mut_at(pa).expect("it is in the list");
        assert_eq!(c.paddr(), Some(pa));
        assert_eq!(c.current_meta(), Some(&mut Tag(i as u64 + 1)));
    }
    let stranger = frame::<1>(9);
    assert!(list.cursor_mut_at(stranger.start_paddr()).is_none());
    assert!(list.cursor_mut_at(pas[0] + 1).is_none());
    drop((list, stranger));
    at_rest(m);
}

#[test]
fn insert_before_at_every_place() {
    let m = machine::<1>();
    for place in 0..=3 {
        let (mut list, _) = list_of::<1>(3);
        let mut c = list.cursor_front_mut();
        for _ in 0..place {
            c.move_next();
        }
        let here = c.paddr();
        assert!(c.insert_before(frame(9)).is_ok());
        assert_eq!(c.paddr(), here);
        let mut expected = vec![1, 2, 3];
        expected.insert(place, 9);
        assert_eq!(tags(&mut list), expected);
    }
    at_rest(m);
}

#[test]
fn take_current_at_every_place() {
    let m = machine::<1>();
    for place in 0..3 {
        let (mut list, pas) = list_of::<1>(3);
        let mut c = list.cursor_mut_at(pas[place]).expect("it is in the list");
        let f = c.take_current().expect("it is there");
        assert_eq!(f.start_paddr(), pas[place]);
        assert_eq!(c.paddr(), pas.get(place + 1).copied());
        assert!(!c.as_list().contains(pas[place]));
        let mut expected = vec![1, 2, 3];
        expected.remove(place);
        assert_eq!(tags(&mut list), expected);
    }
    at_rest(m);
}

#[test]
fn metadata_changes_in_place() {
    let m = machine::<1>();
    let (mut list, pas) = list_of::<1>(3);
    let mut c = list.cursor_mut_at(pas[1]).expect("it is in the list");
    *c.current_meta().expect("it is there") = Tag(20);
    assert_eq!(tags(&mut list), [1, 20, 3]);
    let f = list
        .cursor_mut_at(pas[1])
        .and_then(|mut c| c.take_current());
    let f = f.expect("it is there").into_shared();
    assert_eq!((f.meta().meta(), f.reference_count()), (&Tag(20), 1));
    drop((f, list));
    at_rest(m);
}

#[test]
fn contains_any_address() {
    let m = machine::<1>();
    let (mut list, pas) = list_of::<1>(3);
    let (other, others) = list_of::<1>(3);
    let lone = frame::<1>(9);
    let shared = FrameAllocOptions::<Sim<1>>::new().alloc_frame().unwrap();
    assert!(pas
        .iter()
        .all(|&pa| list.contains(pa) && !other.contains(pa)));
    assert!(others
        .iter()
        .all(|&pa| other.contains(pa) && !list.contains(pa)));
    let nowhere = [
        lone.start_paddr(),
        shared.start_paddr(),
        pas[0] + 1,
        0,
        Sim::<1>::MAX_PADDR,
        usize::MAX,
        usize::MAX - 4095,
    ];
    for pa in nowhere {
        assert!(!list.contains(pa) && !List::<1>::new().contains(pa));
    }
    // Out, it is in no list; in again, it is.
    let f = list.pop_front().expect("there are three");
    assert!(!list.contains(pas[0]) && list.contains(pas[1]));
    assert!(list.push_back(f).is_ok());
    assert!(list.contains(pas[0]));
    drop((list, other, lone, shared));
    at_rest(m);
}

#[test]
fn a_frame_is_in_at_most_one_list() {
    type P = Sim<1>;
    let m = machine::<1>();
    let (mut list, pas) = list_of::<1>(2);
    // Its only handle is the list's: nobody shares, claims or gets it twice.
    for &pa in &pas {
        assert_eq!(
            DynFrame::<P>::from_in_use(pa).err(),
            Some(GetFrameError::Unique(pa))
        );
        let again = UniqueFrame::<P, Link<Tag>>::from_unused(pa, Link::new(Tag(0)));
        assert_eq!(again.err(), Some(GetFrameError::Unique(pa)));
    }
    let mut other = List::<1>::new();
    let f = list.pop_back().expect("there are two");
    assert!(other.push_back(f).is_ok());
    assert!(other.contains(pas[1]) && !list.contains(pas[1]));
    assert_eq!((tags(&mut list), tags(&mut other)), (vec![1], vec![2]));
    drop((list, other));
    at_rest(m);
}

static DROPS: AtomicUsize = AtomicUsize::new(0);
static ON_DROPS: AtomicUsize = AtomicUsize::new(0);
struct Counted;
impl FrameMeta for Counted {
    fn on_drop(&mut self, _: Paddr) {
        ON_DROPS.fetch_add(1, SeqCst);
    }
}
impl Drop for Counted {
    fn drop(&mut self) {
        DROPS.fetch_add(1, SeqCst);
    }
}

#[test]
fn dropping_a_list_gives_every_frame_back_once() {
    let m = machine::<2>();
    let mut list = LinkedList::<Sim<2>, Counted>::new();
    for _ in 0..10 {
        let f = FrameAllocOptions::new()
            .alloc_unique(Link::new(Counted))
            .unwrap();
        assert!(list.push_front(f).is_ok());
    }
    assert_eq!(m.stats().allocated, 10);
    drop(list.pop_back());
    assert_eq!((DROPS.load(SeqCst), ON_DROPS.load(SeqCst)), (1, 1));
    drop(list);
    assert_eq!((DROPS.load(SeqCst), ON_DROPS.load(SeqCst)), (10, 10));
    at_rest(m);
}

#[test]
fn plain_memory_in_a_list_keeps_its_bytes() {
    let m = machine::<1>();
    let f: Frame<Sim<1>, Link<UntypedMeta>> = FrameAllocOptions::new()
        .alloc_frame_with(Link::new(UntypedMeta))
        .unwrap();
    f.write_val(8, &0x1234_u64).unwrap();
    let mut list = LinkedList::new();
    assert!(list
        .push_back(f.try_into_unique().ok().expect("one handle"))
        .is_ok());
    let f = list.pop_front().expect("it is there").into_shared();
    assert_eq!(f.read_val::<u64>(8), Ok(0x1234));
    drop((f, list));
    at_rest(m);
}

#[test]
fn every_frame_may_have_a_list_of_its_own() {
    let m = machine::<1>();
    let mut lists = Vec::new();
    loop {
        let link = Link::new(Tag(lists.len() as u64));
        let Ok(f) = FrameAllocOptions::<Sim<1>>::new()
            .zeroed(false)
            .alloc_unique(link)
        else {
            break;
        };
        let pa = f.start_paddr();
        let mut list = List::<1>::new();
        assert!(list.push_back(f).is_ok());
        lists.push((list, pa));
    }
    assert_eq!(lists.len(), 1024);
    // Frames change lists, so that lists are not called after their own frames.
    let frames: Vec<_> = lists
        .iter_mut()
        .map(|(l, _)| l.pop_back().expect("one"))
        .collect();
    for (f, (l, pa)) in frames.into_iter().rev().zip(&mut lists) {
        *pa = f.start_paddr();
        assert!(l.push_back(f).is_ok());
    }
    for (i, (list, _)) in lists.iter().enumerate() {
        for (j, (_, pa)) in lists.iter().enumerate().step_by(97) {
            assert_eq!(list.contains(*pa), i == j);
        }
    }
    drop(lists);
    at_rest(m);
}

/// The word of a frame's slot that says which list it is in.
fn seat<const ID: usize>(nr: usize) -> *mut u16 {
    std::ptr::with_exposed_provenance_mut(Sim::<ID>::META_BASE + nr * 32 + 6)
}

#[test]
fn no_name_is_an_error_and_gives_the_frame_back() {
    let m = machine::<3>();
    let names = (Sim::<3>::MAX_PADDR / PAGE_SIZE).min(32767);
    // As if all names but that of frame 5 had been taken.
    for nr in (0..names).filter(|&nr| nr != 5) {
        // SAFETY: the slot array is mapped for ever, and nobody else uses the machine.
        unsafe { *seat::<3>(nr) |= 0x8000 }
    }
    let (mut list, pas) = list_of::<3>(3);
    let mut second = List::<3>::new();
    let (why, f) = second.push_back(frame(9)).expect_err("no name is left");
    assert_eq!((why, f.meta().meta()), (ListError::NoName, &Tag(9)));
    assert!(second.is_empty() && pas.iter().all(|&pa| list.contains(pa)));
    // An empty list has no name; the other one gets it.
    let one = list.pop_back().expect("there are three");
    drop(list);
    assert!(second.push_front(f).is_ok() && second.push_front(one).is_ok());
    assert!(second.contains(pas[2]));
    assert_eq!(tags(&mut second), [3, 9]);
    drop(second);
    for nr in (0..names).filter(|&nr| nr != 5) {
        // SAFETY: as above.
        unsafe { *seat::<3>(nr) &= 0x7fff }
    }
    at_rest(m);
}

#[test]
fn contains_while_the_frame_changes_lists_elsewhere() {
    let m = machine::<4>();
    let (mine, pas) = list_of::<4>(2);
    let (mut theirs, others) = list_of::<4>(2);
    let done = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            for _ in 0..20_000 {
                let f = theirs.pop_front().expect("two go round");
                assert!(theirs.push_back(f).is_ok());
            }
            let (a, b) = (theirs.pop_back(), theirs.pop_back());
            let mut fresh = List::<4>::new();
            assert!(
                fresh.push_back(a.expect("one")).is_ok()
                    && fresh.push_back(b.expect("two")).is_ok()
            );
            done.store(true, SeqCst);
        });
        while !done.load(SeqCst) {
            assert!(mine.contains(pas[0]) && mine.contains(pas[1]));
            assert!(!mine.contains(others[0]) && !mine.contains(others[1]));
        }
    });
    drop((mine, theirs));
    at_rest(m);
}

#[test]
fn verified_tour_runs() {
    let m = machine::<5>();
    assert_eq!(list::tour::one_list::<Sim<5>>(), Ok(Some((3, 2, 4))));
    at_rest(m);
}

#[derive(Debug, Clone)]
enum Op {
    PushFront,
    PushBack,
    PopFront,
    PopBack,
    Next,
    Prev,
    Insert,
    Take,
    Mark(u64),
    To(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        2 => Just(Op::PushFront),
        2 => Just(Op::PushBack),
        1 => Just(Op::PopFront),
        1 => Just(Op::PopBack),
        3 => Just(Op::Next),
        3 => Just(Op::Prev),
        3 => Just(Op::Insert),
        2 => Just(Op::Take),
        1 => any::<u64>().prop_map(Op::Mark),
        1 => (0usize..12).prop_map(Op::To),
    ];
    proptest::collection::vec(op, 1..80)
}

/// Runs `ops` on a list and on a queue with an index; the cursor is found again by address.
fn follow(ops: Vec<Op>) {
    let mut list = List::<6>::new();
    let mut model: VecDeque<(Paddr, u64)> = VecDeque::new();
    let mut pos = 0;
    for (n, op) in ops.into_iter().enumerate() {
        let n = n as u64;
        let new = frame::<6>(n);
        let entry = (new.start_paddr(), n);
        let got = |f: Option<Item<6>>| f.map(|f| (f.start_paddr(), f.meta().meta().0));
        match op {
            Op::PushFront => {
                assert!(list.push_front(new).is_ok());
                model.push_front(entry);
                pos += 1;
            }
            Op::PushBack => {
                assert!(list.push_back(new).is_ok());
                pos += usize::from(pos == model.len());
                model.push_back(entry);
            }
            Op::PopFront => {
                assert_eq!(got(list.pop_front()), model.pop_front());
                pos = pos.saturating_sub(1);
            }
            Op::PopBack => {
                assert_eq!(got(list.pop_back()), model.pop_back());
                pos = pos.min(model.len());
            }
            op => {
                let mut c = match model.get(pos) {
                    Some(&(pa, _)) => list.cursor_mut_at(pa).expect("it is in the list"),
                    None => {
                        let mut c = list.cursor_front_mut();
                        c.move_prev();
                        c
                    }
                };
                match op {
                    Op::Next => {
                        c.move_next();
                        pos = if pos == model.len() { 0 } else { pos + 1 };
                    }
                    Op::Prev => {
                        c.move_prev();
                        pos = if pos == 0 { model.len() } else { pos - 1 };
                    }
                    Op::Insert => {
                        assert!(c.insert_before(new).is_ok());
                        model.insert(pos, entry);
                        pos += 1;
                    }
                    Op::Take => assert_eq!(got(c.take_current()), model.remove(pos)),
                    Op::Mark(m) => {
                        assert_eq!(c.current_meta().is_some(), pos < model.len());
                        if let Some(t) = c.current_meta() {
                            t.0 = m;
                            model[pos].1 = m;
                        }
                    }
                    Op::To(k) => {
                        if let Some(&(pa, _)) = model.get(k) {
                            c = list.cursor_mut_at(pa).expect("it is in the list");
                            pos = k;
                        }
                    }
                    _ => unreachable!("the operations at the ends"),
                }
                assert_eq!(c.paddr(), model.get(pos).map(|e| e.0));
            }
        }
        assert!(model.iter().all(|e| list.contains(e.0)));
        assert_eq!(list.contains(entry.0), model.iter().any(|e| e.0 == entry.0));
        assert_eq!(
            tags(&mut list),
            model.iter().map(|e| e.1).collect::<Vec<_>>()
        );
    }
}

#[test]
fn any_sequence_is_a_plain_queue() {
    let m = machine::<6>();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&ops(), |ops| {
            follow(ops);
            Ok(())
        })
        .unwrap();
    at_rest(m);
}
