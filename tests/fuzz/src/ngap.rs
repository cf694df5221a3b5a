//! NGAP messages, the answers to those that are wrong, and the containers between SMF and RAN.

use bytes::Bytes;
use ngap::transfer::*;
use ngap::*;

/// A message from the RAN: what is taken can be said again; what is refused gets an answer that can be sent.
pub fn ngap(data: &[u8]) {
    match receive(data) {
        Ok(Received { message: Message::Unsupported(unsupported), .. }) => {
            sendable(unsupported.answer());
        }
        Ok(Received { message, .. }) => {
            // A mandatory list of criticality ignore that was not understood is empty, which has no encoding.
            if let Ok(octets) = message.encode() {
                assert_eq!(decode(&octets).as_ref(), Ok(&message), "what we say is what we understood");
            }
        }
        Err(error) => {
            assert!(error.detail.len() < 4096, "a log line, not a dump");
            sendable(error.answer());
        }
    }
}

fn sendable(answer: Option<Message>) {
    if let Some(answer) = answer {
        let octets = answer.encode().unwrap_or_else(|error| panic!("an answer that cannot be sent: {error}"));
        assert_eq!(decode(&octets).as_ref(), Ok(&answer));
    }
}

/// Transfers are read by the SMF straight from a gNB: the first octet says which container the others are.
pub fn ngap_transfers(data: &[u8]) {
    macro_rules! read_as {
        ($kind:expr, $octets:expr, $($number:literal => $Transfer:ident,)*) => {
            match $kind % 10 {
                $($number => {
                    if let Ok(transfer) = $Transfer::decode($octets)
                        && let Ok(octets) = transfer.encode()
                    {
                        assert_eq!($Transfer::decode(&octets).as_ref(), Ok(&transfer));
                    }
                })*
                _ => {}
            }
        };
    }
    let Some((kind, octets)) = data.split_first() else { return };
    read_as! { kind, octets,
        0 => PduSessionResourceSetupRequestTransfer,
        1 => PduSessionResourceSetupResponseTransfer,
        2 => PduSessionResourceSetupUnsuccessfulTransfer,
        3 => PduSessionResourceModifyRequestTransfer,
        4 => PduSessionResourceModifyResponseTransfer,
        5 => PduSessionResourceModifyUnsuccessfulTransfer,
        6 => PduSessionResourceReleaseCommandTransfer,
        7 => PduSessionResourceReleaseResponseTransfer,
        8 => PduSessionResourceNotifyReleasedTransfer,
    }
}

fn plmn() -> PlmnId {
    PlmnId::new("999", "70").expect("digits")
}

fn amf_id() -> AmfUeNgapId {
    AmfUeNgapId::new(7).expect("below 2^40")
}

const RAN_ID: RanUeNgapId = RanUeNgapId(3);

fn location() -> UserLocationInformation {
    let nr_cell_identity = NrCellIdentity::new(0x10).expect("36 bits");
    UserLocationInformation::Nr(UserLocationInformationNr {
        nr_cgi: NrCgi { plmn_identity: plmn(), nr_cell_identity },
        tai: Tai { plmn_identity: plmn(), tac: Tac::new(1).expect("24 bits") },
        time_stamp: None,
    })
}

fn ng_setup_request() -> NgSetupRequest {
    NgSetupRequest {
        global_ran_node_id: GlobalRanNodeId::Gnb { plmn_identity: plmn(), gnb_id: GnbId::new(1, 24).expect("24 bits") },
        ran_node_name: Some("gnb".into()),
        supported_ta_list: vec![SupportedTaItem {
            tac: Tac::new(1).expect("24 bits"),
            broadcast_plmn_list: vec![BroadcastPlmnItem {
                plmn_identity: plmn(),
                tai_slice_support_list: vec![Snssai { sst: 1, sd: Some([0, 0, 1]) }],
            }],
        }],
        default_paging_drx: PagingDrx::V128,
        ue_retention_information: true,
    }
}

fn setup_response() -> PduSessionResourceSetupResponseTransfer {
    PduSessionResourceSetupResponseTransfer {
        dl_qos_flow_per_tnl_information: QosFlowPerTnlInformation {
            up_transport_layer_information: tunnel(),
            associated_qos_flow_list: vec![Qfi::new(1).expect("below 64")],
        },
        qos_flow_failed_to_setup_list: None,
    }
}

