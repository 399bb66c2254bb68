//! The lines of `perf trace -F all -e mmap,munmap,mprotect,madvise,brk,mremap`: calls and page faults in
//! one order.
//!
//! A line is `STAMP (DURATION): NAME/TID what`. A call that another line interrupts ends in `...` and comes
//! again as `... [continued]: call()) = result`. A served fault (`minfault`, `majfault`) has its address if
//! it is not in a file's mapping; with the tracepoints `exceptions:page_fault_user` and `_kernel` in `-e`
//! the log has address and access of each, and the `minfault` that follows is the same fault again.

use std::collections::HashSet;

use super::call::{meaning, never_returning, starts_task, Fields};
use super::halves::Halves;
use super::strace::Said;
use super::text::{self, call, identifier, leading_pid, quote};
use super::{Access, CloneFlags, EventKind};

/// What is known between two lines.
#[derive(Default)]
pub(super) struct Perf {
    halves: Halves,
    /// Tasks whose next served fault was told by a tracepoint.
    told: HashSet<u32>,
    /// Tasks that returned from a `clone` of which the parent's line is still to come.
    newborn: HashSet<u32>,
}

impl Perf {
    /// Whether a line can be one of this format.
    pub(super) fn looks_like(line: &str) -> bool {
        prefix(line).is_some()
    }

    /// Some task is inside a call that may start another, or is out of it before its parent.
    pub(super) fn starting(&self) -> bool {
        !self.newborn.is_empty() || self.halves.starting()
    }

    /// Takes in one line.
    ///
    /// # Errors
    /// What is wrong with the line, which is then passed over.
    pub(super) fn line(&mut self, line: &str) -> Result<Said, String> {
        if line.trim().is_empty() {
            return Ok(None);
        }
        if line.starts_with("LOST ") {
            return Err(format!("perf did not keep up: {}", quote(line)));
        }
        let (pid, rest) =
            prefix(line).ok_or_else(|| format!("not a line of perf trace: {}", quote(line)))?;
        self.said(pid, rest).map(|kind| Some((pid, kind)))
    }

    fn said(&mut self, pid: u32, rest: &str) -> Result<Option<EventKind>, String> {
        if let Some(second) = rest.strip_prefix("... [continued]: ") {
            return self.resumed(pid, second);
        }
        if let Some(fault) = rest.strip_prefix("exceptions:page_fault_") {
            self.told.insert(pid);
            return told(fault).map(Some);
        }
        if let Some(fault) = rest
            .strip_prefix("minfault ")
            .or(rest.strip_prefix("majfault "))
        {
            if self.told.remove(&pid) {
                return Ok(None);
            }
            return served(fault).map(Some);
        }
        if let Some(first) = rest.strip_suffix("...") {
            return self.interrupted(pid, first.trim_end());
        }
        let call = call(rest)?;
        self.halves.take(pid);
        self.returned(call.name, &call, call.result)
    }

    fn returned(
        &mut self,
        name: &str,
        call: &text::CallText<'_>,
        result: &str,
    ) -> Result<Option<EventKind>, String> {
        if let Some((child, _)) = leading_pid(result).filter(|_| starts_task(name)) {
            self.newborn.remove(&child);
        }
        meaning(name, &Names(call), result)
    }

    fn interrupted(&mut self, pid: u32, first: &str) -> Result<Option<EventKind>, String> {
        let name = call(first)?.name;
        let kind = never_returning(name);
        self.halves.put(pid, first.to_owned());
        Ok(kind)
    }

    /// `call()) = result`. The task that perf starts, and a child on its side of `clone`, have no first half.
    fn resumed(&mut self, pid: u32, second: &str) -> Result<Option<EventKind>, String> {
        let (name, tail) = identifier(second);
        let result = tail
            .strip_prefix("())")
            .map(str::trim_start)
            .and_then(|tail| tail.strip_prefix('='))
            .ok_or_else(|| format!("{} does not say what resumes", quote(second)))?
            .trim();
        if never_returning(name).is_some() {
            self.halves.take(pid);
            return Ok(None);
        }
        match self.halves.take(pid) {
            Some(half) => {
                let call = call(&half)?;
                if call.name != name {
                    return Err(format!("{name} resumes, but {} was begun", call.name));
                }
                self.returned(name, &call, result)
            }
            None if name == "execve" && result == "0" => Ok(Some(EventKind::Execve)),
            None if starts_task(name) && (result.is_empty() || result == "0") => {
                self.newborn.insert(pid);
                Ok(None)
            }
            None => Err(format!("{name} resumes, but was not begun")),
        }
    }
}

