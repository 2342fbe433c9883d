#!/usr/bin/env bash
# Sees to it that what one purpose needs is there: installs what this user may
# install, and for the rest prints the line to type.
#
#   scripts/setup.sh build|test|bench|coverage
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-build}
missing=0

say() { printf 'setup: %s\n' "$*" >&2; }

# as_root COMMAND...: runs it as root, where that needs no password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

# package NAME...: Debian packages.
package() {
    say "missing: $*; trying to install"
    if command -v apt-get >/dev/null; then
        local get=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y)
        if as_root "${get[@]}" --no-install-recommends install "$@" >&2 </dev/null \
            || { as_root "${get[@]}" update >&2 </dev/null \
                && as_root "${get[@]}" --no-install-recommends install "$@" >&2 </dev/null; }
        then return 0; fi
        say "could not install; type:  sudo apt-get install $*"
    else
        say "no apt-get here; install with this system's own tool: $*"
    fi
    missing=1
}

# helpful PROGRAM NAME WHY: a package that is only missed by what WHY says.
helpful() {
    if ! PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; then
        local before=$missing
        missing=0
        package "$2"
        if [ "$missing" -ne 0 ]; then say "going on without it: $3"; fi
        missing=$before
    fi
}

# routing: FRR, which plays routers in labs, each in a network namespace. Its
# service is neither started, now or with the machine, nor wanted: as it would
# run in the machine's own namespace.
routing() {
    if [ -x /usr/lib/frr/pimd ] && [ -x /usr/lib/frr/zebra ]; then return 0; fi
    local policy=/usr/sbin/policy-rc.d own
    if [ ! -e $policy ]; then
        own=$(mktemp)
        printf '#!/bin/sh\ncase $1 in frr*) exit 101 ;; esac\n' >"$own"
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
        as_root install -m 755 "$own" $policy || true
        rm -f "$own"
    fi
    helpful vtysh frr "scenarios with FRR are skipped"
    if [ -n "${own:-}" ]; then
        as_root rm -f $policy || true
        trap - EXIT
    fi
    if [ -x /usr/lib/frr/pimd ]; then
        as_root update-rc.d frr disable >&2 || true
    fi
}

# unpacked PROGRAM PACKAGE VARIABLE: another router, taken out of its package
# and put into .tools, for its service is not wanted on this machine, or the
# package cannot be installed beside FRR. scripts/test.sh tells the labs where.
unpacked() {
    local there=/usr/sbin/$1 here=.tools/$2 folder
    if [ -n "${!3:-}" ] || [ -x "$there" ] || [ -x "$here$there" ]; then return 0; fi
    say "missing: $1; trying to unpack it into .tools"
    folder=$(mktemp -d)
    chmod 755 "$folder"
    if command -v apt-get >/dev/null \
        && (cd "$folder" && apt-get -qq download "$2" >&2 </dev/null) \
        && dpkg -x "$folder/$2"_*.deb "$folder/root"
    then
        mkdir -p .tools
        rm -rf "$here"
        mv "$folder/root" "$here"
    else
        say "could not get it; unpack Debian's package and set $3 to its $there"
        say "going on without it: scenarios with $2 are skipped"
    fi
    rm -rf "$folder"
}

# tool PROGRAM CRATE VERSION [FLAG...]: a cargo subcommand, kept in .tools
# where it is not on the system already.
tool() {
    local program=$1 crate=$2 version=$3
    shift 3
    if command -v "$program" >/dev/null || [ -x ".tools/bin/$program" ]; then return 0; fi
    say "missing: $program; building it into .tools, once (a few minutes)"
    if ! cargo install --locked --root .tools --target-dir target/tools \
        --version "$version" "$@" "$crate" </dev/null
    then
        say "could not install; type:  cargo install --locked $crate"
        missing=1
    fi
    rm -rf target/tools
}

rust() {
    if ! command -v cargo >/dev/null; then
        say "missing: cargo; install Rust from https://rustup.rs and open a new shell"
        exit 1
    fi
    local want have
    want=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    have=$(rustc --version | cut -d' ' -f2)
    if [ "$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)" != "$want" ]; then
        say "rustc is $have, and $want or later is needed; type:  rustup update stable"
        exit 1
    fi
}

linker() {
    if ! echo 'int main(void){return 0;}' | cc -x c -o /dev/null - 2>/dev/null; then
        package gcc libc6-dev
    fi
}

rust
linker
case $purpose in
build) ;;
test)
    PATH="$PATH:/usr/sbin:/sbin" command -v ip >/dev/null || package iproute2
    tool cargo-nextest cargo-nextest 0.9.151 --debug \
        --no-default-features --features default-no-update
    helpful setcap libcap2-bin "a test of file capabilities is skipped"
    for wrap in strace valgrind gdbserver gdb; do
        helpful $wrap $wrap "a test of \`wrap\` is skipped"
    done
    helpful perf linux-perf "a test of \`wrap\` is skipped"
    helpful chromium chromium "the HTML report is not tested in a browser"
    routing
    unpacked pimd pimd LAB_PIMD
    unpacked smcrouted smcroute LAB_SMCROUTED
    ;;
bench)
    PATH="$PATH:/usr/sbin:/sbin" command -v ip >/dev/null || package iproute2
    helpful socat socat "the relay is not compared with it"
    helpful valgrind valgrind "instructions cannot be counted"
    # The runner and the library must be of one version.
    tool gungraun-runner gungraun-runner \
        "$(sed -n '/^name = "gungraun"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)"
    ;;
coverage)
    "$0" test
    if ! compgen -G "$(rustc --print sysroot)/lib/rustlib/*/bin/llvm-profdata" >/dev/null; then
        say "missing: llvm-tools; trying to install"
        if ! rustup component add llvm-tools; then
            say "could not install; type:  rustup component add llvm-tools"
            missing=1
        fi
    fi
    tool cargo-llvm-cov cargo-llvm-cov 0.9.1
    ;;
*)
    say "unknown purpose: $purpose (build, test, bench or coverage)"
    exit 2
    ;;
esac
exit $missing
