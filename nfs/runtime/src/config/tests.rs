//! Mistakes an operator makes, and what the error says.

use serde::{Deserialize, Serialize};

use super::*;

/// An NF's section as in amf.
struct Own;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OwnConfig {
    n2: Option<std::net::SocketAddr>,
    #[serde(deserialize_with = "crate::within::<_, _, 1, 100>")]
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<String>,
}

impl Section for Own {
    type Config = OwnConfig;
    fn name() -> &'static str {
        "amf"
    }
}

fn mistake(text: &str) -> String {
    match parse::<Own>("core.yaml", text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_file_in_the_tree_says_what_the_defaults_are() {
    let read = parse::<Common>("core.yaml", BUILT_IN).unwrap_or_else(|error| panic!("{error}"));
    let built_in = Settings::<Common>::default();
    assert_eq!(read.network, built_in.network);
    assert_eq!(read.process, built_in.process);
    assert_eq!(read.sbi, built_in.sbi);
    assert_eq!(read.logging, built_in.logging);
    assert_eq!(read.metrics, built_in.metrics);
}

#[test]
fn an_empty_file_and_empty_sections_are_the_defaults() {
    for text in ["", "# nothing\n", "network:\namf:\n  # nothing\n"] {
        let read = parse::<Own>("core.yaml", text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((read.network, read.own), (Default::default(), OwnConfig::default()));
    }
}

#[test]
fn what_is_printed_can_be_read_again() {
    let mut settings = Settings::<Own>::default();
    settings.own.limit = 7;
    settings.network.slices = vec!["1-0000a1".parse().expect("a slice"), "2".parse().expect("a slice")];
    let printed = serde_saphyr::to_string(&settings).expect("serialises");
    let read = parse::<Own>("printed", &printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert_eq!((read.network, read.sbi, read.own), (settings.network, settings.sbi, settings.own));
}

#[test]
fn private_keys_are_not_shown() {
    let mut settings = Settings::<Own>::default();
    settings.own.private_key = Some("c53c2220".into());
    let shown = shown(&settings);
    assert!(shown.contains("private_key: <secret>") && !shown.contains("c53c"), "{shown}");
}

#[test]
fn a_misspelt_key_is_named_with_its_line_and_what_was_meant() {
    let error = mistake("network:\n  plmn: 999/70\n  tac: [1]\n");
    assert!(error.starts_with("core.yaml:3:3: network"), "{error}");
    assert!(
        error.contains("unknown key 'tac'. Did you mean 'tacs'? Allowed here: name, plmn, amf_id, tacs"),
        "{error}"
    );
    let error = mistake("logging:\n  level: info\nnetwrok: {}\n");
    assert!(error.starts_with("core.yaml:3:1: "), "{error}");
    assert!(error.contains("unknown key 'netwrok'. Did you mean 'network'?"), "{error}");
    let error = mistake("amf:\n  n3: 127.0.0.5:38412\n");
    assert!(error.contains("amf") && error.contains("Did you mean 'n2'?"), "{error}");
}

#[test]
fn a_value_out_of_range_is_named_with_what_is_allowed() {
    for (text, place, what) in [
        (
            "network:\n  amf_id: {region: 2, set: 1024, pointer: 0}\n",
            "core.yaml:2:",
            "1024 is out of range: allowed are 0 to 1023",
        ),
        ("network:\n  tacs: [1, 16777216]\n", "core.yaml:2:", "16777216 is out of range: allowed are 0 to 16777215"),
        ("network:\n  plmn: 99970\n", "core.yaml:2:", "'99970' is not allowed here: write MCC/MNC"),
        ("network:\n  slices: [{sst: 256}]\n", "core.yaml:2:", "256 is out of range: allowed are 0 to 255"),
        ("network:\n  slices: [{sst: 1, sd: \"xyz\"}]\n", "core.yaml:2:", "six hexadecimal digits"),
        ("process:\n  workers: 0\n", "core.yaml:2:", "0 is out of range: allowed are 1 to 64"),
        ("process:\n  workers: many\n", "core.yaml:2:", "a number from 1 to 64"),
        ("sbi:\n  transports: [shm, http]\n", "core.yaml:2:", "unknown value 'http'"),
        ("sbi:\n  transports: []\n", "core.yaml:2:", "the list is empty"),
        ("logging:\n  format: xml\n", "core.yaml:2:", "Allowed here: text, json"),
        ("amf:\n  limit: -1\n", "core.yaml:2:", "-1 is out of range: allowed are 1 to 100"),
        ("network:\n  dnns:\n    - ipv4: 10.45.0.0/16\n", "core.yaml:3:", "'name' is missing"),
        ("network:\n  dnns:\n    - {name: a, ipv6: fd00:10::}\n", "core.yaml:3:", "invalid IP address syntax"),
    ] {
        let error = mistake(text);
        assert!(error.starts_with(place), "{error}");
        assert!(error.contains(what), "'{what}' is not in: {error}");
    }
}

#[test]
fn what_only_together_is_wrong_is_named_by_key() {
    for (text, key) in [
        ("network:\n  tacs: []\n", "network.tacs"),
        ("sbi:\n  listen: {amf: 0.0.0.0:7777}\n", "sbi.listen.amf"),
        ("sbi:\n  listen: {amf: 127.0.0.4:7777}\n", "sbi.listen"),
        ("logging:\n  level: amf=loud\n", "logging.level"),
        ("network:\n  dnns: [{name: a, ipv4: 10.0.0.0/16, slice: {sst: 9}}]\n", "network.dnns[0].slice"),
        ("network:\n  dnns: [{name: a, ipv6: fd00:10::/64}]\n", "network.dnns[0].ipv6"),
        ("network:\n  dnns: [{name: a}]\n", "network.dnns[0].ipv4"),
    ] {
        let error = mistake(text);
        assert!(error.starts_with("core.yaml: ") && error.contains(key), "{error}");
    }
}

#[test]
fn sections_of_other_functions_are_passed_over() {
    let read = parse::<Own>("core.yaml", "smf: {anything: [1, 2]}\namf: {limit: 3}\n");
    assert_eq!(read.map(|settings| settings.own.limit).map_err(|e| e.to_string()), Ok(3));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load::<Own>(Some(Path::new("/nowhere/core.yaml"))).map(drop).expect_err("not there").to_string();
    assert!(error.starts_with("/nowhere/core.yaml: "), "{error}");
}

#[test]
fn a_key_twice_and_text_that_is_no_yaml_are_refused_with_their_line() {
    assert!(mistake("network: {}\nnetwork: {}\n").starts_with("core.yaml:2:"));
    assert!(mistake("network: [\n").starts_with("core.yaml:"));
    assert!(mistake("- a\n- b\n").starts_with("core.yaml:"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = parse::<Own>("core.yaml", &text);
    }

    #[test]
    fn no_change_of_the_real_file_makes_the_reader_panic(at in 0..BUILT_IN.len(), with in "[\\-\\[\\]{}:,#\\s\\w\"'&*]{0,4}") {
        let mut text = BUILT_IN.to_owned();
        if text.is_char_boundary(at) {
            text.insert_str(at, &with);
        }
        let _ = parse::<Own>("core.yaml", &text);
    }
}
