//! A user of `lab` for the tests, and what the system shows of a lab from
//! outside: processes, network namespaces, interfaces and files.

mod apply;
mod by_hand;
mod foreign;
mod kinds;
mod looks;
mod many;
mod trouble;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::panicking;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User as SystemUser, geteuid};
use tempfile::TempDir;

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Routers that are not the project's own, and the variables that name them.
const FOREIGN: [(&str, &str); 2] = [("pimd", "LAB_PIMD"), ("smcrouted", "LAB_SMCROUTED")];

/// Makes each test's names and process arguments its own.
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Someone who uses `lab`, with a home of their own.
pub(crate) struct User {
    home: TempDir,
    program: PathBuf,
    /// setpriv(1) and its options, where the tests run as root and the user
    /// is an ordinary one.
    prefix: Vec<String>,
    tag: String,
}

impl User {
    /// The one that runs the tests, and as root an ordinary one too, each
    /// after the other: all must behave alike.
    pub(crate) fn each(test: &str, body: impl Fn(&User)) {
        body(&User::new(Vec::new()));
        if !geteuid().is_root() {
            return;
        }
        let Ok(Some(nobody)) = SystemUser::from_name("nobody") else {
            let name = format!("{test} (rootless)");
            return mcr_tests::skip(&name, "no user nobody", "make one");
        };
        let prefix = vec![
            "setpriv".to_owned(),
            format!("--reuid={}", nobody.uid),
            format!("--regid={}", nobody.gid),
            "--clear-groups".to_owned(),
        ];
        let user = User::new(prefix);
        user.own(user.home.path());
        let mut probe = user.wrapped("unshare");
        probe.args([
            "--user",
            "--map-root-user",
            "--net",
            "--pid",
            "--fork",
            "true",
        ]);
        if !probe.output().is_ok_and(|output| output.status.success()) {
            let name = format!("{test} (rootless)");
            let enable = "sysctl -w user.max_user_namespaces=10000";
            return mcr_tests::skip(&name, "no user namespaces for ordinary users", enable);
        }
        body(&user);
    }

    fn new(prefix: Vec<String>) -> User {
        let built = mcr_tests::program("lab").unwrap();
        // Other users cannot reach every build folder.
        let home = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = home.path().join("lab");
        fs::copy(built, &program).unwrap();
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        // Processes are found by this number: no other has it.
        let tag = format!("8{:05}{number:02}", std::process::id() % 100_000);
        User {
            home,
            program,
            prefix,
            tag,
        }
    }

    /// Puts the daemon and its control program beside `lab`.
    pub(crate) fn bring_daemon(&self) {
        for name in ["mcrd", "mcrctl", "mcrgen"] {
            let built = mcr_tests::program(name).unwrap();
            fs::copy(built, self.home.path().join(name)).unwrap();
        }
    }

    /// Puts the routers that are not the project's own there too; `None` where
    /// one is missing, and then it is told that `test` did not run.
    pub(crate) fn bring_foreign(&self, test: &str) -> Option<()> {
        for file in ["/usr/lib/frr/pimd", "/usr/lib/frr/zebra"] {
            if !Path::new(file).is_file() {
                mcr_tests::skip(test, "FRR is not installed", "scripts/setup.sh test");
                return None;
            }
        }
        for (name, variable) in FOREIGN {
            let named = std::env::var_os(variable).map(PathBuf::from);
            let program = named.unwrap_or_else(|| Path::new("/usr/sbin").join(name));
            if !program.is_file() {
                let reason = format!("{} is missing", program.display());
                mcr_tests::skip(test, &reason, "scripts/setup.sh test");
                return None;
            }
            fs::copy(program, self.home.path().join(name)).unwrap();
        }
        Some(())
    }

    pub(crate) fn wrapped(&self, program: impl AsRef<Path>) -> Command {
        let words: Vec<PathBuf> = self
            .prefix
            .iter()
            .map(PathBuf::from)
            .chain([program.as_ref().to_owned()])
            .collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(self.home.path());
        // Several users, and tests at once, must not share the place of labs.
        command.env("XDG_RUNTIME_DIR", self.home.path());
        for (name, variable) in FOREIGN {
            let brought = self.home.path().join(name);
            if brought.is_file() {
                command.env(variable, brought);
            }
        }
        command
    }

    /// Gives a folder to the user.
    pub(crate) fn own(&self, folder: &Path) {
        let nobody = SystemUser::from_name("nobody").unwrap();
        if let (false, Some(nobody)) = (self.prefix.is_empty(), nobody) {
            let (uid, gid) = (nobody.uid.into(), nobody.gid.into());
            std::os::unix::fs::chown(folder, Some(uid), Some(gid)).unwrap();
        }
    }

    /// Where commands are run.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// `lab` with these arguments as a shell would write it.
    pub(crate) fn line(&self, arguments: &str) -> String {
        format!("{} {arguments}", self.program.display())
    }

    /// `lab` with these arguments, ready to be started.
    pub(crate) fn lab(&self, arguments: &[&str]) -> Command {
        let mut command = self.wrapped(&self.program);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `lab` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.lab(arguments).output().unwrap()
    }

    /// Runs `lab`, which must end with this status; returns what it printed.
    pub(crate) fn expect(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(
            output.status.code(),
            Some(status),
            "lab {arguments:?}: {text}"
        );
        text
    }