fn tunnel() -> GtpTunnel {
    let address = std::net::Ipv4Addr::new(127, 0, 0, 1);
    GtpTunnel { transport_layer_address: TransportLayerAddress::V4(address), gtp_teid: 1 }
}

/// What a gNB says in the life of a UE.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    let nas_pdu = Bytes::from_static(&[0x7e, 0, 0x41, 0x79, 0, 1, 0]);
    let item = PduSessionResourceResponseItem {
        pdu_session_id: PduSessionId(1),
        transfer: setup_response().encode().expect("has an encoding"),
    };
    let cause = Cause::RadioNetwork(CauseRadioNetwork::UserInactivity);
    let connection = UeAssociatedLogicalNgConnectionItem { amf_ue_ngap_id: Some(amf_id()), ran_ue_ngap_id: None };
    let messages: Vec<Message> = vec![
        ng_setup_request().into(),
        InitialUeMessage {
            ran_ue_ngap_id: RAN_ID,
            nas_pdu: nas_pdu.clone(),
            user_location_information: location(),
            rrc_establishment_cause: RrcEstablishmentCause::MoSignalling,
            five_g_s_tmsi: Some(FiveGSTmsi { amf_set_id: 1, amf_pointer: 0, five_g_tmsi: 9 }),
            amf_set_id: Some(1),
            ue_context_request: true,
            allowed_nssai: None,
        }
        .into(),
        UplinkNasTransport {
            amf_ue_ngap_id: amf_id(),
            ran_ue_ngap_id: RAN_ID,
            nas_pdu,
            user_location_information: Some(location()),
        }
        .into(),
        InitialContextSetupResponse {
            amf_ue_ngap_id: amf_id(),
            ran_ue_ngap_id: RAN_ID,
            pdu_session_resource_setup_list: Some(vec![item.clone()]),
            pdu_session_resource_failed_to_setup_list: None,
            criticality_diagnostics: None,
        }
        .into(),
        PduSessionResourceReleaseResponse {
            amf_ue_ngap_id: amf_id(),
            ran_ue_ngap_id: RAN_ID,
            pdu_session_resource_released_list: vec![item],
            user_location_information: Some(location()),
            criticality_diagnostics: None,
        }
        .into(),
        UeContextReleaseRequest {
            amf_ue_ngap_id: amf_id(),
            ran_ue_ngap_id: RAN_ID,
            pdu_session_resource_list: Some(vec![PduSessionId(1)]),
            cause,
        }
        .into(),
        NgReset { cause, reset_type: ResetType::PartOfNgInterface(vec![connection]) }.into(),
        NgReset { cause, reset_type: ResetType::NgInterface }.into(),
        ErrorIndication { amf_ue_ngap_id: Some(amf_id()), cause: Some(cause), ..ErrorIndication::default() }.into(),
        UeRadioCapabilityInfoIndication {
            amf_ue_ngap_id: amf_id(),
            ran_ue_ngap_id: RAN_ID,
            ue_radio_capability: Bytes::from_static(&[1; 40]),
            ue_radio_capability_for_paging: None,
        }
        .into(),
        RanConfigurationUpdate { ran_node_name: Some("renamed".into()), ..RanConfigurationUpdate::default() }.into(),
    ];
    messages.iter().map(|message| message.encode().expect("has an encoding").to_vec()).collect()
}

/// One container of most kinds.
pub(crate) fn transfers() -> Vec<Vec<u8>> {
    let cause = Cause::RadioNetwork(CauseRadioNetwork::UserInactivity);
    let released = PduSessionResourceReleaseResponseTransfer::default();
    let unsuccessful = PduSessionResourceSetupUnsuccessfulTransfer { cause, criticality_diagnostics: None };
    let modified = PduSessionResourceModifyResponseTransfer {
        dl_ngu_up_tnl_information: Some(tunnel()),
        qos_flow_add_or_modify_response_list: Some(vec![Qfi::new(1).expect("below 64")]),
        qos_flow_failed_to_add_or_modify_list: None,
    };
    let containers = [
        (1, setup_response().encode()),
        (2, unsuccessful.encode()),
        (4, modified.encode()),
        (6, PduSessionResourceReleaseCommandTransfer { cause }.encode()),
        (7, released.encode()),
        (8, PduSessionResourceNotifyReleasedTransfer { cause }.encode()),
    ];
    containers.into_iter().map(|(kind, octets)| [&[kind], &*octets.expect("has an encoding")].concat()).collect()
}
