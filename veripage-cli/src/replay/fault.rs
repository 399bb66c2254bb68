//! Accesses of a replayed program, and the page faults that they meet.
//!
//! An access goes through the simulated CPU and its TLB. Where the CPU refuses, the fault handler
//! looks at the region map: it maps a page, copies a shared one, widens a permission, or refuses as
//! Linux would with a signal. Every page that is read must hold what was last written there: its
//! first word is checked.
use super::kernel::Trouble;
use super::object::stamp;
use super::page::Page;
use super::process::Process;
use super::region::{pages, Backing, ObjectId, Prot, Region, Role, PAGE, USER_END};
use super::world::Touch;
use crate::trace::Access;
use std::ops::Range;

/// Most pages that a single call has touched under `Touch::All`.
pub const TOUCHED_PER_CALL: usize = 512;
/// Most pages that a call populates by itself (`MAP_POPULATE`) under `Touch::Logged`: 1 GiB.
const POPULATED_PER_CALL: usize = 1 << 18;
/// Most pages that a thread on another CPU looks at after a call.
const LOOKED_AT_PER_CALL: usize = 16;
/// Most pages that each side writes after a fork.
const TOUCHED_PER_FORK: usize = 32;
/// How far below its start a stack grows at once, as Linux allows by default (the stack's limit).
const STACK_GROWTH: usize = 8 << 20;
/// Faults that one access may meet before something must be wrong: absent, then shared, then stale.
const FAULTS_PER_ACCESS: usize = 6;

