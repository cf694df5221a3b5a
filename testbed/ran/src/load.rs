//! `load`: open-loop arrivals of a mix of procedures at a rate for a time.
//!
//! An arrival is due at its time whatever became of those before it, and its latency counts from then: a core that
//! falls behind shows it (no coordinated omission).

use crate::report::Report;
use crate::ue::{Command, Failure, SessionRequest};
use crate::{Ran, UeId};
use indicatif::{ProgressBar, ProgressStyle};
use nas::ie::{Dnn, PduSessionType, SNssai};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What an arrival asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Register,
    Session,
    Ping,
    Release,
    Deregister,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Register, Self::Session, Self::Ping, Self::Release, Self::Deregister];

    const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Session => "session",
            Self::Ping => "ping",
            Self::Release => "release",
            Self::Deregister => "deregister",
        }
    }

    const fn procedure(self) -> &'static str {
        match self {
            Self::Register => "registration",
            Self::Session => "session",
            Self::Ping => "ping",
            Self::Release => "session release",
            Self::Deregister => "deregistration",
        }
    }

    /// The pool a UE comes from, and the one it goes to afterwards.
    const fn pools(self) -> (usize, usize) {
        match self {
            Self::Register => (AWAY, HERE),
            Self::Session => (HERE, ON_LINE),
            Self::Ping => (ON_LINE, ON_LINE),
            Self::Release => (ON_LINE, HERE),
            Self::Deregister => (HERE, AWAY),
        }
    }
}

const AWAY: usize = 0;
const HERE: usize = 1;
const ON_LINE: usize = 2;

/// How much of each kind, written `register=1,session=1,ping=5,release=1,deregister=1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    weights: [u32; 5],
}

/// A mix that is not written as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no part of a mix: write kind=weight with register, session, ping, release or deregister")]
pub struct MixSyntax(String);

impl FromStr for Mix {
    type Err = MixSyntax;

    fn from_str(text: &str) -> Result<Self, MixSyntax> {
        let mut weights = [0; 5];
        for part in text.split(',') {
            let syntax = || MixSyntax(part.to_owned());
            let (name, weight) = part.split_once('=').ok_or_else(syntax)?;
            let at = Kind::ALL.iter().position(|kind| kind.name() == name.trim()).ok_or_else(syntax)?;
            let weight = weight.trim().parse().map_err(|_| syntax())?;
            *weights.get_mut(at).ok_or_else(syntax)? = weight;
        }
        if weights.iter().all(|weight| *weight == 0) {
            return Err(MixSyntax(text.to_owned()));
        }
        Ok(Self { weights })
    }
}

impl Mix {
    /// The kind of the arrival with this number: the weights in smooth turns, the same in every run.
    fn kind(&self, credits: &mut [i64; 5]) -> Kind {
        let total: i64 = self.weights.iter().map(|weight| i64::from(*weight)).sum();
        for (credit, weight) in credits.iter_mut().zip(self.weights) {
            *credit += i64::from(weight);
        }
        let richest = (0..5).max_by_key(|at| credits.get(*at).copied()).unwrap_or(0);
        if let Some(credit) = credits.get_mut(richest) {
            *credit -= total;
        }
        Kind::ALL.get(richest).copied().unwrap_or(Kind::Register)
    }
}

/// What a load run does.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// Arrivals per second.
    pub rate: f64,
    /// For how long.
    pub duration: Duration,
    /// Of what.
    pub mix: Mix,
    /// What the sessions carry.
    pub kind: PduSessionType,
    /// The sessions' data network.
    pub dnn: Option<Dnn>,
    /// The sessions' slice.
    pub slice: Option<SNssai>,
    /// Whom to ping.
    pub ping: Option<IpAddr>,
    /// Whether UEs keep their GUTI and keys over de-registration.
    pub keep_guti: bool,
}

/// UEs by what they are ready for.
#[derive(Default)]
struct Pools([VecDeque<UeId>; 3]);

/// A run of `load`.
#[derive(Clone)]
pub struct Load {
    ran: Arc<Ran>,
    plan: Arc<LoadPlan>,
    report: Report,
    pools: Arc<Mutex<Pools>>,
    quiet: bool,
}

impl Load {
    /// A run over these UEs, all de-registered at first. `quiet` shows no progress.
    pub fn new(ran: Arc<Ran>, plan: LoadPlan, report: Report, quiet: bool) -> Self {
        let mut pools = Pools::default();
        let [away, ..] = &mut pools.0;
        away.extend(ran.ues());
        Self { ran, plan: Arc::new(plan), report, pools: Arc::new(Mutex::new(pools)), quiet }
    }

