//! Readers and writers of untyped memory: what `frame/` promises, by name.
mod common;
use common::*;
use veripage::frame::*;
use veripage::PAGE_SIZE;
use veripage_sim::Sim;

type P = Sim<4>;

fn frame() -> UFrame<P> {
    FrameAllocOptions::new()
        .alloc_frame()
        .expect("there is RAM")
}

/// A short buffer.
fn short<T>(r: Result<T, IoError>) -> bool {
    matches!(r, Err(IoError::InvalidArgs { .. }))
}

fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 7 + 3) as u8).collect()
}

#[test]
fn slice_round_trip() {
    let src = pattern(100);
    let mut dst = vec![0; 100];
    let mut r = VmReader::from(&src[..]);
    let mut w = VmWriter::from(&mut dst[..]);
    assert_eq!((r.remain(), w.avail()), (100, 100));
    assert_eq!(r.read(&mut w), 100);
    assert_eq!((r.remain(), w.avail()), (0, 0));
    assert!(!r.has_remain() && !w.has_avail());
    assert_eq!(dst, src);
}

#[test]
fn read_fallible_partial() {
    let src = pattern(100);
    let mut dst = [0; 60];
    let mut r = VmReader::from(&src[..]);
    // The shorter one decides, and the count says it.
    assert_eq!(r.read(&mut VmWriter::from(&mut dst[..])), 60);
    assert_eq!((r.remain(), &dst[..]), (40, &src[..60]));
    let mut more = [0; 60];
    assert_eq!(r.read(&mut VmWriter::from(&mut more[..])), 40);
    assert_eq!((r.remain(), &more[..40]), (0, &src[60..]));
    assert_eq!(more[40..], [0; 20]);
}

#[test]
fn write_partial() {
    let src = pattern(10);
    let mut dst = [0xff; 30];
    let mut w = VmWriter::from(&mut dst[..]);
    assert_eq!(w.write(&mut VmReader::from(&src[..])), 10);
    assert_eq!(w.avail(), 20);
    assert_eq!((&dst[..10], &dst[10..]), (&src[..], &[0xff; 20][..]));
}

#[test]
fn empty_buffers() {
    let mut r = VmReader::from(&[][..]);
    let mut w = VmWriter::from(&mut [][..]);
    assert_eq!(
        (r.remain(), w.avail(), r.read(&mut w), w.fill(1)),
        (0, 0, 0, 0)
    );
    assert!(short(r.read_val::<u8>()) && short(w.write_val(&1u8)));
    assert_eq!(
        (r.read_slice(&mut []), w.write_slice(&[])),
        (Ok(()), Ok(()))
    );
    assert_eq!((r.skip(0), w.skip(0)), (Ok(()), Ok(())));
}

#[test]
fn values() {
    let mut buf = [0; 32];
    let mut w = VmWriter::from(&mut buf[..]);
    w.write_val(&0x0102_0304_0506_0708u64).unwrap();
    w.write_val(&[1u16, 2, 3]).unwrap();
    w.write_val(&-5i8).unwrap();
    assert_eq!(w.avail(), 32 - 8 - 6 - 1);
    let mut r = VmReader::from(&buf[..]);
    assert_eq!(r.read_val::<u64>().unwrap(), 0x0102_0304_0506_0708);
    assert_eq!(r.read_val::<[u16; 3]>().unwrap(), [1, 2, 3]);
    assert_eq!(r.read_val::<i8>().unwrap(), -5);
    assert_eq!(r.remain(), 32 - 8 - 6 - 1);
}

#[test]
fn short_values_are_refused() {
    let buf = pattern(7);
    let mut r = VmReader::from(&buf[..]);
    assert!(short(r.read_val::<u64>()));
    assert_eq!(r.remain(), 7, "a refusal reads nothing");
    assert_eq!(r.read_val::<[u8; 7]>().unwrap(), buf[..]);
    let mut out = [0; 7];
    let mut w = VmWriter::from(&mut out[..]);
    assert!(short(w.write_val(&0u64)));
    assert_eq!(w.avail(), 7, "a refusal writes nothing");
    w.write_val(&[9u8; 7]).unwrap();
    assert_eq!(out, [9; 7]);
}

#[test]
fn short_slices_are_refused() {
    let buf = pattern(7);
    let mut r = VmReader::from(&buf[..]);
    let mut out = [0xaa; 8];
    assert!(short(r.read_slice(&mut out)));
    assert_eq!((r.remain(), out), (7, [0xaa; 8]));
    let mut w = VmWriter::from(&mut out[..]);
    assert!(short(w.write_slice(&[1; 9])));
    assert_eq!(w.avail(), 8);
    w.write_slice(&buf).unwrap();
    assert_eq!((w.avail(), &out[..7], out[7]), (1, &buf[..], 0xaa));
}

