//! A subscriber as the operator provisions it, and the subscription data of TS 29.503 that follow from that.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::str::FromStr;

use aka::{K, Op, Opc, Sqn};
use ipnet::{IpNet, Ipv6Net};
use sbi_models::udm::{
    AccessAndMobilitySubscriptionData, DnnConfiguration, DnnInfo, FrameRouteInfo, Nssai, PduSessionTypes,
    SessionManagementSubscriptionData, SmfSelectionSubscriptionData, SnssaiInfo, SscModes, SubscribedDefaultQos,
};
use sbi_models::{
    Ambr, Arp, BitRate, Dnn, Gpsi, HexOctets, IpAddr, PduSessionType, PreemptionCapability, PreemptionVulnerability,
    SecretHex, Snssai, SscMode, Supi,
};
use serde::{Deserialize, Serialize};

/// A subscriber: one line of an import or export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscriber {
    /// Who it is.
    pub supi: Supi,
    /// The keys; left out where they are not to be shown.
    #[serde(flatten)]
    pub keys: Option<Keys>,
    /// What it may use.
    #[serde(flatten)]
    pub profile: Profile,
}

/// What a subscriber's card and the network share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// K.
    pub k: SecretHex<16>,
    /// OPc; an import may give OP instead.
    pub opc: SecretHex<16>,
    /// The authentication management field.
    #[serde(default = "separated")]
    pub amf: HexOctets<2>,
    /// The last sequence number used.
    #[serde(default = "first_sqn")]
    pub sqn: HexOctets<6>,
}

fn separated() -> HexOctets<2> {
    HexOctets([0x80, 0])
}

fn first_sqn() -> HexOctets<6> {
    HexOctets(Sqn::INITIAL.to_octets())
}

impl Keys {
    /// Keys with the management field and the sequence number of a new subscription.
    pub fn new(k: SecretHex<16>, opc: SecretHex<16>) -> Self {
        Self { k, opc, amf: separated(), sqn: first_sqn() }
    }

    /// As [`Keys::new`], with OPc made of OP.
    pub fn from_op(k: SecretHex<16>, op: &SecretHex<16>) -> Self {
        let opc = Opc::from_op(&K::new(k.0), &Op::new(op.0));
        Self::new(k, SecretHex(*opc.as_octets()))
    }
}

/// What a subscriber may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpsi: Option<Gpsi>,
    /// Rate of all its sessions together.
    #[serde(default = "a_gigabit", skip_serializing_if = "is_a_gigabit")]
    pub ue_ambr: Ambr,
    /// Its slices; the first is the default.
    pub slices: Vec<Slice>,
}

/// A subscribed slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slice {
    /// Which slice.
    #[serde(flatten)]
    pub snssai: Snssai,
    /// Its data networks; the first is the default.
    pub dnns: Vec<Subscription>,
}

/// A subscribed data network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Which one.
    pub dnn: Dnn,
    /// Rate of a session.
    #[serde(default = "a_gigabit", skip_serializing_if = "is_a_gigabit")]
    pub session_ambr: Ambr,
    /// 5QI of the default flow.
    #[serde(default = "best_effort", skip_serializing_if = "is_best_effort")]
    pub five_qi: u8,
    /// Priority of the default flow, 1 (highest) to 15.
    #[serde(default = "middling", skip_serializing_if = "is_middling")]
    pub arp_priority: u8,
    /// Types of its sessions, the default first; without any, those of IP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub session_types: Vec<PduSessionType>,
    /// The address the subscriber always gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<Ipv4Addr>,
    /// The IPv6 prefix it always gets, of 64 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Ipv6Net>,
    /// Networks behind the UE, whose hosts are reached through it (framed routes).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub framed_routes: Vec<IpNet>,
}

/// Networks behind a UE.
const MOST_ROUTES: usize = 16;

fn a_gigabit() -> Ambr {
    Ambr { uplink: BitRate(1_000_000_000), downlink: BitRate(1_000_000_000) }
}

fn is_a_gigabit(ambr: &Ambr) -> bool {
    *ambr == a_gigabit()
}

fn best_effort() -> u8 {
    9
}

fn is_best_effort(five_qi: &u8) -> bool {
    *five_qi == best_effort()
}

fn middling() -> u8 {
    8
}

fn is_middling(priority: &u8) -> bool {
    *priority == middling()
}

