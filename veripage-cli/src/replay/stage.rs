//! What the CPUs of a replay share, and what they do there: one job at a time for a space.
use super::compare::{compare, Comparison};
use super::crew::Turn;
use super::kernel::Trouble;
use super::log::Log;
use super::machine::{Host, Users};
use super::messages::Messages;
use super::outcome::Outcome;
use super::process::Process;
use super::world::{Touch, World};
use crate::trace::Event;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Page-table nodes are counted at the end of each space, and at every line of the log that is a
/// multiple of this.
const COUNT_NODES: u64 = 16;

/// A space as the CPUs know it.
#[derive(Default)]
pub struct Slot<'r> {
    /// The order of its jobs.
    pub turn: Arc<Turn>,
    process: Mutex<Option<Process<'r>>>,
}

impl<'r> Slot<'r> {
    /// The process, alone.
    pub fn lock(&self) -> MutexGuard<'_, Option<Process<'r>>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a job does, to one space.
pub enum Work<'r> {
    /// Makes the space and maps the image of the snapshot.
    Load(Option<usize>),
    /// A call or a fault.
    Call(&'r Event),
    /// Looks from another CPU at what a call was about.
    Look(Range<usize>),
    /// Makes another space as a copy.
    Fork(Arc<Slot<'r>>),
    /// Nothing: the space is there from now.
    Born,
    /// One side of a fork writes some of what it shares.
    Begin,
    /// Compares with the snapshot.
    Compare(usize),
    /// Tears the space down.
    End,
}

/// A job, with the place in the log that it comes from.
pub struct Step<'r> {
    /// The space.
    pub slot: Arc<Slot<'r>>,
    /// Line of the log; 0 behind its end.
    pub line: u64,
    /// The call, as messages name it.
    pub what: &'static str,
    /// What to do.
    pub work: Work<'r>,
}

/// The machine, and all that is found out on it.
pub struct Stage<'r> {
    log: &'r Log,
    host: &'r Host,
    world: Arc<World<'r>>,
    keep_going: bool,
    stop: AtomicBool,
    errors: Messages,
    audits: Messages,
    comparison: Mutex<(u64, Comparison)>,
}

