//! Platforms that are the simulated machine but for flushes and the end of a read section.

/// All other items of `Platform`, as machine `$id` has them.
macro_rules! like_sim {
    ($id:ident) => {
        const LINEAR_BASE: usize = Sim::<$id>::LINEAR_BASE;
        const META_BASE: usize = Sim::<$id>::META_BASE;
        const MAX_PADDR: usize = Sim::<$id>::MAX_PADDR;
        const NR_CPUS: usize = Sim::<$id>::NR_CPUS;

        fn is_ram(pa: Paddr) -> bool {
            Sim::<$id>::is_ram(pa)
        }
        fn alloc_frames(pages: usize, align: usize) -> Option<Paddr> {
            Sim::<$id>::alloc_frames(pages, align)
        }
        fn dealloc_frames(pa: Paddr, pages: usize) {
            Sim::<$id>::dealloc_frames(pa, pages)
        }
        fn cpu() -> usize {
            Sim::<$id>::cpu()
        }
        fn relax() {
            Sim::<$id>::relax()
        }
        unsafe fn load_root(root: Paddr) {
            // SAFETY: the caller's promise.
            unsafe { Sim::<$id>::load_root(root) }
        }
        fn current_root() -> Option<Paddr> {
            Sim::<$id>::current_root()
        }
        fn flush_wait(ticket: u64) {
            Sim::<$id>::flush_wait(ticket)
        }
        fn rcu_enter() {
            Sim::<$id>::rcu_enter()
        }
        fn rcu_stamp() -> u64 {
            Sim::<$id>::rcu_stamp()
        }
        fn rcu_passed(stamp: u64) -> bool {
            Sim::<$id>::rcu_passed(stamp)
        }
    };
}
