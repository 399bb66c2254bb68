//! TLB flushes, and what is known when they are done.
//!
//! A [`FlushLog`] counts the requests of one flusher. Whoever has removed a translation notes the count;
//! a later request for its address, once waited for, is the evidence that no CPU has the translation any
//! more. An earlier one is none, since a CPU may have learned the translation again in between.
use crate::cpu_set::AtomicCpuSet;
use crate::platform::{CpuSet, FlushOp, Platform};
use vstd::prelude::*;
use vstd::resource::ghost_var::GhostVarAuth;
#[cfg(verus_only)]
use vstd::resource::Loc;

/// Whose TLBs may hold what a flusher has flushed.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, Debug)]
pub enum Whom<'s> {
    /// Every CPU of the machine: for what the kernel half maps.
    All,
    /// The CPUs that may have loaded a table.
    Of(&'s AtomicCpuSet),
}

verus! {

/// Does the operation make a CPU forget the translations of address `va`?
pub open spec fn covers(op: FlushOp, va: int) -> bool {
    match op {
        FlushOp::Range(range) => range.start <= va < range.end,
        FlushOp::All | FlushOp::LeaveRoot(..) => true,
    }
}

/// The requests of one flusher, numbered from 0. Only [`ask`] and [`await_all`] change it.
#[allow(dead_code)]
pub tracked struct FlushLog {
    name: GhostVarAuth<()>,
    ghost whom: Option<AtomicCpuSet>,
    ghost now: nat,
    ghost asked: spec_fn(nat, int) -> bool,
    ghost done: nat,
    ghost ticket: u64,
}

impl FlushLog {
    /// Which log this is: no two have the same name.
    pub closed spec fn id(self) -> Loc { self.name.id() }
    /// Its requests went to these CPUs.
    pub closed spec fn asks(self, whom: Whom<'_>) -> bool {
        match whom {
            Whom::All => self.whom is None,
            Whom::Of(set) => self.whom == Some(*set),
        }
    }
    /// How many requests there were.
    pub closed spec fn now(self) -> nat { self.now }
    /// Request `n` was for address `va`, among others.
    pub closed spec fn asked(self, n: nat, va: int) -> bool { (self.asked)(n, va) }
    /// All requests before this number have been carried out, by every CPU that may hold translations.
    pub closed spec fn done(self) -> nat { self.done }
    /// The highest ticket among the requests that were not waited for; 0 if there are none.
    pub closed spec fn ticket(self) -> u64 { self.ticket }

    /// Every translation of `va` that was removed before request `since` is forgotten everywhere.
    pub open spec fn forgotten(self, since: nat, va: int) -> bool {
        exists|n: nat| since <= n < self.done() && self.asked(n, va)
    }
}

} // verus!

/// A log without requests, of requests to `whom`.
#[inline(always)]
#[verus_spec(
    with Ghost(whom): Ghost<Whom<'_>> -> log: Tracked<FlushLog>
    ensures log@.now() == 0, log@.done() == 0, log@.ticket() == 0, log@.asks(whom),
)]
#[allow(clippy::unused_unit)] // what the outputs are attached to
pub fn open_log() {
    proof_decl! {
        let ghost whom = match whom {
            Whom::All => None,
            Whom::Of(set) => Some(*set),
        };
        let tracked (name, _) = GhostVarAuth::new(());
        let tracked log = FlushLog { name, whom, now: 0, asked: |n: nat, va: int| false, done: 0, ticket: 0 };
    }
    proof_with!(|= Tracked(log));
    ()
}

/// Asks every CPU that may hold translations, as far as that is known now, to carry out `op`; the ticket
/// is 0 if there is none. Reason: `Platform::flush`, with the set read after what the caller removed; that
/// every CPU which may hold translations is in the set then is argued in `cpu_set`, and explored there. Test: tlb::a_skipped_flush_is_noticed.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(ticket =>
    with Tracked(log): Tracked<&mut FlushLog>
    requires old(log).asks(whom),
    ensures
        final(log).id() == old(log).id(), final(log).asks(whom),
        final(log).now() == old(log).now() + 1, final(log).done() == old(log).done(),
        final(log).ticket() == if ticket > old(log).ticket() { ticket } else { old(log).ticket() },
        forall|n: nat, va: int| #[trigger] final(log).asked(n, va)
            <==> old(log).asked(n, va) || (n == old(log).now() && covers(op, va)),
)]
pub fn ask<P: Platform>(whom: Whom<'_>, op: FlushOp) -> u64 {
    let cpus = match whom {
        Whom::All => CpuSet(u64::MAX >> (64 - P::NR_CPUS)),
        Whom::Of(set) => set.targets(),
    };
    if cpus.0 == 0 {
        return 0;
    }
    P::flush(cpus, &op)
}

/// Waits until every request up to `ticket` has been carried out. Reason: `Platform::flush_wait`. Test:
/// tlb::a_skipped_flush_is_noticed.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(
    with Tracked(log): Tracked<&mut FlushLog>
    requires old(log).ticket() == ticket,
    ensures
        final(log).id() == old(log).id(),
        forall|whom: Whom<'_>| old(log).asks(whom) ==> #[trigger] final(log).asks(whom),
        final(log).now() == old(log).now(), final(log).done() == old(log).now(),
        final(log).ticket() == 0,
        forall|n: nat, va: int| #[trigger] final(log).asked(n, va) == old(log).asked(n, va),
)]
pub fn await_all<P: Platform>(ticket: u64) {
    if ticket > 0 {
        P::flush_wait(ticket)
    }
}
