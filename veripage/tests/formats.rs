//! Kernel areas and user spaces in every format: the same behaviour, whatever the entries look like.
mod common;
use common::*;
use veripage::frame::{FrameAllocOptions, UFrame};
use veripage::kspace::{KVirtArea, KernelSpace};
use veripage::page_table::{KernelPtConfig, MappedItem, PagingFormat, TableKind};
use veripage::paging::*;
use veripage::rcu::RcuGuard;
use veripage::vm_space::VmSpace;
use veripage::PAGE_SIZE;
use veripage_sim::Sim;

const VA: usize = 0x4000_0000;
const MIB: usize = 1 << 20;

fn frame<const ID: usize>() -> UFrame<Sim<ID>> {
    FrameAllocOptions::new().alloc_frame().unwrap()
}

fn plain(prop: PageProperty) -> PageProperty {
    PageProperty {
        flags: prop.flags.sans_ad(),
        ..prop
    }
}

/// First address of the kernel half.
fn kernel_low<const ID: usize, F: PagingFormat>() -> usize {
    let top = KernelPtConfig::<Sim<ID>, F>::TOP_LEVEL_INDEX_RANGE;
    vaddr_range_bounds::<F::Consts>(&top).unwrap().0
}

fn kernel_areas<const ID: usize, F: PagingFormat>() {
    let m = machine::<ID>();
    let low = kernel_low::<ID, F>() + 16 * MIB;
    let k = KernelSpace::<Sim<ID>, F>::new(low..low + 64 * MIB).unwrap();
    let prop = PageProperty {
        flags: PageFlags::RW,
        cache: CachePolicy::Writeback,
        priv_flags: PrivilegedPageFlags::GLOBAL,
    };
    let frames: Vec<_> = (0..5).map(|_| frame::<ID>().into_dyn()).collect();
    let pas: Vec<_> = frames.iter().map(|f| f.start_paddr()).collect();
    let area = KVirtArea::map_frames(&k, 8 * PAGE_SIZE, PAGE_SIZE, frames, prop).unwrap();
    for page in 0..8 {
        let item = area.query(area.start() + page * PAGE_SIZE).unwrap();
        let found = item.map(|i| (i.paddr(), plain(i.prop())));
        let expected = pas.get(page.wrapping_sub(1)).map(|&pa| (pa, prop));
        assert_eq!(found, expected);
    }
    // A device of 4 MiB and a page: large pages where there can be some.
    let pa = 0x4000_0000;
    let len = 4 * MIB + PAGE_SIZE;
    // SAFETY: nobody accesses it.
    let device =
        unsafe { KVirtArea::map_untracked_frames(&k, 8 * MIB, 0, pa..pa + len, prop) }.unwrap();
    for (offset, expected) in [
        (0, Some((pa, 2))),
        (4 * MIB - 1, Some((pa + 2 * MIB, 2))),
        (4 * MIB, Some((pa + 4 * MIB, 1))),
        (4 * MIB + PAGE_SIZE, None),
    ] {
        let item = device.query(device.start() + offset).unwrap();
        let found = item.map(|i| (i.paddr(), i.level()));
        assert_eq!(found, expected, "at offset {offset:#x}");
    }
    drop((area, device));
    drop(k);
    at_rest(m);
}

fn user_space<const ID: usize, F: PagingFormat>() {
    let m = machine::<ID>();
    let low = kernel_low::<ID, F>() + 16 * MIB;
    let k = KernelSpace::<Sim<ID>, F>::new(low..low + 64 * MIB).unwrap();
    let s = VmSpace::new(&k).unwrap();
    let rw = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + 16 * MIB)).unwrap();
    let mut pas = Vec::new();
    for _ in 0..600 {
        let frame = frame::<ID>();
        pas.push(frame.start_paddr());
        cursor.map(frame, rw).map_err(|(e, _)| e).unwrap();
    }
    cursor.jump(VA + 4 * MIB).unwrap();
    cursor.map_iomem(0x4000_0000, 2 * MIB, rw).unwrap();
    for (page, &pa) in pas.iter().enumerate() {
        cursor.jump(VA + page * PAGE_SIZE).unwrap();
        let (range, item) = cursor.query().unwrap();
        let va = VA + page * PAGE_SIZE;
        assert_eq!(range, va..va + PAGE_SIZE);
        let item = item.unwrap();
        assert_eq!((item.paddr(), plain(item.prop())), (pa, rw));
    }
    // Protecting one page of the device splits its large page.
    cursor.jump(VA + 5 * MIB).unwrap();
    let read_only = |p: &mut PageProperty| p.flags = p.flags.difference(PageFlags::W);
    assert_eq!(cursor.protect(PAGE_SIZE, read_only), Ok(1));
    for (offset, flags) in [
        (0, PageFlags::RW),
        (MIB, PageFlags::R),
        (MIB + PAGE_SIZE, PageFlags::RW),
    ] {
        cursor.jump(VA + 4 * MIB + offset).unwrap();
        match cursor.query().unwrap().1 {
            Some(MappedItem::Untracked(pa, 1, prop)) => {
                assert_eq!((pa, prop.flags.sans_ad()), (0x4000_0000 + offset, flags))
            }
            other => panic!("not the device at {offset:#x}: {other:?}"),
        }
    }
    cursor.jump(VA).unwrap();
    assert_eq!(cursor.unmap(16 * MIB), Ok(600 + 512));
    drop(cursor);
    drop(guard);
    drop(s);
    drop(k);
    at_rest(m);
}

macro_rules! in_every_format {
    ($($name:ident: $format:ident, $id:literal;)*) => {
        $(mod $name {
            use veripage::paging::$format;

            #[test]
            fn kernel_areas() {
                super::kernel_areas::<{ 2 * $id }, $format>();
            }

            #[test]
            fn user_space() {
                super::user_space::<{ 2 * $id + 1 }, $format>();
            }
        })*
    };
}

in_every_format! {
    x86_64: X86_64, 1;
    x86_64_la57: X86_64La57, 2;
    sv39: Sv39, 3;
    sv48: Sv48, 4;
    sv57: Sv57, 5;
    aarch64: Aarch64, 6;
    loongarch64: LoongArch64, 7;
}
