//! The memory of a channel: a sealed memfd, mapped. Nearly all unsafe code of the crate is here.
//!
//! What the mapping holds may change at any time, as the peer writes it too. So nothing but atomics and octets is ever read
//! from it, and no value read from it is trusted here: offsets are checked against the mapping on every access.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Once};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::error::HelloError;
use crate::layout::{Control, DESCRIPTOR, Direction, End, Geometry, MAGIC, PAGE, Places, Side, VERSION};
use crate::ring::RingWords;
use crate::slab::Held;
use crate::step::{Step, took};

/// What `/proc/PID/maps` shows.
const NAME: &str = "peregrine-channel";

/// The size can change no more (so no access faults), nor can that.
const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// Octets of a huge page, as we ask for.
const HUGE: usize = 2 << 20;

/// The mapped memory of a channel.
pub(crate) struct Segment {
    base: NonNull<u8>,
    /// Octets mapped: what the geometry needs, in whole pages of whichever kind.
    mapped: usize,
    geometry: Geometry,
    places: Places,
}

// SAFETY: the mapping belongs to no thread, lives as long as the value, and is reached through atomics and copies only, or as
// octets that no code of ours writes while they are read (the sender's slab lends a block to one message at a time).
unsafe impl Send for Segment {}
// SAFETY: as for Send.
unsafe impl Sync for Segment {}

impl Segment {
    /// Makes the memory of a new channel, all zero but magic and version, and seals it. Of huge pages, if that is wanted and there
    /// are any.
    pub(crate) fn create(geometry: Geometry, huge: bool) -> io::Result<(OwnedFd, Arc<Self>)> {
        static TOLD: Once = Once::new();
        if huge {
            match Self::create_of(geometry, MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB, HUGE) {
                Ok(made) => return Ok(made),
                // None are set aside, or all are taken: the mapping fails, and nothing later.
                Err(error) => TOLD.call_once(|| {
                    tracing::warn!(%error, "no huge pages to be had (vm.nr_hugepages): shared memory is of usual pages");
                }),
            }
        }
        Self::create_of(geometry, MemfdFlags::empty(), PAGE)
    }

