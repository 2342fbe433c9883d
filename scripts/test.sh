#!/usr/bin/env bash
# Runs the whole suite. Arguments go to nextest: scripts/test.sh -p mcrctl
# The exit status is nextest's. A test that cannot run here writes a line to the
# file MCR_SKIPPED, and those lines are printed last.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh test
export PATH="$PATH:$PWD/.tools/bin"
if [ -z "${LAB_PIMD:-}" ] && [ -x .tools/pimd/usr/sbin/pimd ]; then
    export LAB_PIMD="$PWD/.tools/pimd/usr/sbin/pimd"
fi
if [ -z "${LAB_SMCROUTED:-}" ] && [ -x .tools/smcroute/usr/sbin/smcrouted ]; then
    export LAB_SMCROUTED="$PWD/.tools/smcroute/usr/sbin/smcrouted"
fi
export MCR_SKIPPED="${MCR_SKIPPED:-$PWD/target/skipped-tests.txt}"
mkdir -p "$(dirname "$MCR_SKIPPED")"
: >"$MCR_SKIPPED"

# nextest builds a package's own programs only, and tests of other packages
# start them too.
cargo build --workspace --bins
status=0
cargo nextest run --workspace "$@" || status=$?

printf '\n'
if [ -s "$MCR_SKIPPED" ]; then
    printf 'Tests that could not run here (test: reason; how to enable):\n'
    sort -u "$MCR_SKIPPED" | sed 's/^/  /'
else
    printf 'No test was skipped.\n'
fi
exit "$status"
