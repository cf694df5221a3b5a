//! DPDK, as far as a port of the user plane needs it: the functions of `shim.c`, which calls DPDK's own, most of them inline.
//!
//! Nothing is here without the feature `dpdk`. What returns an `int` returns a negative number of `errno` where it fails.
#![cfg(feature = "dpdk")]
#![allow(unsafe_code, reason = "the C interface of DPDK")]

use std::ffi::{c_char, c_int};
use std::marker::{PhantomData, PhantomPinned};

/// A buffer with a frame (`struct rte_mbuf`).
#[repr(C)]
pub struct Buffer {
    _octets: [u8; 0],
    _not_ours: PhantomData<(*mut u8, PhantomPinned)>,
}

/// A pool of buffers (`struct rte_mempool`).
#[repr(C)]
pub struct Pool {
    _octets: [u8; 0],
    _not_ours: PhantomData<(*mut u8, PhantomPinned)>,
}

// SAFETY: the same declarations as the definitions in `shim.c`.
unsafe extern "C" {
    /// Starts the environment (EAL), once in a process, with the arguments of a command line. They are kept.
    pub fn peregrine_dpdk_start(count: c_int, arguments: *mut *mut c_char) -> c_int;
    /// Ends it. It cannot be started again.
    pub fn peregrine_dpdk_end();
    /// Makes this thread one of the environment's: buffers come and go without locks then.
    pub fn peregrine_dpdk_enter_thread() -> c_int;
    /// Makes it an ordinary one again.
    pub fn peregrine_dpdk_leave_thread();
    /// The device of this name, a number up to 65535.
    pub fn peregrine_dpdk_device(name: *const c_char) -> c_int;
    /// Its address.
    pub fn peregrine_dpdk_mac(device: u16, mac: *mut [u8; 6]) -> c_int;
    /// A pool of so many buffers, each with room for a frame of so many octets. Null where it fails: then `why` says it.
    pub fn peregrine_dpdk_pool(name: *const c_char, device: u16, count: u32, room: u16, why: *mut c_int) -> *mut Pool;
    /// Frees a pool, of which no buffer is in use.
    pub fn peregrine_dpdk_free_pool(pool: *mut Pool);
    /// How many of its buffers are in use.
    pub fn peregrine_dpdk_in_use(pool: *const Pool) -> u32;
    /// Starts a device with so many queues for each direction, which take about so many frames, for packets of so many octets.
    /// `ERANGE`: it has fewer queues.
    pub fn peregrine_dpdk_start_device(device: u16, queues: u16, descriptors: u16, mtu: u16, pool: *mut Pool) -> c_int;
    /// Stops it.
    pub fn peregrine_dpdk_stop_device(device: u16);
    /// Closes it, with which it gives its buffers back.
    pub fn peregrine_dpdk_close_device(device: u16);
    /// Receives up to so many buffers, which are the caller's then. Returns how many.
    pub fn peregrine_dpdk_receive(device: u16, queue: u16, buffers: *mut *mut Buffer, count: u16) -> u16;
    /// Sends buffers. Returns how many; those behind them stay the caller's.
    pub fn peregrine_dpdk_send(device: u16, queue: u16, buffers: *mut *mut Buffer, count: u16) -> u16;
    /// Takes so many empty buffers of a pool, all or none.
    pub fn peregrine_dpdk_take(pool: *mut Pool, buffers: *mut *mut Buffer, count: u16) -> c_int;
    /// Gives buffers back to their pools.
    pub fn peregrine_dpdk_give_back(buffers: *mut *mut Buffer, count: u16);
    /// The frame in a buffer and its length; null where it goes on in another one.
    pub fn peregrine_dpdk_frame(buffer: *const Buffer, length: *mut u16) -> *const u8;
    /// Where a frame is written in an empty buffer, and how long it may be.
    pub fn peregrine_dpdk_room(buffer: *mut Buffer, length: *mut u16) -> *mut u8;
    /// Says how long the frame is that was written there.
    pub fn peregrine_dpdk_written(buffer: *mut Buffer, length: u16);
}
