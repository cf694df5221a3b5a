//! `GET /trace` at the operator's socket: the records as they come, a line each, until the reader leaves.

use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::{Kind, Subscription, Trace, Wish};

/// `GET /trace?kinds=sbi,n4&ue=10.45.0.2&secrets=true`.
#[derive(Deserialize)]
struct Asked {
    kinds: String,
    #[serde(default)]
    ue: String,
    #[serde(default)]
    secrets: bool,
}

/// The call that streams `trace`.
pub(crate) fn router(trace: Trace) -> Router {
    Router::new().route("/trace", get(stream)).with_state(trace)
}

async fn stream(State(trace): State<Trace>, Query(asked): Query<Asked>) -> Response {
    let wish = match wish(&asked) {
        Ok(wish) => wish,
        Err(why) => return refusal(StatusCode::BAD_REQUEST, &why),
    };
    match trace.subscribe(wish) {
        Some(subscription) => ([(CONTENT_TYPE, "application/x-ndjson")], body(subscription)).into_response(),
        None => refusal(StatusCode::SERVICE_UNAVAILABLE, "too many readers already"),
    }
}

fn refusal(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

fn wish(asked: &Asked) -> Result<Wish, String> {
    let kind = |text: &str| {
        let known = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| format!("'{text}' cannot be watched"))
    };
    let ues = asked.ue.split(',').filter(|text| !text.is_empty());
    let ue = |text: &str| text.parse::<IpAddr>().map_err(|_| format!("'{text}' is no address"));
    Ok(Wish {
        kinds: asked.kinds.split(',').map(kind).collect::<Result<_, _>>()?,
        ues: ues.map(ue).collect::<Result<_, _>>()?,
        secrets: asked.secrets,
    })
}

/// An empty line first, so that the reader knows that nothing is missed from here on.
fn body(subscription: Subscription) -> Body {
    let begin = futures_util::stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(Bytes::from("\n"))));
    let lines = futures_util::stream::unfold(subscription, |mut subscription| async move {
        let line = subscription.line().await?;
        Some((Ok(Bytes::from(line)), subscription))
    });
    Body::from_stream(futures_util::StreamExt::chain(begin, lines))
}
