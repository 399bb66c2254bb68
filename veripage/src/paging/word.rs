//! The width of a word, for the checker; a target of another width does not compile.
use vstd::prelude::*;

verus! {

global size_of usize == 8;

} // verus!
