//! SCTP in this process: Debian's libusrsctp over raw sockets of IP protocol 132.
//!
//! The library's threads wake tasks and accept associations; every other call is made from a task, on non-blocking
//! sockets, for which the library does its own locking, except for accepting and closing: see [`Arrivals`] and [`closing`].

mod closing;
mod loopback;
mod options;
mod predecessor;
mod stack;
mod sys;
mod wake;

use std::collections::VecDeque;
use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::predecessor::Watch;
use self::sys::{ReceiveInformation, SendInformation};
use self::wake::Wake;
use crate::notification::{self, Numbers};
use crate::transport::{Part, family, packed, unpacked};
use crate::{Error, Options};

const NUMBERS: Numbers = Numbers {
    association_change: sys::SCTP_ASSOC_CHANGE,
    partial_delivery: sys::SCTP_PARTIAL_DELIVERY_EVENT,
    communication_up: sys::SCTP_COMM_UP,
};

/// A socket of the library, closed when dropped, or as soon after that as is safe.
#[derive(Debug)]
struct Handle {
    raw: NonNull<sys::RawSocket>,
    wake: Wake,
}

// SAFETY: the library locks a socket in every call on it; it belongs to no thread.
unsafe impl Send for Handle {}
// SAFETY: as above, calls from several threads at once are allowed.
unsafe impl Sync for Handle {}

impl Handle {
    /// Takes a socket of the library over: non-blocking, and waking its waiters.
    fn new(raw: *mut sys::RawSocket) -> io::Result<Handle> {
        let raw = NonNull::new(raw).ok_or_else(io::Error::last_os_error)?;
        let handle = Handle { raw, wake: Wake::new() };
        // SAFETY: a live socket; the argument is a number that `upcall` only looks up.
        let done = unsafe {
            sys::usrsctp_set_upcall(handle.raw(), Some(wake::upcall), handle.wake.argument())
                | sys::usrsctp_set_non_blocking(handle.raw(), 1)
        };
        check(done)?;
        Ok(handle)
    }

    /// A new socket, with its options, bound to `local`.
    fn bound(local: &[SocketAddr], other: &[SocketAddr], options: &Options) -> Result<Handle, Error> {
        stack::start(local)?;
        let domain = family(&[local, other].concat());
        // SAFETY: no callbacks are given, so nothing is called with the null argument.
        let raw = unsafe {
            sys::usrsctp_socket(
                domain,
                libc::SOCK_STREAM,
                libc::IPPROTO_SCTP,
                std::ptr::null(),
                std::ptr::null(),
                0,
                std::ptr::null_mut(),
            )
        };
        let handle = Handle::new(raw)?;
        options::configure(&handle, options)?;
        let failed = |source| Error::Bind { addresses: local.to_vec(), source };
        // One by one: the first call decides the port, further ones must name it or none.
        for address in local {
            let mut bytes = aligned(&[*address]);
            // SAFETY: `bytes` holds one whole socket address, which the library copies.
            let done =
                unsafe { sys::usrsctp_bindx(handle.raw(), bytes.as_mut_ptr().cast(), 1, sys::SCTP_BINDX_ADD_ADDR) };
            check(done).map_err(failed)?;
        }
        Ok(handle)
    }

    fn raw(&self) -> *mut sys::RawSocket {
        self.raw.as_ptr()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if closing::allowed(self) {
            // SAFETY: the socket is live and this is the last use of it. No thread of the library finds it by an
            // association any more; upcalls that still come find no entry, which is dropped after this.
            unsafe { sys::usrsctp_close(self.raw()) };
        } else {
            closing::later(Socket { handle: Handle { raw: self.raw, wake: Wake::new() } });
        }
    }
}

/// A socket with one association.
#[derive(Debug)]
pub(crate) struct Socket {
    handle: Handle,
}

