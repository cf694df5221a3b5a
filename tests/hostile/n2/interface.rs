//! NGAP interface management and syntax.

use std::time::Duration;

use bytes::Bytes;
use fuzz::Mutator;
use ngap::{
    AmfUeNgapId, Cause, CauseRadioNetwork, InitialContextSetupResponse, Message, NgReset, NgResetAcknowledge,
    RanUeNgapId, ResetType, UeContextReleaseComplete,
};
use ran::ue::Command;
use tests::{AMF, Puppet, World};

use crate::Outcome;

/// An initiating message of this procedure with no IE in it. `criticality`: 0 reject, 1 ignore, 2 notify.
fn empty(procedure: u8, criticality: u8) -> Vec<u8> {
    vec![0, procedure, criticality << 6, 3, 0, 0, 0]
}

fn is_error_indication(message: &Message) -> Option<()> {
    matches!(message, Message::ErrorIndication(_)).then_some(())
}

/// A first NAS message that nothing comes of: a registration with an identity that nobody has.
fn initial(puppet: u32) -> Message {
    let nas_pdu = Bytes::from_static(&[0x7e, 0, 0x41, 0x79, 0, 13, 1, 0x99, 0xf9, 7, 0, 0, 0, 0, 9, 9, 9, 9, 9]);
    super::ownership::initial_message(RanUeNgapId(puppet), nas_pdu)
}

pub(crate) async fn first_message_is_not_ng_setup(world: &mut World) -> Outcome {
    let mut puppet = Puppet::connect(world.gnb_id(), AMF).await?;
    puppet.peer.send(0, &initial(1)).await?;
    puppet.peer.send(0, &NgReset { cause: cause(), reset_type: ResetType::NgInterface }.into()).await?;
    // Nothing is done for it. What it may get is an Error Indication, or the end of the association.
    let got = puppet.peer.expect("an Error Indication or the end", is_error_indication).await;
    assert!(matches!(got, Ok(()) | Err(ran::peer::PeerError::Ended { .. })), "{got:?}");
    Ok(())
}

fn cause() -> Cause {
    Cause::RadioNetwork(CauseRadioNetwork::Unspecified)
}

pub(crate) async fn ng_setup_twice(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let subscriber = world.subscriber();
    let ue = puppet.registered(&subscriber).await?;
    // TS 38.413 8.7.1.1: the interface starts afresh, and the UEs of before are gone from it.
    puppet.set_up().await?;
    let (ran_ue_ngap_id, amf_ue_ngap_id) = puppet.ids(ue)?;
    let message = super::ownership::uplink(amf_ue_ngap_id, ran_ue_ngap_id, &[0x7e, 0, 0x43]);
    puppet.peer.send(0, &message).await?;
    puppet.peer.expect("an Error Indication", is_error_indication).await?;
    puppet.registered(&world.subscriber()).await?;
    Ok(())
}

pub(crate) async fn same_node_on_two_associations(world: &mut World) -> Outcome {
    let id = world.gnb_id();
    let mut first = Puppet::on_air(id, AMF).await?;
    first.registered(&world.subscriber()).await?;
    let mut second = Puppet::on_air(id, AMF).await?;
    second.registered(&world.subscriber()).await?;
    first.peer.expect_end().await?;
    Ok(())
}

pub(crate) async fn unknown_procedures(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    for procedure in [77, 200, 255] {
        puppet.peer.send_octets(0, ngap::PPID, empty(procedure, 0)).await?;
        puppet.peer.expect("an Error Indication", is_error_indication).await?;
        puppet.peer.send_octets(0, ngap::PPID, empty(procedure, 2)).await?;
        puppet.peer.expect("an Error Indication", is_error_indication).await?;
        puppet.peer.send_octets(0, ngap::PPID, empty(procedure, 1)).await?;
    }
    puppet.peer.expect_silence(Duration::from_millis(100)).await?;
    // Every procedure there is, without its IEs.
    for procedure in 0..=80 {
        puppet.peer.send_octets(0, ngap::PPID, empty(procedure, 0)).await?;
    }
    puppet.registered(&world.subscriber()).await?;
    Ok(())
}

