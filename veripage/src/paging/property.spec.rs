//! Meaning of page properties.
use super::*;

verus! {

impl PageFlags {
    /// The flags without accessed (8) and dirty (16).
    pub open spec fn spec_sans_ad(self) -> Self {
        PageFlags { bits: self.bits & 0xe7 }
    }

    /// Only bits with a meaning: what the constructors make.
    pub open spec fn wf(self) -> bool {
        self.bits < 128
    }
}

impl PrivilegedPageFlags {
    /// Only bits with a meaning: what the constructors make.
    pub open spec fn wf(self) -> bool {
        self.bits < 4
    }
}

impl PageProperty {
    /// The property without what hardware changes by itself.
    pub open spec fn spec_sans_ad(self) -> Self {
        PageProperty { flags: self.flags.spec_sans_ad(), cache: self.cache, priv_flags: self.priv_flags }
    }

    /// Only bits with a meaning.
    pub open spec fn wf(self) -> bool {
        self.flags.wf() && self.priv_flags.wf()
    }
}

/// What user mode may do with a page.
pub ghost struct Rights {
    pub r: bool,
    pub w: bool,
    pub x: bool,
}

/// The rights that flags and privileges give to user mode.
pub open spec fn rights_of(flags: u8, privileges: u8) -> Rights {
    let user = privileges & 1 != 0;
    Rights { r: user && flags & 1 != 0, w: user && flags & 2 != 0, x: user && flags & 4 != 0 }
}

impl PageProperty {
    /// The rights that the mapping gives to user mode.
    pub open spec fn user_rights(self) -> Rights {
        rights_of(self.flags.bits, self.priv_flags.bits)
    }
}

/// Flags that are equal without accessed and dirty agree in every other bit.
pub proof fn lemma_sans_ad(a: u8, b: u8)
    requires a & 0xe7 == b & 0xe7,
    ensures a & 1 == b & 1, a & 2 == b & 2, a & 3 == b & 3, a & 7 == b & 7,
{
    assert(a & 1 == b & 1 && a & 2 == b & 2 && a & 3 == b & 3 && a & 7 == b & 7) by (bit_vector)
        requires a & 0xe7 == b & 0xe7;
}

} // verus!
