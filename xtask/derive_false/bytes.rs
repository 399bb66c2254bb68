//! Untyped memory.
use veripage_hw::bytes::*;
use veripage_hw::{Platform, Vaddr};
use vstd::prelude::*;

verus! {

/// `RawPage::into_words`
proof fn into_words<P: Platform>(tracked a: RawPage<P>, tracked b: RawPage<P>) {
    let tracked _a = a.into_words();
    let tracked _b = b.into_words();
}

/// `RawPage::into_words`: and back.
proof fn there_and_back<P: Platform>(tracked a: RawPage<P>) {
    let tracked words = a.into_words();
    let tracked again = RawPage::from_words(words);
    let tracked _words = again.into_words();
}

/// `ReadBytes::of_page`
proof fn read_page<P: Platform>(tracked p: &RawPage<P>) {
    let tracked _r = ReadBytes::of_page(p);
}

/// `ReadBytes::join`
proof fn read_join(tracked a: ReadBytes, tracked b: ReadBytes)
    requires a.hi() == b.lo(),
{
    let tracked _r = a.join(b);
}

/// `ReadBytes::none`
proof fn read_none(at: int) {
    let tracked a = ReadBytes::none(at);
    let tracked b = ReadBytes::none(at);
    let tracked _r = a.join(b);
}

/// `WriteBytes::of_page`
proof fn write_page<P: Platform>(tracked p: &RawPage<P>) {
    let tracked _w = WriteBytes::of_page(p);
    let tracked _r = ReadBytes::of_page(p);
}

/// `WriteBytes::join`
proof fn write_join(tracked a: WriteBytes, tracked b: WriteBytes)
    requires a.hi() == b.lo(),
{
    let tracked _r = a.join(b);
}

/// `WriteBytes::none`
proof fn write_none(at: int) {
    let tracked a = WriteBytes::none(at);
    let tracked b = WriteBytes::none(at);
    let tracked _r = a.join(b);
}

/// `readable`
fn reads(s: &[u8]) {
    let _ = readable(s);
}

/// `writable`
fn writes(s: &mut [u8]) {
    let _ = writable(s);
    let _ = writable(s);
}

/// `copy_bytes`
fn copies(src: Vaddr, dst: Vaddr, len: usize, Tracked(r): Tracked<&ReadBytes>, Tracked(w): Tracked<&WriteBytes>)
    requires r.lo() <= src, src + len <= r.hi(), w.lo() <= dst, dst + len <= w.hi(),
{
    unsafe { copy_bytes(src, dst, len, Tracked(r), Tracked(w)) };
}

/// `fill_bytes`
fn fills(dst: Vaddr, len: usize, Tracked(w): Tracked<&WriteBytes>)
    requires w.lo() <= dst, dst + len <= w.hi(),
{
    unsafe { fill_bytes(dst, len, 0, Tracked(w)) };
}

/// `load_u32`
fn loads_u32(va: Vaddr, Tracked(r): Tracked<&ReadBytes>)
    requires r.lo() <= va, va + 4 <= r.hi(), va as int % 4 == 0,
{
    let _ = unsafe { load_u32(va, Tracked(r)) };
    let _ = unsafe { load_u32(va, Tracked(r)) };
}

/// `load_u64`
fn loads_u64(va: Vaddr, Tracked(r): Tracked<&ReadBytes>)
    requires r.lo() <= va, va + 8 <= r.hi(), va as int % 8 == 0,
{
    let _ = unsafe { load_u64(va, Tracked(r)) };
    let _ = unsafe { load_u64(va, Tracked(r)) };
}

/// `store_u32`
fn stores_u32(va: Vaddr, Tracked(w): Tracked<&WriteBytes>)
    requires w.lo() <= va, va + 4 <= w.hi(), va as int % 4 == 0,
{
    unsafe { store_u32(va, 1, Tracked(w)) };
    unsafe { store_u32(va, 2, Tracked(w)) };
}

/// `store_u64`
fn stores_u64(va: Vaddr, Tracked(w): Tracked<&WriteBytes>)
    requires w.lo() <= va, va + 8 <= w.hi(), va as int % 8 == 0,
{
    unsafe { store_u64(va, 1, Tracked(w)) };
    unsafe { store_u64(va, 2, Tracked(w)) };
}

/// `cas_u32`
fn swaps_u32(va: Vaddr, Tracked(w): Tracked<&WriteBytes>)
    requires w.lo() <= va, va + 4 <= w.hi(), va as int % 4 == 0,
{
    let _ = unsafe { cas_u32(va, 1, 2, Tracked(w)) };
    let _ = unsafe { cas_u32(va, 1, 3, Tracked(w)) };
}

/// `cas_u64`
fn swaps_u64(va: Vaddr, Tracked(w): Tracked<&WriteBytes>)
    requires w.lo() <= va, va + 8 <= w.hi(), va as int % 8 == 0,
{
    let _ = unsafe { cas_u64(va, 1, 2, Tracked(w)) };
    let _ = unsafe { cas_u64(va, 1, 3, Tracked(w)) };
}

/// `pod_bytes`
fn sees(t: &u32) {
    let _ = pod_bytes(t);
}

/// `pod_bytes_mut`
fn changes(t: &mut u32) {
    let _ = pod_bytes_mut(t);
}

} // verus!
