//! Getting frames from the machine: [`FrameAllocOptions`].
use super::error::*;
use super::kind::*;
use super::segment::*;
use super::shared::*;
use super::unique::*;
use core::marker::PhantomData;
use veripage_hw::meta::FrameMeta;
use veripage_hw::{Paddr, Platform, PAGE_SIZE};
use vstd::prelude::*;

/// How frames are to be allocated: zeroed (the default), and aligned.
#[verus_verify]
pub struct FrameAllocOptions<P: Platform> {
    zeroed: bool,
    align: usize,
    platform: PhantomData<P>,
}

impl<P: Platform> Default for FrameAllocOptions<P> {
    fn default() -> Self {
        Self::new()
    }
}

#[verus_verify]
impl<P: Platform> FrameAllocOptions<P> {
    /// Zeroed frames at any multiple of 4096.
    #[verus_spec]
    pub fn new() -> Self {
        FrameAllocOptions {
            zeroed: true,
            align: PAGE_SIZE,
            platform: PhantomData,
        }
    }

    /// Are the frames filled with zeroes?
    #[verus_spec]
    pub fn zeroed(self, zeroed: bool) -> Self {
        FrameAllocOptions {
            zeroed,
            align: self.align,
            platform: PhantomData,
        }
    }

    /// Segments start at a multiple of `align` bytes, a power of two of at least 4096 (as huge pages
    /// need).
    #[verus_spec]
    pub fn align(self, align: usize) -> Self {
        FrameAllocOptions {
            zeroed: self.zeroed,
            align,
            platform: PhantomData,
        }
    }

    /// One frame of plain memory.
    ///
    /// # Errors
    /// `NoMemory`, `InvalidArgs`, or `Frame` if the machine handed out a frame in use.
    #[verus_spec]
    pub fn alloc_frame(&self) -> Result<UFrame<P>, AllocError> {
        self.alloc_frame_with(UntypedMeta)
    }

    /// One frame with the metadata `meta`.
    ///
    /// # Errors
    /// As `alloc_frame`.
    #[verus_spec(r => ensures r matches Ok(f) ==> f.meta_spec() == meta)]
    pub fn alloc_frame_with<M: FrameMeta>(&self, meta: M) -> Result<Frame<P, M>, AllocError> {
        match self.alloc_unique(meta) {
            Ok(u) => Ok(u.into_shared()),
            Err(e) => Err(e),
        }
    }

    /// One frame that the caller owns exclusively.
    ///
    /// # Errors
    /// As `alloc_frame`.
    #[verus_spec(r => ensures r matches Ok(f) ==> f.meta_spec() == meta)]
    pub fn alloc_unique<M: FrameMeta>(&self, meta: M) -> Result<UniqueFrame<P, M>, AllocError> {
        let pa = self.alloc_run(1)?;
        match UniqueFrame::from_unused(pa, meta) {
            Err(e) => Err(AllocError::Frame(e)),
            Ok(mut u) => {
                if self.zeroed {
                    u.zero();
                }
                Ok(u)
            }
        }
    }

    /// `n` contiguous frames of plain memory.
    ///
    /// # Errors
    /// As `alloc_frame`.
    #[verus_spec(r => ensures r matches Ok(s) ==> s.end() - s.start() == n * 4096)]
    pub fn alloc_segment(&self, n: usize) -> Result<USegment<P>, AllocError> {
        let start = self.alloc_run(n)?;
        let range = start..start + n * PAGE_SIZE;
        match Segment::from_unused(range, |_pa: Paddr| UntypedMeta) {
            Err(e) => Err(AllocError::Frame(e)),
            Ok(s) => {
                if self.zeroed {
                    s.zero();
                }
                Ok(s)
            }
        }
    }

    /// Asks the machine for `n` frames.
    #[verus_spec(r =>
        ensures r matches Ok(pa) ==> n >= 1 && pa as int % 4096 == 0 && pa + n * 4096 <= P::MAX_PADDR,
    )]
    fn alloc_run(&self, n: usize) -> Result<Paddr, AllocError> {
        if n == 0 || n > P::MAX_PADDR / PAGE_SIZE {
            return Err(AllocError::InvalidArgs);
        }
        if self.align < PAGE_SIZE || self.align & (self.align - 1) != 0 {
            return Err(AllocError::InvalidArgs);
        }
        let pa = match P::alloc_frames(n, self.align) {
            None => return Err(AllocError::NoMemory),
            Some(pa) => pa,
        };
        if pa % PAGE_SIZE != 0 {
            return Err(AllocError::Frame(GetFrameError::NotAligned(pa)));
        }
        if pa > P::MAX_PADDR - n * PAGE_SIZE {
            return Err(AllocError::Frame(GetFrameError::OutOfBound(pa)));
        }
        Ok(pa)
    }
}
