//! Every construct of a `perf trace` log.

use veripage_cli::trace::{Access, Advice, CloneFlags, EventKind, MapFlags, Prot, RemapFlags};

use super::{one, read, wrong};

fn fault(addr: u64, access: Option<Access>, kernel: bool) -> EventKind {
    EventKind::Fault {
        addr,
        access,
        kernel,
    }
}

#[test]
fn calls_leave_out_what_is_zero() {
    let p = "     0.672 ( 0.025 ms): two words/7 ";
    let mapped = |addr, prot, flags, fd, offset| EventKind::Mmap {
        addr,
        len: 8192,
        prot: Prot(prot),
        flags: MapFlags(flags),
        fd,
        offset,
        result: 0x7f00_0000_0000,
    };
    for (call, kind) in [
        ("mmap(len: 8192, prot: READ|WRITE, flags: PRIVATE|ANONYMOUS)           = 0x7f0000000000", mapped(0, 3, 0x22, None, 0)),
        ("mmap(len: 8192, flags: PRIVATE|ANONYMOUS|NORESERVE) = 0x7f0000000000", mapped(0, 0, 0x4022, None, 0)),
        ("mmap(addr: 0x7f0000000000, len: 8192, prot: READ|EXEC, flags: PRIVATE|FIXED|DENYWRITE, fd: 4</lib/a>, off: 0x26000) = 0x7f0000000000", mapped(0x7f00_0000_0000, 5, 0x812, Some(4), 0x26000)),
        ("munmap(addr: 0x1000, len: 33883)  = 0", EventKind::Munmap { addr: 0x1000, len: 33883 }),
        ("mprotect(start: 0x1000, len: 4096) = 0", EventKind::Mprotect { addr: 0x1000, len: 4096, prot: Prot::NONE }),
        ("brk() = 0x5000", EventKind::Brk { addr: 0, result: 0x5000 }),
        ("brk(brk: 0x6000) = 0x6000", EventKind::Brk { addr: 0x6000, result: 0x6000 }),
        ("mremap(addr: 0x1000, old_len: 4096, new_len: 8192, flags: MAYMOVE) = 0x9000", EventKind::Mremap { addr: 0x1000, old_len: 4096, new_len: 8192, flags: RemapFlags::MAYMOVE, new_addr: 0, result: 0x9000 }),
        ("madvise(start: 0x1000, len_in: 4096, behavior: MADV_DONTNEED) = 0", EventKind::Madvise { addr: 0x1000, len: 4096, advice: Advice::DontNeed }),
        ("munmap(addr: 0x3039, len: 5) = -1 EINVAL (Invalid argument)", EventKind::Failed { name: "munmap".into(), errno: "EINVAL".into() }),
        ("clone(clone_flags: VM|VFORK|0x11, child_tidptr: 0x7e) = 8 (python3)", EventKind::Clone { flags: CloneFlags(0x4100), child: 8 }),
        ("clone3(uargs: 0x7ffc, size: 88) = 8 (python3)", EventKind::Unsupported { name: "clone3 (its flags are not in the log)".into() }),
        ("execve(filename: 0x1ec2, argv: 0x7e, envp: 0x7f) = 0", EventKind::Execve),
        ("exit_group()                           = ?", EventKind::ExitGroup),
    ] {
        assert_eq!(one(&format!("{p}{call}")), kind, "{call}");
    }
}

#[test]
fn task_is_left_out_when_there_is_one() {
    assert_eq!(read("     0.672 ( 0.025 ms): brk() = 0x5000\n")[0].1, 0);
    assert_eq!(
        read("     0.672 ( 0.025 ms): a/b/12 brk() = 0x5000\n")[0].1,
        12
    );
    assert_eq!(
        read("         ? (         ): :12/12 brk() = 0x5000\n")[0].1,
        12
    );
}

#[test]
fn served_faults() {
    let p = "     0.028 ( 0.000 ms): a/7 ";
    for (text, kind) in [
        (
            "minfault [elf_load+0x28a] => 0x5583342f1280 (?k)",
            fault(0x5583_342f_1280, None, true),
        ),
        (
            "majfault [_start+0x0] => //anon@0x7f4b96ed3008 (d.)",
            fault(0x7f4b_96ed_3008, None, false),
        ),
        (
            "minfault [_dl_x+0x5a] => [stack]@0x7ffc222abe90 (d.)",
            fault(0x7ffc_222a_be90, None, false),
        ),
        (
            "minfault [strcmp+0x16] => /usr/lib/libc.so.6@0x22603 (d.)",
            EventKind::UnplacedFault,
        ),
    ] {
        assert_eq!(one(&format!("{p}{text}")), kind, "{text}");
    }
}

