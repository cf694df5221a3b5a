//! Generic UE configuration update (TS 24.501 8.2.19, 8.2.20).

use crate::ie::{
    ConfigurationUpdateIndication, DaylightSaving, Guti, NetworkName, Nssai, RejectedNssai, TaiList, TimeZone,
    UniversalTime,
};
use crate::message::message;

message! {
    /// CONFIGURATION UPDATE COMMAND (8.2.19).
    ConfigurationUpdateCommand = 0x54 in NasConfigurationUpdateCommand {
        mandatory {}
        optional {
            /// Whether an acknowledgement or a new registration is asked for.
            indication: ConfigurationUpdateIndication = configuration_update_indication,
            /// A new 5G-GUTI.
            guti: Guti = fg_guti,
            /// A new registration area.
            tai_list: TaiList = tai_list,
            /// New allowed slices.
            allowed_nssai: Nssai = allowed_nssai,
            /// The network's full name.
            full_name: NetworkName = full_name_for_network,
            /// The network's short name.
            short_name: NetworkName = short_name_for_network,
            /// Offset from UTC.
            local_time_zone: TimeZone = local_time_zone,
            /// The time.
            universal_time: UniversalTime = universal_time_and_local_time_zone,
            /// Summer time.
            daylight_saving: DaylightSaving = network_daylight_saving_time,
            /// New configured slices.
            configured_nssai: Nssai = configured_nssai,
            /// Slices refused from now on.
            rejected_nssai: RejectedNssai = rejected_nssai,
        }
    }
}

message! {
    /// CONFIGURATION UPDATE COMPLETE (8.2.20).
    ConfigurationUpdateComplete = 0x55 in NasConfigurationUpdateComplete {
        mandatory {}
        optional {}
    }
}
