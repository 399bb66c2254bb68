//! Replays one log on the simulated machine: hands the events to the CPUs, and takes stock.
//!
//! Every task of the log lives on one simulated CPU, tasks taking turns; threads of one space are
//! therefore on different CPUs. Events of one space happen in the order of the log; those of
//! different spaces may overlap.
use super::crew::{work, Crew, Job, Turn};
use super::log::Log;
use super::machine::{BootError, Host};
use super::outcome::Outcome;
use super::region::pages;
use super::stage::{Slot, Stage, Step, Work};
use super::tasks::{SpaceId, Task, Tasks};
use super::world::Touch;
use crate::trace::{CloneFlags, Event, EventKind, When};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// Events between two reports of progress.
const PROGRESS: usize = 64;

/// When the machine is audited.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Audit {
    /// After every event; events do not overlap then. And whenever `end` audits.
    Every,
    /// Before every comparison, when the log ends, and when everything is torn down.
    End,
    /// Never.
    Off,
}

/// How to replay.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// CPUs of the simulated machine.
    pub cpus: usize,
    /// When to audit.
    pub audit: Audit,
    /// What to touch; by default what the log tells if it tells faults, and everything if not.
    pub touch: Option<Touch>,
    /// Go on after an event that cannot have happened.
    pub keep_going: bool,
    /// RAM of the simulated machine, in bytes.
    pub memory: usize,
}

/// Replays `log`. `progress` is told the number of events handed out, now and then.
///
/// # Errors
/// The machine cannot be made: too many CPUs, or too little memory to begin.
pub fn replay(log: &Log, options: &Options, progress: &dyn Fn(u64)) -> Result<Outcome, BootError> {
    let started = Instant::now();
    let touch = options.touch.unwrap_or(if log.has_faults() {
        Touch::Logged
    } else {
        Touch::All
    });
    let host = Host::boot(options.cpus, options.memory)?;
    let stage = Stage::new(log, touch, options.keep_going, &host)?;
    let (crew, hands) = Crew::new(options.cpus);
    let mut dispatch = Dispatch::new(&stage, options, crew);
    let mut outcome = std::thread::scope(|threads| {
        for (cpu, hand) in hands.into_iter().enumerate() {
            let stage = &stage;
            threads.spawn(move || work(hand, |step| stage.run(cpu, step)));
        }
        dispatch.replay(progress);
        dispatch.end();
        // The queues close with the dispatcher, and the threads end.
        dispatch.outcome
    });
    outcome.name = log.name.clone();
    stage.into_outcome(&mut outcome);
    host.into_outcome(&mut outcome);
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// The dispatcher: it knows who lives where, and gives each event to the right CPU.
struct Dispatch<'s, 'r> {
    stage: &'s Stage<'r>,
    audit: Audit,
    crew: Crew<Step<'r>>,
    tasks: Tasks,
    spaces: HashMap<SpaceId, Given<'r>>,
    outcome: Outcome,
    used: Vec<usize>,
}

/// A space, and how many jobs it was given.
struct Given<'r> {
    slot: Arc<Slot<'r>>,
    jobs: u64,
}

impl<'s, 'r> Dispatch<'s, 'r> {
    fn new(stage: &'s Stage<'r>, options: &Options, crew: Crew<Step<'r>>) -> Self {
        Dispatch {
            stage,
            audit: options.audit,
            crew,
            tasks: Tasks::new(options.cpus),
            spaces: HashMap::new(),
            outcome: Outcome::default(),
            used: Vec::new(),
        }
    }

    /// Hands out every event, until something stops the replay.
    fn replay(&mut self, progress: &dyn Fn(u64)) {
        let log = self.stage.log();
        for (i, event) in log.events.iter().enumerate() {
            if self.stage.is_stopped() {
                return;
            }
            self.count(&event.kind);
            self.event(event);
            if self.audit == Audit::Every {
                self.take_stock();
            }
            if i % PROGRESS == 0 {
                progress(i as u64);
            }
        }
        progress(log.events.len() as u64);
    }

