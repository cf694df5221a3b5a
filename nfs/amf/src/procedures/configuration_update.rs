//! UE Configuration Update for access and mobility parameters (TS 23.502 4.2.4.2; TS 24.501 5.4.4): names, time, 5G-GUTI.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nas::GmmMessage;
use nas::gmm::ConfigurationUpdateCommand;
use nas::ie::{ConfigurationUpdateIndication, DaylightSaving, NetworkName, TimeZone, UniversalTime};

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

/// Gives the UE a new 5G-GUTI, and waits until it has it.
pub(super) async fn new_guti(ue: &mut Ue) -> Result<(), Stop> {
    let mut command = ConfigurationUpdateCommand::new();
    command.guti = Some(ue.assign_guti());
    command.indication =
        Some(ConfigurationUpdateIndication { acknowledgement_requested: true, registration_requested: false });
    let command: GmmMessage = command.into();
    let t3555 = Duration::from_millis(ue.core.config.timers.t3555_ms);
    let answered = ue
        .exchange(
            "T3555",
            t3555,
            // 1. AMF to UE: Configuration Update Command.
            |ue| ue.send_nas(&command),
            // 2a. UE to AMF: Configuration Update Complete.
            |_, message| match message {
                GmmMessage::ConfigurationUpdateComplete(_) => Ok(()),
                other => Err(other),
            },
        )
        .await;
    match answered {
        Ok(()) => {
            ue.guti_confirmed();
            Ok(())
        }
        // Both GUTIs are valid until the UE uses one (TS 24.501 5.4.4.6 a).
        Err(Stop::NoAnswer(_)) => Ok(()),
        Err(stop) => Err(stop),
    }
}

fn name(text: &str) -> Option<NetworkName> {
    (!text.is_empty()).then(|| NetworkName(text.to_owned()))
}
