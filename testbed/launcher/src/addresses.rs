//! The addresses of N2, N3 and N4 in the configuration. Their sections belong to the NFs; only these keys are read here.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

use runtime::config::{self, BUILT_IN};
use serde_json::Value;

/// An interface of an NF.
pub(crate) struct Interface {
    /// Whose.
    pub(crate) nf: &'static str,
    /// Its name: `N2`.
    pub(crate) name: &'static str,
    /// The key that sets its address.
    pub(crate) key: String,
    /// Its address.
    pub(crate) address: SocketAddr,
}

impl Interface {
    /// Tries the address; for SCTP, which may live in user space, only whether it is ours.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let port = if self.name == "N2" { 0 } else { self.address.port() };
        UdpSocket::bind((self.address.ip(), port)).map(drop)
    }
}

const KEYS: [(&str, &str, &str); 4] = [
    ("amf", "N2", "/amf/n2/listen"),
    ("smf", "N4", "/smf/n4/listen"),
    ("upf", "N4", "/upf/n4/listen"),
    ("upf", "N3", "/upf/n3/listen"),
];

/// The interfaces that the file names, else those that are built in.
pub(crate) fn of(file: Option<&Path>) -> Vec<Interface> {
    let text = config::find(file).and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap_or(Value::Null);
    let (file, built_in) = (read(&text), read(BUILT_IN));
    let interface = |(nf, name, pointer): &(&'static str, &'static str, &str)| {
        let value = file.pointer(pointer).or_else(|| built_in.pointer(pointer)).cloned().unwrap_or(Value::Null);
        let key = pointer.trim_start_matches('/').replace('/', ".");
        let all = if let Value::Array(list) = value { list } else { vec![value] };
        let addresses = all.into_iter().filter_map(|value| value.as_str()?.parse().ok());
        addresses.map(|address| Interface { nf, name, key: key.clone(), address }).collect::<Vec<_>>()
    };
    KEYS.iter().flat_map(interface).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_does_not_name_is_built_in() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "amf: {n2: {listen: ['192.0.2.1:38412', '192.0.2.2:38412']}}\n").expect("written");
        let found = of(Some(file.path()));
        let texts: Vec<String> = found.iter().map(|i| format!("{} {} {}", i.name, i.address, i.key)).collect();
        assert_eq!(
            texts[..3],
            ["N2 192.0.2.1:38412 amf.n2.listen", "N2 192.0.2.2:38412 amf.n2.listen", "N4 127.0.0.4:8805 smf.n4.listen"]
        );
    }

    #[test]
    fn an_address_that_is_not_ours_is_noticed() {
        let of = |address: &str| Interface {
            nf: "upf",
            name: "N3",
            key: String::new(),
            address: address.parse().expect("one"),
        };
        let error = of("192.0.2.1:2152").probe().expect_err("not ours");
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