impl Socket {
    /// Starts an association; it is established once the notification of that comes.
    pub(crate) fn connect(local: &[SocketAddr], remote: &[SocketAddr], options: &Options) -> Result<Socket, Error> {
        let handle = Handle::bound(local, remote, options)?;
        let addresses = aligned(remote);
        let count = c_int::try_from(remote.len()).unwrap_or(c_int::MAX);
        let mut id = 0;
        // SAFETY: `addresses` holds `count` whole socket addresses one after the other.
        let done = unsafe { sys::usrsctp_connectx(handle.raw(), addresses.as_ptr().cast(), count, &raw mut id) };
        match check(done) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
                Err(Error::Connect { peer: remote.to_vec(), source: error })
            }
            _ => Ok(Socket { handle }),
        }
    }

    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Part> {
        self.handle.wake.until_ready(|| self.try_receive(buffer)).await
    }

    fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Part> {
        let mut information = ReceiveInformation::default();
        let mut information_length = socklen::<ReceiveInformation>();
        let (mut kind, mut flags) = (0, 0);
        let mut from = MaybeUninit::<libc::sockaddr_storage>::uninit();
        let mut from_length = socklen::<libc::sockaddr_storage>();
        // SAFETY: every pointer is to a local or to `buffer`, each with its true length.
        let received = unsafe {
            sys::usrsctp_recvv(
                self.handle.raw(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                from.as_mut_ptr().cast(),
                &raw mut from_length,
                (&raw mut information).cast(),
                &raw mut information_length,
                &raw mut kind,
                &raw mut flags,
            )
        };
        let length = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        if length == 0 {
            return Ok(Part::End);
        }
        if flags & sys::MSG_NOTIFICATION != 0 {
            return Ok(Part::Notice(notification::notice(&NUMBERS, buffer.get(..length).unwrap_or_default())));
        }
        if kind != sys::SCTP_RECVV_RCVINFO {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let ppid = u32::from_be(information.ppid);
        Ok(Part::Data { stream: information.stream, ppid, length, end: flags & libc::MSG_EOR != 0 })
    }

    pub(crate) async fn send(&self, stream: u16, ppid: u32, data: &[u8]) -> io::Result<()> {
        let information = SendInformation { stream, ppid: ppid.to_be(), ..SendInformation::default() };
        self.handle.wake.until_ready(|| self.try_send(information, data)).await
    }

    fn try_send(&self, mut information: SendInformation, data: &[u8]) -> io::Result<()> {
        // SAFETY: `data` and `information` are given with their true lengths; the library copies both.
        let sent = unsafe {
            sys::usrsctp_sendv(
                self.handle.raw(),
                data.as_ptr().cast(),
                data.len(),
                std::ptr::null_mut(),
                0,
                (&raw mut information).cast(),
                socklen::<SendInformation>(),
                sys::SCTP_SENDV_SNDINFO,
                0,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    pub(crate) fn outbound_streams(&self) -> io::Result<u16> {
        options::outbound_streams(&self.handle)
    }

    pub(crate) fn peer_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let mut list = std::ptr::null_mut();
        // SAFETY: on success the library gives `count` packed socket addresses, which stay until they are freed.
        unsafe {
            let count = sys::usrsctp_getpaddrs(self.handle.raw(), sys::ONLY, &raw mut list);
            let addresses = addresses_at(list, count);
            if !list.is_null() {
                sys::usrsctp_freepaddrs(list);
            }
            addresses
        }
    }

    pub(crate) fn shutdown(&self) -> io::Result<()> {
        // SAFETY: a live socket.
        check(unsafe { sys::usrsctp_shutdown(self.handle.raw(), libc::SHUT_WR) })
    }

    pub(crate) fn abort(&self) {
        let information = SendInformation { flags: sys::SCTP_ABORT, ..SendInformation::default() };
        // An association that is over already needs no abort.
        let _ = self.try_send(information, &[]);
    }
}

/// Associations taken from a listener and not yet asked for. They are accepted on the library's thread that has just
/// handled the packet which completed them: an `accept` on another thread meanwhile can free what that one still uses
/// (issue 697 of sctplab/usrsctp; 0.9.5).
#[derive(Debug, Default)]
struct Arrivals(Mutex<VecDeque<Handle>>);

/// Most of them; more are aborted.
const MOST_ARRIVALS: usize = 128;

impl Arrivals {
    /// Accepts whatever has arrived at the listener.
    fn take_from(&self, listener: *mut sys::RawSocket) {
        while let Ok(handle) = accept(listener) {
            let mut waiting = self.waiting();
            if waiting.len() < MOST_ARRIVALS {
                waiting.push_back(handle);
            } else {
                drop(waiting);
                Socket { handle }.abort();
            }
        }
    }

    fn next(&self) -> io::Result<Handle> {
        self.waiting().pop_front().ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Handle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: *mut sys::RawSocket) -> io::Result<Handle> {
    let mut from = MaybeUninit::<libc::sockaddr_storage>::uninit();
    let mut length = socklen::<libc::sockaddr_storage>();
    // SAFETY: a live listener (both callers); both pointers are to locals, with the true length.
    let raw = unsafe { sys::usrsctp_accept(listener, from.as_mut_ptr().cast(), &raw mut length) };
    Handle::new(raw)
}

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    handle: Handle,
    arrivals: Arc<Arrivals>,
    _predecessor: Watch,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Those that wait to be accepted end one by one: with the listener the library would free them at once.
        self.arrivals.take_from(self.handle.raw());
        for handle in self.arrivals.waiting().drain(..) {
            Socket { handle }.abort();
        }
    }
}

impl Listener {
    pub(crate) fn bind(addresses: &[SocketAddr], options: &Options) -> Result<Listener, Error> {
        let handle = Handle::bound(addresses, addresses, options)?;
        let failed = |source| Error::Bind { addresses: addresses.to_vec(), source };
        let port = local_addresses(&handle).map_err(failed)?.first().map_or(0, SocketAddr::port);
        let predecessor = Watch::start(port).map_err(failed)?;
        let arrivals = Arc::new(Arrivals::default());
        let taking = Arc::clone(&arrivals);
        // The library holds a reference to the socket while it calls.
        handle.wake.first(Box::new(move |listener| taking.take_from(listener)));
        // SAFETY: a live, bound socket.
        let done = unsafe { sys::usrsctp_listen(handle.raw(), 128) };
        check(done).map_err(failed)?;
        Ok(Listener { handle, arrivals, _predecessor: predecessor })
    }

    pub(crate) async fn accept(&self, options: &Options) -> io::Result<Socket> {
        let handle = self.handle.wake.until_ready(|| self.arrivals.next()).await?;
        options::subscribe(&handle)?;
        options::buffers(&handle, options)?;
        Ok(Socket { handle })
    }

    pub(crate) fn local_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        local_addresses(&self.handle)
    }
}

fn local_addresses(handle: &Handle) -> io::Result<Vec<SocketAddr>> {
    let mut list = std::ptr::null_mut();
    // SAFETY: on success the library gives `count` packed socket addresses, which stay until they are freed.
    unsafe {
        let count = sys::usrsctp_getladdrs(handle.raw(), sys::ONLY, &raw mut list);
        let addresses = addresses_at(list, count);
        if !list.is_null() {
            sys::usrsctp_freeladdrs(list);
        }
        addresses
    }
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn socklen<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(libc::socklen_t::MAX)
}

/// Packed socket addresses in memory aligned for them.
fn aligned(addresses: &[SocketAddr]) -> Vec<u64> {
    packed(addresses)
        .chunks(8)
        .map(|chunk| {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            u64::from_ne_bytes(word)
        })
        .collect()
}

/// Reads `count` socket addresses that lie one after the other.
///
/// # Safety
/// `list` must point to that many whole addresses, or `count` must not be positive.
unsafe fn addresses_at(list: *const libc::sockaddr, count: c_int) -> io::Result<Vec<SocketAddr>> {
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    let mut addresses = Vec::with_capacity(count);
    let mut at = list.cast::<u8>();
    for _ in 0..count {
        // SAFETY: an address is there (caller), at least as long as its family.
        let family = unsafe { at.cast::<libc::sa_family_t>().read_unaligned() };
        let length = match c_int::from(family) {
            libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
            _ => size_of::<libc::sockaddr_in>(),
        };
        // SAFETY: so long is an address of this family, and the whole of it is there (caller).
        addresses.extend(unpacked(unsafe { std::slice::from_raw_parts(at, length) }, 1)?);
        // SAFETY: at most one past the end of the last address.
        at = unsafe { at.add(length) };
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_packing() {
        let addresses: Vec<SocketAddr> =
            ["10.1.2.3:38412", "[fd00::1]:38412"].map(|text| text.parse().expect("literal")).into();
        let memory = aligned(&addresses);
        // SAFETY: the memory holds the two addresses just packed.
        let read = unsafe { addresses_at(memory.as_ptr().cast(), 2) }.expect("two addresses");
        assert_eq!(read, addresses);
    }
}
