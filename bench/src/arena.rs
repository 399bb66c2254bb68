//! Simulated physical memory: one buffer at a constant address, with a free list of base pages.
//!
//! Every contestant allocates its nodes here, so that all of them touch the same memory with the
//! same cost of an allocation: one for 512 pages, so that its lock does not show.
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Virtual address of physical address 0.
pub const BASE: usize = 0x2000_0000_0000;
/// Bytes of the buffer: room for the nodes of 1 GiB of base pages, a few times over.
pub const SIZE: usize = 64 << 20;

struct State {
    next: usize,
    free: usize,
}

static ARENA: Mutex<State> = Mutex::new(State { next: 0, free: 0 });

fn arena() -> MutexGuard<'static, State> {
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Maps the buffer.
///
/// # Errors
/// The address is taken, or memory is short.
pub fn map() -> std::io::Result<()> {
    map_at(BASE, SIZE)?;
    reset();
    Ok(())
}

/// Maps `len` bytes at `base`, zeroed and touched, so that no page fault falls into a measurement.
///
/// # Errors
/// As for [`map`].
pub fn map_at(base: usize, len: usize) -> std::io::Result<()> {
    // SAFETY: an anonymous mapping at an address that the call itself checks to be free.
    let at = unsafe {
        libc::mmap(
            base as *mut _,
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        )
    };
    if at as usize != base {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the mapping above.
    unsafe { std::ptr::write_bytes(base as *mut u8, 0, len) };
    Ok(())
}

/// Forgets all allocations; physical page 0 is never handed out.
pub fn reset() {
    *arena() = State {
        next: 4096,
        free: 0,
    };
}

/// The address of a page, with whatever it holds.
#[inline]
pub fn alloc() -> Option<usize> {
    let mut s = arena();
    if s.free != 0 {
        let pa = s.free;
        // SAFETY: the pages of the free list lie in the mapping, and a free page's first word is the
        // next free page.
        s.free = unsafe { *((BASE + pa) as *const usize) };
        return Some(pa);
    }
    if s.next == SIZE {
        return None;
    }
    s.next += 4096;
    Some(s.next - 4096)
}

/// Takes a page back.
#[inline]
pub fn free(pa: usize) {
    assert!(
        pa < SIZE && pa % 4096 == 0,
        "{pa:#x} is no page of the arena"
    );
    let mut s = arena();
    // SAFETY: the page lies in the mapping, and is the caller's to give.
    unsafe { *((BASE + pa) as *mut usize) = s.free };
    s.free = pa;
}

/// A zeroed page.
#[inline]
pub fn alloc_zeroed() -> Option<usize> {
    let pa = alloc()?;
    // SAFETY: the page was just allocated and lies in the mapping.
    unsafe { std::ptr::write_bytes((BASE + pa) as *mut u8, 0, 4096) };
    Some(pa)
}