#[test]
fn fill() {
    let mut buf = [1; 21];
    let mut w = VmWriter::from(&mut buf[..]);
    w.skip(3).unwrap();
    w.limit(16);
    assert_eq!(w.fill(0xee), 16);
    assert_eq!(w.avail(), 0);
    assert_eq!(
        (&buf[..3], &buf[3..19], &buf[19..]),
        (&[1; 3][..], &[0xee; 16][..], &[1; 2][..])
    );
}

#[test]
fn skip() {
    let buf = pattern(10);
    let mut r = VmReader::from(&buf[..]);
    let at = r.cursor();
    r.skip(4).unwrap();
    assert_eq!((r.cursor() - at, r.remain()), (4, 6));
    assert_eq!(r.read_val::<u8>().unwrap(), buf[4]);
    assert!(short(r.skip(6)) && short(r.skip(usize::MAX)));
    assert_eq!(r.remain(), 5);
    r.skip(5).unwrap();
    assert!(!r.has_remain());
}

#[test]
fn limit() {
    let buf = pattern(10);
    let mut r = VmReader::from(&buf[..]);
    r.limit(20);
    assert_eq!(r.remain(), 10, "a limit never adds bytes");
    r.limit(4);
    assert_eq!(r.remain(), 4);
    let mut out = [0; 10];
    assert_eq!(r.read(&mut VmWriter::from(&mut out[..])), 4);
    assert_eq!((&out[..4], &out[4..]), (&buf[..4], &[0; 6][..]));
    r.limit(0);
    assert_eq!(r.remain(), 0);
    let mut w = VmWriter::from(&mut out[..]);
    w.limit(2);
    assert!(short(w.write_val(&0u32)));
    assert_eq!(w.avail(), 2);
}

#[test]
fn misaligned_copies() {
    let src = pattern(64);
    for (a, b, n) in [
        (0, 0, 64),
        (1, 1, 40),
        (1, 2, 40),
        (3, 0, 17),
        (0, 5, 8),
        (7, 7, 1),
        (2, 6, 0),
    ] {
        let mut dst = [0; 80];
        let mut r = VmReader::from(&src[a..a + n]);
        assert_eq!(r.read(&mut VmWriter::from(&mut dst[b..])), n);
        assert_eq!(dst[b..b + n], src[a..a + n]);
        assert!(
            dst[..b].iter().chain(&dst[b + n..]).all(|x| *x == 0),
            "nothing else is written"
        );
    }
}

#[test]
fn frame_round_trip() {
    let m = machine::<4>();
    let f = frame();
    let src = pattern(PAGE_SIZE);
    f.write_bytes(0, &src).unwrap();
    let mut dst = vec![0; PAGE_SIZE];
    f.read_bytes(0, &mut dst).unwrap();
    assert_eq!(dst, src);
    // The bytes are where the machine says that the frame is.
    let word = u64::from_ne_bytes(src[8..16].try_into().unwrap());
    assert_eq!(m.word(f.start_paddr() + 8), Some(word));
    drop(f);
    at_rest(m);
}

#[test]
fn frame_bounds() {
    let m = machine::<4>();
    let f = frame();
    assert!(short(f.read_bytes(PAGE_SIZE, &mut [0])) && short(f.write_bytes(PAGE_SIZE, &[0])));
    assert!(short(f.read_bytes(4095, &mut [0; 2])) && short(f.write_bytes(4090, &[0; 7])));
    assert!(short(f.read_bytes(usize::MAX, &mut [0])) && short(f.write_bytes(usize::MAX, &[0])));
    assert!(short(f.read_val::<u64>(4089)) && short(f.write_val(4093, &0u32)));
    assert_eq!(f.read_bytes(PAGE_SIZE, &mut []), Ok(()));
    f.write_val(4088, &77u64).unwrap();
    assert_eq!(f.read_val::<u64>(4088), Ok(77));
    drop(f);
    at_rest(m);
}

#[test]
fn shared_frames_see_writes() {
    let m = machine::<4>();
    let f = frame();
    let g = f.clone();
    f.write_val(16, &5u32).unwrap();
    assert_eq!(g.read_val::<u32>(16), Ok(5));
    let d: DynUFrame<P> = g.cast().ok().expect("it is untyped");
    d.write_val(16, &6u32).unwrap();
    assert_eq!(f.read_val::<u32>(16), Ok(6));
    drop((f, d));
    at_rest(m);
}

#[test]
fn copy_between() {
    let m = machine::<4>();
    let (f, g) = (frame(), frame());
    f.write_bytes(0, &pattern(PAGE_SIZE)).unwrap();
    let mut r = f.reader();
    r.skip(1000).unwrap();
    let mut w = g.writer();
    w.limit(500);
    assert_eq!(r.read(&mut w), 500);
    assert_eq!((r.remain(), w.avail()), (PAGE_SIZE - 1500, 0));
    let mut out = vec![0; PAGE_SIZE];
    g.read_bytes(0, &mut out).unwrap();
    assert_eq!(
        (&out[..500], &out[500..]),
        (&pattern(PAGE_SIZE)[1000..1500], &[0; 3596][..])
    );
    drop((f, g));
    at_rest(m);
}

