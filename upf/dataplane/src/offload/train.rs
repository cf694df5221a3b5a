//! Packets of a burst that leave together.

/// Packets looked at together: a burst, and what one system call moves.
pub(crate) const BATCH: usize = 64;

/// How many of the newest trains a packet may still be coupled to.
const REACH: usize = 8;

/// Whether a packet goes with a train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It does.
    Coupled,
    /// It does not, and may overtake it.
    Apart,
    /// It does not, and must not overtake it: the train may hold packets of its flow.
    Behind,
}

/// What is known of a train, or of a packet that would be one of its own.
pub(crate) trait Coupling {
    /// Takes the packet into the train, where it fits.
    fn couple(&mut self, packet: &Self) -> Fit;
}

/// Packets that leave together, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Train<C> {
    /// What is known of it.
    pub(crate) car: C,
    first: u8,
    last: u8,
    /// How many packets it has.
    pub(crate) count: usize,
}

/// The trains of a burst of up to [`BATCH`] packets. Packets of a flow leave in their order.
pub(crate) struct Trains<C> {
    trains: [Option<Train<C>>; BATCH],
    used: usize,
    /// The packet behind each packet.
    next: [u8; BATCH],
}

impl<C: Coupling + Copy> Trains<C> {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { trains: [None; BATCH], used: 0, next: [0; BATCH] }
    }

    /// Adds the packet that is at this place in the burst, after those before it.
    pub(crate) fn add(&mut self, place: usize, car: C) {
        let Ok(place) = u8::try_from(place) else { return };
        let newest = self.trains.get_mut(..self.used).unwrap_or_default();
        for train in newest.iter_mut().flatten().rev().take(REACH) {
            match train.car.couple(&car) {
                Fit::Coupled => {
                    if let Some(next) = self.next.get_mut(usize::from(train.last)) {
                        *next = place;
                    }
                    train.last = place;
                    train.count += 1;
                    return;
                }
                Fit::Apart => {}
                Fit::Behind => break,
            }
        }
        if let Some(free) = self.trains.get_mut(self.used) {
            *free = Some(Train { car, first: place, last: place, count: 1 });
            self.used += 1;
        }
    }

    /// The trains, in the order of their first packets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Train<C>> {
        self.trains.iter().flatten()
    }

    /// The places of a train's packets, in order.
    pub(crate) fn places(&self, train: &Train<C>) -> impl Iterator<Item = usize> {
        let onward = |place: &u8| self.next.get(usize::from(*place)).copied();
        std::iter::successors(Some(train.first), onward).take(train.count).map(usize::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packet of a flow, of a kind; a train takes those of its kind and up to three.
    #[derive(Clone, Copy, Debug)]
    struct Wagon {
        flow: u8,
        kind: u8,
        count: u8,
    }

    impl Coupling for Wagon {
        fn couple(&mut self, packet: &Self) -> Fit {
            match (self.flow == packet.flow, self.kind == packet.kind && self.count < 3) {
                (true, true) => {
                    self.count += 1;
                    Fit::Coupled
                }
                (true, false) => Fit::Behind,
                (false, _) => Fit::Apart,
            }
        }
    }

    proptest! {
        #[test]
        fn every_packet_leaves_once_and_flows_keep_their_order(
            burst in proptest::collection::vec((0u8..12, 0u8..2), 0..=BATCH)
        ) {
            let mut trains = Trains::new();
            for (place, (flow, kind)) in burst.iter().enumerate() {
                trains.add(place, Wagon { flow: *flow, kind: *kind, count: 1 });
            }
            let order: Vec<usize> = trains.iter().flat_map(|train| trains.places(train)).collect();
            prop_assert_eq!(order.len(), burst.len());
            for flow in 0..12 {
                let of_flow: Vec<usize> = order.iter().copied().filter(|place| burst[*place].0 == flow).collect();
                let expected: Vec<usize> = (0..burst.len()).filter(|place| burst[*place].0 == flow).collect();
                prop_assert_eq!(of_flow, expected);
            }
        }
    }
}
