//! Too much at once: who waits, who goes first, who is sent away, who holds nobody up, and what the nodes are told.

mod support;

use std::time::Duration;

use nas::{GmmCause, GmmMessage};
use ngap::{Message, RrcEstablishmentCause};

use support::ue::plain;
use support::{Fate, Net, Node, Ue, initial, settle};
use tokio::time::Instant;

/// One registration is worked on at a time, so many wait.
fn narrow(queue: usize) -> Net {
    Net::with(|config, _| {
        config.limits.procedures.registration = 1;
        config.limits.procedures.queue = queue;
    })
}

/// The next call is answered late: who makes it keeps its place so long.
fn occupy(net: &Net) {
    net.home.expect_fates(vec![Fate { after: Duration::from_millis(300), fails: false }]);
}

fn waiting(net: &Net) -> u64 {
    net.machine.status()["waiting"].as_u64().expect("a number")
}

/// A UE's first message, with this reason.
fn arrive(node: &mut Node, ue: &mut Ue, cause: RrcEstablishmentCause) {
    (ue.ran, ue.amf) = (node.new_ran_id(), None);
    let request = ue.registration_request(initial());
    ue.request = Some(ue.whole_request(initial()));
    let message = ngap::InitialUeMessage {
        ran_ue_ngap_id: ue.ran,
        nas_pdu: plain(request),
        user_location_information: support::node::location(1),
        rrc_establishment_cause: cause,
        five_g_s_tmsi: None,
        amf_set_id: None,
        ue_context_request: true,
        allowed_nssai: None,
    };
    node.send(message, Some("RegistrationRequest"));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_keeps_its_place_in_the_queue() {
    let net = narrow(10);
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    occupy(&net);
    arrive(&mut node, &mut Ue::new(2), RrcEstablishmentCause::MoSignalling);
    settle().await;
    let again = ue.registration_request(initial());
    let before = net.ladder.text().matches("Nudm_UECM_Registration request").count();
    for _ in 0..5 {
        ue.say(&node, again.clone());
        settle().await;
        assert_eq!(waiting(&net), 1);
    }
    // The one before it is challenged, and makes way.
    node.drain();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(waiting(&net), 0);
    let after = net.ladder.text().matches("Nudm_UECM_Registration request").count();
    assert_eq!(after - before, 1, "it was served once");
}

#[tokio::test(start_paused = true)]
async fn a_ue_that_leaves_costs_nothing_any_more() {
    let net = narrow(10);
    let mut node = net.node(1).await;
    let mut other = net.node(2).await;
    occupy(&net);
    arrive(&mut node, &mut Ue::new(1), RrcEstablishmentCause::MoSignalling);
    for number in 2..=9 {
        arrive(&mut other, &mut Ue::new(number), RrcEstablishmentCause::MoSignalling);
    }
    settle().await;
    assert_eq!(waiting(&net), 8);
    other.disconnect();
    settle().await;
    assert_eq!(net.machine.counts().0, 1, "they are gone at once, not when their turn comes");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(net.ladder.text().matches("Nausf_UEAuthentication_Authenticate request").count(), 1);
    net.machine.handle_timeout(Instant::now().into_std());
    assert_eq!(waiting(&net), 0);
    let mut third = net.node(3).await;
    Ue::new(20).register(&mut third).await;
}

#[tokio::test(start_paused = true)]
async fn an_emergency_takes_the_place_of_the_last_who_came() {
    let net = narrow(2);
    let mut node = net.node(1).await;
    let mut ues: Vec<Ue> = (1..=4).map(Ue::new).collect();
    occupy(&net);
    for ue in &mut ues[..3] {
        arrive(&mut node, ue, RrcEstablishmentCause::MoSignalling);
        settle().await;
    }
    arrive(&mut node, &mut ues[3], RrcEstablishmentCause::Emergency);
    settle().await;
    let messages = node.drain();
    let rejects: Vec<_> =
        messages.iter().filter_map(support::ue::nas_pdu).filter_map(|pdu| ues[2].try_open(&pdu)).collect();
    let [GmmMessage::RegistrationReject(reject)] = rejects.as_slice() else { panic!("{rejects:?}") };
    assert_eq!(reject.cause, GmmCause::Congestion);
    let seconds = reject.t3346.and_then(nas::ie::GprsTimer2::seconds).expect("T3346");
    assert!((30..=60).contains(&seconds), "{seconds} s");
    assert_eq!(waiting(&net), 2);
    // The emergency is the next to be challenged, though it came last.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let challenged: Vec<_> = node
        .drain()
        .into_iter()
        .filter_map(|message| match message {
            Message::DownlinkNasTransport(transport) => Some(transport.ran_ue_ngap_id),
            _ => None,
        })
        .collect();
    assert_eq!(challenged, [ues[0].ran, ues[3].ran, ues[1].ran]);
}

#[tokio::test(start_paused = true)]
async fn who_keeps_the_network_waiting_holds_nobody_up() {
    let net = narrow(10);
    let mut node = net.node(1).await;
    for number in 1..=5 {
        arrive(&mut node, &mut Ue::new(number), RrcEstablishmentCause::MoSignalling);
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    let challenges = node.drain().into_iter().filter(|message| matches!(message, Message::DownlinkNasTransport(_)));
    assert_eq!((challenges.count(), waiting(&net)), (5, 0), "all are challenged, though none has answered");
    Ue::new(6).register(&mut node).await;
}

#[tokio::test(start_paused = true)]
async fn nodes_are_told_of_overload_and_of_its_end() {
    let net = narrow(4);
    let mut node = net.node(1).await;
    occupy(&net);
    for number in 1..=3 {
        arrive(&mut node, &mut Ue::new(number), RrcEstablishmentCause::MoSignalling);
        settle().await;
    }
    let told = node.drain();
    assert!(matches!(told.as_slice(), [.., Message::OverloadStart(_)]), "{told:?}");
    // One that comes later learns it too.
    let mut late = net.node(2).await;
    let heard = late.hear().await;
    assert!(matches!(heard, Message::OverloadStart(_)), "{heard:?}");
    // All have had their turn within a second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    net.machine.handle_timeout(Instant::now().into_std());
    let heard = late.hear().await;
    assert!(matches!(heard, Message::OverloadStop(_)), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn nodes_hold_back_while_ues_wait_long_and_who_waits_too_long_is_refused() {
    let net = narrow(1_000);
    let mut node = net.node(1).await;
    net.home.expect_fates(vec![Fate { after: Duration::from_secs(12), fails: false }]);
    arrive(&mut node, &mut Ue::new(1), RrcEstablishmentCause::MoSignalling);
    let mut ue = Ue::new(2);
    arrive(&mut node, &mut ue, RrcEstablishmentCause::MoSignalling);
    settle().await;
    let mut told = Vec::new();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(3_600)).await;
        net.machine.handle_timeout(Instant::now().into_std());
        settle().await;
        told.push(node.drain());
    }
    let [soon, later, too_late] = told.as_slice() else { panic!("three times") };
    assert!(soon.is_empty(), "{soon:?}");
    assert!(matches!(later.as_slice(), [Message::OverloadStart(_)]), "{later:?}");
    let reject = too_late.iter().filter_map(support::ue::nas_pdu).find_map(|pdu| ue.try_open(&pdu));
    let Some(GmmMessage::RegistrationReject(reject)) = reject else { panic!("{too_late:?}") };
    assert!(reject.cause == GmmCause::Congestion && reject.t3346.is_some(), "{reject:?}");
    assert_eq!(waiting(&net), 0);
}
