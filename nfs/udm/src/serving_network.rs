//! The serving network's name (TS 24.501 9.12.1).

/// Whether `name` is `5G:mncNNN.mccNNN.3gppnetwork.org`, perhaps with `:` and a NID.
pub(crate) fn is_serving_network_name(name: &str) -> bool {
    let digits = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = name.strip_prefix("5G:mnc").and_then(|rest| rest.split_once(".mcc")).and_then(|(mnc, rest)| {
        let (mcc, rest) = rest.split_once('.')?;
        Some((mnc, mcc, rest))
    });
    let Some((mnc, mcc, rest)) = parsed else { return false };
    let tail = rest.strip_prefix("3gppnetwork.org").is_some_and(|tail| {
        tail.is_empty()
            || tail.strip_prefix(':').is_some_and(|nid| nid.len() == 11 && nid.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    digits(mnc) && digits(mcc) && tail
}

#[cfg(test)]
mod tests {
    use super::is_serving_network_name;

    #[test]
    fn the_form_is_exact() {
        assert!(is_serving_network_name("5G:mnc070.mcc999.3gppnetwork.org"));
        assert!(is_serving_network_name("5G:mnc070.mcc999.3gppnetwork.org:000007ed9d5"));
        for bad in [
            "",
            "5G",
            "5G:",
            "5G:mnc70.mcc999.3gppnetwork.org",
            "5G:mnc070.mcc999.3gppnetwork.org.evil",
            "5g:mnc070.mcc999.3gppnetwork.org",
            "5G:mnc070.mcc99\u{663}.3gppnetwork.org",
            "WLAN:x",
        ] {
            assert!(!is_serving_network_name(bad), "{bad}");
        }
    }
}
