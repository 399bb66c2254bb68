//! From lines to events, whatever the kind of log.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::Path;

use super::input::{self, Lines};
use super::order::Order;
use super::perf::Perf;
use super::strace::{Said, Strace};
use super::{Error, Event};

/// As many lines are looked at to tell the kind of a log.
const HEAD: usize = 64;

/// Opens a log, plain or gzip, of `strace` or `perf trace`.
///
/// # Errors
/// [`Error::Io`] if it cannot be opened or its beginning not be read (a truncated gzip);
/// [`Error::UnknownFormat`] if none of its first lines is of either kind, also if it is empty.
pub fn open(path: &Path) -> Result<Events<Box<dyn BufRead>>, Error> {
    events(input::open(path)?, &path.display().to_string())
}

/// The events of a log that is already text; `file` is its name in errors.
///
/// # Errors
/// As [`open`].
pub fn events<R: BufRead>(reader: R, file: &str) -> Result<Events<R>, Error> {
    let mut lines = Lines::new(reader, file);
    let mut head = VecDeque::new();
    let mut dialect = None;
    while dialect.is_none() && head.len() < HEAD {
        match lines.next() {
            Some(Err(e @ Error::Io { .. })) => return Err(e),
            Some(line) => {
                dialect = line.as_ref().ok().and_then(|(_, text)| Dialect::of(text));
                head.push_back(line);
            }
            None => break,
        }
    }
    let dialect = dialect.ok_or_else(|| Error::UnknownFormat {
        file: file.to_owned(),
    })?;
    Ok(Events {
        lines,
        head,
        dialect,
        order: Order::default(),
        ended: false,
    })
}

/// The events of a log, in the order in which they took effect. See [`open`].
///
/// An item is an event or what is wrong with a line; after the latter the next line follows.
pub struct Events<R> {
    lines: Lines<R>,
    /// Lines read to tell the kind of the log.
    head: VecDeque<Result<(u64, String), Error>>,
    dialect: Dialect,
    order: Order,
    ended: bool,
}

enum Dialect {
    Strace(Strace),
    Perf(Perf),
}

impl Dialect {
    fn of(line: &str) -> Option<Self> {
        if Perf::looks_like(line) {
            return Some(Self::Perf(Perf::default()));
        }
        Strace::looks_like(line).then(|| Self::Strace(Strace::default()))
    }

    fn line(&mut self, text: &str) -> Result<Said, String> {
        match self {
            Self::Strace(strace) => strace.line(text),
            Self::Perf(perf) => perf.line(text),
        }
    }

    fn starting(&self) -> bool {
        match self {
            Self::Strace(strace) => strace.starting(),
            Self::Perf(perf) => perf.starting(),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        match self {
            Self::Strace(strace) => strace.end(),
            Self::Perf(_) => Ok(()),
        }
    }
}

impl<R: BufRead> Events<R> {
    fn take_line(&mut self, line: u64, text: &str) {
        let starting = self.dialect.starting();
        match self.dialect.line(text) {
            Ok(None) => {}
            Ok(Some((pid, kind))) => {
                let starting = starting || self.dialect.starting();
                self.order.heard(pid, line, starting);
                if let Some(kind) = kind {
                    self.order.push(Ok(Event { line, pid, kind }));
                }
            }
            Err(what) => self.order.push(Err(self.lines.error(line, what))),
        }
        if starting && !self.dialect.starting() {
            self.order.give_up();
        }
    }

    fn end(&mut self) {
        self.ended = true;
        if let Err(what) = self.dialect.end() {
            self.order
                .push(Err(self.lines.error(self.lines.last_line(), what)));
        }
        self.order.give_up();
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.order.pop() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            match self.head.pop_front().or_else(|| self.lines.next()) {
                Some(Ok((line, text))) => self.take_line(line, &text),
                Some(Err(e)) => self.order.push(Err(e)),
                None => self.end(),
            }
        }
    }
}
