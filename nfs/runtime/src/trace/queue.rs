//! Records that wait for their reader: bounded in octets, and what does not fit is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use tokio::sync::mpsc;

use super::record::{Record, Shown};

/// Octets that may wait for one reader.
const ROOM: usize = 16 << 20;

/// What a record takes beyond what it holds.
const OVERHEAD: usize = 256;

/// Counters that the ends share. They are sums and a bound that order nothing, so `Relaxed`; the channel orders the records.
#[derive(Default)]
struct Shared {
    waiting: AtomicUsize,
    lost: AtomicU64,
}

/// Where records go in.
pub(super) struct Inlet {
    records: mpsc::UnboundedSender<Arc<Record>>,
    shared: Arc<Shared>,
}

/// Where the reader takes them.
pub(super) struct Outlet {
    records: mpsc::UnboundedReceiver<Arc<Record>>,
    shared: Arc<Shared>,
    told: u64,
    /// Waits until the reader has been told what was lost before it.
    held: Option<Arc<Record>>,
}

/// An empty queue.
pub(super) fn new() -> (Inlet, Outlet) {
    let (sender, records) = mpsc::unbounded_channel();
    let shared = Arc::<Shared>::default();
    (Inlet { records: sender, shared: shared.clone() }, Outlet { records, shared, told: 0, held: None })
}

impl Inlet {
    /// Adds a record if there is room.
    pub(super) fn offer(&self, record: Arc<Record>) {
        let size = cost(&record);
        if self.shared.waiting.fetch_add(size, Relaxed) + size > ROOM {
            self.shared.waiting.fetch_sub(size, Relaxed);
            self.shared.lost.fetch_add(1, Relaxed);
            return;
        }
        // A reader that has gone takes itself out of the list.
        let _ = self.records.send(record);
    }
}

impl Outlet {
    /// The next record; before it, what was lost since the last time this was said.
    pub(super) async fn next(&mut self) -> Option<Arc<Record>> {
        let record = match self.held.take() {
            Some(held) => held,
            None => self.records.recv().await?,
        };
        let lost = self.shared.lost.load(Relaxed);
        if lost != self.told {
            self.told = lost;
            let told = Record { at: record.at, shown: Shown::Lost { records: lost } };
            self.held = Some(record);
            return Some(Arc::new(told));
        }
        self.shared.waiting.fetch_sub(cost(&record), Relaxed);
        Some(record)
    }
}

fn cost(record: &Record) -> usize {
    record.shown.octets() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::record::{Datagram, Octets};

    fn packet(size: usize) -> Arc<Record> {
        let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let datagram =
            Datagram { interface: "n4".into(), from: nowhere, to: nowhere, octets: Octets(vec![7; size]), rule: None };
        Arc::new(Record { at: 1, shown: Shown::Datagram(datagram) })
    }

    #[tokio::test]
    async fn what_a_slow_reader_loses_is_counted_and_told() {
        let (inlet, mut outlet) = new();
        for _ in 0..40 {
            inlet.offer(packet(1 << 20));
        }
        let fit = ROOM / ((1 << 20) + OVERHEAD);
        let first = outlet.next().await.expect("told first");
        assert_eq!(first.shown, Shown::Lost { records: 40 - fit as u64 });
        for _ in 0..fit {
            assert!(matches!(outlet.next().await.expect("what fitted").shown, Shown::Datagram(_)));
        }
        inlet.offer(packet(10));
        assert_eq!(outlet.next().await.expect("room again"), packet(10));
        assert_eq!(outlet.shared.waiting.load(Relaxed), 0);
    }
}
