//! The configuration file: one for the whole core, its mistakes named by file, line and key.

mod document;
mod nearest;

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde_saphyr::Error as YamlError;

use sbi_models::nrf::NfType;

use crate::NetworkFunction;
use crate::sections::NfName;

pub use document::{Section, Settings};
use nearest::nearest;

/// Where the configuration is looked for when none is named.
pub const SYSTEM_FILE: &str = "/etc/peregrine/core.yaml";

/// The configuration that holds without a file: configs/core.yaml as of this build.
pub const BUILT_IN: &str = include_str!("../../../configs/core.yaml");

/// How the line of a private key begins.
const PRIVATE: &str = "private_key:";

/// A configuration that cannot be used: the operator's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// Line and column, counted from one, where known.
    pub place: Option<(u64, u64)>,
    /// Path of the key, as `network.dnns[0].mtu`; empty where the whole file is meant.
    pub key: String,
    /// What is wrong and what is allowed.
    pub why: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        match self.key.is_empty() {
            true => write!(f, ": {}", self.why),
            false => write!(f, ": {}: {}", self.key, self.why),
        }
    }
}

/// The section of the NF `N`.
pub struct Of<N>(PhantomData<N>);

impl<N: NetworkFunction> Section for Of<N> {
    type Config = N::Config;
    fn name() -> &'static str {
        section_name(&N::TYPE)
    }
}

/// No NF's section, for programs that only need the common ones.
pub struct Common;

impl Section for Common {
    type Config = ();
    fn name() -> &'static str {
        ""
    }
}

/// Name of an NF's section, empty where it has none.
pub fn section_name(nf: &NfType) -> &'static str {
    NfName::of(nf).map_or("", NfName::as_str)
}

/// Which file holds: the named one, the system's where it exists, or none (the built-in configuration).
pub fn find(named: Option<&Path>) -> Option<PathBuf> {
    let system = || Some(PathBuf::from(SYSTEM_FILE)).filter(|file| file.exists());
    named.map(Path::to_path_buf).or_else(system)
}

/// Reads the sections of `S` from the file `named`, or from the one that [`find`] finds.
///
/// # Errors
/// The file cannot be read, or says what is not allowed.
pub fn load<S: Section>(named: Option<&Path>) -> Result<Settings<S>, ConfigError> {
    let Some(file) = find(named) else { return parse("built-in configuration", BUILT_IN) };
    let name = file.display().to_string();
    let unreadable =
        |why: std::io::Error| ConfigError { file: name.clone(), place: None, key: String::new(), why: why.to_string() };
    let text = std::fs::read_to_string(&file).map_err(unreadable)?;
    parse(&name, &text)
}

/// The configuration as it is understood, for people: private keys are left out.
pub fn shown<S: Section>(settings: &Settings<S>) -> String {
    let text = serde_saphyr::to_string(settings).unwrap_or_else(|error| format!("# {error}"));
    let line = |line: &str| match line.split_once(PRIVATE) {
        Some((before, _)) => format!("{before}{PRIVATE} <secret>\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// Reads the sections of `S` from `text`, called `file` in errors.
///
/// # Errors
/// The text says what is not allowed.
pub fn parse<S: Section>(file: &str, text: &str) -> Result<Settings<S>, ConfigError> {
    let mut path = String::new();
    let read = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error: serde_path_to_error::Error<YamlError>| {
            path = error.path().to_string();
            error.into_inner()
        })
    });
    let settings: Settings<S> = read.map_err(|error| explain(file, &path, &error))?;
    match settings.check() {
        Ok(()) => Ok(settings),
        Err((key, why)) => Err(ConfigError { file: file.to_owned(), place: None, key, why }),
    }
}

/// The sentence for a mistake that the reader found at `path`.
fn explain(file: &str, path: &str, error: &YamlError) -> ConfigError {
    let error = error.without_snippet();
    let place = error.location().map(|at| (at.line(), at.column()));
    let why = match error {
        YamlError::SerdeUnknownField { field, expected, .. } => unknown("key", field, expected),
        YamlError::SerdeUnknownVariant { variant, expected, .. } => unknown("value", variant, expected),
        YamlError::SerdeMissingField { field, .. } => format!("the key '{field}' is missing"),
        YamlError::SerdeInvalidType { unexpected, expected, .. }
        | YamlError::SerdeInvalidValue { unexpected, expected, .. } => format!("{unexpected}: expected {expected}"),
        YamlError::DuplicateMappingKey { key, .. } => {
            format!("the key '{}' stands here twice", key.as_deref().unwrap_or_default())
        }
        YamlError::Message { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let key = if path == "." { String::new() } else { path.to_owned() };
    ConfigError { file: file.to_owned(), place, key, why }
}

fn unknown(what: &str, given: &str, allowed: &[&'static str]) -> String {
    let meant = nearest(given, allowed).map(|near| format!(" Did you mean '{near}'?")).unwrap_or_default();
    format!("unknown {what} '{given}'.{meant} Allowed here: {}.", allowed.join(", "))
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
