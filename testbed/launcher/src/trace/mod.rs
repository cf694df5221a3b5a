//! `peregrine trace`: what the NFs of a running core say to each other and to the outside, while it happens.

mod connection;
mod http2;
mod ladder;
mod n4;
mod names;
mod operation;
mod options;
mod packet;
mod packets;
mod pcapng;
mod sbi;
mod source;
mod subject;
mod timeline;

#[cfg(test)]
mod samples;

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use runtime::trace::Kind;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Core, Failure, admin, names as nfs};
use ladder::Ladder;
use names::Names;
pub(crate) use options::TraceCommand;
use options::{LadderOptions, SbiOptions};
use sbi::SbiWriter;
use source::{Losses, Seen, Sources, Wish};
use subject::Subject;
use timeline::Timeline;

/// Nanoseconds that records wait for earlier ones of other NFs.
const ORDER: u64 = 300_000_000;

/// Nanoseconds that records wait until it is known whose they are: an authentication, which begins with a SUCI.
const ATTRIBUTION: u64 = 2_000_000_000;

/// How often what has waited long enough is taken.
const TICK: Duration = Duration::from_millis(50);

/// Runs the command until Ctrl-C, or as long as it is told to.
pub(crate) fn trace(core: &Core, command: &TraceCommand) -> Result<ExitCode, Failure> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tokio = tokio.map_err(|why| Failure::System("cannot start", why))?;
    tokio.block_on(async {
        match command {
            TraceCommand::Sbi(options) => sbi(core, options).await,
            TraceCommand::Ladder(options) => ladder(core, options).await,
            TraceCommand::Packets(options) => packets::packets(core, options).await,
        }
    })
}

async fn sbi(core: &Core, options: &SbiOptions) -> Result<ExitCode, Failure> {
    let names = Names::of(core);
    let sources = source::all(core, &Wish::new(&[Kind::Sbi], options.secrets)).await?;
    let mut writer = SbiWriter::begin(create(&options.write)?, names.clone()).map_err(unwritable)?;
    let wanted = |seen: &Seen| options.concerns(&names, seen);
    let (hold, subject) = match &options.supi {
        Some(supi) => (ATTRIBUTION, Some(Subject::new(&full_supi(supi)))),
        None => (ORDER, None),
    };
    let mut run = Run::new(sources, Timeline::new(hold, subject), options.seconds)?;
    if let Some(supi) = &options.supi {
        run.timeline.tell(&known(core, &full_supi(supi)));
    }
    eprintln!("peregrine: capturing the service-based interface; Ctrl-C ends it");
    let mut kept = Kept::default();
    let mut take = |seen: Seen| match kept.keeps(&seen, wanted(&seen)) {
        true => writer.write(&seen),
        false => Ok(()),
    };
    let outcome = run.each(&mut take).await;
    let flushed = writer.flush();
    end_of_writing(outcome.and(flushed))?;
    let unmatched = match writer.unmatched {
        0 => String::new(),
        n => format!(", {n} answers to calls from before"),
    };
    eprintln!("peregrine: {} calls written, {} records dropped{unmatched}", writer.written, run.losses.sum());
    Ok(ExitCode::SUCCESS)
}

async fn ladder(core: &Core, options: &LadderOptions) -> Result<ExitCode, Failure> {
    let supi = full_supi(&options.supi);
    let kinds = [Kind::Sbi, Kind::Signalling, Kind::N4];
    let sources = source::all(core, &Wish::new(&kinds, false)).await?;
    let timeline = Timeline::new(ATTRIBUTION, Some(Subject::new(&supi)));
    let mut run = Run::new(sources, timeline, options.seconds)?;
    run.timeline.tell(&known(core, &supi));
    let mut ladder = Ladder::new(Names::of(core), options.last);
    eprintln!("peregrine: watching {supi}; Ctrl-C ends it");
    let print = |lines: String| {
        let mut out = io::stdout().lock();
        out.write_all(lines.as_bytes()).and_then(|()| out.flush())
    };
    let outcome = run.each(&mut |seen| print(ladder.add(&seen))).await;
    end_of_writing(outcome.and_then(|()| print(ladder.finish())))?;
    eprintln!(
        "peregrine: {} arrows in {} procedures, {} records dropped",
        ladder.arrows,
        ladder.procedures,
        run.losses.sum()
    );
    Ok(ExitCode::SUCCESS)
}

