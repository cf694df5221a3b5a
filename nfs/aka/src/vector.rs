//! The 5G home environment authentication vector (TS 33.501 6.1.3.2.0) and its public parts.

use crate::hierarchy::{Kausf, XresStar};
use crate::secret::public;
use crate::{AkaError, Milenage, Sqn};
use oxirush_security::milenage as oxi;
use oxirush_security::nas_5gs;

public! {
    /// RAND, the challenge.
    Rand, 16, "RAND"
}
public! {
    /// AUTN: SQN xor AK, AMF, MAC-A.
    Autn, 16, "AUTN"
}
public! {
    /// AUTS: SQNms xor AK*, MAC-S.
    Auts, 14, "AUTS"
}
public! {
    /// The authentication management field. Bit 8 of the first octet is the separation bit.
    AmfField, 2, "AMF"
}

impl AmfField {
    /// 8000: the separation bit set, as 5G asks for (TS 33.501 annex A.2 and 6.1.3.2).
    pub const SEPARATED: Self = Self([0x80, 0]);
}

impl Rand {
    /// A fresh challenge.
    pub fn generate() -> Result<Self, AkaError> {
        let mut octets = [0; 16];
        getrandom::fill(&mut octets).map_err(|_| AkaError::Random)?;
        Ok(Self(octets))
    }

    pub(crate) fn oxi(&self) -> oxirush_security::Rand {
        oxirush_security::Rand::new(&self.0)
    }
}

/// A 5G HE AV: what the UDM gives the AUSF.
#[derive(Debug, Clone)]
pub struct HomeVector {
    /// The challenge.
    pub rand: Rand,
    /// The network's proof, to be sent with RAND.
    pub autn: Autn,
    /// What the UE is expected to answer.
    pub xres_star: XresStar,
    /// The key the AUSF keeps.
    pub kausf: Kausf,
}

impl HomeVector {
    /// A vector for one authentication. `serving_network` is [`crate::serving_network_name`]'s text; `amf` has the
    /// separation bit set (the caller's subscription data may hold one without it: it is set here).
    pub fn generate(
        milenage: &Milenage,
        rand: Rand,
        sqn: Sqn,
        amf: AmfField,
        serving_network: &str,
    ) -> Result<Self, AkaError> {
        let amf = AmfField([amf.0[0] | 0x80, amf.0[1]]);
        let (sqn, amf) = (oxi::Sqn::new(&sqn.to_octets()), oxi::Amf::new(&amf.0));
        let vector = milenage.functions().authentication_vector(&rand.oxi(), &sqn, &amf);
        let network = serving_network.as_bytes();
        let refused = |_| AkaError::Derivation("serving network name");
        let xres_star = vector.xres_star(network).map_err(refused)?;
        let kausf = nas_5gs::derive_kausf(vector.ck(), vector.ik(), network, vector.autn()).map_err(refused)?;
        Ok(Self {
            rand,
            autn: Autn(*vector.autn().as_octets()),
            xres_star: XresStar::new(*xres_star.as_octets()),
            kausf: Kausf::new(*kausf.as_octets()),
        })
    }
}