    /// The log is over: audits what stands, tears it down, audits again.
    fn end(&mut self) {
        if self.audit != Audit::Off {
            self.take_stock();
        }
        let unused = (0..self.stage.log().snapshots.len()).filter(|i| !self.used.contains(i));
        let unused = unused.count();
        if unused > 0 && !self.stage.is_stopped() {
            self.stage
                .fail_with(|| format!("{unused} snapshots belong to no event of the log"));
        }
        for pid in self.tasks.all() {
            self.leave(pid, 0);
        }
        self.crew.drain();
        if self.audit != Audit::Off {
            self.take_stock();
        }
    }

    fn event(&mut self, event: &'r Event) {
        let (pid, line) = (event.pid, event.line);
        match &event.kind {
            EventKind::Clone { flags, child } => self.clone_task(event, *flags, *child),
            EventKind::Execve => self.exec(event),
            EventKind::Exit | EventKind::Gone => self.leave(pid, line),
            EventKind::ExitGroup => {
                if let Some(snapshot) = self.snapshot(When::End, event) {
                    self.compare(event, snapshot);
                }
                for pid in self.tasks.process_of(pid) {
                    self.leave(pid, line);
                }
            }
            EventKind::Superseded { by } => self.leave(*by, line),
            EventKind::Attached => {
                self.task(event);
            }
            EventKind::UnplacedFault
            | EventKind::Failed { .. }
            | EventKind::Ignored { .. }
            | EventKind::Unsupported { .. } => {}
            EventKind::Mmap { .. }
            | EventKind::Munmap { .. }
            | EventKind::Mprotect { .. }
            | EventKind::Brk { .. }
            | EventKind::Mremap { .. }
            | EventKind::Madvise { .. }
            | EventKind::Fault { .. } => {
                let task = self.task(event);
                let what = kind(&event.kind);
                self.give(task.space, task.cpu, line, what, Work::Call(event));
                if let Some(cpu) = self.tasks.elsewhere(task) {
                    for range in ranges(&event.kind) {
                        self.give(task.space, cpu, line, what, Work::Look(range));
                    }
                }
            }
        }
    }

    fn clone_task(&mut self, event: &Event, flags: CloneFlags, child: u32) {
        let parent = self.task(event);
        if child == event.pid {
            let line = event.line;
            return self
                .stage
                .fail_with(|| format!("line {line}: task {child} is its own child"));
        }
        self.leave(child, event.line);
        let task = self.tasks.clone_task(parent, child, flags);
        if task.space == parent.space {
            return;
        }
        let slot = self.new_slot(task.space);
        let line = event.line;
        self.give(parent.space, parent.cpu, line, "fork", Work::Fork(slot));
        // In the same queue, behind the fork: the child's order begins when that is done.
        self.give(task.space, parent.cpu, line, "fork", Work::Born);
        self.give(parent.space, parent.cpu, line, "fork", Work::Begin);
        self.give(task.space, task.cpu, line, "fork", Work::Begin);
    }

    fn exec(&mut self, event: &Event) {
        let (pid, line) = (event.pid, event.line);
        let cpu = self.tasks.get(pid).map(|t| t.cpu);
        for pid in self.tasks.process_of(pid) {
            self.leave(pid, line);
        }
        let task = self.tasks.begin(pid, cpu);
        self.new_slot(task.space);
        let image = self.snapshot(When::Start, event);
        self.give(task.space, task.cpu, line, "execve", Work::Load(image));
    }

    fn compare(&mut self, event: &Event, snapshot: usize) {
        let task = self.task(event);
        if self.audit != Audit::Off {
            self.take_stock();
        }
        let work = Work::Compare(snapshot);
        self.give(task.space, task.cpu, event.line, "exit_group", work);
    }

    /// The task of the event. One that no event began has been there before the log.
    fn task(&mut self, event: &Event) -> Task {
        if let Some(task) = self.tasks.get(event.pid) {
            return task;
        }
        let task = self.tasks.begin(event.pid, None);
        self.new_slot(task.space);
        let before = self.stage.log().snapshot_before(event.pid);
        let image = before.filter(|i| !self.used.contains(i));
        self.used.extend(image);
        self.give(task.space, task.cpu, event.line, "start", Work::Load(image));
        task
    }

