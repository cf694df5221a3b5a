//! Ethernet data networks: which of their stations are behind which session (TS 23.501 5.6.10.2).
//!
//! All that concerns one such network lies in one bucket: its sessions, their tunnels, and what is known of its stations. So one
//! worker knows the whole of it, and it moves to another as any bucket does.

pub(crate) mod header;
mod taps;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rules::{Link, Mac};

pub(crate) use header::{Header, is_group};
pub use taps::EthernetNetwork;
pub(crate) use taps::Taps;

/// Stations that may be behind one session.
pub(crate) const STATIONS: usize = 16;

/// Stations of N6 that are remembered: of those beyond, a session may take the address.
const STATIONS_OF_N6: usize = 4096;

/// How long a station is remembered that sends nothing, unless a usage rule says otherwise (IEEE 802.1Q 8.8.3).
pub(crate) const AGEING: Duration = Duration::from_secs(300);

/// Where a station is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Behind a session, which knows since when nothing came of it.
    Session(u64),
    /// On N6, and when it was last heard.
    N6(Instant),
}

/// An Ethernet data network.
#[derive(Debug, Default)]
pub(crate) struct Lan {
    /// Its sessions.
    sessions: Vec<u64>,
    stations: HashMap<Mac, Place>,
    of_n6: usize,
    /// Before this none of N6 is old: looking for those takes as long as there are stations.
    old_from: Option<Instant>,
}

impl Lan {
    /// A session joins, or was there before.
    pub(crate) fn join(&mut self, seid: u64) {
        if !self.sessions.contains(&seid) {
            self.sessions.push(seid);
        }
    }

    /// A session leaves with its stations. Whether none is left.
    pub(crate) fn leave(&mut self, seid: u64, stations: impl Iterator<Item = Mac>) -> bool {
        self.sessions.retain(|other| *other != seid);
        stations.for_each(|station| self.forget(seid, station));
        self.sessions.is_empty()
    }

    /// A station is no longer behind a session.
    pub(crate) fn forget(&mut self, seid: u64, station: Mac) {
        if self.stations.get(&station) == Some(&Place::Session(seid)) {
            self.stations.remove(&station);
        }
    }

    /// Its sessions but for one.
    pub(crate) fn sessions_but(&self, one: Option<u64>) -> Vec<u64> {
        self.sessions.iter().copied().filter(|seid| Some(*seid) != one).collect()
    }

    /// The session that a station is behind.
    pub(crate) fn session_of(&self, station: Mac) -> Option<u64> {
        match self.stations.get(&station) {
            Some(Place::Session(seid)) => Some(*seid),
            Some(Place::N6(_)) | None => None,
        }
    }

    /// Whether a session may send as this station: nobody else has it, and as many as may be are not there yet.
    pub(crate) fn admits(&self, now: Instant, seid: u64, station: Mac, stations: usize) -> bool {
        match self.stations.get(&station) {
            Some(Place::Session(owner)) => *owner == seid,
            Some(Place::N6(heard)) => is_old(*heard, now) && stations < STATIONS,
            None => stations < STATIONS,
        }
    }

    /// A station is behind a session that it is [admitted](Self::admits) to.
    pub(crate) fn learn(&mut self, seid: u64, station: Mac) {
        if let Some(Place::N6(_)) = self.stations.insert(station, Place::Session(seid)) {
            self.of_n6 -= 1;
        }
    }

    /// A station was heard on N6: it is there, whoever has claimed it before. Returns the session that had.
    pub(crate) fn heard_on_n6(&mut self, now: Instant, station: Mac) -> Option<u64> {
        match self.stations.get_mut(&station) {
            Some(Place::N6(heard)) => {
                *heard = now;
                None
            }
            known => {
                let before = known.map(|place| *place);
                if self.of_n6 >= STATIONS_OF_N6 && self.old_from.is_none_or(|from| from <= now) {
                    self.forget_old(now);
                }
                if self.of_n6 < STATIONS_OF_N6 {
                    self.stations.insert(station, Place::N6(now));
                    self.of_n6 += 1;
                } else {
                    self.stations.remove(&station);
                }
                match before {
                    Some(Place::Session(seid)) => Some(seid),
                    _ => None,
                }
            }
        }
    }

    /// Forgets stations of N6 that have sent nothing for long.
    fn forget_old(&mut self, now: Instant) {
        self.stations.retain(|_, place| !matches!(place, Place::N6(heard) if is_old(*heard, now)));
        let heard = self.stations.values().filter_map(|place| match place {
            Place::N6(heard) => Some(*heard),
            Place::Session(_) => None,
        });
        self.of_n6 = heard.clone().count();
        self.old_from = heard.min().and_then(|oldest| oldest.checked_add(AGEING));
    }
}

fn is_old(heard: Instant, now: Instant) -> bool {
    now.saturating_duration_since(heard) >= AGEING
}

/// A session's part in an Ethernet data network.
#[derive(Debug)]
pub(crate) struct Member {
    /// The network.
    pub(crate) link: Link,
    /// Its stations, and when each was last heard.
    stations: Vec<(Mac, Instant)>,
    /// How long a station is remembered that sends nothing.
    ageing: Duration,
    /// The usage rules that are told of stations that are new or gone.
    pub(crate) told: Box<[u32]>,
}