#[test]
fn a_fault_that_a_tracepoint_told_is_told_once() {
    let log = "\
     0.113 (         ): a/7 exceptions:page_fault_user(address: 0x7f862f4c2b70, ip: 140214295866224, error_code: 20)
     0.128 ( 0.000 ms): a/7 minfault [_start+0x0] => /lib/ld.so@0x1ab70 (d.)
     0.141 (         ): a/7 exceptions:page_fault_user(address: 0x7f862f4dbe06, ip: 140214295869357, error_code: 6)
     0.142 (         ): a/8 minfault [main+0x0] => //anon@0x1008 (d.)
     0.156 ( 0.000 ms): a/7 minfault [_dl_start+0x3d] => /lib/ld.so@0x33e06 (d.)
     0.160 (         ): a/7 exceptions:page_fault_kernel(address: 0x1000, ip: -2123025558, error_code: 0)
";
    let expected = [
        (1, 7, fault(0x7f86_2f4c_2b70, Some(Access::Exec), false)),
        (3, 7, fault(0x7f86_2f4d_be06, Some(Access::Write), false)),
        (4, 8, EventKind::Attached),
        (4, 8, fault(0x1008, None, false)),
        (6, 7, fault(0x1000, Some(Access::Read), true)),
    ];
    assert_eq!(read(log), expected);
}

#[test]
fn a_call_counts_when_it_is_continued() {
    let log = "\
         ? (         ): a/7  ... [continued]: execve())                                           = 0
     0.100 (         ): a/7 munmap(addr: 0x1000, len: 4096)                            ...
     0.110 ( 0.000 ms): a/7 minfault [x+0x0] => 0x2000 (?k)
     0.100 ( 3.071 ms): a/7  ... [continued]: munmap())                                           = 0
     0.200 (         ): a/7 exit_group(error_code: 1)  ...
";
    let expected = [
        (1, 7, EventKind::Execve),
        (3, 7, fault(0x2000, None, true)),
        (
            4,
            7,
            EventKind::Munmap {
                addr: 0x1000,
                len: 4096,
            },
        ),
        (5, 7, EventKind::ExitGroup),
    ];
    assert_eq!(read(log), expected);
}

#[test]
fn a_child_may_return_before_its_parent() {
    let log = "\
     0.100 ( 0.010 ms): a/7 brk() = 0x5000
         ? (         ): :8/8  ... [continued]: clone())                                            = 
     0.200 (         ): :8/8 brk() = 0x5000
     0.150 ( 0.498 ms): a/7 clone(clone_flags: CHILD_CLEARTID|0x11, child_tidptr: 0x7e) = 8 (a)
     0.300 (         ): a/8 brk() = 0x5000
";
    let kinds: Vec<_> = read(log)
        .into_iter()
        .map(|(line, pid, _)| (line, pid))
        .collect();
    assert_eq!(kinds, [(1, 7), (4, 7), (3, 8), (5, 8)]);
}

#[test]
fn malformed_lines_name_file_line_and_what() {
    let good = "     0.672 ( 0.025 ms): a/7 brk() = 0x5000";
    let p = "     0.700 ( 0.001 ms): a/7 ";
    for (text, error) in [
        (
            "munmap(addr: zero, len: 1) = 0",
            "log:2: munmap: argument addr: `zero` is not a number",
        ),
        (
            "mmap(len: 1, prot: SING) = 0x1000",
            "log:2: mmap: argument prot: unknown flag `SING`",
        ),
        ("minfault [x+0x0]", "log:2: `[x+0x0]` has no target"),
        ("minfault [x+0x0] => 0x1000", "log:2: `0x1000` has no level"),
        (
            "exceptions:page_fault_user(ip: 1, error_code: 2)",
            "log:2: the fault has no address",
        ),
        (
            " ... [continued]: munmap())  = 0",
            "log:2: munmap resumes, but was not begun",
        ),
        (
            " ... [continued]: munmap(",
            "log:2: `munmap(` does not say what resumes",
        ),
    ] {
        assert_eq!(wrong(good, &format!("{p}{text}")), error, "{text}");
    }
    assert_eq!(
        wrong(good, "LOST 17 events!"),
        "log:2: perf did not keep up: `LOST 17 events!`"
    );
    assert_eq!(
        wrong(good, "once upon a time"),
        "log:2: not a line of perf trace: `once upon a time`"
    );
}
