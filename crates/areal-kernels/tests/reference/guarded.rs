#![allow(unsafe_code)]
//! Buffers that lie against a page without access.

use std::ops::{Deref, DerefMut};
use std::ptr::{NonNull, null_mut};

/// Which end of a buffer lies against the page.
#[derive(Clone, Copy)]
pub enum End {
    First,
    Last,
}

/// A copy of a slice in pages of its own, between two pages without access.
pub struct Guarded<T> {
    mapping: NonNull<u8>,
    /// Bytes of the mapping.
    size: usize,
    first: NonNull<T>,
    len: usize,
}

impl<T: Copy> Guarded<T> {
    /// Copies values so that one end of the copy lies against a page without access.
    pub fn new(values: &[T], end: End) -> Self {
        let bytes = size_of_val(values);
        // SAFETY: asks for a number.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap();
        let inner = bytes.next_multiple_of(page);
        let size = inner + 2 * page;
        // SAFETY: a new private mapping without access; then the pages between the first and the last become accessible.
        // The copy lies within these, aligned: pages and the length in bytes are multiples of the type's alignment.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let mapping = libc::mmap(null_mut(), size, libc::PROT_NONE, flags, -1, 0);
            assert_ne!(mapping, libc::MAP_FAILED);
            let mapping = NonNull::new(mapping.cast::<u8>()).unwrap();
            let start = mapping.add(page);
            if inner > 0 {
                let access = libc::PROT_READ | libc::PROT_WRITE;
                assert_eq!(libc::mprotect(start.as_ptr().cast(), inner, access), 0);
            }
            let first = match end {
                End::First => start,
                End::Last => start.add(inner - bytes),
            };
            let first = first.cast::<T>();
            first.copy_from_nonoverlapping(NonNull::from(values).cast(), values.len());
            Self { mapping, size, first, len: values.len() }
        }
    }
}

impl<T> Deref for Guarded<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: so many values were written here, and the mapping lives as long as this.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for Guarded<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr(), self.len) }
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is this buffer's own.
        unsafe { libc::munmap(self.mapping.as_ptr().cast(), self.size) };
    }
}
