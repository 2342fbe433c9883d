//! smcrouted: static multicast routes.

use std::fs;
use std::path::PathBuf;

use futures_util::future::LocalBoxFuture;

use super::{NodeError, NodeKind, Place, Programs, Unfit};
use crate::backend::netns::{Child, Process};
use crate::topology::model::{OwnConfig, StaticMroute};

/// Names the program where it is not in the system's folders.
const VARIABLE: &str = "LAB_SMCROUTED";
/// Where it is, where it is installed.
const INSTALLED: &str = "/usr/sbin/smcrouted";
/// The line that installs it.
const ENABLE: &str = "apt-get download smcroute; dpkg -x smcroute_*.deb DIR; \
    export LAB_SMCROUTED=DIR/usr/sbin/smcrouted";

/// A router that runs smcrouted.
pub(super) struct Smcroute<'a> {
    pub(super) mroutes: &'a [StaticMroute],
    pub(super) own: Option<&'a OwnConfig>,
}

fn program() -> PathBuf {
    std::env::var_os(VARIABLE).map_or_else(|| INSTALLED.into(), PathBuf::from)
}

impl NodeKind for Smcroute<'_> {
    fn check(&self, _programs: &Programs) -> Result<(), Unfit> {
        if program().is_file() {
            return Ok(());
        }
        Err(Unfit::NotInstalled {
            software: "smcroute",
            file: program(),
            enable: ENABLE,
        })
    }

    fn configure(&self, place: &Place<'_>) -> Result<(), NodeError> {
        let path = file(place);
        let text = OwnConfig::behind(self.own, config(self.mroutes));
        fs::write(&path, text).map_err(|source| place.file_error(&path, source))
    }

    fn programs(&self) -> &'static [&'static str] {
        &["smcrouted"]
    }

    fn start(&self, place: &Place<'_>) -> Result<Vec<Child>, NodeError> {
        let pid = pid_file(place);
        super::forget(place, &pid)?;
        let mut process = Process::new([program()]);
        let socket = place.folders.sockets.join(format!("{}.smc", place.name));
        for (option, value) in [("-f", file(place)), ("-P", pid), ("-u", socket)] {
            process.argv.extend([option.into(), value.into()]);
        }
        // In the foreground, and on no interface that has no `phyint`.
        process.argv.extend(["-n".into(), "-N".into()]);
        (process.stdout, process.stderr) = place.to_log()?;
        Ok(vec![place.spawn(process)?])
    }

    /// It writes its process id when its routes are set.
    fn ready<'a>(&'a self, place: &'a Place<'_>) -> LocalBoxFuture<'a, Result<bool, NodeError>> {
        let file = pid_file(place);
        Box::pin(async move { Ok(file.is_file()) })
    }
}

fn file(place: &Place<'_>) -> PathBuf {
    let name = format!("{}.smcroute.conf", place.name);
    place.folders.configs.join(name)
}

fn pid_file(place: &Place<'_>) -> PathBuf {
    place
        .folders
        .sockets
        .join(format!("{}.smc.pid", place.name))
}

/// The configuration file. The group is joined too, so that routers and
/// snooping bridges upstream send it here.
fn config(mroutes: &[StaticMroute]) -> String {
    let mut interfaces: Vec<&str> = Vec::new();
    let mut lines = String::new();
    for StaticMroute {
        from,
        group,
        source,
        to,
    } in mroutes
    {
        for name in std::iter::once(from).chain(to) {
            if !interfaces.contains(&name.as_str()) {
                interfaces.push(name);
            }
        }
        let source = source.map_or_else(String::new, |source| format!(" source {source}"));
        let to = to.join(" ");
        lines.push_str(&format!(
            "mgroup from {from} group {group}{source}\n\
             mroute from {from} group {group}{source} to {to}\n"
        ));
    }
    let phyints = interfaces
        .iter()
        .map(|name| format!("phyint {name} enable\n"));
    phyints.collect::<String>() + &lines
}

#[cfg(test)]
mod tests;
