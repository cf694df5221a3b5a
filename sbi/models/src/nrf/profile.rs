//! What an NF says of itself (TS 29.510 6.1.6.2).

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use uuid::Uuid;

use super::{NfType, ServiceName};
use crate::{DateTime, Dnn, Guami, PlmnId, Snssai, Tai};

open_enum! {
    /// Whether an NF can be used (TS 29.510 6.1.6.3.7).
    NfStatus {
        Registered = "REGISTERED",
        Suspended = "SUSPENDED",
        Undiscoverable = "UNDISCOVERABLE",
        CanaryRelease = "CANARY_RELEASE",
    }
}

open_enum! {
    /// Whether a service can be used (TS 29.510 6.1.6.3.8).
    NfServiceStatus {
        Registered = "REGISTERED",
        Suspended = "SUSPENDED",
        Undiscoverable = "UNDISCOVERABLE",
        CanaryRelease = "CANARY_RELEASE",
    }
}

open_enum! {
    /// Scheme of a service's URIs (TS 29.571 5.3.3).
    UriScheme {
        Http = "http",
        Https = "https",
    }
}

/// Profile of an NF instance (TS 29.510 6.1.6.2.2). Attributes of other vendors and later releases are kept in `other`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NfProfile {
    /// The instance.
    pub nf_instance_id: Uuid,
    /// Its type.
    pub nf_type: NfType,
    /// Whether it can be used.
    pub nf_status: NfStatus,
    /// Seconds between heartbeats; the NRF may answer another value.
    pub heart_beat_timer: Option<u32>,
    /// Name for people.
    pub nf_instance_name: Option<String>,
    /// Networks it serves; absent: the NRF's own.
    pub plmn_list: Option<Vec<PlmnId>>,
    /// Slices it serves; absent: all.
    pub s_nssais: Option<Vec<Snssai>>,
    /// Name in the DNS.
    pub fqdn: Option<String>,
    /// IPv4 addresses.
    pub ipv4_addresses: Option<Vec<Ipv4Addr>>,
    /// IPv6 addresses.
    pub ipv6_addresses: Option<Vec<Ipv6Addr>>,
    /// Types of NF that may use it; absent: all.
    pub allowed_nf_types: Option<Vec<NfType>>,
    /// 0 (highest) to 65535.
    pub priority: Option<u16>,
    /// Relative to others of its type, 0 to 65535.
    pub capacity: Option<u16>,
    /// Percent of its capacity in use.
    pub load: Option<u8>,
    /// Where it is, as the operator names places.
    pub locality: Option<String>,
    /// When it last started without what it knew before.
    pub recovery_time: Option<DateTime>,
    /// Of an AMF.
    pub amf_info: Option<AmfInfo>,
    /// Of an SMF.
    pub smf_info: Option<SmfInfo>,
    /// Of an AUSF.
    pub ausf_info: Option<AusfInfo>,
    /// Of a UDM.
    pub udm_info: Option<UdmInfo>,
    /// Of a UDR.
    pub udr_info: Option<UdrInfo>,
    /// Its services.
    pub nf_services: Option<Vec<NfService>>,
    /// How it is reached on its own node, a vendor's attribute (TS 29.500 6.6.3) which others ignore.
    #[serde(rename = "vendorSpecific-peregrine")]
    pub local: Option<LocalReach>,
    /// Everything else, unchanged.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl NfProfile {
    /// The profile of a usable instance that says nothing else yet.
    pub fn new(nf_instance_id: Uuid, nf_type: NfType) -> Self {
        Self {
            nf_instance_id,
            nf_type,
            nf_status: NfStatus::Registered,
            heart_beat_timer: None,
            nf_instance_name: None,
            plmn_list: None,
            s_nssais: None,
            fqdn: None,
            ipv4_addresses: None,
            ipv6_addresses: None,
            allowed_nf_types: None,
            priority: None,
            capacity: None,
            load: None,
            locality: None,
            recovery_time: None,
            amf_info: None,
            smf_info: None,
            ausf_info: None,
            udm_info: None,
            udr_info: None,
            nf_services: None,
            local: None,
            other: serde_json::Map::new(),
        }
    }
}

/// How an NF is reached by another on the same node.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalReach {
    /// Identity of the node: what is on another node cannot be reached so.
    pub node: String,
    /// Path of the unix socket where a shared-memory channel is asked for.
    pub shm: Option<String>,
    /// Path of the unix socket that speaks HTTP/2.
    pub h2_unix: Option<String>,
}

/// One service of an NF (TS 29.510 6.1.6.2.3).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NfService {
    /// Unique among the services of the instance.
    pub service_instance_id: String,
    /// Which service.
    pub service_name: ServiceName,
    /// Its versions.
    pub versions: Vec<NfServiceVersion>,
    /// `http` or `https`.
    pub scheme: UriScheme,
    /// Whether it can be used.
    pub nf_service_status: NfServiceStatus,
    /// Name in the DNS, where it is not the profile's.
    pub fqdn: Option<String>,
    /// Addresses and ports.
    pub ip_end_points: Option<Vec<IpEndPoint>>,
    /// Optional path before the API's name.
    pub api_prefix: Option<String>,
    /// Types of NF that may use it.
    pub allowed_nf_types: Option<Vec<NfType>>,
    /// Whether requests need a token; absent: as the operator has it.
    #[serde(rename = "oauth2Required")]
    pub oauth2_required: Option<bool>,
    /// As in the profile.
    pub priority: Option<u16>,
    /// As in the profile.
    pub capacity: Option<u16>,
    /// As in the profile.
    pub load: Option<u8>,
}

