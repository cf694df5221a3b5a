//! Nudm_SubscriberDataManagement: what a subscriber may use (TS 29.503 6.1.6).

use std::collections::BTreeMap;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use uuid::Uuid;

use crate::{Ambr, Arp, DateTime, Dnn, Gpsi, IpAddr, PduSessionId, PduSessionType, PlmnId, PlmnIdNid, Snssai, SscMode};

/// For which serving network (`plmn-id`; absent: the home network).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SubscriptionQuery {
    /// The serving network.
    pub plmn_id: Option<PlmnIdNid>,
}

/// Which session management data (TS 29.503 6.1.3.8.3.1); absent: all.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SmDataQuery {
    /// Of this slice.
    pub single_nssai: Option<Snssai>,
    /// Of this DNN.
    pub dnn: Option<Dnn>,
    /// In this serving network.
    pub plmn_id: Option<PlmnIdNid>,
}

/// Subscribed slices (TS 29.503 6.1.6.2.2).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nssai {
    /// Those used where the UE asks for none.
    pub default_single_nssais: Vec<Snssai>,
    /// The others.
    pub single_nssais: Option<Vec<Snssai>>,
}

impl Nssai {
    /// All of them, the default ones first.
    pub fn all(&self) -> impl Iterator<Item = Snssai> + '_ {
        self.default_single_nssais.iter().chain(self.single_nssais.iter().flatten()).copied()
    }
}

/// What the AMF must know (TS 29.503 6.1.6.2.4).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessAndMobilitySubscriptionData {
    /// The subscriber's numbers.
    pub gpsis: Option<Vec<Gpsi>>,
    /// Rate of all sessions together, for the RAN.
    pub subscribed_ue_ambr: Option<Ambr>,
    /// Slices.
    pub nssai: Option<Nssai>,
    /// Radio technologies that must not be used.
    pub rat_restrictions: Option<Vec<crate::RatType>>,
    /// RAT/frequency selection priority, 1 to 256.
    pub rfsp_index: Option<u16>,
    /// Seconds between periodic registrations.
    pub subs_reg_timer: Option<u32>,
    /// True: the UE may use MICO mode.
    pub mico_allowed: Option<bool>,
}

/// A DNN of a slice (TS 29.503 6.1.6.2.7).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DnnInfo {
    /// The DNN, or `*` for any.
    pub dnn: String,
    /// Whether it is used where the UE names none.
    pub default_dnn_indicator: Option<bool>,
}

/// The DNNs of a slice (TS 29.503 6.1.6.2.6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnssaiInfo {
    /// The DNNs.
    pub dnn_infos: Vec<DnnInfo>,
}

/// What the AMF must know to choose an SMF (TS 29.503 6.1.6.2.5).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmfSelectionSubscriptionData {
    /// DNNs by slice, the slice as its text form.
    pub subscribed_snssai_infos: Option<BTreeMap<String, SnssaiInfo>>,
}

impl SmfSelectionSubscriptionData {
    /// The DNNs of a slice.
    pub fn dnns(&self, slice: Snssai) -> impl Iterator<Item = &DnnInfo> {
        let infos = self.subscribed_snssai_infos.iter().flatten();
        let of_slice = infos.filter(move |(text, _)| text.parse() == Ok(slice));
        of_slice.flat_map(|(_, info)| &info.dnn_infos)
    }

    /// The DNN to use where the UE names none.
    pub fn default_dnn(&self, slice: Snssai) -> Option<Dnn> {
        let default = self.dnns(slice).find(|info| info.default_dnn_indicator == Some(true));
        default.and_then(|info| info.dnn.parse().ok())
    }
}

/// Types a session may have (TS 29.503 6.1.6.2.11).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PduSessionTypes {
    /// Where the UE asks for none.
    pub default_session_type: Option<PduSessionType>,
    /// What the UE may ask for.
    pub allowed_session_types: Option<Vec<PduSessionType>>,
}

/// Continuity modes a session may have (TS 29.503 6.1.6.2.12).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SscModes {
    /// Where the UE asks for none.
    pub default_ssc_mode: SscMode,
    /// What the UE may ask for.
    pub allowed_ssc_modes: Option<Vec<SscMode>>,
}

/// QoS of the default flow (TS 29.571 `SubscribedDefaultQos`).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscribedDefaultQos {
    /// 5QI.
    #[serde(rename = "5qi")]
    pub five_qi: u8,
    /// Priority.
    pub arp: Arp,
    /// Priority level in scheduling, 1 to 127, where it is not the 5QI's own.
    pub priority_level: Option<u8>,
}

