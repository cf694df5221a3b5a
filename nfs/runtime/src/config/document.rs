//! The configuration file as a whole, read for one NF.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::Network;
use crate::sections::{LogSettings, MetricsSettings, ProcessSettings, SbiSettings};

/// Sections of the file; those of other NFs are passed over.
const SECTIONS: &[&str] =
    &["network", "process", "sbi", "logging", "metrics", "nrf", "udr", "udm", "ausf", "amf", "smf", "upf"];

/// Whose section is read.
pub trait Section: 'static {
    /// Name of the section; empty for one who has none.
    fn name() -> &'static str;
    /// What it holds.
    type Config: DeserializeOwned + Serialize + Default;
}

/// Everything one NF reads from the file.
pub struct Settings<S: Section> {
    /// Section `network`.
    pub network: Network,
    /// Section `process`.
    pub process: ProcessSettings,
    /// Section `sbi`.
    pub sbi: SbiSettings,
    /// Section `logging`.
    pub logging: LogSettings,
    /// Section `metrics`.
    pub metrics: MetricsSettings,
    /// The NF's own section.
    pub own: S::Config,
}

impl<S: Section> Default for Settings<S> {
    fn default() -> Self {
        Self {
            network: Network::default(),
            process: ProcessSettings::default(),
            sbi: SbiSettings::default(),
            logging: LogSettings::default(),
            metrics: MetricsSettings::default(),
            own: S::Config::default(),
        }
    }
}

impl<S: Section> Settings<S> {
    /// Finds what no single value shows to be wrong.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        self.network.check()?;
        self.sbi.listen.check()?;
        let level = &self.logging.level;
        let refused = |why: String| {
            let allowed = "allowed are off, error, warn, info, debug, trace, or by module as info,amf=debug";
            ("logging.level".to_owned(), format!("'{level}': {why}; {allowed}"))
        };
        // The filter takes a word that is no level for a module of which everything is logged.
        if let Some(word) = level.split(',').find(|word| !word.contains('=') && !is_level(word)) {
            return Err(refused(format!("'{word}' is no level")));
        }
        tracing_subscriber::EnvFilter::try_new(level).map_err(|why| refused(why.to_string()))?;
        Ok(())
    }
}

fn is_level(word: &str) -> bool {
    word.trim().parse::<tracing::level_filters::LevelFilter>().is_ok()
}

impl<'de, S: Section> Deserialize<'de> for Settings<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A file with nothing but comments is an empty configuration.
        deserializer.deserialize_option(Document(PhantomData))
    }
}

struct Document<S>(PhantomData<S>);

impl<'de, S: Section> Visitor<'de> for Document<S> {
    type Value = Settings<S>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sections {}", SECTIONS.join(", "))
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Settings::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Settings::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut settings = Settings::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "network" => settings.network = section(&mut map)?,
                "process" => settings.process = section(&mut map)?,
                "sbi" => settings.sbi = section(&mut map)?,
                "logging" => settings.logging = section(&mut map)?,
                "metrics" => settings.metrics = section(&mut map)?,
                own if own == S::name() => settings.own = section(&mut map)?,
                other if SECTIONS.contains(&other) => {
                    map.next_value::<IgnoredAny>()?;
                }
                unknown => return Err(serde::de::Error::unknown_field(unknown, SECTIONS)),
            }
        }
        Ok(settings)
    }
}

/// A section; one whose keys are all commented out is one that is not there.
fn section<'de, A: MapAccess<'de>, T: Deserialize<'de> + Default>(map: &mut A) -> Result<T, A::Error> {
    Ok(map.next_value::<Option<T>>()?.unwrap_or_default())
}

impl<S: Section> Serialize for Settings<S> {
    fn serialize<W: Serializer>(&self, serializer: W) -> Result<W::Ok, W::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("network", &self.network)?;
        map.serialize_entry("process", &self.process)?;
        map.serialize_entry("sbi", &self.sbi)?;
        map.serialize_entry("logging", &self.logging)?;
        map.serialize_entry("metrics", &self.metrics)?;
        if !S::name().is_empty() {
            map.serialize_entry(S::name(), &self.own)?;
        }
        map.end()
    }
}
