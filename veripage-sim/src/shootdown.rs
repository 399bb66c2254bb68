//! Flushes: requests to other CPUs, and waiting for them.
use crate::cpu::lock;
use crate::cpu::{Cpu, Request};
use crate::state::{pause, State};
use crate::tlb::Tlb;
use crate::Violation;
use std::cell::Cell;
use std::sync::atomic::Ordering::*;
use veripage_hw::{CpuSet, FlushOp, Paddr};

/// Turns of a wait after which a CPU that does not serve its mailbox is interrupted from outside.
const PATIENCE: usize = 64;

thread_local! {
    static SPINS: Cell<usize> = const { Cell::new(0) };
}

impl State {
    /// See `Platform::flush`.
    pub fn flush(&self, cpus: CpuSet, op: &FlushOp) -> u64 {
        let ticket = self.tickets.fetch_add(1, SeqCst) + 1;
        let (me, _) = self.me();
        self.counters.flushes.fetch_add(1, Relaxed);
        for (n, cpu) in self.cpus().iter().enumerate() {
            if n >= 64 || cpus.0 >> n & 1 == 0 {
                continue;
            }
            let op = op.clone();
            cpu.post(Request { ticket, op });
            if n == me || !cpu.awake.load(SeqCst) {
                self.serve(cpu);
            } else {
                self.counters.messages.fetch_add(1, Relaxed);
            }
        }
        ticket
    }

    /// See `Platform::flush_wait`. Serves the own mailbox meanwhile. A CPU whose thread has not
    /// come by for long is interrupted, as a real one would be: its thread may be waiting for us.
    pub fn flush_wait(&self, ticket: u64) {
        let (_, me) = self.me();
        for cpu in self.cpus() {
            let mut turns = 0;
            while cpu.awaits(ticket) {
                self.serve(me);
                turns += 1;
                if turns > PATIENCE || !cpu.awake.load(SeqCst) {
                    self.serve(cpu);
                } else {
                    pause(turns);
                }
            }
        }
    }

    /// Carries out what is in the CPU's mailbox, between two of its accesses.
    pub fn serve(&self, cpu: &Cpu) {
        if cpu.has_mail() {
            self.serve_locked(cpu, &mut lock(&cpu.tlb));
        }
    }

    /// `serve` when the TLB is locked already.
    pub fn serve_locked(&self, cpu: &Cpu, tlb: &mut Tlb) {
        while let Some(op) = cpu.oldest() {
            match op {
                FlushOp::Range(range) => tlb.forget_range(&range, &self.holds),
                FlushOp::All => tlb.forget_all(&self.holds),
                FlushOp::LeaveRoot(old, new) => {
                    tlb.forget_all(&self.holds);
                    if cpu.root() == Some(old) {
                        cpu.set_root(tlb, Some(new));
                    }
                }
            }
            cpu.carried_out();
        }
    }

    /// See `Platform::load_root`.
    pub fn load_root(&self, root: Paddr) {
        let (n, cpu) = self.me();
        if !self.is_ram(root) || !self.table.is_allocated(root) {
            self.report(Violation::BadRoot { cpu: n, root });
        }
        let mut tlb = lock(&cpu.tlb);
        self.serve_locked(cpu, &mut tlb);
        tlb.forget_local(&self.holds);
        cpu.set_root(&mut tlb, Some(root));
    }

    /// See `Platform::relax`.
    pub fn relax(&self) {
        self.serve(self.me().1);
        SPINS.set(SPINS.get().wrapping_add(1));
        pause(SPINS.get());
    }
}
