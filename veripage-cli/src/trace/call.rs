//! What a call means: from its name, arguments and result to an [`EventKind`], for every kind of log.

use super::text::quote;
use super::{Advice, CloneFlags, EventKind, MapFlags, Prot, RemapFlags};

/// Calls that are reported as [`EventKind::Ignored`], each with why a model of the space may pass over it.
pub const IGNORED: &[(&str, &str)] = &[
    (
        "msync",
        "writes shared pages to their file; the map and what it shows stay",
    ),
    ("mincore", "only asks what is resident"),
    (
        "mlock",
        "residency only: pages that are mapped anyway become present",
    ),
    ("mlock2", "as mlock"),
    ("munlock", "as mlock"),
    ("mlockall", "as mlock"),
    ("munlockall", "as mlock"),
    ("mbind", "placement on memory nodes only"),
    ("set_mempolicy", "placement on memory nodes only"),
    ("set_mempolicy_home_node", "placement on memory nodes only"),
    ("get_mempolicy", "only asks"),
    (
        "move_pages",
        "placement on memory nodes only; addresses and content stay",
    ),
    (
        "migrate_pages",
        "placement on memory nodes only; addresses and content stay",
    ),
    ("membarrier", "orders accesses; no mapping is involved"),
    ("mseal", "forbids later calls, whose refusal the log shows"),
    (
        "memfd_create",
        "makes a file; mapping it is a call of its own",
    ),
    (
        "pkey_alloc",
        "protection keys are not modelled: they narrow access without changing the map",
    ),
    ("pkey_free", "as pkey_alloc"),
    ("cachestat", "only asks"),
];

/// Where arguments come from: by place in one log, by name in another.
pub(super) trait Fields {
    /// A number. `at` is its place, `names` what it may be called.
    fn number(&self, at: usize, names: &[&str]) -> Result<u64, String>;
    /// A word of flags.
    fn flags(&self, at: usize, name: &str, named: fn(&str) -> Option<u64>) -> Result<u64, String>;
    /// A descriptor; none if absent or negative.
    fn descriptor(&self, at: usize, name: &str) -> Result<Option<i32>, String>;
    /// The flags of `clone` and `clone3`; none if the log does not show them.
    fn clone_flags(&self) -> Result<Option<u64>, String>;
}

/// What the kernel answered.
enum Answer<'a> {
    Value(u64),
    /// Refused with this error.
    Refused(&'a str),
    /// The task did not live to see the answer.
    Never,
}

fn answer(result: &str) -> Result<Answer<'_>, String> {
    let mut words = result.split_whitespace();
    let first = words.next().ok_or("the result is missing")?;
    let second = words.next();
    let tail_ok = |w: Option<&str>| w.is_none_or(|w| w.starts_with(['(', '<', '/']));
    match (first, second) {
        ("-1", Some(errno)) if errno.starts_with('E') => Ok(Answer::Refused(errno)),
        ("?", Some(errno)) if errno.starts_with('E') => Ok(Answer::Refused(errno)),
        ("?", tail) if tail_ok(tail) => Ok(Answer::Never),
        (value, tail) if tail_ok(tail) && !value.starts_with('-') => {
            Ok(Answer::Value(super::text::number(value)?))
        }
        _ => Err(format!("{} is not a result", quote(result))),
    }
}

/// The meaning of a call that has returned; none for the child's side of a `clone`.
///
/// # Errors
/// Which argument, or the result, cannot be read.
pub(super) fn meaning(
    name: &str,
    fields: &impl Fields,
    result: &str,
) -> Result<Option<EventKind>, String> {
    if let Some(kind) = never_returning(name) {
        return Ok(Some(kind));
    }
    let at_call = |e: String| format!("{name}: {e}");
    let value = match answer(result).map_err(at_call)? {
        Answer::Value(value) => value,
        Answer::Refused(errno) => return Ok(Some(refused(name, errno))),
        Answer::Never => return Ok(Some(refused(name, "?"))),
    };
    succeeded(name, fields, value).map_err(at_call)
}

/// `exit` and `exit_group` take effect when they begin.
pub(super) fn never_returning(name: &str) -> Option<EventKind> {
    match name {
        "exit" => Some(EventKind::Exit),
        "exit_group" => Some(EventKind::ExitGroup),
        _ => None,
    }
}

/// Whether the call starts a task.
pub(super) fn starts_task(name: &str) -> bool {
    matches!(name, "clone" | "clone3" | "fork" | "vfork")
}

fn refused(name: &str, errno: &str) -> EventKind {
    match (name, errno) {
        // The range has a hole: what Linux found mapped before it is done, and for madvise behind it too.
        ("mprotect" | "pkey_mprotect" | "madvise", "ENOMEM") => EventKind::Unsupported {
            name: format!("{name} (ENOMEM: done in part)"),
        },
        _ => EventKind::Failed {
            name: name.to_owned(),
            errno: errno.to_owned(),
        },
    }
}

