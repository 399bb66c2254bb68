//! The lines of `strace -f -ttt -e trace=memory,clone,clone3,fork,vfork,execve,exit_group,exit`.
//!
//! Written to a file (`-o`), a line is `PID STAMP call(...) = result`. On the terminal the task is
//! `[pid N]`, and left out while there is only one. Stamps are those of `-t`, `-tt`, `-ttt`, `-r` or
//! none. A call that another task's line interrupts comes as `call(... <unfinished ...>` and later
//! `<... call resumed>...) = result`: it counts when it resumes.

use std::collections::BTreeSet;

use super::call::{meaning, never_returning, Fields};
use super::halves::Halves;
use super::text::{self, call, identifier, leading_pid, quote};
use super::{CloneFlags, EventKind};

/// How the first half of a call ends.
const UNFINISHED: &str = "<unfinished ...>";
/// How a call ends that strace stopped watching.
const DETACHED: &str = "<detached ...>";

/// What is known between two lines.
#[derive(Default)]
pub(super) struct Strace {
    halves: Halves,
    /// Text that a note of strace itself cut off; the next line continues it.
    cut: String,
    tasks: Tasks,
}

/// What a line says: who speaks, and what happened, if anything did.
pub(super) type Said = Option<(u32, Option<EventKind>)>;

impl Strace {
    /// Whether a line can be one of this format.
    pub(super) fn looks_like(line: &str) -> bool {
        let (_, rest) = prefix(line);
        let (name, tail) = identifier(rest);
        rest.starts_with("<... ")
            || rest.starts_with("+++ ")
            || rest.starts_with("--- ")
            || rest.starts_with("strace: ")
            || (!name.is_empty() && tail.starts_with('('))
    }

    /// Some task is inside a call that may start another.
    pub(super) fn starting(&self) -> bool {
        self.halves.starting()
    }

    /// Takes in one line.
    ///
    /// # Errors
    /// What is wrong with the line, which is then passed over.
    pub(super) fn line(&mut self, line: &str) -> Result<Said, String> {
        let whole;
        let mut line = line;
        if !self.cut.is_empty() {
            whole = std::mem::take(&mut self.cut) + line;
            line = &whole;
        }
        if let Some((before, note)) = split_note(line) {
            if let Some(pid) = note {
                self.tasks.announce(pid);
            }
            self.cut = before.to_owned();
            return Ok(None);
        }
        let (named, rest) = prefix(line);
        if rest.trim().is_empty() {
            return Ok(None);
        }
        let pid = self.who(named, rest);
        let kind = self.said(pid, rest)?;
        if let Some(EventKind::Clone { child, .. }) = kind {
            self.tasks.announce(child);
        }
        Ok(Some((pid, kind)))
    }

    /// At the end of the log: text that was cut off and never continued.
    pub(super) fn end(&mut self) -> Result<(), String> {
        match std::mem::take(&mut self.cut) {
            cut if cut.is_empty() => Ok(()),
            cut => Err(format!("the log ends in the middle of {}", quote(&cut))),
        }
    }

    fn who(&mut self, named: Named, rest: &str) -> u32 {
        match named {
            Named::Column(pid) => pid,
            Named::Nobody => self.tasks.unnamed(),
            Named::Bracket(pid) => {
                let first_in_call = self.halves.has(self.tasks.first);
                self.tasks
                    .bracketed(pid, rest.starts_with("<... "), first_in_call)
            }
        }
    }

    fn said(&mut self, pid: u32, rest: &str) -> Result<Option<EventKind>, String> {
        if let Some(note) = rest.strip_prefix("+++ ") {
            return self.ended(pid, note);
        }
        if rest.starts_with("--- ") {
            return Ok(None); // a signal
        }
        if let Some(second) = rest.strip_prefix("<... ") {
            return self.resumed(pid, second);
        }
        let trimmed = rest.trim_end();
        if trimmed.ends_with(DETACHED) {
            return Ok(None);
        }
        if let Some(half) = self.halves.take(pid) {
            let begun = identifier(&half).0;
            return Err(format!(
                "{begun} was begun and never resumes before {}",
                quote(trimmed)
            ));
        }
        if let Some(first) = trimmed.strip_suffix(UNFINISHED) {
            return self.interrupted(pid, first);
        }
        let call = call(trimmed)?;
        meaning(call.name, &Places(&call), call.result)
    }

    /// `+++ exited with 0 +++` and its kin.
    fn ended(&mut self, pid: u32, note: &str) -> Result<Option<EventKind>, String> {
        if let Some(by) = note.strip_prefix("superseded by execve in pid ") {
            let (by, _) =
                leading_pid(by).ok_or_else(|| format!("{} names no task", quote(note)))?;
            self.halves.take(pid);
            if let Some(half) = self.halves.take(by) {
                self.halves.put(pid, half);
            }
            self.tasks.gone(by);
            return Ok(Some(EventKind::Superseded { by }));
        }
        if !note.starts_with("exited with ") && !note.starts_with("killed by ") {
            return Err(format!("{} is not the end of a task", quote(note)));
        }
        self.halves.take(pid);
        self.tasks.gone(pid);
        Ok(Some(EventKind::Gone))
    }

    fn interrupted(&mut self, pid: u32, first: &str) -> Result<Option<EventKind>, String> {
        let (name, rest) = identifier(first);
        if name.is_empty() || !rest.starts_with('(') {
            return Err(format!("not a call: {}", quote(first)));
        }
        self.halves.put(pid, first.to_owned());
        Ok(never_returning(name))
    }

