//! Compares calls over shared memory with calls over HTTP/2 on TCP, between two processes, alternating, and prints the ratios.
//!
//! `cargo run --release -p sbi-transport --example roundtrip [rounds]`

use std::future::ready;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::time::{ClockId, clock_gettime};
use sbi_api::{BoxFuture, Handler, Request, Response};
use sbi_transport::{Endpoint, Limits, Pool, Server, serve};

/// Octets of the body, there and back.
const SIZES: [usize; 3] = [256, 2048, 16_384];

/// Calls at once; with one, both processes sleep between calls.
const DEPTHS: [usize; 3] = [1, 32, 512];

/// Answers with the body, or with the processor time this process has used.
struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'static, Response> {
        let body = match request.uri().path() {
            "/cpu" => processor_time().as_nanos().to_string().into(),
            _ => request.into_body(),
        };
        Box::pin(ready(Response::new(body)))
    }
}

fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}

/// What one series of calls cost.
struct Series {
    /// Of single calls, sorted.
    latencies: Vec<Duration>,
    elapsed: Duration,
    processor: Duration,
}

impl Series {
    fn micros(&self, quantile: f64) -> f64 {
        let place = (self.latencies.len() as f64 * quantile) as usize;
        self.latencies[place.min(self.latencies.len() - 1)].as_secs_f64() * 1e6
    }

    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    fn processor_micros(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.latencies.len() as f64
    }
}

struct Client {
    pool: Pool,
    endpoint: Endpoint,
}

impl Client {
    async fn call(&self, path: &str, body: bytes::Bytes) -> Response {
        let request =
            http::Request::post(path).header("content-type", "application/json").body(body).expect("a request");
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        let endpoints = std::slice::from_ref(&self.endpoint);
        self.pool.call(endpoints, "127.0.0.1:7777", request, deadline).await.expect("an answer")
    }

    /// Processor time of both processes.
    async fn processor(&self) -> Duration {
        let theirs = self.call("/cpu", bytes::Bytes::new()).await.into_body();
        let theirs = std::str::from_utf8(&theirs).ok().and_then(|text| text.parse().ok()).expect("a number");
        processor_time() + Duration::from_nanos(theirs)
    }

    async fn measure(&self, size: usize, depth: usize, calls: usize) -> Series {
        let body = bytes::Bytes::from(vec![b'x'; size]);
        let (started, processor) = (Instant::now(), self.processor().await);
        let lanes = (0..depth).map(async |_| {
            let mut latencies = Vec::with_capacity(calls / depth);
            for _ in 0..calls / depth {
                let begun = Instant::now();
                assert_eq!(self.call("/echo", body.clone()).await.body().len(), size);
                latencies.push(begun.elapsed());
            }
            latencies
        });
        let mut latencies = join_all(lanes).await.concat();
        let elapsed = started.elapsed();
        latencies.sort();
        Series { latencies, elapsed, processor: self.processor().await - processor }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The other process: serves both endpoints until it is killed.
fn serve_both(directory: &str) {
    runtime().block_on(async {
        let shm = Endpoint::Shm(std::path::Path::new(directory).join("shm"));
        let both = [shm, Endpoint::H2(([127, 0, 0, 1], 0).into())];
        let servers = both.map(|endpoint| serve(&endpoint, Arc::new(Echo), Limits::default()).expect("it is free"));
        servers.iter().map(Server::endpoint).for_each(|endpoint| println!("{endpoint}"));
        std::future::pending::<()>().await;
    });
}

fn start_other(directory: &std::path::Path) -> (Child, [Client; 2]) {
    let program = std::env::current_exe().expect("this program");
    let mut child =
        Command::new(program).arg("serve").arg(directory).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let clients = [(); 2].map(|()| {
        let line = lines.next().expect("two lines").expect("readable");
        Client { pool: Pool::new(Limits::default()), endpoint: line.parse().expect("an endpoint") }
    });
    (child, clients)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("serve") {
        return serve_both(&arguments.next().expect("a directory"));
    }
    let rounds: usize = first.and_then(|text| text.parse().ok()).unwrap_or(5);
    let directory = tempfile::tempdir().expect("a directory");
    let (mut child, clients) = start_other(directory.path());
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    println!("{cores} cores, {rounds} rounds, alternating; median of the rounds; both processes on one thread each");
    println!(
        "{:>6} {:>5} {:>9} {:>9} {:>9} {:>10} {:>12}",
        "octets", "depth", "transport", "p50 us", "p99 us", "calls/s", "CPU us/call"
    );
    runtime().block_on(async {
        for size in SIZES {
            for depth in DEPTHS {
                compare(&clients, size, depth, rounds).await;
            }
        }
        for client in &clients {
            println!("{:?}", client.pool.stats());
        }
    });
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}

async fn compare(clients: &[Client; 2], size: usize, depth: usize, rounds: usize) {
    let calls = if depth == 1 { 2000 } else { 10_240 };
    let mut cells = [(); 2].map(|()| (Vec::new(), Vec::new(), Vec::new(), Vec::new()));
    for round in 0..=rounds {
        for (client, cell) in clients.iter().zip(&mut cells) {
            let series = client.measure(size, depth, calls).await;
            if round > 0 {
                cell.0.push(series.micros(0.5));
                cell.1.push(series.micros(0.99));
                cell.2.push(series.rate());
                cell.3.push(series.processor_micros());
            }
        }
    }
    let [shm, h2] = cells.map(|(p50, p99, rate, cpu)| [median(p50), median(p99), median(rate), median(cpu)]);
    for (name, [p50, p99, rate, cpu]) in [("shm", shm), ("h2", h2)] {
        println!("{size:>6} {depth:>5} {name:>9} {p50:>9.1} {p99:>9.1} {rate:>10.0} {cpu:>12.2}");
    }
    let [p50, p99, rate, cpu] = [h2[0] / shm[0], h2[1] / shm[1], shm[2] / h2[2], h2[3] / shm[3]];
    println!("{size:>6} {depth:>5} {:>9} {p50:>8.1}x {p99:>8.1}x {rate:>9.1}x {cpu:>11.1}x", "gain");
}
