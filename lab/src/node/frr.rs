//! FRR: zebra, its pimd and where it is asked for its ospfd, each router with a
//! path space of its own.
//!
//! `-N NAME` puts the sockets into /var/run/frr/NAME, which is the lab's own
//! /run. Both daemons give up root for the user frr; where the lab runs
//! without root there is one user only, and a passwd in which frr is that user
//! is laid over the system's, inside the lab.

pub mod ask;
mod config;
pub mod more;
pub(super) mod ospf;
mod refused;
pub mod state;

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use futures_util::future::LocalBoxFuture;
use nix::mount::{MsFlags, mount};
use nix::unistd::{Group, User};

use super::{NodeError, NodeKind, Place, Programs, Unfit, terminate};
use crate::backend::netns::{Child, Process};
use crate::topology::model::{Ospf, OwnConfig};
use crate::topology::router::Router;

/// Where Debian and others put the daemons.
const DAEMONS: &str = "/usr/lib/frr";
/// Where the path spaces are.
const SPACES: &str = "/var/run/frr";
/// The line that installs it.
const ENABLE: &str = "sudo apt-get install frr";

/// A router that runs FRR.
pub(super) struct Frr<'a> {
    pub(super) router: Option<&'a Router>,
    pub(super) own: Option<&'a OwnConfig>,
    pub(super) ospf: Option<&'a Ospf>,
}

impl NodeKind for Frr<'_> {
    fn check(&self, _programs: &Programs) -> Result<(), Unfit> {
        installed(self.programs())
    }

    fn configure(&self, place: &Place<'_>) -> Result<(), NodeError> {
        let default = Router::default();
        let router = self.router.unwrap_or(&default);
        let folder = space(place.name);
        prepare(&folder, &place.folders.sockets)
            .map_err(|source| place.file_error(&folder, source))?;
        let mut own = match self.own {
            Some(own) => self.own_lines(place, own)?,
            None => Vec::new(),
        }
        .into_iter();
        let instead = self.own.is_some_and(|own| own.instead);
        let ospf = self.ospf.map(|ospf| ospf::config(place.name, ospf));
        let files = [
            Some(("zebra", config::zebra(place.name))),
            ospf.map(|text| ("ospfd", text)),
            Some(("pimd", config::pimd(place.name, router))),
        ];
        for (daemon, generated) in files.into_iter().flatten() {
            let own = own.next().unwrap_or_default();
            let path = config_file(place, daemon);
            let text = if instead { own } else { generated + &own };
            fs::write(&path, text).map_err(|source| place.file_error(&path, source))?;
        }
        Ok(())
    }

    fn programs(&self) -> &'static [&'static str] {
        match self.ospf {
            Some(_) => &["zebra", "ospfd", "pimd"],
            None => &["zebra", "pimd"],
        }
    }

    fn start(&self, place: &Place<'_>) -> Result<Vec<Child>, NodeError> {
        let processes = processes(place, self.programs())?;
        let processes = processes.into_iter().map(|mut process| {
            (process.stdout, process.stderr) = place.to_log()?;
            place.spawn(process)
        });
        processes.collect()
    }

    /// Both answer, and PIM has an address on every interface that is to have
    /// it.
    fn ready<'a>(&'a self, place: &'a Place<'_>) -> LocalBoxFuture<'a, Result<bool, NodeError>> {
        let name = place.name;
        Box::pin(async move {
            if ask::daemon(name, "zebra", "show version").await.is_err() {
                return Ok(false);
            }
            // No answer yet is the ordinary case right after the start.
            let Ok(interfaces) = ask::interfaces(name).await else {
                return Ok(false);
            };
            let wanted = self.router.into_iter().flat_map(|router| &router.pim);
            // Where PIM runs is in the file then.
            let known = !self.own.is_some_and(|own| own.instead);
            let wanted = wanted.filter(|_| known);
            Ok(wanted.into_iter().all(|wanted| {
                let found = interfaces.iter().find(|one| one.name == wanted.name);
                found.is_some_and(|one| one.up && one.address.is_some())
            }))
        })
    }

    fn stop<'a>(
        &'a self,
        place: &'a Place<'_>,
        child: &'a Child,
    ) -> LocalBoxFuture<'a, Result<(), NodeError>> {
        Box::pin(terminate(place, child))
    }
}

