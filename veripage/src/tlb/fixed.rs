//! A list of bounded length in an array: nothing is allocated, and making one costs nothing.
use core::mem::MaybeUninit;

/// Up to `N` values; the first `len` places hold one.
pub(super) struct FixedList<T, const N: usize> {
    places: [MaybeUninit<T>; N],
    len: usize,
}

impl<T, const N: usize> FixedList<T, N> {
    /// No values.
    pub(super) const fn new() -> Self {
        FixedList {
            places: [const { MaybeUninit::uninit() }; N],
            len: 0,
        }
    }

    /// Adds a value.
    ///
    /// # Errors
    /// The value, if there is no place for it.
    pub(super) fn push(&mut self, value: T) -> Result<(), T> {
        match self.places.get_mut(self.len) {
            Some(place) => {
                place.write(value);
                self.len += 1;
                Ok(())
            }
            None => Err(value),
        }
    }

    /// The value added last, taken out.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the place was below the old length, and is not any more.
        Some(unsafe { self.places[self.len].assume_init_read() })
    }
}

impl<T, const N: usize> Drop for FixedList<T, N> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