open_enum! {
    /// Integrity protection of the user plane (TS 29.571 5.5.3.5).
    UpIntegrity {
        Required = "REQUIRED",
        Preferred = "PREFERRED",
        NotNeeded = "NOT_NEEDED",
    }
}

open_enum! {
    /// Ciphering of the user plane (TS 29.571 5.5.3.6).
    UpConfidentiality {
        Required = "REQUIRED",
        Preferred = "PREFERRED",
        NotNeeded = "NOT_NEEDED",
    }
}

/// Protection of the user plane on the radio (TS 29.571 `UpSecurity`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpSecurity {
    /// Integrity.
    pub up_integr: UpIntegrity,
    /// Ciphering.
    pub up_confid: UpConfidentiality,
}

/// What a session to one DNN gets (TS 29.503 6.1.6.2.9).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DnnConfiguration {
    /// Types.
    pub pdu_session_types: PduSessionTypes,
    /// Continuity modes.
    pub ssc_modes: SscModes,
    /// QoS of the default flow.
    #[serde(rename = "5gQosProfile")]
    pub qos_profile: Option<SubscribedDefaultQos>,
    /// Rate of the session.
    pub session_ambr: Option<Ambr>,
    /// Address that is always given.
    pub static_ip_address: Option<Vec<IpAddr>>,
    /// Protection of the user plane.
    pub up_security: Option<UpSecurity>,
    /// IPv4 networks behind the UE.
    pub ipv4_frame_route_list: Option<Vec<FrameRouteInfo>>,
    /// IPv6 networks behind the UE.
    pub ipv6_frame_route_list: Option<Vec<FrameRouteInfo>>,
}

/// A network behind the UE (TS 29.503 `FrameRouteInfo`): one of the two.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrameRouteInfo {
    /// Of IPv4.
    pub ipv4_mask: Option<Ipv4Net>,
    /// Of IPv6.
    pub ipv6_prefix: Option<Ipv6Net>,
}

impl From<IpNet> for FrameRouteInfo {
    fn from(network: IpNet) -> Self {
        match network {
            IpNet::V4(v4) => Self { ipv4_mask: Some(v4), ipv6_prefix: None },
            IpNet::V6(v6) => Self { ipv4_mask: None, ipv6_prefix: Some(v6) },
        }
    }
}

impl DnnConfiguration {
    /// The networks behind the UE, of both versions.
    pub fn framed_routes(&self) -> impl Iterator<Item = IpNet> + '_ {
        let lists = [&self.ipv4_frame_route_list, &self.ipv6_frame_route_list];
        let routes = lists.into_iter().flatten().flatten();
        routes.flat_map(|route| route.ipv4_mask.map(IpNet::from).into_iter().chain(route.ipv6_prefix.map(IpNet::from)))
    }
}

/// What the SMF must know (TS 29.503 6.1.6.2.8).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionManagementSubscriptionData {
    /// The slice.
    pub single_nssai: Snssai,
    /// By DNN.
    pub dnn_configurations: Option<BTreeMap<String, DnnConfiguration>>,
}

/// A session as the UDM knows it (TS 29.503 6.1.6.2.16).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PduSession {
    /// Its DNN.
    pub dnn: Dnn,
    /// Its SMF.
    pub smf_instance_id: Uuid,
    /// The SMF's network.
    pub plmn_id: PlmnId,
    /// Its slice.
    pub single_nssai: Option<Snssai>,
}

/// A subscriber's sessions (TS 29.503 6.1.6.2.15).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UeContextInSmfData {
    /// By session identity.
    pub pdu_sessions: Option<BTreeMap<PduSessionId, PduSession>>,
}

/// Subscription to changes of a subscriber's data (TS 29.503 6.1.6.2.3).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SdmSubscription {
    /// Who subscribes.
    pub nf_instance_id: Uuid,
    /// Where notifications go.
    pub callback_reference: String,
    /// Resources whose changes count.
    pub monitored_resource_uris: Vec<String>,
    /// True: ends when the subscriber's registration with this NF ends.
    pub implicit_unsubscribe: Option<bool>,
    /// Until when.
    pub expires: Option<DateTime>,
    /// Given by the UDM.
    pub subscription_id: Option<String>,
    /// The serving network.
    pub plmn_id: Option<PlmnId>,
    /// Of this slice only.
    pub single_nssai: Option<Snssai>,
    /// Of this DNN only.
    pub dnn: Option<Dnn>,
}
