//! What FRR's daemons refuse to read of a user's configuration. Each knows its
//! own commands only, so what one of them refuses may be another's.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

#[cfg(test)]
mod tests;

/// How many seconds a daemon may take to read a file.
const READ_SECONDS: &str = "20";
/// Commands of vtysh, which stand in files that it writes.
const VTYSH: [&str; 2] = ["service integrated-vtysh-config", "username "];

/// The lines of a file that a daemon does not take, by number; the first has 1.
pub(super) fn by(program: &Path, file: &Path, space: &str) -> io::Result<BTreeSet<usize>> {
    // The daemon reads the file, tells what it thinks of it, and ends.
    let mut command = Command::new("timeout");
    command.arg(READ_SECONDS).arg(program).args(["-C", "-f"]);
    command.arg(file).args(["-N", space, "--log", "stdout"]);
    command
        .args(["-P", "0", "-i"])
        .arg(file.with_extension("pid"));
    let told = command.stdin(Stdio::null()).output()?;
    if !told.status.success() {
        let text = String::from_utf8_lossy(&told.stdout) + String::from_utf8_lossy(&told.stderr);
        let last = text.lines().last().unwrap_or("it says nothing").to_owned();
        let status = told.status;
        let reason = format!("{} -C: {status}: {last}", program.display());
        return Err(io::Error::other(reason));
    }
    let told = String::from_utf8_lossy(&told.stdout);
    Ok(told.lines().filter_map(refused).collect())
}

/// FRR 8.4 tells `No such command on config line 7:  ip pim`.
fn refused(line: &str) -> Option<usize> {
    const WHYS: [&str; 3] = [
        "No such command",
        "Ambiguous command",
        "Command returned Incomplete",
    ];
    let (before, after) = line.split_once(" on config line ")?;
    let number = after.split(':').next()?;
    let known = WHYS.iter().any(|why| before.ends_with(why));
    known.then(|| number.parse().ok())?
}

/// What is left for the daemon: lines that are another's become comments.
pub(super) fn without(text: &str, refused: &BTreeSet<usize>) -> String {
    let lines = text.lines().enumerate();
    let kept = lines.map(|(position, line)| match refused.contains(&(position + 1)) {
        true => format!("! not this daemon's: {line}\n"),
        false => format!("{line}\n"),
    });
    kept.collect()
}

/// The lines that no daemon takes, as they are written.
pub(super) fn by_all(text: &str, refused: &[BTreeSet<usize>]) -> Vec<(usize, String)> {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(position, line)| (position + 1, line.to_owned()));
    lines
        .filter(|(number, line)| {
            let vtysh = VTYSH.iter().any(|own| line.trim_start().starts_with(own));
            !vtysh && refused.iter().all(|lines| lines.contains(number))
        })
        .collect()
}
