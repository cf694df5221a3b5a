//! Packets beyond a bit rate that wait until they are within it, and leave in the order in which they came.
//!
//! Nothing is queued by flow: the policers say when a packet is within its rates, their credit is taken at once, and so the times
//! of packets that share a policer never go back. What waits lies here by its time alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::frame::Pool;
use crate::{Bucket, Frame, Moment, Tap};

/// Packets leave at whole milliseconds, many at once: neither clock nor port is asked for each.
const TICK: u64 = 1_000_000;

/// When a packet leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// At once.
    Now,
    /// At this tick.
    At(u64),
}

/// A packet that waits, finished but for leaving.
pub(crate) struct Waiting {
    pub(crate) seid: u64,
    pub(crate) bucket: Bucket,
    pub(crate) frame: Frame,
}

/// What leaves at a tick.
struct Departure {
    at: Instant,
    packets: Vec<Waiting>,
}

/// The packets of a worker that wait for their rate.
pub(crate) struct Shaper {
    departures: BTreeMap<u64, Departure>,
    /// The first of them, or no time at all.
    first: u64,
    waiting: usize,
    room: usize,
    /// The longest wait, in nanoseconds; 0: none waits.
    longest: u64,
}

/// Packets of a bucket on their way to another worker, with their ticks.
pub(crate) type Shaped = Vec<(u64, Instant, Waiting)>;

impl Shaper {
    /// For at most `room` packets, none of which waits longer than this.
    pub(crate) fn new(longest: Duration, room: usize) -> Self {
        let longest = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        Self { departures: BTreeMap::new(), first: u64::MAX, waiting: 0, room, longest }
    }

    /// When a packet leaves that is within its rates at `at` ([`Moment::nanos`]). `None`: that is too late to wait for. The fuller
    /// it is here the shorter anything waits, so that one session leaves room for others.
    pub(crate) fn turn(&self, now: Moment, at: u64) -> Option<Turn> {
        let nanos = now.nanos();
        if self.longest == 0 {
            return (at <= nanos).then_some(Turn::Now);
        }
        let tick = at.div_ceil(TICK);
        // Not before one that waits, though its time has come too.
        if tick <= nanos / TICK && tick < self.first {
            return Some(Turn::Now);
        }
        let left = self.room.saturating_sub(self.waiting) as u64;
        let longest = u128::from(self.longest) * u128::from(left) / (self.room as u128).max(1);
        (left > 0 && u128::from(at.saturating_sub(nanos)) <= longest).then_some(Turn::At(tick))
    }

    /// Has a packet wait for a tick.
    pub(crate) fn put(&mut self, now: Moment, tick: u64, packet: Waiting) {
        let wait = Duration::from_nanos(tick.saturating_mul(TICK).saturating_sub(now.nanos()));
        self.add(tick, now.instant() + wait, packet);
    }

    fn add(&mut self, tick: u64, at: Instant, packet: Waiting) {
        let departure = self.departures.entry(tick).or_insert_with(|| Departure { at, packets: Vec::new() });
        departure.packets.push(packet);
        self.first = self.first.min(tick);
        self.waiting += 1;
    }

    /// Has a packet leave behind all that wait; gives it back where none does.
    pub(crate) fn behind(&mut self, packet: Waiting) -> Option<Frame> {
        match self.departures.last_entry() {
            Some(mut last) => {
                last.get_mut().packets.push(packet);
                self.waiting += 1;
                None
            }
            None => Some(packet.frame),
        }
    }

    /// When [`release`](Self::release) is next to be called.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.departures.first_key_value().map(|(_, departure)| departure.at)
    }

    /// Lets the packets go whose time has come, each seen by the tap.
    pub(crate) fn release(&mut self, now: Instant, tap: Option<&Tap>, outbox: &mut Vec<Frame>) {
        while let Some(first) = self.departures.first_entry().filter(|first| first.get().at <= now) {
            let packets = first.remove().packets;
            self.waiting -= packets.len();
            if let Some(tap) = tap {
                packets.iter().for_each(|packet| tap.leaves(Some(packet.seid), &packet.frame));
            }
            outbox.extend(packets.into_iter().map(|packet| packet.frame));
        }
        self.note_first();
    }

    /// Takes out what waits of a bucket that goes to another worker.
    pub(crate) fn take_bucket(&mut self, bucket: Bucket, pool: &mut Pool) -> Shaped {
        let mut taken = Vec::new();
        for (tick, departure) in &mut self.departures {
            let packets = std::mem::take(&mut departure.packets).into_iter();
            let (go, stay) = packets.partition::<Vec<_>, _>(|packet| packet.bucket == bucket);
            departure.packets = stay;
            taken.extend(go.into_iter().map(|packet| (*tick, departure.at, packet)));
        }
        self.departures.retain(|_, departure| !departure.packets.is_empty());
        self.waiting -= taken.len();
        self.note_first();
        pool.give_away(of_pool(&taken, pool));
        taken
    }

    /// Takes what waited at another worker.
    pub(crate) fn take_in(&mut self, packets: Shaped, pool: &mut Pool) {
        pool.adopt(of_pool(&packets, pool));
        for (tick, at, packet) in packets {
            self.add(tick, at, packet);
        }
    }

    fn note_first(&mut self) {
        self.first = self.departures.first_key_value().map_or(u64::MAX, |(tick, _)| *tick);
    }
}

