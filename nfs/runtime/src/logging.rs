//! Log lines.

use std::io::{self, IsTerminal as _, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::fmt;

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
            lines.with_target(false).with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).try_init()
        }
        LogFormat::Json => {
            lines.json().flatten_event(true).with_writer(move || Named { name, out: io::stderr() }).try_init()
        }
    };
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
    use super::*;

    #[test]
    fn each_json_line_names_the_function() {
        let mut writer = Named { name: "amf", out: Vec::new() };
        writer.write_all(b"{\"level\":\"INFO\"}\n").expect("taken");
        assert_eq!(writer.out, b"{\"nf\":\"amf\",\"level\":\"INFO\"}\n");
    }
}
