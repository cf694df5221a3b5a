//! The gNB machine against scripted messages of an AMF.

use bytes::Bytes;
use nas::ie::{Plmn, SNssai, STmsi};
use ngap::transfer::{PduSessionResourceSetupRequestTransfer, PduSessionResourceSetupResponseTransfer, PduSessionType};
use ngap::*;
use ran::UeId;
use ran::gnb::{Event, Gnb, GnbConfig, GnbConfigError};
use std::net::{IpAddr, Ipv4Addr};

const UE: UeId = UeId(3);
const N3: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
const UPF: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);

fn config() -> GnbConfig {
    GnbConfig {
        id: 7,
        id_length: 24,
        name: "gnb".into(),
        plmn: Plmn::new("999", "70").expect("digits"),
        tac: 1,
        slices: vec![SNssai::new(1, None)],
        n3: N3,
    }
}

fn gnb() -> Gnb {
    Gnb::new(config(), 10).expect("a configuration")
}

fn amf_id(value: u64) -> AmfUeNgapId {
    AmfUeNgapId::new(value).expect("40 bits")
}

/// A gNB with one UE whose initial message was sent, and the UE's identity.
fn connected() -> (Gnb, RanUeNgapId) {
    let mut gnb = gnb();
    gnb.connect(UE, vec![0x7e, 0, 0x41], Some(STmsi { amf_set_id: 1, amf_pointer: 2, tmsi: 3 }), false);
    let (stream, message) = gnb.poll_transmit().expect("a message");
    let Message::InitialUeMessage(initial) = message else { panic!("{}", message.name()) };
    assert!((1..10).contains(&stream), "UEs keep off stream 0");
    assert_eq!(initial.five_g_s_tmsi.map(|s_tmsi| s_tmsi.five_g_tmsi), Some(3));
    (gnb, initial.ran_ue_ngap_id)
}

fn downlink(amf: u64, ran: RanUeNgapId) -> Message {
    Message::DownlinkNasTransport(DownlinkNasTransport {
        amf_ue_ngap_id: amf_id(amf),
        ran_ue_ngap_id: ran,
        old_amf: None,
        nas_pdu: Bytes::from_static(b"nas"),
        index_to_rfsp: None,
        ue_aggregate_maximum_bit_rate: None,
        allowed_nssai: None,
    })
}

fn sent(gnb: &mut Gnb) -> Message {
    gnb.poll_transmit().expect("a message").1
}

/// The same message after a trip over the wire.
fn over_the_wire(message: &Message) -> Message {
    decode(&message.encode().expect("encodable")).expect("decodable")
}

fn session_item(id: u8, transfer: Bytes) -> PduSessionResourceSetupItem {
    let s_nssai = Snssai { sst: 1, sd: None };
    let nas_pdu = Some(Bytes::from(vec![id]));
    PduSessionResourceSetupItem { pdu_session_id: PduSessionId(id), nas_pdu, s_nssai, transfer }
}

fn transfer() -> Bytes {
    let arp = AllocationAndRetentionPriority {
        priority_level_arp: 8,
        pre_emption_capability: PreEmptionCapability::ShallNotTriggerPreEmption,
        pre_emption_vulnerability: PreEmptionVulnerability::NotPreEmptable,
    };
    let five_qi = NonDynamic5QiDescriptor {
        five_qi: 9,
        priority_level_qos: None,
        averaging_window: None,
        maximum_data_burst_volume: None,
    };
    let qos = QosFlowLevelQosParameters {
        qos_characteristics: QosCharacteristics::NonDynamic5Qi(five_qi),
        allocation_and_retention_priority: arp,
    };
    let qos_flow_identifier = Qfi::new(5).expect("6 bits");
    PduSessionResourceSetupRequestTransfer {
        pdu_session_aggregate_maximum_bit_rate: None,
        ul_ngu_up_tnl_information: GtpTunnel { transport_layer_address: IpAddr::V4(UPF).into(), gtp_teid: 0x99 },
        pdu_session_type: PduSessionType::Ipv4,
        security_indication: None,
        qos_flow_setup_request_list: vec![QosFlowSetupRequestItem {
            qos_flow_identifier,
            qos_flow_level_qos_parameters: qos,
        }],
    }
    .encode()
    .expect("encodable")
}

fn setup_request(ran: RanUeNgapId, items: Vec<PduSessionResourceSetupItem>) -> Message {
    Message::PduSessionResourceSetupRequest(PduSessionResourceSetupRequest {
        amf_ue_ngap_id: amf_id(1),
        ran_ue_ngap_id: ran,
        nas_pdu: None,
        pdu_session_resource_setup_list: items,
        ue_aggregate_maximum_bit_rate: None,
    })
}

