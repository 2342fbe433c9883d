//! `lab save`: what there is to know of a running lab, in a folder or an archive:
//! its file, what its daemons were given and wrote, and what each node knows.

mod asked;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::running::{Fault, Running, settle};
use crate::args::SaveArgs;
use crate::exit::Exit;
use crate::holder::folders;
use crate::rundir::NodeState;
use asked::Asked;

/// How many questions are asked at a time.
const AT_A_TIME: usize = 16;
/// How long an answer may take: a daemon may be stopped.
const ANSWER_TIME: Duration = Duration::from_secs(20);
/// How often it is looked whether there is one.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The list of all files.
const LIST: &str = "save.json";

/// A file that was saved, as `--json` shows it.
#[derive(Debug, Serialize)]
struct Saved {
    file: PathBuf,
    bytes: u64,
    /// Why it has not all that it should have.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Runs `lab save`.
pub fn run(args: &SaveArgs) -> Exit {
    settle(save(args))
}

fn save(args: &SaveArgs) -> Result<Exit, Fault> {
    let lab = Running::find(args.lab.as_deref())?;
    if args.path.exists() {
        let message = format!("{} is there already", args.path.display());
        let exit = Exit::Usage;
        return Err(Fault::Failed { message, exit });
    }
    let archive = is_archive(&args.path);
    let folder = match archive {
        false => args.path.clone(),
        true => beside(&args.path, &lab.name),
    };
    let saved = collect(&lab, &folder).and_then(|saved| {
        match archive {
            false => {}
            true => pack(&folder, &args.path)?,
        }
        Ok(saved)
    });
    if archive && folder.exists() {
        fs::remove_dir_all(&folder).map_err(Fault::system("remove a folder"))?;
    }
    tell(args, &saved?)
}

fn is_archive(path: &Path) -> bool {
    let name = path.to_string_lossy();
    [".tar", ".tar.gz", ".tgz"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// A folder for an archive, on the same file system.
fn beside(path: &Path, lab: &str) -> PathBuf {
    path.with_file_name(format!("{lab}-save-{}", std::process::id()))
}

fn pack(folder: &Path, archive: &Path) -> Result<(), Fault> {
    let (place, name) = (folder.parent(), folder.file_name());
    let place = place.filter(|place| *place != Path::new(""));
    let mut tar = Command::new("tar");
    tar.arg("-c");
    if archive.extension().is_some_and(|end| end != "tar") {
        tar.arg("-z");
    }
    tar.arg("-f").arg(archive);
    tar.arg("-C").arg(place.unwrap_or(Path::new(".")));
    tar.arg(name.unwrap_or_default()).stdin(Stdio::null());
    let packed = tar.output().map_err(Fault::system("run tar"))?;
    match packed.status.success() {
        true => Ok(()),
        false => Err(Fault::Failed {
            message: format!("tar: {}", String::from_utf8_lossy(&packed.stderr).trim()),
            exit: Exit::Infrastructure,
        }),
    }
}

fn tell(args: &SaveArgs, saved: &[Saved]) -> Result<Exit, Fault> {
    if args.json {
        let text = serde_json::to_string_pretty(saved).map_err(io::Error::from);
        anstream::println!("{}", text.map_err(Fault::system("print as JSON"))?);
        return Ok(Exit::Pass);
    }
    let bytes: u64 = saved.iter().map(|one| one.bytes).sum();
    let path = args.path.display();
    anstream::println!("{path}: {} files, {} kB", saved.len(), bytes.div_ceil(1000));
    let mut problems = saved.iter().filter_map(|one| {
        let problem = one.problem.as_ref()?;
        Some(format!("{}: {problem}", one.file.display()))
    });
    const TOLD: usize = 10;
    for problem in problems.by_ref().take(TOLD) {
        anstream::println!("  {problem}");
    }
    match problems.count() {
        0 => {}
        more => anstream::println!("  and {more} more, in {LIST}"),
    }
    Ok(Exit::Pass)
}

fn collect(lab: &Running, folder: &Path) -> Result<Vec<Saved>, Fault> {
    fs::create_dir_all(folder).map_err(Fault::system("make the folder"))?;
    let mut saved = Vec::new();
    let known = folders(&lab.path);
    for (from, to) in [(known.configs, "configs"), (known.logs, "logs")] {
        copy(&from, &folder.join(to))?;
    }
    let state = serde_json::to_vec_pretty(&lab.state).map_err(io::Error::from);
    let state = state.and_then(|state| fs::write(folder.join("lab.json"), state));
    state.map_err(Fault::system("write lab.json"))?;
    let asked = asked::of_lab(lab).into_iter();
    let nodes = lab.state.nodes.iter();
    let asked: Vec<Asked> = asked.chain(nodes.flat_map(asked::of_node)).collect();
    let mut problems = Vec::new();
    for some in asked.chunks(AT_A_TIME) {
        problems.extend(ask(lab, folder, some)?);
    }
    source(folder)?;
    list(folder, Path::new(""), &problems, &mut saved)?;
    saved.sort_by(|one, other| one.file.cmp(&other.file));
    let text = serde_json::to_string_pretty(&saved).map_err(io::Error::from);
    let text = text.and_then(|text| fs::write(folder.join(LIST), text + "\n"));
    text.map_err(Fault::system("write the list"))?;
    Ok(saved)
}

fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    let copied = fs::create_dir(to).and_then(|()| {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(())
    });
    copied.map_err(Fault::system("copy the lab's files"))
}

/// The lab file as it was read, out of what the lab says of itself.
fn source(folder: &Path) -> Result<(), Fault> {
    let network = fs::read(folder.join(asked::NETWORK)).unwrap_or_default();
    let network: serde_json::Value = serde_json::from_slice(&network).unwrap_or_default();
    let Some(text) = network["file"].as_str() else {
        return Ok(());
    };
    let written = fs::write(folder.join("lab.yaml"), text);
    written.map_err(Fault::system("write lab.yaml"))
}

/// Where what a question's command complains of is, until it is read.
fn errors_of(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".stderr");
    name.into()
}

/// Asks some questions at the same time; returns what went wrong.
fn ask(lab: &Running, folder: &Path, some: &[Asked]) -> Result<Vec<(PathBuf, String)>, Fault> {
    let program = std::env::current_exe().map_err(Fault::system("find this program"))?;
    let mut running = Vec::new();
    for one in some {
        let path = folder.join(&one.file);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        let said = made.and_then(|()| File::create(&path));
        let errors = File::create(errors_of(&path));
        let (said, errors) = said
            .and_then(|said| Ok((said, errors?)))
            .map_err(Fault::system("write what is said"))?;
        let mut command = Command::new(&program);
        command.args(one.command(&lab.name)).stdin(Stdio::null());
        command.stdout(said).stderr(errors);
        running.push((one, command.spawn().map_err(Fault::system("run lab"))?));
    }
    let deadline = Instant::now() + ANSWER_TIME;
    let mut problems = Vec::new();
    for (one, mut child) in running {
        let ended = loop {
            match child.try_wait().map_err(Fault::system("wait for it"))? {
                Some(status) => break Some(status),
                None if Instant::now() < deadline => thread::sleep(LOOK_EVERY),
                None => break None,
            }
        };
        let errors = errors_of(&folder.join(&one.file));
        let said = fs::read_to_string(&errors).unwrap_or_default();
        fs::remove_file(errors).map_err(Fault::system("remove a file"))?;
        match ended {
            Some(status) if status.success() => {}
            Some(status) => {
                let said = said.trim().lines().next_back().unwrap_or("it says nothing");
                problems.push((one.file.clone(), format!("{status}: {said}")));
            }
            None => {
                child.kill().map_err(Fault::system("end a command"))?;
                child.wait().map_err(Fault::system("wait for it"))?;
                let problem = format!("no answer within {} s", ANSWER_TIME.as_secs());
                problems.push((one.file.clone(), problem));
            }
        }
    }
    Ok(problems)
}

fn list(
    folder: &Path,
    within: &Path,
    problems: &[(PathBuf, String)],
    saved: &mut Vec<Saved>,
) -> Result<(), Fault> {
    let entries = fs::read_dir(folder.join(within)).map_err(Fault::system("read the folder"))?;
    for entry in entries {
        let entry = entry.map_err(Fault::system("read the folder"))?;
        let file = within.join(entry.file_name());
        let found = entry.metadata().map_err(Fault::system("look at a file"))?;
        if found.is_dir() {
            list(folder, &file, problems, saved)?;
            continue;
        }
        let problem = problems.iter().find(|(of, _)| *of == file);
        saved.push(Saved {
            bytes: found.len(),
            problem: problem.map(|(_, problem)| problem.clone()),
            file,
        });
    }
    Ok(())
}
