//! Provisioning calls, the same from the operator's socket and from a command that opened the store itself.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use sbi_models::Supi;
use serde::{Deserialize, Serialize};

use crate::store::{Existing, Provisioned, Store, StoreError};
use crate::subscriber::Subscriber;

/// Where the calls go.
pub(crate) const PATH: &str = "/subscribers";

/// Octets of a call: some hundred thousand subscribers.
const MAX_BODY: usize = 512 << 20;

/// A call.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    /// Adds subscribers who are not there yet.
    Add(Vec<Subscriber>),
    /// Adds or replaces subscribers.
    Import(Vec<Subscriber>),
    /// One subscriber.
    Show(Supi),
    /// Some subscribers, in order.
    List { after: Option<Supi>, limit: usize },
    /// Takes subscribers out.
    Remove(Vec<Supi>),
}

/// Its answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// To add and import.
    Provisioned(Provisioned),
    /// To show and list.
    Subscribers(Vec<Subscriber>),
    /// To remove: how many there were.
    Removed(usize),
}

/// Does what `call` says.
pub(crate) async fn perform(store: &impl Store, call: Call) -> Result<Answer, StoreError> {
    Ok(match call {
        Call::Add(subscribers) => Answer::Provisioned(store.provision(subscribers, Existing::Refuse).await?),
        Call::Import(subscribers) => Answer::Provisioned(store.provision(subscribers, Existing::Replace).await?),
        Call::Show(supi) => Answer::Subscribers(vec![store.subscriber(&supi).await?]),
        Call::List { after, limit } => Answer::Subscribers(store.list(after.as_ref(), limit).await?),
        Call::Remove(supis) => Answer::Removed(store.remove(supis).await?),
    })
}

/// The route on the operator's socket.
pub(crate) fn router<S: Store>(store: Arc<S>) -> Router {
    Router::new().route(PATH, post(answer::<S>)).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(store)
}

async fn answer<S: Store>(
    State(store): State<Arc<S>>,
    Json(call): Json<Call>,
) -> Result<Json<Answer>, (StatusCode, String)> {
    let status = |error: &StoreError| match error {
        StoreError::NoSubscriber(_) => StatusCode::NOT_FOUND,
        StoreError::Exists(_) => StatusCode::CONFLICT,
        StoreError::Invalid { .. } => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    perform(&*store, call).await.map(Json).map_err(|error| (status(&error), error.to_string()))
}
