//! Grace periods: each CPU shows the epoch in which its outermost read section began.
//!
//! The word of a CPU is that epoch, shifted by 16, and the depth of nesting. A stamp starts a new
//! epoch; it has passed when each CPU is in no section or in one that began in that epoch or later.
use crate::state::{pause, State};
use crate::Violation;
use std::sync::atomic::Ordering::*;

impl State {
    /// See `Platform::rcu_enter`.
    pub fn rcu_enter(&self) {
        let word = &self.me().1.rcu;
        let enter = |w: u64| match w & 0xffff {
            0 => Some(self.epoch.load(SeqCst) << 16 | 1),
            0xffff => None,
            _ => Some(w + 1),
        };
        // Sequentially consistent, against `rcu_stamp`: either the stamp sees this section, or
        // what was unlinked before the stamp is not found in it.
        while word.fetch_update(SeqCst, SeqCst, enter).is_err() {
            pause(0);
        }
    }

    /// See `Platform::rcu_exit`.
    pub fn rcu_exit(&self) {
        let (n, cpu) = self.me();
        let exit = |w: u64| (w & 0xffff != 0).then(|| w - 1);
        match cpu.rcu.fetch_update(SeqCst, SeqCst, exit) {
            Ok(w) if w & 0xffff == 1 => self.serve(cpu),
            Ok(_) => {}
            Err(_) => self.report(Violation::RcuUnbalanced { cpu: n }),
        }
    }

    /// See `Platform::rcu_stamp`.
    pub fn rcu_stamp(&self) -> u64 {
        self.epoch.fetch_add(1, SeqCst) + 1
    }

    /// See `Platform::rcu_passed`.
    pub fn rcu_passed(&self, stamp: u64) -> bool {
        self.cpus().iter().all(|c| {
            let w = c.rcu.load(SeqCst);
            w & 0xffff == 0 || w >> 16 >= stamp
        })
    }
}
