//! Where each machine lies in the host's address space, and the mapping of its memory.
//!
//! A machine's window is a function of its number, so that the bases are constants of its platform
//! type. One window holds the linear map, the slot array and the simulator's own frame table:
//! ```text
//! WINDOWS + id * WINDOW   +0            linear map, MAX_PADDR bytes
//!                         +META_OFFSET  slot array, 32 bytes a frame
//!                         +INFO_OFFSET  frame table, 32 bytes a frame
//! ```
//! All of it is reserved without being committed: only what is touched costs memory.
use crate::SimError;
use veripage_hw::{Paddr, PAGE_SIZE};

/// Machines that one process may have at a time: numbers 0 to `MAX_MACHINES - 1`.
pub const MAX_MACHINES: usize = 4096;
/// First physical address that no machine has: 8 GiB.
pub const MAX_PADDR: Paddr = 1 << 33;
/// Frames below `MAX_PADDR`.
pub(crate) const MAX_FRAMES: usize = MAX_PADDR / PAGE_SIZE;
/// Bytes of a metadata slot, and of an entry of the frame table.
pub(crate) const SLOT_SIZE: usize = 32;

// Between what sanitizers, programs and the host's own mappings take.
const WINDOWS: usize = 0x1100_0000_0000;
const WINDOW: usize = 1 << 34;
const META_OFFSET: usize = MAX_PADDR;
const INFO_OFFSET: usize = META_OFFSET + MAX_FRAMES * SLOT_SIZE;
const USED: usize = INFO_OFFSET + MAX_FRAMES * SLOT_SIZE;
const _: () = assert!(USED <= WINDOW && WINDOWS + MAX_MACHINES * WINDOW < 1 << 47);

/// Host address of physical address 0 of machine `id`.
pub(crate) const fn linear_base(id: usize) -> usize {
    WINDOWS + id * WINDOW
}

/// Host address of the slot of frame 0 of machine `id`.
pub(crate) const fn meta_base(id: usize) -> usize {
    linear_base(id) + META_OFFSET
}

/// Host address of the frame table of machine `id`.
pub(crate) const fn info_base(id: usize) -> usize {
    linear_base(id) + INFO_OFFSET
}

/// Maps the window of machine `id`, zeroed and uncommitted. It stays for the life of the process.
///
/// # Errors
/// `SimError::Map` if the host refuses or something else lies there.
pub(crate) fn map_window(id: usize) -> Result<(), SimError> {
    let at = linear_base(id);
    let flags =
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: a new anonymous mapping that replaces nothing (MAP_FIXED_NOREPLACE).
    let got = unsafe {
        libc::mmap(
            at as *mut libc::c_void,
            USED,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1,
            0,
        )
    };
    if got as usize != at {
        let cause = if got == libc::MAP_FAILED {
            std::io::Error::last_os_error()
        } else {
            // SAFETY: undoes the mapping just made, which an old kernel put elsewhere.
            unsafe { libc::munmap(got, USED) };
            std::io::ErrorKind::AddrInUse.into()
        };
        return Err(SimError::Map { address: at, cause });
    }
    Ok(())
}

/// Gives the pages of `[start, start + len)` back to the host; they read as zeroes afterwards.
///
/// # Safety
/// The range lies in a mapped window, is page-aligned, and nobody relies on its contents.
pub(crate) unsafe fn discard(start: usize, len: usize) {
    if len == 0 {
        return;
    }
    // SAFETY: the caller's promise; MADV_DONTNEED on private anonymous memory zeroes it.
    let r = unsafe { libc::madvise(start as *mut libc::c_void, len, libc::MADV_DONTNEED) };
    debug_assert_eq!(r, 0);
}
