//! Carries the requests of the service-based interface between processes.
//!
//! Three transports stand behind one trait: [`Endpoint::Shm`] (messages in memory shared with the peer),
//! [`Endpoint::H2`], [`Endpoint::H2Tls`] and [`Endpoint::H2Unix`] (HTTP/2, prior knowledge), and [`Endpoint::Mem`] (inside the process, for tests).
//! [`serve`] answers requests at an endpoint, a [`Pool`] sends them: it connects when first needed, keeps one
//! connection per endpoint, and goes to the next endpoint of a peer when one refuses or dies. Threads that may wait call through
//! [`Blocking`]. Who may have requests answered a [`Gate`] decides.

mod accept;
mod blocking;
mod connection;
mod endpoint;
mod guard;
mod h2;
mod limits;
mod mem;
mod peer;
mod pool;
mod priority;
mod server;
mod service;
mod shm;
mod stats;
mod tap;

pub use blocking::Blocking;
pub use endpoint::{Endpoint, EndpointError};
pub use guard::{Credentials, Gate, Guard, Verdict};
pub use h2::{Tls, TlsError};
pub use limits::Limits;
pub use pool::Pool;
pub use server::{ServeError, Server, serve, serve_guarded};
pub use shm::wire;
pub use stats::Counters;
pub use tap::{Side, Tap, Watched, Watcher};
