//! The operator's socket: HTTP/1.1 on a unix socket that only its owner may open.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path as Segment, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use uuid::Uuid;

use crate::sbi::{Interface, SwitchError};
use crate::system::Usage;
use crate::{Metrics, RejectRecord, Rejects, StartError};

/// A socket that is removed when its process ends in order.
pub(crate) struct AdminSocket {
    path: PathBuf,
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path); // gone already is as good
    }
}

/// Opens the socket at `path` of the NF `name`.
///
/// # Errors
/// Another process answers there already, or the path cannot be used.
pub(crate) fn listen(path: &Path, name: &str) -> Result<(UnixListener, AdminSocket), StartError> {
    if UnixStream::connect(path).is_ok() {
        let why = format!("another {name} of this core is running (one run_dir is one core: `peregrine status`)");
        return Err(StartError::file(path, why));
    }
    let _ = std::fs::remove_file(path); // left by a process that was killed
    let listener = UnixListener::bind(path).map_err(|why| StartError::file(path, why))?;
    let owner_only = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, owner_only).map_err(|why| StartError::file(path, why))?;
    Ok((listener, AdminSocket { path: path.to_owned() }))
}

/// What the operator's calls are answered from.
pub(crate) struct Operator {
    /// Name of the NF: `amf`.
    pub(crate) name: &'static str,
    /// This run of it.
    pub(crate) instance_id: Uuid,
    /// When it began.
    pub(crate) began: Instant,
    /// Its interfaces.
    pub(crate) interfaces: Vec<String>,
    /// What it is doing.
    pub(crate) state: Box<dyn Fn() -> &'static str + Send + Sync>,
    /// Its own part of the status.
    pub(crate) status: Box<dyn Fn() -> Value + Send + Sync>,
    /// Its metrics.
    pub(crate) metrics: Metrics,
    /// Its journal.
    pub(crate) rejects: Rejects,
    /// Its service-based interface.
    pub(crate) interface: Arc<Interface>,
}

impl Operator {
    fn status(&self) -> Value {
        let usage = Usage::read();
        let mut status = json!({
            "nf": self.name,
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "instance_id": self.instance_id,
            "state": (self.state)(),
            "uptime_seconds": self.began.elapsed().as_secs_f64(),
            "resident_bytes": usage.resident,
            "cpu_seconds": usage.cpu.as_secs_f64(),
            "interfaces": self.interfaces,
        });
        if let (Some(all), Value::Object(own)) = (status.as_object_mut(), (self.status)()) {
            all.extend(own);
        }
        status
    }
}

/// All calls: those of the runtime and the NF's own.
pub(crate) fn router(operator: Arc<Operator>, own: Router) -> Router {
    let common = Router::new()
        .route("/status", get(|State(operator): State<Arc<Operator>>| async move { Json(operator.status()) }))
        .route("/rejects", get(rejects))
        .route("/transports/{name}", put(offer).delete(withdraw))
        .with_state(operator.clone());
    common.merge(metrics_router(operator.metrics.clone())).merge(own)
}

/// `GET /metrics` alone, for an address that Prometheus may use.
pub(crate) fn metrics_router(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(exposition)).with_state(metrics)
}

async fn exposition(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.encode())
}

#[derive(Deserialize)]
struct About {
    about: Option<String>,
}

async fn rejects(State(operator): State<Arc<Operator>>, Query(query): Query<About>) -> Json<Vec<RejectRecord>> {
    Json(operator.rejects.latest(query.about.as_deref()))
}

/// `PUT /transports/{name}`: back into service.
async fn offer(State(operator): State<Arc<Operator>>, Segment(name): Segment<String>) -> impl IntoResponse {
    switched(operator.interface.servers().map(|servers| servers.offer(&name)))
}

/// `DELETE /transports/{name}`: out of service; the calls go over the others.
async fn withdraw(State(operator): State<Arc<Operator>>, Segment(name): Segment<String>) -> impl IntoResponse {
    switched(operator.interface.servers().map(|servers| servers.withdraw(&name)))
}

fn switched(outcome: Option<Result<(), SwitchError>>) -> (StatusCode, Json<Value>) {
    match outcome {
        Some(Ok(())) => (StatusCode::OK, Json(json!({}))),
        Some(Err(why)) => (StatusCode::CONFLICT, Json(json!({"detail": why.to_string()}))),
        None => (StatusCode::CONFLICT, Json(json!({"detail": "this NF serves nothing"}))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_process_is_refused_and_a_dead_ones_socket_taken_over() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("amf.admin.sock");
        let (listener, socket) = listen(&path, "amf").expect("free");
        let error = listen(&path, "amf").map(drop).expect_err("taken").to_string();
        assert!(error.contains("another amf"), "{error}");
        drop(listener); // as if killed: the file stays
        assert!(path.exists());
        let (_listener, second) = listen(&path, "amf").expect("the dead one's place is free");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        drop((socket, second));
        assert!(!path.exists(), "nothing is left behind");
    }
}