    /// A name for a lab that no other test has.
    pub(crate) fn name(&self, what: &str) -> String {
        format!("{what}-{}", self.tag)
    }

    /// Writes a lab file; `IDLE` in it becomes a command that [`Self::world`]
    /// finds again.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(format!("{name}.yaml"));
        let text = text.replace("IDLE", &format!("exec tail -f /dev/null -s {}", self.tag));
        fs::write(&path, format!("lab: 1\nname: {name}\n{text}")).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Where the user's labs are.
    pub(crate) fn base(&self) -> PathBuf {
        if self.prefix.is_empty() && geteuid().is_root() {
            PathBuf::from("/run/mcr-lab")
        } else {
            self.home.path().join("mcr-lab")
        }
    }

    /// What the system shows of this user's labs.
    pub(crate) fn world(&self) -> World {
        let programs = ["lab", "mcrd"].map(|name| self.home.path().join(name));
        let idle = processes().into_iter();
        let mine = idle.filter(|(_, line)| line.contains(&self.tag));
        let labs = processes().into_iter();
        let labs = labs.filter(|(_, line)| {
            let first = line.first().map(Path::new);
            first.is_some_and(|first| programs.iter().any(|program| program == first))
        });
        let files = fs::read_dir(self.base()).map(|entries| {
            let names = entries.flatten();
            let names = names.filter_map(|entry| entry.file_name().into_string().ok());
            names.filter(|name| name.ends_with(&self.tag)).collect()
        });
        World {
            idle: mine.map(|(pid, _)| pid).collect(),
            labs: labs.map(|(pid, _)| pid).collect(),
            files: files.unwrap_or_default(),
        }
    }

    /// The first process of a lab, until it has ended: on its way there it has
    /// no command line any more.
    fn init(&self, name: &str) -> Option<i64> {
        let state = fs::read(self.base().join(name).join("lab.json")).ok()?;
        let state: serde_json::Value = serde_json::from_slice(&state).ok()?;
        let init = state["init"].as_i64()?;
        let stat = fs::read_to_string(format!("/proc/{init}/stat")).ok()?;
        (!stat.contains(") Z ")).then_some(init)
    }

    /// Waits until nothing of this user's labs runs any more.
    pub(crate) fn wait_for_no_process(&self) {
        let gone = || {
            let world = self.world();
            let inits = world.files.iter().filter_map(|name| self.init(name));
            world.idle.is_empty() && world.labs.is_empty() && inits.count() == 0
        };
        assert!(mcr_tests::eventually(DEADLINE, gone), "{:?}", self.world());
    }

    /// What ended labs left is cleaned away, and nothing else is there. A process
    /// that ends loses its name before it closes its files, and with them the
    /// lock of its lab's directory.
    pub(crate) fn clean(&self, moment: &str) {
        let clean = mcr_tests::eventually(DEADLINE, || {
            self.expect(0, &["clean"]);
            self.world().is_empty()
        });
        assert!(clean, "{moment}: {:?}", self.world());
    }
}

impl Drop for User {
    /// What a failed test left would disturb others, and stay for ever.
    fn drop(&mut self) {
        let left = self.world();
        if left.is_empty() {
            return;
        }
        for name in &left.files {
            self.lab(&["down", name]).output().ok();
        }
        for pid in self.world().labs.into_iter().chain(self.world().idle) {
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
        let gone = mcr_tests::eventually(DEADLINE, || self.world().labs.is_empty());
        self.lab(&["clean"]).output().ok();
        assert!(gone || panicking(), "{:?}", self.world());
    }
}

/// What the system shows of a user's labs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct World {
    /// Processes in nodes.
    pub(crate) idle: BTreeSet<i32>,
    /// Processes of `lab` itself, and of `mcrd`.
    pub(crate) labs: BTreeSet<i32>,
    /// Run directories.
    pub(crate) files: BTreeSet<String>,
}

impl World {
    /// Nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.idle.is_empty() && self.labs.is_empty() && self.files.is_empty()
    }
}

/// All processes with their command lines; zombies have none.
fn processes() -> Vec<(i32, Vec<String>)> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<i32>().ok()
    });
    pids.filter_map(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words = line.split(|byte| *byte == 0);
        let words: Vec<_> = words
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        Some((pid, words))
    })
    .collect()
}

/// Whether any process of the system is in a namespace, has it open or has it
/// mounted. It is given as in `/proc/PID/ns`, like `net:[4026531840]`.
pub(crate) fn shows(namespace: &str) -> bool {
    processes().into_iter().any(|(pid, _)| {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let is =
            |path: PathBuf| fs::read_link(path).is_ok_and(|link| link.as_os_str() == namespace);
        let open = || {
            let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten();
            descriptors
                .flatten()
                .any(|descriptor| is(descriptor.path()))
        };
        let mounted = || {
            let mounts = fs::read_to_string(process.join("mountinfo"));
            mounts.is_ok_and(|mounts| mounts.contains(namespace))
        };
        is(process.join("ns/net")) || open() || mounted()
    })
}

/// The interfaces of the tests' own network namespace, and the names that
/// `ip netns` would list.
pub(crate) fn host_network() -> (BTreeSet<String>, BTreeSet<String>) {
    let names = |path: &str| {
        let entries = fs::read_dir(path).into_iter().flatten();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    (names("/sys/class/net"), names("/run/netns"))
}
