# Each target is a line that a person could type. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help setup build demo test interop check bench figures coverage docs install clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: ## install what the tests need, or say how
	scripts/setup.sh test

build: ## build all programs (debug)
	cargo build --workspace --bins

demo: ## build, then run the quick-start network
	scripts/setup.sh build
	cargo build --workspace --bins
	$${CARGO_TARGET_DIR:-target}/debug/lab test topologies/quickstart

test: ## run every test; what was skipped, and why, is printed last
	scripts/test.sh

interop: ## run mcrd beside FRR, with FRR in every role and set of roles
	cargo build --workspace --bins
	for lab in $$(grep -l '^matrix:' topologies/interop-*/lab.yaml); do \
	    $${CARGO_TARGET_DIR:-target}/debug/lab matrix --jobs 2 $$lab || failed=1; \
	done; exit $${failed:-0}

check: ## formatting, lints, tidiness, documentation links, licences
	scripts/check.sh

bench: ## run the benchmarks
	scripts/setup.sh bench
	PATH="$$PATH:$$PWD/.tools/bin" cargo bench --package mcr-benches

figures: ## measure the lab beside its limits: networks, wires, all scenarios
	cargo bench --package mcr-benches --bench lab_figures

coverage: ## line coverage per crate, with its floors
	scripts/coverage.sh

docs: ## write docs/reference and docs/CONFORMANCE.md anew
	cargo build --workspace --bins
	UPDATE_REFERENCE=1 cargo test --quiet --package mcr-tests --test reference --test conformance

install: ## install mcrd, mcrctl, mcrgen and lab into ~/.cargo/bin
	for p in mcrd mcrctl mcrgen lab; do cargo install --locked --path $$p || exit 1; done

clean: ## remove what was built
	cargo clean