    fn leave(&mut self, pid: u32, line: u64) {
        if let Some((space, cpu)) = self.tasks.leave(pid) {
            self.give(space, cpu, line, "exit", Work::End);
            self.spaces.remove(&space);
        }
    }

    /// The snapshot taken at this event, if there is one that was not used yet.
    fn snapshot(&mut self, when: When, event: &Event) -> Option<usize> {
        let found = self.stage.log().snapshot(when, event);
        let found = found.filter(|i| !self.used.contains(i))?;
        self.used.push(found);
        Some(found)
    }

    fn new_slot(&mut self, space: SpaceId) -> Arc<Slot<'r>> {
        let slot = Arc::new(Slot::default());
        let given = Given {
            slot: slot.clone(),
            jobs: 0,
        };
        self.spaces.insert(space, given);
        slot
    }

    fn give(&mut self, space: SpaceId, cpu: usize, line: u64, what: &'static str, work: Work<'r>) {
        let Some(given) = self.spaces.get_mut(&space) else {
            return;
        };
        let slot = given.slot.clone();
        let (turn, number): (Arc<Turn>, u64) = (slot.turn.clone(), given.jobs);
        given.jobs += 1;
        let work = Step {
            slot,
            line,
            what,
            work,
        };
        self.crew.give(cpu, Job { turn, number, work });
    }

    /// Waits until every CPU is idle, and audits.
    fn take_stock(&mut self) {
        self.crew.drain();
        self.outcome.audits += 1;
        let slots: Vec<Arc<Slot<'r>>> = self.spaces.values().map(|g| g.slot.clone()).collect();
        self.stage.audit(&slots);
    }

    fn count(&mut self, event: &EventKind) {
        match event {
            EventKind::Attached
            | EventKind::Gone
            | EventKind::Superseded { .. }
            | EventKind::Fault { .. } => return,
            EventKind::UnplacedFault => {
                self.outcome.unplaced += 1;
                return;
            }
            EventKind::Unsupported { name } => {
                *self.outcome.unsupported.entry(name.clone()).or_insert(0) += 1;
            }
            _ => {}
        }
        *self.outcome.calls.entry(kind(event)).or_insert(0) += 1;
    }
}

/// The addresses that a call was about.
fn ranges(call: &EventKind) -> Vec<Range<usize>> {
    let ranges = match *call {
        EventKind::Mmap { result, len, .. } => [(result, len), (0, 0)],
        EventKind::Munmap { addr, len }
        | EventKind::Mprotect { addr, len, .. }
        | EventKind::Madvise { addr, len, .. } => [(addr, len), (0, 0)],
        EventKind::Mremap {
            addr,
            old_len,
            result,
            new_len,
            ..
        } => [(addr, old_len), (result, new_len)],
        _ => [(0, 0); 2],
    };
    let ranges = ranges.into_iter();
    ranges
        .filter_map(|(start, len)| pages(start as usize, len as usize).ok())
        .collect()
}

/// What a call is counted as.
fn kind(event: &EventKind) -> &'static str {
    match event {
        EventKind::Mmap { .. } => "mmap",
        EventKind::Munmap { .. } => "munmap",
        EventKind::Mprotect { .. } => "mprotect",
        EventKind::Brk { .. } => "brk",
        EventKind::Mremap { .. } => "mremap",
        EventKind::Madvise { .. } => "madvise",
        EventKind::Clone { flags, .. } if flags.contains(CloneFlags::THREAD) => "thread",
        EventKind::Clone { flags, .. } if flags.contains(CloneFlags::VM) => "vfork",
        EventKind::Clone { .. } => "fork",
        EventKind::Execve => "exec",
        EventKind::Attached => "start",
        EventKind::Superseded { .. } => "exec",
        EventKind::Exit | EventKind::ExitGroup | EventKind::Gone => "exit",
        EventKind::Fault { .. } | EventKind::UnplacedFault => "fault",
        EventKind::Failed { .. } => "refused",
        EventKind::Ignored { .. } => "other",
        EventKind::Unsupported { .. } => "unsupported",
    }
}
