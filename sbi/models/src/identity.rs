//! Who: subscribers and equipment (TS 29.571 5.3.2, TS 23.003).

use crate::text::is_digits;

text_identity! {
    /// SUPI of a subscriber (TS 29.571 `Supi`): `imsi-` and 5 to 15 digits. Other kinds of SUPI are not served.
    Supi: "must be 'imsi-' and 5 to 15 digits",
    |text| text.strip_prefix("imsi-").is_some_and(|imsi| is_digits(imsi, 5, 15))
}

impl Supi {
    /// The digits of the IMSI.
    pub fn imsi(&self) -> &str {
        self.as_str().trim_start_matches("imsi-")
    }
}

text_identity! {
    /// SUPI or SUCI, whichever the UE gave (TS 29.571 `SupiOrSuci`).
    SupiOrSuci: "must be a SUPI 'imsi-...' or a SUCI 'suci-0-...'",
    |text| text.parse::<Supi>().is_ok() || is_suci(text)
}

impl SupiOrSuci {
    /// The SUPI, where it is one.
    pub fn supi(&self) -> Option<Supi> {
        self.as_str().parse().ok()
    }
}

impl From<Supi> for SupiOrSuci {
    fn from(supi: Supi) -> Self {
        Self(supi.as_str().into())
    }
}

/// `suci-0-<mcc>-<mnc>-<routing indicator>-<scheme>-<key id>-<output>`; what the output hides is the UDM's business.
fn is_suci(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut part = |check: &dyn Fn(&str) -> bool| parts.next().is_some_and(check);
    let shape = part(&|p| p == "suci")
        && part(&|p| p == "0")
        && part(&|p| is_digits(p, 3, 3))
        && part(&|p| is_digits(p, 2, 3))
        && part(&|p| is_digits(p, 1, 4))
        && part(&|p| p.len() == 1 && p.bytes().all(|b| b.is_ascii_hexdigit()))
        && part(&|p| p.parse::<u8>().is_ok())
        && part(&|p| (1..=3000).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_hexdigit()));
    shape && parts.next().is_none()
}

text_identity! {
    /// GPSI (TS 29.571 `Gpsi`): `msisdn-` and 5 to 15 digits, or `extid-` and an external identifier.
    Gpsi: "must be 'msisdn-' and 5 to 15 digits, or 'extid-' and an external identifier",
    |text| {
        let external = |id: &str| id.contains('@') && id.len() <= 255 && !id.chars().any(char::is_control);
        text.strip_prefix("msisdn-").is_some_and(|digits| is_digits(digits, 5, 15))
            || text.strip_prefix("extid-").is_some_and(external)
    }
}

text_identity! {
    /// PEI of the equipment (TS 29.571 `Pei`): `imei-` and 15 digits or `imeisv-` and 16 digits.
    Pei: "must be 'imei-' and 15 digits or 'imeisv-' and 16 digits",
    |text| {
        text.strip_prefix("imei-").is_some_and(|digits| is_digits(digits, 15, 15))
            || text.strip_prefix("imeisv-").is_some_and(|digits| is_digits(digits, 16, 16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_checked_when_read() {
        for good in ["imsi-999700000000001", "imsi-00101"] {
            assert_eq!(good.parse::<Supi>().expect(good).as_str(), good);
        }
        for bad in ["", "imsi-", "imsi-99970x", "imsi-1234567890123456", "IMSI-99970", "imsi-99970\0", "nai-a@b"] {
            assert!(bad.parse::<Supi>().is_err(), "{bad}");
        }
        let suci = "suci-0-999-70-0000-1-1-aabb";
        assert!(suci.parse::<SupiOrSuci>().is_ok_and(|id| id.supi().is_none()));
        for bad in [
            "suci-1-999-70-0-1-1-aa",
            "suci-0-999-70-0000-1-1",
            "suci-0-999-70-0000-1-300-aa",
            "suci-0-999-70-0000-1-1-aa-b",
        ] {
            assert!(bad.parse::<SupiOrSuci>().is_err(), "{bad}");
        }
        assert!("imeisv-1234567890123456".parse::<Pei>().is_ok());
        assert!("msisdn-0900000000".parse::<Gpsi>().is_ok());
    }
}
