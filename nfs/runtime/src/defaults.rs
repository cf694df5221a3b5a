//! What holds where the configuration says nothing; configs/core.yaml says the same.

use std::fmt::Debug;
use std::str::FromStr;

use crate::network::{DataNetwork, Network, NetworkName};

/// The network of UERANSIM's stock samples for Open5GS.
pub(crate) fn network() -> Network {
    Network {
        name: NetworkName::default(),
        plmn: well_formed("999/70"),
        amf_id: well_formed("020040"),
        tacs: vec![well_formed("000001")],
        slices: vec![well_formed("1")],
        dnns: vec![
            DataNetwork::new(
                well_formed("internet"),
                Some(well_formed("10.45.0.0/16")),
                Some(well_formed("fd00:10:45::/48")),
            ),
            DataNetwork::new(well_formed("ims"), Some(well_formed("10.46.0.0/16")), None),
        ],
        applications: Vec::new(),
    }
}

impl Default for Network {
    fn default() -> Self {
        network()
    }
}

fn well_formed<T: FromStr<Err: Debug>>(text: &'static str) -> T {
    text.parse().expect("the built-in defaults are well formed (a test reads them)")
}
