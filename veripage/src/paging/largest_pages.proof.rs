//! The pages that a run is split into tile it, and no tiling has fewer.
use super::*;

verus! {

/// Past a page, everything is a multiple of 4096 again.
pub proof fn lemma_step(level: int, va: int, pa: int, len: int)
    requires run_ok(va, pa, len), len > 0,
    ensures
        fits(1, va, pa, len),
        fits(level, va, pa, len) ==> run_ok(va + bytes(level), pa + bytes(level), len - bytes(level)),
{
}

/// The limit of physical addresses is far below 2^64.
pub proof fn lemma_pa_end<C: PagingConstsTrait>()
    ensures 0 < (1usize << C::PADDR_WIDTH) <= 0x100_0000_0000_0000,
{
    C::lemma_consts();
    let w = C::PADDR_WIDTH;
    assert(0 < (1usize << w) <= 0x100_0000_0000_0000) by (bit_vector) requires w <= 56;
}

impl<C: PagingConstsTrait> LargestPages<C> {
    /// What other modules may know of a run.
    pub proof fn lemma_wf(self)
        requires self.wf(),
        ensures
            run_ok(self.at().0 as int, self.at().1 as int, self.at().2 as int),
            self.at().0 + self.at().2 <= 0x1_0000_0000_0000_0000,
            self.at().1 + self.at().2 <= (1usize << C::PADDR_WIDTH) <= 0x100_0000_0000_0000,
    {
        lemma_pa_end::<C>();
    }
}

/// The largest page that fits fits, and there is only one.
pub proof fn lemma_best(highest: int, va: int, pa: int, len: int, level: int)
    requires run_ok(va, pa, len), len > 0, 1 <= highest <= 5,
    ensures
        1 <= best(highest, va, pa, len) <= highest,
        fits(best(highest, va, pa, len), va, pa, len),
        maximal(highest, va, pa, len, best(highest, va, pa, len)),
        1 <= level <= highest && fits(level, va, pa, len) && maximal(highest, va, pa, len, level)
            ==> level == best(highest, va, pa, len),
{
}

pub proof fn lemma_tiles(highest: int, va: int, pa: int, len: int)
    requires run_ok(va, pa, len), 1 <= highest <= 5,
    ensures tiles(pages_of(highest, va, pa, len), highest, va, pa, len),
    decreases len,
{
    if len > 0 {
        let level = best(highest, va, pa, len);
        lemma_best(highest, va, pa, len, level);
        lemma_step(level, va, pa, len);
        lemma_tiles(highest, va + bytes(level), pa + bytes(level), len - bytes(level));
        let rest = pages_of(highest, va + bytes(level), pa + bytes(level), len - bytes(level));
        assert(pages_of(highest, va, pa, len).drop_first() =~= rest);
    }
}

/// A page that begins inside an aligned larger one ends inside it.
proof fn lemma_nested(l: int, m: int, va: int, d: int)
    requires 1 <= l <= m <= 5, aligned(m, va), aligned(l, va + d), 0 <= d < bytes(m),
    ensures d + bytes(l) <= bytes(m),
{
    lemma_aligned_down(l, m, va);
    lemma_aligned_down(l, m, bytes(m));
    if l == 1 {
        lemma_between(0x1000, va, d, bytes(m));
    } else if l == 2 {
        lemma_between(0x20_0000, va, d, bytes(m));
    } else if l == 3 {
        lemma_between(0x4000_0000, va, d, bytes(m));
    } else if l == 4 {
        lemma_between(0x80_0000_0000, va, d, bytes(m));
    } else {
        lemma_between(0x1_0000_0000_0000, va, d, bytes(m));
    }
}

/// However the run is tiled, some pages cover exactly the largest page that fits at its start, of which `d`
/// bytes have been covered so far. Returns their number.
proof fn lemma_cover(t: Seq<int>, highest: int, va: int, pa: int, len: int, level: int, d: int) -> (n: int)
    requires
        1 <= level <= highest <= 5,
        fits(level, va, pa, len),
        maximal(highest, va, pa, len, level),
        0 <= d <= bytes(level),
        tiles(t, highest, va + d, pa + d, len - d),
    ensures
        0 <= n <= t.len(),
        d < bytes(level) ==> n >= 1,
        tiles(t.skip(n), highest, va + bytes(level), pa + bytes(level), len - bytes(level)),
    decreases t.len(),
{
    if d == bytes(level) {
        assert(t.skip(0) =~= t);
        0
    } else {
        let l = t[0];
        if l <= level {
            lemma_nested(l, level, va, d);
        } else {
            lemma_aligned_down(level, l, va + d);
            lemma_nested(level, level, va, d);
            assert(fits(l, va, pa, len));
        }
        let n = lemma_cover(t.drop_first(), highest, va, pa, len, level, d + bytes(l));
        assert(t.drop_first().skip(n) =~= t.skip(n + 1));
        n + 1
    }
}

/// No tiling of a run has fewer pages than `pages_of`.
pub proof fn lemma_fewest(highest: int, va: int, pa: int, len: int, t: Seq<int>)
    requires run_ok(va, pa, len), 1 <= highest <= 5, tiles(t, highest, va, pa, len),
    ensures pages_of(highest, va, pa, len).len() <= t.len(),
    decreases len,
{
    if len > 0 {
        let level = best(highest, va, pa, len);
        lemma_best(highest, va, pa, len, level);
        lemma_step(level, va, pa, len);
        let n = lemma_cover(t, highest, va, pa, len, level, 0);
        lemma_fewest(highest, va + bytes(level), pa + bytes(level), len - bytes(level), t.skip(n));
    }
}

} // verus!
