//! Messages as octets that an independent dissector (tshark) reads as these very values: what
//! another implementation sends and expects.

use bytes::Bytes;

use crate::transfer::*;
use crate::*;

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn octets(hex: &str) -> Vec<u8> {
    let hex: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.chunks(2).map(pair).collect()
}

fn both_ways(message: impl Into<Message>, expected: &str) {
    let message = message.into();
    let expected = octets(expected);
    assert_eq!(hex(&message.encode().unwrap()), hex(&expected));
    assert_eq!(decode(&expected).unwrap(), message);
}

fn plmn() -> PlmnId {
    PlmnId::new("999", "70").unwrap()
}

fn slice() -> Snssai {
    Snssai { sst: 1, sd: None }
}

fn location() -> UserLocationInformation {
    UserLocationInformation::Nr(UserLocationInformationNr {
        nr_cgi: NrCgi { plmn_identity: plmn(), nr_cell_identity: NrCellIdentity::new(0x10).unwrap() },
        tai: Tai { plmn_identity: plmn(), tac: Tac::new(1).unwrap() },
        time_stamp: None,
    })
}

#[test]
fn ng_setup_request() {
    both_ways(
        NgSetupRequest {
            global_ran_node_id: GlobalRanNodeId::Gnb { plmn_identity: plmn(), gnb_id: GnbId::new(1, 22).unwrap() },
            ran_node_name: Some("gnb".into()),
            supported_ta_list: vec![SupportedTaItem {
                tac: Tac::new(1).unwrap(),
                broadcast_plmn_list: vec![BroadcastPlmnItem {
                    plmn_identity: plmn(),
                    tai_slice_support_list: vec![slice()],
                }],
            }],
            default_paging_drx: PagingDrx::V128,
            ue_retention_information: false,
        },
        "0015002e000004001b00080099f90700000004005240050100676e620066000d00000000010099f907000000080015400140",
    );
}

#[test]
fn initial_ue_message() {
    both_ways(
        InitialUeMessage {
            ran_ue_ngap_id: RanUeNgapId(1),
            nas_pdu: Bytes::from_static(&[0x7e, 0x00, 0x41]),
            user_location_information: location(),
            rrc_establishment_cause: RrcEstablishmentCause::MoSignalling,
            five_g_s_tmsi: None,
            amf_set_id: None,
            ue_context_request: true,
            allowed_nssai: None,
        },
        "000f402e00000500550002000100260004037e00410079000f4099f907000000010099f907000001005a4001180070400100",
    );
}

#[test]
fn ue_context_release_command() {
    both_ways(
        UeContextReleaseCommand {
            ue_ngap_ids: UeNgapIds::Pair {
                amf_ue_ngap_id: AmfUeNgapId::new(300).unwrap(),
                ran_ue_ngap_id: RanUeNgapId(7),
            },
            cause: Cause::Nas(CauseNas::Deregister),
        },
        "002900110000020072000502012c0007000f400148",
    );
}

#[test]
fn pdu_session_resource_setup_request_transfer() {
    let transfer = PduSessionResourceSetupRequestTransfer {
        pdu_session_aggregate_maximum_bit_rate: Some(PduSessionAggregateMaximumBitRate {
            pdu_session_aggregate_maximum_bit_rate_dl: 1_000_000_000,
            pdu_session_aggregate_maximum_bit_rate_ul: 500_000_000,
        }),
        ul_ngu_up_tnl_information: GtpTunnel {
            transport_layer_address: TransportLayerAddress::V4([127, 0, 0, 7].into()),
            gtp_teid: 0x0000_0001,
        },
        pdu_session_type: PduSessionType::Ipv4,
        security_indication: None,
        qos_flow_setup_request_list: vec![QosFlowSetupRequestItem {
            qos_flow_identifier: Qfi::new(1).unwrap(),
            qos_flow_level_qos_parameters: QosFlowLevelQosParameters {
                qos_characteristics: QosCharacteristics::NonDynamic5Qi(NonDynamic5QiDescriptor {
                    five_qi: 9,
                    priority_level_qos: None,
                    averaging_window: None,
                    maximum_data_burst_volume: None,
                }),
                allocation_and_retention_priority: AllocationAndRetentionPriority {
                    priority_level_arp: 8,
                    pre_emption_capability: PreEmptionCapability::ShallNotTriggerPreEmption,
                    pre_emption_vulnerability: PreEmptionVulnerability::NotPreEmptable,
                },
            },
        }],
    };
    let expected =
        octets("0000040082000a0c3b9aca00301dcd6500008b000a01f07f0000070000000100860001000088000700010000091c00");
    assert_eq!(hex(&transfer.encode().unwrap()), hex(&expected));
    assert_eq!(PduSessionResourceSetupRequestTransfer::decode(&expected).unwrap(), transfer);

    both_ways(
        PduSessionResourceSetupRequest {
            amf_ue_ngap_id: AmfUeNgapId::new(1).unwrap(),
            ran_ue_ngap_id: RanUeNgapId(1),
            nas_pdu: None,
            pdu_session_resource_setup_list: vec![PduSessionResourceSetupItem {
                pdu_session_id: PduSessionId(1),
                nas_pdu: None,
                s_nssai: slice(),
                transfer: Bytes::from(expected),
            }],
            ue_aggregate_maximum_bit_rate: Some(UeAggregateMaximumBitRate {
                ue_aggregate_maximum_bit_rate_dl: 1_000_000_000,
                ue_aggregate_maximum_bit_rate_ul: 1_000_000,
            }),
        },
        "001d0055000004000a00020001005500020001004a003500000100202f0000040082000a0c3b9aca00301dcd65
         00008b000a01f07f0000070000000100860001000088000700010000091c00006e40090c3b9aca00200f4240",
    );
}
