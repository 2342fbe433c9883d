//! Where a test runs: in new network, mount and PID namespaces, inside a user
//! namespace where the caller is not root. All of it ends with the test, also
//! with one that is killed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const INSIDE: &str = "MCR_TEST_WORLD";

/// What a world is made by: before the test runs, /run is its own, and the
/// three networks `src` - `r` - `dst` exist.
const SET_UP: &str = r#"
set -e
mount -t tmpfs none /run
mkdir -p /run/netns
for n in src r dst; do
    ip netns add $n
    ip -n $n link set lo up
done
ip link add in0 netns r type veth peer name e0 netns src
ip link add out0 netns r type veth peer name e0 netns dst
ip -n r addr add 10.0.0.1/24 dev in0
ip -n r addr add 10.0.1.1/24 dev out0
ip -n src addr add 10.0.0.2/24 dev e0
ip -n dst addr add 10.0.1.2/24 dev e0
for n in src dst; do
    ip -n $n link set e0 up
    ip -n $n route add 224.0.0.0/4 dev e0
done
ip -n r link set in0 up
ip -n r link set out0 up
exec "$@"
"#;

/// Runs `body` in a world of its own, or records why it cannot be had. `test`
/// is the test's full name.
pub(crate) fn in_world(test: &str, body: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        body();
        return;
    }
    enter(test, is_root());
}

/// As [`in_world`], for what only real root can show.
pub(crate) fn in_world_of_root(test: &str, body: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        body();
    } else if is_root() {
        enter(test, true);
    } else {
        mcr_tests::skip(test, "it needs root", "run the tests with sudo");
    }
}

/// As [`in_world`], in a user namespace even for root.
pub(crate) fn in_user_world(test: &str, body: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        body();
    } else {
        enter(test, false);
    }
}

fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

fn unshare(root: bool) -> Command {
    let mut command = Command::new("unshare");
    if !root {
        command.args(["--user", "--map-root-user"]);
    }
    command.args([
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    command
}

fn enter(test: &str, root: bool) {
    for (program, package) in [("unshare", "util-linux"), ("ip", "iproute2")] {
        if Command::new(program).arg("-V").output().is_err() {
            mcr_tests::skip(
                test,
                &format!("there is no program '{program}'"),
                &format!("apt install {package}"),
            );
            return;
        }
    }
    let probe = unshare(root).arg("true").output().unwrap();
    if !probe.status.success() {
        mcr_tests::skip(
            test,
            "no user namespace can be made here",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run with sudo",
        );
        return;
    }
    let status = unshare(root)
        .args(["sh", "-c", SET_UP, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(
        status.success(),
        "{test} failed in its namespaces: {status}"
    );
}

/// Runs `ip` with these words.
pub(crate) fn ip(words: &str) {
    let output = Command::new("ip")
        .args(words.split_whitespace())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "ip {words}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A path in the world's own file system.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new("/run").join(name)
}

/// Makes something, such as a socket, inside a network.
pub(crate) fn inside<T: Send>(network: &str, make: impl FnOnce() -> io::Result<T> + Send) -> T {
    let path = Path::new("/run/netns").join(network);
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                mcr_sys::privilege::enter_network_namespace(&path)?;
                make()
            })
            .join()
            .unwrap()
            .unwrap()
    })
}
