//! Single behaviours of Linux, each in a log of a few lines: the end must look as Linux shows it.
use veripage_cli::replay::engine::{replay, Audit, Options};
use veripage_cli::replay::log::Log;
use veripage_cli::replay::outcome::Outcome;

const RW: &str = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0";

/// Replays task 9's `calls`, one a line without its stamp, from an empty image to `exit_group`, and
/// compares with `maps`, lines of `start-end perms` in pages from 0x100000.
fn ends_as(calls: &[&str], maps: &[(u64, u64, &str)]) -> Outcome {
    let mut log = "9 0.0 execve(\"\", [], []) = 0\n".to_string();
    let mut lines = 1;
    for call in calls {
        let pid = call.split_once(": ").map_or("9", |(pid, _)| pid);
        let call = call.split_once(": ").map_or(*call, |(_, call)| call);
        log += &format!("{pid} 0.1 {call}\n");
        lines += 1;
    }
    log += "9 0.9 exit_group(0) = ?\n";
    let mut snapshots = format!("@ start pid 9 line 1\n@ end pid 9 line {}\n", lines + 1);
    for (start, end, perms) in maps {
        let (start, end) = (0x10_0000 + start * 4096, 0x10_0000 + end * 4096);
        snapshots += &format!("{start:x}-{end:x} {perms} 00000000 00:00 0\n");
    }
    let log = Log::from_bytes("case.strace", log.as_bytes(), Some(snapshots.as_bytes())).unwrap();
    let options = Options {
        cpus: 2,
        audit: Audit::Every,
        touch: None,
        keep_going: false,
        memory: 64 << 20,
    };
    let outcome = replay(&log, &options, &|_| {}).unwrap();
    assert!(outcome.is_clean(), "{:#?}", outcome.findings);
    assert_eq!(outcome.compared, 1);
    outcome
}

#[test]
fn fixed_mappings_replace_what_is_there() {
    ends_as(
        &[
            &format!("mmap(NULL, 40960, {RW}) = 0x100000"),
            "mmap(0x102000, 8192, PROT_READ, MAP_PRIVATE|MAP_FIXED, 3, 0) = 0x102000",
            "mmap(0x108000, 12288, PROT_NONE, MAP_SHARED|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x108000",
        ],
        &[(0, 2, "rw-p"), (2, 4, "r--p"), (4, 8, "rw-p"), (8, 11, "---s")],
    );
}

#[test]
fn a_reservation_is_opened_trimmed_and_given_back_in_parts() {
    let outcome = ends_as(
        &[
            "mmap(NULL, 137438953472, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = 0x100000",
            "munmap(0x110000, 137438887936) = 0",
            "mprotect(0x104000, 8193, PROT_READ|PROT_WRITE) = 0",
            "mprotect(0x105000, 4096, PROT_NONE) = 0",
            "mprotect(0x105000, 4096, PROT_READ|PROT_WRITE) = 0",
        ],
        &[(0, 4, "---p"), (4, 7, "rw-p"), (7, 16, "---p")],
    );
    assert!(outcome.peak_pages <= 4);
}

#[test]
fn lengths_are_rounded_up_to_pages() {
    ends_as(
        &[
            &format!("mmap(NULL, 12289, {RW}) = 0x100000"),
            "mprotect(0x100000, 1, PROT_READ) = 0",
            "munmap(0x103000, 5) = 0",
        ],
        &[(0, 1, "r--p"), (1, 3, "rw-p")],
    );
}

#[test]
fn the_heap_moves_both_ways_by_bytes() {
    ends_as(
        &[
            "brk(NULL) = 0x100800",
            "brk(0x105001) = 0x105001",
            "brk(0x103fff) = 0x103fff",
            "brk(0x104000) = 0x104000",
            "brk(0x900000) = 0x104000",
        ],
        &[(1, 4, "rw-p")],
    );
}

