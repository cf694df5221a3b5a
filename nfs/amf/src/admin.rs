//! What operators see and may ask for.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use sbi_models::Supi;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::Core;
use crate::directory::Summary;
use crate::machine::Machine;

/// UEs listed at most: the counts are of all.
const MOST_UES: usize = 1_000;

/// `POST /ue/{supi}/deregister` and `GET /trace/keys/{supi}`.
pub(crate) fn router(machine: Machine) -> Router {
    let router = Router::new().route("/ue/{supi}/deregister", post(deregister));
    router.route("/trace/keys/{supi}", get(keys)).with_state(machine)
}

/// What a UE's messages are known by: on N2, the number of its connection.
async fn keys(State(machine): State<Machine>, Path(supi): Path<String>) -> Json<Vec<String>> {
    let found = supi.parse::<Supi>().ok().and_then(|supi| machine.core.directory.find(&supi));
    Json(found.map(|(id, _)| format!("ngap:{}", id.get())).into_iter().collect())
}

#[derive(Deserialize)]
struct DeregisterQuery {
    /// Ask the UE to register again.
    #[serde(default)]
    reregister: bool,
}

async fn deregister(
    State(machine): State<Machine>,
    Path(supi): Path<String>,
    Query(query): Query<DeregisterQuery>,
) -> (StatusCode, Json<Value>) {
    let supi = if supi.starts_with("imsi-") { supi } else { format!("imsi-{supi}") };
    let Ok(supi) = supi.parse::<Supi>() else {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "a SUPI is imsi- and 5 to 15 digits" })));
    };
    match machine.deregister(&supi, query.reregister).await {
        true => (StatusCode::OK, Json(json!({ "deregistered": supi }))),
        false => (StatusCode::NOT_FOUND, Json(json!({ "error": format!("{supi} is not registered here") }))),
    }
}

/// The AMF's part of `GET /status`.
pub(crate) fn status(core: &Core) -> Value {
    let nodes = core.associations.nodes();
    let (registered, connected, sessions) = core.directory.counts();
    let ues: Vec<Value> = core.directory.summaries(MOST_UES).iter().map(|ue| describe(core, ue)).collect();
    json!({
        "gnbs": nodes.len(),
        "ues": registered,
        "sessions": sessions,
        "waiting": core.admission.waiting(),
        "connected": connected,
        "guami": format!("{}/{}", core.served.sbi_plmn, core.served.amf_id),
        "gnb_list": nodes,
        "ue_list": ues,
    })
}

fn describe(core: &Core, ue: &Summary) -> Value {
    let sessions: Vec<u16> = (1..16).filter(|id| ue.sessions & 1 << id != 0).collect();
    let guti = ue.tmsi.map(|tmsi| format!("{}-{}-{tmsi:08x}", core.served.sbi_plmn, core.served.amf_id));
    json!({
        "supi": ue.supi,
        "rm": if ue.registered { "registered" } else { "deregistered" },
        "cm": if ue.connected { "connected" } else { "idle" },
        "guti": guti,
        "gnb": ue.node.as_deref(),
        "sessions": sessions,
    })
}