impl Subscription {
    /// A data network with the usual rates.
    pub fn new(dnn: Dnn) -> Self {
        Self {
            dnn,
            session_ambr: a_gigabit(),
            five_qi: best_effort(),
            arp_priority: middling(),
            session_types: Vec::new(),
            ipv4: None,
            ipv6: None,
            framed_routes: Vec::new(),
        }
    }

    /// What is wrong with it.
    fn check(&self) -> Result<(), String> {
        let Self { dnn, arp_priority, five_qi, session_types, ipv6, framed_routes, .. } = self;
        if !(1..=15).contains(arp_priority) {
            return Err(format!("arpPriority {arp_priority} of {dnn}: allowed are 1 to 15"));
        }
        if matches!(five_qi, 0 | 255) {
            return Err(format!("fiveQi {five_qi} of {dnn}: allowed are 1 to 254"));
        }
        if let Some(other) = session_types.iter().find(|kind| !is_known(kind)) {
            return Err(format!(
                "'{other}' of sessionTypes of {dnn} is none of IPV4, IPV6, IPV4V6, ETHERNET, UNSTRUCTURED"
            ));
        }
        if let Some(prefix) = ipv6.filter(|prefix| prefix.prefix_len() != 64 || prefix.trunc() != *prefix) {
            return Err(format!("ipv6 {prefix} of {dnn}: a prefix of 64 bits is needed, as 2001:db8:1:2::/64"));
        }
        if framed_routes.len() > MOST_ROUTES {
            return Err(format!("{dnn} has {} framedRoutes: allowed are 0 to {MOST_ROUTES}", framed_routes.len()));
        }
        match framed_routes.iter().find(|network| network.prefix_len() == 0 || network.trunc() != **network) {
            Some(network) => Err(format!("{network} of framedRoutes of {dnn} is no network: {} is?", network.trunc())),
            None => Ok(()),
        }
    }

    /// From `DNN`, or `DNN=TYPE[+TYPE...]`.
    fn read(text: &str) -> Option<Self> {
        let (dnn, types) = text.split_once('=').map_or((text, None), |(dnn, types)| (dnn, Some(types)));
        let session_types = types.into_iter().flat_map(|types| types.split('+')).map(session_type);
        Some(Self { session_types: session_types.collect::<Option<_>>()?, ..Self::new(dnn.trim().parse().ok()?) })
    }
}

fn session_type(name: &str) -> Option<PduSessionType> {
    Some(PduSessionType::from(&*name.trim().to_ascii_uppercase())).filter(is_known)
}

fn is_known(kind: &PduSessionType) -> bool {
    !matches!(kind, PduSessionType::Other(_))
}

/// Why a subscriber cannot be provisioned: the operator's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvisioningError {
    /// The slice and its DNNs are not written as `SST[-SD]:DNN[=TYPE...][,DNN...]`.
    #[error(
        "'{0}' is not a slice: write SST[-SD]:DNN[,DNN...], as in 1:internet, 1-00000a:internet,ims or 1:internet,lan=ethernet"
    )]
    Slice(String),
    /// A value that cannot be.
    #[error("{0}")]
    Value(String),
}

impl FromStr for Slice {
    type Err = ProvisioningError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ProvisioningError::Slice(text.to_owned());
        let (snssai, dnns) = text.split_once(':').ok_or_else(malformed)?;
        let snssai = snssai.trim().parse().map_err(|_| malformed())?;
        let dnns = dnns.split([',', '|']).map(Subscription::read);
        Ok(Self { snssai, dnns: dnns.collect::<Option<_>>().ok_or_else(malformed)? })
    }
}

impl Profile {
    /// What these slices and the usual rates give.
    pub fn new(slices: Vec<Slice>) -> Self {
        Self { gpsi: None, ue_ambr: a_gigabit(), slices }
    }

    /// Finds what no single value shows to be wrong.
    ///
    /// # Errors
    /// [`ProvisioningError::Value`] with a sentence for the operator.
    pub fn check(&self) -> Result<(), ProvisioningError> {
        let wrong = |text: String| Err(ProvisioningError::Value(text));
        if self.slices.is_empty() || self.slices.len() > 8 {
            return wrong(format!("a subscriber has 1 to 8 slices, not {}", self.slices.len()));
        }
        for slice in &self.slices {
            if slice.dnns.is_empty() || slice.dnns.len() > 64 {
                return wrong(format!("slice {} has {} DNNs: allowed are 1 to 64", slice.snssai, slice.dnns.len()));
            }
            slice.dnns.iter().try_for_each(Subscription::check).or_else(wrong)?;
        }
        Ok(())
    }

