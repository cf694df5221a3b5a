//! The 5G key hierarchy (TS 33.501 6.2 and annex A), each key with what is derived from it.

use crate::secret::secret;
use crate::{AkaError, Rand};
use oxirush_security::{CipheringAlgorithm, IntegrityAlgorithm, nas_5gs};

secret! {
    /// KAUSF, kept by the home network.
    Kausf, 32, "KAUSF"
}
secret! {
    /// KSEAF, the anchor key of the serving network.
    Kseaf, 32, "KSEAF"
}
secret! {
    /// KAMF.
    Kamf, 32, "KAMF"
}
secret! {
    /// KgNB, the base station's key.
    Kgnb, 32, "KgNB"
}
secret! {
    /// NH, the next hop key of a handover.
    NextHop, 32, "NH"
}
secret! {
    /// The 128-bit key of one integrity or ciphering algorithm.
    AlgorithmKey, 16, "algorithm key"
}
secret! {
    /// XRES*, the answer the home network expects.
    XresStar, 16, "XRES*"
}
secret! {
    /// HXRES* (or HRES*), what the serving network compares.
    HxresStar, 16, "HXRES*"
}
secret! {
    /// RES*, the UE's answer. XRES* is compared with it in the AUSF.
    ResStar, 16, "RES*"
}

/// `5G:mncXXX.mccXXX.3gppnetwork.org` (TS 24.501 9.12.1): the digits of MCC and MNC, a two-digit MNC padded.
pub fn serving_network_name(mcc: &str, mnc: &str) -> String {
    format!("5G:mnc{mnc:0>3}.mcc{mcc}.3gppnetwork.org")
}

/// HRES* of what the UE answered, compared with HXRES* by the AMF (TS 33.501 A.5).
pub fn hres_star(rand: &Rand, res_star: &ResStar) -> HxresStar {
    let res_star = nas_5gs::ResStar::new(&res_star.0);
    HxresStar(*nas_5gs::compute_hres_star(&rand.oxi(), &res_star).as_octets())
}

impl XresStar {
    /// HXRES*, which the AUSF gives the AMF (TS 33.501 A.5).
    pub fn hxres_star(&self, rand: &Rand) -> HxresStar {
        let xres_star = nas_5gs::XresStar::new(&self.0);
        HxresStar(*nas_5gs::compute_hxres_star(&rand.oxi(), &xres_star).as_octets())
    }

    /// Whether the UE answered right (TS 33.501 6.1.3.2.0 step 11).
    pub fn accepts(&self, res_star: &ResStar) -> bool {
        oxirush_security::constant_time_eq(&self.0, &res_star.0)
    }
}

impl Kausf {
    /// KSEAF (TS 33.501 A.6).
    pub fn kseaf(&self, serving_network: &str) -> Result<Kseaf, AkaError> {
        let kseaf = nas_5gs::derive_kseaf(&nas_5gs::KAusf::new(&self.0), serving_network.as_bytes())
            .map_err(|_| AkaError::Derivation("serving network name"))?;
        Ok(Kseaf(*kseaf.as_octets()))
    }
}

impl Kseaf {
    /// KAMF (TS 33.501 A.7). `imsi` is the digits of the SUPI, without `imsi-`; ABBA is 0000 in this release.
    pub fn kamf(&self, imsi: &str, abba: &[u8]) -> Result<Kamf, AkaError> {
        let supi = nas_5gs::Supi::imsi(imsi).map_err(|_| AkaError::Derivation("SUPI is no IMSI"))?;
        let kamf = nas_5gs::derive_kamf(&nas_5gs::KSeaf::new(&self.0), &supi, abba)
            .map_err(|_| AkaError::Derivation("ABBA is 2 to 255 octets"))?;
        Ok(Kamf(*kamf.as_octets()))
    }
}

impl Kamf {
    /// KNASint for the algorithm with this identity, 0 to 3 (TS 33.501 A.8).
    pub fn nas_integrity_key(&self, algorithm: u8) -> Result<AlgorithmKey, AkaError> {
        let algorithm = IntegrityAlgorithm::try_from(algorithm)
            .map_err(|_| AkaError::Derivation("integrity algorithm is 0 to 3"))?;
        Ok(AlgorithmKey(*nas_5gs::derive_knas_int(&self.oxi(), algorithm).as_octets()))
    }

    /// KNASenc for the algorithm with this identity, 0 to 3 (TS 33.501 A.8).
    pub fn nas_ciphering_key(&self, algorithm: u8) -> Result<AlgorithmKey, AkaError> {
        let algorithm = CipheringAlgorithm::try_from(algorithm)
            .map_err(|_| AkaError::Derivation("ciphering algorithm is 0 to 3"))?;
        Ok(AlgorithmKey(*nas_5gs::derive_knas_enc(&self.oxi(), algorithm).as_octets()))
    }

    /// KgNB for 3GPP access from the uplink NAS COUNT, a number of 24 bits (TS 33.501 A.9).
    pub fn kgnb(&self, uplink_nas_count: u32) -> Result<Kgnb, AkaError> {
        let count = oxirush_security::AccessKeyCount::try_from(uplink_nas_count)
            .map_err(|_| AkaError::Derivation("NAS COUNT has 24 bits"))?;
        Ok(Kgnb(*nas_5gs::derive_kgnb(&self.oxi(), count).as_octets()))
    }

    /// The first NH, from the KgNB of the initial context (TS 33.501 A.10, NCC 1).
    pub fn first_next_hop(&self, kgnb: &Kgnb) -> NextHop {
        let sync = nas_5gs::KGnb::new(&kgnb.0);
        NextHop(*nas_5gs::derive_nh(&self.oxi(), &sync).as_octets())
    }

    /// The NH after `previous` (TS 33.501 A.10).
    pub fn next_hop(&self, previous: &NextHop) -> NextHop {
        let sync = nas_5gs::Nh::new(&previous.0);
        NextHop(*nas_5gs::derive_nh(&self.oxi(), &sync).as_octets())
    }

    fn oxi(&self) -> nas_5gs::KAmf {
        nas_5gs::KAmf::new(&self.0)
    }
}
