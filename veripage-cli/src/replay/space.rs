//! PLACEHOLDER until VmSpace is there.
use super::region::{Prot, PAGE};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Why an operation could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No frame was left.
    #[error("out of simulated memory")]
    NoMemory,
    /// bad range
    #[error(transparent)]
    Range(#[from] super::region::RangeError),
}

/// A frame.
#[derive(Clone, Debug)]
pub struct Page(Arc<AtomicU64>);
impl Page {
    /// new
    pub fn filled(first: u64) -> Result<Page, Trouble> {
        Ok(Page(Arc::new(AtomicU64::new(first))))
    }
    /// set
    pub fn write_first(&self, w: u64) {
        self.0.store(w, Relaxed)
    }
    /// copy
    pub fn copy(&self) -> Result<Page, Trouble> {
        Page::filled(self.0.load(Relaxed))
    }
    /// rc
    pub fn references(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

/// space
#[derive(Debug, Default)]
pub struct Space {
    m: Mutex<BTreeMap<usize, (Page, Prot)>>,
}

impl Space {
    /// new
    pub fn new() -> Result<Space, Trouble> {
        Ok(Space::default())
    }
    /// activate
    pub fn activate(&self) {}
    /// map
    pub fn map(&self, va: usize, page: Page, prot: Prot) -> Result<(), Trouble> {
        let old = self.m.lock().unwrap().insert(va, (page, prot));
        assert!(old.is_none());
        Ok(())
    }
    /// replace
    pub fn replace(&self, va: usize, page: Page, prot: Prot) -> Result<(), Trouble> {
        let old = self.m.lock().unwrap().insert(va, (page, prot));
        assert!(old.is_some());
        Ok(())
    }
    /// unmap
    pub fn unmap(&self, range: Range<usize>) -> Result<usize, Trouble> {
        let mut m = self.m.lock().unwrap();
        let k: Vec<usize> = m.range(range).map(|x| *x.0).collect();
        k.iter().for_each(|k| drop(m.remove(k)));
        Ok(k.len())
    }
    /// protect
    pub fn protect(&self, range: Range<usize>, f: impl Fn(Prot) -> Prot) -> Result<(), Trouble> {
        for (_, e) in self.m.lock().unwrap().range_mut(range) {
            e.1 = f(e.1);
        }
        Ok(())
    }
    /// query
    pub fn query(&self, va: usize) -> Result<Option<(Page, Prot)>, Trouble> {
        Ok(self.m.lock().unwrap().get(&va).cloned())
    }
    /// mapped
    pub fn mapped(&self, range: Range<usize>) -> Result<Vec<(usize, Page, Prot)>, Trouble> {
        let m = self.m.lock().unwrap();
        Ok(m.range(range)
            .map(|(v, (p, r))| (*v, p.clone(), *r))
            .collect())
    }
    /// access
    pub fn access(&self, va: usize, how: Prot, word: u64) -> Option<u64> {
        let m = self.m.lock().unwrap();
        let (p, r) = m.get(&(va & !(PAGE - 1)))?;
        if !r.allows(how) {
            return None;
        }
        if how == Prot::WRITE {
            p.write_first(word);
        }
        Some(p.0.load(Relaxed))
    }
}
