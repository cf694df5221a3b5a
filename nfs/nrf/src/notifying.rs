//! Sends notifications (TS 29.510 5.2.2.6), a bounded number at once; one that fails is not repeated, because what it
//! says expires with the result of discovery it would have corrected.

use std::sync::Arc;

use sbi_api::{Json, NoContent};
use sbi_models::nrf::NotificationData;
use tokio::task::JoinSet;

use crate::server::Server;

/// Notifications under way at once.
const AT_ONCE: usize = 64;

/// Runs for ever.
pub(crate) async fn notify(server: Arc<Server>) {
    let mut under_way = JoinSet::new();
    loop {
        while let Some(notification) = server.next_notification() {
            if under_way.len() >= AT_ONCE {
                under_way.join_next().await;
            }
            let caller = server.caller.clone();
            under_way.spawn(async move {
                let sent = sbi_api::notify::<Json<NotificationData>, NoContent>(
                    &*caller,
                    &notification.uri,
                    &notification.data,
                );
                if let Err(error) = sent.await {
                    tracing::debug!("{} was not told: {error}", notification.uri);
                }
            });
        }
        while under_way.try_join_next().is_some() {}
        server.to_tell.notified().await;
    }
}
