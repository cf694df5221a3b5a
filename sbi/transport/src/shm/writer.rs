//! How messages get into a channel: a body that is a value is written where the peer will read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ::shm::{ChannelError, Sender};
use bytes::Bytes;
use sbi_api::{Body, Encode};

use crate::stats::{Stats, count};

/// Least octets that are asked for to write a value: nearly all bodies are shorter.
const USUAL: usize = 3 << 10;

/// By so much more is asked for where it was too little.
const MORE: usize = 4;

/// Writes the messages of one end of a channel.
pub(super) struct Writer {
    pub(super) sender: Sender,
    ahead: Sender,
    stats: Arc<Stats>,
    /// Octets that were enough of late. `Relaxed`: an estimate.
    usual: AtomicUsize,
}

/// What a message is.
#[derive(Clone, Copy)]
pub(super) struct Tag {
    pub(super) stream: u32,
    pub(super) kind: u8,
    /// It goes before others that wait.
    pub(super) ahead: bool,
}

/// A message for which there was no room yet.
pub(super) struct Unsent {
    tag: Tag,
    head: Vec<u8>,
    body: Bytes,
}

impl Unsent {
    /// Sends it, waiting for room.
    pub(super) async fn send(&self, writer: &Writer) -> Result<(), ChannelError> {
        writer.sender_of(self.tag).send(self.tag.stream, self.tag.kind, &[&self.head, &self.body]).await
    }
}

/// What became of a message.
pub(super) enum Put {
    Sent,
    /// There was no room.
    Unsent(Unsent),
    /// Its body has more octets than allowed.
    TooLarge,
}

impl Writer {
    pub(super) fn new(sender: Sender, stats: Arc<Stats>) -> Self {
        Self { ahead: sender.ahead(), sender, stats, usual: AtomicUsize::new(USUAL) }
    }

    fn sender_of(&self, tag: Tag) -> &Sender {
        if tag.ahead { &self.ahead } else { &self.sender }
    }

    /// Sends a message with a body of up to `most` octets, unless it has to wait for room.
    pub(super) fn put(&self, tag: Tag, head: &[u8], body: &Body<'_>, most: usize) -> Result<Put, ChannelError> {
        let made;
        let octets = match body {
            Body::Octets(octets) => octets,
            Body::Value(value) => match self.write(tag, head, &**value, most)? {
                Some(put) => return Ok(put),
                None => {
                    made = value.to_bytes();
                    &made
                }
            },
        };
        if octets.len() > most {
            return Ok(Put::TooLarge);
        }
        count(&self.stats.bytes_sent, octets.len());
        let sent = self.sender_of(tag).try_send(tag.stream, tag.kind, &[head, octets])?;
        let unsent = || Unsent { tag, head: head.to_vec(), body: octets.clone() };
        Ok(if sent { Put::Sent } else { Put::Unsent(unsent()) })
    }

    /// Writes a value into shared memory. `None` if there is no room for it in one piece.
    fn write(&self, tag: Tag, head: &[u8], value: &dyn Encode, most: usize) -> Result<Option<Put>, ChannelError> {
        let mut wanted = self.usual.load(Relaxed);
        let sender = self.sender_of(tag);
        let most_room = sender.longest_room().saturating_sub(head.len());
        while let Some(mut room) = sender.reserve(head.len() + wanted.min(most_room))? {
            let Some((front, rest)) = room.octets().split_at_mut_checked(head.len()) else { break };
            front.copy_from_slice(head);
            match value.write_into(rest) {
                Some(length) if length > most => return Ok(Some(Put::TooLarge)),
                Some(length) => {
                    self.usual.store(usual_after(wanted, length), Relaxed);
                    count(&self.stats.bytes_sent, length);
                    return room.send(tag.stream, tag.kind, head.len() + length).map(|()| Some(Put::Sent));
                }
                None if rest.len() >= most_room => break,
                None => wanted = rest.len().saturating_mul(MORE),
            }
        }
        Ok(None)
    }
}

/// What to ask for next after `wanted` octets were asked for and `length` needed: long bodies are remembered for some messages, so
/// that a series of them is not begun twice each.
fn usual_after(wanted: usize, length: usize) -> usize {
    let enough = length.saturating_add(length / 4);
    let slowly = wanted - wanted.saturating_sub(enough) / 16;
    slowly.min(wanted).max(USUAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_are_remembered_and_forgotten() {
        assert_eq!(usual_after(USUAL, 10), USUAL);
        assert_eq!(usual_after(48 << 10, 40 << 10), 48 << 10, "the next one as long has room");
        let mut usual = 48 << 10;
        let short = (0..200).take_while(|_| {
            usual = usual_after(usual, 100);
            usual > 2 * USUAL
        });
        assert!((10..60).contains(&short.count()));
        assert_eq!(usual_after(usize::MAX, usize::MAX), usize::MAX);
    }
}
