//! 5GS mobile identity (TS 24.501 9.11.3.4).

use super::{Element, Plmn};
use std::fmt;

/// Who a UE says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MobileIdentity {
    /// 0: it has none of the kind asked for.
    NoIdentity,
    /// 1: its IMSI, concealed.
    Suci(Suci),
    /// 1 with another SUPI format: its network specific identifier (or GLI, GCI), concealed, as a NAI.
    SuciNai(String),
    /// 2: a temporary identity.
    Guti(Guti),
    /// 3: the equipment, 15 digits.
    Imei(String),
    /// 4: the short temporary identity.
    STmsi(STmsi),
    /// 5: the equipment with its software version, 16 digits.
    Imeisv(String),
    /// 6: a MAC address.
    MacAddress([u8; 6]),
    /// 7: an EUI-64.
    Eui64([u8; 8]),
}

/// A concealed IMSI. `Display` is the form of TS 29.571 5.3.2: `suci-0-999-70-0000-0-0-0000000001`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Suci {
    /// The home network.
    pub plmn: Plmn,
    /// One to four digits.
    pub routing_indicator: String,
    /// 0 null, 1 profile A, 2 profile B, up to 15.
    pub protection_scheme: u8,
    /// The home network public key, 0 with the null scheme.
    pub key_id: u8,
    /// The MSIN's digits with the null scheme, else the output in hexadecimal, lower case.
    pub scheme_output: String,
}

impl fmt::Display for Suci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plmn, routing_indicator, protection_scheme, key_id, scheme_output } = self;
        let (mcc, mnc) = (plmn.mcc(), plmn.mnc());
        write!(f, "suci-0-{mcc}-{mnc}-{routing_indicator}-{protection_scheme:x}-{key_id}-{scheme_output}")
    }
}

impl fmt::Debug for Suci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 5G-GUTI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guti {
    /// The network that gave it.
    pub plmn: Plmn,
    /// AMF region.
    pub amf_region_id: u8,
    /// The part within the region.
    pub s_tmsi: STmsi,
}

/// 5G-S-TMSI: a GUTI without network and region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct STmsi {
    /// AMF set, 10 bits.
    pub amf_set_id: u16,
    /// AMF pointer, 6 bits.
    pub amf_pointer: u8,
    /// 5G-TMSI.
    pub tmsi: u32,
}

impl STmsi {
    fn octets(self) -> [u8; 6] {
        let set_and_pointer = (self.amf_set_id & 0x3ff) << 6 | u16::from(self.amf_pointer & 0x3f);
        let ([a, b], [c, d, e, f]) = (set_and_pointer.to_be_bytes(), self.tmsi.to_be_bytes());
        [a, b, c, d, e, f]
    }

    fn from_octets([a, b, c, d, e, f]: [u8; 6]) -> Self {
        Self {
            amf_set_id: u16::from_be_bytes([a, b]) >> 6,
            amf_pointer: b & 0x3f,
            tmsi: u32::from_be_bytes([c, d, e, f]),
        }
    }
}

impl Element for MobileIdentity {
    fn decode(octets: &[u8]) -> Option<Self> {
        let (first, rest) = octets.split_first()?;
        match first & 0x07 {
            0 => Some(Self::NoIdentity),
            1 if (first >> 4) & 0x07 == 0 => suci(rest).map(Self::Suci),
            // SUPI formats 1 to 3; the others are reserved.
            1 if (first >> 4) & 0x07 <= 3 => nai(rest).map(Self::SuciNai),
            1 => None,
            2 => guti(rest).map(Self::Guti),
            3 => equipment(octets, 15).map(Self::Imei),
            4 => rest.try_into().ok().map(|octets| Self::STmsi(STmsi::from_octets(octets))),
            5 => equipment(octets, 16).map(Self::Imeisv),
            6 => rest.try_into().ok().map(Self::MacAddress),
            _ => rest.try_into().ok().map(Self::Eui64),
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::NoIdentity => vec![0],
            Self::Suci(suci) => encode_suci(suci),
            Self::SuciNai(nai) => [&[0x11], nai.as_bytes()].concat(),
            Self::Guti(guti) => guti.encode(),
            Self::Imei(digits) => encode_equipment(digits, 3),
            Self::STmsi(s_tmsi) => s_tmsi.encode(),
            Self::Imeisv(digits) => encode_equipment(digits, 5),
            Self::MacAddress(octets) => [&[0x06], octets.as_slice()].concat(),
            Self::Eui64(octets) => [&[0x07], octets.as_slice()].concat(),
        }
    }
}

