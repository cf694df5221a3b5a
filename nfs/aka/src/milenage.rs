//! MILENAGE (TS 35.206): f1, f1*, f2, f3, f4, f5, f5* over K and OPc.

use crate::secret::secret;
use crate::{AkaError, AmfField, Auts, Rand, Sqn};
use oxirush_security::milenage as oxi;

secret! {
    /// K, the key a USIM and its home network share.
    K, 16, "K"
}
secret! {
    /// OP, the operator variant; OPc is made from it and K.
    Op, 16, "OP"
}
secret! {
    /// OPc, OP bound to one K.
    Opc, 16, "OPc"
}

impl Opc {
    /// OP xor E[OP]K (TS 35.206 4.1).
    pub fn from_op(k: &K, op: &Op) -> Self {
        Self(*oxi::Opc::from_op(&oxi::K::new(&k.0), &oxi::Op::new(&op.0)).as_octets())
    }
}

/// The functions of one subscriber, with K's round keys expanded once.
pub struct Milenage {
    functions: oxi::Milenage,
}

impl std::fmt::Debug for Milenage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Milenage(<secret>)")
    }
}

impl Milenage {
    /// The functions of the subscriber with these keys.
    pub fn new(k: &K, opc: &Opc) -> Self {
        Self { functions: oxi::Milenage::new(&oxi::K::new(&k.0), &oxi::Opc::new(&opc.0)) }
    }

    /// f1: MAC-A.
    pub fn f1(&self, rand: &Rand, sqn: Sqn, amf: AmfField) -> [u8; 8] {
        let (sqn, amf) = (oxi::Sqn::new(&sqn.to_octets()), oxi::Amf::new(&amf.0));
        *self.functions.f1(&rand.oxi(), &sqn, &amf).as_octets()
    }

    /// f1*: MAC-S.
    pub fn f1_star(&self, rand: &Rand, sqn_ms: Sqn, amf: AmfField) -> [u8; 8] {
        let (sqn, amf) = (oxi::Sqn::new(&sqn_ms.to_octets()), oxi::Amf::new(&amf.0));
        *self.functions.f1_star(&rand.oxi(), &sqn, &amf).as_octets()
    }

    /// f2: RES. Secret until sent.
    pub fn f2(&self, rand: &Rand) -> [u8; 8] {
        *self.functions.f2(&rand.oxi()).as_octets()
    }

    /// f3: CK. Secret.
    pub fn f3(&self, rand: &Rand) -> [u8; 16] {
        *self.functions.f3(&rand.oxi()).as_octets()
    }

    /// f4: IK. Secret.
    pub fn f4(&self, rand: &Rand) -> [u8; 16] {
        *self.functions.f4(&rand.oxi()).as_octets()
    }

    /// f5: AK. Secret.
    pub fn f5(&self, rand: &Rand) -> [u8; 6] {
        *self.functions.f5(&rand.oxi()).as_octets()
    }

    /// f5*: AK for an AUTS. Secret.
    pub fn f5_star(&self, rand: &Rand) -> [u8; 6] {
        *self.functions.f5_star(&rand.oxi()).as_octets()
    }

    /// What a USIM answers to an SQN out of range: SQNms under AK*, then MAC-S (TS 33.102 6.3.3).
    pub fn auts(&self, rand: &Rand, sqn_ms: Sqn) -> Auts {
        let sqn_ms = oxi::Sqn::new(&sqn_ms.to_octets());
        Auts(*self.functions.auts(&rand.oxi(), &sqn_ms).as_octets())
    }

    /// SQNms of an AUTS whose MAC-S verifies (TS 33.102 6.3.5). `rand` is the one of the challenge answered.
    /// The next vector then uses an SQN after it: [`Sqn::next`].
    pub fn resynchronise(&self, rand: &Rand, auts: &Auts) -> Result<Sqn, AkaError> {
        let auts = oxi::Auts::new(&auts.0);
        let sqn_ms = self.functions.verify_auts(&rand.oxi(), &auts).map_err(|_| AkaError::AutsMac)?;
        Ok(Sqn::from_octets(*sqn_ms.as_octets()))
    }

    pub(crate) fn functions(&self) -> &oxi::Milenage {
        &self.functions
    }
}
