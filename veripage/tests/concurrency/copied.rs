//! What another CPU does in the middle of an operation of the core.
use super::*;
use std::cell::RefCell;

thread_local! {
    static HOOK: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Machine `ID`, on which something can be made to happen when a read section ends.
struct Hooked<const ID: usize>;

// SAFETY: it is the simulated machine.
unsafe impl<const ID: usize> Platform for Hooked<ID> {
    like_sim!(ID);

    fn flush(cpus: CpuSet, op: &FlushOp) -> u64 {
        Sim::<ID>::flush(cpus, op)
    }
    fn rcu_exit() {
        Sim::<ID>::rcu_exit();
        let hook = HOOK.with(|h| h.borrow_mut().take());
        hook.into_iter().for_each(|hook| hook());
    }
}

/// A page that was made read-only, as a fork does, is not written any more when that has returned: not by
/// a kernel's write to user memory either, however late it comes.
#[test]
fn a_write_protected_page_is_not_written_through_the_kernel() {
    const ID: usize = 2008;
    type P = Hooked<ID>;
    let m = with_cpus::<ID>(1);
    let k: &'static KernelSpace<P, X86_64> =
        Box::leak(Box::new(KernelSpace::new(LOW..LOW + G1).unwrap()));
    let space: &'static VmSpace<'_, P, X86_64> = Box::leak(Box::new(VmSpace::new(k).unwrap()));
    let f: UFrame<P> = FrameAllocOptions::new().alloc_frame().unwrap();
    let mut guard = RcuGuard::enter();
    space
        .cursor_mut(&mut guard, &(VA..VA + PAGE))
        .unwrap()
        .map(f.clone(), rw())
        .map_err(|(e, _)| e)
        .unwrap();
    drop(guard);
    space.activate();
    let child = f.clone();
    let protect = move || {
        let mut guard = RcuGuard::enter();
        let mut c = space.cursor_mut(&mut guard, &(VA..VA + PAGE)).unwrap();
        assert_eq!(c.protect(PAGE, |p| p.flags = PageFlags::R), Ok(1));
        drop(c);
        // From here on the page is a snapshot, which somebody else may have mapped.
        SNAPSHOT.store(child.read_val::<u64>(0).unwrap() as usize, SeqCst);
    };
    static SNAPSHOT: AtomicUsize = AtomicUsize::new(0);
    let mut w = space.writer(VA, 8).unwrap();
    HOOK.with(|h| *h.borrow_mut() = Some(Box::new(protect)));
    w.write_val(&5u64).unwrap();
    assert_eq!(
        f.read_val::<u64>(0).unwrap() as usize,
        SNAPSHOT.load(SeqCst),
        "the snapshot has changed"
    );
    let denied = Err(UserAccessError::Denied(VA));
    assert_eq!(space.writer(VA, 8).unwrap().write_val(&6u64), denied);
    assert_eq!(m.violations(), []);
}
