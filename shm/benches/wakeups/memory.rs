//! A page of words that two processes share.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap};

/// Bells that a process can wait for at once: as many as it has peers.
pub(crate) const BELLS: usize = 64;

/// What is shared. All words are zero at first.
#[repr(C)]
pub(crate) struct Page {
    /// The turns that each side has been given; the bells of its other peers, which stay silent, lie behind the first.
    pub(crate) bells: [[Word; BELLS]; 2],
    /// What the other side has spent: nanoseconds of processor, times it waited, times it lost its core.
    pub(crate) spent: [AtomicU64; 3],
}

/// On a cache line of its own.
#[repr(C, align(64))]
pub(crate) struct Word(pub(crate) AtomicU32);

/// The mapping, for as long as this process lives.
pub(crate) struct Memory {
    page: NonNull<Page>,
    file: OwnedFd,
}

impl Memory {
    /// New memory, whose descriptor a child inherits.
    pub(crate) fn new() -> rustix::io::Result<Self> {
        let file = memfd_create("wakeups", MemfdFlags::empty())?;
        ftruncate(&file, size_of::<Page>() as u64)?;
        Self::map(file)
    }

    /// The memory of a descriptor that was inherited.
    pub(crate) fn map(file: OwnedFd) -> rustix::io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that is there.
        let mapped = unsafe {
            mmap(null_mut(), size_of::<Page>(), ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &file, 0)
        }?;
        let page = NonNull::new(mapped.cast()).ok_or(rustix::io::Errno::NOMEM)?;
        Ok(Self { page, file })
    }

    /// The words. They outlive whoever holds them: the mapping is never taken back.
    pub(crate) fn page(&self) -> &'static Page {
        // SAFETY: the mapping is as long as a `Page`, page-aligned, and stays until the process ends; the file was made as long and
        // nobody shortens it; every octet is of an atomic, for which any value is valid and which the other process writes as atomics.
        unsafe { self.page.as_ref() }
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