/// What the NFs know already of a UE that came before.
fn known(core: &Core, supi: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for nf in ["amf", "smf"] {
        // One that is away, or does not know the UE, has nothing to say.
        if let Ok(answer) = admin::call(&core.directories, nf, "GET", &format!("/trace/keys/{}", nfs::encoded(supi))) {
            let list = answer.json().as_array().cloned().unwrap_or_default();
            keys.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    keys
}

/// Only the digits will do.
fn full_supi(supi: &str) -> String {
    if supi.bytes().all(|b| b.is_ascii_digit()) { format!("imsi-{supi}") } else { supi.to_owned() }
}

/// A trace that runs.
struct Run {
    sources: Sources,
    timeline: Timeline,
    losses: Losses,
    signals: [Signal; 2],
    ends: Option<tokio::time::Instant>,
    /// A session has come about since this was last looked at.
    new_session: bool,
}

impl Run {
    fn new(sources: Sources, timeline: Timeline, seconds: Option<u64>) -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|why| Failure::System("cannot listen for signals", why));
        let signals = [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?];
        let ends = seconds.map(|seconds| tokio::time::Instant::now() + Duration::from_secs(seconds));
        Ok(Self { sources, timeline, losses: Losses::default(), signals, ends, new_session: false })
    }

    /// Gives `take` each record in order, until the end; then what still waits.
    async fn each(&mut self, take: &mut impl FnMut(Seen) -> io::Result<()>) -> io::Result<()> {
        self.each_for(None, take).await.map(drop)
    }

    /// The same, for a time at most, or until a session comes about. Whether there is more to come.
    async fn each_for(
        &mut self,
        time: Option<Duration>,
        take: &mut impl FnMut(Seen) -> io::Result<()>,
    ) -> io::Result<bool> {
        let mut ticks = tokio::time::interval(TICK);
        let pause = time.map(|time| tokio::time::Instant::now() + time);
        loop {
            let ends = self.ends;
            let [interrupt, terminate] = &mut self.signals;
            tokio::select! {
                Some(seen) = self.sources.next() => {
                    self.push(seen);
                    if pause.is_some() && std::mem::take(&mut self.new_session) {
                        return Ok(true);
                    }
                }
                _ = ticks.tick() => {
                    while let Some(seen) = self.timeline.pop(now()) {
                        take(seen)?;
                    }
                }
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                () = until(ends) => break,
                () = until(pause) => return Ok(true),
            }
        }
        while let Some(seen) = self.sources.try_next() {
            self.push(seen);
        }
        while let Some(seen) = self.timeline.pop(u64::MAX) {
            take(seen)?;
        }
        Ok(false)
    }

    fn push(&mut self, seen: Seen) {
        self.new_session |= n4::establishes(&seen);
        if !self.losses.note(&seen) {
            self.timeline.push(seen);
        }
    }
}

async fn until(end: Option<tokio::time::Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// Calls of which the request was wanted: their answers are too.
#[derive(Default)]
struct Kept(std::collections::HashSet<(String, u64)>);

impl Kept {
    fn keeps(&mut self, seen: &Seen, wanted: bool) -> bool {
        use runtime::trace::Shown;
        match &seen.record.shown {
            Shown::Request(call) if wanted => self.0.insert((seen.nf.clone(), call.call)),
            Shown::Response { call, .. } | Shown::Failed { call, .. } => self.0.remove(&(seen.nf.clone(), *call)),
            _ => false,
        }
    }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Opens the file to write, for its owner only: subscribers are named in it. `-` is standard output.
fn create(path: &Path) -> Result<Box<dyn Write>, Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdout()));
    }
    let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path).map_err(unwritable)?;
    Ok(Box::new(BufWriter::new(file)))
}

fn unwritable(why: io::Error) -> Failure {
    Failure::System("cannot write the capture", why)
}

/// A reader that has seen enough (`| head`) is no mistake.
fn end_of_writing(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => Err(unwritable(why)),
        _ => Ok(()),
    }
}
