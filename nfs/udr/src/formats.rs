//! Files of subscribers: JSON lines and CSV. A mistake is told with its line, and then nothing is imported.

use sbi_models::{Gpsi, HexOctets, SecretHex, Supi};
use serde::Deserialize;

use crate::subscriber::{Keys, Profile, Slice, Subscriber};

/// A file that cannot be imported: the operator's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct FormatError {
    /// Counted from one.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

impl FormatError {
    fn at(line: usize) -> impl Fn(String) -> Self {
        move |why| Self { line, why }
    }
}

/// A line as people write it: OP may stand for OPc, slices may be short text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    supi: Supi,
    k: SecretHex<16>,
    opc: Option<SecretHex<16>>,
    op: Option<SecretHex<16>>,
    amf: Option<HexOctets<2>>,
    sqn: Option<HexOctets<6>>,
    gpsi: Option<Gpsi>,
    ue_ambr: Option<sbi_models::Ambr>,
    slices: Vec<SliceText>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SliceText {
    Short(String),
    Long(Slice),
}

impl Line {
    fn subscriber(self) -> Result<Subscriber, String> {
        let mut keys = match (self.opc, self.op) {
            (Some(opc), None) => Keys::new(self.k, opc),
            (None, Some(op)) => Keys::from_op(self.k, &op),
            _ => return Err("give either opc or op".into()),
        };
        keys.amf = self.amf.unwrap_or(keys.amf);
        keys.sqn = self.sqn.unwrap_or(keys.sqn);
        let slices = self.slices.into_iter().map(|slice| match slice {
            SliceText::Short(text) => text.parse().map_err(|why: crate::subscriber::ProvisioningError| why.to_string()),
            SliceText::Long(slice) => Ok(slice),
        });
        let mut profile = Profile::new(slices.collect::<Result<_, _>>()?);
        profile.gpsi = self.gpsi;
        profile.ue_ambr = self.ue_ambr.unwrap_or(profile.ue_ambr);
        profile.check().map_err(|why| why.to_string())?;
        Ok(Subscriber { supi: self.supi, keys: Some(keys), profile })
    }
}

/// Reads JSON lines: one subscriber each, as exported, or with `op` for `opc` and slices as `"1:internet,ims"`.
///
/// # Errors
/// The first line that is wrong.
pub fn read_json_lines(text: &str) -> Result<Vec<Subscriber>, FormatError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = lines.map(|(n, line)| {
        let parsed: Result<Line, _> = serde_json::from_str(line);
        parsed.map_err(|why| why.to_string()).and_then(Line::subscriber).map_err(FormatError::at(n + 1))
    });
    read.collect()
}

/// Writes JSON lines that [`read_json_lines`] reads.
pub fn write_json_lines(subscribers: &[Subscriber]) -> String {
    let mut text = String::new();
    for subscriber in subscribers {
        // Serialising our own types to memory cannot fail.
        text.push_str(&serde_json::to_string(subscriber).unwrap_or_default());
        text.push('\n');
    }
    text
}

/// The columns of a CSV file.
const COLUMNS: [&str; 8] = ["supi", "k", "opc", "op", "amf", "sqn", "gpsi", "slices"];

/// Reads CSV with a header line. Columns, in any order: `supi`, `k`, `opc` or `op`, and optional `amf`, `sqn`, `gpsi`, `slices`
/// (`1:internet|ims;1-00000a:corp`; without it `1:internet`).
///
/// # Errors
/// The first line that is wrong.
pub fn read_csv(text: &str) -> Result<Vec<Subscriber>, FormatError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, header) = lines.next().ok_or(FormatError { line: 1, why: "the file is empty".into() })?;
    let columns: Vec<_> = fields(header).into_iter().map(|name| name.to_ascii_lowercase()).collect();
    if let Some(unknown) = columns.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        let why = format!("unknown column '{unknown}'. Known are {}", COLUMNS.join(", "));
        return Err(FormatError { line: 1, why });
    }
    let read = lines.map(|(n, line)| {
        let values = fields(line);
        if values.len() != columns.len() {
            let why = format!("{} fields, the header has {}", values.len(), columns.len());
            return Err(FormatError { line: n + 1, why });
        }
        let value = |name: &str| {
            let found = columns.iter().position(|column| column == name).and_then(|at| values.get(at));
            found.map(String::as_str).filter(|value| !value.is_empty())
        };
        row(value).and_then(Line::subscriber).map_err(FormatError::at(n + 1))
    });
    read.collect()
}

fn row<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<Line, String> {
    fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
        name: &str,
        text: Option<&str>,
    ) -> Result<Option<T>, String> {
        text.map(|text| text.parse().map_err(|why| format!("{name}: {why}"))).transpose()
    }
    let slices = value("slices").unwrap_or("1:internet").split(';');
    Ok(Line {
        supi: parse("supi", value("supi"))?.ok_or("supi is missing")?,
        k: parse("k", value("k"))?.ok_or("k is missing")?,
        opc: parse("opc", value("opc"))?,
        op: parse("op", value("op"))?,
        amf: parse("amf", value("amf"))?,
        sqn: parse("sqn", value("sqn"))?,
        gpsi: parse("gpsi", value("gpsi"))?,
        ue_ambr: None,
        slices: slices.map(|slice| SliceText::Short(slice.to_owned())).collect(),
    })
}

