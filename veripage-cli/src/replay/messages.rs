//! Findings in words.
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Findings that are kept word by word; the rest is only counted.
const KEPT: usize = 20;

/// Messages of one kind: all are counted, the first few are kept.
#[derive(Debug, Default)]
pub struct Messages {
    count: AtomicU64,
    kept: Mutex<Vec<String>>,
}

impl Messages {
    /// Adds a message.
    pub fn add(&self, message: impl FnOnce() -> String) {
        if self.count.fetch_add(1, Relaxed) < KEPT as u64 {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(message());
        }
    }

    /// Adds the messages of another.
    pub fn append(&self, other: &Messages) {
        let kept = other.kept();
        let unkept = other.count() - kept.len() as u64;
        kept.into_iter().for_each(|m| self.add(|| m));
        self.count.fetch_add(unkept, Relaxed);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// The first few.
    pub fn kept(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }
}
