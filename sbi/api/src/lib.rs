//! The services of the 5G core as typed operations, one module per service.
//!
//! A service is written once, with [`service!`]: each line names an operation, its method, resource and bodies, and yields
//! a method of the typed client, a method of the trait the server implements, and a route between HTTP and the two. What
//! carries the HTTP message is the [`Caller`]'s business: nothing here knows a transport.

mod body;
mod call;
mod content;
pub mod multipart;
mod problem;
mod reply;
mod route;
mod service;
mod services;

pub use body::{Codec, Created, Json, NoContent, Reply, WithLocation};
pub use call::{
    Answer, ApiRoot, BoxFuture, CallError, Caller, Handler, MESSAGE_PRIORITY, Request, Response, SbiError,
    ServiceQuery, Target, notify,
};
pub use content::{Body, Encode};
pub use multipart::{Multipart, Part, WithParts};
pub use problem::Problem;
pub use reply::{Form, Hal, JsonPatch, MaybeAccepted, MergePatch, Optional, Progress, Put, Stored};
pub use route::{Routes, fill_path, match_path, read_query, write_query};
#[doc(hidden)]
pub use service::__private;
pub use services::*;