impl<'r> Stage<'r> {
    /// A machine on which nothing has run.
    ///
    /// # Errors
    /// There is not enough memory to begin.
    pub fn new(
        log: &'r Log,
        touch: Touch,
        keep_going: bool,
        host: &'r Host,
    ) -> Result<Stage<'r>, Trouble> {
        Ok(Stage {
            log,
            host,
            world: Arc::new(World::new(touch, host)?),
            keep_going,
            stop: AtomicBool::new(false),
            errors: Messages::default(),
            audits: Messages::default(),
            comparison: Mutex::default(),
        })
    }

    /// The log that is replayed.
    pub fn log(&self) -> &'r Log {
        self.log
    }

    /// Is the replay to end here?
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// Carries out one job on CPU `cpu`. After a stop only teardown is done.
    pub fn run(&self, cpu: usize, step: Step<'r>) {
        if self.is_stopped() && !matches!(step.work, Work::End) {
            return;
        }
        let mut process = step.slot.lock();
        let job = || self.carry_out(&mut process, step.line, step.work);
        let (line, what) = (step.line, step.what);
        let file = &self.log.file;
        match self.host.machine().run(cpu, job) {
            Ok(Ok(())) => {}
            Ok(Err(trouble)) => {
                let goes_on = self.keep_going && matches!(trouble, Trouble::Range(_));
                self.fail(!goes_on, || format!("{file}:{line}: {what}: {trouble}"));
            }
            Err(e) => self.fail(true, || format!("{file}:{line}: {what}: {e}")),
        }
    }

    /// Notes an error of the log as a whole.
    pub fn fail_with(&self, what: impl FnOnce() -> String) {
        self.fail(!self.keep_going, || {
            format!("{}: {}", self.log.file, what())
        });
    }

    fn fail(&self, stop: bool, what: impl FnOnce() -> String) {
        self.errors.add(what);
        if stop {
            self.stop.store(true, Relaxed);
        }
    }

    fn carry_out(
        &self,
        process: &mut Option<Process<'r>>,
        line: u64,
        work: Work<'r>,
    ) -> Result<(), Trouble> {
        match (work, process) {
            (Work::Load(image), process) => {
                let process = process.insert(Process::new(&self.world)?);
                process.at_line(line);
                process.activate();
                let image = image.and_then(|i| self.log.snapshots.get(i));
                process.load(image.map(|s| s.regions.as_slice()))
            }
            (Work::End, process) => self.end(process.take()),
            (_, None) => Ok(()),
            (work, Some(process)) => {
                process.at_line(line);
                process.activate();
                let done = self.go_on(process, work);
                if line % COUNT_NODES == 0 {
                    process.count_nodes();
                }
                done
            }
        }
    }

    /// Tears a space down. What it holds is looked at once more, unless a call broke off in it.
    fn end(&self, process: Option<Process<'r>>) -> Result<(), Trouble> {
        let Some(mut process) = process else {
            return Ok(());
        };
        process.count_nodes();
        if !self.is_stopped() {
            process.check_contents()?;
        }
        process.clear()
    }

    fn go_on(&self, process: &mut Process<'r>, work: Work<'r>) -> Result<(), Trouble> {
        match work {
            Work::Call(event) => process.apply(&event.kind),
            Work::Look(range) => process.look(range),
            Work::Fork(child) => {
                *child.lock() = Some(process.fork()?);
                Ok(())
            }
            Work::Begin => process.touch_after_fork(),
            Work::Compare(snapshot) => {
                let Some(linux) = self.log.snapshots.get(snapshot) else {
                    return Ok(());
                };
                process.check_contents()?;
                let found = compare(process, &linux.regions)?;
                let mut all = self
                    .comparison
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                all.0 += 1;
                all.1.add(&found);
                Ok(())
            }
            Work::Load(_) | Work::Born | Work::End => Ok(()),
        }
    }

    /// Audits the machine; no job may run. `slots` are all spaces.
    pub fn audit(&self, slots: &[Arc<Slot<'r>>]) {
        let guards: Vec<_> = slots.iter().map(|s| s.lock()).collect();
        let mut users = Users::default();
        users.handles.push(self.world.zero.paddr());
        let mut objects = BTreeMap::new();
        for process in guards.iter().filter_map(|g| g.as_ref()) {
            users.roots.push(process.root());
            objects.extend(process.objects());
        }
        for object in objects.values() {
            object.for_each_held(|page| users.handles.push(page.paddr()));
        }
        if let Err(broken) = self.host.audit(&users) {
            self.audits.add(|| broken.to_string());
        }
    }

    /// Adds what was found to the outcome. All spaces must be gone.
    pub fn into_outcome(self, outcome: &mut Outcome) {
        let world = &self.world;
        outcome.faults = world.faults();
        outcome.peak_pages = world.peak() as u64;
        outcome.contradictions = world.contradictions.count();
        outcome.errors = self.errors.count() + self.log.malformed.count();
        outcome.violations = world.broken.count() + self.audits.count();
        let (compared, found) = self
            .comparison
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        outcome.compared = compared;
        outcome.pages_compared = found.pages;
        outcome.different = found.different + found.too_wide;

        let mut findings = Findings::new(&self.log.name);
        findings.plain(&self.log.malformed);
        findings.plain(&self.errors);
        findings.add("violation", &world.broken);
        findings.add("audit", &self.audits);
        findings.add("difference", &found.lines);
        findings.add("contradiction", &world.contradictions);
        outcome.findings = findings.lines;
    }
}

/// Collects messages under the name of the trace.
struct Findings<'n> {
    name: &'n str,
    lines: Vec<String>,
}

impl<'n> Findings<'n> {
    fn new(name: &'n str) -> Self {
        let lines = Vec::new();
        Findings { name, lines }
    }

    /// Messages that name their file themselves.
    fn plain(&mut self, messages: &Messages) {
        self.lines.extend(messages.kept());
        self.more("error", messages);
    }

    /// Messages that name a line of the log at most.
    fn add(&mut self, sort: &str, messages: &Messages) {
        let name = self.name;
        let lines = messages.kept().into_iter();
        self.lines
            .extend(lines.map(|l| format!("{name}: {sort}: {l}")));
        self.more(sort, messages);
    }

    fn more(&mut self, sort: &str, messages: &Messages) {
        let more = messages.count() - messages.kept().len() as u64;
        if more > 0 {
            self.lines
                .push(format!("{}: {sort}: {more} more", self.name));
        }
    }
}