    fn create_of(geometry: Geometry, kind: MemfdFlags, page: usize) -> io::Result<(OwnedFd, Arc<Self>)> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | kind;
        let length = geometry.len().next_multiple_of(page);
        let fd = match memfd_create(NAME, flags | MemfdFlags::NOEXEC_SEAL) {
            // Before Linux 6.3; since then a system may insist on it.
            Err(rustix::io::Errno::INVAL) => memfd_create(NAME, flags)?,
            other => other?,
        };
        ftruncate(&fd, length as u64)?;
        fcntl_add_seals(&fd, SEALS)?;
        let segment = Self::map(&fd, length, geometry)?;
        // Relaxed: the peer gets the descriptor through a system call later.
        segment.control().magic.store(MAGIC, Ordering::Relaxed);
        segment.control().version.store(VERSION, Ordering::Relaxed);
        Ok((fd, Arc::new(segment)))
    }

    /// Maps the memory that a peer made, once it proves to be sealed, long enough and of our version.
    pub(crate) fn open(fd: &OwnedFd, geometry: Geometry) -> Result<Arc<Self>, HelloError> {
        if !geometry.is_sound() {
            return Err(HelloError::Garbled("its geometry"));
        }
        if !fcntl_get_seals(fd)?.contains(SEALS) {
            return Err(HelloError::Garbled("its memory is not sealed"));
        }
        let lengths = [geometry.len(), geometry.len().next_multiple_of(HUGE)];
        let is = fstat(fd)?.st_size;
        let length = lengths.into_iter().find(|length| is == *length as i64);
        let length = length.ok_or(HelloError::Garbled("its memory has another size"))?;
        let segment = Self::map(fd, length, geometry)?;
        let (magic, version) = (&segment.control().magic, &segment.control().version);
        match (magic.load(Ordering::Relaxed), version.load(Ordering::Relaxed)) {
            (MAGIC, VERSION) => Ok(Arc::new(segment)),
            (MAGIC, theirs) => Err(HelloError::Version { ours: VERSION, theirs }),
            _ => Err(HelloError::Garbled("its memory has no magic")),
        }
    }

    fn map(fd: impl AsFd, mapped: usize, geometry: Geometry) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours; the file is at least as long
        // and, sealed against shrinking, stays so.
        let base = unsafe { mmap(std::ptr::null_mut(), mapped, protection, MapFlags::SHARED, fd, 0)? };
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, mapped, geometry, places: geometry.places() })
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    pub(crate) fn control(&self) -> &Control {
        // SAFETY: the mapping is page-aligned, longer than Control (`Geometry::len`), and lives as long as `self`. Control
        // consists of atomics, for which every bit pattern is a value and writes by the peer are no data race.
        unsafe { self.base.cast::<Control>().as_ref() }
    }

    /// What `end` says about itself.
    pub(crate) fn side(&self, end: End) -> &Side {
        let [server, client] = &self.control().sides;
        match end {
            End::Server => server,
            End::Client => client,
        }
    }

    /// The rings of the direction towards `end`.
    fn direction(&self, end: End) -> &Direction {
        let [to_server, to_client] = &self.control().directions;
        match end {
            End::Server => to_server,
            End::Client => to_client,
        }
    }

    /// `W` words, `index` times as far behind `offset`.
    fn words<const W: usize>(&self, offset: usize, index: u32) -> &[AtomicU64; W] {
        let at = offset + index as usize * W * 8;
        assert!(at.is_multiple_of(8) && at + W * 8 <= self.mapped, "rings lie within the mapping");
        // SAFETY: checked to be aligned and inside the mapping, which lives as long as `self`. Atomics: see `control`.
        unsafe { self.base.add(at).cast::<[AtomicU64; W]>().as_ref() }
    }

    /// Copies `data` to `offset` octets into the blocks towards `end`.
    pub(crate) fn write(&self, end: End, offset: usize, data: &[u8]) {
        let at = self.check(end, offset, data.len());
        // SAFETY: the target lies inside the mapping; `data`, memory of ours alone, does not overlap it.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), self.base.add(at).as_ptr(), data.len()) }
    }

    /// The octets of blocks towards `end` that a sender of ours has set aside. As with `octets`, for a peer of our own user or
    /// root's only: another could write there while we do.
    pub(crate) fn held<'a>(&'a self, end: End, held: &'a mut Held) -> &'a mut [u8] {
        let block = self.geometry.block as usize;
        let length = usize::from(held.length()) * block;
        let at = self.check(end, usize::from(held.first()) * block, length);
        // SAFETY: inside the mapping, which lives as long as `self`; any octet is a u8. The slab gave these blocks to nobody
        // else as long as the `Held` is there, whatever the peer returns, and it is borrowed as long as the slice.
        unsafe { std::slice::from_raw_parts_mut(self.base.add(at).as_ptr(), length) }
    }

    /// The octets at `offset` in the blocks towards `end`.
    ///
    /// No code of ours writes them until the block is given back. A peer could: one of our own user or root, which is no
    /// stranger (it could as well write to our memory through /proc). From any other user's peer `Payload` copies them out.
    pub(crate) fn octets(&self, end: End, offset: usize, length: usize) -> &[u8] {
        let at = self.check(end, offset, length);
        // SAFETY: inside the mapping, which lives as long as `self`; any octet is a u8; who may write to them: see above.
        unsafe { std::slice::from_raw_parts(self.base.add(at).as_ptr(), length) }
    }

    /// Copies octets out into `target`, whatever the peer does to them meanwhile.
    pub(crate) fn read(&self, end: End, offset: usize, length: usize, target: &mut Vec<u8>) {
        let at = self.check(end, offset, length);
        target.reserve(length);
        // SAFETY: source inside the mapping; target: `length` octets of spare room, just reserved, which the copy initialises
        // before they are counted in. A peer writing at the same time changes which octets arrive, nothing else.
        unsafe {
            let spare = target.as_mut_ptr().add(target.len());
            std::ptr::copy_nonoverlapping(self.base.add(at).as_ptr(), spare, length);
            target.set_len(target.len() + length);
        }
    }

    /// Where in the mapping that is. Callers have checked what came from the peer; this is the last line.
    fn check(&self, end: End, offset: usize, length: usize) -> usize {
        let within = offset.checked_add(length).is_some_and(|last| last <= self.geometry.area_len());
        assert!(within, "blocks lie within their area");
        self.places.areas[end as usize] + offset
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        took(Step::Unmapping);
        // SAFETY: mapped by `map` with this length, and nobody borrows from it any more.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), self.mapped) };
        debug_assert!(unmapped.is_ok(), "our own mapping can be unmapped");
    }
}

/// The ring of descriptors towards an end.
pub(crate) struct Descriptors(pub(crate) Arc<Segment>, pub(crate) End);

impl RingWords<DESCRIPTOR> for Descriptors {
    fn tail(&self) -> &AtomicU32 {
        &self.0.direction(self.1).descriptors.tail.0
    }

    fn head(&self) -> &AtomicU32 {
        &self.0.direction(self.1).descriptors.head.0
    }

    fn slots(&self) -> u32 {
        self.0.geometry.slots
    }

    fn slot(&self, position: u32) -> &[AtomicU64; DESCRIPTOR] {
        self.0.words(self.0.places.descriptors[self.1 as usize], position & (self.slots() - 1))
    }
}

/// The ring that brings back the blocks sent towards an end.
pub(crate) struct Returns(pub(crate) Arc<Segment>, pub(crate) End);

impl RingWords<1> for Returns {
    fn tail(&self) -> &AtomicU32 {
        &self.0.direction(self.1).returns.tail.0
    }

    fn head(&self) -> &AtomicU32 {
        &self.0.direction(self.1).returns.head.0
    }

    fn slots(&self) -> u32 {
        self.0.places.return_slots
    }

    fn slot(&self, position: u32) -> &[AtomicU64; 1] {
        self.0.words(self.0.places.returns[self.1 as usize], position & (self.slots() - 1))
    }
}
