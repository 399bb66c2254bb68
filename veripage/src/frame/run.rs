//! The bytes that a reader or a writer has left: [`Run`].
use super::io::IoError;
use core::marker::PhantomData;
#[cfg(verus_only)]
use veripage_hw::bytes::Bytes;
use veripage_hw::bytes::Word;
use veripage_hw::Vaddr;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "run.spec.rs"]
mod spec;

/// The bytes at `cursor..end`, borrowed for `'a`.
#[verus_verify]
pub(super) struct Run<'a> {
    pub(super) cursor: Vaddr,
    pub(super) end: Vaddr,
    pub(super) life: PhantomData<&'a u8>,
    #[cfg(verus_keep_ghost_body)]
    pub(super) perm: Tracked<Bytes<'a>>,
}

#[verus_verify]
impl<'a> Run<'a> {
    /// All of `cursor..end`.
    #[verus_spec(r =>
        with Tracked(perm): Tracked<Bytes<'a>>
        requires perm.lo() <= cursor <= end <= perm.hi(),
        ensures r.left() == end - cursor, r.perm() == perm,
        no_unwind
    )]
    #[inline(always)]
    pub(super) fn make(cursor: Vaddr, end: Vaddr) -> Self {
        proof_with! { perm: Tracked(perm) }
        Run {
            cursor,
            end,
            life: PhantomData,
        }
    }

    /// Number of bytes.
    #[verus_spec(r => ensures r == self.left(), no_unwind)]
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        proof! { use_type_invariant(self); }
        self.end - self.cursor
    }

    /// Virtual address of the first byte.
    #[verus_spec(r => ensures r == self.at(), no_unwind)]
    #[inline(always)]
    pub(super) fn cursor(&self) -> Vaddr {
        self.cursor
    }

    /// Are there `n` bytes?
    ///
    /// # Errors
    /// `InvalidArgs` if there are fewer.
    #[verus_spec(r => ensures r is Ok <==> n <= self.left(), no_unwind)]
    #[inline(always)]
    pub(super) fn check(&self, n: usize) -> Result<(), IoError> {
        if n > self.len() {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len: n,
            });
        }
        Ok(())
    }

    /// Is there a whole, aligned word?
    ///
    /// # Errors
    /// `InvalidArgs` if not.
    #[verus_spec(r =>
        ensures r is Ok ==> self.left() >= W::SIZE && self.at() as int % W::SIZE as int == 0,
    )]
    #[inline(always)]
    pub(super) fn check_word<W: Word>(&self) -> Result<(), IoError> {
        proof! { W::sized(); }
        if self.len() < W::SIZE || self.cursor % W::SIZE != 0 {
            return Err(IoError::InvalidArgs {
                addr: self.cursor,
                len: W::SIZE,
            });
        }
        Ok(())
    }

    /// Passes over `n` bytes that are there.
    #[verus_spec(
        requires n <= old(self).left(),
        ensures final(self).left() == old(self).left() - n, final(self).perm() == old(self).perm(),
        no_unwind
    )]
    #[inline(always)]
    pub(super) fn pass(&mut self, n: usize) {
        proof! { use_type_invariant(&*self); }
        self.cursor += n;
    }

    /// Passes over `n` bytes.
    ///
    /// # Errors
    /// `InvalidArgs` if there are fewer; then nothing is passed over.
    #[verus_spec(r =>
        ensures
            r is Ok <==> n <= old(self).left(), final(self).perm() == old(self).perm(),
            final(self).left() == if n <= old(self).left() { old(self).left() - n } else { old(self).left() as int },
        no_unwind
    )]
    #[inline(always)]
    pub(super) fn skip(&mut self, n: usize) -> Result<(), IoError> {
        let r = self.check(n);
        if let Ok(()) = r {
            self.pass(n);
        }
        r
    }

    /// Leaves at most the first `max` bytes.
    #[verus_spec(
        ensures
            final(self).left() == if max <= old(self).left() { max as int } else { old(self).left() as int },
            final(self).perm() == old(self).perm(),
        no_unwind
    )]
    #[inline(always)]
    pub(super) fn limit(&mut self, max: usize) {
        proof! { use_type_invariant(&*self); }
        if max < self.len() {
            self.end = self.cursor + max;
        }
    }
}