/// How many frames are of the pool: End Markers are not.
fn of_pool(packets: &Shaped, pool: &Pool) -> usize {
    packets.iter().filter(|(_, _, packet)| pool.makes(&packet.frame)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    struct Desk {
        shaper: Shaper,
        pool: Pool,
        start: Instant,
    }

    impl Desk {
        fn new(room: usize) -> Self {
            let shaper = Shaper::new(Duration::from_millis(50), room);
            Self { shaper, pool: Pool::new(64, 2 * room), start: Instant::now() + Duration::from_secs(1) }
        }

        fn at(&self, ms: u64) -> Moment {
            Moment::from(self.start + Duration::from_millis(ms))
        }

        /// Asks for a packet that is within its rate in `ms`; has it wait if it may.
        fn offer(&mut self, bucket: u8, ms: u64) -> Option<Turn> {
            let now = self.at(0);
            let turn = self.shaper.turn(now, now.nanos() + ms * MS);
            if let Some(Turn::At(tick)) = turn {
                let frame = self.pool.put_aside(&mut Frame::new(64)).expect("room");
                self.shaper.put(now, tick, Waiting { seid: ms, bucket: Bucket(bucket), frame });
            }
            turn
        }

        fn released(&mut self, ms: u64) -> usize {
            let mut outbox = Vec::new();
            self.shaper.release(self.at(ms).instant(), None, &mut outbox);
            outbox.len()
        }
    }

    #[test]
    fn packets_leave_when_their_time_has_come_and_not_before_others() {
        let mut desk = Desk::new(100);
        assert_eq!(desk.shaper.turn(desk.at(0), 0), Some(Turn::Now));
        assert!(matches!(desk.offer(1, 10), Some(Turn::At(_))));
        assert!(matches!(desk.offer(1, 20), Some(Turn::At(_))));
        assert_eq!(desk.offer(1, 51), None, "too late to wait for");
        assert_eq!(desk.released(5), 0);
        // It has come late to be released: what is of the same time is not to overtake what waits.
        let late = desk.at(15);
        assert!(matches!(desk.shaper.turn(late, desk.at(10).nanos() + MS), Some(Turn::At(_))));
        assert_eq!(desk.shaper.turn(late, desk.at(9).nanos()), Some(Turn::Now));
        assert_eq!((desk.released(15), desk.released(25), desk.shaper.next()), (1, 1, None));
        assert_eq!(desk.shaper.turn(late, desk.at(10).nanos() + MS), Some(Turn::Now));
    }

    #[test]
    fn the_fuller_the_shorter_anything_waits() {
        let mut desk = Desk::new(100);
        let waiting = (0..1000).filter(|_| desk.offer(1, 25).is_some()).count();
        assert_eq!(waiting, 51, "half of the room for half of the longest wait");
        assert!(desk.offer(2, 20).is_some());
        assert_eq!(desk.offer(2, 30), None);
        let all = (0..1000).filter(|_| desk.offer(1, 1).is_some()).count();
        assert!(waiting + 1 + all <= 100, "{all}");
    }

    #[test]
    fn a_bucket_that_moves_takes_along_what_waits() {
        let (mut old, mut new) = (Desk::new(100), Desk::new(100));
        new.start = old.start;
        for ms in [5, 10, 15] {
            old.offer(1, ms);
            old.offer(2, ms);
        }
        let taken = old.shaper.take_bucket(Bucket(1), &mut old.pool);
        new.shaper.take_in(taken, &mut new.pool);
        assert_eq!((old.released(11), new.released(11)), (2, 2));
        assert_eq!((old.released(50), new.released(50)), (1, 1));
        assert_eq!((old.shaper.waiting, new.shaper.waiting), (0, 0));
    }

    #[test]
    fn an_end_marker_leaves_behind_what_waits() {
        let mut desk = Desk::new(100);
        let marker = |seid| Waiting { seid, bucket: Bucket(1), frame: Frame::new(64) };
        assert!(desk.shaper.behind(marker(1)).is_some(), "at once where nothing does");
        desk.offer(1, 5);
        desk.offer(1, 10);
        assert!(desk.shaper.behind(marker(1)).is_none());
        assert_eq!((desk.released(6), desk.released(11)), (1, 2));
    }
}