impl Element for Guti {
    fn decode(octets: &[u8]) -> Option<Self> {
        match MobileIdentity::decode(octets)? {
            MobileIdentity::Guti(guti) => Some(guti),
            _ => None,
        }
    }

    fn encode(&self) -> Vec<u8> {
        [&[0xf2], self.plmn.to_octets().as_slice(), &[self.amf_region_id], &self.s_tmsi.octets()].concat()
    }
}

/// An IMEISV where nothing else may be (8.2.26.2): 16 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imeisv(pub String);

impl Element for Imeisv {
    fn decode(octets: &[u8]) -> Option<Self> {
        match MobileIdentity::decode(octets)? {
            MobileIdentity::Imeisv(digits) => Some(Self(digits)),
            _ => None,
        }
    }

    fn encode(&self) -> Vec<u8> {
        encode_equipment(&self.0, 5)
    }
}

impl Element for STmsi {
    fn decode(octets: &[u8]) -> Option<Self> {
        match MobileIdentity::decode(octets)? {
            MobileIdentity::STmsi(s_tmsi) => Some(s_tmsi),
            _ => None,
        }
    }

    fn encode(&self) -> Vec<u8> {
        [&[0xf4], self.octets().as_slice()].concat()
    }
}

/// A network access identifier: text without control characters or spaces.
fn nai(octets: &[u8]) -> Option<String> {
    let text = !octets.is_empty() && octets.iter().all(u8::is_ascii_graphic);
    text.then(|| octets.iter().copied().map(char::from).collect())
}

fn guti(octets: &[u8]) -> Option<Guti> {
    let [p0, p1, p2, amf_region_id, s_tmsi @ ..] = octets else { return None };
    Some(Guti {
        plmn: Plmn::from_octets([*p0, *p1, *p2])?,
        amf_region_id: *amf_region_id,
        s_tmsi: STmsi::from_octets(s_tmsi.try_into().ok()?),
    })
}

fn suci(octets: &[u8]) -> Option<Suci> {
    let [p0, p1, p2, r0, r1, scheme, key_id, output @ ..] = octets else { return None };
    let protection_scheme = scheme & 0x0f;
    let scheme_output = if protection_scheme == 0 {
        bcd(output).filter(|msin| (1..=10).contains(&msin.len()))?
    } else if output.is_empty() {
        return None;
    } else {
        output.iter().map(|octet| format!("{octet:02x}")).collect()
    };
    Some(Suci {
        plmn: Plmn::from_octets([*p0, *p1, *p2])?,
        routing_indicator: bcd(&[*r0, *r1]).filter(|digits| !digits.is_empty())?,
        protection_scheme,
        key_id: *key_id,
        scheme_output,
    })
}

fn encode_suci(suci: &Suci) -> Vec<u8> {
    let mut octets = vec![0x01];
    octets.extend(suci.plmn.to_octets());
    let mut routing = to_bcd(&suci.routing_indicator);
    routing.resize(2, 0xff);
    octets.extend(routing);
    octets.extend([suci.protection_scheme & 0x0f, suci.key_id]);
    if suci.protection_scheme == 0 {
        octets.extend(to_bcd(&suci.scheme_output));
    } else {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
        let pairs = suci.scheme_output.as_bytes().chunks(2);
        octets.extend(pairs.map(|pair| pair.iter().fold(0, |octet, hex| octet << 4 | digit(*hex))));
    }
    octets
}

/// Digits, low half octet first, up to an F.
fn bcd(octets: &[u8]) -> Option<String> {
    let mut halves = octets.iter().flat_map(|octet| [octet & 0x0f, octet >> 4]);
    let digits: String = halves.by_ref().take_while(|half| *half != 0x0f).map(char_of_digit).collect::<Option<_>>()?;
    // Only filler may follow the first F.
    halves.all(|half| half == 0x0f).then_some(digits)
}

fn char_of_digit(half: u8) -> Option<char> {
    char::from_digit(u32::from(half), 10)
}