impl NfService {
    /// A usable service over plain HTTP at `end_point`, its API in version `v1` or `v2`.
    pub fn http(service_name: ServiceName, version: &str, end_point: IpEndPoint) -> Self {
        Self {
            service_instance_id: service_name.to_string(),
            service_name,
            versions: vec![NfServiceVersion {
                api_version_in_uri: version.to_owned(),
                api_full_version: format!("{}.0.0", version.trim_start_matches('v')),
            }],
            scheme: UriScheme::Http,
            nf_service_status: NfServiceStatus::Registered,
            fqdn: None,
            ip_end_points: Some(vec![end_point]),
            api_prefix: None,
            allowed_nf_types: None,
            oauth2_required: None,
            priority: None,
            capacity: None,
            load: None,
        }
    }
}

/// A version of a service (TS 29.510 6.1.6.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NfServiceVersion {
    /// As in the URI: `v1`.
    pub api_version_in_uri: String,
    /// As in the specification: `1.2.3`.
    pub api_full_version: String,
}

/// Address and port of a service (TS 29.510 6.1.6.2.5).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IpEndPoint {
    /// IPv4 address.
    pub ipv4_address: Option<Ipv4Addr>,
    /// IPv6 address.
    pub ipv6_address: Option<Ipv6Addr>,
    /// TCP port; absent: the scheme's.
    pub port: Option<u16>,
}

impl From<std::net::SocketAddr> for IpEndPoint {
    fn from(address: std::net::SocketAddr) -> Self {
        let (ipv4_address, ipv6_address) = match address.ip() {
            std::net::IpAddr::V4(v4) => (Some(v4), None),
            std::net::IpAddr::V6(v6) => (None, Some(v6)),
        };
        Self { ipv4_address, ipv6_address, port: Some(address.port()) }
    }
}

/// Which UEs and areas an AMF serves (TS 29.510 6.1.6.2.11).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AmfInfo {
    /// AMF set, three hexadecimal digits.
    pub amf_set_id: String,
    /// AMF region, two hexadecimal digits.
    pub amf_region_id: String,
    /// Its GUAMIs.
    pub guami_list: Vec<Guami>,
    /// Its tracking areas.
    pub tai_list: Option<Vec<Tai>>,
}

/// Which sessions an SMF serves (TS 29.510 6.1.6.2.12).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmfInfo {
    /// By slice and DNN.
    pub s_nssai_smf_info_list: Vec<SnssaiSmfInfoItem>,
    /// Its tracking areas; absent: all.
    pub tai_list: Option<Vec<Tai>>,
}

/// The DNNs an SMF serves in a slice (TS 29.510 6.1.6.2.29).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnssaiSmfInfoItem {
    /// The slice.
    pub s_nssai: Snssai,
    /// Its DNNs.
    pub dnn_smf_info_list: Vec<DnnSmfInfoItem>,
}

/// A DNN an SMF serves (TS 29.510 6.1.6.2.30).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnnSmfInfoItem {
    /// The DNN.
    pub dnn: Dnn,
}

/// A range of SUPIs, by first and last or by pattern (TS 29.510 6.1.6.2.9).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupiRange {
    /// First IMSI, digits.
    pub start: Option<String>,
    /// Last IMSI, digits.
    pub end: Option<String>,
    /// Regular expression.
    pub pattern: Option<String>,
}

/// Which subscribers an AUSF serves (TS 29.510 6.1.6.2.8).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AusfInfo {
    /// Group of AUSFs.
    pub group_id: Option<String>,
    /// By SUPI; absent: all.
    pub supi_ranges: Option<Vec<SupiRange>>,
    /// By routing indicator; absent: all.
    pub routing_indicators: Option<Vec<String>>,
}

/// Which subscribers a UDM serves (TS 29.510 6.1.6.2.7).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UdmInfo {
    /// Group of UDMs.
    pub group_id: Option<String>,
    /// By SUPI; absent: all.
    pub supi_ranges: Option<Vec<SupiRange>>,
    /// By routing indicator; absent: all.
    pub routing_indicators: Option<Vec<String>>,
}

/// Which subscribers a UDR serves (TS 29.510 6.1.6.2.6).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UdrInfo {
    /// Group of UDRs.
    pub group_id: Option<String>,
    /// By SUPI; absent: all.
    pub supi_ranges: Option<Vec<SupiRange>>,
    /// Kinds of data: `SUBSCRIPTION`, `POLICY`, ...
    pub supported_data_sets: Option<Vec<String>>,
}
