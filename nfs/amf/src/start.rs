//! The AMF as a network function of the runtime.

use std::sync::Arc;

use runtime::{Context, NetworkFunction, OfferedService, Running, StartError};
use sbi_models::Tai;
use sbi_models::nrf::{AmfInfo, NfProfile, NfType, ServiceName};

use crate::config::Config;
use crate::core::{Core, now};
use crate::machine::Machine;
use crate::n2::carry;
use crate::{admin, namf};

/// The AMF.
pub struct Amf;

impl NetworkFunction for Amf {
    const TYPE: NfType = NfType::Amf;
    type Config = Config;

    async fn start(ctx: Context<Config>) -> Result<Running, StartError> {
        let shutdown = ctx.shutdown.clone();
        let machine = Machine::new(ctx)?;
        let core = machine.core.clone();
        let listener = carry::listen(&core.config.n2, core.config.limits.gnbs).await?;
        let addresses: Vec<_> = core.config.n2.listen.iter().map(ToString::to_string).collect();
        let interface = format!("N2 on {} ({} SCTP)", addresses.join(", "), listener.backend());
        drop(tokio::spawn(carry::accept(core.clone(), listener, shutdown.clone())));
        drop(tokio::spawn(keep_time(machine.clone())));
        register_metrics(&core);

        let services = [ServiceName::NamfComm, ServiceName::NamfCallback].map(|name| OfferedService::new(name, "v1"));
        let (for_profile, for_status) = (core.clone(), core.clone());
        Ok(Running::new()
            .serving(namf::routes(core), services)
            .profile(move |profile| complete(profile, &for_profile))
            .admin(admin::router(machine))
            .status(move || admin::status(&for_status))
            .interface(interface))
    }
}

/// Tells the machine the time whenever it asked to be told.
async fn keep_time(machine: Machine) {
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(machine.poll_timeout(now()).into()) => {}
            () = machine.overdue() => {}
        }
        machine.handle_timeout(now());
    }
}

fn complete(profile: &mut NfProfile, core: &Core) {
    let served = &core.served;
    let plmn_id = served.sbi_plmn;
    profile.plmn_list = Some(vec![plmn_id]);
    profile.s_nssais = Some(served.network.slices.clone());
    profile.amf_info = Some(AmfInfo {
        amf_set_id: format!("{:03x}", served.amf_id.set()),
        amf_region_id: format!("{:02x}", served.amf_id.region()),
        guami_list: vec![served.sbi_guami.clone()],
        tai_list: Some(served.network.tacs.iter().map(|tac| Tai { plmn_id, tac: *tac }).collect()),
    });
}

fn register_metrics(core: &Arc<Core>) {
    let gauge = |name: &str, help: &str, value: fn(&Core) -> usize| {
        core.metrics.register(name, help, Gauge { core: Arc::downgrade(core), value });
    };
    gauge("gnbs", "gNBs connected", |core| core.associations.nodes().len());
    gauge("ues_registered", "UEs registered", |core| core.directory.counts().0);
    gauge("ues_connected", "UEs with a signalling connection", |core| core.directory.counts().1);
    gauge("procedures_waiting", "Registrations and service requests that wait for their turn", |core| {
        core.admission.waiting()
    });
    gauge("pdu_sessions", "PDU sessions", |core| core.directory.counts().2);
}

/// A gauge whose value is looked up when it is asked for.
struct Gauge {
    core: std::sync::Weak<Core>,
    value: fn(&Core) -> usize,
}

impl std::fmt::Debug for Gauge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gauge")
    }
}

impl prometheus_client::encoding::EncodeMetric for Gauge {
    fn encode(&self, mut encoder: prometheus_client::encoding::MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let value = self.core.upgrade().map_or(0, |core| (self.value)(&core));
        encoder.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn metric_type(&self) -> prometheus_client::metrics::MetricType {
        prometheus_client::metrics::MetricType::Gauge
    }
}
