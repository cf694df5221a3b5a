//! What the NRF sends to those who subscribed.

use sbi_models::nrf::NotificationData;

use crate::{ApiRoot, Json, NoContent, service};

service! {
    /// Notifications of the NRF (TS 29.510 5.2.2.6), at a URI of our own choice.
    client NnrfCallback, server NnrfCallbackServer, of Nrf NnrfCallback at "/nnrf-callback/v1";

    /// NFStatusNotify: an instance came, went or changed (TS 29.510 5.2.2.6).
    fn status_notify(; body Json<NotificationData>) = POST "/nf-status" -> NoContent;
}

/// The URI to subscribe with (`nfStatusNotificationUri`), of the NF at `root`.
pub fn status_uri(root: &ApiRoot) -> String {
    format!("{root}{ROOT}/nf-status")
}
