//! What UPFs tell of their load and overload (TS 29.244 6.2.3, 6.2.4), and what follows for new sessions.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use pfcp::{LoadControlInformation, LoadSequence, Message, OverloadControlInformation};

/// The longest that requests are held back without news, whatever a UPF says.
const LONGEST: Duration = Duration::from_secs(3600);

/// What a UPF told last.
#[derive(Default)]
struct Told {
    load: Option<(LoadSequence, u8)>,
    overload: Option<(LoadSequence, Overload)>,
}

struct Overload {
    /// Per cent of new sessions that go elsewhere, or nowhere.
    reduction: u8,
    until: Instant,
    /// What is left over of the last: at a hundred one is held back.
    account: u8,
}

/// What the UPFs told.
#[derive(Default)]
pub(super) struct Loads(HashMap<IpAddr, Told>);

impl Loads {
    /// Takes note of what comes with a response.
    pub(super) fn hear(&mut self, now: Instant, upf: IpAddr, response: &Message) {
        let (load, overload) = response.load();
        if load.is_none() && overload.is_none() {
            return;
        }
        let told = self.0.entry(upf).or_default();
        if let Some(LoadControlInformation { sequence, metric }) = load
            && told.load.is_none_or(|(last, _)| sequence.is_newer_than(last))
        {
            told.load = Some((*sequence, metric.0.min(100)));
        }
        if let Some(OverloadControlInformation { sequence, reduction, validity, .. }) = overload
            && told.overload.as_ref().is_none_or(|(last, _)| sequence.is_newer_than(*last))
        {
            let account = told.overload.as_ref().map_or(0, |(_, before)| before.account);
            let until = now + validity.duration().unwrap_or(LONGEST).min(LONGEST);
            told.overload = Some((*sequence, Overload { reduction: reduction.0.min(100), until, account }));
        }
    }

    /// A UPF whose association ended: it begins anew.
    pub(super) fn forget(&mut self, upf: IpAddr) {
        self.0.remove(&upf);
    }

    /// The load of a UPF, per cent; 0 where it told nothing.
    pub(super) fn of(&self, upf: IpAddr) -> u8 {
        self.0.get(&upf).and_then(|told| told.load).map_or(0, |(_, load)| load)
    }

    /// Whether a new session is not to be made at this UPF: so many of a hundred as it asks, evenly among the others.
    pub(super) fn holds_back(&mut self, now: Instant, upf: IpAddr) -> bool {
        let overload = self.0.get_mut(&upf).and_then(|told| told.overload.as_mut());
        let Some((_, overload)) = overload.filter(|(_, overload)| overload.until > now) else { return false };
        let account = u16::from(overload.account) + u16::from(overload.reduction);
        overload.account = u8::try_from(account % 100).unwrap_or(0);
        account >= 100
    }
}

#[cfg(test)]
mod tests {
    use pfcp::{Cause, Metric, SessionDeletionResponse, Timer};

    use super::*;

    const UPF: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 7));

    fn response(load: Option<(u32, u8)>, overload: Option<(u32, u8, u64)>) -> Message {
        let mut message = SessionDeletionResponse::new(Cause::RequestAccepted);
        let (load, overload) = (
            load.map(|(sequence, metric)| LoadControlInformation::new(LoadSequence(sequence), Metric(metric))),
            overload.map(|(sequence, reduction, seconds)| {
                let validity = Timer::from(Duration::from_secs(seconds));
                OverloadControlInformation::new(LoadSequence(sequence), Metric(reduction), validity)
            }),
        );
        (message.load, message.overload) = (load, overload);
        message.into()
    }

    #[test]
    fn the_newest_word_counts_until_the_association_ends() {
        let (mut loads, now) = (Loads::default(), Instant::now());
        assert_eq!(loads.of(UPF), 0);
        for (sequence, metric, load) in [(7, 30, 30), (6, 90, 30), (7, 90, 30), (8, 255, 100), (9, 5, 5)] {
            loads.hear(now, UPF, &response(Some((sequence, metric)), None));
            assert_eq!(loads.of(UPF), load);
        }
        loads.forget(UPF);
        loads.hear(now, UPF, &response(Some((1, 50)), None));
        assert_eq!(loads.of(UPF), 50);
    }

    #[test]
    fn as_many_are_held_back_as_asked_and_no_longer() {
        let (mut loads, now) = (Loads::default(), Instant::now());
        let held = |loads: &mut Loads, now| (0..100).filter(|_| loads.holds_back(now, UPF)).count();
        assert_eq!(held(&mut loads, now), 0);
        for (sequence, reduction) in [(1, 30), (2, 0), (3, 100), (4, 7)] {
            loads.hear(now, UPF, &response(None, Some((sequence, reduction, 10))));
            assert_eq!(held(&mut loads, now), usize::from(reduction));
        }
        let before = now + Duration::from_millis(9_999);
        assert_eq!(held(&mut loads, before), 7);
        assert_eq!(held(&mut loads, now + Duration::from_secs(10)), 0);
    }
}