    /// Access and mobility subscription data (TS 29.503 6.1.6.2.4).
    pub fn am_data(&self) -> AccessAndMobilitySubscriptionData {
        let mut slices = self.slices.iter().map(|slice| slice.snssai);
        let default_single_nssais = slices.next().into_iter().collect();
        let others: Vec<_> = slices.collect();
        AccessAndMobilitySubscriptionData {
            gpsis: self.gpsi.clone().map(|gpsi| vec![gpsi]),
            subscribed_ue_ambr: Some(self.ue_ambr),
            nssai: Some(Nssai { default_single_nssais, single_nssais: Some(others).filter(|list| !list.is_empty()) }),
            ..AccessAndMobilitySubscriptionData::default()
        }
    }

    /// SMF selection subscription data (TS 29.503 6.1.6.2.5).
    pub fn smf_selection_data(&self) -> SmfSelectionSubscriptionData {
        let infos =
            self.slices.iter().map(|slice| (slice.snssai.to_string(), SnssaiInfo { dnn_infos: slice.dnn_infos() }));
        SmfSelectionSubscriptionData { subscribed_snssai_infos: Some(infos.collect()) }
    }

    /// Session management subscription data of a slice and a DNN, or of all (TS 29.503 6.1.6.2.8).
    pub fn sm_data(&self, slice: Option<Snssai>, dnn: Option<&Dnn>) -> Vec<SessionManagementSubscriptionData> {
        let wanted = self.slices.iter().filter(|own| slice.is_none_or(|slice| slice == own.snssai));
        let data = wanted.map(|own| SessionManagementSubscriptionData {
            single_nssai: own.snssai,
            dnn_configurations: Some(own.configurations(dnn)).filter(|of| !of.is_empty()),
        });
        data.filter(|data| data.dnn_configurations.is_some()).collect()
    }
}

impl Slice {
    fn dnn_infos(&self) -> Vec<DnnInfo> {
        let info = |(n, subscription): (usize, &Subscription)| DnnInfo {
            dnn: subscription.dnn.to_string(),
            default_dnn_indicator: (n == 0).then_some(true),
        };
        self.dnns.iter().enumerate().map(info).collect()
    }

    fn configurations(&self, dnn: Option<&Dnn>) -> BTreeMap<String, DnnConfiguration> {
        let named = |own: &Dnn| dnn.is_none_or(|dnn| dnn.as_str().eq_ignore_ascii_case(own.as_str()));
        let wanted = self.dnns.iter().filter(|subscription| named(&subscription.dnn));
        wanted.map(|subscription| (subscription.dnn.to_string(), subscription.configuration())).collect()
    }
}

impl Subscription {
    fn configuration(&self) -> DnnConfiguration {
        let arp = Arp {
            priority_level: self.arp_priority,
            preempt_cap: PreemptionCapability::NotPreempt,
            preempt_vuln: PreemptionVulnerability::NotPreemptable,
        };
        let of_ip = || vec![PduSessionType::Ipv4, PduSessionType::Ipv6, PduSessionType::Ipv4v6];
        let types = if self.session_types.is_empty() { of_ip() } else { self.session_types.clone() };
        let ipv4 = self.ipv4.map(|ipv4| IpAddr { ipv4_addr: Some(ipv4), ..IpAddr::default() });
        let ipv6 = self.ipv6.map(|prefix| IpAddr { ipv6_prefix: Some(prefix), ..IpAddr::default() });
        let addresses: Vec<_> = ipv4.into_iter().chain(ipv6).collect();
        let routes = |ipv4: bool| {
            let of_version = self.framed_routes.iter().filter(|network| network.addr().is_ipv4() == ipv4);
            let routes: Vec<FrameRouteInfo> = of_version.map(|network| (*network).into()).collect();
            (!routes.is_empty()).then_some(routes)
        };
        DnnConfiguration {
            pdu_session_types: PduSessionTypes {
                default_session_type: types.first().cloned(),
                allowed_session_types: Some(types),
            },
            ssc_modes: SscModes { default_ssc_mode: SscMode::Mode1, allowed_ssc_modes: Some(vec![SscMode::Mode1]) },
            qos_profile: Some(SubscribedDefaultQos { five_qi: self.five_qi, arp, priority_level: None }),
            session_ambr: Some(self.session_ambr),
            static_ip_address: (!addresses.is_empty()).then_some(addresses),
            up_security: None,
            ipv4_frame_route_list: routes(true),
            ipv6_frame_route_list: routes(false),
        }
    }
}
