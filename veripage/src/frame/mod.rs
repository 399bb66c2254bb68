//! Page frames: who has them, what they are used for, and access to plain memory.
//!
//! Each frame has a 32-byte [`MetaSlot`] in a static array: a reference count, two bytes for
//! page-table nodes, two that say which list it is in, and up to 16 bytes of typed metadata. A frame
//! is *unused* (the machine's allocator may hand it out), *unique* (one owner has all of it), or
//! *shared* by a number of shares, each of which is a handle, a page-table mapping or a part of a
//! segment:
//! `rc == handles + mappings + covers` is the invariant of a slot.
//! ```text
//!   0        4     5     6       8            16                      32
//!   | count  |lock |live | seat  | type word  | metadata              |
//! ```
//! ```
//! use veripage::frame::{FrameAllocOptions, UFrame};
//! use veripage_sim::{Config, Machine, Sim};
//!
//! let machine = Machine::<9>::boot(Config::with_ram(1 << 20))?;
//! let ram = machine.ram();
//! // SAFETY: once, before anybody uses frames.
//! unsafe { veripage::frame::boot::<Sim<9>>(ram[0].start..ram[1].end) };
//!
//! let frame: UFrame<Sim<9>> = FrameAllocOptions::new().alloc_frame().expect("there is RAM");
//! let other = frame.clone();
//! frame.write_val(16, &0x1234_u32).expect("it lies in the frame");
//! assert_eq!(other.read_val::<u32>(16), Ok(0x1234));
//! assert_eq!(frame.reference_count(), 2);
//! # drop((frame, other));
//! # assert_eq!(machine.stats().allocated, 0);
//! # Ok::<(), veripage_sim::SimError>(())
//! ```
//! What this module may touch: the slots, by `veripage_hw::count` and `veripage_hw::meta`, and the
//! bytes of frames, by `veripage_hw::bytes`.
mod alloc;
mod boot;
mod display;
mod error;
mod io;
mod kind;
pub mod list;
#[cfg(all(test, feature = "loom"))]
pub(crate) mod loom_tests;
mod run;
mod seat;
pub(crate) mod segment;
pub(crate) mod shared;
pub(crate) mod slot;
#[cfg(verus_only)]
#[allow(non_snake_case)] // the macro names the module after the machine
pub mod sm;
#[cfg(verus_only)]
pub mod theorem;
#[doc(hidden)] // a client for the checker and the tests
pub mod tour;
mod unique;
mod untyped;

pub use alloc::FrameAllocOptions;
pub use boot::boot;
pub use error::{AllocError, GetFrameError, ListError};
pub use io::{IoError, VmReader, VmWriter};
pub use kind::{AnyMeta, AnyUFrameMeta, FrameKind, UntypedKind, UntypedMeta};
pub use list::{Link, LinkedList};
pub use segment::{DynSegment, Segment, USegment};
pub use shared::{DynFrame, DynUFrame, Frame, FrameRef, UFrame};
pub(crate) use slot::slot_of;
pub use slot::MetaSlot;
pub use unique::UniqueFrame;
pub use veripage_hw::bytes::Pod;
pub use veripage_hw::meta::FrameMeta;
