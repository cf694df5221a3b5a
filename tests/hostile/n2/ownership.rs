//! Whose UE is it: identifiers of others on N2 and in NAS.

use bytes::Bytes;
use nas::GmmMessage;
use nas::gmm::RegistrationRequest;
use nas::ie::{Guti, MobileIdentity, NgKsi, Octet, RegistrationType, STmsi, UeSecurityCapability};
use ngap::{
    AmfUeNgapId, Cause, CauseRadioNetwork, InitialUeMessage, Message, NgReset, NrCellIdentity, NrCgi, PlmnId,
    RanUeNgapId, ResetType, RrcEstablishmentCause, Tac, Tai, UeAssociatedLogicalNgConnectionItem,
    UeContextReleaseRequest, UplinkNasTransport, UserLocationInformation, UserLocationInformationNr,
};
use ran::ue::{Command, SessionRequest};
use tests::{World, plmn};

use crate::Outcome;

fn location() -> UserLocationInformation {
    let plmn_identity = PlmnId::new("999", "70").expect("digits");
    UserLocationInformation::Nr(UserLocationInformationNr {
        nr_cgi: NrCgi { plmn_identity, nr_cell_identity: NrCellIdentity::new(1).expect("36 bits") },
        tai: Tai { plmn_identity, tac: Tac::new(1).expect("24 bits") },
        time_stamp: None,
    })
}

pub(crate) fn initial_message(ran_ue_ngap_id: RanUeNgapId, nas_pdu: Bytes) -> Message {
    Message::InitialUeMessage(InitialUeMessage {
        ran_ue_ngap_id,
        nas_pdu,
        user_location_information: location(),
        rrc_establishment_cause: RrcEstablishmentCause::MoSignalling,
        five_g_s_tmsi: None,
        amf_set_id: None,
        ue_context_request: true,
        allowed_nssai: None,
    })
}

pub(crate) fn uplink(amf_ue_ngap_id: AmfUeNgapId, ran_ue_ngap_id: RanUeNgapId, nas: &[u8]) -> Message {
    let (nas_pdu, user_location_information) = (Bytes::copy_from_slice(nas), Some(location()));
    Message::UplinkNasTransport(UplinkNasTransport {
        amf_ue_ngap_id,
        ran_ue_ngap_id,
        nas_pdu,
        user_location_information,
    })
}

fn error_of(message: &Message) -> Option<Option<Cause>> {
    match message {
        Message::ErrorIndication(error) => Some(error.cause),
        _ => None,
    }
}

fn session(id: u8) -> Command {
    Command::Establish(SessionRequest::usual(id))
}

fn release(amf_ue_ngap_id: AmfUeNgapId, ran_ue_ngap_id: RanUeNgapId) -> Message {
    let cause = Cause::RadioNetwork(CauseRadioNetwork::UserInactivity);
    Message::UeContextReleaseRequest(UeContextReleaseRequest {
        amf_ue_ngap_id,
        ran_ue_ngap_id,
        pdu_session_resource_list: None,
        cause,
    })
}

pub(crate) async fn ue_ids_never_given_out(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    for id in [0, 1 << 20, AmfUeNgapId::MAX] {
        let id = AmfUeNgapId::new(id).expect("40 bits");
        puppet.peer.send(1, &uplink(id, RanUeNgapId(1), &[0x7e, 0, 0x43])).await?;
        let cause = puppet.peer.expect("an Error Indication", error_of).await?;
        assert_eq!(cause, Some(Cause::RadioNetwork(CauseRadioNetwork::UnknownLocalUeNgapId)));
    }
    // An identifier above 2^40: one octet more than the largest has.
    let largest = AmfUeNgapId::new(AmfUeNgapId::MAX).expect("40 bits");
    let octets = uplink(largest, RanUeNgapId(1), &[0x7e, 0, 0x43]).encode().expect("has an encoding").to_vec();
    let at = octets.windows(5).position(|window| window == [0xff; 5]).expect("the identifier is there");
    let mut beyond = octets.clone();
    beyond[at - 1] = 0xa0;
    puppet.peer.send_octets(1, ngap::PPID, beyond).await?;
    puppet.peer.expect("an Error Indication", error_of).await?;
    puppet.registered(&world.subscriber()).await?;
    Ok(())
}

pub(crate) async fn wrong_ran_ue_id(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let subscriber = world.subscriber();
    let ue = puppet.registered(&subscriber).await?;
    let (ran_ue_ngap_id, amf_ue_ngap_id) = puppet.ids(ue)?;
    let wrong = RanUeNgapId(ran_ue_ngap_id.0.wrapping_add(1000));
    puppet.peer.send(1, &uplink(amf_ue_ngap_id, wrong, &[0x7e, 0, 0x43])).await?;
    let cause = puppet.peer.expect("an Error Indication", error_of).await?;
    assert_eq!(cause, Some(Cause::RadioNetwork(CauseRadioNetwork::InconsistentRemoteUeNgapId)));
    // TS 38.413 10.6 has both ends release the connection; the UE comes back with another.
    let again = puppet.registered(&subscriber).await?;
    puppet.run(again, session(1)).await
}