impl Process<'_> {
    /// Touches the pages that a call made accessible, if the policy says so.
    pub(super) fn touch_new(&mut self, range: Range<usize>) -> Result<(), Trouble> {
        match self.world.touch {
            Touch::All => self.touch_sample(range, TOUCHED_PER_CALL),
            Touch::Logged | Touch::None => Ok(()),
        }
    }

    /// Reads pages that have moved, if the policy is to touch them: they must hold what they held.
    pub(super) fn read_again(&mut self, range: Range<usize>) -> Result<(), Trouble> {
        if self.world.touch != Touch::All {
            return Ok(());
        }
        for (part, region) in self.regions.within(range) {
            if region.effective() != Prot::NONE {
                for at in sample(part, TOUCHED_PER_CALL) {
                    self.must_reach(at, Prot::READ)?;
                }
            }
        }
        Ok(())
    }

    /// A thread on another CPU than the one that made a call looks at some pages of its range: it must
    /// read what it may read, and get at nothing else, whatever its CPU's TLB knew.
    ///
    /// # Errors
    /// `NoMemory`.
    pub fn look(&mut self, range: Range<usize>) -> Result<(), Trouble> {
        if self.world.touch != Touch::All {
            return Ok(());
        }
        for at in sample(range, LOOKED_AT_PER_CALL) {
            let region = self.regions.find(at).map(|(_, r)| r.effective());
            match region.unwrap_or(Prot::NONE) {
                Prot::NONE => self.must_refuse(at..at + PAGE, Prot::READ),
                allowed => {
                    self.must_reach(at, Prot::READ)?;
                    if !allowed.allows(Prot::WRITE) {
                        self.must_refuse(at..at + PAGE, Prot::WRITE);
                    }
                }
            }
        }
        Ok(())
    }

    /// Touches what a call populates by itself, unless nothing is to be touched.
    pub(super) fn populate_all(&mut self, range: Range<usize>) -> Result<(), Trouble> {
        match self.world.touch {
            Touch::All => self.touch_sample(range, TOUCHED_PER_CALL),
            Touch::Logged => self.touch_sample(range, POPULATED_PER_CALL),
            Touch::None => Ok(()),
        }
    }

    /// After a fork, both sides write some of the pages that they share.
    ///
    /// # Errors
    /// `NoMemory`; what the page tables answer to a query.
    pub fn touch_after_fork(&mut self) -> Result<(), Trouble> {
        if self.world.touch != Touch::All {
            return Ok(());
        }
        let mut left = TOUCHED_PER_FORK;
        let parts: Vec<_> = self.regions.iter().collect();
        for (part, region) in parts {
            let private = !matches!(region.backing, Backing::Shared(_));
            if left == 0 || !private || !region.effective().allows(Prot::WRITE) {
                continue;
            }
            for (at, _, _) in self.space.mapped(part)?.into_iter().take(left) {
                left -= 1;
                self.must_reach(at, Prot::READ)?;
                self.must_reach(at, Prot::WRITE)?;
            }
        }
        Ok(())
    }

    /// Does what the program did when Linux served this fault.
    pub(super) fn logged_fault(
        &mut self,
        at: usize,
        access: Option<Access>,
    ) -> Result<(), Trouble> {
        if self.world.touch == Touch::None {
            return Ok(());
        }
        let page = pages(at & !(PAGE - 1), 1)?;
        let known = self.regions.find(at).map(|(_, r)| r);
        let how = match access {
            Some(Access::Read) => Prot::READ,
            Some(Access::Write) => Prot::WRITE,
            Some(Access::Exec) => Prot::EXEC,
            None => strongest(known.map_or(Prot::READ, |r| r.effective())),
        };
        match known {
            None if self.stack_above(at).is_some() => {}
            None => self.regions.map(page, Region::anon(how, Role::Unseen)),
            Some(r) if r.role == Role::Unseen => {
                self.regions.update(page, |r| r.prot = r.prot.or(how));
            }
            Some(_) => {}
        }
        if !self.access(at, how)? {
            self.contradiction(|| format!("Linux served a fault at {at:#x} ({how})"));
        }
        Ok(())
    }

    /// The program tries `how` at the first and the last page of `range`; it must not get through.
    pub(super) fn must_refuse(&mut self, range: Range<usize>, how: Prot) {
        if self.world.touch == Touch::None {
            return;
        }
        for at in [range.start, range.end - PAGE] {
            if self.space.access(at, how, 0).is_some() {
                self.broken(|| format!("{how} at {at:#x} went through and must not"));
            }
        }
    }

    fn touch_sample(&mut self, range: Range<usize>, most: usize) -> Result<(), Trouble> {
        for (part, region) in self.regions.within(range) {
            let allowed = region.effective();
            if allowed == Prot::NONE {
                continue;
            }
            let how = strongest(allowed);
            for (i, at) in sample(part, most).enumerate() {
                // Every fourth page is read before it is written, as fresh memory often is.
                if how == Prot::WRITE && i % 4 == 0 {
                    self.must_reach(at, Prot::READ)?;
                }
                self.must_reach(at, how)?;
            }
        }
        Ok(())
    }

    fn must_reach(&mut self, at: usize, how: Prot) -> Result<(), Trouble> {
        if !self.access(at, how)? {
            self.broken(|| format!("{how} at {at:#x} was refused and must not"));
        }
        Ok(())
    }

    /// The program accesses the first word of the page of `at`. Answers whether it was let.
    fn access(&mut self, at: usize, how: Prot) -> Result<bool, Trouble> {
        let at = at & !(PAGE - 1);
        let word = match self.regions.find(at) {
            Some((range, region)) => match region.backing {
                Backing::Shared(id) => stamp(id, region.offset_at(at - range.start)),
                Backing::Anon | Backing::Private(_) => self.world.word(),
            },
            None => self.world.word(),
        };
        for _ in 0..FAULTS_PER_ACCESS {
            if let Some(got) = self.space.access(at, how, word) {
                self.check(at, how, word, got);
                return Ok(true);
            }
            if !self.fault(at, how)? {
                return Ok(false);
            }
        }
        self.broken(|| format!("{how} at {at:#x} faults again and again"));
        Ok(true)
    }

    /// Every page that is mapped must hold what was last written there, and every page that was
    /// written must still be there.
    ///
    /// # Errors
    /// What the page tables answer to a query; none is expected.
    pub fn check_contents(&self) -> Result<(), Trouble> {
        let mut written = self.words.keys().copied().peekable();
        for (at, page, _) in self.space.mapped(0..USER_END)? {
            while let Some(lost) = written.next_if(|&w| w < at) {
                self.broken(|| format!("what was written at {lost:#x} is gone"));
            }
            written.next_if_eq(&at);
            let got = page.first()?;
            if !self.may_hold(at, got) {
                self.broken(|| format!("{at:#x} holds {got:#x}, which was not written there"));
            }
        }
        for lost in written {
            self.broken(|| format!("what was written at {lost:#x} is gone"));
        }
        Ok(())
    }

    /// The access `how` at `at` went through and found `got` there; a store put `word` there.
    fn check(&mut self, at: usize, how: Prot, word: u64, got: u64) {
        let right = if how == Prot::WRITE {
            got == word
        } else {
            self.may_hold(at, got)
        };
        if !right {
            self.broken(|| format!("{how} at {at:#x} found {got:#x}, which was not written there"));
        }
        let private = |r: Region| !matches!(r.backing, Backing::Shared(_));
        if how == Prot::WRITE && self.regions.find(at).is_some_and(|(_, r)| private(r)) {
            self.words.insert(at, word);
        }
    }

    /// Could the first word of the page `at` be `word`?
    fn may_hold(&self, at: usize, word: u64) -> bool {
        let Some((range, region)) = self.regions.find(at) else {
            return false;
        };
        let offset = region.offset_at(at - range.start);
        match (region.backing, self.words.get(&at)) {
            (Backing::Shared(id), _) | (Backing::Private(id), None) => self.holds(id, offset, word),
            (_, Some(&written)) => word == written,
            (Backing::Anon, None) => word == 0,
        }
    }

    fn holds(&self, id: ObjectId, offset: u64, word: u64) -> bool {
        self.objects
            .get(&id)
            .is_some_and(|o| o.may_hold(offset, word))
    }

    /// The page-fault handler: makes `how` at the page `at` possible, or refuses.
    fn fault(&mut self, at: usize, how: Prot) -> Result<bool, Trouble> {
        if self.regions.find(at).is_none() {
            if let Some((stack, region)) = self.stack_above(at) {
                self.regions.map(at..stack.start, region);
            }
        }
        let Some((range, region)) = self.regions.find(at) else {
            return Ok(false);
        };
        if !region.effective().allows(how) {
            return Ok(false);
        }
        self.world.served();
        match self.space.query(at)? {
            Some((page, now)) => self.widen(at, region, page, now, how)?,
            None => self.populate(at, region, at - range.start, how)?,
        }
        Ok(true)
    }

    /// Maps a page where none is.
    fn populate(
        &mut self,
        at: usize,
        region: Region,
        skip: usize,
        how: Prot,
    ) -> Result<(), Trouble> {
        let allowed = region.effective();
        let guarded = allowed.without(Prot::WRITE);
        let write = how == Prot::WRITE;
        let (page, allowed) = match region.backing {
            Backing::Shared(id) => (self.cached(id, region.offset_at(skip))?, allowed),
            Backing::Private(id) if write => {
                (self.cached(id, region.offset_at(skip))?.copy()?, allowed)
            }
            Backing::Private(id) => (self.cached(id, region.offset_at(skip))?, guarded),
            Backing::Anon if write => (Page::filled(0)?, allowed),
            Backing::Anon => (self.world.zero.clone(), guarded),
        };
        self.map(at, page, allowed)
    }

    /// Allows more where a page is mapped; copies it first if others have it and it is private.
    fn widen(
        &mut self,
        at: usize,
        region: Region,
        page: Page,
        now: Prot,
        how: Prot,
    ) -> Result<(), Trouble> {
        let allowed = region.effective();
        let private = !matches!(region.backing, Backing::Shared(_));
        // The page table's own reference and the one in `page`.
        let alone = page.references() == 2;
        if how == Prot::WRITE && private && !alone {
            return self.space.replace(at, page.copy()?, allowed);
        }
        let keep = !private || how == Prot::WRITE || now.allows(Prot::WRITE);
        let allowed = if keep {
            allowed
        } else {
            allowed.without(Prot::WRITE)
        };
        self.space.protect(at..at + PAGE, |_| allowed)
    }

    fn cached(&self, id: ObjectId, offset: u64) -> Result<Page, Trouble> {
        match self.objects.get(&id) {
            Some(object) => object.page(offset),
            None => Page::filled(stamp(id, offset)),
        }
    }

    /// The stack that an access at `at` would grow: the next region above, if it is one and near.
    fn stack_above(&self, at: usize) -> Option<(Range<usize>, Region)> {
        let near = at..at.checked_add(STACK_GROWTH)?;
        let (first, region) = self.regions.within(near).into_iter().next()?;
        (first.start > at && region.role == Role::Stack).then_some((first, region))
    }

    fn broken(&self, what: impl FnOnce() -> String) {
        let line = self.line;
        self.world.broken.add(|| format!("line {line}: {}", what()));
    }
}

/// At most `most` pages of `range`, evenly spread, the first among them.
fn sample(range: Range<usize>, most: usize) -> impl Iterator<Item = usize> {
    let count = (range.end - range.start) / PAGE;
    range.step_by(count.div_ceil(most).max(1) * PAGE)
}

/// The one access that asks most of a page with these permissions.
fn strongest(allowed: Prot) -> Prot {
    [Prot::WRITE, Prot::READ, Prot::EXEC]
        .into_iter()
        .find(|&how| allowed.allows(how))
        .unwrap_or(Prot::READ)
}
