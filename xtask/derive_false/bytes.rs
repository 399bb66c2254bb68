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

/// `Run::of_page`
proof fn of_page<P: Platform>(tracked p: &RawPage<P>) {
    let tracked _a = Run::of_page(p);
    let tracked _b = Run::of_page(p);
}

/// `Run::of_page`: joined with another one.
proof fn joined<P: Platform>(tracked a: &RawPage<P>, tracked b: &RawPage<P>)
    requires b.paddr() == a.paddr() + 4096,
{
    let tracked a = Bytes::of_page(a);
    let tracked b = Bytes::of_page(b);
    let tracked _r = a.join(b);
}

/// `readable`
fn reads(s: &[u8], t: &u32) {
    let _ = readable(s);
    let _ = readable(t);
}

/// `writable`
fn writes(s: &mut [u8], t: &mut u64) {
    let _ = writable(s);
    let _ = writable(s);
    let _ = writable(t);
}

/// `copy_bytes`
fn copies(src: Vaddr, dst: Vaddr, len: usize, Tracked(r): Tracked<&Bytes>, Tracked(w): Tracked<&Bytes>)
    requires r.lo() <= src, src + len <= r.hi(), w.lo() <= dst, dst + len <= w.hi(), w.writable(),
{
    unsafe { copy_bytes(src, dst, len, Tracked(r), Tracked(w)) };
}

/// `load_once`
fn loads<W: Word>(va: Vaddr, Tracked(r): Tracked<&Bytes>)
    requires r.lo() <= va, va + W::SIZE <= r.hi(), va as int % W::SIZE as int == 0,
{
    let _ = unsafe { load_once::<W>(va, Tracked(r)) };
    let _ = unsafe { load_once::<W>(va, Tracked(r)) };
}

/// `store_once`
fn stores<W: Word>(va: Vaddr, v: W, w: W, Tracked(b): Tracked<&Bytes>)
    requires b.lo() <= va, va + W::SIZE <= b.hi(), va as int % W::SIZE as int == 0, b.writable(),
{
    unsafe { store_once::<W>(va, v, Tracked(b)) };
    unsafe { store_once::<W>(va, w, Tracked(b)) };
}

/// `cas_once`
fn swaps<W: Word>(va: Vaddr, v: W, w: W, Tracked(b): Tracked<&Bytes>)
    requires b.lo() <= va, va + W::SIZE <= b.hi(), va as int % W::SIZE as int == 0, b.writable(),
{
    let _ = unsafe { cas_once::<W>(va, v, w, Tracked(b)) };
    let _ = unsafe { cas_once::<W>(va, v, v, Tracked(b)) };
}

} // verus!
