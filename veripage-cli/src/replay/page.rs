//! Pages that replayed programs see.
use super::kernel::{Trouble, P};
use veripage::frame::{FrameAllocOptions, UFrame};
use veripage::Paddr;

/// A handle on a frame of memory that programs see.
#[derive(Clone)]
pub struct Page(pub(super) UFrame<P>);

impl Page {
    /// A fresh frame: `first`, then zeroes.
    ///
    /// # Errors
    /// `NoMemory`.
    pub fn filled(first: u64) -> Result<Page, Trouble> {
        let page = Page(FrameAllocOptions::new().alloc_frame()?);
        if first != 0 {
            page.write_first(first)?;
        }
        Ok(page)
    }

    /// A fresh frame with the same contents.
    ///
    /// # Errors
    /// `NoMemory`.
    pub fn copy(&self) -> Result<Page, Trouble> {
        let copy = FrameAllocOptions::new().zeroed(false).alloc_frame()?;
        copy.writer().write(&mut self.0.reader());
        Ok(Page(copy))
    }

    /// The first word.
    ///
    /// # Errors
    /// None is expected.
    pub fn first(&self) -> Result<u64, Trouble> {
        let read = self.0.read_val(0);
        read.map_err(|e| Trouble::Io(self.paddr(), e))
    }

    /// Writes the first word.
    ///
    /// # Errors
    /// None is expected.
    pub fn write_first(&self, word: u64) -> Result<(), Trouble> {
        let written = self.0.write_val(0, &word);
        written.map_err(|e| Trouble::Io(self.paddr(), e))
    }

    /// How many handles and mappings the frame has, this one included.
    pub fn references(&self) -> u32 {
        self.0.reference_count()
    }

    /// Where it is.
    pub fn paddr(&self) -> Paddr {
        self.0.start_paddr()
    }
}
