#!/usr/bin/env bash
# Line coverage per crate, of the whole suite and the programs that it starts.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh coverage
export PATH="$PATH:$PWD/.tools/bin"
report=$PWD/target/coverage.json
mkdir -p target

(
    export CARGO_TARGET_DIR=$PWD/target/coverage
    # Workers run as another user and are shut in when they end, so the counters
    # are mapped from a file at start, which every user can make.
    export RUSTFLAGS="${RUSTFLAGS:-} -Cllvm-args=-runtime-counter-relocation"
    eval "$(cargo llvm-cov show-env --sh)"
    cargo llvm-cov clean --workspace
    mkdir -p "$CARGO_TARGET_DIR"
    profiles=$CARGO_TARGET_DIR/profiles
    rm -rf "$profiles" && mkdir -m 1777 "$profiles"
    export LLVM_PROFILE_FILE="$profiles/mcr-%p-%m%c.profraw"
    # A test that fails is told by make test; its lines count all the same.
    scripts/test.sh "$@" || echo "coverage: some tests failed" >&2
    mv "$profiles"/*.profraw "$CARGO_LLVM_COV_TARGET_DIR"
    cargo llvm-cov report --json --summary-only --output-path "$report"
)
cargo run --quiet --package mcr-tests --bin coverage "$report"
