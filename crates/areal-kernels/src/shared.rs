#![allow(unsafe_code)]
//! A slice whose disjoint parts are written by several threads.

use std::marker::PhantomData;

/// A mutable slice that tasks share because each of them writes a part of its own. It cannot outlive the borrow of the
/// slice.
#[derive(Debug, Clone, Copy)]
pub struct SharedMut<'a, T> {
    first: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: access to the values is unsafe, and its contract forbids two threads to access the same ones.
unsafe impl<T: Send> Send for SharedMut<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedMut<'_, T> {}

impl<'a, T> SharedMut<'a, T> {
    /// Shares a slice among tasks.
    pub fn new(slice: &'a mut [T]) -> Self {
        Self { first: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// A pointer to the `len` values from `at` on.
    ///
    /// # Safety
    /// The values lie within the slice, and while the pointer is used nothing else accesses those that it is used for.
    pub unsafe fn part(self, at: usize, len: usize) -> *mut T {
        debug_assert!(at + len <= self.len, "values {at} to {} of {}", at + len, self.len);
        // SAFETY: the caller's contract.
        unsafe { self.first.add(at) }
    }
}