/// The fields of a line; quotes keep commas, a doubled quote is one.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field).trim().to_owned()),
            other => field.push(other),
        }
    }
    fields.push(field.trim().to_owned());
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str = r#"{"supi":"imsi-999700000000001","k":"465B5CE8B199B49FAA5F0A2EE238A6BC","opc":"E8ED289DEBA952E4283B54E88E6183CA","slices":["1:internet"]}"#;

    #[test]
    fn what_is_exported_is_imported() {
        let mut subscribers =
            read_json_lines(&format!("{LINE}\n\n{}", LINE.replace("0001\"", "0002\""))).expect("reads");
        let profile = &mut subscribers[1].profile;
        profile.gpsi = Some("msisdn-491700000000".parse().expect("a GPSI"));
        profile.slices.push("1-00000a:corp,ims".parse().expect("a slice"));
        profile.slices[1].dnns[0].ipv4 = Some([10, 45, 0, 9].into());
        profile.slices[1].dnns[0].ipv6 = "2001:db8:1:2::/64".parse().ok();
        profile.slices[1].dnns[0].framed_routes = vec!["198.51.100.0/24".parse().expect("a network")];
        profile.slices[1].dnns[0].session_ambr.uplink = sbi_models::BitRate(64_000);
        let text = write_json_lines(&subscribers);
        assert_eq!(read_json_lines(&text).expect("reads"), subscribers);
    }

    #[test]
    fn op_gives_opc() {
        // Test set 1 of TS 35.208 4.3.
        let line = r#"{"supi":"imsi-00101","k":"465b5ce8b199b49faa5f0a2ee238a6bc","op":"cdc202d5123e20f62b6d676ac72cb318","slices":["1:internet"]}"#;
        let subscribers = read_json_lines(line).expect("reads");
        let keys = subscribers[0].keys.as_ref().expect("keys");
        assert_eq!(keys.opc, "cd63cb71954a9f4e48a5994e37a02baf".parse().expect("OPc"));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let with = |key: &str| {
            let slice = format!(r#"[{{"sst":1,"dnns":[{{"dnn":"internet",{key}}}]}}]"#);
            LINE.replace(r#"["1:internet"]"#, &slice)
        };
        for (line, wanted) in [
            (LINE.replace("opc", "opx"), "unknown field `opx`"),
            (LINE.replace(r#""opc""#, r#""op":"00000000000000000000000000000000","opc""#), "either opc or op"),
            (LINE.replace("imsi-", ""), "imsi-"),
            (LINE.replace("465B", ""), "hexadecimal"),
            (LINE.replace("1:internet", "internet"), "SST[-SD]:DNN"),
            (LINE.replace(r#"["1:internet"]"#, "[]"), "1 to 8 slices"),
            (with(r#""sessionTypes":["IPV4","ethernet"]"#), "'ethernet' of sessionTypes"),
            (with(r#""ipv6":"2001:db8::/48""#), "a prefix of 64 bits"),
            (with(r#""framedRoutes":["198.51.100.7/24"]"#), "198.51.100.0/24 is"),
            (with(r#""framedRoutes":["0.0.0.0/0"]"#), "is no network"),
            (with(&format!(r#""framedRoutes":[{}]"#, [r#""198.51.100.0/24""#; 17].join(","))), "17 framedRoutes"),
            ("nonsense".to_owned(), "expected"),
        ] {
            let error = read_json_lines(&format!("{LINE}\n{line}")).expect_err(&line);
            assert!(error.line == 2 && error.why.contains(wanted), "{line}: {error}");
            assert!(!error.why.contains("E8ED"), "a key in an error: {error}");
        }
    }

    #[test]
    fn csv_with_columns_in_any_order() {
        let text = "k,SUPI,opc,slices,gpsi\n\
            465B5CE8B199B49FAA5F0A2EE238A6BC,imsi-999700000000001,E8ED289DEBA952E4283B54E88E6183CA,\"1:internet,ims;2-00000a:corp\",\n";
        let subscribers = read_csv(text).expect("reads");
        let slices: Vec<_> =
            subscribers[0].profile.slices.iter().map(|s| (s.snssai.to_string(), s.dnns.len())).collect();
        assert_eq!(slices, [("1".to_owned(), 2), ("2-00000a".to_owned(), 1)]);
        for (text, line, wanted) in [
            ("", 1, "empty"),
            ("supi,k,opx\n", 1, "unknown column 'opx'"),
            ("supi,k,opc\nimsi-00101,00\n", 2, "2 fields"),
            ("supi,k,opc\n\nimsi-00101,00,11\n", 3, "k: "),
            ("k\n00000000000000000000000000000000\n", 2, "supi is missing"),
        ] {
            let error = read_csv(text).expect_err(text);
            assert!(error.line == line && error.why.contains(wanted), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*", lines in "[a-z{}\",:;|0-9\n]{0,200}") {
            let _ = (read_csv(&text), read_json_lines(&text), read_csv(&lines), read_json_lines(&lines));
            let _ = read_csv(&format!("supi,k,opc,slices\n{lines}"));
        }
    }
}