pub(crate) async fn responses_nobody_asked_for(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let ue = puppet.registered(&world.subscriber()).await?;
    let (ran_ue_ngap_id, amf_ue_ngap_id) = puppet.ids(ue)?;
    let unasked: [Message; 3] = [
        InitialContextSetupResponse {
            amf_ue_ngap_id,
            ran_ue_ngap_id,
            pdu_session_resource_setup_list: None,
            pdu_session_resource_failed_to_setup_list: None,
            criticality_diagnostics: None,
        }
        .into(),
        NgResetAcknowledge::default().into(),
        UeContextReleaseComplete {
            amf_ue_ngap_id: AmfUeNgapId::new(AmfUeNgapId::MAX).expect("40 bits"),
            ran_ue_ngap_id,
            user_location_information: None,
            pdu_session_resource_list: None,
            criticality_diagnostics: None,
        }
        .into(),
    ];
    for message in &unasked {
        puppet.peer.send(0, message).await?;
    }
    puppet.run(ue, Command::Deregister(false)).await
}

pub(crate) async fn other_payload_protocols(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let octets = initial(1).encode().expect("has an encoding");
    for ppid in [0, 58, 61, u32::MAX] {
        puppet.peer.send_octets(0, ppid, octets.clone()).await?;
    }
    puppet.registered(&world.subscriber()).await?;
    Ok(())
}

pub(crate) async fn one_octet_flood(world: &mut World) -> Outcome {
    let puppet = world.puppet().await?;
    for number in 0..20_000_u32 {
        // The AMF may end the association: then the flood is over.
        let octet = number.to_be_bytes()[3];
        if puppet.peer.send_octets(0, ngap::PPID, vec![octet]).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// More UEs than the AMF keeps messages for, at a gNB that reads nothing before it has sent all, or can send no more.
pub(crate) async fn node_that_does_not_read(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let mut sent = 0;
    let flood = async {
        while sent < 20_000 {
            puppet.peer.send(1, &initial(sent)).await?;
            sent += 1;
        }
        Ok::<(), ran::peer::PeerError>(())
    };
    // The AMF holds it back: that is what it should do.
    if let Ok(flooded) = tokio::time::timeout(Duration::from_secs(5), flood).await {
        flooded?;
    }
    // The association is the same, and every UE is answered.
    let answer = |message: &Message| match message {
        Message::DownlinkNasTransport(_) => Some(1),
        Message::UeContextReleaseCommand(_) => Some(0),
        _ => None,
    };
    let mut answered = 0;
    while answered < sent {
        answered += puppet.peer.expect("an answer", answer).await?;
    }
    Ok(())
}

pub(crate) async fn mutated_messages(world: &mut World) -> Outcome {
    let seeds = (fuzz::target("ngap").expect("a target").seeds)();
    let mut puppet = world.puppet().await?;
    for number in 0..3000 {
        let input = Mutator::new(number).input(&seeds);
        if puppet.peer.send_octets(0, ngap::PPID, input).await.is_err() {
            puppet = world.puppet().await?;
        }
    }
    // Among them may have been an NG Setup as another node, or a reset.
    world.puppet().await?.registered(&world.subscriber()).await?;
    Ok(())
}

pub(crate) async fn abort_with_procedures_under_way(world: &mut World) -> Outcome {
    for _ in 0..3 {
        let mut puppet = world.puppet().await?;
        let some = world.subscriber();
        for _ in 0..40 {
            let ue = puppet.ue(&some);
            puppet.begin(ue, Command::Register).await?;
        }
        for _ in 0..20 {
            puppet.listen("an Authentication Request").await?;
        }
        puppet.peer.abort();
    }
    Ok(())
}

pub(crate) async fn associations_come_and_go(world: &mut World) -> Outcome {
    let id = world.gnb_id();
    for number in 0..60 {
        let puppet = Puppet::connect(id, AMF).await?;
        match number % 3 {
            0 => puppet.peer.abort(),
            1 => puppet.peer.close().await,
            _ => drop(puppet),
        }
    }
    Ok(())
}

pub(crate) async fn reset_of_the_whole_interface(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let subscriber = world.subscriber();
    let ue = puppet.registered(&subscriber).await?;
    puppet.peer.send(0, &NgReset { cause: cause(), reset_type: ResetType::NgInterface }.into()).await?;
    let acknowledged = |message: &Message| matches!(message, Message::NgResetAcknowledge(_)).then_some(());
    puppet.peer.expect("NG Reset Acknowledge", acknowledged).await?;
    let (ran_ue_ngap_id, amf_ue_ngap_id) = puppet.ids(ue)?;
    let message = super::ownership::uplink(amf_ue_ngap_id, ran_ue_ngap_id, &[0x7e, 0, 0x43]);
    puppet.peer.send(0, &message).await?;
    puppet.peer.expect("an Error Indication", is_error_indication).await?;
    puppet.registered(&subscriber).await?;
    Ok(())
}
