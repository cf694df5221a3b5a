//! iceoryx2's request-response with either way it has to learn of a message: looking all the time, or an event.
//! Where it leaves a choice, it is made in its favour: answers come in order, so only the oldest is looked for, one event
//! stands for all that was sent before the sender waits, and there is room for as many calls as there are and no more.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::hint::spin_loop;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use iceoryx2::pending_response::PendingResponse;
use iceoryx2::port::client::Client;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::server::Server;
use iceoryx2::prelude::{
    AllocationStrategy, Config, LogLevel, Node, NodeBuilder, SemanticString, ServiceName, ipc, set_log_level,
};
use iceoryx2::service::port_factory::request_response;

use super::ring::Window;
use super::series::Pattern;
use super::ways::same;
use crate::Failure;

/// How a side learns of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noticing {
    Polling,
    Events,
}

/// Header of a request that is to be answered with its body.
const ECHO: u8 = 1;

/// Header of a request after which the server no longer polls.
const REST: u8 = 2;

/// Octets of a body at most: the largest that is measured by default. Its memory is made once.
const LONGEST: usize = 16 << 10;

type Requests = request_response::PortFactory<ipc::Service, [u8], u8, [u8], ()>;
type Pending = PendingResponse<ipc::Service, [u8], u8, [u8], ()>;

/// The caller's side.
pub(crate) struct Ends {
    noticing: Noticing,
    client: Client<ipc::Service, [u8], u8, [u8], ()>,
    bell: Notifier<ipc::Service>,
    woken: Listener<ipc::Service>,
    _node: Node<ipc::Service>,
}

impl Ends {
    pub(crate) fn connect(folder: &Path, noticing: Noticing) -> Result<Self, Failure> {
        let node = node(folder)?;
        // What the server has made, whatever its window.
        let requests = requests(&node, noticing, 1)?;
        let client = requests.client_builder().initial_max_slice_len(LONGEST);
        let client = client.allocation_strategy(AllocationStrategy::Static).create().map_err(broken)?;
        let (bell, woken) = (notifier(&node, noticing, "asked")?, listener(&node, noticing, "answered")?);
        Ok(Self { noticing, client, bell, woken, _node: node })
    }

    /// Calls of one thread that keeps so many under way.
    pub(crate) fn calls(&self, pattern: Pattern, size: usize, calls: usize) -> Result<Vec<Duration>, Failure> {
        let body = vec![b'x'; size];
        let (mut window, mut pending) = (Window::new(pattern, calls), VecDeque::with_capacity(pattern.callers()));
        let polls = self.noticing == Noticing::Polling;
        if polls {
            self.bell.notify().map_err(broken)?;
        }
        while let Some(stream) = window.next() {
            pattern.pause().into_iter().for_each(std::thread::sleep);
            window.begin(stream);
            pending.push_back((stream, self.send(ECHO, &body)?));
            if window.is_full() && !polls {
                self.bell.notify().map_err(broken)?;
            }
            while window.is_full() {
                self.take(&mut window, &mut pending, size)?;
            }
        }
        if polls {
            drop(self.send(REST, &[])?);
        }
        Ok(window.latencies)
    }

    fn send(&self, header: u8, body: &[u8]) -> Result<Pending, Failure> {
        let mut request = self.client.loan_slice_uninit(body.len()).map_err(broken)?;
        *request.user_header_mut() = header;
        request.write_from_slice(body).send().map_err(broken)
    }

    /// Takes all answers that are there; where none is, waits until there may be one.
    fn take(&self, window: &mut Window, pending: &mut VecDeque<(u32, Pending)>, size: usize) -> Result<(), Failure> {
        let mut taken = false;
        while let Some((stream, oldest)) = pending.front() {
            let Some(answer) = oldest.receive().map_err(broken)? else { break };
            same(answer.payload().len(), size)?;
            window.end(*stream);
            drop(answer);
            pending.pop_front();
            taken = true;
        }
        match self.noticing {
            _ if taken => {}
            Noticing::Polling => spin_loop(),
            Noticing::Events => drop(self.woken.blocking_wait(|_| {}).map_err(broken)?),
        }
        Ok(())
    }
}