#[test]
fn mremap_grows_in_place_moves_shrinks_and_leaves_the_old_range() {
    ends_as(
        &[
            &format!("mmap(NULL, 8192, {RW}) = 0x100000"),
            "mremap(0x100000, 8192, 16384, MREMAP_MAYMOVE) = 0x100000",
            "mremap(0x100000, 16384, 20480, MREMAP_MAYMOVE) = 0x110000",
            "mremap(0x110000, 20480, 4096, MREMAP_MAYMOVE) = 0x110000",
            "mremap(0x110000, 4096, 4096, MREMAP_MAYMOVE|MREMAP_DONTUNMAP, 0x120000) = 0x120000",
        ],
        &[(16, 17, "rw-p"), (32, 33, "rw-p")],
    );
}

#[test]
fn a_moved_mapping_keeps_contents_permissions_and_parts() {
    ends_as(
        &[
            &format!("mmap(NULL, 16384, {RW}) = 0x100000"),
            "mmap(0x104000, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED, 3, 0x1000) = 0x104000",
            "mremap(0x104000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x101000) = 0x101000",
            "mprotect(0x101000, 8192, PROT_READ|PROT_WRITE) = 0",
            "madvise(0x101000, 4096, MADV_DONTNEED) = 0",
            "mprotect(0x101000, 8192, PROT_READ|PROT_EXEC) = 0",
        ],
        &[(0, 1, "rw-p"), (1, 3, "r-xp"), (3, 4, "rw-p")],
    );
}

#[test]
fn a_second_view_of_a_shared_mapping() {
    ends_as(
        &[
            "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0) = 0x100000",
            "mremap(0x101000, 0, 4096, MREMAP_MAYMOVE) = 0x110000",
            "munmap(0x100000, 8192) = 0",
        ],
        &[(16, 17, "rw-s")],
    );
}

#[test]
fn a_child_copies_what_it_writes_and_its_calls_stay_its_own() {
    let outcome = ends_as(
        &[
            &format!("mmap(NULL, 8192, {RW}) = 0x100000"),
            "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0) = 0x110000",
            "madvise(0x101000, 4096, MADV_DONTFORK) = 0",
            "clone(child_stack=NULL, flags=SIGCHLD) = 10",
            "10: munmap(0x100000, 4096) = 0",
            &format!("10: mmap(NULL, 4096, {RW}) = 0x101000"),
            "10: mprotect(0x110000, 4096, PROT_READ) = 0",
            "10: exit_group(0) = ?",
        ],
        &[(0, 2, "rw-p"), (16, 17, "rw-s")],
    );
    assert!(outcome.flushes > 0);
}

#[test]
fn threads_and_vfork_children_share_the_space() {
    ends_as(
        &[
            "clone(child_stack=0x1000, flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND) = 10",
            &format!("10: mmap(NULL, 8192, {RW}) = 0x100000"),
            "munmap(0x101000, 4096) = 0",
            "10: exit(0) = ?",
            "vfork() = 11",
            "11: mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x110000",
            "11: execve(\"\", [], []) = 0",
            &format!("11: mmap(NULL, 4096, {RW}) = 0x120000"),
            "11: exit_group(0) = ?",
        ],
        &[(0, 1, "rw-p"), (16, 17, "r--p")],
    );
}

#[test]
fn calls_in_two_halves_count_where_they_return() {
    ends_as(
        &[
            "clone(child_stack=0x1000, flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND) = 10",
            "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>",
            &format!("10: mmap(NULL, 4096, {RW}) = 0x100000"),
            "10: munmap(0x100000, 4096) = 0",
            "<... mmap resumed>) = 0x100000",
        ],
        &[(0, 1, "r--p")],
    );
}

#[test]
fn refused_calls_change_nothing() {
    ends_as(
        &[
            &format!("mmap(NULL, 4096, {RW}) = 0x100000"),
            "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)",
            "munmap(0x100001, 4096) = -1 EINVAL (Invalid argument)",
            "mremap(0x100000, 4096, 8192, 0) = -1 ENOMEM (Cannot allocate memory)",
        ],
        &[(0, 1, "rw-p")],
    );
}
