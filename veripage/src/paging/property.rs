//! What a mapping allows: flags, cache policy, privilege. Plain values, the same for every format.
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "property.spec.rs"]
mod spec;
#[cfg(verus_only)]
pub use spec::*;

/// A set of page flags.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash, Structural)]
pub struct PageFlags {
    /// R 0, W 1, X 2, accessed 3, dirty 4, available 5 and 6. No format supports bit 7.
    pub bits: u8,
}

/// A set of flags that only the kernel decides about.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash, Structural)]
pub struct PrivilegedPageFlags {
    /// User 0, global 1. No format supports the others.
    pub bits: u8,
}

/// How accesses to a page may be cached.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash, Structural)]
pub enum CachePolicy {
    /// Reads and writes are cached, lines are written back when they are evicted.
    #[default]
    Writeback,
    /// Reads are cached, writes go to memory as well.
    Writethrough,
    /// Nothing is cached, accesses keep their order.
    Uncacheable,
    /// Nothing is cached, writes may be combined and delayed.
    WriteCombining,
    /// Reads are cached, writes go to memory and leave no line behind.
    WriteProtected,
}

/// All that a mapping says beside the address.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash, Structural)]
pub struct PageProperty {
    /// What may be done with the page, what was done, and the owner's two bits.
    pub flags: PageFlags,
    /// How accesses are cached.
    pub cache: CachePolicy,
    /// Who may use the mapping.
    pub priv_flags: PrivilegedPageFlags,
}

#[verus_verify]
impl PageFlags {
    /// Readable.
    pub const R: Self = Self { bits: 1 };
    /// Writable.
    pub const W: Self = Self { bits: 2 };
    /// Executable.
    pub const X: Self = Self { bits: 4 };
    /// Accessed since the flag was last cleared.
    pub const ACCESSED: Self = Self { bits: 8 };
    /// Written to since the flag was last cleared.
    pub const DIRTY: Self = Self { bits: 16 };
    /// First bit for the table's owner.
    pub const AVAIL1: Self = Self { bits: 32 };
    /// Second bit for the table's owner.
    pub const AVAIL2: Self = Self { bits: 64 };
    /// Readable and writable.
    pub const RW: Self = Self { bits: 3 };
    /// Readable and executable.
    pub const RX: Self = Self { bits: 5 };
    /// Readable, writable and executable.
    pub const RWX: Self = Self { bits: 7 };

    /// No flag.
    #[verus_spec(ret => ensures ret.bits == 0)]
    pub const fn empty() -> Self {
        Self { bits: 0 }
    }

    /// The set with these bits; bits that mean nothing are dropped.
    #[verus_spec(ret => ensures ret.bits == bits & 0x7f)]
    pub const fn from_bits_truncate(bits: u8) -> Self {
        Self { bits: bits & 0x7f }
    }

    /// The set as bits: R 0, W 1, X 2, accessed 3, dirty 4, available 5 and 6.
    #[verus_spec(ret => ensures ret == self.bits)]
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// Is every flag of `other` in the set?
    #[verus_spec(ret => ensures ret == (self.bits & other.bits == other.bits))]
    pub const fn contains(self, other: Self) -> bool {
        self.bits & other.bits == other.bits
    }

    /// The flags of either set.
    #[verus_spec(ret => ensures ret.bits == self.bits | other.bits)]
    pub const fn union(self, other: Self) -> Self {
        Self {
            bits: self.bits | other.bits,
        }
    }

    /// The flags that are not in `other`.
    #[verus_spec(ret => ensures ret.bits == self.bits & !other.bits)]
    pub const fn difference(self, other: Self) -> Self {
        Self {
            bits: self.bits & !other.bits,
        }
    }

    /// The set without what hardware changes by itself: accessed and dirty.
    #[verus_spec(ret => ensures ret == self.spec_sans_ad())]
    pub const fn sans_ad(self) -> Self {
        Self {
            bits: self.bits & 0xe7,
        }
    }
}

#[verus_verify]
impl PrivilegedPageFlags {
    /// User mode may use the mapping.
    pub const USER: Self = Self { bits: 1 };
    /// The translation is the same in every address space.
    pub const GLOBAL: Self = Self { bits: 2 };

    /// No flag.
    #[verus_spec(ret => ensures ret.bits == 0)]
    pub const fn empty() -> Self {
        Self { bits: 0 }
    }

    /// The set with these bits; bits that mean nothing are dropped.
    #[verus_spec(ret => ensures ret.bits == bits & 3)]
    pub const fn from_bits_truncate(bits: u8) -> Self {
        Self { bits: bits & 3 }
    }

    /// The set as bits: user 0, global 1.
    #[verus_spec(ret => ensures ret == self.bits)]
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// Is every flag of `other` in the set?
    #[verus_spec(ret => ensures ret == (self.bits & other.bits == other.bits))]
    pub const fn contains(self, other: Self) -> bool {
        self.bits & other.bits == other.bits
    }

    /// The flags of either set.
    #[verus_spec(ret => ensures ret.bits == self.bits | other.bits)]
    pub const fn union(self, other: Self) -> Self {
        Self {
            bits: self.bits | other.bits,
        }
    }

    /// The flags that are not in `other`.
    #[verus_spec(ret => ensures ret.bits == self.bits & !other.bits)]
    pub const fn difference(self, other: Self) -> Self {
        Self {
            bits: self.bits & !other.bits,
        }
    }
}

impl core::ops::BitOr for PageFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl core::ops::BitOr for PrivilegedPageFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

#[verus_verify]
impl PageProperty {
    /// A user page, of no other privilege.
    #[verus_spec(ret => ensures ret.flags == flags, ret.cache == cache, ret.priv_flags.bits == 1)]
    pub const fn new_user(flags: PageFlags, cache: CachePolicy) -> Self {
        Self {
            flags,
            cache,
            priv_flags: PrivilegedPageFlags { bits: 1 },
        }
    }

    /// A global kernel page.
    #[verus_spec(ret => ensures ret.flags == flags, ret.cache == cache, ret.priv_flags.bits == 2)]
    pub const fn new_kernel(flags: PageFlags, cache: CachePolicy) -> Self {
        Self {
            flags,
            cache,
            priv_flags: PrivilegedPageFlags { bits: 2 },
        }
    }

    /// The property without the accessed and dirty flags, which hardware may set at any time.
    #[verus_spec(ret => ensures ret == self.spec_sans_ad())]
    pub const fn sans_ad(self) -> Self {
        Self {
            flags: self.flags.sans_ad(),
            cache: self.cache,
            priv_flags: self.priv_flags,
        }
    }
}