impl Member {
    /// Of a session with these rules.
    pub(crate) fn of(link: Link, rules: &rules::Session) -> Self {
        let asks = |urr: &&rules::Urr| urr.triggers.contain(rules::Triggers::MAC_ADDRESSES);
        let seconds = rules.urrs.values().filter(asks).filter_map(|urr| urr.mac_inactivity).min();
        let told = rules.urrs.iter().filter(|(_, urr)| asks(urr)).map(|(id, _)| id.0).collect();
        let ageing = seconds.map_or(AGEING, |seconds| Duration::from_secs(seconds.into()));
        Self { link, stations: Vec::new(), ageing, told }
    }

    /// Goes on with the stations that were known under the rules before.
    pub(crate) fn inherit(&mut self, before: &mut Self) {
        self.stations = std::mem::take(&mut before.stations);
    }

    /// How many stations are known.
    pub(crate) fn count(&self) -> usize {
        self.stations.len()
    }

    /// The stations known.
    pub(crate) fn stations(&self) -> impl Iterator<Item = Mac> {
        self.stations.iter().map(|(station, _)| *station)
    }

    /// Notes a frame of a station. Whether it is new.
    pub(crate) fn heard(&mut self, now: Instant, station: Mac) -> bool {
        match self.stations.iter_mut().find(|(known, _)| *known == station) {
            Some((_, last)) => {
                *last = now;
                false
            }
            None => {
                self.stations.push((station, now));
                true
            }
        }
    }

    /// A station is elsewhere.
    pub(crate) fn forget(&mut self, station: Mac) {
        self.stations.retain(|(known, _)| *known != station);
    }

    /// When the next station is forgotten, unless it is heard before.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.stations.iter().filter_map(|(_, last)| last.checked_add(self.ageing)).min()
    }

    /// Takes out the stations of which nothing came for too long.
    pub(crate) fn aged(&mut self, now: Instant) -> Vec<Mac> {
        let old = |last: Instant| now.saturating_duration_since(last) >= self.ageing;
        self.stations.extract_if(.., |(_, last)| old(*last)).map(|(station, _)| station).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn station(number: u16) -> Mac {
        let [high, low] = number.to_be_bytes();
        [2, 0, 0, 0, high, low]
    }

    #[test]
    fn what_n6_says_goes_before_what_a_session_says() {
        let (now, mut lan) = (Instant::now(), Lan::default());
        [7, 8].into_iter().for_each(|seid| lan.join(seid));
        lan.learn(7, station(1));
        assert!(!lan.admits(now, 8, station(1), 0), "another session's");
        assert_eq!(lan.heard_on_n6(now, station(1)), Some(7));
        assert_eq!(lan.session_of(station(1)), None);
        assert!(!lan.admits(now, 7, station(1), 0));
        assert!(lan.admits(now + AGEING, 7, station(1), 0), "it was not heard for long");
        lan.learn(7, station(1));
        assert_eq!((lan.session_of(station(1)), lan.of_n6), (Some(7), 0));
    }

    #[test]
    fn n6_fills_no_more_than_its_part() {
        let (now, mut lan) = (Instant::now(), Lan::default());
        (0..STATIONS_OF_N6 as u16 + 100).for_each(|number| assert_eq!(lan.heard_on_n6(now, station(number)), None));
        assert_eq!((lan.stations.len(), lan.of_n6), (STATIONS_OF_N6, STATIONS_OF_N6));
        lan.heard_on_n6(now + AGEING, station(60_000));
        assert_eq!((lan.stations.len(), lan.of_n6), (1, 1));
    }

    proptest! {
        /// Sessions and N6 say what they like: no session ever has a station that is another's or N6's, nor more than it may.
        #[test]
        fn a_station_is_in_one_place(
            steps in proptest::collection::vec((0..4u64, 0..40u16, 0..5u8, 0..200u64), 0..400),
        ) {
            let (mut now, mut lan) = (Instant::now(), Lan::default());
            let rules = rules::Session::default();
            let mut members: Vec<Member> = (0..4).map(|_| Member::of(Link(0), &rules)).collect();
            (0..4).for_each(|seid| lan.join(seid));
            for (seid, number, what, seconds) in steps {
                let (mac, member) = (station(number), &mut members[seid as usize]);
                match what {
                    0 => {
                        if let Some(loser) = lan.heard_on_n6(now, mac) {
                            members[loser as usize].forget(mac);
                        }
                        prop_assert_eq!(lan.session_of(mac), None);
                    }
                    1 => {
                        now += Duration::from_secs(seconds);
                        member.aged(now).into_iter().for_each(|mac| lan.forget(seid, mac));
                    }
                    _ if lan.admits(now, seid, mac, member.count()) => {
                        member.heard(now, mac);
                        lan.learn(seid, mac);
                    }
                    _ => {}
                }
                let known: usize = members.iter().map(Member::count).sum();
                prop_assert_eq!(known + lan.of_n6, lan.stations.len());
                for (seid, member) in (0..).zip(&members) {
                    prop_assert!(member.count() <= STATIONS);
                    prop_assert!(member.stations().all(|mac| lan.session_of(mac) == Some(seid)));
                }
            }
            for (seid, member) in (0..).zip(&members) {
                prop_assert_eq!(lan.leave(seid, member.stations()), seid == 3);
            }
            prop_assert_eq!(lan.of_n6, lan.stations.len());
        }
    }
}
