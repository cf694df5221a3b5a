//! `peregrine-ran`: a gNB and its UEs from the command line, towards any 5G core.

mod options;

use clap::Parser;
use options::{AttachOptions, Cli, Command, LoadOptions, Stay};
use ran::attach::Attach;
use ran::load::Load;
use ran::report::Report;
use ran::{Ran, RanSetup, Subscriber};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Anything that ends the program early, as one sentence.
type Failed = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let done = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failed::from)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("peregrine-ran: {error}");
            ExitCode::from(2)
        }
    }
}

/// `Ok(true)` if everything succeeded.
async fn run(cli: Cli) -> Result<bool, Failed> {
    match cli.command {
        Command::Attach(options) => attach(*options).await,
        Command::Load(options) => load(*options).await,
    }
}

async fn start(setup: &RanSetup, subscribers: &[Subscriber], quiet: bool) -> Result<Arc<Ran>, Failed> {
    let ran = Ran::start(setup, subscribers).await?;
    if !quiet {
        eprintln!("NG Setup with \"{}\" at {}: cell open, {} UEs", ran.amf_name(), setup.amf, subscribers.len());
    }
    Ok(Arc::new(ran))
}

async fn attach(options: AttachOptions) -> Result<bool, Failed> {
    let (mut setup, subscribers) = options.common.setup()?;
    (setup.tun, setup.tap) = (options.tun(), options.tap());
    let ran = start(&setup, &subscribers, options.common.quiet).await?;
    let report = begin_report(&ran);
    let run = Attach::new(Arc::clone(&ran), options.plan()?, report.clone(), options.common.quiet);
    run.arrive().await;
    ran.settle().await;
    if let Some(path) = &options.ready {
        write(path, &json!({ "sessions": run.sessions(&subscribers), "failures": report.failures() }))?;
    }
    match options.stay() {
        Stay::No => {}
        Stay::For(time) => tokio::time::sleep(time).await,
        Stay::UntilSignal => until_signal().await?,
    }
    run.leave().await;
    finish(&ran, &report, &options.common, &json!({})).await
}

async fn load(options: LoadOptions) -> Result<bool, Failed> {
    let (setup, subscribers) = options.common.setup()?;
    let ran = start(&setup, &subscribers, options.common.quiet).await?;
    let report = begin_report(&ran);
    let run = Load::new(Arc::clone(&ran), options.plan()?, report.clone(), options.common.quiet);
    let summary = run.run().await;
    finish(&ran, &report, &options.common, &summary).await
}

/// A report that begins with the NG Setup that has succeeded.
fn begin_report(ran: &Ran) -> Report {
    let report = Report::default();
    report.record::<String>("NG setup", &Ok(ran.ng_setup()));
    report
}

async fn finish(ran: &Ran, report: &Report, common: &options::Common, summary: &Value) -> Result<bool, Failed> {
    let (sent, received, unknown) = ran.packets();
    ran.close().await;
    let packets = json!({ "sent": sent, "received": received, "unknown_tunnel": unknown });
    println!("{}", report.table());
    if let Some(path) = &common.json {
        write(path, &report.json(&json!({ "summary": summary, "packets": packets })))?;
    }
    Ok(report.failures() == 0)
}

fn write(path: &Path, value: &Value) -> Result<(), Failed> {
    let text = serde_json::to_string_pretty(value)?;
    std::fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()).into())
}

async fn until_signal() -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