fn to_bcd(digits: &str) -> Vec<u8> {
    let half = |digit: &u8| digit.wrapping_sub(b'0') & 0x0f;
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| pair.get(1).map_or(0x0f, half) << 4 | pair.first().map_or(0x0f, half))
        .collect()
}

/// An IMEI or IMEISV: the first digit is in the type's octet.
fn equipment(octets: &[u8], digits: usize) -> Option<String> {
    let (first, rest) = octets.split_first()?;
    let text =
        std::iter::once(char_of_digit(first >> 4)).chain(bcd(rest)?.chars().map(Some)).collect::<Option<String>>()?;
    (text.len() == digits).then_some(text)
}

fn encode_equipment(digits: &str, kind: u8) -> Vec<u8> {
    let odd = u8::from(digits.len() % 2 == 1) << 3;
    let first = digits.as_bytes().first().map_or(0, |digit| digit.wrapping_sub(b'0') & 0x0f);
    let mut octets = vec![first << 4 | odd | kind];
    octets.extend(to_bcd(digits.get(1..).unwrap_or_default()));
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8]) -> MobileIdentity {
        let identity = MobileIdentity::decode(octets).expect("an identity");
        assert_eq!(identity.encode(), octets);
        identity
    }

    #[test]
    fn a_null_suci_reads_as_the_service_interfaces_write_it() {
        let identity = read(&[0x01, 0x99, 0xf9, 0x07, 0x00, 0x00, 0x00, 0x00, 0, 0, 0, 0, 0x10]);
        let MobileIdentity::Suci(suci) = identity else { panic!("{identity:?}") };
        assert_eq!(suci.to_string(), "suci-0-999-70-0000-0-0-0000000001");
    }

    #[test]
    fn a_routing_indicator_of_fewer_digits_keeps_its_filler() {
        let identity = read(&[0x01, 0x99, 0xf9, 0x07, 0x21, 0xf3, 0x01, 0x07, 0xab, 0x0c]);
        let MobileIdentity::Suci(suci) = identity else { panic!("{identity:?}") };
        assert_eq!(suci.to_string(), "suci-0-999-70-123-1-7-ab0c");
    }

    #[test]
    fn a_guti_and_its_short_form() {
        let identity = read(&[0xf2, 0x99, 0xf9, 0x07, 0x02, 0x00, 0x41, 0xde, 0xad, 0xbe, 0xef]);
        let s_tmsi = STmsi { amf_set_id: 1, amf_pointer: 1, tmsi: 0xdead_beef };
        let plmn = Plmn::new("999", "70").expect("digits");
        assert_eq!(identity, MobileIdentity::Guti(Guti { plmn, amf_region_id: 2, s_tmsi }));
        assert_eq!(read(&[0xf4, 0x00, 0x41, 0xde, 0xad, 0xbe, 0xef]), MobileIdentity::STmsi(s_tmsi));
    }

    #[test]
    fn equipment_has_fifteen_or_sixteen_digits() {
        let imei = "356938035643803";
        let octets = MobileIdentity::Imei(imei.into()).encode();
        assert_eq!(octets, [0x3b, 0x65, 0x39, 0x08, 0x53, 0x46, 0x83, 0x30]);
        assert_eq!(read(&octets), MobileIdentity::Imei(imei.into()));
        let imeisv = MobileIdentity::Imeisv("4370816125816151".into());
        assert_eq!(read(&imeisv.encode()), imeisv);
    }

    #[test]
    fn what_is_shorter_than_its_type_is_no_identity() {
        for octets in [
            &[][..],
            &[0x01],
            &[0x01, 0x99, 0xf9, 0x07, 0, 0, 0, 0],
            &[0x01, 0x99, 0xf9, 0x07, 0, 0, 1, 1],
            &[0xf2, 0x99, 0xf9, 0x07, 0x02],
            &[0xf4, 0, 0x41, 1, 2, 3],
            &[0x3b, 0x65],
            &[0x01, 0xaa, 0xf9, 0x07, 0, 0, 0, 0, 0x10],
            &[0x01, 0x99, 0xf9, 0x07, 0, 0, 0, 0, 0xf1, 0x11],
            &[0x71, b'a', b'@', b'b'],
            &[0x11, b'a', 0, b'@', b'b'],
        ] {
            assert_eq!(MobileIdentity::decode(octets), None, "{octets:02x?}");
        }
    }
}
