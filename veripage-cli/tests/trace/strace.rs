//! Every construct of a strace log.

use veripage_cli::trace::{Advice, CloneFlags, EventKind, MapFlags, Prot, RemapFlags, IGNORED};

use super::{one, read, wrong};

const GOOD: &str = "7 munmap(0x1000, 4096) = 0";

fn failed(name: &str, errno: &str) -> EventKind {
    EventKind::Failed {
        name: name.into(),
        errno: errno.into(),
    }
}

fn unsupported(name: &str) -> EventKind {
    EventKind::Unsupported { name: name.into() }
}

#[test]
fn mmap() {
    assert_eq!(
        one("7 1795172977.343 mmap(0x7f14e8686000, 2801664, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0x86000) = 0x7f14e8686000"),
        EventKind::Mmap {
            addr: 0x7f14_e868_6000,
            len: 2_801_664,
            prot: Prot(Prot::READ.0 | Prot::EXEC.0),
            flags: MapFlags(MapFlags::PRIVATE.0 | MapFlags::FIXED.0 | MapFlags::DENYWRITE.0),
            fd: Some(3),
            offset: 0x86000,
            result: 0x7f14_e868_6000,
        }
    );
    assert_eq!(
        one("7 mmap(NULL, 1048576, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = 0x7f0000000000"),
        EventKind::Mmap {
            addr: 0,
            len: 1 << 20,
            prot: Prot::NONE,
            flags: MapFlags(MapFlags::PRIVATE.0 | MapFlags::ANONYMOUS.0 | MapFlags::NORESERVE.0),
            fd: None,
            offset: 0,
            result: 0x7f00_0000_0000,
        }
    );
}