#[test]
fn ng_setup_offers_the_cell_and_opens_or_bars_it() {
    let mut gnb = gnb();
    gnb.start();
    let message = over_the_wire(&sent(&mut gnb));
    let Message::NgSetupRequest(request) = message else { panic!("{}", message.name()) };
    assert_eq!(request.supported_ta_list.first().map(|area| area.tac.get()), Some(1));
    assert_eq!(request.global_ran_node_id.to_string(), "gNB 999-70/0x7/24");
    let cause = Cause::Misc(CauseMisc::UnknownPlmnOrSnpn);
    gnb.handle(Message::NgSetupFailure(NgSetupFailure { cause, time_to_wait: None, criticality_diagnostics: None }));
    assert_eq!((gnb.poll_event(), gnb.is_open()), (Some(Event::Barred { cause }), false));
}

#[test]
fn what_cannot_be_told_is_refused_before_the_start() {
    let refused = |change: fn(&mut GnbConfig)| {
        let mut config = config();
        change(&mut config);
        Gnb::new(config, 1).expect_err("refused")
    };
    assert_eq!(refused(|config| config.id_length = 21), GnbConfigError::Id(7, 21));
    assert_eq!(refused(|config| config.id = 1 << 24), GnbConfigError::Id(1 << 24, 24));
    assert_eq!(refused(|config| config.tac = 1 << 24), GnbConfigError::Tac(1 << 24));
}

#[test]
fn nas_goes_both_ways_once_the_amf_has_named_the_ue() {
    let (mut gnb, ran) = connected();
    gnb.uplink(UE, vec![1]);
    assert_eq!(gnb.poll_transmit(), None);
    gnb.handle(downlink(9, ran));
    assert_eq!(gnb.poll_event(), Some(Event::Nas(UE, Bytes::from_static(b"nas"))));
    gnb.uplink(UE, vec![1]);
    let Message::UplinkNasTransport(uplink) = sent(&mut gnb) else { panic!() };
    assert_eq!((uplink.amf_ue_ngap_id, uplink.ran_ue_ngap_id), (amf_id(9), ran));
}

#[test]
fn identities_that_are_not_ours_are_reported() {
    let (mut gnb, ran) = connected();
    gnb.handle(downlink(9, RanUeNgapId(77)));
    gnb.handle(downlink(9, ran));
    gnb.handle(downlink(10, ran));
    let cause = |message| match message {
        Message::ErrorIndication(error) => error.cause,
        other => panic!("{}", other.name()),
    };
    let unknown = CauseRadioNetwork::UnknownLocalUeNgapId;
    assert_eq!(cause(sent(&mut gnb)), Some(Cause::RadioNetwork(unknown)));
    let inconsistent = CauseRadioNetwork::InconsistentRemoteUeNgapId;
    assert_eq!(cause(sent(&mut gnb)), Some(Cause::RadioNetwork(inconsistent)));
}

#[test]
fn a_tunnel_is_up_before_its_session_is_told() {
    let (mut gnb, ran) = connected();
    let broken = Bytes::from_static(&[0xff, 0xff]);
    gnb.handle(setup_request(ran, vec![session_item(1, transfer()), session_item(2, broken)]));
    let Some(Event::TunnelUp(UE, tunnel)) = gnb.poll_event() else { panic!() };
    assert_eq!((tunnel.session, tunnel.upf, tunnel.upf_teid, tunnel.qfi), (1, IpAddr::V4(UPF), 0x99, 5));
    assert_eq!(gnb.poll_event(), Some(Event::Nas(UE, Bytes::from_static(&[1]))));
    assert_eq!(gnb.poll_event(), None, "the failed session's NAS message is not delivered");
    let Message::PduSessionResourceSetupResponse(response) = over_the_wire(&sent(&mut gnb)) else { panic!() };
    let set_up = response.pdu_session_resource_setup_list.expect("one is set up");
    let told = PduSessionResourceSetupResponseTransfer::decode(&set_up[0].transfer).expect("readable");
    let endpoint = told.dl_qos_flow_per_tnl_information.up_transport_layer_information;
    assert_eq!((endpoint.transport_layer_address, endpoint.gtp_teid), (N3.into(), tunnel.local_teid));
    let failed = response.pdu_session_resource_failed_to_setup_list.expect("one failed");
    assert_eq!(failed[0].pdu_session_id, PduSessionId(2));
}