/// Takes stamp, duration and task off the front of a line. The task is 0 where perf leaves it out.
fn prefix(line: &str) -> Option<(u32, &str)> {
    let (stamp, rest) = line.trim_start().split_once(' ')?;
    let is_stamp = stamp == "?" || stamp.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let (duration, rest) = rest.trim_start().strip_prefix('(')?.split_once("): ")?;
    let duration = duration.trim().trim_end_matches(" ms").trim();
    let is_duration = duration.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !is_stamp || !is_duration {
        return None;
    }
    let named = rest.match_indices('/').find_map(|(at, _)| {
        let (pid, tail) = leading_pid(&rest[at + 1..])?;
        let before_call = !rest[..at].contains(['(', '[']);
        (before_call && tail.starts_with(' ')).then_some((pid, tail))
    });
    let (pid, rest) = named.unwrap_or((0, rest));
    Some((pid, rest.trim()))
}

/// `user(address: 0x..., ip: ..., error_code: N)`, the tracepoint of a fault.
fn told(fault: &str) -> Result<EventKind, String> {
    let call = call(fault)?;
    let fields = Names(&call);
    let code = fields.number(2, &["error_code"])?;
    let access = match code {
        _ if code & 0x10 != 0 => Access::Exec,
        _ if code & 0x2 != 0 => Access::Write,
        _ => Access::Read,
    };
    let addr = fields.get(&["address"]).ok_or("the fault has no address")?;
    Ok(EventKind::Fault {
        addr: text::number(addr)?,
        access: Some(access),
        kernel: call.name == "kernel",
    })
}

/// `[symbol] => target (dk)`, a fault that was served; `k` says that the kernel stumbled on it.
fn served(fault: &str) -> Result<EventKind, String> {
    let (_, target) = fault
        .split_once(" => ")
        .ok_or_else(|| format!("{} has no target", quote(fault)))?;
    let (target, level) = target
        .rsplit_once(" (")
        .ok_or_else(|| format!("{} has no level", quote(target)))?;
    let addr = match target.rsplit_once('@') {
        None => target,
        // Where a mapping has no file, perf gives the address, not an offset.
        Some((name, addr)) if name == "//anon" || name.starts_with('[') => addr,
        Some(_) => return Ok(EventKind::UnplacedFault),
    };
    Ok(EventKind::Fault {
        addr: text::number(addr)?,
        access: None,
        kernel: level.starts_with("?k") || level.starts_with("dk"),
    })
}

/// The arguments of a call, by name; perf leaves out what is zero.
struct Names<'a>(&'a text::CallText<'a>);

impl Names<'_> {
    fn get(&self, names: &[&str]) -> Option<&str> {
        self.0.args.iter().find_map(|arg| {
            let (name, value) = arg.split_once(": ")?;
            names.contains(&name).then_some(value)
        })
    }
}

/// Says which argument an error is about.
fn about<T>(result: Result<T, String>, name: &str) -> Result<T, String> {
    result.map_err(|e| format!("argument {name}: {e}"))
}

impl Fields for Names<'_> {
    fn number(&self, _at: usize, names: &[&str]) -> Result<u64, String> {
        let name = names.first().copied().unwrap_or_default();
        self.get(names)
            .map_or(Ok(0), |value| about(text::number(value), name))
    }

    fn flags(&self, _at: usize, name: &str, named: fn(&str) -> Option<u64>) -> Result<u64, String> {
        self.get(&[name])
            .map_or(Ok(0), |value| about(text::flags(value, named), name))
    }

    fn descriptor(&self, _at: usize, name: &str) -> Result<Option<i32>, String> {
        self.get(&[name])
            .map_or(Ok(None), |value| about(text::descriptor(value), name))
    }

    fn clone_flags(&self) -> Result<Option<u64>, String> {
        let flags = self.get(&["clone_flags"]);
        flags
            .map(|value| about(text::flags(value, CloneFlags::named), "clone_flags"))
            .transpose()
    }
}
