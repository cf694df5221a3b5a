//! Why the demo failed.

use std::io;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No network could be made.
    #[error("{0}")]
    Network(#[from] topo::TopologyError),
    /// The core did not do its part.
    #[error("{0}")]
    Core(#[from] topo::CoreError),
    /// The system refused something.
    #[error("{step}: {source}")]
    Io {
        /// What was under way.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A part of the demo said what is wrong.
    #[error("{0}")]
    Told(String),
}

impl Failure {
    pub(crate) fn io(step: &'static str, source: io::Error) -> Failure {
        Failure::Io { step, source }
    }
}
