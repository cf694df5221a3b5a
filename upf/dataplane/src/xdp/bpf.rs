//! The few calls of `bpf(2)` that steering takes: a map of sockets, a program, its link to an interface. Each thing is
//! a descriptor and gone when that is closed.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::program::Instruction;

const MAP_CREATE: libc::c_int = 0;
const MAP_UPDATE: libc::c_int = 2;
const PROGRAM_LOAD: libc::c_int = 5;
const LINK_CREATE: libc::c_int = 28;
/// `BPF_MAP_TYPE_XSKMAP`.
const MAP_OF_SOCKETS: u32 = 17;
/// `BPF_PROG_TYPE_XDP`.
const XDP_PROGRAM: u32 = 6;
/// `BPF_XDP`.
const ATTACH_XDP: u32 = 37;

#[repr(C)]
#[derive(Default)]
struct MapCreate {
    kind: u32,
    key: u32,
    value: u32,
    entries: u32,
}

#[repr(C)]
#[derive(Default)]
struct MapUpdate {
    map: u32,
    _padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
#[derive(Default)]
struct ProgramLoad {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    _version: u32,
    _flags: u32,
    name: [u8; 16],
    _interface: u32,
    attach: u32,
}

#[repr(C)]
#[derive(Default)]
struct LinkCreate {
    program: u32,
    interface: u32,
    attach: u32,
    flags: u32,
}

/// The call. What it returns that is not negative is a descriptor, or 0.
///
/// # Safety
/// `attribute` must be what the command takes, with pointers to memory that lives past the call.
unsafe fn call<T>(command: libc::c_int, attribute: &T) -> io::Result<RawFd> {
    // SAFETY: the attribute is readable for its length; the rest is the caller's promise.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attribute), size_of::<T>()) };
    match RawFd::try_from(done) {
        Ok(done) if done >= 0 => Ok(done),
        _ => Err(io::Error::last_os_error()),
    }
}

fn number(descriptor: BorrowedFd<'_>) -> u32 {
    // A descriptor is never negative.
    descriptor.as_raw_fd().unsigned_abs()
}

/// Sockets by queue.
pub(super) struct SocketMap(OwnedFd);

impl SocketMap {
    /// For queues 0 to `queues`.
    pub(super) fn new(queues: u32) -> io::Result<Self> {
        let attribute = MapCreate { kind: MAP_OF_SOCKETS, key: 4, value: 4, entries: queues.max(1) };
        // SAFETY: the attribute of this command, without pointers; what is returned is a descriptor that nobody else has.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(call(MAP_CREATE, &attribute)?) }))
    }

    /// Puts the socket of a queue in.
    pub(super) fn put(&self, queue: u32, socket: BorrowedFd<'_>) -> io::Result<()> {
        let value = number(socket);
        let attribute = MapUpdate {
            map: number(self.0.as_fd()),
            key: std::ptr::from_ref(&queue) as u64,
            value: std::ptr::from_ref(&value) as u64,
            ..MapUpdate::default()
        };
        // SAFETY: the attribute of this command; key and value are of the lengths the map was made with and live past the call.
        unsafe { call(MAP_UPDATE, &attribute) }.map(drop)
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A program that the system has checked.
pub(super) struct Program(OwnedFd);

impl Program {
    /// Has the system check a program.
    ///
    /// # Errors
    /// No permission (CAP_BPF and CAP_NET_ADMIN, outside of user namespaces), or a program that is refused.
    pub(super) fn load(instructions: &[Instruction]) -> io::Result<Self> {
        let mut name = [0; 16];
        name.iter_mut().zip(b"peregrine").for_each(|(place, letter)| *place = *letter);
        let attribute = ProgramLoad {
            kind: XDP_PROGRAM,
            count: u32::try_from(instructions.len()).map_err(io::Error::other)?,
            instructions: instructions.as_ptr() as u64,
            license: c"Apache-2.0".as_ptr() as u64,
            name,
            attach: ATTACH_XDP,
            ..ProgramLoad::default()
        };
        // SAFETY: the attribute of this command; instructions and license live past the call and are only read; what is
        // returned is a descriptor that nobody else has.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(call(PROGRAM_LOAD, &attribute)?) }))
    }

    /// Has it look at what the interface receives: in the driver where that can, else in the system.
    ///
    /// # Errors
    /// An interface that is not there, or has a program already.
    pub(super) fn attach(&self, interface: u32) -> io::Result<Link> {
        let attribute = LinkCreate { program: number(self.0.as_fd()), interface, attach: ATTACH_XDP, flags: 0 };
        // SAFETY: the attribute of this command, without pointers; what is returned is a descriptor that nobody else has.
        Ok(Link(unsafe { OwnedFd::from_raw_fd(call(LINK_CREATE, &attribute)?) }))
    }
}

/// A program at an interface, as long as this lives.
pub(super) struct Link(#[expect(dead_code, reason = "closed with it")] OwnedFd);
