//! Values of every type from a seed, so that tests meet every message and every field.

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use crate::transfer::*;
use crate::*;

/// A stream of pseudo-random numbers (SplitMix64).
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_of<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.below(values.len() as u64) as usize]
    }
}

/// A type with values that encode.
pub(crate) trait Sample: Sized {
    fn sample(seed: &mut Seed) -> Self;
}

impl<T: Sample> Sample for Option<T> {
    fn sample(seed: &mut Seed) -> Self {
        (seed.below(2) == 1).then(|| T::sample(seed))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(seed: &mut Seed) -> Self {
        (0..1 + seed.below(3)).map(|_| T::sample(seed)).collect()
    }
}

/// Samples by an expression of the seed.
macro_rules! samples {
    ($($Type:ty = |$seed:ident| $value:expr;)*) => {
        $(impl Sample for $Type {
            fn sample($seed: &mut Seed) -> Self {
                $value
            }
        })*
    };
}

samples! {
    bool = |seed| seed.below(2) == 1;
    u8 = |seed| 1 + seed.below(15) as u8;
    u16 = |seed| 1 + seed.below(256) as u16;
    u32 = |seed| 1 + seed.below(4095) as u32;
    u64 = |seed| seed.below(4_000_000_000_001);
    String = |seed| format!("node {}", seed.below(1000));
    Bytes = |seed| (0..1 + seed.below(300)).map(|_| seed.next() as u8).collect();
    AmfUeNgapId = |seed| AmfUeNgapId::new(seed.below(1 << 40)).unwrap();
    RanUeNgapId = |seed| RanUeNgapId(seed.next() as u32);
    PduSessionId = |seed| PduSessionId(seed.next() as u8);
    Qfi = |seed| Qfi::new(seed.below(64) as u8).unwrap();
    ProcedureCode = |seed| ProcedureCode(seed.next() as u8);
    PlmnId = |seed| match seed.below(2) {
        0 => PlmnId::new(&format!("{:03}", seed.below(1000)), &format!("{:02}", seed.below(100))).unwrap(),
        _ => PlmnId::new(&format!("{:03}", seed.below(1000)), &format!("{:03}", seed.below(1000))).unwrap(),
    };
    Tac = |seed| Tac::new(seed.below(1 << 24) as u32).unwrap();
    Snssai = |seed| Snssai { sst: seed.next() as u8, sd: (seed.below(2) == 1).then_some([1, 2, 0xff]) };
    AmfId = |seed| AmfId::new(seed.next() as u8, seed.below(1 << 10) as u16, seed.below(1 << 6) as u8).unwrap();
    Guami = |seed| Guami { plmn_identity: Sample::sample(seed), amf_id: Sample::sample(seed) };
    FiveGSTmsi = |seed| FiveGSTmsi {
        amf_set_id: seed.below(1 << 10) as u16,
        amf_pointer: seed.below(1 << 6) as u8,
        five_g_tmsi: seed.next() as u32,
    };
    GnbId = |seed| {
        let length = 22 + seed.below(11) as u8;
        GnbId::new(seed.below(1 << length) as u32, length).unwrap()
    };
    NgEnbId = |seed| match seed.below(3) {
        0 => NgEnbId::Macro(seed.below(1 << 20) as u32),
        1 => NgEnbId::ShortMacro(seed.below(1 << 18) as u32),
        _ => NgEnbId::LongMacro(seed.below(1 << 21) as u32),
    };
    GlobalRanNodeId = |seed| {
        let plmn_identity = Sample::sample(seed);
        match seed.below(3) {
            0 => GlobalRanNodeId::Gnb { plmn_identity, gnb_id: Sample::sample(seed) },
            1 => GlobalRanNodeId::NgEnb { plmn_identity, ng_enb_id: Sample::sample(seed) },
            _ => GlobalRanNodeId::N3iwf { plmn_identity, n3iwf_id: seed.next() as u16 },
        }
    };
    NrCellIdentity = |seed| NrCellIdentity::new(seed.below(1 << 36)).unwrap();
    EutraCellIdentity = |seed| EutraCellIdentity::new(seed.below(1 << 28) as u32).unwrap();
    TimeStamp = |seed| TimeStamp(seed.next() as u32);
    TransportLayerAddress = |seed| {
        let v4 = Ipv4Addr::from(seed.next() as u32);
        let v6 = Ipv6Addr::from(u128::from(seed.next()) << 64 | u128::from(seed.next()));
        match seed.below(3) {
            0 => TransportLayerAddress::V4(v4),
            1 => TransportLayerAddress::V6(v6),
            _ => TransportLayerAddress::Both(v4, v6),
        }
    };
    GtpTunnel = |seed| GtpTunnel { transport_layer_address: Sample::sample(seed), gtp_teid: seed.next() as u32 };
    UserLocationInformation = |seed| match seed.below(3) {
        0 => UserLocationInformation::Nr(Sample::sample(seed)),
        1 => UserLocationInformation::Eutra(Sample::sample(seed)),
        _ => UserLocationInformation::N3iwf {
            ip_address: Sample::sample(seed),
            port_number: seed.next() as u16,
        },
    };
    UeSecurityCapabilities = |seed| UeSecurityCapabilities {
        nr_encryption_algorithms: seed.next() as u16,
        nr_integrity_protection_algorithms: seed.next() as u16,
        eutra_encryption_algorithms: seed.next() as u16,
        eutra_integrity_protection_algorithms: seed.next() as u16,
    };
    SecurityKey = |seed| SecurityKey(std::array::from_fn(|_| seed.next() as u8));
    MaskedImeisv = |seed| MaskedImeisv(seed.next());
    Cause = |seed| match seed.below(5) {
        0 => Cause::RadioNetwork(Sample::sample(seed)),
        1 => Cause::Transport(Sample::sample(seed)),
        2 => Cause::Nas(Sample::sample(seed)),
        3 => Cause::Protocol(Sample::sample(seed)),
        _ => Cause::Misc(Sample::sample(seed)),
    };
    QosCharacteristics = |seed| QosCharacteristics::NonDynamic5Qi(Sample::sample(seed));
    QosFlowLevelQosParameters = |seed| QosFlowLevelQosParameters {
        qos_characteristics: Sample::sample(seed),
        allocation_and_retention_priority: Sample::sample(seed),
    };
    QosFlowSetupRequestItem = |seed| QosFlowSetupRequestItem {
        qos_flow_identifier: Sample::sample(seed),
        qos_flow_level_qos_parameters: Sample::sample(seed),
    };
    QosFlowAddOrModifyRequestItem = |seed| QosFlowAddOrModifyRequestItem {
        qos_flow_identifier: Sample::sample(seed),
        qos_flow_level_qos_parameters: Sample::sample(seed),
    };
    ResetType = |seed| match seed.below(2) {
        0 => ResetType::NgInterface,
        _ => ResetType::PartOfNgInterface(Sample::sample(seed)),
    };
    MobilityRestrictionList = |seed| MobilityRestrictionList {
        serving_plmn: Sample::sample(seed),
        equivalent_plmns: Sample::sample(seed),
    };
    UeNgapIds = |seed| match seed.below(2) {
        0 => UeNgapIds::AmfUeNgapId(Sample::sample(seed)),
        _ => UeNgapIds::Pair { amf_ue_ngap_id: Sample::sample(seed), ran_ue_ngap_id: Sample::sample(seed) },
    };
    PduSessionResourceSetupItem = |seed| PduSessionResourceSetupItem {
        pdu_session_id: Sample::sample(seed),
        nas_pdu: Sample::sample(seed),
        s_nssai: Sample::sample(seed),
        transfer: Sample::sample(seed),
    };
    PduSessionResourceResponseItem = |seed| PduSessionResourceResponseItem {
        pdu_session_id: Sample::sample(seed),
        transfer: Sample::sample(seed),
    };
    PduSessionResourceFailedItem = |seed| PduSessionResourceFailedItem {
        pdu_session_id: Sample::sample(seed),
        transfer: Sample::sample(seed),
    };
    PduSessionResourceToReleaseItem = |seed| PduSessionResourceToReleaseItem {
        pdu_session_id: Sample::sample(seed),
        transfer: Sample::sample(seed),
    };
    PduSessionResourceNotifyItem = |seed| PduSessionResourceNotifyItem {
        pdu_session_id: Sample::sample(seed),
        transfer: Sample::sample(seed),
    };
    SonConfigurationTransfer = |seed| SonConfigurationTransfer::asking_for_xn(
        Sample::sample(seed), Sample::sample(seed), Sample::sample(seed), Sample::sample(seed),
    );
    PduSessionResourceSetupRequestTransfer = |seed| PduSessionResourceSetupRequestTransfer {
        pdu_session_aggregate_maximum_bit_rate: Sample::sample(seed),
        ul_ngu_up_tnl_information: Sample::sample(seed),
        pdu_session_type: Sample::sample(seed),
        security_indication: Sample::sample(seed),
        qos_flow_setup_request_list: Sample::sample(seed),
    };
    PduSessionResourceModifyRequestTransfer = |seed| PduSessionResourceModifyRequestTransfer {
        pdu_session_aggregate_maximum_bit_rate: Sample::sample(seed),
        qos_flow_add_or_modify_request_list: Sample::sample(seed),
        qos_flow_to_release_list: Sample::sample(seed),
    };
    PduSessionResourceSetupResponseTransfer = |seed| PduSessionResourceSetupResponseTransfer {
        dl_qos_flow_per_tnl_information: Sample::sample(seed),
        qos_flow_failed_to_setup_list: Sample::sample(seed),
    };
    PduSessionResourceModifyResponseTransfer = |seed| PduSessionResourceModifyResponseTransfer {
        dl_ngu_up_tnl_information: Sample::sample(seed),
        qos_flow_add_or_modify_response_list: Sample::sample(seed),
        qos_flow_failed_to_add_or_modify_list: Sample::sample(seed),
    };
}
