//! What operators may ask about sessions.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::Core;
use crate::pool::UeAddress;
use crate::session::{AtUpf, Entry};

/// How long a session's procedure is waited for.
const PATIENCE: Duration = Duration::from_millis(50);

/// Sessions listed at most.
const MOST: usize = 1_000;

/// `GET /sessions?supi=..|seid=..|ue=..` and `GET /trace/keys/{supi}`.
pub(crate) fn router(core: Arc<Core>) -> Router {
    Router::new().route("/sessions", get(sessions)).route("/trace/keys/{supi}", get(all_keys)).with_state(core)
}

/// Which sessions: all that fit what is given.
#[derive(Default, Deserialize)]
struct Asked {
    supi: Option<String>,
    /// As the SMF or the UPF calls it.
    seid: Option<u64>,
    /// The UE's address.
    ue: Option<IpAddr>,
}

#[derive(Serialize)]
struct Found {
    supi: String,
    session: u8,
    dnn: String,
    ue: Vec<IpAddr>,
    keys: Vec<String>,
}

async fn sessions(State(core): State<Arc<Core>>, Query(asked): Query<Asked>) -> Json<Vec<Found>> {
    Json(find(&core, &asked).await)
}

async fn all_keys(State(core): State<Arc<Core>>, Path(supi): Path<String>) -> Json<Vec<String>> {
    let found = find(&core, &Asked { supi: Some(supi), ..Asked::default() }).await;
    Json(found.into_iter().flat_map(|session| session.keys).collect())
}

async fn find(core: &Core, asked: &Asked) -> Vec<Found> {
    let mut found = Vec::new();
    for entry in core.sessions.all() {
        if asked.supi.as_ref().is_some_and(|supi| *supi != entry.key.supi.as_str()) || found.len() >= MOST {
            continue;
        }
        // One that a procedure does not let go of soon is left for the next time it is asked for.
        let Ok(session) = tokio::time::timeout(PATIENCE, entry.session.lock()).await else { continue };
        let seids = [Some(entry.reference.seid().0), session.at_upf.map(|at_upf| at_upf.seid.0)];
        let is_it = asked.seid.is_none_or(|seid| seids.contains(&Some(seid)));
        if is_it && asked.ue.is_none_or(|ue| session.address.has(ue)) {
            found.push(Found {
                supi: entry.key.supi.to_string(),
                session: entry.key.id.get(),
                dnn: session.dnn.to_string(),
                ue: addresses(session.address),
                keys: keys(core, &entry, session.at_upf),
            });
        }
    }
    found
}

/// The UE's address, and the network of its prefix.
fn addresses(address: UeAddress) -> Vec<IpAddr> {
    let prefix = address.ipv6_prefix().map(IpAddr::from);
    address.ipv4().map(IpAddr::from).into_iter().chain(prefix).collect()
}

/// All that a session is called: at the AMF, and at either end of N4.
pub(crate) fn keys(core: &Core, entry: &Entry, at_upf: Option<AtUpf>) -> Vec<String> {
    let here = core.config.n4.listen.ip();
    let mut keys = vec![
        entry.key.supi.to_string(),
        format!("sm-contexts:{}", entry.reference.0),
        format!("seid:{here}:{}", entry.reference.0),
    ];
    keys.extend(at_upf.map(|at_upf| format!("seid:{}:{}", at_upf.upf, at_upf.seid.0)));
    keys
}
