//! A device of DPDK with its buffers.

use std::ffi::{CString, c_int};
use std::io;
use std::ptr::NonNull;
use std::sync::Arc;

use dpdk_sys as sys;

use super::environment::{Environment, done};
use crate::ethernet::Mac;

/// Frames that a queue takes, about.
const DESCRIPTORS: u16 = 1024;

/// Buffers for each queue: what it takes in both directions, what is held by the worker, and stores of threads.
const BUFFERS: u32 = 4096;

/// Octets of Ethernet around a packet: the header, a VLAN's, and the check sequence.
const AROUND: u16 = 22;

/// A device that is started. It is stopped and closed, and gives all its buffers back, when nobody has it any more.
pub(super) struct Device {
    number: u16,
    mac: Mac,
    pool: NonNull<sys::Pool>,
    _environment: Arc<Environment>,
}

// SAFETY: the pool is made for several threads at once; the device is set up and closed by one, and each queue has an owner.
unsafe impl Send for Device {}
// SAFETY: as above: what takes `&self` only calls the pool's functions.
unsafe impl Sync for Device {}

impl Device {
    /// Starts the device of this name with so many queues each way, for packets of up to `mtu` octets.
    ///
    /// # Errors
    /// No such device, fewer queues than wanted, no memory.
    pub(super) fn start(environment: &Arc<Environment>, name: &str, queues: u16, mtu: u16) -> io::Result<Self> {
        let text = CString::new(name)?;
        // SAFETY: the environment has started; the name is a string that ends with a zero.
        let number = done(unsafe { sys::peregrine_dpdk_device(text.as_ptr()) })?;
        let number = u16::try_from(number).map_err(io::Error::other)?;
        let mut mac = [0; 6];
        // SAFETY: the environment has started; six octets are written.
        done(unsafe { sys::peregrine_dpdk_mac(number, &raw mut mac) })?;
        let buffers = BUFFERS * u32::from(queues.max(1));
        let room = (mtu + AROUND).max(2048);
        let mut why: c_int = 0;
        let pool = CString::new(format!("peregrine-{number}"))?;
        // SAFETY: the environment has started; the name is a string that ends with a zero, and is copied.
        let pool = unsafe { sys::peregrine_dpdk_pool(pool.as_ptr(), number, buffers, room, &raw mut why) };
        let Some(pool) = NonNull::new(pool) else {
            let why = done(why).err().unwrap_or_else(|| io::ErrorKind::OutOfMemory.into());
            let hint = "huge pages, or with --no-huge the megabytes of -m (64 without it), are too few";
            return Err(io::Error::new(why.kind(), format!("no memory for {buffers} buffers: {hint} ({why})")));
        };
        let device = Self { number, mac, pool, _environment: environment.clone() };
        // SAFETY: the pool is one and lives until the device is closed, by `drop` if this fails.
        let started = unsafe { sys::peregrine_dpdk_start_device(number, queues, DESCRIPTORS, mtu, pool.as_ptr()) };
        done(started)?;
        Ok(device)
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    /// Its address; `None`: it has none, as devices of software may.
    pub(super) fn mac(&self) -> Option<Mac> {
        (self.mac != [0; 6]).then_some(self.mac)
    }

    pub(super) fn pool(&self) -> *mut sys::Pool {
        self.pool.as_ptr()
    }

    /// How many of the buffers are in use.
    pub(super) fn in_use(&self) -> u32 {
        // SAFETY: the pool lives as long as this.
        unsafe { sys::peregrine_dpdk_in_use(self.pool.as_ptr()) }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: the queues, which hold the device, are gone with their buffers. What the driver has it gives back when it is
        // closed; so nothing of the pool is in use when that is freed.
        unsafe {
            sys::peregrine_dpdk_stop_device(self.number);
            sys::peregrine_dpdk_close_device(self.number);
        }
        match self.in_use() {
            // SAFETY: as above.
            0 => unsafe { sys::peregrine_dpdk_free_pool(self.pool.as_ptr()) },
            // A driver's fault; the memory goes with the process.
            lost => tracing::warn!(device = self.number, lost, "buffers were not given back"),
        }
    }
}
