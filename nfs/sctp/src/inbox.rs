//! From parts to events: messages put together within their bound, notifications read, the end remembered.

use std::io;

use bytes::{Bytes, BytesMut};

use crate::Event;
use crate::transport::{Notice, Part, Socket, ended};

/// Bytes asked of the stack at a time; most NGAP messages are far shorter.
const CHUNK: usize = 16 * 1024;

/// The receiving side's memory.
#[derive(Debug)]
pub(crate) struct Inbox {
    buffer: Box<[u8]>,
    /// What came so far of a message whose end is not here yet.
    begun: BytesMut,
    /// The rest of the message under way is dropped: it is too long.
    oversized: bool,
    end: Option<Event>,
}

impl Inbox {
    pub(crate) fn new() -> Inbox {
        Inbox { buffer: vec![0; CHUNK].into(), begun: BytesMut::new(), oversized: false, end: None }
    }

    /// Waits for the next event. Cancel safe: parts are kept here.
    pub(crate) async fn next(&mut self, socket: &Socket) -> Event {
        if let Some(end) = &self.end {
            return end.clone();
        }
        loop {
            let part = socket.receive(&mut self.buffer).await;
            if let Some(event) = self.take(part, socket.max_message(), socket.aborted_here()) {
                if let Event::Shutdown | Event::PeerAborted = event {
                    self.end = Some(event.clone());
                    socket.over();
                }
                return event;
            }
        }
    }

    fn take(&mut self, part: io::Result<Part>, max: usize, aborted_here: bool) -> Option<Event> {
        match part {
            Ok(Part::Data { stream, ppid, length, end }) => self.data(stream, ppid, length, end, max),
            Ok(Part::Notice(Notice::Lost)) => Some(if aborted_here { Event::Shutdown } else { Event::PeerAborted }),
            Ok(Part::Notice(Notice::Restarted { .. })) => {
                self.forget();
                Some(Event::Restarted)
            }
            Ok(Part::Notice(Notice::PartialAborted)) => {
                self.forget();
                None
            }
            Ok(Part::Notice(Notice::Complete) | Part::End) => Some(Event::Shutdown),
            Ok(Part::Notice(Notice::Up | Notice::Other)) => None,
            Err(_) if aborted_here => Some(Event::Shutdown),
            Err(error) => {
                if !ended(&error) {
                    tracing::warn!(%error, "SCTP receive failed; the association is given up");
                }
                Some(Event::PeerAborted)
            }
        }
    }

    fn data(&mut self, stream: u16, ppid: u32, length: usize, end: bool, max: usize) -> Option<Event> {
        let part = self.buffer.get(..length)?;
        if self.oversized || self.begun.len() + length > max {
            self.begun = BytesMut::new();
            self.oversized = !end;
            return end.then_some(Event::Oversized { stream, ppid });
        }
        if end && self.begun.is_empty() {
            return Some(Event::Message { stream, ppid, data: Bytes::copy_from_slice(part) });
        }
        self.begun.extend_from_slice(part);
        end.then(|| Event::Message { stream, ppid, data: std::mem::take(&mut self.begun).freeze() })
    }

    fn forget(&mut self) {
        self.begun = BytesMut::new();
        self.oversized = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 100;

    fn part(inbox: &mut Inbox, length: usize, end: bool) -> Option<Event> {
        inbox.take(Ok(Part::Data { stream: 3, ppid: 60, length, end }), MAX, false)
    }

    #[test]
    fn parts_become_one_message() {
        let mut inbox = Inbox::new();
        inbox.buffer[..40].fill(1);
        assert_eq!(part(&mut inbox, 40, false), None);
        inbox.buffer[..40].fill(2);
        assert_eq!(part(&mut inbox, 40, false), None);
        let whole = [[1; 40], [2; 40]].concat();
        inbox.buffer[..20].fill(3);
        let Some(Event::Message { stream: 3, ppid: 60, data }) = part(&mut inbox, 20, true) else {
            panic!("a message is complete")
        };
        assert_eq!(data.len(), MAX);
        assert_eq!(data[..80], whole);
    }

    #[test]
    fn a_message_over_the_bound_is_dropped_whole_and_told_once() {
        let mut inbox = Inbox::new();
        assert_eq!(part(&mut inbox, 60, false), None);
        assert_eq!(part(&mut inbox, 60, false), None);
        assert_eq!(part(&mut inbox, 10, false), None);
        assert!(inbox.begun.is_empty());
        assert_eq!(part(&mut inbox, 10, true), Some(Event::Oversized { stream: 3, ppid: 60 }));
        assert!(matches!(part(&mut inbox, 10, true), Some(Event::Message { .. })));
    }

    #[test]
    fn a_restart_or_an_aborted_delivery_forgets_the_begun_message() {
        for notice in [Notice::Restarted { outbound_streams: 1 }, Notice::PartialAborted] {
            let mut inbox = Inbox::new();
            assert_eq!(part(&mut inbox, 60, false), None);
            inbox.take(Ok(Part::Notice(notice)), MAX, false);
            let Some(Event::Message { data, .. }) = part(&mut inbox, 10, true) else { panic!("a message is complete") };
            assert_eq!(data.len(), 10);
        }
    }

    #[test]
    fn an_end_is_told_by_who_made_it() {
        let mut inbox = Inbox::new();
        let lost = || Ok(Part::Notice(Notice::Lost));
        assert_eq!(inbox.take(lost(), MAX, false), Some(Event::PeerAborted));
        assert_eq!(inbox.take(lost(), MAX, true), Some(Event::Shutdown));
        let reset = Err(io::ErrorKind::ConnectionReset.into());
        assert_eq!(inbox.take(reset, MAX, false), Some(Event::PeerAborted));
        assert_eq!(inbox.take(Ok(Part::End), MAX, false), Some(Event::Shutdown));
    }
}
