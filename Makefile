# Peregrine: `make demo` shows the core at work, `make test` checks it. `make help` lists the rest.

UES ?= 64
SECONDS_PER_TARGET ?= 60
KILLS ?= 10000
UERANSIM ?=

.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-tshark test-sctp-kernel test-xdp test-dpdk test-kills test-miri fuzz bench ueransim

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: ## install the system packages that are missing
	@scripts/setup

build: setup ## build the programs (target/release)
	cargo build --release --workspace --bins

demo: build ## start the core, a gNB and UES=64 UEs in namespaces, and show registration, sessions and traffic
	target/release/peregrine-demo --ues $(UES)

test: setup ## format, lints, unit, property, conformance and system tests
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo build --workspace --bins
	cargo test --workspace --no-run
	scripts/in-namespace cargo test --workspace --offline

test-tshark: setup ## the captures of `peregrine trace` as Wireshark reads them
	@scripts/setup tshark
	cargo build --workspace --bins
	cargo test --workspace --test tracing --no-run
	scripts/in-namespace cargo test --workspace --offline --test tracing -- --ignored

test-sctp-kernel: ## the SCTP tests on a kernel that has SCTP (user-mode Linux)
	@scripts/setup user-mode-linux busybox-static
	scripts/test-sctp-kernel

test-xdp: ## the AF_XDP port between namespaces, as root: programs are not loaded in user namespaces
	@scripts/setup ethtool
	cargo test --workspace --test tcp -- --include-ignored --exact tcp_passes_past_the_system
	cargo test --workspace --test process -- --include-ignored --exact past_the_system::a_ue_pings_a_host_through_af_xdp

test-dpdk: setup ## lints and tests of the DPDK port, on devices of software between namespaces (feature dpdk)
	@scripts/setup libdpdk-dev pkg-config ethtool
	cargo clippy --workspace --all-targets --features dpdk -- -D warnings
	cargo test --workspace --features dpdk --test dpdk --test tcp --test process --no-run
	scripts/in-namespace cargo test --workspace --features dpdk --offline --test dpdk --test tcp --test process
	cargo test --workspace --features dpdk --test tcp -- --include-ignored --exact tcp_passes_through_devices_past_the_system

test-kills: ## KILLS=10000 processes killed at every step of a shared-memory channel; nothing may be left of them
	PEREGRINE_KILL_CYCLES=$(KILLS) cargo test -p shm --lib -- death_tests
	PEREGRINE_KILL_CYCLES=$(KILLS) cargo test -p sbi-transport --test leaks

test-miri: ## rings, slab and layout of shared memory under Miri (on a nightly toolchain, fetched where it is missing)
	cargo +nightly miri --version || rustup toolchain install nightly --profile minimal --component miri --component rust-src
	PROPTEST_CASES=4 MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test -p shm --lib --target-dir target/miri -- \
		ring_tests slab:: layout:: counts::

fuzz: setup ## every fuzz target for SECONDS_PER_TARGET=60, guided by coverage
	tests/fuzz/run $(SECONDS_PER_TARGET)

bench: build ## the control-plane figures: shared memory against HTTP/2
	target/release/bench control-plane

ueransim: build ## attach a UERANSIM build of yours: UERANSIM=/path/to/build
	@[ -n "$(UERANSIM)" ] || { echo "give the folder with nr-gnb and nr-ue: make ueransim UERANSIM=/path/to/build"; exit 2; }
	@scripts/setup iputils-ping
	testbed/ueransim/run "$(UERANSIM)"
