//! Subscribers: made from the command line, or read from JSON, JSON lines, YAML or CSV.

use aka::{K, Op, Opc};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A SIM.
#[derive(Debug, Clone)]
pub struct Subscriber {
    /// Up to 15 digits.
    pub imsi: String,
    /// The key.
    pub k: K,
    /// The operator's part, bound to the key.
    pub opc: Opc,
    /// The phone's IMEISV, 16 digits.
    pub imeisv: String,
}

/// Credentials that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not in the format its name says.
    #[error("{path}: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// A subscriber that is none.
    #[error("subscriber {imsi}: {reason}")]
    Subscriber {
        /// Its IMSI, as written.
        imsi: String,
        /// What is wrong.
        reason: String,
    },
}

/// A subscriber as files have it. `supi` is taken for `imsi`, `op` for `opc`.
#[derive(Deserialize)]
struct Row {
    #[serde(alias = "supi")]
    imsi: String,
    #[serde(alias = "key")]
    k: String,
    opc: Option<String>,
    op: Option<String>,
    imeisv: Option<String>,
}

impl Row {
    fn subscriber(self) -> Result<Subscriber, CredentialsError> {
        let wrong = |reason: String| CredentialsError::Subscriber { imsi: self.imsi.clone(), reason };
        let imsi = self.imsi.strip_prefix("imsi-").unwrap_or(&self.imsi).to_owned();
        if !(6..=15).contains(&imsi.len()) || !imsi.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(wrong("an IMSI has 6 to 15 digits".into()));
        }
        let k = K::from_hex(&self.k).map_err(|error| wrong(error.to_string()))?;
        let opc = match (&self.opc, &self.op) {
            (Some(opc), _) => Opc::from_hex(opc),
            (None, Some(op)) => Op::from_hex(op).map(|op| Opc::from_op(&k, &op)),
            (None, None) => return Err(wrong("neither opc nor op is given".into())),
        };
        let opc = opc.map_err(|error| wrong(error.to_string()))?;
        let imeisv = self.imeisv.unwrap_or_else(|| Subscriber::default_imeisv(&imsi));
        Ok(Subscriber { imsi, k, opc, imeisv })
    }
}

impl Subscriber {
    /// `count` subscribers with the same keys and IMSIs that follow one another.
    pub fn range(first_imsi: &str, count: usize, k: &K, opc: &Opc) -> Result<Vec<Self>, CredentialsError> {
        let wrong = |reason: &str| CredentialsError::Subscriber { imsi: first_imsi.into(), reason: reason.into() };
        let digits = first_imsi.strip_prefix("imsi-").unwrap_or(first_imsi);
        let is_imsi = (6..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        let first: u64 = digits.parse().ok().filter(|_| is_imsi).ok_or_else(|| wrong("an IMSI has 6 to 15 digits"))?;
        let imsis = (first..).take(count).map(|imsi| format!("{imsi:0width$}", width = digits.len()));
        let subscriber =
            |imsi: String| Self { imeisv: Self::default_imeisv(&imsi), imsi, k: k.clone(), opc: opc.clone() };
        Ok(imsis.map(subscriber).collect())
    }

    /// Reads `.json` (an array, or one object a line), `.jsonl`, `.yaml`, `.yml` or `.csv` (with a header line).
    pub fn load(path: &Path) -> Result<Vec<Self>, CredentialsError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| CredentialsError::File { path: path.to_owned(), source })?;
        let format = |reason: String| CredentialsError::Format { path: path.to_owned(), reason };
        let rows = match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => rows_of_csv(&text).map_err(format)?,
            Some("yaml" | "yml") => serde_saphyr::from_str(&text).map_err(|error| format(error.to_string()))?,
            _ if text.trim_start().starts_with('[') => {
                serde_json::from_str(&text).map_err(|error| format(error.to_string()))?
            }
            _ => rows_of_lines(&text).map_err(format)?,
        };
        rows.into_iter().map(Row::subscriber).collect()
    }

    /// An IMEISV that differs from subscriber to subscriber: a test TAC, the IMSI's last digits, a software version.
    fn default_imeisv(imsi: &str) -> String {
        let serial = imsi.get(imsi.len().saturating_sub(6)..).unwrap_or(imsi);
        format!("00101700{serial:0>6}01")
    }
}

fn rows_of_lines(text: &str) -> Result<Vec<Row>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))).collect()
}

fn rows_of_csv(text: &str) -> Result<Vec<Row>, String> {
    let mut lines = text.lines().enumerate();
    let (_, header) = lines.next().ok_or("is empty")?;
    let names: Vec<&str> = header.split(',').map(str::trim).collect();
    let mut rows = Vec::new();
    for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let fields: serde_json::Map<String, serde_json::Value> =
            names.iter().zip(line.split(',')).map(|(name, value)| ((*name).into(), value.trim().into())).collect();
        let row = serde_json::from_value(fields.into()).map_err(|error| format!("line {}: {error}", at + 1))?;
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const K_HEX: &str = "465B5CE8B199B49FAA5F0A2EE238A6BC";
    const OPC_HEX: &str = "E8ED289DEBA952E4283B54E88E6183CA";

    #[test]
    fn a_range_keeps_leading_zeros() {
        let (k, opc) = (K::from_hex(K_HEX).expect("K"), Opc::from_hex(OPC_HEX).expect("OPc"));
        let all = Subscriber::range("imsi-001010000000009", 2, &k, &opc).expect("an IMSI");
        assert_eq!(all.iter().map(|one| one.imsi.as_str()).collect::<Vec<_>>(), ["001010000000009", "001010000000010"]);
        assert!(all.iter().all(|one| one.imeisv.len() == 16));
        assert!(Subscriber::range("99970x", 1, &k, &opc).is_err());
    }

    #[test]
    fn every_format_gives_the_same() {
        let csv = format!("imsi,k,opc\n999700000000001,{K_HEX},{OPC_HEX}\n");
        let line = format!(r#"{{"supi":"imsi-999700000000001","k":"{K_HEX}","opc":"{OPC_HEX}"}}"#);
        let from_csv = rows_of_csv(&csv).expect("rows");
        let from_lines = rows_of_lines(&line).expect("rows");
        for rows in [from_csv, from_lines] {
            let all: Result<Vec<_>, _> = rows.into_iter().map(Row::subscriber).collect();
            assert_eq!(all.expect("subscribers")[0].imsi, "999700000000001");
        }
        assert!(rows_of_csv("imsi,k\n1,2\n").expect("rows").remove(0).subscriber().is_err());
        assert!(rows_of_lines("{}").is_err());
    }
}
