//! Registration, update and status subscriptions (TS 29.510 6.1).

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use uuid::Uuid;

use super::{NfProfile, NfType, ServiceName};
use crate::{DateTime, PlmnId};

open_enum! {
    /// Operation of a JSON patch (RFC 6902, TS 29.571 5.2.3.2).
    PatchOperation {
        Add = "add",
        Copy = "copy",
        Move = "move",
        Remove = "remove",
        Replace = "replace",
        Test = "test",
    }
}

/// One change of a JSON document (TS 29.571 5.2.4.3, RFC 6902).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchItem {
    /// What to do.
    pub op: PatchOperation,
    /// Where, a JSON pointer.
    pub path: String,
    /// Where from, for move and copy.
    pub from: Option<String>,
    /// The new value, for add, replace and test.
    pub value: Option<serde_json::Value>,
}

impl PatchItem {
    /// Sets the value at `path`, which must exist.
    pub fn replace(path: &str, value: impl Into<serde_json::Value>) -> Self {
        Self { op: PatchOperation::Replace, path: path.to_owned(), from: None, value: Some(value.into()) }
    }

    /// What a heartbeat sends (TS 29.510 5.2.2.3.2): the instance is usable, at this load in percent.
    pub fn heartbeat(load: u8) -> Vec<Self> {
        vec![Self::replace("/nfStatus", "REGISTERED"), Self { op: PatchOperation::Add, ..Self::replace("/load", load) }]
    }
}

/// Which instances a status subscription is about (TS 29.510 6.1.6.2.35); one of them is there, or none for all.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscrCond {
    /// This instance.
    pub nf_instance_id: Option<Uuid>,
    /// All of this type.
    pub nf_type: Option<NfType>,
    /// All that offer this service.
    pub service_name: Option<ServiceName>,
}

/// A subscription to the status of NFs (TS 29.510 6.1.6.2.16).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionData {
    /// Where notifications go.
    pub nf_status_notification_uri: String,
    /// Who asks.
    pub req_nf_instance_id: Option<Uuid>,
    /// Which instances; absent: all.
    pub subscr_cond: Option<SubscrCond>,
    /// Given by the NRF.
    pub subscription_id: Option<String>,
    /// Until when.
    pub validity_time: Option<DateTime>,
    /// Which events; absent: all.
    pub req_notif_events: Option<Vec<NotificationEventType>>,
    /// Network of the instances.
    pub plmn_id: Option<PlmnId>,
    /// Type of who asks.
    pub req_nf_type: Option<NfType>,
}

open_enum! {
    /// What happened to an NF (TS 29.510 6.1.6.3.6).
    NotificationEventType {
        Registered = "NF_REGISTERED",
        Deregistered = "NF_DEREGISTERED",
        ProfileChanged = "NF_PROFILE_CHANGED",
    }
}

/// A status notification (TS 29.510 6.1.6.2.17).
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationData {
    /// What happened.
    pub event: NotificationEventType,
    /// URI of the instance's profile at the NRF.
    pub nf_instance_uri: String,
    /// Its profile, when it registered or changed.
    pub nf_profile: Option<NfProfile>,
}