fn succeeded(name: &str, fields: &impl Fields, result: u64) -> Result<Option<EventKind>, String> {
    let addr = || fields.number(0, &["addr", "start"]);
    let len = || fields.number(1, &["len", "len_in"]);
    let prot = || fields.flags(2, "prot", Prot::named).map(Prot);
    Ok(Some(match name {
        "mmap" => mapped(fields, result)?,
        "munmap" => EventKind::Munmap {
            addr: addr()?,
            len: len()?,
        },
        "mprotect" | "pkey_mprotect" => EventKind::Mprotect {
            addr: addr()?,
            len: len()?,
            prot: prot()?,
        },
        "brk" => EventKind::Brk {
            addr: fields.number(0, &["brk"])?,
            result,
        },
        "mremap" => remapped(fields, result)?,
        "madvise" => advised(addr()?, len()?, fields)?,
        "clone" | "clone3" | "fork" | "vfork" => {
            if result == 0 {
                return Ok(None);
            }
            cloned(name, fields, result)?
        }
        "execve" | "execveat" => EventKind::Execve,
        _ if IGNORED.iter().any(|(ignored, _)| *ignored == name) => EventKind::Ignored {
            name: name.to_owned(),
        },
        _ => EventKind::Unsupported {
            name: name.to_owned(),
        },
    }))
}

fn mapped(fields: &impl Fields, result: u64) -> Result<EventKind, String> {
    let flags = MapFlags(fields.flags(3, "flags", MapFlags::named)?);
    let fd = fields.descriptor(4, "fd")?;
    Ok(EventKind::Mmap {
        addr: fields.number(0, &["addr"])?,
        len: fields.number(1, &["len"])?,
        prot: Prot(fields.flags(2, "prot", Prot::named)?),
        flags,
        fd: fd.filter(|_| !flags.contains(MapFlags::ANONYMOUS)),
        offset: fields.number(5, &["off", "offset"])?,
        result,
    })
}

fn remapped(fields: &impl Fields, result: u64) -> Result<EventKind, String> {
    let flags = RemapFlags(fields.flags(3, "flags", RemapFlags::named)?);
    let takes_address = flags.0 & (RemapFlags::FIXED.0 | RemapFlags::DONTUNMAP.0) != 0;
    Ok(EventKind::Mremap {
        addr: fields.number(0, &["addr"])?,
        old_len: fields.number(1, &["old_len"])?,
        new_len: fields.number(2, &["new_len"])?,
        flags,
        new_addr: if takes_address {
            fields.number(4, &["new_addr"])?
        } else {
            0
        },
        result,
    })
}

fn cloned(name: &str, fields: &impl Fields, result: u64) -> Result<EventKind, String> {
    let child = u32::try_from(result).map_err(|_| format!("{result} is not a task id"))?;
    let flags = match name {
        "fork" => Some(0),
        "vfork" => Some(CloneFlags::VM.0 | CloneFlags::VFORK.0),
        _ => fields.clone_flags()?,
    };
    Ok(match flags {
        Some(flags) => EventKind::Clone {
            flags: CloneFlags(flags & !0xff),
            child,
        },
        None => EventKind::Unsupported {
            name: format!("{name} (its flags are not in the log)"),
        },
    })
}

fn advised(addr: u64, len: u64, fields: &impl Fields) -> Result<EventKind, String> {
    let number = fields.flags(2, "behavior", advice_named)?;
    let advice = match number {
        4 | 24 => Advice::DontNeed,
        8 => Advice::Free,
        9 => Advice::Remove,
        10 => Advice::DontFork,
        11 => Advice::DoFork,
        18 => Advice::WipeOnFork,
        19 => Advice::KeepOnFork,
        0..=3 | 12..=17 | 20..=23 | 25 => Advice::Hint(number as u32),
        _ => {
            return Ok(EventKind::Unsupported {
                name: format!("madvise (advice {number})"),
            })
        }
    };
    Ok(EventKind::Madvise { addr, len, advice })
}

/// The numbers of `MADV_*`, as on x86-64.
fn advice_named(name: &str) -> Option<u64> {
    Some(match name.strip_prefix("MADV_").unwrap_or(name) {
        "NORMAL" => 0,
        "RANDOM" => 1,
        "SEQUENTIAL" => 2,
        "WILLNEED" => 3,
        "DONTNEED" => 4,
        "FREE" => 8,
        "REMOVE" => 9,
        "DONTFORK" => 10,
        "DOFORK" => 11,
        "MERGEABLE" => 12,
        "UNMERGEABLE" => 13,
        "HUGEPAGE" => 14,
        "NOHUGEPAGE" => 15,
        "DONTDUMP" => 16,
        "DODUMP" => 17,
        "WIPEONFORK" => 18,
        "KEEPONFORK" => 19,
        "COLD" => 20,
        "PAGEOUT" => 21,
        "POPULATE_READ" => 22,
        "POPULATE_WRITE" => 23,
        "DONTNEED_LOCKED" => 24,
        "COLLAPSE" => 25,
        "HWPOISON" => 100,
        "SOFT_OFFLINE" => 101,
        "GUARD_INSTALL" => 102,
        "GUARD_REMOVE" => 103,
        _ => return None,
    })
}