    fn resumed(&mut self, pid: u32, second: &str) -> Result<Option<EventKind>, String> {
        let (name, tail) = identifier(second);
        let tail = tail
            .strip_prefix(" resumed>")
            .ok_or_else(|| format!("{} does not say what resumes", quote(second)))?;
        let half = self
            .halves
            .take(pid)
            .ok_or_else(|| format!("{name} resumes, but was not begun"))?;
        let begun = identifier(&half).0;
        if begun != name {
            return Err(format!("{name} resumes, but {begun} was begun"));
        }
        if never_returning(name).is_some() {
            return Ok(None); // reported when it began
        }
        let whole = half + tail;
        let call = call(&whole)?;
        meaning(call.name, &Places(&call), call.result)
    }
}

/// How a line names its task.
enum Named {
    /// A column in front: `-o FILE`.
    Column(u32),
    /// `[pid N]`: on the terminal.
    Bracket(u32),
    /// Not at all.
    Nobody,
}

/// Takes task and time stamp off the front of a line.
fn prefix(line: &str) -> (Named, &str) {
    let (named, rest) = task(line.trim_start());
    let rest = rest.trim_start();
    let end = rest.find(' ').unwrap_or(rest.len());
    let stamp = &rest[..end];
    let is_stamp = stamp.starts_with(|c: char| c.is_ascii_digit())
        && stamp
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'.' || b == b':');
    let rest = if is_stamp { &rest[end..] } else { rest };
    (named, rest.trim_start())
}

fn task(line: &str) -> (Named, &str) {
    if let Some((digits, rest)) = line.strip_prefix("[pid").and_then(|l| l.split_once(']')) {
        if let Ok(pid) = digits.trim().parse() {
            return (Named::Bracket(pid), rest);
        }
    }
    match leading_pid(line) {
        Some((pid, rest)) if rest.starts_with([' ', '\t']) => (Named::Column(pid), rest),
        _ => (Named::Nobody, line),
    }
}

/// A line that ends in one of strace's own notes: what stands before it, and the task that it announces.
fn split_note(line: &str) -> Option<(&str, Option<u32>)> {
    let at = line.rfind("strace: ")?;
    let (before, note) = (&line[..at], &line[at + "strace: ".len()..]);
    let announced = note
        .strip_prefix("Process ")
        .and_then(leading_pid)
        .filter(|(_, rest)| rest.starts_with(" attached"));
    let whole_line = prefix(before).1.is_empty();
    match announced {
        Some((pid, _)) => Some((if whole_line { "" } else { before }, Some(pid))),
        None if whole_line => Some(("", None)),
        None => None,
    }
}

/// Who is meant on a terminal, where a line names its task only while there are several.
///
/// The first task keeps one name, 0 if its first line gave none, also when later lines give its id.
#[derive(Default)]
struct Tasks {
    first: u32,
    first_id: Option<u32>,
    first_gone: bool,
    spoken: bool,
    /// The others, as long as they live.
    others: BTreeSet<u32>,
}

impl Tasks {
    fn announce(&mut self, pid: u32) {
        if !self.spoken && self.first_id.is_none() {
            (self.first, self.first_id) = (pid, Some(pid));
        } else if self.first_id != Some(pid) {
            self.others.insert(pid);
        }
    }

    fn unnamed(&mut self) -> u32 {
        self.spoken = true;
        match self.others.first() {
            Some(&other) if self.first_gone => other,
            _ => self.first,
        }
    }

    /// `resumes`: the line is the second half of a call; `first_in_call`: the first task is between halves.
    fn bracketed(&mut self, pid: u32, resumes: bool, first_in_call: bool) -> u32 {
        if !self.spoken {
            self.announce(pid);
            self.spoken = true;
        } else if self.first_id.is_none() && !self.others.contains(&pid) {
            // A task inside a call says nothing but its return.
            if resumes == first_in_call {
                self.first_id = Some(pid);
            } else {
                self.others.insert(pid);
            }
        }
        if self.first_id == Some(pid) {
            self.first
        } else {
            pid
        }
    }

    fn gone(&mut self, pid: u32) {
        if pid == self.first {
            self.first_gone = true;
        }
        self.others.remove(&pid);
    }
}

/// The arguments of a call, by place.
struct Places<'a>(&'a text::CallText<'a>);

impl Places<'_> {
    fn at(&self, at: usize, name: &str) -> Result<&str, String> {
        let arg = self.0.args.get(at).copied();
        arg.ok_or_else(|| format!("argument {} ({name}) is missing", at + 1))
    }
}

/// Says which argument an error is about.
fn about<T>(result: Result<T, String>, at: usize, name: &str) -> Result<T, String> {
    result.map_err(|e| format!("argument {} ({name}): {e}", at + 1))
}

impl Fields for Places<'_> {
    fn number(&self, at: usize, names: &[&str]) -> Result<u64, String> {
        let name = names.first().copied().unwrap_or_default();
        about(text::number(self.at(at, name)?), at, name)
    }

    fn flags(&self, at: usize, name: &str, named: fn(&str) -> Option<u64>) -> Result<u64, String> {
        about(text::flags(self.at(at, name)?, named), at, name)
    }

    fn descriptor(&self, at: usize, name: &str) -> Result<Option<i32>, String> {
        about(text::descriptor(self.at(at, name)?), at, name)
    }

    /// `clone(child_stack=NULL, flags=A|B, ...)` or `clone3({flags=A|B, ...}, 88)`.
    fn clone_flags(&self) -> Result<Option<u64>, String> {
        let first = self.at(0, "flags")?;
        let inner = first
            .strip_prefix('{')
            .map(|inner| text::arguments(inner).0);
        let fields = inner.as_ref().unwrap_or(&self.0.args);
        let flags = fields.iter().find_map(|field| field.strip_prefix("flags="));
        flags
            .map(|flags| text::flags(flags, CloneFlags::named))
            .transpose()
    }
}
