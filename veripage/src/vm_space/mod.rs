//! User spaces.
