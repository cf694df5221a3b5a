//! The configuration file.

use runtime::config::{Common, Of, Section, Settings, parse};

/// A file: it is taken, and then what it means can be written and means the same; or it is refused in one sentence that
/// names the file.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check::<Common>(text);
    check::<Of<nrf::Nrf>>(text);
}

fn written<S: Section>(settings: &Settings<S>) -> String {
    serde_saphyr::to_string(settings).expect("a configuration can be written")
}

fn check<S: Section>(text: &str) {
    match parse::<S>("core.yaml", text) {
        Ok(settings) => {
            let text = written(&settings);
            match parse::<S>("again.yaml", &text) {
                Ok(again) => assert_eq!(written(&again), text),
                Err(error) => panic!("{error}\n{text}"),
            }
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.starts_with("core.yaml"), "{sentence}");
            assert!(!error.why.is_empty());
            assert!(sentence.len() < 4096 + 4 * text.len(), "a sentence of {} octets", sentence.len());
        }
    }
}

/// The built-in file, and small ones with mistakes.
pub(crate) fn files() -> Vec<Vec<u8>> {
    let short = [
        "",
        "network: {plmn: 310/410, tacs: [1, 2], slices: [{sst: 1, sd: \"0000a1\"}]}\n",
        "network:\n  dnns:\n    - {name: internet, ipv4: 10.45.0.0/16, mtu: 100}\n",
        "nrf: {heartbeat_seconds: 0}\nprocess: {workers: 2, drain_ms: 1}\n",
        "logging: {level: \"info,amf=debug\", format: json}\nmetrics: {listen: {amf: 127.0.0.5:9090}}\n",
        "sbi: {transports: [h2], listen: {nrf: 127.0.0.10:7777, udm: 127.0.0.10:7777}}\n",
        "a: &a [1]\nb: *a\n",
    ];
    let all = std::iter::once(runtime::config::BUILT_IN).chain(short);
    all.map(|text| text.as_bytes().to_vec()).collect()
}