impl Frr<'_> {
    /// What each daemon reads of the user's file.
    fn own_lines(&self, place: &Place<'_>, own: &OwnConfig) -> Result<Vec<String>, NodeError> {
        let whole = place
            .folders
            .configs
            .join(format!("{}.frr.conf", place.name));
        let failed = |source| place.file_error(&whole, source);
        fs::write(&whole, &own.text).map_err(failed)?;
        let mut refused = Vec::new();
        for daemon in self.programs() {
            let program = Path::new(DAEMONS).join(daemon);
            refused.push(refused::by(&program, &whole, place.name).map_err(failed)?);
        }
        let lines = refused::by_all(&own.text, &refused);
        if !lines.is_empty() {
            return Err(NodeError::Refused {
                node: place.name.to_owned(),
                file: own.file.clone(),
                lines,
            });
        }
        let left = refused.iter();
        let left = left.map(|refused| refused::without(&own.text, refused));
        Ok(left.collect())
    }
}

fn installed(daemons: &[&str]) -> Result<(), Unfit> {
    for daemon in daemons {
        let file = Path::new(DAEMONS).join(daemon);
        if !file.is_file() {
            return Err(Unfit::NotInstalled {
                software: "FRR",
                file,
                enable: ENABLE,
            });
        }
    }
    Ok(())
}

/// These daemons, of which the first is zebra.
fn processes(place: &Place<'_>, daemons: &[&str]) -> Result<Vec<Process>, NodeError> {
    let socket = space(place.name).join("zserv.api");
    super::forget(place, &socket)?;
    // One that finds no zebra tries again only seconds later.
    let wait = format!(
        "n=0; until [ -S {0} ] || [ $n -ge 1000 ]; do n=$((n+1)); sleep 0.01; done; \
         exec \"$@\"",
        socket.display()
    );
    let all = daemons.iter().enumerate().map(|(position, name)| {
        let program = daemon(place, name);
        match position {
            0 => program,
            _ => {
                let mut waits = Process::new(["sh", "-c", wait.as_str(), "sh"]);
                waits.argv.extend(program.argv);
                waits
            }
        }
    });
    Ok(all.collect())
}

/// A router's path space.
#[must_use]
pub fn space(name: &str) -> PathBuf {
    Path::new(SPACES).join(name)
}

fn config_file(place: &Place<'_>, daemon: &str) -> PathBuf {
    let name = format!("{}.{daemon}.conf", place.name);
    place.folders.configs.join(name)
}

fn daemon(place: &Place<'_>, daemon: &str) -> Process {
    let mut process = Process::new([Path::new(DAEMONS).join(daemon)]);
    process.argv.extend(["-N".into(), place.name.into()]);
    // The path space is frr's own: of the lab's folders it may write to none.
    let pid = space(place.name).join(format!("{daemon}.pid"));
    process.argv.extend(["-i".into(), pid.into()]);
    process
        .argv
        .extend(["-f".into(), config_file(place, daemon).into()]);
    // No vty over TCP.
    process.argv.extend(["-P".into(), "0".into()]);
    process.argv.extend(["--log".into(), "stdout".into()]);
    process
}

/// Makes a path space that the daemons may write to.
fn prepare(folder: &Path, files: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    let (user, group) = owner()?;
    match chown(folder, Some(user), Some(group)) {
        // An id that this user namespace does not know.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => alone(files),
        owned => owned,
    }
}

fn owner() -> io::Result<(u32, u32)> {
    let user = User::from_name("frr")?;
    let group = Group::from_name("frr")?;
    match (user, group) {
        (Some(user), Some(group)) => Ok((user.uid.as_raw(), group.gid.as_raw())),
        (_, _) => Err(io::Error::other(
            "there is no user `frr`, which FRR runs as",
        )),
    }
}

/// Makes frr and frrvty other names of the one user there is.
fn alone(files: &Path) -> io::Result<()> {
    for (name, users) in [
        ("passwd", &["frr:x:0:0::/:/bin/false"][..]),
        ("group", &["frr:x:0:", "frrvty:x:0:"][..]),
    ] {
        let system = Path::new("/etc").join(name);
        let old = fs::read_to_string(&system)?;
        let old = old.lines().filter(|line| !line.starts_with("frr"));
        let lines: Vec<&str> = old.chain(users.iter().copied()).collect();
        let file = files.join(format!("frr.{name}"));
        fs::write(&file, lines.join("\n") + "\n")?;
        let none: Option<&str> = None;
        mount(Some(&file), &system, none, MsFlags::MS_BIND, none)?;
    }
    Ok(())
}
