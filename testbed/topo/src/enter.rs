//! Into namespaces of our own: the program starts itself again as their first process.

use std::ffi::CStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use rustix::process::{Signal, getpid};
use rustix::thread::UnshareFlags;

use crate::Error;

/// Tells the program, started again, that it is inside.
const INSIDE: &str = "PEREGRINE_TOPO_INSIDE";
/// Where scratch files live, in a file system of our own.
const SCRATCH: &CStr = c"/mnt";

/// Moves the program into fresh namespaces; returns inside of them. To be called first thing in `main`.
///
/// Outside, the call does not return: it waits for the inner program and ends with its exit status. A program that a
/// program inside has started returns at once: it is inside already.
pub fn enter() -> Result<(), Error> {
    if std::env::var_os(INSIDE).is_none() {
        let status = outside()?;
        std::process::exit(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)));
    }
    if getpid().as_raw_nonzero().get() == 1 {
        inside()?;
    }
    Ok(())
}

/// A folder for scratch files, empty at first and gone with the namespaces.
pub fn scratch() -> &'static Path {
    Path::new("/mnt")
}

fn outside() -> Result<ExitStatus, Error> {
    let threads = std::fs::read_dir("/proc/self/task").map_err(Error::at("reading /proc/self/task"))?.count();
    if threads != 1 {
        return Err(Error::Threads);
    }
    unshare()?;
    // The inner program hears Ctrl-C as well and cleans up; what is left to do here is to wait for it.
    // SAFETY: ignoring a signal installs no handler; the inner program sets its own.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    let executable = std::env::current_exe().map_err(Error::at("finding this program"))?;
    Command::new(executable)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .status()
        .map_err(Error::at("starting this program in its namespaces"))
}

/// Leaves the network, mounts and process numbers of the host, as root if we are, else by a user namespace in which
/// we are root.
fn unshare() -> Result<(), Error> {
    let ours = UnshareFlags::NEWNET | UnshareFlags::NEWNS | UnshareFlags::NEWPID;
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    // SAFETY: file descriptor tables are not unshared.
    if user == 0 && unsafe { rustix::thread::unshare_unsafe(ours) }.is_ok() {
        return Ok(());
    }
    // SAFETY: as above.
    unsafe { rustix::thread::unshare_unsafe(ours | UnshareFlags::NEWUSER) }
        .map_err(|error| Error::at("making namespaces")(error.into()))?;
    for (file, map) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {user} 1")),
        ("/proc/self/gid_map", format!("0 {group} 1")),
    ] {
        std::fs::write(file, map).map_err(Error::at("mapping root to this user"))?;
    }
    Ok(())
}

/// Makes the namespaces usable: nothing mounted here shows outside, `/proc` shows our processes, `lo` is up.
fn inside() -> Result<(), Error> {
    // Whoever waits for us outside may be killed: then so are we, and with us every process in here.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Error::at("asking to die with the parent")(error.into()))?;
    mount(c"none", c"/", None, libc::MS_REC | libc::MS_PRIVATE).map_err(Error::at("making mounts private"))?;
    mount(c"proc", c"/proc", Some(c"proc"), 0).map_err(Error::at("mounting /proc"))?;
    mount(c"scratch", SCRATCH, Some(c"tmpfs"), 0).map_err(Error::at("mounting the scratch folder"))?;
    loopback_up().map_err(Error::at("setting lo up"))
}

fn mount(source: &CStr, target: &CStr, kind: Option<&CStr>, flags: libc::c_ulong) -> io::Result<()> {
    let kind = kind.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: all strings are terminated and outlive the call; there is no data.
    let result = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind, flags, std::ptr::null()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sets `lo` of the calling thread's network namespace up.
pub(crate) fn loopback_up() -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let socket = std::net::UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: ifreq is a C struct for which all zeroes is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is a whole ifreq with a terminated name and the flags, which the call only reads.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
