//! Log lines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{fmt, format::FmtSpan};

use crate::sections::{LogFormat, LogSettings};

/// Sends what is logged to standard error, from the configured level on; `PEREGRINE_LOG` goes before the configuration.
pub(crate) fn start(settings: &LogSettings) {
    let level = std::env::var("PEREGRINE_LOG").unwrap_or_else(|_| settings.level.clone());
    let filter = EnvFilter::try_new(&level).unwrap_or_else(|_| EnvFilter::new(&settings.level));
    let lines = fmt().with_env_filter(filter).with_span_events(FmtSpan::NONE).with_writer(std::io::stderr);
    // A second start in one process (as in tests) leaves the first in place.
    let _ = match settings.format {
        LogFormat::Text => lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
