//! Compiles the shim against the DPDK that pkg-config knows (Debian's and Ubuntu's package `libdpdk-dev`), and links it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/shim.c");
    #[cfg(feature = "dpdk")]
    dpdk::build();
}

#[cfg(feature = "dpdk")]
mod dpdk {
    use std::process::{Command, exit};

    /// The libraries that the shim calls, or the inline functions of the headers do. Drivers are loaded at start.
    const LIBRARIES: [&str; 4] = ["rte_eal", "rte_ethdev", "rte_mbuf", "rte_mempool"];

    pub(super) fn build() {
        let mut build = cc::Build::new();
        build.file("src/shim.c").opt_level(3).warnings(true);
        // They say more than where the headers are: which instructions they need, and what is included before all.
        for flag in pkg_config("--cflags").split_whitespace() {
            match flag.strip_prefix("-I") {
                // As the system's: what they warn of is not ours.
                Some(folder) => build.flag("-isystem").flag(folder),
                None => build.flag(flag),
            };
        }
        build.compile("peregrine_dpdk");
        for flag in pkg_config("--libs-only-L").split_whitespace() {
            println!("cargo:rustc-link-search=native={}", flag.trim_start_matches("-L"));
        }
        for library in LIBRARIES {
            println!("cargo:rustc-link-lib=dylib={library}");
        }
    }

    fn pkg_config(what: &str) -> String {
        let output = Command::new("pkg-config").args([what, "libdpdk"]).output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            eprintln!("DPDK is not installed: scripts/setup libdpdk-dev (from DPDK 22.11)");
            exit(1);
        };
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
