//! User spaces: what `vm_space/` promises, by name (conformance, section 5), and that flushes happen.
mod access;
#[path = "../common/mod.rs"]
mod common;
mod flushes;
mod mapping;
use common::*;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use veripage::frame::{AnyUFrameMeta, FrameAllocOptions, FrameMeta, UFrame};
use veripage::kspace::{KVirtArea, KernelSpace};
use veripage::page_table::{MappedItem, PageTableError};
use veripage::paging::{CachePolicy, PageFlags, PageProperty, PrivilegedPageFlags, X86_64};
use veripage::rcu::RcuGuard;
use veripage::vm_space::{UserAccessError, VmSpace};
use veripage::{CpuSet, PAGE_SIZE};
use veripage_sim::{Access, Machine, Sim};

const LOW: usize = 0xffff_c000_0000_0000;
const VA: usize = 0x4000_0000;
const MIB: usize = 1 << 20;
const USER_END: usize = 1 << 47;

type Kernel<const ID: usize> = KernelSpace<Sim<ID>, X86_64>;
type Space<'k, const ID: usize> = VmSpace<'k, Sim<ID>, X86_64>;

fn kernel<const ID: usize>() -> Kernel<ID> {
    KernelSpace::new(LOW..LOW + 64 * MIB).unwrap()
}

fn frame<const ID: usize>() -> UFrame<Sim<ID>> {
    FrameAllocOptions::new().alloc_frame().unwrap()
}

fn user(flags: PageFlags) -> PageProperty {
    PageProperty::new_user(flags, CachePolicy::Writeback)
}

fn rw() -> PageProperty {
    user(PageFlags::RW)
}

/// Maps `n` new frames from `va` on, and says where the first is.
fn map<const ID: usize>(space: &Space<'_, ID>, va: usize, n: usize) -> usize {
    let mut guard = RcuGuard::enter();
    let mut cursor = space
        .cursor_mut(&mut guard, &(va..va + n * PAGE_SIZE))
        .unwrap();
    let mut first = 0;
    for i in 0..n {
        let frame = frame::<ID>();
        if i == 0 {
            first = frame.start_paddr();
        }
        cursor.map(frame, rw()).map_err(|(e, _)| e).unwrap();
    }
    first
}

fn unmap<const ID: usize>(space: &Space<'_, ID>, va: usize, n: usize) -> usize {
    let mut guard = RcuGuard::enter();
    let range = va..va + n * PAGE_SIZE;
    let mut cursor = space.cursor_mut(&mut guard, &range).unwrap();
    cursor.unmap(n * PAGE_SIZE).unwrap()
}

/// Physical address and property of the page at `va`.
fn at<const ID: usize>(space: &Space<'_, ID>, va: usize) -> Option<(usize, PageProperty)> {
    let mut guard = RcuGuard::enter();
    let mut cursor = space.cursor(&mut guard, &(va..va + PAGE_SIZE)).unwrap();
    let item = cursor.query().unwrap().1?;
    let mut prop = item.prop();
    prop.flags = prop.flags.sans_ad();
    Some((item.paddr(), prop))
}

/// Nothing went wrong, and nothing but the kernel's table is left.
fn over<const ID: usize>(machine: Machine<ID>, kernel: Kernel<ID>) {
    assert!(!kernel.reclaim());
    assert_eq!(machine.violations(), []);
    assert_eq!(machine.stats().allocated, 257);
    std::mem::forget(kernel);
}
