//! What all processes of one replay share: the touch policy, the counters, and what was found wrong.
use super::kernel::Trouble;
use super::machine::Host;
use super::messages::Messages;
use super::object::Object;
use super::page::Page;
use super::region::ObjectId;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;

/// Which pages a replayed program touches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Touch {
    /// Those that every call makes accessible (at most 512 a call, evenly spread), and those whose
    /// faults the log tells.
    All,
    /// Those whose faults the log tells, and what a call itself populates.
    Logged,
    /// None.
    None,
}

/// State of one replay that its processes share.
pub struct World<'k> {
    /// Which pages are touched.
    pub touch: Touch,
    /// The machine.
    pub host: &'k Host,
    /// The frame behind anonymous memory that was read and never written.
    pub zero: Page,
    /// Calls whose result cannot be true in the space as replayed.
    pub contradictions: Messages,
    /// Accesses that went through and must not, or did not and must, or found wrong contents.
    pub broken: Messages,
    faults: AtomicU64,
    mapped: AtomicUsize,
    peak: AtomicUsize,
    objects: AtomicU64,
    words: AtomicU64,
}

impl<'k> World<'k> {
    /// A world in which nothing has happened.
    ///
    /// # Errors
    /// `NoMemory` if there is no frame for the zero page.
    pub fn new(touch: Touch, host: &'k Host) -> Result<World<'k>, Trouble> {
        Ok(World {
            touch,
            host,
            zero: Page::filled(0)?,
            contradictions: Messages::default(),
            broken: Messages::default(),
            faults: AtomicU64::new(0),
            mapped: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            objects: AtomicU64::new(0),
            words: AtomicU64::new(0),
        })
    }

    /// Counts a fault that a handler served.
    pub fn served(&self) {
        self.faults.fetch_add(1, Relaxed);
    }

    /// Faults served so far.
    pub fn faults(&self) -> u64 {
        self.faults.load(Relaxed)
    }

    /// Counts pages that were mapped.
    pub fn mapped(&self, pages: usize) {
        let now = self.mapped.fetch_add(pages, Relaxed) + pages;
        self.peak.fetch_max(now, Relaxed);
    }

    /// Counts pages that were unmapped.
    pub fn unmapped(&self, pages: usize) {
        self.mapped.fetch_sub(pages, Relaxed);
    }

    /// The most pages that were mapped at a time, over all spaces.
    pub fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    /// A new object.
    pub fn object(&self, zeroed: bool) -> (ObjectId, Arc<Object>) {
        let id = ObjectId(self.objects.fetch_add(1, Relaxed));
        (id, Arc::new(Object::new(id, zeroed)))
    }

    /// A word that no page holds yet; even, so that it is no object's stamp.
    pub fn word(&self) -> u64 {
        2 * (self.words.fetch_add(1, Relaxed) + 1)
    }
}
