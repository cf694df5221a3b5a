//! Log lines.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::fmt;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::sections::{LogFormat, LogSettings};

/// Sends what is logged by the NF `name` to standard error, from the configured level on; `PEREGRINE_LOG` goes before the
/// configuration.
pub(crate) fn start(settings: &LogSettings, name: &'static str) {
    let level = std::env::var("PEREGRINE_LOG").unwrap_or_else(|_| settings.level.clone());
    let filter = EnvFilter::try_new(&level).unwrap_or_else(|_| EnvFilter::new(&settings.level));
    let lines = fmt().with_env_filter(filter);
    // A second start in one process (as in tests) leaves the first in place.
    let _ = match settings.format {
        LogFormat::Text => {
            let lines = lines.with_target(false).with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
            lines.finish().with(Flood::default()).try_init()
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_writer(move || Named { name, out: io::stderr() });
            lines.finish().with(Flood::default()).try_init()
        }
    };
}

/// Lines that one place in the code may log within a second, unless they are for finding faults (debug, trace).
const LINES_PER_SECOND: u32 = 50;

/// Leaves out what is too much: peers cause lines, and must not fill a disk with them.
#[derive(Debug, Default)]
struct Flood(Mutex<HashMap<Identifier, Second>>);

#[derive(Debug)]
struct Second {
    begin: Instant,
    lines: u32,
}

impl Second {
    fn starting(begin: Instant) -> Self {
        Self { begin, lines: 0 }
    }

    /// Counts a line; how many there are in this second.
    fn count(&mut self, now: Instant) -> u32 {
        if now.duration_since(self.begin) >= Duration::from_secs(1) {
            *self = Self::starting(now);
        }
        self.lines = self.lines.saturating_add(1);
        self.lines
    }
}

impl<S: Subscriber> Layer<S> for Flood {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO {
            return true;
        }
        let lines = {
            let (now, mut places) = (Instant::now(), self.0.lock().unwrap_or_else(PoisonError::into_inner));
            places.entry(metadata.callsite()).or_insert_with(|| Second::starting(now)).count(now)
        };
        if lines == LINES_PER_SECOND + 1 {
            let (file, line) = (metadata.file().unwrap_or_default(), metadata.line().unwrap_or_default());
            let level = *metadata.level();
            let notice = format_args!(
                "more than {LINES_PER_SECOND} lines of {file}:{line} within a second: the others are left out"
            );
            // As serious as they are, so that it is seen where they are.
            if level == Level::ERROR { tracing::error!("{notice}") } else { tracing::warn!("{notice}") }
        }
        lines <= LINES_PER_SECOND
    }
}

/// Puts the NF's name first in each JSON object: the lines of a core are read together.
struct Named<W> {
    name: &'static str,
    out: W,
}

impl<W: Write> Write for Named<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match line.strip_prefix(b"{") {
            Some(rest) => {
                let named = [format!("{{\"nf\":\"{}\",", self.name).as_bytes(), rest].concat();
                self.out.write_all(&named)?;
            }
            None => self.out.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// What is logged meanwhile.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic under the lock").write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_peers_cause_does_not_flood_the_log() {
        let (kept, most) = (Kept::default(), LINES_PER_SECOND as usize);
        let writer = kept.clone();
        let lines = fmt().with_max_level(Level::DEBUG).with_writer(move || writer.clone()).finish();
        // For the whole process, as in an NF: with a subscriber of its own thread the notice would not come through.
        lines.with(Flood::default()).try_init().expect("no other test of this crate has a subscriber");
        for n in 0..10 * most {
            tracing::warn!(n, "a reject");
            tracing::debug!(n, "a detail");
        }
        tracing::info!("another place");
        let text = String::from_utf8(kept.0.lock().expect("no panic under the lock").clone()).expect("text");
        assert!((most..5 * most).contains(&text.matches("a reject").count()), "{text}");
        let notice = format!("more than {LINES_PER_SECOND} lines of {}:", file!());
        assert!((1..5).contains(&text.matches(&notice).count()), "{text}");
        assert_eq!((text.matches("a detail").count(), text.matches("another place").count()), (10 * most, 1));
    }

    #[test]
    fn a_place_may_log_again_in_the_next_second() {
        let begin = Instant::now();
        let mut second = Second::starting(begin);
        let counts = [0, 10, 999, 1_000, 1_500, 2_100].map(|ms| second.count(begin + Duration::from_millis(ms)));
        assert_eq!(counts, [1, 2, 3, 1, 2, 1]);
    }

    #[test]
    fn each_json_line_names_the_function() {
        let mut writer = Named { name: "amf", out: Vec::new() };
        writer.write_all(b"{\"level\":\"INFO\"}\n").expect("taken");
        assert_eq!(writer.out, b"{\"nf\":\"amf\",\"level\":\"INFO\"}\n");
    }
}
