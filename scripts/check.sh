#!/usr/bin/env bash
# What must hold of every commit, tests apart.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build
export PATH="$PATH:$PWD/.tools/bin"
run() { printf "+ %s\n" "$*" >&2; "$@"; }

for component in rustfmt clippy; do
    if ! command -v "cargo-${component/rustfmt/fmt}" >/dev/null; then
        run rustup component add "$component"
    fi
done
run cargo fmt --all --check
run cargo clippy --quiet --workspace --all-targets -- -D warnings
run cargo test --quiet --package mcr-tests \
    --test tidy --test dependencies --test docs_links
RUSTDOCFLAGS="-D warnings" run cargo doc --quiet --workspace --no-deps --document-private-items
if command -v cargo-deny >/dev/null; then
    run cargo deny --log-level error check bans licenses sources
else
    echo "check: cargo-deny is not installed, so licences and sources were not" \
        "checked; type:  cargo install --locked cargo-deny" >&2
fi
echo "check: all is well"
