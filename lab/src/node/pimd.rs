//! The stand-alone pimd. It keeps its files in /run, so each has a /run of its
//! own, which is a folder of the lab's.

mod config;

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::future::LocalBoxFuture;

use super::{NodeError, NodeKind, Place, Programs, Unfit};
use crate::backend::netns::{Child, Process};
use crate::topology::model::OwnConfig;
use crate::topology::router::Router;

/// Names the program where it is not in the system's folders.
const VARIABLE: &str = "LAB_PIMD";
/// Where it is, where it is installed.
const INSTALLED: &str = "/usr/sbin/pimd";
/// The line that installs it.
const ENABLE: &str = "unpack it beside FRR: apt-get download pimd; dpkg -x pimd_*.deb DIR; \
    export LAB_PIMD=DIR/usr/sbin/pimd";

/// A router that runs pimd.
pub(super) struct Pimd<'a> {
    pub(super) router: Option<&'a Router>,
    pub(super) own: Option<&'a OwnConfig>,
}

fn program() -> PathBuf {
    std::env::var_os(VARIABLE).map_or_else(|| INSTALLED.into(), PathBuf::from)
}

impl NodeKind for Pimd<'_> {
    fn check(&self, _programs: &Programs) -> Result<(), Unfit> {
        if program().is_file() {
            return Ok(());
        }
        Err(Unfit::NotInstalled {
            software: "pimd",
            file: program(),
            enable: ENABLE,
        })
    }

    fn configure(&self, place: &Place<'_>) -> Result<(), NodeError> {
        let default = Router::default();
        let text = config::pimd(self.router.unwrap_or(&default));
        let text = OwnConfig::behind(self.own, text);
        let kept = place
            .folders
            .configs
            .join(format!("{}.pimd.conf", place.name));
        let folder = folder(place);
        let read = folder.join("pimd.conf");
        fs::create_dir_all(&folder).map_err(|source| place.file_error(&folder, source))?;
        for path in [kept, read] {
            fs::write(&path, &text).map_err(|source| place.file_error(&path, source))?;
        }
        Ok(())
    }

    fn programs(&self) -> &'static [&'static str] {
        &["pimd"]
    }

    fn start(&self, place: &Place<'_>) -> Result<Vec<Child>, NodeError> {
        super::forget(place, &pid_file(&folder(place)))?;
        let script = "mount --bind \"$1\" /run && shift && exec \"$@\"";
        let mut process = Process::new(["unshare", "--mount", "sh", "-c", script, "sh"]);
        process.argv.push(folder(place).into());
        process.argv.push(program().into());
        for word in ["-f", "-c", "/run/pimd.conf", "-s", "info"] {
            process.argv.push(word.into());
        }
        (process.stdout, process.stderr) = place.to_log()?;
        Ok(vec![place.spawn(process)?])
    }

    /// It writes its process id when its interfaces are set up.
    fn ready<'a>(&'a self, place: &'a Place<'_>) -> LocalBoxFuture<'a, Result<bool, NodeError>> {
        let file = pid_file(&folder(place));
        Box::pin(async move { Ok(file.is_file()) })
    }
}

fn folder(place: &Place<'_>) -> PathBuf {
    place.folders.sockets.join(format!("{}.run", place.name))
}

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("pimd.pid")
}
