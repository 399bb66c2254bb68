//! The CPUs: root, TLB, mailbox, RCU word; and the messages between them.
use crate::tlb::Tlb;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Mutex, MutexGuard, PoisonError};
use veripage_hw::{FlushOp, Paddr};

/// A flush that a CPU is asked to carry out.
pub(crate) struct Request {
    pub ticket: u64,
    pub op: FlushOp,
}

/// One CPU.
#[derive(Default)]
pub(crate) struct Cpu {
    /// A host thread is this CPU.
    pub taken: AtomicBool,
    /// That thread serves the mailbox itself. A CPU that is not awake is halted: whoever sends it
    /// a request carries it out.
    pub awake: AtomicBool,
    /// Held during every access, so that interrupts come between accesses only.
    pub tlb: Mutex<Tlb>,
    /// Root + 1, or 0; written under `tlb`.
    root: AtomicUsize,
    mailbox: Mutex<VecDeque<Request>>,
    /// Requests in the mailbox, not to take its lock when it is empty.
    waiting: AtomicUsize,
    /// Epoch in which the outermost RCU section began, shifted by 16, and how deep they nest.
    pub rcu: AtomicU64,
}

/// Takes the lock, also after a test has panicked while it held it.
pub(crate) fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cpu {
    /// The root that it has loaded.
    pub fn root(&self) -> Option<Paddr> {
        self.root.load(Acquire).checked_sub(1)
    }

    /// Sets the root; the caller holds `tlb`.
    pub fn set_root(&self, _tlb: &mut Tlb, root: Option<Paddr>) {
        self.root.store(root.map_or(0, |r| r + 1), Release);
    }

    /// Puts a request into the mailbox.
    pub fn post(&self, request: Request) {
        let mut mailbox = lock(&self.mailbox);
        mailbox.push_back(request);
        self.waiting.store(mailbox.len(), SeqCst);
    }

    /// Is something in the mailbox?
    pub fn has_mail(&self) -> bool {
        self.waiting.load(Acquire) != 0
    }

    /// Is a request up to `ticket` still to be carried out?
    pub fn awaits(&self, ticket: u64) -> bool {
        self.has_mail() && lock(&self.mailbox).iter().any(|r| r.ticket <= ticket)
    }

    /// The oldest request, which stays in the mailbox until `carried_out`.
    pub fn oldest(&self) -> Option<FlushOp> {
        lock(&self.mailbox).front().map(|r| r.op.clone())
    }

    /// Takes the oldest request out.
    pub fn carried_out(&self) {
        let mut mailbox = lock(&self.mailbox);
        mailbox.pop_front();
        self.waiting.store(mailbox.len(), SeqCst);
    }

    /// Empties the mailbox.
    pub fn clear_mail(&self) {
        lock(&self.mailbox).clear();
        self.waiting.store(0, SeqCst);
    }
}
