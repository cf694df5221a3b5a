//! Discovery (TS 29.510 6.2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use uuid::Uuid;

use super::{NfProfile, NfType, ServiceName};
use crate::{Dnn, Guami, PlmnId, Snssai, Supi, Tai};

/// A list in a query: its members joined by commas (OpenAPI `style: form, explode: false`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommaList<T>(pub Vec<T>);

impl<T: fmt::Display> fmt::Display for CommaList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(n, item)| write!(f, "{}{item}", if n == 0 { "" } else { "," }))
    }
}

impl<T: FromStr> FromStr for CommaList<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.split(',').filter(|item| !item.is_empty()).map(T::from_str).collect::<Result<_, _>>().map(Self)
    }
}

impl<T: fmt::Display> Serialize for CommaList<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for CommaList<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::read_text(deserializer)
    }
}

/// What is looked for (TS 29.510 6.2.3.2.3.1). An instance must match every parameter that is there.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SearchQuery {
    /// Type of the NF looked for.
    pub target_nf_type: NfType,
    /// Type of who looks.
    pub requester_nf_type: NfType,
    /// Instance of who looks.
    pub requester_nf_instance_id: Option<Uuid>,
    /// It offers one of these services.
    pub service_names: Option<CommaList<ServiceName>>,
    /// This very instance.
    pub target_nf_instance_id: Option<Uuid>,
    /// It serves one of these networks.
    pub target_plmn_list: Option<Vec<PlmnId>>,
    /// It serves one of these slices.
    pub snssais: Option<Vec<Snssai>>,
    /// It serves this DNN.
    pub dnn: Option<Dnn>,
    /// It serves this tracking area.
    pub tai: Option<Tai>,
    /// It serves this subscriber.
    pub supi: Option<Supi>,
    /// It serves this routing indicator.
    pub routing_indicator: Option<String>,
    /// It is in this AMF region, two hexadecimal digits.
    pub amf_region_id: Option<String>,
    /// It is in this AMF set, three hexadecimal digits.
    pub amf_set_id: Option<String>,
    /// It has this GUAMI.
    pub guami: Option<Guami>,
    /// It is here, if possible.
    pub preferred_locality: Option<String>,
}

impl SearchQuery {
    /// Any instance of `target` that offers `service`.
    pub fn new(requester: NfType, target: NfType, service: ServiceName) -> Self {
        Self {
            target_nf_type: target,
            requester_nf_type: requester,
            requester_nf_instance_id: None,
            service_names: Some(CommaList(vec![service])),
            target_nf_instance_id: None,
            target_plmn_list: None,
            snssais: None,
            dnn: None,
            tai: None,
            supi: None,
            routing_indicator: None,
            amf_region_id: None,
            amf_set_id: None,
            guami: None,
            preferred_locality: None,
        }
    }
}

/// What was found (TS 29.510 6.2.6.2.2).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchResult {
    /// Seconds for which the result may be kept.
    pub validity_period: Option<u32>,
    /// The instances.
    pub nf_instances: Vec<NfProfile>,
}
