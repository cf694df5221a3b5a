//! A queue of a device, each way, and what of its frames is the system's.

use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use dpdk_sys as sys;

use super::device::Device;
use super::system::System;
use crate::ethernet::{Ring, Steering};

/// Buffers received, taken or sent at once.
const BURST: usize = 64;

/// Times that a device is asked to take what it did not.
const TRIES: usize = 16;

/// Frames of a burst that are passed on to the system at most: each costs a call, and anybody can send them.
const PASSED_ON: usize = 8;

/// Bursts between two looks at what the system sends, unless one has waited for it.
const RELAY: u32 = 32;

/// Frames of the system sent at a look.
const RELAYED: usize = 32;

/// A queue, which one worker has.
pub(super) struct Queue {
    device: Arc<Device>,
    number: u16,
    steering: Steering,
    /// Empty buffers.
    spare: Vec<NonNull<sys::Buffer>>,
    /// Buffers to be sent, at most a burst.
    written: Vec<NonNull<sys::Buffer>>,
    /// Frames that could not be sent since this was last asked.
    unsent: usize,
    system: Arc<System>,
    /// Bursts until the next look at what the system sends. `None`: another queue looks.
    look: Option<u32>,
}

// SAFETY: the buffers are this value's own; DPDK lets any thread have a queue, and buffers, as long as it is one at a time.
unsafe impl Send for Queue {}

impl Queue {
    /// Queue `number` of the device. What is not ours goes to the system, whose frames the first queue sends.
    pub(super) fn new(device: &Arc<Device>, number: u16, steering: Steering, system: &Arc<System>) -> Self {
        Self {
            device: device.clone(),
            number,
            steering,
            spare: Vec::with_capacity(BURST),
            written: Vec::with_capacity(BURST),
            unsent: 0,
            system: system.clone(),
            look: (number == 0).then_some(0),
        }
    }

    /// Buffers of the device in use.
    pub(super) fn in_use(&self) -> u32 {
        self.device.in_use()
    }

    /// The system's end.
    pub(super) fn system(&self) -> &System {
        &self.system
    }

    /// Says that the next burst is to look at what the system sends.
    pub(super) fn look_soon(&mut self) {
        if let Some(look) = &mut self.look {
            *look = 0;
        }
    }

    /// Sends what the system sends, now and then.
    fn relay(&mut self) {
        match &mut self.look {
            None => return,
            Some(0) => self.look = Some(RELAY),
            Some(left) => {
                *left -= 1;
                return;
            }
        }
        let system = self.system.clone();
        let relayed = (0..RELAYED).take_while(|_| self.put(|room| system.receive(room))).count();
        if relayed > 0 {
            // One that cannot be sent is the system's to repeat.
            self.flush();
            self.unsent = 0;
        }
        if relayed == RELAYED {
            self.look_soon();
        }
    }

    /// Gives what was written to the device; what it does not take is dropped.
    fn transmit(&mut self) {
        let mut buffers = [null_mut(); BURST];
        let count = self.written.len().min(BURST);
        buffers.iter_mut().zip(self.written.drain(..count)).for_each(|(place, buffer)| *place = buffer.as_ptr());
        let mut left = buffers.get_mut(..count).unwrap_or_default();
        for _ in 0..TRIES {
            if left.is_empty() {
                return;
            }
            // SAFETY: the device has started and has this queue, which is ours alone; so many pointers to buffers of ours, of
            // which those it takes are its own from now on.
            let taken = unsafe {
                sys::peregrine_dpdk_send(self.device.number(), self.number, left.as_mut_ptr(), left.len() as u16)
            };
            left = left.get_mut(usize::from(taken)..).unwrap_or_default();
        }
        self.unsent += left.len();
        give_back(left);
    }

    /// Takes empty buffers; none where the device has no more.
    fn refill(&mut self) {
        let mut buffers = [null_mut(); BURST];
        // SAFETY: the pool lives as long as the device; there is room for as many pointers as are asked for.
        let failed = unsafe { sys::peregrine_dpdk_take(self.device.pool(), buffers.as_mut_ptr(), BURST as u16) };
        if failed == 0 {
            self.spare.extend(buffers.into_iter().filter_map(NonNull::new));
        }
    }
}

/// Gives buffers of ours back.
fn give_back(buffers: &mut [*mut sys::Buffer]) {
    if !buffers.is_empty() {
        // SAFETY: so many pointers to buffers that are the caller's, who has them no more.
        unsafe { sys::peregrine_dpdk_give_back(buffers.as_mut_ptr(), buffers.len() as u16) };
    }
}

/// The frame in a buffer of ours, if it is in that alone.
fn frame(buffer: &*mut sys::Buffer) -> Option<&[u8]> {
    let mut length = 0;
    // SAFETY: a buffer that was received and not given back.
    let octets = unsafe { sys::peregrine_dpdk_frame(*buffer, &raw mut length) };
    // SAFETY: so many octets from there are the buffer's, written by the device before it was received, and nobody else has it
    // as long as it is borrowed.
    (!octets.is_null()).then(|| unsafe { std::slice::from_raw_parts(octets, usize::from(length)) })
}

/// The room in an empty buffer of ours.
fn room(buffer: &mut NonNull<sys::Buffer>) -> &mut [u8] {
    let mut length = 0;
    // SAFETY: an empty buffer that was taken, and neither sent nor given back.
    let octets = unsafe { sys::peregrine_dpdk_room(buffer.as_ptr(), &raw mut length) };
    // SAFETY: so many octets from there are the buffer's, in memory that the pool has cleared, and nobody else has it as long
    // as it is borrowed.
    unsafe { std::slice::from_raw_parts_mut(octets, usize::from(length)) }
}

impl Ring for Queue {
    fn receive(&mut self, most: usize, mut take: impl FnMut(&[u8])) {
        let mut buffers = [null_mut(); BURST];
        let most = most.min(BURST) as u16;
        // SAFETY: the device has started and has this queue, which is ours alone; there is room for as many pointers as are
        // asked for. What is received is ours.
        let count =
            unsafe { sys::peregrine_dpdk_receive(self.device.number(), self.number, buffers.as_mut_ptr(), most) };
        let received = buffers.get_mut(..usize::from(count)).unwrap_or_default();
        let mut passed_on = 0;
        for octets in received.iter().filter_map(frame) {
            if self.steering.is_ours(self.system.interface().mac, octets) {
                take(octets);
            } else if passed_on < PASSED_ON {
                passed_on += 1;
                self.system.send(octets);
            }
        }
        give_back(received);
        self.relay();
    }

    fn put(&mut self, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        if self.written.len() >= BURST {
            self.transmit();
        }
        if self.spare.is_empty() {
            self.refill();
        }
        let Some(mut buffer) = self.spare.pop() else { return false };
        let room = room(&mut buffer);
        let longest = room.len();
        match write(room).filter(|length| *length <= longest).and_then(|length| u16::try_from(length).ok()) {
            Some(length) => {
                // SAFETY: a buffer of ours, in which so many octets are there.
                unsafe { sys::peregrine_dpdk_written(buffer.as_ptr(), length) };
                self.written.push(buffer);
                true
            }
            None => {
                self.spare.push(buffer);
                false
            }
        }
    }

    fn flush(&mut self) -> usize {
        if !self.written.is_empty() {
            self.transmit();
        }
        std::mem::take(&mut self.unsent)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let held = self.spare.drain(..).chain(self.written.drain(..));
        let mut held: Vec<_> = held.map(NonNull::as_ptr).collect();
        give_back(&mut held);
    }
}
