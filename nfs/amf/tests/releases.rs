//! Many UEs that go at once, and one that is back before its turn to go has come.

mod support;

use std::time::Duration;

use nas::GmmMessage;
use nas::gmm::DeregistrationRequestUeOriginating;
use nas::ie::{AccessType, DeregistrationType, MobileIdentity};
use ngap::Message;
use support::{Fate, Net, Node, Ue, initial, settle};
use tokio::time::Instant;

/// So many releases run at a time.
fn narrow(releases: usize) -> Net {
    Net::with(|config, _| config.limits.procedures.release = releases)
}

fn status(net: &Net, what: &str) -> u64 {
    net.machine.status()[what].as_u64().expect("a number")
}

fn deregister(node: &Node, ue: &mut Ue, switch_off: bool) {
    let kind = DeregistrationType { switch_off, reregistration_required: false, access: AccessType::ThreeGpp };
    let ksi = ue.security.as_ref().expect("a security context").ng_ksi();
    let identity = MobileIdentity::Guti(ue.guti.expect("a GUTI"));
    ue.say(node, DeregistrationRequestUeOriginating::new(kind, ksi, identity));
}

/// A UE whose deregistration takes five seconds, which is the only one that may run; and the start of it.
async fn occupied(net: &Net) -> (Node, Instant) {
    let mut node = net.node(7).await;
    let mut ue = Ue::new(7);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    net.home.expect_fates(vec![Fate { after: Duration::from_secs(5), fails: false }]);
    deregister(&node, &mut ue, false);
    settle().await;
    (node, Instant::now())
}

/// The most calls of this name that were under way at the same time.
fn most_at_once(ladder: &str, name: &str) -> (usize, usize) {
    let (mut now, mut most, mut all) = (0, 0, 0);
    for line in ladder.lines().filter(|line| line.contains(name)) {
        match line.contains("request") {
            true => (now, all) = (now + 1, all + 1),
            false => now -= 1,
        }
        most = most.max(now);
    }
    (most, all)
}

#[tokio::test(start_paused = true)]
async fn a_lost_node_costs_no_more_at_a_time_than_the_limit() {
    let net = narrow(2);
    let mut node = net.node(1).await;
    for number in 1..=10 {
        let mut ue = Ue::new(number);
        ue.register(&mut node).await;
        ue.establish(&mut node, 1).await;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    net.ladder.clear();
    node.disconnect();
    assert_eq!(status(&net, "connected"), 0, "they are in idle at once");
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        net.machine.handle_timeout(Instant::now().into_std());
    }
    assert_eq!(most_at_once(&net.ladder.text(), "UpdateSMContext"), (2, 10), "{}", net.ladder.text());
    // Each was told once.
    tokio::time::sleep(Duration::from_secs(60)).await;
    net.machine.handle_timeout(Instant::now().into_std());
    assert_eq!(most_at_once(&net.ladder.text(), "UpdateSMContext").1, 10);
    assert_eq!((status(&net, "ues"), status(&net, "sessions")), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn a_ue_that_is_back_before_the_smfs_were_told_is_served() {
    let net = narrow(1);
    let (_busy, since) = occupied(&net).await;
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    node.disconnect();
    let mut node = net.node(2).await;
    net.ladder.clear();
    ue.send_service_request(&mut node, &[1]);
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.n2, Message::InitialContextSetupRequest(_)), "{heard:?}");
    assert!(since.elapsed() < Duration::from_secs(1), "it waited for another's release");
    let told = net.ladder.text();
    let [lost, new] = ["(deactivate) request", "(activate) request"].map(|what| told.find(what));
    assert!(lost.is_some() && lost < new, "the lost user plane goes before the new one comes: {told}");
}

#[tokio::test(start_paused = true)]
async fn a_ue_that_waits_to_be_deregistered_and_returns_does_not_wait() {
    let net = narrow(1);
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    let (_busy, since) = occupied(&net).await;
    deregister(&node, &mut ue, true);
    settle().await;
    let mut other = net.node(2).await;
    let whole = ue.whole_request(initial());
    ue.send_protected_registration_request(&mut other, initial(), whole);
    ue.complete(&mut other).await;
    assert!(since.elapsed() < Duration::from_secs(1), "it waited for another's release");
    assert_eq!(status(&net, "ues"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_deregistration_request_keeps_its_place() {
    let net = narrow(1);
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    let (_busy, since) = occupied(&net).await;
    for _ in 0..3 {
        deregister(&node, &mut ue, false);
        settle().await;
    }
    let heard = ue.hear(&mut node).await;
    assert!(matches!(heard.nas, Some(GmmMessage::DeregistrationAcceptUeOriginating(_))), "{heard:?}");
    assert!(since.elapsed() >= Duration::from_secs(5), "its turn came when the other had gone");
    ue.released(&mut node).await;
    assert!(ue.try_hear(&mut node, Duration::from_secs(1)).await.is_none(), "one answer");
}

#[tokio::test(start_paused = true)]
async fn a_ue_that_is_switched_off_and_gone_is_deregistered_all_the_same() {
    let net = narrow(1);
    let mut node = net.node(1).await;
    let mut ue = Ue::new(1);
    ue.register(&mut node).await;
    ue.establish(&mut node, 1).await;
    let (_busy, _) = occupied(&net).await;
    deregister(&node, &mut ue, true);
    settle().await;
    node.disconnect();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!((status(&net, "ues"), status(&net, "sessions"), net.home.sessions()), (0, 0, 0));
}
