//! How identities are written in a configuration: as operators write them, and stricter than on the wire.

use std::fmt::Display;
use std::str::FromStr;

use sbi_models::{AmfId, PlmnId, Sd, Snssai, Tac};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::range::within;

/// A PLMN as `999/70`.
pub(crate) mod plmn {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(plmn: &PlmnId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(plmn)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PlmnId, D::Error> {
        let text = String::deserialize(deserializer)?;
        parsed(&text, "MCC/MNC, three digits and two or three, as 999/70 or 310/410")
    }
}

/// An AMF identifier by its three fields.
pub(crate) mod amf_id {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        #[serde(deserialize_with = "within::<_, _, 0, 255>")]
        region: u8,
        #[serde(deserialize_with = "within::<_, _, 0, 1023>")]
        set: u16,
        #[serde(deserialize_with = "within::<_, _, 0, 63>")]
        pointer: u8,
    }

    pub(crate) fn serialize<S: Serializer>(id: &AmfId, serializer: S) -> Result<S::Ok, S::Error> {
        Fields { region: id.region(), set: id.set(), pointer: id.pointer() }.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AmfId, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        AmfId::new(fields.region, fields.set, fields.pointer).map_err(D::Error::custom)
    }
}

/// Tracking area codes as numbers.
pub(crate) mod tacs {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Number(#[serde(deserialize_with = "within::<_, _, 0, 0xff_ffff>")] u32);

    pub(crate) fn serialize<S: Serializer>(tacs: &[Tac], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(tacs.iter().map(|tac| tac.get()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Tac>, D::Error> {
        let numbers = Vec::<Number>::deserialize(deserializer)?;
        numbers.into_iter().map(|Number(number)| Tac::new(number).map_err(D::Error::custom)).collect()
    }
}

/// A slice as `{sst: 1, sd: "0000a1"}`.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Slice {
    #[serde(deserialize_with = "within::<_, _, 0, 255>")]
    sst: u8,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_sd")]
    sd: Option<Sd>,
}

impl From<&Snssai> for Slice {
    fn from(slice: &Snssai) -> Self {
        Self { sst: slice.sst, sd: slice.sd }
    }
}

impl From<Slice> for Snssai {
    fn from(slice: Slice) -> Self {
        Self { sst: slice.sst, sd: slice.sd }
    }
}

mod optional_sd {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(sd: &Option<Sd>, serializer: S) -> Result<S::Ok, S::Error> {
        sd.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Sd>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let hex = |text: String| {
            parsed(text.strip_prefix("0x").unwrap_or(&text), "six hexadecimal digits in quotes, as \"0000a1\"")
        };
        text.map(hex).transpose()
    }
}

/// Slices offered.
pub(crate) mod slices {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(slices: &[Snssai], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(slices.iter().map(Slice::from))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Snssai>, D::Error> {
        Ok(Vec::<Slice>::deserialize(deserializer)?.into_iter().map(Snssai::from).collect())
    }
}

/// A slice that may be left out.
pub(crate) mod optional_slice {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(slice: &Option<Snssai>, serializer: S) -> Result<S::Ok, S::Error> {
        slice.as_ref().map(Slice::from).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Snssai>, D::Error> {
        Ok(Option::<Slice>::deserialize(deserializer)?.map(Snssai::from))
    }
}

fn parsed<T: FromStr, E: Error>(text: &str, shape: &str) -> Result<T, E>
where
    T::Err: Display,
{
    text.parse().map_err(|_| E::custom(format_args!("'{text}' is not allowed here: write {shape}")))
}
