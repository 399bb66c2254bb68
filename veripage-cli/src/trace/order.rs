//! Puts the birth of a task before its life.
//!
//! A log has the return of `clone` or `vfork` when the parent runs again, often after the child's first
//! calls. Then the events are held back until the parent returns, and its `Clone` goes to the front of the child's.

use std::collections::{HashSet, VecDeque};

use super::{Error, Event, EventKind};

/// As many events are held back, at most, to find out who started a task.
const MAX_HELD: usize = 1 << 16;

/// The queue between the lines and the reader.
#[derive(Default)]
pub(super) struct Order {
    known: HashSet<u32>,
    /// A task has been heard.
    begun: bool,
    held: VecDeque<Result<Event, Error>>,
    /// Tasks heard before their birth, with the place in `held` of their first word; places ascend.
    waiting: Vec<(u32, usize, u64)>,
}

impl Order {
    /// `pid` speaks in `line`. `starting`: some task is inside a call that may have started it.
    pub(super) fn heard(&mut self, pid: u32, line: u64, starting: bool) {
        if !self.known.insert(pid) {
            return;
        }
        if self.begun && starting {
            self.waiting.push((pid, self.held.len(), line));
        } else if self.begun {
            let kind = EventKind::Attached;
            self.held.push_back(Ok(Event { line, pid, kind }));
        }
        self.begun = true;
    }

    /// Takes an event, or what is wrong with a line.
    pub(super) fn push(&mut self, event: Result<Event, Error>) {
        match &event {
            Ok(Event {
                kind: EventKind::Clone { child, .. },
                ..
            }) => {
                let child = *child;
                if let Some(i) = self.waiting.iter().position(|w| w.0 == child) {
                    self.born(i, event);
                    return;
                }
                self.known.insert(child);
            }
            Ok(Event {
                kind: EventKind::Gone,
                pid,
                ..
            }) => {
                self.known.remove(pid);
            }
            Ok(Event {
                kind: EventKind::Superseded { by },
                ..
            }) => {
                self.known.remove(by);
            }
            _ => {}
        }
        self.held.push_back(event);
    }

    /// Inserts the birth of the `i`th waiting task at its first word.
    fn born(&mut self, i: usize, birth: Result<Event, Error>) {
        let (_, place, _) = self.waiting.remove(i);
        self.held.insert(place, birth);
        for later in &mut self.waiting[i..] {
            later.1 += 1;
        }
    }

    /// No call can explain the waiting tasks any more: they were attached to.
    pub(super) fn give_up(&mut self) {
        while let Some(&(pid, _, line)) = self.waiting.first() {
            let kind = EventKind::Attached;
            self.born(0, Ok(Event { line, pid, kind }));
        }
    }

    /// The next event whose place is certain.
    pub(super) fn pop(&mut self) -> Option<Result<Event, Error>> {
        if self.held.len() > MAX_HELD {
            self.give_up();
        }
        if self.waiting.is_empty() {
            return self.held.pop_front();
        }
        None
    }
}
