//! The entry formats, as far as an audit needs them; written from the manuals, not from the core.

/// An entry format with its number of levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// x86-64 with 4 levels.
    X86_64,
    /// x86-64 with 5 levels.
    X86_64La57,
    /// riscv64 with 3 levels.
    Sv39,
    /// riscv64 with 4 levels.
    Sv48,
    /// riscv64 with 5 levels.
    Sv57,
    /// aarch64, 4-KiB granule, with 4 levels.
    Aarch64,
    /// loongarch64 with 4 levels.
    LoongArch64,
}

use Format::*;

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] = [X86_64, X86_64La57, Sv39, Sv48, Sv57, Aarch64, LoongArch64];

    /// Levels of a table.
    pub fn levels(self) -> u8 {
        match self {
            Sv39 => 3,
            X86_64La57 | Sv57 => 5,
            _ => 4,
        }
    }

    /// Highest level whose entries may map a page.
    pub fn highest_leaf(self) -> u8 {
        match self {
            Sv48 => 4,
            Sv57 => 5,
            _ => 3,
        }
    }

    /// Does the word say anything? A riscv64 page without any right is invalid with R set.
    pub fn present(self, w: u64) -> bool {
        match self {
            Sv39 | Sv48 | Sv57 => w & 3 != 0,
            LoongArch64 => w & !3 != 0,
            _ => w & 1 != 0,
        }
    }

    /// Does a present word of this level map a page, rather than point to a table?
    pub fn leaf(self, level: u8, w: u64) -> bool {
        level == 1
            || match self {
                X86_64 | X86_64La57 => w >> 7 & 1 == 1,
                Sv39 | Sv48 | Sv57 => w >> 1 & 7 != 0,
                Aarch64 => w >> 1 & 1 == 0,
                LoongArch64 => w >> 6 & 1 == 1,
            }
    }

    /// The address in a present word, as it stands; of a leaf above level 1 without the bit that is
    /// not part of the address there.
    pub fn address(self, level: u8, w: u64) -> usize {
        let field = |high: u32| w & ((1 << high) - 1) & !0xfff;
        let not_address = if level > 1 && self.leaf(level, w) {
            1 << 12
        } else {
            0
        };
        let pa = match self {
            X86_64 | X86_64La57 => field(52) & !not_address,
            Sv39 | Sv48 | Sv57 => (w >> 10 & ((1 << 44) - 1)) << 12,
            Aarch64 => field(48),
            LoongArch64 => field(48) & !not_address,
        };
        pa as usize
    }

    /// The bit of a leaf that says that nobody counts its frames.
    pub fn untracked(self, w: u64) -> bool {
        let bit = match self {
            X86_64 | X86_64La57 => 9,
            Sv39 | Sv48 | Sv57 => 8,
            Aarch64 => 56,
            LoongArch64 => 10,
        };
        w >> bit & 1 == 1
    }

    /// The word without the bits that the MMU sets by itself.
    pub fn sans_ad(self, w: u64) -> u64 {
        w & !match self {
            X86_64 | X86_64La57 => 3 << 5,
            Sv39 | Sv48 | Sv57 => 3 << 6,
            Aarch64 => 1 << 10,
            LoongArch64 => 3,
        }
    }
}
