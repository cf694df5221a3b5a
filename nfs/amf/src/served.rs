//! What this AMF serves, once in the form of each wire.

use std::sync::Arc;

use nas::ie::{Guti, STmsi, TaiList};
use runtime::Network;

use crate::config::IdentityConfig;

/// PLMN, tracking areas, slices and names, from the sections `network` and `amf`.
pub(crate) struct Served {
    pub(crate) plmn: ngap::PlmnId,
    pub(crate) nas_plmn: nas::ie::Plmn,
    pub(crate) sbi_plmn: sbi_models::PlmnId,
    pub(crate) tacs: Vec<ngap::Tac>,
    pub(crate) slices: Arc<[ngap::Snssai]>,
    pub(crate) guami: ngap::Guami,
    pub(crate) sbi_guami: sbi_models::Guami,
    pub(crate) amf_id: sbi_models::AmfId,
    /// The registration area given to every UE: all tracking areas, at most 16.
    pub(crate) registration_area: TaiList,
    pub(crate) serving_network_name: String,
    pub(crate) amf_name: String,
    pub(crate) capacity: u8,
    pub(crate) network: Network,
}

/// A network that cannot be put on a wire: the operator's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be encoded")]
pub(crate) struct NotEncodable(&'static str);

impl Served {
    pub(crate) fn new(network: Network, identity: &IdentityConfig) -> Result<Self, NotEncodable> {
        let (mcc, mnc) = (network.plmn.mcc(), network.plmn.mnc());
        let plmn = ngap::PlmnId::new(mcc, mnc).map_err(|_| NotEncodable("network.plmn"))?;
        let nas_plmn = nas::ie::Plmn::new(mcc, mnc).ok_or(NotEncodable("network.plmn"))?;
        let id = network.amf_id;
        let amf_id = ngap::AmfId::new(id.region(), id.set(), id.pointer()).ok_or(NotEncodable("network.amf_id"))?;
        let tacs = network.tacs.iter().map(|tac| ngap::Tac::new(tac.get()).ok_or(NotEncodable("network.tacs")));
        let areas = network.tacs.iter().map(|tac| nas::ie::Tai { plmn: nas_plmn, tac: tac.get() });
        let slice = |slice: &sbi_models::Snssai| ngap::Snssai { sst: slice.sst, sd: slice.sd.map(|sd| sd.to_octets()) };
        Ok(Self {
            plmn,
            nas_plmn,
            sbi_plmn: network.plmn,
            tacs: tacs.collect::<Result<_, _>>()?,
            slices: network.slices.iter().map(slice).collect(),
            guami: ngap::Guami { plmn_identity: plmn, amf_id },
            sbi_guami: sbi_models::Guami { plmn_id: network.plmn.into(), amf_id: id },
            amf_id: id,
            registration_area: TaiList(areas.take(16).collect()),
            serving_network_name: network.plmn.serving_network_name(),
            amf_name: identity.name.clone(),
            capacity: identity.capacity,
            network,
        })
    }

    /// The 5G-GUTI of a 5G-TMSI of ours.
    pub(crate) fn guti(&self, tmsi: u32) -> Guti {
        let s_tmsi = STmsi { amf_set_id: self.amf_id.set(), amf_pointer: self.amf_id.pointer(), tmsi };
        Guti { plmn: self.nas_plmn, amf_region_id: self.amf_id.region(), s_tmsi }
    }

    /// The 5G-TMSI of a GUTI that this AMF may have given out.
    pub(crate) fn own_tmsi(&self, guti: &Guti) -> Option<u32> {
        (guti.plmn == self.nas_plmn && guti.amf_region_id == self.amf_id.region())
            .then(|| self.own_s_tmsi(&guti.s_tmsi))
            .flatten()
    }

    /// The 5G-TMSI of a 5G-S-TMSI that this AMF may have given out.
    pub(crate) fn own_s_tmsi(&self, s_tmsi: &STmsi) -> Option<u32> {
        let own = s_tmsi.amf_set_id == self.amf_id.set() && s_tmsi.amf_pointer == self.amf_id.pointer();
        own.then_some(s_tmsi.tmsi)
    }
}
