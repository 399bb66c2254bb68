//! `/proc/PID/maps`, as Linux writes it and as `traces/record` does.

use veripage_cli::trace::{snapshots, Prot, Region, RegionKind, When};

#[test]
fn a_file_of_proc_is_the_start_of_the_first_program() {
    let text = "\
5583342e6000-5583342e8000 r--p 00000000 fe:00 247030                     /usr/bin/cat
5583342e8000-5583342ed000 r-xs 00002000 fe:00 247030                     /a b (deleted)
55835da26000-55835da47000 rw-p 00000000 00:00 0                          [heap]
7f4b96ebd000-7f4b96eca000 ---p 00000000 00:00 0 
7f4b96ed0000-7f4b96ed1000 rw-p 00000000 00:00 0                          [anon:a name]
7f4b96ed5000-7f4b96ed9000 r--p 00000000 00:00 0                          [vvar]
7f4b96ed9000-7f4b96edb000 r--p 00000000 00:00 0                          [vvar_vclock]
7f4b96edb000-7f4b96edd000 r-xp 00000000 00:00 0                          [vdso]
7ffc2228c000-7ffc222ad000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";
    let all = snapshots(text.as_bytes(), "maps").expect("good");
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].when, all[0].pid, all[0].line), (When::Start, 0, 0));
    let second = Region {
        start: 0x5583_342e_8000,
        end: 0x5583_342e_d000,
        prot: Prot(5),
        shared: true,
        offset: 0x2000,
        kind: RegionKind::File,
    };
    assert_eq!(all[0].regions[1], second);
    let kinds: Vec<_> = all[0].regions.iter().map(|r| r.kind).collect();
    use RegionKind::{Anon, File, Heap, Stack, Vdso, Vsyscall, Vvar};
    assert_eq!(
        kinds,
        [File, File, Heap, Anon, Anon, Vvar, Vvar, Vdso, Stack, Vsyscall]
    );
    let prots: Vec<_> = all[0].regions.iter().map(|r| r.prot.0).collect();
    assert_eq!(prots, [1, 5, 3, 0, 3, 1, 1, 5, 3, 4]);
}

#[test]
fn heads_say_when_who_and_where() {
    let text = "@ start pid 2 line 36\n1000-2000 r--p 00000000 00:00 0 file\n\n@ end pid 3 line 50\n1000-3000 rwxp 00000000 00:00 0\n@ end pid 4 line 51\n";
    let all = snapshots(text.as_bytes(), "maps").expect("good");
    let heads: Vec<_> = all
        .iter()
        .map(|s| (s.when, s.pid, s.line, s.regions.len()))
        .collect();
    assert_eq!(
        heads,
        [
            (When::Start, 2, 36, 1),
            (When::End, 3, 50, 1),
            (When::End, 4, 51, 0)
        ]
    );
}

#[test]
fn malformed_lines_name_file_line_and_what() {
    let good = "1000-2000 r--p 00000000 00:00 0 file\n";
    for (line, error) in [
        (
            "@ noon pid 2 line 3",
            "maps:2: `noon pid 2 line 3` is not the head of a snapshot",
        ),
        (
            "@ start pid two line 3",
            "maps:2: `start pid two line 3` is not the head of a snapshot",
        ),
        (
            "3000-4000 r--p",
            "maps:2: `3000-4000 r--p` is not a line of /proc/PID/maps",
        ),
        (
            "3000 r--p 0 00:00 0",
            "maps:2: `3000 r--p 0 00:00 0` has no extent",
        ),
        (
            "3000-x000 r--p 0 00:00 0",
            "maps:2: `3000-x000 r--p 0 00:00 0` has a bad number",
        ),
        (
            "3000-3000 r--p 0 00:00 0",
            "maps:2: `3000-3000 r--p 0 00:00 0` is empty or not of whole pages",
        ),
        (
            "3000-4001 r--p 0 00:00 0",
            "maps:2: `3000-4001 r--p 0 00:00 0` is empty or not of whole pages",
        ),
        (
            "3000-4000 wr-p 0 00:00 0",
            "maps:2: `3000-4000 wr-p 0 00:00 0` has bad permissions",
        ),
        (
            "3000-4000 r--q 0 00:00 0",
            "maps:2: `3000-4000 r--q 0 00:00 0` has bad permissions",
        ),
        (
            "3000-4000 r--p 0 00:00 x",
            "maps:2: `3000-4000 r--p 0 00:00 x` has no inode",
        ),
        (
            "1000-4000 r--p 0 00:00 0",
            "maps:2: `1000-4000 r--p 0 00:00 0` is not above the region before",
        ),
    ] {
        let error_found = snapshots(format!("{good}{line}\n").as_bytes(), "maps").expect_err(line);
        assert_eq!(error_found.to_string(), error);
    }
}