#[test]
fn flags_as_names_numbers_and_comments() {
    let flags = |text: &str| {
        let line = format!("7 mmap(NULL, 1, 0x3, {text}, 3</a file, with (all)>, 0) = 0x1000");
        match one(&line) {
            EventKind::Mmap {
                flags,
                prot: Prot(3),
                fd: Some(3),
                ..
            } => flags.0,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(flags("MAP_SHARED_VALIDATE|0x8000000"), 0x800_0003);
    assert_eq!(flags("0x2 /* MAP_??? */"), 2);
    assert_eq!(
        flags("MAP_SHARED|MAP_32BIT|MAP_HUGETLB|21<<MAP_HUGE_SHIFT"),
        0x41 | 0x4_0000 | 21 << 26
    );
    assert!(MapFlags(flags("MAP_SHARED")).is_shared());
}

#[test]
fn munmap_mprotect() {
    assert_eq!(
        one("munmap(0x7f0000001000, 33883) = 0"),
        EventKind::Munmap {
            addr: 0x7f00_0000_1000,
            len: 33883
        }
    );
    let kind = EventKind::Mprotect {
        addr: 0x1000,
        len: 4096,
        prot: Prot(0x0100_0003),
    };
    assert_eq!(
        one("7 mprotect(0x1000, 4096, PROT_READ|PROT_WRITE|PROT_GROWSDOWN) = 0"),
        kind
    );
    assert_eq!(
        one("7 pkey_mprotect(0x1000, 4096, PROT_READ|PROT_WRITE|PROT_GROWSDOWN, 1) = 0"),
        kind
    );
    assert_eq!(Prot(0x0100_0003).rwx(), Prot(3));
}

#[test]
fn brk() {
    assert_eq!(
        one("7 brk(NULL)       = 0x5559ecb30000"),
        EventKind::Brk {
            addr: 0,
            result: 0x5559_ecb3_0000
        }
    );
    assert_eq!(
        one("7 brk(0x5000) = 0x4000"),
        EventKind::Brk {
            addr: 0x5000,
            result: 0x4000
        }
    );
}

#[test]
fn mremap() {
    let moved = |flags, new_addr| EventKind::Mremap {
        addr: 0x1000,
        old_len: 4096,
        new_len: 8192,
        flags: RemapFlags(flags),
        new_addr,
        result: 0x9000,
    };
    assert_eq!(
        one("7 mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE) = 0x9000"),
        moved(1, 0)
    );
    assert_eq!(
        one("7 mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x9000) = 0x9000"),
        moved(3, 0x9000)
    );
    assert_eq!(
        one("7 mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_DONTUNMAP, NULL) = 0x9000"),
        moved(5, 0)
    );
}

#[test]
fn madvise() {
    let advised = |advice| EventKind::Madvise {
        addr: 0x1000,
        len: 4096,
        advice,
    };
    for (name, advice) in [
        ("MADV_DONTNEED", Advice::DontNeed),
        ("MADV_DONTNEED_LOCKED", Advice::DontNeed),
        ("MADV_FREE", Advice::Free),
        ("MADV_REMOVE", Advice::Remove),
        ("MADV_DONTFORK", Advice::DontFork),
        ("MADV_DOFORK", Advice::DoFork),
        ("MADV_WIPEONFORK", Advice::WipeOnFork),
        ("MADV_KEEPONFORK", Advice::KeepOnFork),
        ("MADV_HUGEPAGE", Advice::Hint(14)),
        ("0x19 /* MADV_??? */", Advice::Hint(25)),
    ] {
        assert_eq!(
            one(&format!("7 madvise(0x1000, 4096, {name}) = 0")),
            advised(advice)
        );
    }
    assert_eq!(
        one("7 madvise(0x1000, 4096, MADV_HWPOISON) = 0"),
        unsupported("madvise (advice 100)")
    );
    assert_eq!(
        one("7 madvise(0x1000, 4096, 0x66) = 0"),
        unsupported("madvise (advice 102)")
    );
}

#[test]
fn tasks_begin() {
    let thread = CloneFlags::VM.0 | CloneFlags::THREAD.0 | CloneFlags::SIGHAND.0;
    for (line, flags) in [
        ("7 fork() = 8", 0),
        ("7 vfork() = 8", CloneFlags::VM.0 | CloneFlags::VFORK.0),
        ("7 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f5d3c39da10) = 8", CloneFlags::CHILD_SETTID.0),
        ("7 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND, parent_tid=[8], tls=0x7f, child_tidptr=0x7f) = 8", thread),
        ("7 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND, child_tid=0x7f, exit_signal=0, stack=0x7f, stack_size=0x1f, tls=0x7f} => {parent_tid=[8]}, 88) = 8", thread),
        ("7 clone3({flags=CLONE_VM|CLONE_VFORK} => {parent_tid=[8]}, 88) = 8", CloneFlags::VM.0 | CloneFlags::VFORK.0),
    ] {
        assert_eq!(one(line), EventKind::Clone { flags: CloneFlags(flags), child: 8 }, "{line}");
    }
    assert_eq!(
        one("7 clone3(0x7ffe, 88) = 8"),
        unsupported("clone3 (its flags are not in the log)")
    );
}

#[test]
fn tasks_end() {
    let log = "7 exit_group(0)   = ?\n8 exit(0) = ?\n8 +++ exited with 0 +++\n7 +++ killed by SIGSEGV (core dumped) +++\n";
    let kinds: Vec<_> = read(log)
        .into_iter()
        .map(|(_, pid, kind)| (pid, kind))
        .collect();
    let expected = [
        (7, EventKind::ExitGroup),
        (8, EventKind::Attached),
        (8, EventKind::Exit),
        (8, EventKind::Gone),
        (7, EventKind::Gone),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn execve() {
    assert_eq!(
        one(r#"7 execve("/bin/a \") = 1", ["a", "(b"], 0x7ffe /* 39 vars */) = 0"#),
        EventKind::Execve
    );
    assert_eq!(
        one(r#"7 execve("", [], NULL) = 0 (DELAYED)"#),
        EventKind::Execve
    );
    assert_eq!(
        one(r#"7 execveat(3, "", ["a"], NULL, AT_EMPTY_PATH) = 0"#),
        EventKind::Execve
    );
    assert_eq!(
        one(r#"7 execve("/x", ["x"...], NULL) = -1 ENOENT (No such file or directory)"#),
        failed("execve", "ENOENT")
    );
}

#[test]
fn execve_of_a_thread_supersedes_the_leader() {
    let log = "\
7 munmap(0x1000, 4096) = 0
7 clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 8
7 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>
8 execve(\"\", [], NULL <unfinished ...>
7 +++ superseded by execve in pid 8 +++
7 <... execve resumed>) = 0
7 munmap(0x1000, 4096) = 0
";
    let kinds: Vec<_> = read(log).into_iter().skip(2).collect();
    let munmap = EventKind::Munmap {
        addr: 0x1000,
        len: 4096,
    };
    assert_eq!(
        kinds,
        [
            (5, 7, EventKind::Superseded { by: 8 }),
            (6, 7, EventKind::Execve),
            (7, 7, munmap)
        ]
    );
}

#[test]
fn refused_calls_change_nothing_and_say_so() {
    assert_eq!(
        one("7 munmap(0x3039, 5) = -1 EINVAL (Invalid argument)"),
        failed("munmap", "EINVAL")
    );
    assert_eq!(
        one("7 mmap(NULL, 0, PROT_READ, MAP_PRIVATE, 3, 0) = -1 ENODEV (No such device)"),
        failed("mmap", "ENODEV")
    );
    assert_eq!(
        one("7 clone(child_stack=NULL, flags=SIGCHLD) = ? ERESTARTNOINTR (To be restarted)"),
        failed("clone", "ERESTARTNOINTR")
    );
    assert_eq!(one("7 munmap(0x1000, 4096) = ?"), failed("munmap", "?"));
}

#[test]
fn calls_that_linux_does_in_part_are_not_called_failed() {
    assert_eq!(
        one("7 mprotect(0x1000, 8192, PROT_READ) = -1 ENOMEM (Cannot allocate memory)"),
        unsupported("mprotect (ENOMEM: done in part)")
    );
    assert_eq!(
        one("7 madvise(0x1000, 8192, MADV_DONTNEED) = -1 ENOMEM (Cannot allocate memory)"),
        unsupported("madvise (ENOMEM: done in part)")
    );
}

#[test]
fn calls_that_change_no_map_are_ignored_with_a_reason() {
    for (name, why) in IGNORED {
        assert!(!why.is_empty());
        assert_eq!(
            one(&format!("7 {name}(0x1000, 4096, 0) = 0")),
            EventKind::Ignored {
                name: (*name).into()
            }
        );
    }
}

#[test]
fn calls_that_are_not_modelled_are_unsupported() {
    for name in [
        "remap_file_pages",
        "process_madvise",
        "shmat",
        "shmdt",
        "map_shadow_stack",
        "userfaultfd",
        "mmap2",
    ] {
        assert_eq!(
            one(&format!("7 {name}(0x1000, 4096, 0) = 0")),
            unsupported(name)
        );
    }
}

#[test]
fn a_call_counts_when_it_resumes() {
    let log = "\
7 0.1 munmap(0x1000, 4096 <unfinished ...>
7 0.2 <... munmap resumed>)             = 0
7 0.3 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>
7 0.4 <... mmap resumed>) = -1 ENOMEM (Cannot allocate memory)
7 0.5 brk(NULL <unfinished ...>
7 0.6 <... brk resumed>) = 0x5000
7 0.7 exit_group(0 <unfinished ...>
7 0.8 <... exit_group resumed>) = ?
";
    let expected = [
        (
            2,
            7,
            EventKind::Munmap {
                addr: 0x1000,
                len: 4096,
            },
        ),
        (4, 7, failed("mmap", "ENOMEM")),
        (
            6,
            7,
            EventKind::Brk {
                addr: 0,
                result: 0x5000,
            },
        ),
        (7, 7, EventKind::ExitGroup),
    ];
    assert_eq!(read(log), expected);
}

#[test]
fn prefixes_and_stamps() {
    for prefix in [
        "7 ",
        "7     ",
        "7 12:00:01 ",
        "7 12:00:01.123456 ",
        "7 1795172977.339636 ",
        "7      0.000071 ",
        "[pid     7] ",
        "[pid 7] 1795172977.339636 ",
    ] {
        let all = read(&format!("{prefix}munmap(0x1000, 4096) = 0\n"));
        assert_eq!(
            all,
            [(
                1,
                7,
                EventKind::Munmap {
                    addr: 0x1000,
                    len: 4096
                }
            )],
            "{prefix}"
        );
    }
    for prefix in ["", "12:00:01 ", "1795172977.339636 ", "     0.000071 "] {
        assert_eq!(
            read(&format!("{prefix}munmap(0x1000, 4096) = 0 <0.000012>\n"))[0].1,
            0,
            "{prefix}"
        );
    }
}

#[test]
fn notes_and_signals_are_no_events() {
    let log = "\
strace: Process 7 attached
7 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=9, si_uid=0, si_status=0} ---

7 munmap(0x1000, 4096) = 0
strace: Process 7 detached
7 munmap(0x1000, 4096 <detached ...>
";
    assert_eq!(
        read(log),
        [(
            4,
            7,
            EventKind::Munmap {
                addr: 0x1000,
                len: 4096
            }
        )]
    );
}

/// On the terminal, strace names tasks only while there are several, and its notes cut lines.
#[test]
fn terminal_log() {
    let log = "\
munmap(0x1000, 4096) = 0
clone(child_stack=NULL, flags=SIGCHLDstrace: Process 8 attached
, child_tidptr=0x7f5d3c39da10) = 8
[pid     8] munmap(0x2000, 4096 <unfinished ...>
[pid     7] munmap(0x3000, 4096 <unfinished ...>
[pid     8] <... munmap resumed>) = 0
[pid     7] <... munmap resumed>) = 0
[pid     7] exit_group(0) = ?
[pid     7] +++ exited with 0 +++
munmap(0x4000, 4096) = 0
+++ exited with 0 +++
";
    let unmapped = |addr| EventKind::Munmap { addr, len: 4096 };
    let expected = [
        (1, 0, unmapped(0x1000)),
        (
            3,
            0,
            EventKind::Clone {
                flags: CloneFlags(0),
                child: 8,
            },
        ),
        (6, 8, unmapped(0x2000)),
        (7, 0, unmapped(0x3000)),
        (8, 0, EventKind::ExitGroup),
        (9, 0, EventKind::Gone),
        (10, 8, unmapped(0x4000)),
        (11, 8, EventKind::Gone),
    ];
    assert_eq!(read(log), expected);
}

/// Without notes (`-qq`), the first task inside a call cannot be who speaks of another.
#[test]
fn terminal_log_without_notes() {
    let log = "\
vfork( <unfinished ...>
[pid     8] execve(\"\", [], NULL <unfinished ...>
[pid     7] <... vfork resumed>) = 8
[pid     8] <... execve resumed>) = 0
[pid     7] munmap(0x1000, 4096) = 0
";
    let expected = [
        (
            3,
            0,
            EventKind::Clone {
                flags: CloneFlags(0x4100),
                child: 8,
            },
        ),
        (4, 8, EventKind::Execve),
        (
            5,
            0,
            EventKind::Munmap {
                addr: 0x1000,
                len: 4096,
            },
        ),
    ];
    assert_eq!(read(log), expected);
}

#[test]
fn malformed_lines_name_file_line_and_what() {
    for (line, error) in [
        (
            "7 munmap(0x1000",
            "log:2: munmap: the arguments have no end",
        ),
        (
            "7 munmap(0x1000, 4096)",
            "log:2: munmap: the result is missing",
        ),
        (
            "7 munmap(0x1000) = 0",
            "log:2: munmap: argument 2 (len) is missing",
        ),
        (
            "7 munmap(zero, 4096) = 0",
            "log:2: munmap: argument 1 (addr): `zero` is not a number",
        ),
        (
            "7 munmap(0x1ffffffffffffffff, 4096) = 0",
            "log:2: munmap: argument 1 (addr): `0x1ffffffffffffffff` is not a number",
        ),
        (
            "7 munmap(0x1000, 4096) 0",
            "log:2: munmap: ` 0` instead of a result",
        ),
        (
            "7 munmap(0x1000, 4096) = many",
            "log:2: munmap: `many` is not a number",
        ),
        (
            "7 munmap(0x1000, 4096) = 0 0",
            "log:2: munmap: `0 0` is not a result",
        ),
        (
            "7 munmap(0x1000, 4096) = -2",
            "log:2: munmap: `-2` is not a result",
        ),
        (
            "7 mprotect(0x1000, 4096, PROT_SING) = 0",
            "log:2: mprotect: argument 3 (prot): unknown flag `PROT_SING`",
        ),
        (
            "7 mmap(NULL, 1, PROT_READ, MAP_PRIVATE, three, 0) = 0x1000",
            "log:2: mmap: argument 5 (fd): `three` is not a descriptor",
        ),
        (
            "7 fork() = 99999999999",
            "log:2: fork: 99999999999 is not a task id",
        ),
        (
            "7 <... munmap resumed>) = 0",
            "log:2: munmap resumes, but was not begun",
        ),
        ("7 <... munmap", "log:2: `munmap` does not say what resumes"),
        (
            "7 +++ finished +++",
            "log:2: `finished +++` is not the end of a task",
        ),
        (
            "7 +++ superseded by execve in pid x +++",
            "log:2: `superseded by execve in pid x +++` names no task",
        ),
        ("7 <unfinished ...>", "log:2: not a call: ``"),
        ("hello", "log:2: not a call: `hello`"),
    ] {
        assert_eq!(wrong(GOOD, line), error, "{line}");
    }
}

#[test]
fn halves_that_do_not_fit_are_errors() {
    let good = "8 munmap(0x1000, 4096) = 0";
    let first = "7 munmap(0x1000, 4096 <unfinished ...>";
    let other = wrong(good, &format!("{first}\n7 <... mmap resumed>) = 0x1000"));
    assert_eq!(other, "log:3: mmap resumes, but munmap was begun");
    let begun = wrong(good, &format!("{first}\n7 brk(NULL) = 0x1000"));
    assert_eq!(
        begun,
        "log:3: munmap was begun and never resumes before `brk(NULL) = 0x1000`"
    );
}

#[test]
fn a_log_that_ends_in_a_cut_line_is_an_error() {
    let all = super::read_all("munmap(0x1000, 4096) = 0\nvfork(strace: Process 8 attached\n");
    let error = all.last().expect("an item").as_ref().expect_err("an error");
    assert_eq!(
        error.to_string(),
        "log:2: the log ends in the middle of `vfork(`"
    );
}
