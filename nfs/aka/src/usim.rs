//! The UE's side: check AUTN, answer RES*, or ask for resynchronisation (TS 33.501 6.1.3.2 and 6.1.3.3).

use crate::hierarchy::{Kausf, ResStar};
use crate::{Autn, AutnError, K, Milenage, Opc, Rand, Sqn, SqnArray};
use oxirush_security::nas_5gs;

/// A card: the subscriber's keys and the sequence numbers it has accepted.
pub struct Usim {
    k: K,
    opc: Opc,
    sequence: SqnArray,
}

impl std::fmt::Debug for Usim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Usim").field("sqn_ms", &self.sequence.highest()).finish_non_exhaustive()
    }
}

/// What an accepted challenge gives the UE.
#[derive(Debug, Clone)]
pub struct UsimAnswer {
    /// To be sent in Authentication Response.
    pub res_star: ResStar,
    /// The root of the keys, as the home network derived it.
    pub kausf: Kausf,
}

impl Usim {
    /// A card that has accepted no sequence number yet.
    pub fn new(k: K, opc: Opc) -> Self {
        Self { k, opc, sequence: SqnArray::default() }
    }

    /// As if everything up to `sqn` had been accepted.
    pub fn with_sqn(mut self, sqn: Sqn) -> Self {
        self.sequence = SqnArray::starting_at(sqn);
        self
    }

    /// SQNms.
    pub fn highest_sqn(&self) -> Sqn {
        self.sequence.highest()
    }

    /// Checks MAC-A, the separation bit and the freshness of SQN, in that order, and answers.
    pub fn authenticate(&mut self, rand: &Rand, autn: &Autn, serving_network: &str) -> Result<UsimAnswer, AutnError> {
        let milenage = Milenage::new(&self.k, &self.opc);
        let proof = oxirush_security::Autn::new(&autn.0);
        let response = milenage.functions().check_autn(&rand.oxi(), &proof).map_err(|_| AutnError::MacFailure)?;
        if !response.amf().separation_bit() {
            return Err(AutnError::SeparationBit);
        }
        if !self.sequence.accept(Sqn::from_octets(*response.sqn().as_octets())) {
            return Err(AutnError::SynchFailure { auts: milenage.auts(rand, self.sequence.highest()) });
        }
        let network = serving_network.as_bytes();
        let refused = |_| AutnError::ServingNetwork;
        let res_star = response.res_star(network).map_err(refused)?;
        let kausf = nas_5gs::derive_kausf(response.ck(), response.ik(), network, &proof).map_err(refused)?;
        Ok(UsimAnswer { res_star: ResStar::new(*res_star.as_octets()), kausf: Kausf::new(*kausf.as_octets()) })
    }
}