#[test]
fn segment_io() {
    let m = machine::<4>();
    let s = FrameAllocOptions::<P>::new().alloc_segment(3).unwrap();
    let src = pattern(5000);
    // Across the border of two frames.
    s.write_bytes(4000, &src).unwrap();
    let mut dst = vec![0; 5000];
    s.read_bytes(4000, &mut dst).unwrap();
    assert_eq!(dst, src);
    assert!(short(s.write_bytes(3 * PAGE_SIZE - 1, &[0; 2])));
    assert!(short(s.read_bytes(3 * PAGE_SIZE, &mut [0])));
    assert_eq!(s.reader().remain(), 3 * PAGE_SIZE);
    let empty = s.slice(&(PAGE_SIZE..PAGE_SIZE)).unwrap();
    assert_eq!((empty.reader().remain(), empty.writer().avail()), (0, 0));
    drop(empty);
    drop(s);
    at_rest(m);
}

#[test]
fn segment_values() {
    let m = machine::<4>();
    let s = FrameAllocOptions::<P>::new().alloc_segment(2).unwrap();
    // Across the border of two frames.
    s.write_val(4092, &0x0102_0304_0506_0708_u64).unwrap();
    assert_eq!(s.read_val::<u64>(4092), Ok(0x0102_0304_0506_0708));
    assert_eq!(s.read_val::<u32>(4096), Ok(0x0102_0304));
    assert!(short(s.read_val::<u64>(8185)) && short(s.write_val(8192, &0u8)));
    assert!(short(s.read_val::<u8>(usize::MAX)));
    s.write_val(8184, &[1u32, 2]).unwrap();
    assert_eq!(s.read_val::<[u32; 2]>(8184), Ok([1, 2]));
    drop(s);
    at_rest(m);
}

#[test]
fn atomics() {
    let m = machine::<4>();
    let f = frame();
    f.write_val(8, &7u32).unwrap();
    let mut w = f.writer();
    w.skip(8).unwrap();
    assert_eq!(w.atomic_compare_exchange::<u32>(7, 9), Ok(Ok(7)));
    assert_eq!(w.atomic_compare_exchange::<u32>(7, 1), Ok(Err(9)));
    assert_eq!(w.avail(), PAGE_SIZE - 8, "the cursor stays");
    assert_eq!(w.atomic_compare_exchange::<u64>(9, 10), Ok(Ok(9)));
    w.skip(2).unwrap();
    assert!(short(w.atomic_compare_exchange::<u32>(0, 0)), "not aligned");
    w.limit(2);
    assert!(
        short(w.atomic_compare_exchange::<u32>(0, 0))
            && short(w.atomic_compare_exchange::<u64>(0, 0))
    );
    drop(f);
    at_rest(m);
}

#[test]
fn once() {
    let m = machine::<4>();
    let f = frame();
    let mut w = f.writer();
    w.skip(8).unwrap();
    w.write_once::<u64>(0x1122_3344_5566_7788).unwrap();
    w.write_once::<u32>(7).unwrap();
    assert_eq!(w.avail(), PAGE_SIZE - 20);
    let mut r = f.reader();
    r.skip(8).unwrap();
    assert_eq!(r.read_once::<u64>(), Ok(0x1122_3344_5566_7788));
    assert_eq!((r.read_once::<u32>(), r.remain()), (Ok(7), PAGE_SIZE - 20));
    // Not aligned.
    assert!(short(r.read_once::<u64>()) && short(w.write_once::<u64>(1)));
    r.skip(2).unwrap();
    w.skip(2).unwrap();
    assert!(short(r.read_once::<u32>()) && short(w.write_once::<u32>(1)));
    // Not enough left.
    r.skip(2).unwrap();
    w.skip(2).unwrap();
    r.limit(3);
    w.limit(3);
    assert!(short(r.read_once::<u32>()) && short(r.read_once::<u64>()));
    assert!(short(w.write_once::<u32>(1)) && short(w.write_once::<u64>(1)));
    assert_eq!((r.remain(), w.avail()), (3, 3));
    drop(f);
    at_rest(m);
}

#[test]
fn writers_race_without_harm() {
    let m = machine::<4>();
    let f = frame();
    std::thread::scope(|s| {
        for b in 1..=4u8 {
            let f = f.clone();
            s.spawn(move || (0..200).for_each(|_| assert_eq!(f.writer().fill(b), PAGE_SIZE)));
        }
        for _ in 0..200 {
            let v = f.read_val::<u8>(100).unwrap();
            assert!(v <= 4);
        }
    });
    assert_eq!(f.reference_count(), 1);
    drop(f);
    at_rest(m);
}
