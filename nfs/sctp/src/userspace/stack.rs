//! The library's start: once per process, after everything it looks at only then is in place.

use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;

use super::{loopback, sys};
use crate::{Backend, Error};

/// Out-of-the-blue packets get no answer at all: in one network namespace every user-space stack sees every packet,
/// and most are for another.
const SILENT: u32 = 2;

static STARTED: OnceLock<()> = OnceLock::new();

/// Starts the stack if it does not run yet, with the loopback addresses among `local` put on `lo` first, because
/// the library reads the host's addresses once.
pub(super) fn start(local: &[SocketAddr]) -> Result<(), Error> {
    if STARTED.get().is_some() {
        return Ok(());
    }
    permitted()?;
    for address in local {
        if let IpAddr::V4(ip) = address.ip() {
            loopback::ensure(ip).map_err(|source| Error::Unavailable {
                backend: Backend::UserSpace,
                reason: format!(
                    "{ip} is on no interface and cannot be added to lo ({source}): run `ip address add {ip}/8 dev lo`"
                ),
            })?;
        }
    }
    STARTED.get_or_init(|| {
        // SAFETY: called once; port 0 is no UDP encapsulation, and without callbacks the library calls nothing back.
        unsafe {
            sys::usrsctp_init(0, None, None);
        }
        // SAFETY: plain setters of global numbers, on an initialised library. Values in range never fail.
        unsafe {
            sys::usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
            sys::usrsctp_sysctl_set_sctp_blackhole(SILENT);
            sys::usrsctp_sysctl_set_sctp_auto_asconf(0);
            sys::usrsctp_sysctl_set_sctp_asconf_enable(0);
            sys::usrsctp_sysctl_set_sctp_ecn_enable(0);
        }
        if Backend::probe().backend == Backend::Kernel {
            tracing::warn!("user-space SCTP on a kernel that has SCTP: the kernel answers the peers' INITs with ABORT");
        }
    });
    Ok(())
}

/// The library says nothing if it cannot open its raw sockets; so one is tried here.
fn permitted() -> Result<(), Error> {
    let protocol = socket2::Protocol::from(libc::IPPROTO_SCTP);
    match socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::RAW, Some(protocol)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Unavailable {
            backend: Backend::UserSpace,
            reason: format!(
                "no raw socket for IP protocol 132 ({error}): run as root, with CAP_NET_RAW, \
                 or under `unshare --user --map-root-user --net`"
            ),
        }),
    }
}
