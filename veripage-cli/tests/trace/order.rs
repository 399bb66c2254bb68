//! The birth of a task comes before its life.

use veripage_cli::trace::{CloneFlags, EventKind};

use super::read;

fn born(flags: u64, child: u32) -> EventKind {
    EventKind::Clone {
        flags: CloneFlags(flags),
        child,
    }
}

fn unmapped(addr: u64) -> EventKind {
    EventKind::Munmap { addr, len: 4096 }
}

#[test]
fn child_of_vfork_is_heard_before_its_parent_returns() {
    let log = "\
1 vfork( <unfinished ...>
2 munmap(0x1000, 4096) = 0
3 munmap(0x3000, 4096) = 0
2 execve(\"\", [], NULL <unfinished ...>
1 <... vfork resumed>) = 2
2 <... execve resumed>) = 0
";
    let expected = [
        (5, 1, born(0x4100, 2)),
        (2, 2, unmapped(0x1000)),
        (3, 3, EventKind::Attached),
        (3, 3, unmapped(0x3000)),
        (6, 2, EventKind::Execve),
    ];
    assert_eq!(read(log), expected);
}

#[test]
fn two_parents_at_once_are_told_apart() {
    let log = "\
1 clone(child_stack=NULL, flags=CLONE_VM) = 2
1 clone(child_stack=NULL, flags=CLONE_FILES <unfinished ...>
2 clone(child_stack=NULL, flags=CLONE_FS <unfinished ...>
4 munmap(0x4000, 4096) = 0
3 munmap(0x3000, 4096) = 0
2 <... clone resumed>) = 4
1 <... clone resumed>) = 3
4 munmap(0x5000, 4096) = 0
";
    let expected = [
        (1, 1, born(0x100, 2)),
        (6, 2, born(0x200, 4)),
        (4, 4, unmapped(0x4000)),
        (7, 1, born(0x400, 3)),
        (5, 3, unmapped(0x3000)),
        (8, 4, unmapped(0x5000)),
    ];
    assert_eq!(read(log), expected);
}

#[test]
fn a_grandchild_is_heard_before_both_returns() {
    for returns in [[2, 1], [1, 2]] {
        let line = |parent: u32| format!("{parent} <... vfork resumed>) = {}\n", parent + 1);
        let log = format!(
            "1 vfork( <unfinished ...>\n2 vfork( <unfinished ...>\n3 munmap(0x3000, 4096) = 0\n{}{}",
            line(returns[0]),
            line(returns[1])
        );
        let kinds: Vec<_> = read(&log)
            .into_iter()
            .map(|(_, pid, kind)| (pid, kind))
            .collect();
        let expected = [
            (1, born(0x4100, 2)),
            (2, born(0x4100, 3)),
            (3, unmapped(0x3000)),
        ];
        assert_eq!(kinds, expected, "{returns:?}");
    }
}

#[test]
fn a_task_that_nobody_started_is_attached() {
    let log =
        "1 munmap(0x1000, 4096) = 0\n2 munmap(0x2000, 4096) = 0\n2 munmap(0x3000, 4096) = 0\n";
    let kinds: Vec<_> = read(log)
        .into_iter()
        .map(|(_, pid, kind)| (pid, kind))
        .collect();
    assert_eq!(
        kinds,
        [
            (1, unmapped(0x1000)),
            (2, EventKind::Attached),
            (2, unmapped(0x2000)),
            (2, unmapped(0x3000))
        ]
    );
}

#[test]
fn a_parent_that_never_returns_leaves_its_child_attached() {
    let log = "1 fork( <unfinished ...>\n2 munmap(0x2000, 4096) = 0\n";
    assert_eq!(
        read(log),
        [(2, 2, EventKind::Attached), (2, 2, unmapped(0x2000))]
    );
    let failed = "1 fork( <unfinished ...>\n2 munmap(0x2000, 4096) = 0\n1 <... fork resumed>) = -1 EAGAIN (x)\n";
    assert_eq!(read(failed)[0], (2, 2, EventKind::Attached));
}

#[test]
fn an_id_can_be_had_again() {
    let life = "1 fork() = 2\n2 munmap(0x2000, 4096) = 0\n2 +++ exited with 0 +++\n";
    let again = "1 fork( <unfinished ...>\n2 munmap(0x2000, 4096) = 0\n1 <... fork resumed>) = 2\n";
    let kinds: Vec<_> = read(&format!("{life}{again}")).into_iter().collect();
    assert_eq!(kinds[3..], [(6, 1, born(0, 2)), (5, 2, unmapped(0x2000))]);
}

#[test]
fn what_is_held_back_is_bounded() {
    let mut log = String::from("1 fork( <unfinished ...>\n");
    for _ in 0..70_000 {
        log.push_str("2 munmap(0x2000, 4096) = 0\n");
    }
    log.push_str("1 <... fork resumed>) = 2\n");
    let all = read(&log);
    assert_eq!(all[0].2, EventKind::Attached);
    assert_eq!(all.len(), 70_002);
}
