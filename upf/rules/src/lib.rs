//! What a session's packets are to undergo, as values (TS 29.244 5.2).
//!
//! A [`Session`] is its rules. A [`Request`] says what is to change. [`plan`] checks everything and says what the session
//! will be, or why not; it touches nothing. [`apply`] makes it so through a [`Backend`], wholly or not at all. A session
//! is made by a change from the empty one and ended by a change to it.

mod apply;
mod ethernet;
mod flow;
mod framed;
mod plan;
mod request;
mod session;

pub use apply::{Backend, apply};
pub use ethernet::{EthernetFilter, Frames, Kind, Link, Mac, MacPair, MacRange, TagFilter};
pub use flow::{BadFlow, Flow, Ports};
pub use framed::framed_route;
pub use plan::{ChangeSet, Effects, Limits, plan};
pub use request::{Change, FarChange, PdrChange, QerChange, Request, UrrChange};
pub use session::*;
