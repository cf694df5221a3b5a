//! The wish to end, told to all tasks of a process.

use std::sync::Arc;

use tokio::sync::watch;

/// Says when to end. Clones tell each other.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<Option<Reason>>>);

#[derive(Clone, Debug)]
struct Reason {
    why: String,
    failure: bool,
}

impl Shutdown {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Asks all to end, because of `why`. The first reason stays.
    pub fn request(&self, why: impl Into<String>) {
        self.ask(Reason { why: why.into(), failure: false });
    }

    /// Asks all to end because something failed that cannot be mended here; the process says so by its exit status.
    pub fn fail(&self, why: impl Into<String>) {
        self.ask(Reason { why: why.into(), failure: true });
    }

    fn ask(&self, asked: Reason) {
        self.0.send_if_modified(|reason| {
            let first = reason.is_none();
            if first {
                *reason = Some(asked);
            }
            first
        });
    }

    /// Whether the reason to end is a failure.
    pub fn has_failed(&self) -> bool {
        self.0.borrow().as_ref().is_some_and(|reason| reason.failure)
    }

    /// Whether it was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Returns, with the reason, once it was asked for.
    pub async fn requested(&self) -> String {
        let mut seen = self.0.subscribe();
        // The sender lives as long as `self`, so this cannot end without a reason.
        match seen.wait_for(Option::is_some).await {
            Ok(reason) => reason.as_ref().map(|reason| reason.why.clone()).unwrap_or_default(),
            Err(_) => String::new(),
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_reaches_every_clone() {
        let shutdown = Shutdown::new();
        let clone = shutdown.clone();
        assert!(!clone.is_requested());
        let waiting = tokio::spawn(async move { clone.requested().await });
        shutdown.request("SIGTERM");
        shutdown.request("SIGINT");
        assert_eq!(waiting.await.expect("no panic"), "SIGTERM");
        assert!(shutdown.is_requested());
    }
}
