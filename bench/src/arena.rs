//! Simulated physical memory: one buffer at a constant address, with a free list of base pages.
//!
//! Every contestant allocates its nodes here, so that all of them touch the same memory with the
//! same cost of an allocation. One thread measures at a time: the arena takes no lock.
use std::cell::UnsafeCell;

/// Virtual address of physical address 0.
pub const BASE: usize = 0x2000_0000_0000;
/// Bytes of the buffer: room for the nodes of 1 GiB of base pages, a few times over.
pub const SIZE: usize = 64 << 20;

struct State {
    next: usize,
    free: usize,
}

struct Arena(UnsafeCell<State>);

// SAFETY: `thread` below hands the arena to one thread at a time.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new(State { next: 0, free: 0 }));

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
    // SAFETY: one thread uses the arena at a time.
    unsafe {
        *ARENA.0.get() = State {
            next: 4096,
            free: 0,
        }
    };
}

/// The address of a page, with whatever it holds.
#[inline]
pub fn alloc() -> Option<usize> {
    // SAFETY: one thread uses the arena at a time; a free page's first word is the next free page.
    unsafe {
        let s = &mut *ARENA.0.get();
        if s.free != 0 {
            let pa = s.free;
            s.free = *((BASE + pa) as *const usize);
            return Some(pa);
        }
        if s.next == SIZE {
            return None;
        }
        s.next += 4096;
        Some(s.next - 4096)
    }
}

/// Takes a page back.
#[inline]
pub fn free(pa: usize) {
    // SAFETY: as for `alloc`; the page is the caller's to give.
    unsafe {
        let s = &mut *ARENA.0.get();
        *((BASE + pa) as *mut usize) = s.free;
        s.free = pa;
    }
}

/// A zeroed page.
#[inline]
pub fn alloc_zeroed() -> Option<usize> {
    let pa = alloc()?;
    // SAFETY: the page was just allocated and lies in the mapping.
    unsafe { std::ptr::write_bytes((BASE + pa) as *mut u8, 0, 4096) };
    Some(pa)
}