/// Answers on a thread of its own for as long as this process lives; back once it can be called.
pub(crate) fn serve(folder: &Path, noticing: Noticing, window: usize) -> Result<(), Failure> {
    let (ready, is_ready) = mpsc::channel();
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        if let Err(failure) = answer(&folder, noticing, window, &ready) {
            eprintln!("bench: iceoryx2: {failure}");
        }
    });
    is_ready.recv().map_err(broken)
}

fn answer(folder: &Path, noticing: Noticing, window: usize, ready: &mpsc::Sender<()>) -> Result<(), Failure> {
    let node = node(folder)?;
    let requests = requests(&node, noticing, window)?;
    let server = requests.server_builder().initial_max_slice_len(LONGEST).max_loaned_responses_per_request(1);
    let server = server.allocation_strategy(AllocationStrategy::Static).create().map_err(broken)?;
    let (woken, bell) = (listener(&node, noticing, "asked")?, notifier(&node, noticing, "answered")?);
    ready.send(()).map_err(broken)?;
    loop {
        woken.blocking_wait(|_| {}).map_err(broken)?;
        match noticing {
            Noticing::Events => {
                answer_all(&server)?;
                bell.notify().map_err(broken)?;
            }
            Noticing::Polling => {
                while answer_all(&server)? {
                    spin_loop();
                }
            }
        }
    }
}

/// Answers what is there. Whether to go on polling.
fn answer_all(server: &Server<ipc::Service, [u8], u8, [u8], ()>) -> Result<bool, Failure> {
    while let Some(request) = server.receive().map_err(broken)? {
        if *request.user_header() == REST {
            return Ok(false);
        }
        let answer = request.loan_slice_uninit(request.payload().len()).map_err(broken)?;
        answer.write_from_slice(request.payload()).send().map_err(broken)?;
    }
    Ok(true)
}

/// Removes what a process that was killed has left in shared memory.
pub(crate) fn clean(folder: &Path) {
    if let Ok(node) = node(folder) {
        node.try_cleanup_dead_nodes();
    }
}

/// Its own files lie in the folder of this measurement, so that no other use of iceoryx2 on this machine is met.
fn node(folder: &Path) -> Result<Node<ipc::Service>, Failure> {
    set_log_level(LogLevel::Error);
    let root = folder.join("iceoryx2");
    let mut config = Config::default();
    config.global.set_root_path(&iceoryx2::prelude::Path::new(root.as_os_str().as_encoded_bytes()).map_err(broken)?);
    NodeBuilder::new().config(&config).create().map_err(broken)
}

fn requests(node: &Node<ipc::Service>, noticing: Noticing, window: usize) -> Result<Requests, Failure> {
    let service = node.service_builder(&name(noticing, "calls")?).request_response::<[u8], [u8]>();
    let service = service.request_user_header::<u8>().max_clients(1).max_servers(1);
    // Its memory, and the time to make it, grow with the product of these.
    let service = service.max_active_requests_per_client(window).max_loaned_requests(1);
    let service = service.max_response_buffer_size(1).max_borrowed_responses_per_pending_response(1);
    service.open_or_create().map_err(broken)
}

fn notifier(node: &Node<ipc::Service>, noticing: Noticing, of: &str) -> Result<Notifier<ipc::Service>, Failure> {
    let event = node.service_builder(&name(noticing, of)?).event().open_or_create().map_err(broken)?;
    event.notifier_builder().create().map_err(broken)
}

fn listener(node: &Node<ipc::Service>, noticing: Noticing, of: &str) -> Result<Listener<ipc::Service>, Failure> {
    let event = node.service_builder(&name(noticing, of)?).event().open_or_create().map_err(broken)?;
    event.listener_builder().create().map_err(broken)
}

fn name(noticing: Noticing, of: &str) -> Result<ServiceName, Failure> {
    format!("{noticing:?}/{of}").as_str().try_into().map_err(broken)
}

fn broken(error: impl Debug) -> Failure {
    Failure::Other(format!("iceoryx2: {error:?}"))
}
