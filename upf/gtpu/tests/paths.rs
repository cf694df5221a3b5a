//! Path management under a virtual clock: single paths step by step, and any order of tunnels, answers and silence.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use gtpu::{Echo, PathConfig, PathEvent, Paths, echo_response};
use proptest::prelude::*;

const INTERVAL: Duration = Duration::from_secs(60);
const T3: Duration = Duration::from_secs(3);
const N3: u32 = 3;

fn config(max_peers: usize) -> PathConfig {
    PathConfig { interval: INTERVAL, t3_response: T3, n3_requests: N3, max_peers }
}

fn peer(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

fn sequence(echo: &Echo) -> u16 {
    u16::from_be_bytes([echo.octets[8], echo.octets[9]])
}

/// Echoes due within `time`, and the time after it.
fn pass(paths: &mut Paths, now: &mut Instant, time: Duration) -> Vec<(Duration, Echo)> {
    let (start, until) = (*now, *now + time);
    let mut sent = Vec::new();
    while let Some(due) = paths.poll_timeout().filter(|due| *due <= until) {
        paths.handle_timeout(due);
        sent.extend(std::iter::from_fn(|| paths.poll_transmit()).map(|echo| (due - start, echo)));
    }
    *now = until;
    sent
}

fn seconds(sent: &[(Duration, Echo)]) -> Vec<u64> {
    sent.iter().map(|(at, _)| at.as_secs()).collect()
}

#[test]
fn a_peer_that_is_silent_is_told_once_and_again_when_it_is_back() {
    let (mut paths, mut now) = (Paths::new(config(10)), Instant::now());
    paths.add_tunnel(now, peer(1));
    let sent = pass(&mut paths, &mut now, Duration::from_secs(68));
    assert_eq!(seconds(&sent), [60, 63, 66]);
    assert_eq!(sent[0].1, sent[2].1, "a repetition is the same message");
    assert_eq!(paths.poll_event(), None);
    assert!(pass(&mut paths, &mut now, Duration::from_secs(1)).is_empty());
    assert_eq!((paths.poll_event(), paths.supervised()), (Some(PathEvent::Failed(peer(1))), (1, 1)));

    // Still silent a minute later: nothing more is told. An answer that comes too late is none.
    let sent = pass(&mut paths, &mut now, Duration::from_secs(60));
    assert_eq!(seconds(&sent), [51, 54, 57]);
    paths.handle_message(now, peer(1), &echo_response(sequence(&sent[0].1)));
    assert_eq!(paths.poll_event(), None);

    let sent = pass(&mut paths, &mut now, Duration::from_secs(51));
    let right = sequence(&sent[0].1);
    paths.handle_message(now, peer(2), &echo_response(right));
    paths.handle_message(now, peer(1), &echo_response(right.wrapping_add(1)));
    assert_eq!(paths.poll_event(), None, "of another peer, or to another request");
    paths.handle_message(now, peer(1), &echo_response(right));
    assert_eq!((paths.poll_event(), paths.supervised()), (Some(PathEvent::Recovered(peer(1))), (1, 0)));
    assert_eq!(seconds(&pass(&mut paths, &mut now, Duration::from_secs(60))), [60]);
}

#[test]
fn another_restart_counter_is_told() {
    let (mut paths, mut now) = (Paths::new(config(10)), Instant::now());
    paths.add_tunnel(now, peer(1));
    let answers = [0, 0, 1, 1].map(|counter| {
        let sent = pass(&mut paths, &mut now, INTERVAL);
        let mut answer = echo_response(sequence(&sent[0].1));
        answer[13] = counter;
        paths.handle_message(now, peer(1), &answer);
        paths.poll_event()
    });
    assert_eq!(answers, [None, None, Some(PathEvent::Restarted(peer(1))), None]);
}

#[test]
fn peers_beyond_the_bound_wait_for_room() {
    let (mut paths, mut now) = (Paths::new(config(1)), Instant::now());
    for number in [1, 2, 3] {
        paths.add_tunnel(now, peer(number));
    }
    assert_eq!(paths.supervised(), (1, 0));
    paths.remove_tunnel(peer(1));
    paths.remove_tunnel(peer(2));
    assert!(
        pass(&mut paths, &mut now, INTERVAL).is_empty(),
        "the first is not used any more, the third has just begun"
    );
    let sent = pass(&mut paths, &mut now, INTERVAL);
    assert_eq!(sent.iter().map(|(_, echo)| echo.to).collect::<Vec<_>>(), [peer(3)]);
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    Remove(u8),
    /// Lets this many milliseconds pass.
    Pass(u64),
    /// Answers the last request to a peer, whether it waits or not; with a restart counter.
    Answer(u8, u8),
    /// Anything from a peer.
    Noise(u8, Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0..6u8;
    prop_oneof![
        4 => number.clone().prop_map(Step::Add),
        3 => number.clone().prop_map(Step::Remove),
        4 => (0..100_000u64).prop_map(Step::Pass),
        3 => (number.clone(), 0..3u8).prop_map(|(number, counter)| Step::Answer(number, counter)),
        1 => (number, proptest::collection::vec(any::<u8>(), 0..20)).prop_map(|(number, octets)| Step::Noise(number, octets)),
    ]
}

/// What an onlooker knows of a path.
#[derive(Default)]
struct Seen {
    tunnels: usize,
    /// The request under way or the last: when it was sent first and last, its number, how often it was sent.
    request: Option<(Instant, Instant, u16, u32)>,
    answered: bool,
    down: bool,
}

/// Looks at all that a machine sent and told at `at`.
fn look(paths: &mut Paths, seen: &mut BTreeMap<IpAddr, Seen>, at: Instant) {
    while let Some(echo) = paths.poll_transmit() {
        let path = seen.entry(echo.to).or_default();
        path.request = Some(match path.request {
            Some((first, last, number, sent)) if number == sequence(&echo) => {
                assert!(!path.answered, "repeated after its answer");
                assert!(at - last >= T3 && sent < N3, "repeated too soon or too often");
                (first, at, number, sent + 1)
            }
            before => {
                assert!(path.tunnels > 0, "asked without a tunnel");
                assert!(before.is_none_or(|(first, ..)| at - first >= INTERVAL), "asked too often");
                path.answered = false;
                (at, at, sequence(&echo), 1)
            }
        });
    }
    while let Some(event) = paths.poll_event() {
        match event {
            PathEvent::Failed(peer) => {
                let path = seen.entry(peer).or_default();
                let (_, last, _, sent) = path.request.expect("asked");
                assert!(!path.answered && sent == N3 && at - last >= T3, "given up too soon");
                assert!(!std::mem::replace(&mut path.down, true), "told twice");
            }
            PathEvent::Recovered(peer) => {
                let path = seen.entry(peer).or_default();
                assert!(path.answered && std::mem::take(&mut path.down), "it was not down, or has not answered");
            }
            PathEvent::Restarted(peer) => assert!(seen.entry(peer).or_default().answered),
        }
    }
}

proptest! {
    #[test]
    fn any_order_of_tunnels_answers_and_silence(
        max_peers in 0..5usize,
        steps in proptest::collection::vec(step(), 0..200),
    ) {
        let (mut paths, mut now) = (Paths::new(config(max_peers)), Instant::now());
        let mut seen: BTreeMap<IpAddr, Seen> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Add(number) => {
                    paths.add_tunnel(now, peer(number));
                    seen.entry(peer(number)).or_default().tunnels += 1;
                }
                Step::Remove(number) => {
                    paths.remove_tunnel(peer(number));
                    let path = seen.entry(peer(number)).or_default();
                    path.tunnels = path.tunnels.saturating_sub(1);
                }
                Step::Pass(milliseconds) => {
                    let until = now + Duration::from_millis(milliseconds);
                    while let Some(due) = paths.poll_timeout().filter(|due| *due <= until) {
                        paths.handle_timeout(due);
                        prop_assert!(paths.poll_timeout().is_none_or(|next| next > due), "it does not get on");
                        look(&mut paths, &mut seen, due);
                        forget(&mut seen, &paths, due);
                    }
                    now = until;
                }
                Step::Answer(number, counter) => {
                    if let Some((.., sequence, _)) = seen.get(&peer(number)).and_then(|path| path.request) {
                        let mut answer = echo_response(sequence);
                        answer[13] = counter;
                        seen.entry(peer(number)).or_default().answered = true;
                        paths.handle_message(now, peer(number), &answer);
                    }
                }
                Step::Noise(number, octets) => paths.handle_message(now, peer(number), &octets),
            }
            look(&mut paths, &mut seen, now);
            let used: BTreeSet<_> = seen.iter().filter(|(_, path)| path.tunnels > 0).map(|(peer, _)| *peer).collect();
            let (supervised, down) = paths.supervised();
            prop_assert!(supervised <= max_peers && supervised >= used.len().min(max_peers), "{supervised} of {used:?}");
            prop_assert!(down <= supervised);
        }
        // With the last tunnel gone nothing is left of a peer.
        for (peer, path) in &seen {
            (0..path.tunnels).for_each(|_| paths.remove_tunnel(*peer));
        }
        while let Some(due) = paths.poll_timeout() {
            paths.handle_timeout(due);
        }
        prop_assert_eq!(paths.supervised(), (0, 0));
    }
}

/// A path without tunnels that is at rest at its time is forgotten, and whether it was down with it.
fn forget(seen: &mut BTreeMap<IpAddr, Seen>, paths: &Paths, at: Instant) {
    let (_, down) = paths.supervised();
    let known = seen.values().filter(|path| path.down).count();
    if known > down {
        for path in seen.values_mut().filter(|path| path.tunnels == 0 && path.down) {
            let at_rest = path.request.is_some_and(|(first, last, ..)| at - first >= INTERVAL && at - last >= T3);
            path.down &= !at_rest;
        }
    }
    assert_eq!(seen.values().filter(|path| path.down).count(), down);
}