    /// Runs to the end; returns what the report's `run` holds.
    pub async fn run(&self) -> Value {
        let bar = self.progress();
        let begin = Instant::now();
        let interval = Duration::from_secs(1).div_f64(self.plan.rate.max(0.001));
        let (mut arrivals, mut skipped) = (0u32, 0u32);
        let mut credits = [0; 5];
        let mut tasks = JoinSet::new();
        loop {
            let due = begin + interval * arrivals;
            if due >= begin + self.plan.duration {
                break;
            }
            tokio::time::sleep_until(due.into()).await;
            arrivals += 1;
            let kind = self.plan.mix.kind(&mut credits);
            match self.take(kind) {
                Some(ue) => drop(tasks.spawn(self.clone().serve(kind, ue, due))),
                None => skipped += 1,
            }
            while tasks.try_join_next().is_some() {}
            bar.set_position(u64::from(arrivals));
            bar.set_message(format!("{} under way, {} failed, {skipped} skipped", tasks.len(), self.report.failures()));
        }
        let offered = begin.elapsed();
        while tasks.join_next().await.is_some() {}
        bar.finish_and_clear();
        let rate = |procedure: &str| {
            Duration::from_secs(self.report.successes(procedure)).div_f64(offered.as_secs_f64().max(1e-9)).as_secs_f64()
        };
        json!({
            "rate": self.plan.rate,
            "arrivals": arrivals,
            "skipped": skipped,
            "offered_s": offered.as_secs_f64(),
            "completed_s": begin.elapsed().as_secs_f64(),
            "registrations_per_s": rate("registration"),
        })
    }

    fn progress(&self) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let arrivals =
            Duration::from_secs(1).mul_f64(self.plan.rate.max(0.0) * self.plan.duration.as_secs_f64()).as_secs();
        let bar = ProgressBar::new(arrivals);
        if let Ok(style) = ProgressStyle::with_template("load [{bar:40}] {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar
    }

    fn pools(&self) -> MutexGuard<'_, Pools> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, kind: Kind) -> Option<UeId> {
        self.pools().0.get_mut(kind.pools().0)?.pop_front()
    }

    fn put(&self, pool: usize, ue: UeId) {
        if let Some(pool) = self.pools().0.get_mut(pool) {
            pool.push_back(ue);
        }
    }

    async fn serve(self, kind: Kind, ue: UeId, due: Instant) {
        let outcome = self.carry_out(kind, ue).await.map(|()| due.elapsed());
        let (from, to) = kind.pools();
        self.report.record(kind.procedure(), &outcome);
        let pool = match outcome {
            Ok(_) => to,
            // After a failure the UE may be anywhere: the machine knows.
            Err(_) if self.ran.is_registered(ue).await => {
                if from == AWAY {
                    HERE
                } else {
                    from
                }
            }
            Err(_) => AWAY,
        };
        if pool == AWAY && !self.plan.keep_guti {
            self.ran.forget(ue);
        }
        self.put(pool, ue);
    }

    async fn carry_out(&self, kind: Kind, ue: UeId) -> Result<(), String> {
        let text = |failure: Failure| failure.to_string();
        match kind {
            Kind::Register => self.ran.run(ue, Command::Register).await.map_err(text),
            Kind::Session => {
                let request =
                    SessionRequest { id: 1, kind: self.plan.kind, dnn: self.plan.dnn.clone(), slice: self.plan.slice };
                self.ran.run(ue, Command::Establish(request)).await.map_err(text)
            }
            Kind::Ping => match self.plan.ping {
                None => Err("the mix has pings, but no host to ping was given".into()),
                Some(host) => {
                    let answer = self.ran.ping(ue, 1, host, Duration::from_secs(2)).await;
                    answer.map(|_| ()).map_err(|error| error.to_string())
                }
            },
            Kind::Release => self.ran.run(ue, Command::Release(1)).await.map_err(text),
            Kind::Deregister => self.ran.run(ue, Command::Deregister(false)).await.map_err(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_takes_turns_by_weight() {
        let mix: Mix = "register=2,ping=1".parse().expect("a mix");
        let mut credits = [0; 5];
        let kinds: Vec<_> = (0..6).map(|_| mix.kind(&mut credits)).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Register).count(), 4);
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Ping).count(), 2);
        for wrong in ["", "register", "walk=1", "register=x", "register=0"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }
}
