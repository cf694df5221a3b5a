//! The life of an NF's process, from the command line to its exit status.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::admin::{self, Operator};
use crate::args::Args;
use crate::config::{self, Of, Settings};
use crate::place::Directories;
use crate::sbi::{Interface, Registered, Registration};
use crate::sections::NfName;
use crate::system::ProcessMetrics;
use crate::trace::{self, Trace};
use crate::{Context, Metrics, NetworkFunction, Rejects, Running, Shutdown, StartError, logging, placement, signals};

/// How long answers under way may take once an NF has drained.
const CLOSE_GRACE: Duration = Duration::from_millis(500);

/// How long the NRF may take to hear that we go.
const FAREWELL: Duration = Duration::from_millis(500);

/// Exit status for mistakes in the configuration: to start again would not help.
const MISCONFIGURED: u8 = 2;

/// The whole of an NF's `main`: reads the command line and the configuration, starts the NF, registers it, and ends it in
/// order on SIGTERM or SIGINT.
pub fn main<N: NetworkFunction>() -> ExitCode {
    let Some(name) = NfName::of(&N::TYPE) else {
        eprintln!("{} has no name in the configuration", N::TYPE);
        return ExitCode::FAILURE;
    };
    let args = Args::read(name);
    let settings = match config::load::<Of<N>>(args.config.as_deref()) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(MISCONFIGURED);
        }
    };
    if let Err(error) = N::check(&settings.own, &settings.network) {
        eprintln!("{}: {error}", file_name(&args));
        return ExitCode::from(MISCONFIGURED);
    }
    if args.print_config {
        print!("{}", config::shown(&settings));
        return ExitCode::SUCCESS;
    }
    if args.check_config {
        println!("{}: ok", file_name(&args));
        return ExitCode::SUCCESS;
    }
    if let Some(parent) = args.die_with_parent {
        die_with(parent);
    }
    logging::start(&settings.logging, name.as_str());
    // Before there are other threads, which inherit it.
    let pinned = placement::pin(&settings.process, name);
    match pinned
        .and_then(|()| tokio_runtime(settings.process.workers))
        .and_then(|tokio| tokio.block_on(live::<N>(settings)))
    {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{} cannot start: {error}", N::TYPE);
            ExitCode::from(if matches!(error, StartError::Config { .. }) { MISCONFIGURED } else { 1 })
        }
    }
}

/// The file that holds, for people.
fn file_name(args: &Args) -> String {
    config::find(args.config.as_deref()).map_or("built-in configuration".into(), |file| file.display().to_string())
}

/// Has the system send SIGTERM when the process that started us ends.
fn die_with(parent: u32) {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    if std::os::unix::process::parent_id() != parent {
        std::process::exit(1); // it had ended already
    }
}

fn tokio_runtime(workers: usize) -> Result<tokio::runtime::Runtime, StartError> {
    let mut builder = match workers {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if workers > 1 {
        builder.worker_threads(workers);
    }
    builder.enable_all().build().map_err(StartError::system)
}

/// Start, serve, end.
async fn live<N: NetworkFunction>(settings: Settings<Of<N>>) -> Result<ExitCode, StartError> {
    let began = Instant::now();
    let Settings { network, process, sbi, metrics: metrics_settings, own, .. } = settings;
    let directories = Directories::find(&process);
    directories.make()?;
    let name = config::section_name(&N::TYPE);
    let shutdown = Shutdown::new();
    signals::listen(shutdown.clone())?;
    let (listener, _socket) = admin::listen(&directories.admin_socket(name), name)?;
    let metrics = Metrics::new(name);
    metrics.register_collector(Box::new(ProcessMetrics));
    let rejects = Rejects::default();
    let trace = Trace::default();
    let interface = Arc::new(Interface::new(N::TYPE, &sbi, &directories, &metrics, trace.tap())?);
    let context = Context {
        config: own,
        network: network.clone(),
        instance_id: interface.instance_id(),
        caller: interface.caller(),
        api_root: interface.api_root(),
        metrics: metrics.clone(),
        rejects: rejects.clone(),
        trace: trace.clone(),
        shutdown: shutdown.clone(),
        run_dir: directories.run,
        state_dir: directories.state,
    };
    let running = tokio::select! {
        running = N::start(context) => running?,
        _ = shutdown.requested() => return Ok(ExitCode::SUCCESS),
    };
    let Running { handler, services, profile, admin: own_admin, status, drain, mut interfaces } = running;
    if let Some(handler) = handler {
        interfaces.push(format!("SBI on {}", interface.serve(handler)?.join(" and ")));
    }
    let registration = interface.registration(&network, services, profile);
    let operator = Operator {
        name,
        instance_id: interface.instance_id(),
        began,
        interfaces: interfaces.clone(),
        state: state_of(shutdown.clone(), registration.as_ref().map(|(_, changes)| changes.clone())),
        status,
        metrics: metrics.clone(),
        rejects,
        interface: interface.clone(),
    };
    let calls = admin::router(Arc::new(operator), own_admin).merge(trace::router(trace));
    tokio::spawn(async move { axum::serve(listener, calls).await });
    if let Some(address) = NfName::of(&N::TYPE).and_then(|nf| metrics_settings.listen.get(&nf)) {
        interfaces.push(serve_metrics(*address, name, metrics).await?);
    }
    tracing::info!("{} ready: {}", N::TYPE, interfaces.join(", "));
    let ended = serve_until_end(&shutdown, registration.map(|(registration, _)| registration)).await;
    tracing::info!("{} ends ({ended})", N::TYPE);
    end(drain, &interface, Duration::from_millis(process.drain_ms)).await;
    tracing::info!("{} ended", N::TYPE);
    Ok(if shutdown.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the NF is doing, in a word.
fn state_of(
    shutdown: Shutdown,
    registered: Option<watch::Receiver<Registered>>,
) -> Box<dyn Fn() -> &'static str + Send + Sync> {
    Box::new(move || match &registered {
        _ if shutdown.is_requested() => "ending",
        None => "ready",
        Some(state) if *state.borrow() == Registered::Yes => "registered",
        Some(_) => "waiting for NRF",
    })
}

async fn serve_metrics(address: SocketAddr, name: &str, metrics: Metrics) -> Result<String, StartError> {
    let key = format!("metrics.listen.{name}");
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.map_err(|why| StartError::listen("metrics", address, key, why))?;
    tokio::spawn(async move { axum::serve(listener, admin::metrics_router(metrics)).await });
    Ok(format!("metrics on http://{address}/metrics"))
}

/// Keeps the NF registered until it is to end; then takes it out, so that no new calls come. Returns why it ends.
async fn serve_until_end(shutdown: &Shutdown, registration: Option<Registration>) -> String {
    let Some(registration) = registration else { return shutdown.requested().await };
    let why = tokio::select! {
        () = registration.keep() => String::new(),
        why = shutdown.requested() => why,
    };
    let _ = tokio::time::timeout(FAREWELL, registration.deregister()).await;
    why
}

async fn end(drain: sbi_api::BoxFuture<'static, ()>, interface: &Interface, allowed: Duration) {
    if tokio::time::timeout(allowed, drain).await.is_err() {
        tracing::warn!("not all was finished within {} ms (process.drain_ms)", allowed.as_millis());
    }
    interface.close(CLOSE_GRACE).await;
}
