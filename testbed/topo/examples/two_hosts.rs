//! Two hosts and a link: `cargo run -p topo --example two_hosts`.

use std::error::Error;
use std::net::Ipv4Addr;

use topo::{Host, enter, link};

fn main() -> Result<(), Box<dyn Error>> {
    enter()?;
    let far = Host::new("far")?;
    link((&Host::HERE, Ipv4Addr::new(10, 100, 0, 1)), (&far, Ipv4Addr::new(10, 100, 0, 2)))?;
    let status = far.command("ip").args(["-brief", "address"]).status()?;
    println!("far host: {status}");
    Ok(())
}
