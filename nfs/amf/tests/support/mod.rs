//! A scripted node with its UEs on one side of the AMF, scripted AUSF, UDM and SMF on the other, all in one process under
//! a clock that tests can turn.
#![allow(dead_code, unreachable_pub, unused_imports)] // each test uses its part, and none is a library

mod home;
mod ladder;
pub mod node;
pub mod play;
pub mod ue;

use std::path::PathBuf;
use std::sync::Arc;

use amf::Config;
use amf::machine::Machine;
use runtime::{Context, Metrics, Network, Rejects, Shutdown};
use sbi_api::ApiRoot;

pub use home::{Fate, Home, SessionScript};
pub use ladder::Ladder;
pub use node::Node;
pub use ue::{Ue, initial, periodic};

/// An AMF among scripted peers.
pub struct Net {
    pub machine: Machine,
    pub home: Arc<Home>,
    pub ladder: Ladder,
    pub metrics: Metrics,
    pub rejects: Rejects,
}

impl Net {
    /// With the default configuration.
    pub fn new() -> Self {
        Self::with(|_, _| ())
    }

    /// With a changed configuration.
    pub fn with(change: impl FnOnce(&mut Config, &mut Network)) -> Self {
        let (mut config, mut network) = (Config::default(), Network::default());
        change(&mut config, &mut network);
        let ladder = Ladder::default();
        let home = Home::new(ladder.clone());
        let (metrics, rejects) = (Metrics::new("amf"), Rejects::default());
        let ctx = Context {
            config,
            network,
            instance_id: uuid::Uuid::from_u128(0xa),
            caller: home.caller(),
            api_root: ApiRoot::http("127.0.0.5:7777"),
            metrics: metrics.clone(),
            rejects: rejects.clone(),
            trace: runtime::trace::Trace::default(),
            shutdown: Shutdown::new(),
            run_dir: PathBuf::new(),
            state_dir: PathBuf::new(),
        };
        let machine = Machine::new(ctx).expect("the configuration is good");
        home.meet(&machine);
        drop(tokio::spawn(keep_up(machine.clone())));
        Self { machine, home, ladder, metrics, rejects }
    }

    /// A node that has set its interface up.
    pub async fn node(&self, id: u32) -> Node {
        let mut node = Node::connect(&self.machine, &self.ladder, id);
        node.ng_setup().await;
        node
    }

    /// The sentences recorded for people.
    pub fn explanations(&self) -> Vec<String> {
        self.rejects.latest(None).into_iter().map(|record| record.reject.to_string()).collect()
    }
}

/// Does what is due at once; for what is due later a test calls [`Machine::handle_timeout`].
async fn keep_up(machine: Machine) {
    loop {
        machine.overdue().await;
        machine.handle_timeout(tokio::time::Instant::now().into_std());
    }
}

/// Lets every task run that can.
pub async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
