//! What can go wrong: nearly always that this machine does not allow namespaces.

use std::io;

/// Why a network could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused a step.
    #[error("{step}: {source}{}", hint(.source))]
    Refused {
        /// What was to be done.
        step: &'static str,
        /// The reason given.
        source: io::Error,
    },
    /// The program has threads already, so that it cannot change namespaces as a whole.
    #[error("namespaces must be entered first thing in main, before any thread is started")]
    Threads,
}

impl Error {
    pub(crate) fn at(step: &'static str) -> impl Fn(io::Error) -> Error {
        move |source| Error::Refused { step, source }
    }
}

fn hint(source: &io::Error) -> &'static str {
    if source.kind() == io::ErrorKind::PermissionDenied {
        " (run as root, or allow unprivileged user namespaces: \
         sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0)"
    } else {
        ""
    }
}
