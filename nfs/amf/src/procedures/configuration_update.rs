//! UE Configuration Update for access and mobility parameters (TS 23.502 4.2.4.2; TS 24.501 5.4.4): names and time.

use std::time::{SystemTime, UNIX_EPOCH};

use nas::gmm::ConfigurationUpdateCommand;
use nas::ie::{DaylightSaving, NetworkName, TimeZone, UniversalTime};

use crate::stop::Stop;
use crate::ue::Ue;

/// Tells the UE the network's names and the time (NITZ). Neither asks for an acknowledgement (TS 24.501 5.4.4.2).
pub(super) fn network_name_and_time(ue: &mut Ue) -> Result<(), Stop> {
    // 0. The AMF decides: after a registration.
    // 1. AMF to UE: Configuration Update Command.
    let names = &ue.core.served.network.name;
    let quarters = i8::try_from(ue.core.config.time_zone_minutes / 15).unwrap_or(0);
    let zone = TimeZone::from_quarters(quarters);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut command = ConfigurationUpdateCommand::new();
    command.full_name = name(&names.full);
    command.short_name = name(&names.short);
    command.local_time_zone = Some(zone);
    command.universal_time = Some(UniversalTime::from_unix(now, zone));
    command.daylight_saving = Some(DaylightSaving(0));
    ue.send_nas(&command.into())
    // 2a. Configuration Update Complete: not asked for.
    // 2b. to 4. Nudm_SDM_Info, updates of the RAN, new registration: nothing of the kind has changed.
}

fn name(text: &str) -> Option<NetworkName> {
    (!text.is_empty()).then(|| NetworkName(text.to_owned()))
}
