//! Timers, under a clock that jumps to whatever is due next (TS 24.501 table 10.2.2).

mod support;

use std::time::Duration;

use nas::GmmMessage;
use nas::gmm::RegistrationComplete;
use ngap::Message;
use sbi_models::PduSessionId;
use sbi_models::amf::NgapIeType;
use support::{Net, Ue, initial, settle};
use tokio::time::Instant;

/// How often, and how far apart in seconds, a NAS message comes when nobody answers; what comes after it.
async fn unanswered(node: &mut support::Node, ue: &mut Ue, first: GmmMessage) -> (Vec<u64>, Option<Message>) {
    let mut gaps = Vec::new();
    let mut last = Instant::now();
    while let Some(heard) = ue.try_hear(node, Duration::from_secs(100)).await {
        if heard.nas.as_ref().map(GmmMessage::name) != Some(first.name()) {
            return (gaps, Some(heard.n2));
        }
        gaps.push(last.elapsed().as_secs());
        last = Instant::now();
    }
    (gaps, None)
}

#[tokio::test(start_paused = true)]
async fn t3560_an_unanswered_challenge_is_repeated_four_times() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.send_registration_request(&mut node, initial());
    let first = ue.hear(&mut node).await.nas.expect("a challenge");
    let (gaps, end) = unanswered(&mut node, &mut ue, first).await;
    assert_eq!(gaps, [6, 6, 6, 6]);
    assert!(matches!(end, Some(Message::UeContextReleaseCommand(_))), "{end:?}");
    settle().await;
    assert_eq!(net.machine.counts().0, 0);
}

#[tokio::test(start_paused = true)]
async fn t3570_an_unanswered_identity_request_is_repeated_four_times() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    let mut stranger = Ue::new(2);
    stranger.guti = ue.guti;
    stranger.send_registration_request(&mut node, initial());
    let first = stranger.hear(&mut node).await.nas.expect("an identity request");
    let (gaps, end) = unanswered(&mut node, &mut stranger, first).await;
    assert_eq!(gaps, [6, 6, 6, 6]);
    assert!(matches!(end, Some(Message::UeContextReleaseCommand(_))), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn t3550_both_gutis_are_valid_when_the_accept_stays_unanswered() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    let old = ue.guti;
    ue.go_idle(&mut node).await;
    let whole = ue.whole_request(initial());
    ue.send_protected_registration_request(&mut node, initial(), whole);
    let heard = ue.hear(&mut node).await;
    ue.context_set_up(&node, &[]);
    let first = heard.nas.expect("an accept");
    let GmmMessage::RegistrationAccept(accept) = &first else { panic!("{first:?}") };
    let new = accept.guti;
    let (gaps, _) = unanswered(&mut node, &mut ue, first).await;
    assert_eq!(gaps, [6, 6, 6, 6]);
    for guti in [old, new] {
        ue.go_idle(&mut node).await;
        ue.guti = guti;
        ue.send_service_request(&mut node, &[]);
        let heard = ue.hear(&mut node).await;
        assert!(matches!(heard.nas, Some(GmmMessage::ServiceAccept(_))), "{heard:?}");
        ue.context_set_up(&node, &[]);
        settle().await;
        if guti == old {
            // The UE shows that it has the new one only by using it.
            ue.say(&node, RegistrationComplete::new());
            node.drain();
        }
        settle().await;
        node.drain();
    }
}

#[tokio::test(start_paused = true)]
async fn t3522_an_unanswered_deregistration_ends_all_the_same() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    let (machine, supi) = (net.machine.clone(), ue.supi());
    let done = tokio::spawn(async move { machine.deregister(&supi, true).await });
    let first = ue.hear(&mut node).await.nas.expect("a request");
    let (gaps, end) = unanswered(&mut node, &mut ue, first).await;
    assert_eq!(gaps, [6, 6, 6, 6]);
    assert!(matches!(end, Some(Message::UeContextReleaseCommand(_))), "{end:?}");
    assert!(done.await.expect("no panic"));
    assert!(!net.machine.deregister(&ue.supi(), true).await, "it is deregistered");
}

#[tokio::test(start_paused = true)]
async fn t3513_a_page_is_repeated_and_its_failure_told() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    settle().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    ue.go_idle(&mut node).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    net.ladder.clear();
    let session = PduSessionId::new(1).expect("1 to 15");
    for _ in 0..3 {
        // A second and third packet do not page again.
        let n2 = Some((NgapIeType::PduResSetupReq, "setup"));
        net.home.transfer(&ue.supi(), session, None, n2).await.expect("taken");
    }
    let mut pages = 0;
    while let Some(message) = node.try_recv(Duration::from_secs(20)).await {
        assert!(matches!(message, Message::Paging(_)), "{message:?}");
        pages += 1;
    }
    assert_eq!(pages, 3);
    assert_eq!(net.ladder.text().matches("N1N2TransferFailureNotification request").count(), 3);
    assert_eq!(net.machine.status()["ues"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_loses_the_ue() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.send_registration_request(&mut node, initial());
    ue.authenticate(&mut node).await;
    ue.secure(&mut node).await;
    let heard = ue.hear(&mut node).await;
    let Some(GmmMessage::RegistrationAccept(accept)) = heard.nas else { panic!("{heard:?}") };
    ue.guti = accept.guti;
    ue.say(&node, RegistrationComplete::new());
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.n2, Message::UeContextReleaseCommand(_)), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_ue_that_stays_silent_is_deregistered() {
    let net = Net::new();
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    settle().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    ue.go_idle(&mut node).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    // T3512 and 4 minutes, and as long again.
    tokio::time::sleep(Duration::from_secs(2 * (3240 + 240) - 60)).await;
    net.machine.handle_timeout(Instant::now().into_std());
    settle().await;
    assert_eq!((net.machine.counts().0, net.home.sessions()), (1, 1));
    tokio::time::sleep(Duration::from_secs(120)).await;
    net.machine.handle_timeout(Instant::now().into_std());
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((net.home.sessions(), net.machine.status()["ues"].as_u64()), (0, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn ues_that_keep_everybody_waiting_do_not_keep_others_from_registering() {
    let net = Net::with(|config, _| config.limits.procedures.registration = 4);
    let mut node = net.node(1).await;
    for number in 100..120 {
        Ue::new(number).send_registration_request(&mut node, initial());
    }
    settle().await;
    let began = Instant::now();
    let mut other = net.node(2).await;
    Ue::new(1).register(&mut other).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn too_many_registrations_are_refused_as_congestion() {
    let net = Net::with(|config, _| {
        config.limits.procedures.registration = 1;
        config.limits.procedures.queue = 1;
    });
    let mut node = net.node(1).await;
    for number in 1..=3 {
        Ue::new(number).send_registration_request(&mut node, initial());
    }
    settle().await;
    let refused = net.explanations();
    assert!(refused.iter().any(|text| text.contains("amf.limits.procedures")), "{refused:?}");
}