#[test]
fn resources_and_connections_are_released() {
    let (mut gnb, ran) = connected();
    gnb.handle(setup_request(ran, vec![session_item(1, transfer()), session_item(4, transfer())]));
    while gnb.poll_event().is_some() {}
    sent(&mut gnb);
    let release =
        PduSessionResourceToReleaseItem { pdu_session_id: PduSessionId(1), transfer: Bytes::from_static(&[0x10, 0]) };
    gnb.handle(Message::PduSessionResourceReleaseCommand(PduSessionResourceReleaseCommand {
        amf_ue_ngap_id: amf_id(1),
        ran_ue_ngap_id: ran,
        nas_pdu: Some(Bytes::from_static(b"release")),
        pdu_session_resource_to_release_list: vec![release],
    }));
    assert_eq!(gnb.poll_event(), Some(Event::TunnelDown(UE, 1)));
    assert_eq!(gnb.poll_event(), Some(Event::Nas(UE, Bytes::from_static(b"release"))));
    let Message::PduSessionResourceReleaseResponse(_) = over_the_wire(&sent(&mut gnb)) else { panic!() };
    let cause = Cause::Nas(CauseNas::Deregister);
    let ue_ngap_ids = UeNgapIds::AmfUeNgapId(amf_id(1));
    gnb.handle(Message::UeContextReleaseCommand(UeContextReleaseCommand { ue_ngap_ids, cause }));
    assert_eq!(gnb.poll_event(), Some(Event::TunnelDown(UE, 4)));
    assert_eq!(gnb.poll_event(), Some(Event::Released(UE, cause)));
    let Message::UeContextReleaseComplete(complete) = over_the_wire(&sent(&mut gnb)) else { panic!() };
    assert_eq!(complete.pdu_session_resource_list, Some(vec![PduSessionId(4)]));
    assert_eq!(gnb.ids_of(UE), None);
}

#[test]
fn resets_drop_what_they_name() {
    let (mut gnb, ran) = connected();
    gnb.handle(downlink(1, ran));
    gnb.poll_event();
    gnb.connect(UeId(4), vec![0], None, true);
    sent(&mut gnb);
    let item = UeAssociatedLogicalNgConnectionItem { amf_ue_ngap_id: Some(amf_id(1)), ran_ue_ngap_id: None };
    let cause = Cause::Misc(CauseMisc::HardwareFailure);
    gnb.handle(Message::NgReset(NgReset { cause, reset_type: ResetType::PartOfNgInterface(vec![item]) }));
    assert_eq!((gnb.poll_event(), gnb.poll_event()), (Some(Event::Released(UE, cause)), None));
    let Message::NgResetAcknowledge(acknowledge) = sent(&mut gnb) else { panic!() };
    assert_eq!(acknowledge.ue_associated_logical_ng_connection_list, Some(vec![item]));
    gnb.handle(Message::NgReset(NgReset { cause, reset_type: ResetType::NgInterface }));
    assert!(matches!(gnb.poll_event(), Some(Event::Released(UeId(4), _))));
}

#[test]
fn inactivity_asks_for_a_release_and_names_the_sessions() {
    let (mut gnb, ran) = connected();
    gnb.handle(setup_request(ran, vec![session_item(1, transfer())]));
    sent(&mut gnb);
    gnb.request_release(UE, CauseRadioNetwork::UserInactivity);
    let Message::UeContextReleaseRequest(request) = over_the_wire(&sent(&mut gnb)) else { panic!() };
    assert_eq!(request.pdu_session_resource_list, Some(vec![PduSessionId(1)]));
}

#[test]
fn a_tunnel_that_the_upf_does_not_know_is_given_up() {
    let (mut gnb, ran) = connected();
    gnb.handle(downlink(1, ran));
    gnb.release_resources(UE, 1);
    assert!(gnb.poll_transmit().is_none(), "there is no such session");
    gnb.handle(setup_request(ran, vec![session_item(1, transfer())]));
    sent(&mut gnb);
    while gnb.poll_event().is_some() {}
    gnb.release_resources(UE, 1);
    let Message::PduSessionResourceNotify(notify) = over_the_wire(&sent(&mut gnb)) else { panic!() };
    let released: Vec<_> =
        notify.pdu_session_resource_released_list.iter().flatten().map(|item| item.pdu_session_id).collect();
    assert_eq!((notify.ran_ue_ngap_id, released), (ran, vec![PduSessionId(1)]));
    assert_eq!(gnb.poll_event(), Some(Event::TunnelDown(UE, 1)));
    gnb.release_resources(UE, 1);
    assert!(gnb.poll_transmit().is_none(), "once is enough");
}
