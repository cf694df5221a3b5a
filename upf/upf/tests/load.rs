//! Load and overload, told to SMFs with the answers to them (TS 29.244 6.2.3, 6.2.4).

mod support;

use std::net::IpAddr;

use pfcp::*;
use support::*;

fn ue(number: u8) -> IpAddr {
    [10, 45, 0, number].into()
}

/// What an answer tells, per cent.
fn told(message: &Message) -> (Option<u8>, Option<u8>) {
    let (load, overload) = message.load();
    (load.map(|load| load.metric.0), overload.map(|overload| overload.reduction.0))
}

#[test]
fn an_smf_that_understands_hears_of_changed_loads() {
    let mut site = Site::new(10);
    let plain = site.ask(Seid(0), establishment(1, ue(2)));
    assert_eq!((plain.cause(), told(&plain)), (Some(Cause::RequestAccepted), (None, None)), "it does not");
    site.smf = smf_with(2, CpFunctionFeatures::LOAD | CpFunctionFeatures::OVRL);
    site.associate();
    // A session is a tenth of what may be.
    for number in 1..=10 {
        let answer = site.ask(Seid(0), establishment(number.into(), ue(number + 1)));
        assert_eq!((answer.cause(), told(&answer).0), (Some(Cause::RequestAccepted), Some(number * 10)));
    }
    let full = site.ask(Seid(0), establishment(11, ue(20)));
    assert_eq!((full.cause(), told(&full)), (Some(Cause::NoResourcesAvailable), (None, None)), "told before");
}

/// While the workers answer to nothing, requests pile up.
#[test]
fn an_overload_is_told_with_answers_and_its_end_too() {
    let mut site = Site::new(1000);
    site.smf = smf_with(2, CpFunctionFeatures::OVRL);
    site.associate();
    for number in 2..=9 {
        site.smf.request(site.now, N4, Seid(0), establishment(number.into(), ue(number))).expect("sent");
        site.carry();
    }
    let mut answers = Vec::new();
    for _ in 2..=9 {
        let Event::Response { result, .. } = site.event() else { panic!("another event") };
        answers.push(told(&result.expect("an answer")));
    }
    // Four may wait. Eight wait, and one less with each that is done.
    let reductions: Vec<Option<u8>> = answers.iter().map(|(_, overload)| *overload).collect();
    assert_eq!(reductions, [Some(80), Some(50), Some(30), Some(0), None, None, None, None]);
}
