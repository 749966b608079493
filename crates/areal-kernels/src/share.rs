#![allow(unsafe_code)]

/// A pointer that threads share because each writes its own part of what it points to.
#[derive(Debug, Clone, Copy)]
pub struct Shared<T>(*mut T);

// SAFETY: only handed to tasks that write disjoint parts; the tasks end before the borrow of the slice does.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Shares a slice for as long as the caller holds its borrow.
    pub fn new(slice: &mut [T]) -> Self {
        Self(slice.as_mut_ptr())
    }

    /// The pointer.
    pub fn get(self) -> *mut T {
        self.0
    }
}
