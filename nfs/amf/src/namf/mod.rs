//! What the AMF serves: Namf_Communication and the notifications it asked for.

mod callback;
mod communication;

use std::sync::Arc;

use sbi_api::{Problem, Routes, namf_callback, namf_comm};
use sbi_models::Supi;

use crate::core::Core;

/// The services' server.
pub(crate) struct Server {
    core: Arc<Core>,
}

/// All of the AMF's services.
pub(crate) fn routes(core: Arc<Core>) -> Routes {
    let server = Arc::new(Server { core });
    namf_comm::routes(server.clone()).and(namf_callback::routes(server))
}

fn context_not_found(supi: &Supi) -> Problem {
    Problem::not_found("CONTEXT_NOT_FOUND", format_args!("{supi} is not registered here"))
}
