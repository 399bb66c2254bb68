//! Flushes: of the last page of all, and of a flusher that moves to another CPU.
use super::*;

/// The last page of all: its end is 2^64, and its flush reaches every CPU all the same.
#[test]
fn the_last_page_of_all_is_flushed() {
    const ID: usize = 2006;
    const TOP: usize = 0usize.wrapping_sub(PAGE);
    // Ends at 2^64.
    let last = TOP..TOP.wrapping_add(PAGE);
    let m = with_cpus::<ID>(2);
    let k = kernel::<ID>();
    let space = Space::new(&k).unwrap();
    let kernel_rw = PageProperty {
        priv_flags: PrivilegedPageFlags::GLOBAL,
        ..rw()
    };
    for _ in 0..3 {
        let f = frame::<ID>().unwrap();
        let pa = f.start_paddr();
        // SAFETY: outside the range of areas, and nobody uses the address.
        let table = unsafe { k.page_table() };
        let mut guard = RcuGuard::enter();
        table
            .cursor_mut(&mut guard, &last)
            .unwrap()
            .map(MappedItem::Tracked(f.into_dyn(), kernel_rw))
            .unwrap();
        for cpu in 0..2 {
            m.run(cpu, || {
                space.activate();
                assert_eq!(m.access(TOP, Access::Write, false), Ok(pa));
            })
            .unwrap();
        }
        let mut flusher = k.flusher();
        let mut c = table.cursor_mut(&mut guard, &last).unwrap();
        assert_eq!(c.unmap(PAGE, &mut flusher), Ok(1));
        assert_eq!(c.virt_addr(), 0);
        drop(c);
        assert!(m.is_allocated(pa), "it waits for the flush");
        flusher.sync_tlb_flush();
        assert!(!m.is_allocated(pa));
        assert!(m.stale_translations(0).is_empty() && m.stale_translations(1).is_empty());
    }
    audited(&m, &k, &[&space], &[], &[]);
    drop(space);
    over(m, k);
}

/// A flusher that asked on one CPU may wait on another: nothing is let go before a third has flushed.
#[test]
fn a_flush_is_waited_for_on_any_cpu() {
    const ID: usize = 2007;
    const TOP: usize = 0usize.wrapping_sub(M2);
    let m = with_cpus::<ID>(3);
    let k = kernel::<ID>();
    let space = Space::new(&k).unwrap();
    let (f, handed, learned, gone) = (
        frame::<ID>().unwrap(),
        Mutex::new(None),
        AtomicBool::new(false),
        AtomicBool::new(false),
    );
    let pa = f.start_paddr();
    // SAFETY: outside the range of areas, and nobody uses the address.
    let table = unsafe { k.page_table() };
    let range = TOP..TOP + PAGE;
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &range).unwrap();
    c.map(MappedItem::Tracked(f.into_dyn(), rw())).unwrap();
    drop(c);
    drop(guard);
    m.run_all(|cpu| match cpu {
        0 => {
            while !learned.load(SeqCst) {
                Sim::<ID>::relax();
            }
            let mut flusher = k.flusher();
            let mut guard = RcuGuard::enter();
            assert_eq!(
                table
                    .cursor_mut(&mut guard, &range)
                    .unwrap()
                    .unmap(PAGE, &mut flusher),
                Ok(1)
            );
            flusher.dispatch_tlb_flush();
            *handed.lock().unwrap() = Some(flusher);
        }
        1 => loop {
            if let Some(mut flusher) = handed.lock().unwrap().take() {
                assert!(m.is_allocated(pa));
                flusher.sync_tlb_flush();
                assert!(!m.is_allocated(pa));
                gone.store(true, SeqCst);
                return;
            }
            Sim::<ID>::relax();
        },
        _ => {
            space.activate();
            assert_eq!(m.access(TOP, Access::Read, false), Ok(pa));
            learned.store(true, SeqCst);
            while !gone.load(SeqCst) {
                std::thread::yield_now();
            }
            assert!(m.access(TOP, Access::Read, false).is_err());
        }
    })
    .unwrap();
    drop(handed);
    audited(&m, &k, &[&space], &[], &[]);
    drop(space);
    over(m, k);
}
