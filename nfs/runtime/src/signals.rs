//! Signals: the first SIGTERM or SIGINT asks for an orderly end, the second ends at once; SIGHUP changes nothing.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Shutdown, StartError};

/// Exit status of a process that a second signal ended.
const ENDED_AT_ONCE: i32 = 130;

/// Listens for signals from now on.
///
/// # Errors
/// The system does not let us.
pub(crate) fn listen(shutdown: Shutdown) -> Result<(), StartError> {
    let open = |kind| signal(kind).map_err(|why| StartError::system(format_args!("cannot listen for signals: {why}")));
    let (mut term, mut int, mut hup) =
        (open(SignalKind::terminate())?, open(SignalKind::interrupt())?, open(SignalKind::hangup())?);
    tokio::spawn(async move {
        let first = next(&mut term, &mut int, &mut hup).await;
        shutdown.request(first);
        let second = next(&mut term, &mut int, &mut hup).await;
        tracing::warn!("{second} again: ends at once");
        std::process::exit(ENDED_AT_ONCE);
    });
    Ok(())
}

async fn next(term: &mut Signal, int: &mut Signal, hup: &mut Signal) -> &'static str {
    loop {
        tokio::select! {
            _ = term.recv() => return "SIGTERM",
            _ = int.recv() => return "SIGINT",
            _ = hup.recv() => tracing::debug!("SIGHUP: nothing to do"),
        }
    }
}