pub(crate) async fn message_for_another_nodes_ue(world: &mut World) -> Outcome {
    let (mut owner, mut thief) = (world.puppet().await?, world.puppet().await?);
    let ue = owner.registered(&world.subscriber()).await?;
    let (ran_ue_ngap_id, amf_ue_ngap_id) = owner.ids(ue)?;
    for message in [
        uplink(amf_ue_ngap_id, ran_ue_ngap_id, &[0x7e, 0, 0x43]),
        uplink(amf_ue_ngap_id, RanUeNgapId(4711), &[]),
        release(amf_ue_ngap_id, ran_ue_ngap_id),
    ] {
        thief.peer.send(1, &message).await?;
        thief.peer.expect("an Error Indication", error_of).await?;
    }
    owner.run(ue, session(1)).await?;
    owner.run(ue, Command::Deregister(false)).await
}

pub(crate) async fn reset_of_another_nodes_ues(world: &mut World) -> Outcome {
    let (mut owner, mut thief) = (world.puppet().await?, world.puppet().await?);
    let ue = owner.registered(&world.subscriber()).await?;
    let (ran_ue_ngap_id, amf_ue_ngap_id) = owner.ids(ue)?;
    let item = |amf, ran| UeAssociatedLogicalNgConnectionItem { amf_ue_ngap_id: amf, ran_ue_ngap_id: ran };
    let named = vec![
        item(Some(amf_ue_ngap_id), None),
        item(None, Some(ran_ue_ngap_id)),
        item(Some(amf_ue_ngap_id), Some(ran_ue_ngap_id)),
        item(None, None),
    ];
    let cause = Cause::RadioNetwork(CauseRadioNetwork::Unspecified);
    thief.peer.send(0, &NgReset { cause, reset_type: ResetType::PartOfNgInterface(named) }.into()).await?;
    let acknowledged = |message: &Message| matches!(message, Message::NgResetAcknowledge(_)).then_some(());
    thief.peer.expect("NG Reset Acknowledge", acknowledged).await?;
    owner.run(ue, session(1)).await?;
    owner.run(ue, Command::Deregister(false)).await
}

pub(crate) async fn same_ran_ue_id_again(world: &mut World) -> Outcome {
    let mut puppet = world.puppet().await?;
    let ue = puppet.registered(&world.subscriber()).await?;
    let (ran_ue_ngap_id, _) = puppet.ids(ue)?;
    // The gNB uses an identifier again without having said that the first use is over: the AMF forgets the first.
    let nas_pdu = plain_registration(MobileIdentity::NoIdentity);
    puppet.peer.send(1, &initial_message(ran_ue_ngap_id, nas_pdu)).await?;
    puppet.listen("any answer").await?;
    puppet.registered(&world.subscriber()).await?;
    Ok(())
}

/// A REGISTRATION REQUEST without protection.
pub(crate) fn plain_registration(identity: MobileIdentity) -> Bytes {
    let kind = RegistrationType::from_octet(0x09).expect("an initial registration");
    let mut request = RegistrationRequest::new(kind, NgKsi::native(0).expect("below 7"), identity);
    request.security_capability = Some(UeSecurityCapability::new(0xf0, 0x70));
    GmmMessage::from(request).encode().map(Bytes::from).unwrap_or_default()
}

pub(crate) async fn guti_of_somebody_else(world: &mut World) -> Outcome {
    let (mut owner, mut thief) = (world.puppet().await?, world.puppet().await?);
    let ue = owner.registered(&world.subscriber()).await?;
    owner.run(ue, session(1)).await?;
    let stolen = owner.s_tmsi(ue).expect("a registered UE has one");
    let nobodys = STmsi { tmsi: 0, ..stolen };
    for (number, s_tmsi) in (10..).zip([stolen, stolen, nobodys]) {
        let identity = MobileIdentity::Guti(Guti { plmn: plmn(), amf_region_id: 2, s_tmsi });
        thief.peer.send(1, &initial_message(RanUeNgapId(number), plain_registration(identity))).await?;
        let asked = |message: &Message| matches!(message, Message::DownlinkNasTransport(_)).then_some(());
        thief.peer.expect("an Identity or Authentication Request", asked).await?;
    }
    // The UE whose identity it is has noticed nothing.
    owner.run(ue, session(2)).await?;
    owner.run(ue, Command::Deregister(false)).await
}
