//! The answering side: what comes in goes to the NF, but for what the NRF sends to the runtime.

use std::sync::{Arc, Weak};

use sbi_api::nnrf_callback::{self, NnrfCallbackServer};
use sbi_api::{Answer, BoxFuture, Handler, Problem, Request, Routes};
use sbi_models::nrf::NotificationData;

use super::caller::{Carrier, SbiCaller};

/// The handler of every NF's servers.
pub(crate) struct Frontend {
    callbacks: Routes,
    own: Arc<dyn Handler>,
}

impl Frontend {
    /// Sends notifications of the NRF to `caller`, all else to `own`.
    pub(crate) fn new<C: Carrier>(caller: &Arc<SbiCaller<C>>, own: Arc<dyn Handler>) -> Self {
        let callbacks = nnrf_callback::routes(Arc::new(StatusListener(Arc::downgrade(caller))));
        Self { callbacks, own }
    }
}

impl Handler for Frontend {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        match request.uri().path().starts_with(nnrf_callback::ROOT) {
            true => self.callbacks.handle(request),
            false => self.own.handle(request),
        }
    }
}

/// Hears of other NFs' coming and going. A forged notification only makes us ask the NRF again.
struct StatusListener<C>(Weak<SbiCaller<C>>);

impl<C: Carrier> NnrfCallbackServer for StatusListener<C> {
    async fn status_notify(&self, notification: NotificationData) -> Result<(), Problem> {
        if let Some(caller) = self.0.upgrade() {
            caller.handle_notification(&notification);
        }
        Ok(())
    }
}
